"""Which of several rules decides where all apply: one rule for limits and margins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

__all__ = ["most_specific"]


class Restricted(Protocol):
    """What applies under some conditions only."""

    @property
    def specificity(self) -> int:
        """How many keys restrict it."""
        ...


Rule = TypeVar("Rule", bound=Restricted)


def most_specific(applying: Sequence[Rule]) -> Rule | None:
    """Return the rule with most keys, of equals the last; None if there is none."""
    return max(reversed(applying), key=lambda rule: rule.specificity, default=None)
