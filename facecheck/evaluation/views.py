"""Scores with the conditions that they are seen under: metrics are measured over views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facecheck.evaluation import estimates
from facecheck.metrics.intervals import Estimate
from facecheck.metrics.scores import Scores
from facecheck.metrics.thresholds import PairThresholds
from facecheck.results.conditions import ANY, COMPLETED, Conditions
from facecheck.results.measurement import Findings, Measured

__all__ = ["View", "decided", "ranked", "separated", "warned"]

_MANY = 0.05  # of strangers who match at a declared threshold: hardly what its users were promised


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Scores, seen under conditions.

    Args:
        scores: n pairs.
        conditions: what sets them apart; every measurement of the view carries them.
        thresholds: that the pairs are judged at, None where no threshold can be had.
        sources: names of the files that hold similarities and thresholds.
    """

    scores: Scores
    conditions: Conditions = ANY
    thresholds: PairThresholds | None = None
    sources: tuple[str, ...] = ()

    def take(self, rows: npt.NDArray[np.bool_], conditions: Conditions = ANY) -> View:
        """Return the view of some pairs, under these conditions in addition."""
        thresholds = None if self.thresholds is None else self.thresholds.take(rows)
        return View(self.scores.take(rows), self.conditions | conditions, thresholds, self.sources)

    def completed(self) -> View:
        """Return the view of the comparisons that could be made, failures left out."""
        return self.take(self.scores.made, COMPLETED)

    def measured(self, found: dict[str, Estimate], conditions: Conditions = ANY) -> Findings:
        """Return estimates as measurements of this view."""
        at = self.conditions | conditions
        return Findings(
            tuple(Measured(name=name, estimate=e, conditions=at, scores=self.sources) for name, e in found.items())
        )


def decided(view: View) -> Findings:
    """Measure accuracy, FMR, FNMR, precision, recall, F1, the four counts and the mean threshold.

    Raises:
        ValueError: the view has no thresholds.
    """
    if view.thresholds is None:
        raise ValueError("the view has no thresholds: nothing can be decided at them")
    return view.measured(estimates.decisions(view.scores, view.thresholds))


def warned(found: Findings, *, model: str, dataset: str) -> Findings:
    """Return what was measured at a declared threshold, with a note where it lets clearly too many strangers in.

    Args:
        found: by :func:`decided`.
        model: its name.
        dataset: its name.
    """
    notes = [
        f"{model} on {dataset}: at its declared threshold {each.estimate.value:.1%} of the pairs of strangers match "
        f"[{each.estimate.low:.1%}, {each.estimate.high:.1%}]: is it a distance of this model, and of this kind of "
        "distance?"
        for each in found.measured
        if each.name == "fmr" and each.estimate.low > _MANY
    ]
    return Findings(found.measured, (*found.notes, *notes), found.failures, found.evidence)


def ranked(view: View, *, fars: Sequence[float] = estimates.FARS) -> Findings:
    """Measure AUC, EER, its threshold and the TAR at each FAR that the pairs can show; nothing without both kinds."""
    return Findings.joined(
        view.measured({name: estimate}, Conditions(far=at.get("far")))
        for name, estimate, at in estimates.curves(view.scores, fars=fars)
    )


def separated(view: View) -> Findings:
    """Measure d-prime and the mean genuine and impostor distance, over the comparisons that were made."""
    return view.measured(estimates.distances(view.scores))
