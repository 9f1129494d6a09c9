"""How much may be lost against the baseline before it counts as harm: ``[[margin]]`` tables of the file of limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from facecheck.gate.specific import most_specific
from facecheck.results.conditions import ANY, Conditions

__all__ = ["MARGINS", "Margin", "Margins"]

# In units of each metric; a repository's file of limits may say otherwise. Timing's is a share.
MARGINS: Mapping[str, float] = MappingProxyType(
    {
        "accuracy": 0.002,
        "accuracy_over_levels": 0.002,
        "auc": 0.002,
        "eer": 0.002,
        "tar_at_far": 0.01,
        "comparisons_made": 0.002,
        "dprime": 0.1,
        "negative_flip_rate": 0.01,
        "identification_rate": 0.01,
        "dir_at_fpir": 0.01,
        "worst_group_fmr": 0.005,
        "worst_group_fnmr": 0.02,
        "edc_area": 0.002,
        "cllr": 0.02,
        "cllr_min": 0.02,
        "ece": 0.01,
        "latency_ms": 0.1,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """A loss that is tolerated.

    Args:
        name: of the metric.
        tolerate: the loss, in the metric's unit, 0 or more; of a time a share.
        why: the reason for the number.
        model: that it applies to, None for any.
        dataset: that it applies to, None for any.
        where: conditions under which it applies.
    """

    name: str
    tolerate: float
    why: str
    model: str | None = None
    dataset: str | None = None
    where: Conditions = ANY

    def applies_to(self, model: str, dataset: str, name: str, conditions: Conditions) -> bool:
        """Whether it is about that metric."""
        here = self.model in (None, model) and self.dataset in (None, dataset)
        return self.name == name and here and conditions.matches(self.where)

    @property
    def specificity(self) -> int:
        """How many keys restrict it."""
        return len(self.where) + (self.model is not None) + (self.dataset is not None)


@dataclass(frozen=True, slots=True)
class Margins:
    """The margins of a file; a metric that it does not name has that of :data:`MARGINS`, others have none.

    Args:
        stated: in the file.

    >>> Margins().of("mine", "faces", "accuracy", ANY)
    0.002
    >>> Margins((Margin(name="accuracy", tolerate=0.01, why="few pairs"),)).of("mine", "faces", "accuracy", ANY)
    0.01
    """

    stated: tuple[Margin, ...] = ()

    def of(self, model: str, dataset: str, name: str, conditions: Conditions) -> float:
        """Return the tolerated loss: of the most specific margin that applies, of equals the last."""
        applying = [each for each in self.stated if each.applies_to(model, dataset, name, conditions)]
        found = most_specific(applying)
        return MARGINS.get(name, 0.0) if found is None else found.tolerate
