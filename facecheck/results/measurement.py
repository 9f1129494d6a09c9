"""One number with everything that it depends on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from facecheck.metrics.intervals import Estimate
from facecheck.results.catalogue import METRICS
from facecheck.results.conditions import ANY, Conditions
from facecheck.results.evidence import Evidence

__all__ = ["Findings", "Measured", "Measurement", "Measurements"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured of one model on one data set, before an eval records it.

    Args:
        name: of the metric, a key of ``METRICS``.
        estimate: the value with its interval.
        conditions: what it was measured under.
        scores: names of the files of scores that it came from: the first holds the similarities, the last the
            thresholds; none if it came from no scores.
    """

    name: str
    estimate: Estimate
    conditions: Conditions = ANY
    scores: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One number with everything that it depends on.

    Args:
        eval: name of the eval.
        name: of the metric, a key of ``METRICS``.
        value: measured.
        low: end of the 95 % interval.
        high: end of the 95 % interval.
        n: observations.
        model: name of the recogniser.
        dataset: name of the data set.
        conditions: what it was measured under.
        scores: names of the files of scores that it came from, as in :class:`Measured`.
    """

    eval: str
    name: str
    value: float
    low: float
    high: float
    n: int
    model: str
    dataset: str
    conditions: Conditions = ANY
    scores: tuple[str, ...] = ()

    @classmethod
    def of(cls, measured: Measured, *, eval_name: str, model: str, dataset: str) -> Measurement:
        """Return the measurement that an eval made of a model on a data set."""
        return cls(
            **measured.estimate._asdict(),
            eval=eval_name,
            name=measured.name,
            model=model,
            dataset=dataset,
            conditions=measured.conditions,
            scores=measured.scores,
        )

    @property
    def estimate(self) -> Estimate:
        """The value with its interval."""
        return Estimate(self.value, self.low, self.high, self.n)

    def as_json(self) -> dict[str, object]:
        """Return the entry of ``results.json``."""
        metric = METRICS[self.name]
        return {
            "eval": self.eval,
            "name": self.name,
            **self.estimate._asdict(),
            "model": self.model,
            "dataset": self.dataset,
            "conditions": self.conditions.as_json(),
            "scores": list(self.scores),
            "unit": metric.unit,
            "better": metric.better,
        }


@dataclass(frozen=True, slots=True)
class Measurements:
    """Measurements of one model on one data set, to choose from.

    >>> from facecheck.results.conditions import DEPLOYED
    >>> about = {"eval": "blur", "low": 0.9, "high": 1.0, "n": 10, "model": "dlib", "dataset": "faces"}
    >>> found = Measurements((Measurement(name="accuracy", value=0.95, conditions=DEPLOYED, **about),))
    >>> found.named("accuracy", where=DEPLOYED)[0].value
    0.95
    """

    items: tuple[Measurement, ...]

    def __iter__(self) -> Iterator[Measurement]:
        """Yield them in the order in which they were made."""
        return iter(self.items)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.items)

    def named(self, *names: str, where: Conditions = ANY) -> tuple[Measurement, ...]:
        """Return those of some metrics, made under some conditions.

        Args:
            names: of metrics.
            where: conditions that must hold.
        """
        return tuple(m for m in self.items if m.name in names and m.conditions.matches(where))


@dataclass(frozen=True, slots=True)
class Findings:
    """What an eval measures at once, and what a person should know about it.

    Args:
        measured: values with their conditions.
        notes: sentences that are no verdict, such as the level at which distances collapse.
        failures: images without an embedding: corruption's identity, name and reason, empty if no face was found.
        evidence: what later runs are compared with, beside the similarities of pairs.
    """

    measured: tuple[Measured, ...] = ()
    notes: tuple[str, ...] = ()
    failures: tuple[tuple[str, str, str], ...] = ()
    evidence: tuple[Evidence, ...] = ()

    def named(self, *names: str, where: Conditions = ANY) -> Findings:
        """Return the measurements of some metrics, made under some conditions, with all that stands beside them."""
        return Findings(
            tuple(m for m in self.measured if m.name in names and m.conditions.matches(where)),
            self.notes,
            self.failures,
            self.evidence,
        )

    def __add__(self, more: Findings) -> Findings:
        """Return both."""
        return Findings(
            self.measured + more.measured,
            self.notes + more.notes,
            self.failures + more.failures,
            self.evidence + more.evidence,
        )

    @classmethod
    def joined(cls, several: Iterable[Findings]) -> Findings:
        """Return all of them as one."""
        whole = cls()
        for each in several:
            whole += each
        return whole
