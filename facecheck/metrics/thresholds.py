"""Thresholds chosen on other pairs than those they are applied to, and accuracy over folds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facecheck.metrics.decisions import confusion
from facecheck.metrics.scores import Scores

__all__ = ["FoldAccuracy", "PairThresholds", "best_threshold", "cross_fitted_thresholds", "fold_accuracy"]
Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PairThresholds:
    """The similarity threshold of each pair.

    Args:
        of_pair: ``(n,)``.
        by_fold: one per fold, or None if one threshold applies to all pairs.
    """

    of_pair: Array
    by_fold: Array | None = None

    @classmethod
    def fixed(cls, threshold: float, n: int) -> PairThresholds:
        """Use one threshold for all n pairs."""
        return cls(np.full(n, threshold))

    @classmethod
    def cross_fitted(cls, scores: Scores, folds: npt.NDArray[np.int64]) -> PairThresholds:
        """Use for each fold the threshold that is best on all other folds.

        Raises:
            ValueError: fewer than two folds.
        """
        by_fold = cross_fitted_thresholds(scores, folds)
        return cls(by_fold[np.searchsorted(np.unique(folds), folds)], by_fold)

    def take(self, rows: npt.NDArray[np.bool_]) -> PairThresholds:
        """Return the thresholds of these pairs."""
        return PairThresholds(self.of_pair[rows], self.by_fold)


def best_threshold(scores: Scores) -> float:
    """Return the threshold with the highest accuracy, half-way to the next lower score.

    Of several equally good thresholds, the strictest, so that the order of the pairs does not matter.

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
    """Accuracy over folds, each at a threshold that was chosen without the fold.

    Args:
        mean: over the folds.
        standard_error: sigma / sqrt(folds), where sigma has the divisor folds - 1.
        by_fold: ``(k,)`` accuracies.
        thresholds: ``(k,)`` on the similarity.
    """

    mean: float
    standard_error: float
    by_fold: Array
    thresholds: Array


def cross_fitted_thresholds(scores: Scores, folds: npt.NDArray[np.int64]) -> Array:
    """Return for each fold, in order, the threshold that is best on all other folds.

    Raises:
        ValueError: fewer than two folds, or the other folds have no completed comparison.
    """
    numbers = np.unique(folds)
    if len(numbers) < 2:  # noqa: PLR2004 - one fold has no others
        raise ValueError(f"{len(numbers)} fold: a threshold must be chosen on other pairs than it is applied to")
    return np.array([best_threshold(scores.take(folds != number)) for number in numbers])


def fold_accuracy(scores: Scores, folds: npt.NDArray[np.int64], thresholds: Array) -> FoldAccuracy:
    """Return the accuracy of each fold at its own threshold, with LFW's mean and standard error.

    Args:
        scores: n pairs.
        folds: ``(n,)`` fold numbers.
        thresholds: one per fold, from :func:`cross_fitted_thresholds`, possibly on cleaner scores.

    Raises:
        ValueError: fewer than two folds, or not one threshold per fold.

    Source: Huang et al., Labeled Faces in the Wild, UMass TR 07-49: mean and S_E over ten folds.
    """
    numbers = np.unique(folds)
    if len(numbers) < 2 or len(numbers) != len(thresholds):  # noqa: PLR2004 - no spread over one fold
        raise ValueError(f"{len(numbers)} folds and {len(thresholds)} thresholds: two folds or more need one each")
    by_fold = np.array(
        [
            confusion(scores.take(folds == number), threshold).accuracy
            for number, threshold in zip(numbers, thresholds, strict=True)
        ]
    )
    return FoldAccuracy(float(by_fold.mean()), float(by_fold.std(ddof=1) / np.sqrt(len(by_fold))), by_fold, thresholds)
