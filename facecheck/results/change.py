"""What became of a model since its baseline, as values that a run keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from facecheck.results.conditions import Conditions

__all__ = [
    "Against",
    "Change",
    "ChangeOutcome",
    "Difference",
    "Flips",
    "SameFunction",
    "Slower",
    "telling_flips",
    "worst_of",
]

_TELLING = 6  # changes of a model whose pairs are shown

ChangeOutcome = Literal["worse", "incomparable", "undecided", "not worse", "better", "identical", "not measured"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """Pairs that the two versions judge differently.

    Args:
        negative: that the approved version judged correctly and this one does not.
        positive: the reverse.
        pairs: of all.
        worst: names of both images and the two similarities, those that changed most first.
    """

    negative: int
    positive: int
    pairs: int
    worst: tuple[tuple[str, str, float | None, float | None], ...] = ()

    @property
    def negative_rate(self) -> float:
        """Share of all pairs that broke."""
        return self.negative / self.pairs if self.pairs else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One metric under one condition, this run against the baseline.

    Args:
        dataset: name of the data set.
        name: of the metric.
        conditions: that it was measured under.
        outcome: see :mod:`facecheck.comparison.between_runs`.
        before: value of the baseline, None where the case could not be compared.
        after: value of the run, likewise.
        gain: improvement, negative for a loss, whatever the metric's direction.
        low: end of the simultaneous interval of the gain.
        high: end of the simultaneous interval of the gain.
        margin: loss that is tolerated.
        p: one-sided probability of so large a loss beyond the margin, corrected over all cases (max-T).
        p_holm: the same, corrected by Holm.
        people: that the pairs concern.
        people_needed: roughly how many would decide, None where it is decided.
        flips: pairs that changed sides, None for metrics over all thresholds.
        reason: why the case is incomparable; empty otherwise.
    """

    dataset: str
    name: str
    conditions: Conditions
    outcome: ChangeOutcome
    before: float | None = None
    after: float | None = None
    gain: float = 0.0
    low: float = 0.0
    high: float = 0.0
    margin: float = 0.0
    p: float = 1.0
    p_holm: float = 1.0
    people: int = 0
    people_needed: int | None = None
    flips: Flips | None = None
    reason: str = ""

    @property
    def is_of_flips(self) -> bool:
        """Whether the pairs that broke are judged by themselves, whatever was gained elsewhere."""
        return self.name == "negative_flip_rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that is not the same in the two runs: what is judged, or what makes a case incomparable.

    Args:
        key: what differs, such as ``weights`` or ``contract mean``.
        before: in the baseline.
        after: in the run.
    """

    key: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SameFunction:
    """The vectors of the run against those of the baseline on the same fixed crops.

    Args:
        verdict: ``identical``, ``same`` (within numeric noise), ``another``, or ``unknown``.
        apart: largest difference of two numbers, as a fraction of the largest number; None if unknown.
        noises: the same in units of what other batch sizes do to the numbers of this network.
        cosine: smallest of all crops, None if unknown.
        reason: why it is unknown.
    """

    verdict: Literal["identical", "same", "another", "unknown"]
    apart: float | None = None
    noises: float | None = None
    cosine: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slower:
    """One timing against the baseline's, both as multiples of a reference kernel on the same machine.

    Args:
        dataset: name of the data set.
        conditions: stage and batch.
        outcome: as of other changes.
        ratio: median of the run over that of the baseline; above 1 is slower. None if it cannot be said.
        p: one-sided probability of ranks that say so clearly that it is slower by more than the margin.
        margin: share by which it may be slower.
        rounds: of the baseline and of the run.
        reason: why it cannot be compared; empty otherwise.
    """

    dataset: str
    conditions: Conditions
    outcome: ChangeOutcome
    ratio: float | None = None
    p: float = 1.0
    margin: float = 0.0
    rounds: tuple[int, int] = (0, 0)
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """A model of a run against the baseline of its line.

    Args:
        model: name of the recogniser in the run.
        line: that both belong to.
        baseline: what was compared with, in words: run, approval, place.
        red: outcomes that make the run red.
        changes: every case.
        differences: what is not the same and is being judged.
        function: whether the network computes the same.
        timings: against those of the baseline.
        notes: what a person should know, such as that the baseline has grown old.
    """

    model: str
    line: str
    baseline: str
    red: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    differences: tuple[Difference, ...] = ()
    function: SameFunction | None = None
    timings: tuple[Slower, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def harms(self) -> tuple[Change, ...]:
        """The changes that make the run red."""
        return tuple(change for change in self.changes if _colour(change) in self.red)

    @property
    def delays(self) -> tuple[Slower, ...]:
        """The timings that make the run red."""
        return tuple(each for each in self.timings if each.outcome == "worse" and "slower" in self.red)

    @property
    def is_red(self) -> bool:
        """Whether the run must not be green."""
        return bool(self.harms or self.delays)

    def as_json(self) -> dict[str, Any]:
        """Return plain values; conditions without their empty keys."""
        content: dict[str, Any] = msgspec.to_builtins(self)
        for entry, change in zip(content["changes"], self.changes, strict=True):
            entry["conditions"] = change.conditions.as_json()
        for entry, timing in zip(content["timings"], self.timings, strict=True):
            entry["conditions"] = timing.conditions.as_json()
        return content


def telling_flips(against: Against) -> list[Change]:
    """Return the changes whose pairs are shown, those that matter most first, none with the pairs of another."""
    told: dict[object, Change] = {}
    changed = [c for c in against.changes if c.outcome in ("worse", "better", "undecided") and worst_of(c)]
    for change in sorted(changed, key=lambda c: (c.outcome != "worse", c.conditions.is_swept, c.gain)):
        told.setdefault((change.dataset, worst_of(change)), change)
    return list(told.values())[:_TELLING]


def worst_of(change: Change) -> tuple[tuple[str, str, float | None, float | None], ...]:
    """Return the pairs that changed most: both names, and what was and is."""
    return () if change.flips is None else change.flips.worst


def _colour(change: Change) -> str:
    return "flips" if change.is_of_flips and change.outcome == "worse" else change.outcome
