"""Verification metrics: scores in, one named value out, definitions of ISO/IEC 19795-1.

Conventions. Similarity grows with likeness and a pair matches when ``similarity >= threshold``. Rates are
fractions. A failed comparison (``-inf``) is a non-match; pass ``scores.completed()`` for the rates on
completed comparisons. What is undefined raises ``ValueError``: it is never 0 or NaN. Nothing is
interpolated but the EER, which says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from facecheck.scores import Scores

__all__ = [
    "Confusion",
    "Curve",
    "DprimeTerms",
    "EqualErrorRate",
    "FoldAccuracy",
    "OperatingPoint",
    "Ranking",
    "area_under_curve",
    "auc",
    "best_threshold",
    "confusion",
    "cross_fitted_thresholds",
    "curve",
    "dprime",
    "eer",
    "fnmr_at_fmr",
    "fold_accuracy",
    "resolvable",
]

Array = npt.NDArray[np.float64]
_GATE_ERRORS = 30  # impostor errors expected at a FAR before a limit may be set on it (Doddington)


class OperatingPoint(NamedTuple):
    """What is observed at one threshold."""

    threshold: float
    fmr: float
    fnmr: float


class EqualErrorRate(NamedTuple):
    """The rate at which FMR and FNMR cross, and the similarity there."""

    rate: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts at one threshold: a positive is a pair judged to be one person."""

    tp: float
    fp: float
    tn: float
    fn: float

    @property
    def accuracy(self) -> float:
        """Fraction of pairs judged rightly."""
        return _ratio(self.tp + self.tn, self.tp + self.fp + self.tn + self.fn, "accuracy needs a pair")

    @property
    def precision(self) -> float:
        """Fraction of matches that are genuine."""
        return _ratio(self.tp, self.tp + self.fp, "precision needs a match; at this threshold nothing matches")

    @property
    def recall(self) -> float:
        """Fraction of genuine pairs that match: 1 - FNMR."""
        return _ratio(self.tp, self.tp + self.fn, "recall needs a genuine pair")

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN)."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn, "F1 needs a genuine pair or a match")

    @property
    def fmr(self) -> float:
        """Fraction of impostor pairs that match."""
        return _ratio(self.fp, self.fp + self.tn, "FMR needs an impostor pair")

    @property
    def fnmr(self) -> float:
        """Fraction of genuine pairs that do not match."""
        return _ratio(self.fn, self.tp + self.fn, "FNMR needs a genuine pair")


def _ratio(part: float, whole: float, otherwise: str) -> float:
    if not whole > 0:
        raise ValueError(otherwise)
    return float(part / whole)


