"""Similarities read as evidence: from a similarity to a probability, and what that probability is worth.

A calibration is fitted on pairs of other people (:func:`cross_fitted`) and gives the probability that a pair is
genuine, at the share of genuine pairs that it was fitted on. Its log-likelihood ratio is the log-odds less that
share's, and holds whatever the share.

Cllr is the cost of log-likelihood ratios in bits: 0 is perfect, 1 is what a system that says nothing costs, more is
misleading. minCllr is what is left if the same similarities are calibrated on themselves in the best monotone way
(pool adjacent violators): the loss of the order alone. ECE is the mean distance of predicted and observed shares.

Failed comparisons have no similarity and are to be left out; a probability of 0 or 1 is never given.

Source: Brummer and du Preez, Computer Speech and Language 2006 (Cllr, PAV); Platt, Advances in Large Margin
Classifiers, 1999, with his smoothed targets; Zadrozny and Elkan, KDD 2002 (isotonic); Guo et al., ICML 2017 (ECE).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit, logit

from facecheck.metrics.influence import within
from facecheck.metrics.scores import Scores

__all__ = [
    "METHODS",
    "Calibration",
    "Isotonic",
    "Method",
    "Platt",
    "calibration_table",
    "cllr",
    "costs",
    "cross_fitted",
    "ece",
    "fit_isotonic",
    "fit_platt",
    "influence_of_cllr",
    "min_llr",
    "signed_gaps",
]

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Method = Literal["platt", "isotonic"]
_BINS = 15  # of equal width, as Guo et al. have them
_TOLERANCE = 1e-10


class Calibration(Protocol):
    """Turns similarities into log-likelihood ratios and probabilities."""

    def probability(self, similarity: Array) -> Array:
        """Return the probability of a genuine pair, at the share of genuine pairs that it was fitted on."""
        ...

    def llr(self, similarity: Array) -> Array:
        """Return natural log-likelihood ratios."""
        ...


@dataclass(frozen=True, slots=True)
class Platt:
    """Probability ``1 / (1 + exp(-(slope s + intercept)))`` of a similarity s.

    Args:
        slope: per unit of similarity.
        intercept: log-odds at similarity 0.
        share: of genuine pairs among those that it was fitted on.
    """

    slope: float
    intercept: float
    share: float

    def probability(self, similarity: Array) -> Array:
        """Return the probability of a genuine pair."""
        return np.asarray(expit(self.slope * similarity + self.intercept))

    def llr(self, similarity: Array) -> Array:
        """Return natural log-likelihood ratios."""
        return np.asarray(self.slope * similarity + self.intercept - logit(self.share))


@dataclass(frozen=True, slots=True, eq=False)
class Isotonic:
    """Probability by the best rising steps, linear between observed similarities and level beyond them.

    Args:
        similarity: ``(k,)`` rising.
        risen: ``(k,)`` probabilities, rising, strictly between 0 and 1.
        share: of genuine pairs among those that it was fitted on.
    """

    similarity: Array
    risen: Array
    share: float

    def probability(self, similarity: Array) -> Array:
        """Return the probability of a genuine pair."""
        return np.interp(similarity, self.similarity, self.risen)

    def llr(self, similarity: Array) -> Array:
        """Return natural log-likelihood ratios."""
        return np.asarray(logit(self.probability(similarity)) - logit(self.share))


def fit_platt(scores: Scores) -> Platt:
    """Fit a logistic curve with Platt's smoothed targets, (g + 1) / (g + 2) and 1 / (i + 2) of g genuine, i impostor.

    Without the smoothing, similarities that separate both kinds would give probabilities of 0 and 1.

    Raises:
        ValueError: a failed comparison, or pairs of one kind only.
    """
    genuine = _both_kinds(scores)
    target = np.where(genuine, *_bounds(genuine)[::-1])
    middle, spread = float(scores.similarity.mean()), float(scores.similarity.std()) or 1.0
    scaled = (scores.similarity - middle) / spread

    def loss(line: Array) -> tuple[float, Array]:
        odds = line[0] * scaled + line[1]
        off = expit(odds) - target
        return float((np.logaddexp(0, odds) - target * odds).mean()), np.array([(off * scaled).mean(), off.mean()])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS", options={"gtol": _TOLERANCE, "maxiter": 500})
    slope = float(found.x[0] / spread)
    return Platt(slope, float(found.x[1] - slope * middle), float(genuine.mean()))


def fit_isotonic(scores: Scores) -> Isotonic:
    """Fit the rising steps that are nearest to the labels, by pooling adjacent violators.

    They are kept off 0 and 1: within Platt's targets.

    Raises:
        ValueError: a failed comparison, or pairs of one kind only.
    """
    genuine = _both_kinds(scores)
    levels, risen = _pooled(scores.similarity, genuine)
    return Isotonic(levels, np.clip(risen, *_bounds(genuine)), float(genuine.mean()))


METHODS: dict[Method, Callable[[Scores], Calibration]] = {"platt": fit_platt, "isotonic": fit_isotonic}


def _bounds(genuine: Bools) -> tuple[float, float]:
    """Return Platt's targets for impostor and genuine pairs."""
    g = int(genuine.sum())
    return 1 / (len(genuine) - g + 2), (g + 1) / (g + 2)


