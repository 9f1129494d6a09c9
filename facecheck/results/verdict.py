"""Promises, and how measurements kept them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from facecheck.results.conditions import ANY, Conditions
from facecheck.results.measurement import Measurement

__all__ = ["Judgement", "Limit", "Outcome", "Verdict"]

Outcome = Literal["passed", "failed", "unjudged", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A promise about measurements of one name.

    Args:
        eval: the eval that it belongs to.
        name: of the measurement.
        bound: the value that must be reached, or must not be exceeded.
        upper: True if values above the bound fail, False if values below do.
        why: the reason for the number.
        model: that it applies to, None for any.
        dataset: that it applies to, None for any.
        where: conditions under which it applies.
    """

    eval: str
    name: str
    bound: float
    upper: bool
    why: str
    model: str | None = None
    dataset: str | None = None
    where: Conditions = ANY

    def applies_to(self, measurement: Measurement) -> bool:
        """Whether the promise is about that measurement."""
        return (
            (self.eval, self.name) == (measurement.eval, measurement.name)
            and self.model in (None, measurement.model)
            and self.dataset in (None, measurement.dataset)
            and measurement.conditions.matches(self.where)
        )

    @property
    def specificity(self) -> int:
        """How many keys restrict it."""
        return len(self.where) + (self.model is not None) + (self.dataset is not None)

    def kept_by(self, value: float) -> bool:
        """Whether a value keeps the promise; NaN does not."""
        return value <= self.bound if self.upper else value >= self.bound

    def margin(self, value: float) -> float:
        """Return the distance of a value from the bound, negative where the promise is broken."""
        return self.bound - value if self.upper else value - self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One measurement against the limit that applies to it.

    Args:
        measurement: what was measured.
        outcome: ``unjudged`` where no limit applies.
        reason: in words.
        limit: the promise, None if nobody has made one.
        margin: distance from the bound, negative where it is missed; None without a limit.
    """

    measurement: Measurement
    outcome: Outcome
    reason: str
    limit: Limit | None = None
    margin: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome of a case, with a reason that a person can act on.

    Args:
        outcome: ``passed``, ``failed``, ``unjudged`` (nobody has promised anything) or ``skipped``.
        reason: in words, a line a judgement.
        judgements: what it rests on.
        eval: name of the eval.
        case: pytest's name of the case.
    """

    outcome: Outcome
    reason: str
    judgements: tuple[Judgement, ...] = ()
    eval: str = ""
    case: str = ""

    def __repr__(self) -> str:
        """Return the outcome alone: an assertion's message has the reason, and need not hold it twice."""
        return f"<Verdict: {self.outcome}>"

    @property
    def passed(self) -> bool:
        """Whether every promise was kept."""
        return self.outcome == "passed"

    @classmethod
    def of(cls, judgements: Iterable[Judgement]) -> Verdict:
        """Return the verdict on several judgements: failed if one is, else unjudged if one is, else passed.

        Its reason names those that decided it.
        """
        whole = tuple(judgements)
        outcomes = {judgement.outcome for judgement in whole}
        outcome: Outcome = next((o for o in _WORST_FIRST if o in outcomes), "unjudged")
        reason = "\n".join(judgement.reason for judgement in whole if judgement.outcome == outcome)
        return cls(outcome=outcome, reason=reason, judgements=whole)


_WORST_FIRST: tuple[Outcome, ...] = ("failed", "unjudged", "passed")
