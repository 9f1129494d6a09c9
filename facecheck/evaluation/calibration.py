"""Similarities as evidence: what the calibration eval measures, over the comparisons that were made."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from facecheck.evaluation.evaluator import Compared
from facecheck.metrics import intervals
from facecheck.metrics.calibration import METHODS, cllr, cross_fitted, influence_of_cllr, min_llr, signed_gaps
from facecheck.metrics.dyads import Dyads
from facecheck.metrics.intervals import Estimate
from facecheck.metrics.scores import Scores
from facecheck.results.conditions import COMPLETED, Conditions
from facecheck.results.evidence import Evidence
from facecheck.results.measurement import Findings, Measured

__all__ = ["calibrated", "why_not_calibrated"]

Array = npt.NDArray[np.float64]
_BINS = 10  # of the reliability diagram


def why_not_calibrated(compared: Compared) -> str:
    """Say why no calibration can be fitted on other people, empty if one can."""
    folds, scores = compared.dataset.pairs.folds, compared.scores
    if folds is None:
        return "the data set has no folds"
    for number in np.unique(folds):
        kinds = scores.genuine[(folds != number) & scores.made]
        if not kinds.any() or kinds.all():
            return f"without fold {number} no comparisons of both kinds are left"
    return ""


def calibrated(compared: Compared) -> Findings:
    """Measure Cllr and ECE after Platt and isotonic calibration on other people, minCllr, and the reliability."""
    folds, scores = compared.dataset.pairs.folds, compared.scores
    assert folds is not None, "why_not_calibrated says so"
    completed, made = scores.completed(), folds[scores.made]

    def measured(name: str, estimate: Estimate, at: Conditions) -> Measured:
        return Measured(name=name, estimate=estimate, conditions=COMPLETED | at, scores=compared.sources)

    found = [measured("cllr_min", _cllr(min_llr(completed), completed), Conditions())]
    for method in METHODS:
        probability, ratio = cross_fitted(completed, made, method)
        at = Conditions(calibration=method)
        found.append(measured("cllr", _cllr(ratio, completed), at))
        found.append(measured("ece", _ece(probability, completed), at))
        found += [
            measured("genuine_share", share, Conditions(calibration=method, probability=predicted))
            for predicted, share in _reliability(probability, completed)
        ]
    kept = Evidence(
        eval="calibration",
        model=compared.recognizer.name,
        dataset=compared.dataset.name,
        arrays={"folds": folds.astype(np.int32)},
    )
    return Findings(tuple(found), evidence=(kept,))


def _cllr(ratio: Array, scores: Scores) -> Estimate:
    genuine = scores.genuine
    spread = Dyads.of(scores.who).spread(influence_of_cllr(ratio, genuine), genuine)
    found = intervals.around(cllr(ratio, genuine), spread, len(scores))
    return found._replace(low=max(0.0, found.low))


def _ece(probability: Array, scores: Scores) -> Estimate:
    found = intervals.mean(signed_gaps(probability, scores.genuine), scores.who, kinds=scores.genuine)
    return found._replace(low=max(0.0, found.low), high=min(1.0, found.high))


def _reliability(probability: Array, scores: Scores) -> Iterator[tuple[float, Estimate]]:
    """Yield the mean predicted probability and the observed share of genuine pairs, bin by bin."""
    place = np.minimum((probability * _BINS).astype(np.int64), _BINS - 1)
    for number in np.unique(place):
        rows = place == number
        yield float(probability[rows].mean()), intervals.proportion(scores.genuine[rows], scores.who[rows])
