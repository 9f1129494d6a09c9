"""Counts at one threshold, and the rates that follow from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facecheck.metrics.scores import Scores

__all__ = ["Confusion", "confusion"]


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts at one threshold: a positive is a pair that matches."""

    tp: float
    fp: float
    tn: float
    fn: float

    @property
    def accuracy(self) -> float:
        """Fraction of pairs judged correctly."""
        return _ratio(self.tp + self.tn, self.tp + self.fp + self.tn + self.fn, "accuracy needs a pair")

    @property
    def precision(self) -> float:
        """Fraction of matches that are genuine."""
        return _ratio(self.tp, self.tp + self.fp, "precision needs a match; at this threshold no pair matches")

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
    """Count correct and wrong decisions at a threshold on the similarity.

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