def _both_kinds(scores: Scores) -> Bools:
    genuine = scores.genuine
    if not genuine.any() or genuine.all():
        raise ValueError(f"{int(genuine.sum())} of {len(genuine)} pairs are genuine: a calibration needs both kinds")
    if not np.isfinite(scores.similarity).all():
        raise ValueError("a failed comparison has no similarity to calibrate: pass scores.completed()")
    return genuine


def _pooled(similarity: Array, genuine: Bools) -> tuple[Array, Array]:
    """Return the distinct similarities, rising, and the fitted share of genuine pairs at each."""
    levels, place, count = np.unique(similarity, return_inverse=True, return_counts=True)
    shares = np.bincount(place, genuine, len(levels)) / count
    risen = isotonic_regression(shares, weights=count.astype(np.float64)).x
    return levels, np.clip(risen, 0.0, 1.0)


def cross_fitted(scores: Scores, folds: npt.NDArray[np.int64], method: Method) -> tuple[Array, Array]:
    """Return probabilities and log-likelihood ratios ``(n,)``, each fold's of a calibration fitted on the others.

    Args:
        scores: n completed pairs.
        folds: ``(n,)`` fold numbers, identity-disjoint.
        method: ``platt`` or ``isotonic``.

    Raises:
        ValueError: fewer than two folds, failed comparisons, or other folds with pairs of one kind only.
    """
    numbers = np.unique(folds)
    if len(numbers) < 2:  # noqa: PLR2004 - one fold has no others
        raise ValueError(f"{len(numbers)} fold: a calibration must be fitted on other pairs than it is applied to")
    probability, ratio = np.empty(len(scores)), np.empty(len(scores))
    for number in numbers:
        mine = folds == number
        fitted = METHODS[method](scores.take(~mine))
        probability[mine] = fitted.probability(scores.similarity[mine])
        ratio[mine] = fitted.llr(scores.similarity[mine])
    return probability, ratio


def costs(ratio: Array, genuine: Bools) -> Array:
    """Return the cost of each log-likelihood ratio in bits, ``(n,)``: of a genuine pair log2(1 + 1/LR)."""
    return np.asarray(np.logaddexp(0.0, np.where(genuine, -ratio, ratio)) / np.log(2))


