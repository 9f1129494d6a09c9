"""Paired comparison of two models on the same pairs: is the difference larger than chance explains?

:func:`difference` and :func:`curve_difference` test by identity: their variance counts pairs that share a person as
dependent. McNemar's test takes all pairs as independent. With 72 people in 6807 pairs it finds a difference between
equally good models in four of ten cases at a level of 5 % (``benchmarks/coverage.py``), so its counts of pairs that
one model alone judges correctly only describe a comparison.

Source: McNemar, Psychometrika 1947; Holm, Scandinavian Journal of Statistics 1979; for the tests by identity see
:mod:`facecheck.metrics.dyads`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr
from scipy.stats import binom

from facecheck.metrics import area_under_curve, curve, eer, fnmr_at_fmr, influence, intervals
from facecheck.metrics.dyads import Dyads, Spread
from facecheck.metrics.intervals import Estimate
from facecheck.metrics.scores import Scores

__all__ = [
    "LEAST_VARIANCE",
    "Difference",
    "McNemar",
    "curve_difference",
    "difference",
    "freedom_of",
    "holm",
    "mcnemar",
    "on_curve",
]

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
LEAST_VARIANCE = 0.5  # of a difference, relative to that of independent pairs; at 1 the test would reject too seldom
_LEVEL = 0.05
_LEAST = float(np.nextafter(0.0, 1.0))  # a p-value below the smallest float is reported as that float, not as 0


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
    """Count the pairs that one of two models judges correctly, with McNemar's test: exact, two-sided, binomial.

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
    fewer, trials = min(only_first, only_second), only_first + only_second
    # Of a fair coin both tails are alike; `binomtest`, which returns the same bits, searches for the second.
    p = float(binom.cdf(fewer, trials, 0.5) + binom.sf(trials - fewer - 1, trials, 0.5))
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


class Difference(NamedTuple):
    """By how much one model differs from another on the same pairs.

    Args:
        lead: value of the first - value of the second, with its 95 % interval by identity.
        p: two-sided probability of a difference at least as large if both models were equally good, in (0, 1].
    """

    lead: Estimate
    p: float


def difference(first: Bools, second: Bools, who: npt.NDArray[np.int64], *, dyads: Dyads | None = None) -> Difference:
    """Test by identity whether two models judge the same pairs equally well.

    The test is Student's for the mean difference per pair, with its variance over people: pairs that are hard for
    both models cancel, and people who are hard for one of them count once. It rejects at 5 % where the 95 % interval
    lacks 0. Its p is never below what as many fair coins as there are pairs judged differently could show: five pairs
    separate nothing. If the difference is the same for all pairs, the interval is widened by Wilson's bound for 0 of
    as many trials as people, and the test is the sign test of people.

    Args:
        first: ``(n,)`` True where the first model is correct.
        second: ``(n,)`` True where the second is, of the same pairs in the same order.
        who: ``(n, 2)`` identity numbers.
        dyads: of them, where they are counted already.

    Raises:
        ValueError: no pairs, different numbers of pairs, or all pairs of one person.

    >>> who = np.array([[0, 0], [1, 1], [2, 2], [3, 3]])
    >>> difference(np.array([True, True, True, False]), np.array([True, False, True, False]), who).lead.value
    0.25
    """
    _same_pairs(first, second)
    if who.shape != (len(first), 2):
        raise ValueError(f"who must have shape ({len(first)}, 2), one row per pair, not {who.shape}")
    apart, genuine, dyads = first.astype(np.float64) - second, who[:, 0] == who[:, 1], dyads or Dyads.of(who)
    if dyads.count < 2 or len(first) < 2:  # noqa: PLR2004 - no spread over one
        raise ValueError(f"{len(first)} pairs of {dyads.count} people: a paired test needs two of each")
    spread = dyads.spread(influence.of_mean(apart, genuine), genuine, least=LEAST_VARIANCE)
    found = _tested(float(apart.mean()), spread, spread.freedom_of_all, dyads.count, len(first))
    return _at_least(found, 2.0 * 0.5 ** int((first != second).sum()))


def _at_least(found: Difference, p: float) -> Difference:
    """Return a difference with a p of at least this, and with 0 in its interval where p is then at least 5 %."""
    if found.p >= p:
        return found
    lead = found.lead
    if p >= _LEVEL:
        lead = lead._replace(low=min(lead.low, 0.0), high=max(lead.high, 0.0))
    return Difference(lead, min(1.0, p))


def curve_difference(
    first: Scores, second: Scores, *, metric: str, far: float | None = None, dyads: Dyads | None = None
) -> Difference:
    """Test by identity whether two models have the same AUC, EER or TAR at an FAR.

    The influence of each pair on both models is subtracted, so that what is hard for both cancels.

    Args:
        first: n pairs, failures as non-matches.
        second: the same pairs in the same order.
        metric: ``auc``, ``eer`` or ``tar_at_far``.
        far: false accept rate, a fraction, for ``tar_at_far``.
        dyads: of their people, where they are counted already.

    Raises:
        ValueError: the pairs are not the same, not of both kinds, of one person, or too few for the FAR; or an
            unknown metric.
    """
    if not np.array_equal(first.who, second.who):
        raise ValueError("the two models were not compared on the same pairs in the same order")
    dyads = dyads or Dyads.of(first.who)
    if dyads.count < 2:  # noqa: PLR2004 - no spread over one
        raise ValueError(f"pairs of {dyads.count} people: a paired test needs two")
    (ours, our_influence), (theirs, their_influence) = (on_curve(each, metric, far) for each in (first, second))
    spread = dyads.spread(our_influence - their_influence, first.genuine, least=LEAST_VARIANCE)
    return _tested(ours - theirs, spread, freedom_of(metric, spread), dyads.count, len(first))


def freedom_of(metric: str, spread: Spread) -> float:
    """Return the degrees of freedom of a difference of a metric.

    Of a rate at a threshold that the scores set (EER, TAR), single pairs are counted, so that their variance is known.
    """
    return spread.freedom if metric in ("eer", "tar_at_far") else spread.freedom_of_all


def on_curve(scores: Scores, metric: str, far: float | None = None) -> tuple[float, Array]:
    """Return the value of a metric over all thresholds, and the influence ``(n,)`` of each pair on it.

    Raises:
        ValueError: an unknown metric, or pairs of one kind, or too few for the FAR.
    """
    points = curve(scores)
    if metric == "auc":
        return area_under_curve(points), influence.of_auc(scores)
    if metric == "eer":
        return eer(points).rate, influence.of_eer(scores, points)
    if metric != "tar_at_far" or far is None:
        raise ValueError(f"expected auc, eer, or tar_at_far with an FAR, not {metric} with {far}")
    point = fnmr_at_fmr(points, far, impostors=int((~scores.genuine).sum()))
    return 1 - point.fnmr, influence.of_tar(scores, points, point.threshold)


def _tested(value: float, spread: Spread, freedom: float, people: int, n: int) -> Difference:
    """Return a difference of two fractions, within [-1, 1]; without any spread people bound it."""
    if not spread.variance > 0:
        doubt = intervals.wilson(0.0, people)[1]
        lead = Estimate(value, max(-1.0, value - doubt), min(1.0, value + doubt), n)
        return Difference(lead, max(_LEAST, 2.0 * 0.5**people) if value else 1.0)
    found = intervals.around(value, spread, n, freedom=freedom)
    p = 2.0 * float(stdtr(freedom, -abs(value) / np.sqrt(spread.variance)))
    return Difference(found._replace(low=max(-1.0, found.low), high=min(1.0, found.high)), min(1.0, max(_LEAST, p)))
