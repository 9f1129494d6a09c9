"""Influence values: by how much each pair moves an estimate, to first order.

The values of one estimate sum to 0, within each kind of pair for those that weigh the kinds apart. With
:class:`~facecheck.metrics.dyads.Dyads` they give its variance; those of a difference are the difference of those.
Where an estimate depends on a threshold that the scores set (EER, TAR at an FAR), the densities of both kinds at
that threshold are counted in a window of one standard error of its rate to either side.

Source: Hampel, JASA 1974; for the AUC DeLong, DeLong and Clarke-Pearson, Biometrics 1988.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facecheck.metrics.curves import Curve, eer
from facecheck.metrics.scores import Scores

__all__ = ["of_auc", "of_dprime", "of_eer", "of_f1", "of_mean", "of_precision", "of_tar", "share_of_genuine", "within"]

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_WINDOW = 1.0  # standard errors of a rate to either side of the threshold


def of_mean(values: Array, kinds: Bools | None = None) -> Array:
    """Return the influence of each of ``(n,)`` values on their mean.

    Args:
        values: one a pair.
        kinds: ``(n,)`` kind of each pair, if the protocol fixes how many there are of each: a difference between
            the kinds is then no chance.
    """
    return within(values, kinds) / len(values)


def within(values: Array, kinds: Bools | None) -> Array:
    """Return values - the mean of their kind, or of all."""
    if kinds is None or kinds.all() or not kinds.any():
        return np.asarray(values - values.mean())
    return np.asarray(values - np.where(kinds, values[kinds].mean(), values[~kinds].mean()))


def of_precision(matched: Bools, genuine: Bools) -> Array:
    """Return the influence of each pair on the precision, TP / (TP + FP); it needs a match."""
    precision = (matched & genuine).sum() / matched.sum()
    return within(matched * (genuine - precision), genuine) / float(matched.sum())


def of_f1(matched: Bools, genuine: Bools) -> Array:
    """Return the influence of each pair on F1, 2 TP / (2 TP + FP + FN); it needs a genuine pair or a match."""
    right, wrong = matched & genuine, matched != genuine
    whole = float(2 * right.sum() + wrong.sum())
    f1 = 2 * right.sum() / whole
    return within(2 * right * (1 - f1) - wrong * f1, genuine) / whole


def of_auc(scores: Scores) -> Array:
    """Return the influence of each pair on the AUC: its placement among the pairs of the other kind."""
    genuine = scores.genuine
    ours, theirs = scores.similarity[genuine], scores.similarity[~genuine]
    influence = np.empty(len(scores))
    influence[genuine] = of_mean(_placement(ours, theirs))
    influence[~genuine] = -of_mean(_placement(theirs, ours))
    return influence


def _placement(values: Array, others: Array) -> Array:
    """Return the share of others below each value; ties count one half."""
    ranked = np.sort(others)
    below, within = np.searchsorted(ranked, values, "left"), np.searchsorted(ranked, values, "right")
    return np.asarray((below + within) / (2 * len(others)))


def of_eer(scores: Scores, points: Curve) -> Array:
    """Return the influence of each pair on the EER.

    A genuine pair that is rejected raises the FNMR, an accepted impostor pair the FMR; the steeper of the two
    rates moves the crossing less. At the interpolated threshold a pair is accepted in part.
    """
    rate, genuine, accepted = eer(points).rate, scores.genuine, _accepted_at_crossing(scores, points)
    share = share_of_genuine(points, rate, rate, _kinds(genuine))
    influence = np.empty(len(scores))
    influence[genuine] = (1 - share) * of_mean(1 - accepted[genuine])
    influence[~genuine] = share * of_mean(accepted[~genuine])
    return influence


def _accepted_at_crossing(scores: Scores, points: Curve) -> Array:
    fmr, fnmr = np.append(points.fmr, 1.0), np.append(points.fnmr, 0.0)
    after = int(np.argmax(fmr >= fnmr))
    gap_before, gap_after = fnmr[after - 1] - fmr[after - 1], fnmr[after] - fmr[after]
    along = gap_before / (gap_before - gap_after)
    last = np.ones(len(scores), dtype=bool)  # behind the last point everything is accepted
    strict = scores.matched(points.thresholds[after - 1])
    loose = scores.matched(points.thresholds[after]) if after < len(points.thresholds) else last
    return np.asarray((1 - along) * strict + along * loose)


def of_tar(scores: Scores, points: Curve, threshold: float) -> Array:
    """Return the influence of each pair on the TAR at the threshold that an FAR has set.

    An impostor pair that is accepted moves the threshold up, and the TAR down by the slope of the ROC.
    """
    genuine, accepted = scores.genuine, scores.matched(threshold).astype(np.float64)
    share = share_of_genuine(points, float(accepted[~genuine].mean()), None, _kinds(genuine))
    slope = share / (1 - share) if share < 1 else 0.0
    influence = np.empty(len(scores))
    influence[genuine] = of_mean(accepted[genuine])
    influence[~genuine] = -slope * of_mean(accepted[~genuine])
    return influence


def _kinds(genuine: Bools) -> tuple[int, int]:
    return int(genuine.sum()), int((~genuine).sum())


def share_of_genuine(points: Curve, fmr: float, fnmr: float | None, kinds: tuple[int, int]) -> float:
    """Return the density of the genuine scores at a threshold as a fraction of that of both kinds.

    Args:
        points: the curve.
        fmr: at the threshold.
        fnmr: at the threshold, None where the FMR alone has set it.
        kinds: how many genuine and how many impostor pairs the curve was made of.
    """
    low, high = _window(fmr, kinds[1])
    first, last = int(np.searchsorted(points.fmr, low)), int(np.searchsorted(points.fmr, high, "right")) - 1
    if fnmr is not None:
        low, high = _window(fnmr, kinds[0])
        first = min(first, int(np.searchsorted(-points.fnmr, -high)))
        last = max(last, int(np.searchsorted(-points.fnmr, -low, "right")) - 1)
    first, last = min(first, len(points.fmr) - 1), max(last, 0)
    impostors, genuines = points.fmr[last] - points.fmr[first], points.fnmr[first] - points.fnmr[last]
    return float(genuines / (genuines + impostors)) if genuines + impostors > 0 else 0.5


def _window(rate: float, n: int) -> tuple[float, float]:
    """Return the rates between which densities are counted: at least one pair of n is judged in either way."""
    half = _WINDOW * np.sqrt(max(rate * (1 - rate), 1 / n) / n)
    return max(rate - half, 1 / n), min(rate + half, 1 - 1 / n)


def of_dprime(similarity: Array, genuine: Bools) -> Array:
    """Return the influence of each completed comparison on d-prime."""
    ours, theirs = similarity[genuine], similarity[~genuine]
    gap, spread = ours.mean() - theirs.mean(), float(np.sqrt((ours.var() + theirs.var()) / 2))
    influence = np.empty(len(similarity))
    for rows, values, sign in ((genuine, ours, 1.0), (~genuine, theirs, -1.0)):
        apart = values - values.mean()
        moved = sign * apart / spread - gap * (apart**2 - values.var()) / (4 * spread**3)
        influence[rows] = moved / len(values)
    return np.asarray(influence * np.sign(gap))