def confusion(scores: Scores, threshold: float) -> Confusion:
    """Count right and wrong decisions at a threshold on the similarity.

    Raises:
        ValueError: the threshold is NaN.

    >>> who = np.array([[0, 0], [1, 1], [0, 1], [0, 2]])
    >>> confusion(Scores(np.array([0.9, -np.inf, 0.7, 0.3]), who), 0.7)
    Confusion(tp=1, fp=1, tn=1, fn=1)
    """
    if np.isnan(threshold):
        raise ValueError("the threshold is NaN: nothing can be counted at it")
    matched, genuine = scores.similarity >= threshold, scores.genuine
    if threshold == -np.inf:
        matched = scores.made
    return Confusion(
        tp=int((matched & genuine).sum()),
        fp=int((matched & ~genuine).sum()),
        tn=int((~matched & ~genuine).sum()),
        fn=int((~matched & genuine).sum()),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Every operating point that the scores can tell apart, strictest first.

    Args:
        thresholds: ``(k,)`` distinct similarities, falling; the first is ``+inf``, where nothing matches.
        fmr: ``(k,)`` fraction of impostor pairs that match.
        fnmr: ``(k,)`` fraction of genuine pairs that do not match.
        tmr: ``(k,)`` fraction that do. Each is a count over a total: ``1 - tmr`` would be rounded twice.
    """

    thresholds: Array
    fmr: Array
    fnmr: Array
    tmr: Array


class Ranking:
    """Scores in order, sorted once, so that thousands of re-weighted curves cost two sums each.

    Args:
        scores: at least one genuine and one impostor pair.

    Raises:
        ValueError: no genuine or no impostor pair.
    """

    def __init__(self, scores: Scores) -> None:
        genuine = scores.genuine
        if not genuine.any() or genuine.all():
            raise ValueError(
                f"{int(genuine.sum())} genuine and {int((~genuine).sum())} impostor pairs: a curve needs both"
            )
        self._order = np.argsort(-scores.similarity, kind="stable")
        ranked = scores.similarity[self._order]
        self._genuine = genuine[self._order]
        last_of_tie = np.append(ranked[1:] != ranked[:-1], True)
        self._ends = np.flatnonzero(last_of_tie & (ranked > -np.inf))
        self._thresholds = np.concatenate(([np.inf], ranked[self._ends]))

    def curve(self, weights: Array | None = None) -> Curve:
        """Return the curve, each pair counted ``weights`` (n,) times, once by default.

        Raises:
            ValueError: the weights leave no genuine or no impostor pair.
        """
        weight = np.ones(len(self._order)) if weights is None else weights[self._order]
        genuine, impostor = np.where(self._genuine, weight, 0.0), np.where(self._genuine, 0.0, weight)
        matched, impostors = self._running(impostor)
        accepted, genuines = self._running(genuine)
        return Curve(self._thresholds, matched / impostors, (genuines - accepted) / genuines, accepted / genuines)

    def _running(self, weight: Array) -> tuple[Array, float]:
        running = weight.cumsum()
        if not running[-1] > 0:
            raise ValueError("the weights leave no pair of one kind")
        return np.concatenate(([0.0], running[self._ends])), float(running[-1])


def curve(scores: Scores) -> Curve:
    """Return the ROC's points; DET is the same with ``1 - tmr``.

    Raises:
        ValueError: no genuine or no impostor pair.
    """
    return Ranking(scores).curve()


def area_under_curve(points: Curve) -> float:
    """Return the probability that a genuine pair scores above an impostor pair, ties counting one half."""
    fmr, tmr = np.append(points.fmr, 1.0), np.append(points.tmr, 1.0)
    return float(np.trapezoid(tmr, fmr))


def auc(scores: Scores) -> float:
    """Return the area under the ROC; failed comparisons tie with each other, below all others.

    Raises:
        ValueError: no genuine or no impostor pair.

    >>> who = np.array([[0, 0], [1, 1], [0, 1], [0, 2]])
    >>> auc(Scores(np.array([0.9, 0.5, 0.7, 0.3]), who))
    0.75
    """
    return area_under_curve(curve(scores))


def eer(points: Curve) -> EqualErrorRate:
    """Return where FMR and FNMR cross, by linear interpolation between neighbouring operating points.

    The points run from "nothing matches" (FMR 0, FNMR 1) through every observed score to "everything
    matches" (FMR 1, FNMR 0). Other definitions differ on small sets; this one is pinned.

    >>> who = np.array([[0, 0], [1, 1], [0, 1], [0, 2]])
    >>> eer(curve(Scores(np.array([0.9, 0.5, 0.7, 0.3]), who))).rate
    0.5
    """
    fmr, fnmr = np.append(points.fmr, 1.0), np.append(points.fnmr, 0.0)
    thresholds = np.append(points.thresholds, points.thresholds[-1])
    after = int(np.argmax(fmr >= fnmr))
    before = after - 1
    gap_before, gap_after = fnmr[before] - fmr[before], fnmr[after] - fmr[after]
    along = gap_before / (gap_before - gap_after)
    rate = fmr[before] + along * (fmr[after] - fmr[before])
    return EqualErrorRate(float(rate), float(thresholds[after]))


def resolvable(impostors: int, fmr: float, *, for_gate: bool = False) -> bool:
    """Say whether this many impostor pairs can show an FMR: 1/fmr to print it, 30/fmr to set a limit on it."""
    errors = _GATE_ERRORS if for_gate else 1
    return impostors > 0 and errors / impostors <= fmr


def _needed(fmr: float) -> int:
    """Return the fewest impostor pairs that can show an FMR; 1/fmr may round either way."""
    near = math.ceil(1 / fmr)
    return next(n for n in (near - 1, near, near + 1) if resolvable(n, fmr))


def fnmr_at_fmr(points: Curve, fmr: float, *, impostors: int) -> OperatingPoint:
    """Reject as few genuine pairs as possible while at most ``fmr`` of impostors match.

    The threshold is the lowest observed score that keeps the measured FMR within ``fmr``. Nothing is
    interpolated, so the returned rates were really observed.

    Args:
        points: of the curve.
        fmr: tolerated false match rate, a fraction in ``[1/impostors, 1)``, or 0 for the ZeroFMR.
        impostors: how many impostor pairs the curve was made of.

    Raises:
        ValueError: too few impostor pairs to resolve ``fmr``.

    Source: ISO/IEC 19795-1; the true accept rate at this FAR is ``1 - fnmr``.

    >>> who = np.array([[0, 0], [1, 1], [0, 1], [0, 2], [1, 2], [2, 3]])
    >>> fnmr_at_fmr(curve(Scores(np.array([0.9, 0.6, 0.7, 0.3, 0.2, 0.1]), who)), 0.25, impostors=4)
    OperatingPoint(threshold=0.6, fmr=0.25, fnmr=0.0)
    """
    if not 0 <= fmr < 1:
        raise ValueError(f"fmr must be a fraction in [0, 1), not {fmr}; did you give percent?")
    if fmr > 0 and not resolvable(impostors, fmr):
        raise ValueError(
            f"{impostors} impostor pairs cannot show an FMR of {fmr:g}: at least {_needed(fmr)} are needed"
        )
    within = int(np.searchsorted(points.fmr, fmr, side="right")) - 1
    return OperatingPoint(float(points.thresholds[within]), float(points.fmr[within]), float(points.fnmr[within]))


def dprime(scores: Scores) -> float:
    """Return how far apart the two kinds lie: |mean_g - mean_i| / sqrt((var_g + var_i) / 2).

    Only completed comparisons have a place on the axis, so failures are left out. Population variances.

    Raises:
        ValueError: no genuine or no impostor comparison, or no spread at all.
    """
    if not all((scores.made & kind).any() for kind in (scores.genuine, ~scores.genuine)):
        raise ValueError("d-prime needs genuine and impostor comparisons that were made")
    terms = DprimeTerms.of(scores)
    value = float(terms.of_sums(terms.columns.sum(axis=0)[None])[0])
    if math.isnan(value):
        raise ValueError("all similarities of each kind are equal: d-prime is not defined")
    return value


_NO_SPREAD = 1e-12  # of the whole set's variance: what rounding leaves where all similarities of a resample are equal


@dataclass(frozen=True, slots=True, eq=False)
class DprimeTerms:
    """What :func:`dprime` is a function of, pair by pair, so that pairs may count more than once.

    Args:
        columns: ``(n, 6)``: for genuine and then impostor comparisons a one, the similarity from the mean of its
            kind, and its square; zeros for the other kind and for a failed comparison.
        gap: between the means of the two kinds.
        variance: the larger of the two.
    """

    columns: Array
    gap: float
    variance: float

    @classmethod
    def of(cls, scores: Scores) -> DprimeTerms:
        """Return the terms of all pairs."""
        columns = np.zeros((len(scores), 6))
        means, variances = [], []
        for first, kind in ((0, scores.genuine), (3, ~scores.genuine)):
            rows = np.flatnonzero(kind & scores.made)
            values = scores.similarity[rows]
            means.append(float(values.mean()) if len(rows) else 0.0)
            apart = values - means[-1]
            columns[rows, first : first + 3] = np.stack([np.ones(len(rows)), apart, apart**2], axis=1)
            variances.append(float(apart.var()) if len(rows) and np.ptp(values) > 0 else 0.0)
        return cls(columns, means[0] - means[1], max(variances))

    def of_sums(self, sums: Array) -> Array:
        """Return d-prime ``(r,)`` for weighted sums of the columns ``(r, 6)``, NaN where it is undefined."""
        with np.errstate(divide="ignore", invalid="ignore"):
            genuine, impostor = (
                (part[:, 1] / part[:, 0], part[:, 2] / part[:, 0] - (part[:, 1] / part[:, 0]) ** 2)
                for part in (sums[:, :3], sums[:, 3:])
            )
            spread = (genuine[1] + impostor[1]) / 2
            apart = np.abs(self.gap + genuine[0] - impostor[0])
            return np.where(spread > _NO_SPREAD * self.variance, apart / np.sqrt(spread), np.nan)


def best_threshold(scores: Scores) -> float:
    """Return the threshold of the highest accuracy, half-way to the next lower score.

    Of several the strictest, so that the answer does not depend on the order of the pairs.

    Raises:
        ValueError: no completed comparison.
    """
    if not scores.made.any():
        raise ValueError("no comparison was completed: no threshold can be chosen")
    order = np.argsort(-scores.similarity, kind="stable")
    ranked, genuine = scores.similarity[order], scores.genuine[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True) & (ranked > -np.inf))
    right = np.cumsum(np.where(genuine, 1, -1))[ends]
    best = int(np.argmax(right))
    if right[best] <= 0:
        return float(np.nextafter(ranked[0], np.inf))
    chosen = float(ranked[ends[best]])
    if best + 1 == len(ends):
        return chosen
    below = float(ranked[ends[best + 1]])
    middle = below + (chosen - below) / 2
    return middle if below < middle else chosen


@dataclass(frozen=True, slots=True, eq=False)
class FoldAccuracy:
    """Accuracy over folds, each judged at a threshold that was chosen without it.

    Args:
        mean: over the folds.
        standard_error: sigma / sqrt(folds), sigma over folds - 1.
        by_fold: ``(k,)`` accuracies.
        thresholds: ``(k,)`` on the similarity.
    """

    mean: float
    standard_error: float
    by_fold: Array
    thresholds: Array


def cross_fitted_thresholds(scores: Scores, folds: npt.NDArray[np.int64]) -> Array:
    """Return for each fold, in order, the threshold that is best on all the others.

    Raises:
        ValueError: fewer than two folds, or the others have no completed comparison.
    """
    numbers = np.unique(folds)
    if len(numbers) < 2:  # noqa: PLR2004 - one fold has no others
        raise ValueError(f"{len(numbers)} fold: a threshold must be chosen on other pairs than it is judged on")
    return np.array([best_threshold(scores.take(folds != number)) for number in numbers])


def fold_accuracy(scores: Scores, folds: npt.NDArray[np.int64], thresholds: Array) -> FoldAccuracy:
    """Return the accuracy of each fold at its own threshold, and LFW's summary of them.

    Args:
        scores: n pairs.
        folds: ``(n,)`` fold numbers.
        thresholds: one a fold, as :func:`cross_fitted_thresholds` gives them, perhaps from cleaner scores.

    Raises:
        ValueError: fewer than two folds, or not one threshold a fold.

    Source: Huang et al., Labeled Faces in the Wild, UMass TR 07-49: mean and S_E over ten folds.
    """
    numbers = np.unique(folds)
    if len(numbers) < 2 or len(numbers) != len(thresholds):  # noqa: PLR2004 - no spread over one fold
        raise ValueError(f"{len(numbers)} folds and {len(thresholds)} thresholds: one each of at least two is needed")
    by_fold = np.array(
        [
            confusion(scores.take(folds == number), threshold).accuracy
            for number, threshold in zip(numbers, thresholds, strict=True)
        ]
    )
    return FoldAccuracy(float(by_fold.mean()), float(by_fold.std(ddof=1) / np.sqrt(len(by_fold))), by_fold, thresholds)
