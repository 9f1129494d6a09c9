"""Robustness over the levels of a corruption: accuracy change, collapse, and error relative to a reference model.

All values are at the threshold chosen on clean images, as in deployment. A failure to find a face is a
non-match.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facecheck.metrics import influence, intervals
from facecheck.metrics.dyads import Dyads
from facecheck.metrics.intervals import Estimate
from facecheck.metrics.scores import Scores

__all__ = ["DegradedScores", "Reference", "accuracy_change", "collapse_begins", "corruption_errors"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class DegradedScores:
    """The comparisons of one data set at one level of a corruption.

    Args:
        severity: index of the level among the corruption's levels, 0 is clean.
        level: in the corruption's unit.
        scores: n pairs.
        thresholds: ``(n,)``, those of the clean comparisons.
    """

    severity: int
    level: float
    scores: Scores
    thresholds: Array

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Which pairs are judged correctly, shape ``(n,)``."""
        return np.asarray(self.scores.matched(self.thresholds) == self.scores.genuine)


def accuracy_change(clean: DegradedScores, *degraded: DegradedScores) -> Estimate:
    """Return degraded accuracy - clean accuracy, paired over the same comparisons.

    Args:
        clean: the level to compare with.
        degraded: other levels on the same pairs; several are averaged.
    """
    change = np.mean([step.right for step in degraded], axis=0) - clean.right
    return intervals.mean(change, clean.scores.who, kinds=clean.scores.genuine)


def collapse_begins(steps: Sequence[DegradedScores]) -> DegradedScores | None:
    """Return the first level at which distances collapse: impostor pairs match, and genuine pairs still do.

    If genuine and impostor distances shrink together, the model still accepts genuine pairs but accepts impostors
    too: recall stays or rises, precision falls. The collapse begins at the first level where the mean impostor
    distance and the rate of rejected impostors are both clearly below the clean ones (the intervals do not
    overlap), the mean genuine distance is not clearly above the clean one, and the recall is not clearly below
    it. Only completed comparisons count: a face that is not found is not a collapse.

    Args:
        steps: the levels of one corruption, the clean one first.

    Raises:
        ValueError: the first step is not the clean one.
    """
    if not steps or steps[0].severity:
        raise ValueError("a collapse is measured relative to the clean comparisons: they must come first")
    before = _summary(steps[0])
    for step in steps[1:]:
        after = _summary(step)
        if before is None or after is None:
            continue
        nearer = after.impostor.high < before.impostor.low and not after.genuine.low > before.genuine.high
        if nearer and after.rejected.high < before.rejected.low and not after.recall.high < before.recall.low:
            return step
    return None


@dataclass(frozen=True, slots=True)
class _Summary:
    genuine: Estimate
    impostor: Estimate
    recall: Estimate
    rejected: Estimate


def _summary(step: DegradedScores) -> _Summary | None:
    """Return the means and rates of completed comparisons, None if there are too few of either kind."""
    made = step.scores.made
    scores, matched = step.scores.completed(), step.scores.matched(step.thresholds)[made]
    of_kind = (scores.genuine, ~scores.genuine)
    if any(among.sum() < 2 or len(np.unique(scores.who[among])) < 2 for among in of_kind):  # noqa: PLR2004 - no spread
        return None
    genuine, impostor = (intervals.mean(-scores.similarity[among], scores.who[among]) for among in of_kind)
    recall = intervals.proportion(matched[of_kind[0]], scores.who[of_kind[0]])
    rejected = intervals.proportion(~matched[of_kind[1]], scores.who[of_kind[1]])
    return _Summary(genuine, impostor, recall, rejected)


@dataclass(frozen=True, slots=True)
class Reference:
    """The errors of the reference model.

    Args:
        model: its name.
        errors: fraction of pairs with a wrong decision, by corruption and level.
    """

    model: str
    errors: Mapping[str, Mapping[float, float]]


def corruption_errors(sweeps: Mapping[str, Sequence[DegradedScores]], reference: Reference) -> dict[str, Estimate]:
    """Return the corruption error of each corruption and, under ``mce``, their mean.

    ``CE_c = sum_s E(s, c) / sum_s E_ref(s, c)`` over the severities s that were run, E the fraction of pairs
    judged wrongly. A corruption in which the reference makes no error has no CE and is left out of the mean. The
    interval is by identity; the errors of the reference are taken as fixed.

    Args:
        sweeps: the degraded steps of each corruption, all on the same pairs.
        reference: its errors at the same levels.

    Raises:
        ValueError: the reference has no error for a level, or no errors at all.

    Source: Hendrycks and Dietterich, ICLR 2019 (arXiv 1903.12261), with another reference model instead of AlexNet.
    """
    wrong: dict[str, Array] = {}
    for corruption, steps in sweeps.items():
        known = reference.errors.get(corruption, {})
        lacking = [step.level for step in steps if step.level not in known]
        if lacking or not steps:
            raise ValueError(f"{reference.model} has no error for {corruption} at {lacking or 'any level'}")
        total = sum(known[step.level] for step in steps)
        if total > 0:
            wrong[corruption] = np.sum([~step.right for step in steps], axis=0) / total
    if not wrong:
        raise ValueError(
            f"{reference.model} judges every pair correctly: no corruption error is defined relative to it"
        )
    who = next(iter(sweeps.values()))[0].scores.who
    shares = np.full(len(who), 1 / len(who))
    values = {corruption: float(shares @ each) for corruption, each in wrong.items()}
    values["mce"] = float(np.mean(list(values.values())))
    wrong["mce"] = np.mean(list(wrong.values()), axis=0)
    dyads, genuine = Dyads.of(who), who[:, 0] == who[:, 1]
    spreads = {name: dyads.spread(influence.of_mean(each, genuine), genuine) for name, each in wrong.items()}
    found = {name: intervals.around(value, spreads[name], len(who)) for name, value in values.items()}
    return {name: estimate._replace(low=max(0.0, estimate.low)) for name, estimate in found.items()}
