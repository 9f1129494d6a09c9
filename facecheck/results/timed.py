"""What was timed, round by round, beside a reference kernel: ratios can be compared between runs, seconds cannot."""

from __future__ import annotations

from dataclasses import dataclass

from facecheck.results.conditions import Conditions

__all__ = ["Timed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """The rounds of one timing.

    Args:
        model: name of the recogniser.
        dataset: name of the data set.
        conditions: stage and batch.
        seconds: of each round.
        reference: seconds of each round of the reference kernel, before and after.
    """

    model: str
    dataset: str
    conditions: Conditions
    seconds: tuple[float, ...]
    reference: tuple[float, ...]