def cllr(ratio: Array, genuine: Bools) -> float:
    """Return Cllr: the mean cost of genuine and that of impostor pairs, averaged.

    Args:
        ratio: ``(n,)`` natural log-likelihood ratios.
        genuine: ``(n,)``.

    Raises:
        ValueError: pairs of one kind only, or NaN.

    Source: Brummer and du Preez 2006.

    >>> cllr(np.zeros(4), np.array([True, False, False, False]))
    1.0
    """
    if not genuine.any() or genuine.all() or np.isnan(ratio).any():
        raise ValueError("Cllr needs log-likelihood ratios of genuine and of impostor pairs")
    each = costs(ratio, genuine)
    return float((each[genuine].mean() + each[~genuine].mean()) / 2)


def influence_of_cllr(ratio: Array, genuine: Bools) -> Array:
    """Return the influence of each comparison on Cllr; they sum to 0 within both kinds.

    The calibration is taken as fixed: at its best the cost does not depend on it, to first order.

    Args:
        ratio: ``(n,)`` natural log-likelihood ratios.
        genuine: ``(n,)``.
    """
    count = np.where(genuine, genuine.sum(), (~genuine).sum())
    return np.asarray(within(costs(ratio, genuine), genuine) / (2 * count))


def min_llr(scores: Scores) -> Array:
    """Return the log-likelihood ratios of the best rising calibration on the pairs themselves, ``(n,)``.

    Their Cllr is minCllr. They are infinite where the similarities leave no doubt.

    Raises:
        ValueError: a failed comparison, or pairs of one kind only.

    >>> who = np.array([[0, 0], [1, 1], [0, 1], [0, 2]])
    >>> separable = Scores(np.array([0.9, 0.8, 0.2, 0.1]), who)
    >>> cllr(min_llr(separable), separable.genuine)
    0.0
    """
    genuine = _both_kinds(scores)
    levels, risen = _pooled(scores.similarity, genuine)
    with np.errstate(divide="ignore"):
        ratio = logit(risen) - logit(genuine.mean())
    return np.asarray(ratio[np.searchsorted(levels, scores.similarity)])


def signed_gaps(probability: Array, genuine: Bools) -> Array:
    """Return for each pair predicted - observed, with the sign of its bin's sum: their mean is the ECE.

    Raises:
        ValueError: no pairs, or a probability outside [0, 1].
    """
    if not len(probability) or not ((probability >= 0) & (probability <= 1)).all():
        raise ValueError("expected probabilities in [0, 1], one at least")
    place = np.minimum((probability * _BINS).astype(np.int64), _BINS - 1)
    gap = probability - genuine
    return np.asarray(np.sign(np.bincount(place, gap, _BINS))[place] * gap)


def ece(probability: Array, genuine: Bools) -> float:
    """Return the expected calibration error over fifteen bins of equal width.

    Args:
        probability: ``(n,)`` predicted, at the share of genuine pairs among these.
        genuine: ``(n,)``.

    Raises:
        ValueError: no pairs, or a probability outside [0, 1].

    Source: Guo et al., ICML 2017.

    >>> ece(np.array([0.75, 0.75, 0.75, 0.75]), np.array([True, True, True, False]))
    0.0
    >>> ece(np.array([0.75, 0.75, 0.75, 0.75]), np.array([True, True, False, False]))
    0.25
    """
    return float(signed_gaps(probability, genuine).mean())


def calibration_table(scores: Scores, *, method: Method, rows: int = 101) -> Array:
    """Return a table to ship with a model: similarity, log10-likelihood ratio, probability at even odds; ``(rows, 3)``.

    Fitted on all pairs; similarities are evenly spaced over the observed ones.

    Raises:
        ValueError: fewer than two rows, failed comparisons, or pairs of one kind only.
    """
    if rows < 2:  # noqa: PLR2004 - both ends
        raise ValueError(f"a table needs 2 rows, not {rows}")
    fitted = METHODS[method](scores)
    similarity = np.linspace(float(scores.similarity.min()), float(scores.similarity.max()), rows)
    ratio = fitted.llr(similarity)
    return np.column_stack((similarity, ratio / np.log(10), expit(ratio)))
