"""Paired comparison of two models on the same pairs: is the difference larger than chance explains?

McNemar's test uses only the pairs that exactly one of the two models judges correctly, and tests whether each
model is the correct one equally often. It is exact, but it treats all pairs as independent. Pairs that share a
person are not, so with few people it reports differences too often. :func:`difference` and
:func:`curve_differences` return the difference with an interval by identity. If that interval contains 0 although
McNemar's test is significant, trust the interval.

Source: McNemar, Psychometrika 1947; Holm, Scandinavian Journal of Statistics 1979; for the intervals see
:mod:`facecheck.metrics.intervals`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from facecheck.metrics import Ranking, area_under_curve, eer, fnmr_at_fmr, intervals, resolvable
from facecheck.metrics.intervals import Estimate
from facecheck.metrics.scores import Scores

__all__ = ["McNemar", "curve_differences", "difference", "holm", "mcnemar"]

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_LEAST = float(np.nextafter(0.0, 1.0))  # a p-value below the smallest float is reported as that float, not as 0
_SEED = 19_470_602


class McNemar(NamedTuple):
    """The result of McNemar's test for two models on the same pairs.

    Args:
        only_first: pairs that only the first model judges correctly.
        only_second: pairs that only the second model judges correctly.
        p: two-sided probability of a split at least as uneven if both models were equally good, in (0, 1].
    """

    only_first: int
    only_second: int
    p: float


def mcnemar(first: Bools, second: Bools) -> McNemar:
    """Test whether two models judge the same pairs equally well: exact, two-sided, binomial.

    Pairs that both models judge correctly, or both wrongly, carry no information; if there are no others, p is 1.

    Args:
        first: ``(n,)`` True where the first model is correct.
        second: ``(n,)`` True where the second is, of the same pairs in the same order.

    Raises:
        ValueError: no pairs, or different numbers of pairs.

    >>> mcnemar(np.array([True] * 6), np.array([False] * 5 + [True]))
    McNemar(only_first=5, only_second=0, p=0.0625)
    """
    _same_pairs(first, second)
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    if only_first == only_second:
        return McNemar(only_first, only_second, 1.0)
    p = float(binomtest(only_first, only_first + only_second).pvalue)
    return McNemar(only_first, only_second, min(1.0, max(_LEAST, p)))


def _same_pairs(first: Bools, second: Bools) -> None:
    if first.shape != second.shape or first.ndim != 1 or not len(first):
        raise ValueError(
            f"a paired test needs two answers to each of n pairs, not {first.shape} and {second.shape}: "
            "are both of the same data set, with failures counted as non-matches?"
        )


def holm(p: Sequence[float]) -> Array:
    """Return adjusted p-values that bound the chance of any false positive in the whole table (Holm).

    The smallest of m is multiplied by m, the next by m - 1 and so on, and the order of the values is kept.
    Compare the result with 0.05 as if there were one test only.

    Args:
        p: ``(m,)`` probabilities in [0, 1], of any tests, dependent or not.

    Raises:
        ValueError: a value outside [0, 1].

    >>> holm([0.01, 0.04, 0.03]).round(6).tolist()
    [0.03, 0.06, 0.06]
    """
    raw = np.asarray(p, dtype=np.float64)
    if raw.ndim != 1 or not ((raw >= 0) & (raw <= 1)).all():
        raise ValueError(f"Holm's correction needs a sequence of probabilities in [0, 1], not {p}")
    order = np.argsort(raw, kind="stable")
    raised = np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1))
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(raised, 1.0)
    return adjusted


def difference(first: Bools, second: Bools, who: npt.NDArray[np.int64]) -> Estimate:
    """Return the accuracy of the first model - that of the second, with an interval by identity.

    The interval is that of the mean difference per pair, so that pairs that are hard for both models cancel. If the
    difference is the same for all pairs, the interval is widened by Wilson's bound for 0 of as many trials as people.

    Args:
        first: ``(n,)`` True where the first model is correct.
        second: ``(n,)`` True where the second is, of the same pairs in the same order.
        who: ``(n, 2)`` identity numbers.

    Raises:
        ValueError: no pairs, different numbers of pairs, or all pairs of one person.

    >>> who = np.array([[0, 0], [1, 1], [2, 2], [3, 3]])
    >>> difference(np.array([True, True, True, False]), np.array([True, False, True, False]), who).value
    0.25
    """
    _same_pairs(first, second)
    if who.shape != (len(first), 2):
        raise ValueError(f"who must have shape ({len(first)}, 2), one row per pair, not {who.shape}")
    apart = first.astype(np.float64) - second
    found = intervals.mean(apart, who)
    return _within_reach(found.value, (found.low, found.high), who, len(first))


def curve_differences(first: Scores, second: Scores, *, fars: Sequence[float]) -> Mapping[str, Estimate]:
    """Return AUC, EER and TAR at each FAR of the first model - those of the second, with intervals by identity.

    Both models are resampled over the same people, so that what is hard for both cancels. The names are ``auc``,
    ``eer`` and ``tar_at_far`` followed by the FAR; a FAR that the impostor pairs cannot resolve is left out.

    Args:
        first: n pairs, failures as non-matches.
        second: the same pairs in the same order.
        fars: false accept rates, fractions.

    Raises:
        ValueError: the pairs are not the same, or not of both kinds.
    """
    if not np.array_equal(first.who, second.who):
        raise ValueError("the two models were not compared on the same pairs in the same order")
    rankings, impostors = (Ranking(first), Ranking(second)), int((~first.genuine).sum())
    shown = [far for far in fars if resolvable(impostors, far)]

    def apart(weights: Array | None) -> dict[str, float]:
        ours, theirs = (_summary(ranking, weights, shown, impostors) for ranking in rankings)
        return {name: ours[name] - theirs[name] for name in ours}

    values = apart(None)
    spreads = intervals.bootstrap(apart, first.who, generator=np.random.default_rng(_SEED))
    return {
        name: _within_reach(value, spreads[name], first.who, len(first))
        for name, value in values.items()
        if name in spreads
    }


def _within_reach(value: float, spread: tuple[float, float], who: npt.NDArray[np.int64], n: int) -> Estimate:
    """Clip a difference of two fractions to [-1, 1]; an interval of width 0 is widened by Wilson's bound."""
    low, high = min(value, spread[0]), max(value, spread[1])
    doubt = 0.0 if high > low else intervals.wilson(0.0, len(np.unique(who)))[1]
    return Estimate(value, max(-1.0, low - doubt), min(1.0, high + doubt), n)


def _summary(ranking: Ranking, weights: Array | None, fars: Sequence[float], impostors: int) -> dict[str, float]:
    points = ranking.curve(weights)
    found = {"auc": area_under_curve(points), "eer": eer(points).rate}
    for far in fars:
        found[f"tar_at_far {far!r}"] = 1 - fnmr_at_fmr(points, far, impostors=impostors).fnmr
    return found
