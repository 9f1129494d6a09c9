"""Error rates of groups of people at one threshold for everybody, and how far they lie apart.

FNMR of a group: genuine pairs of its people that do not match. FMR of a group: impostor pairs within it that match; FMR
between two groups: impostor pairs of one person of each. A pair whose images have no label, or a genuine pair whose
images have different ones, is in no group. Failures to acquire are non-matches.

Three numbers say how far rates lie apart: the worst rate over the geometric mean of all, the inequity ratio (largest
over smallest rate, FMR and FNMR weighed) and GARBE (Gini coefficients of FMR and FNMR, weighed; 0 is equal, 1 is most
unequal). A ratio is undefined where a group has no error, and GARBE where no group has one: undefined input raises.

Source: Grother, NIST IR 8429 (worst over geometric mean); Howard, Laird, Sirotin, Rubin, Tipton and Vemury,
arXiv 2203.05051 (inequity ratio, GARBE); ISO/IEC 19795-10 (differential performance across groups).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facecheck.metrics import intervals
from facecheck.metrics.intervals import Estimate
from facecheck.metrics.paired import on_curve
from facecheck.metrics.scores import Scores

__all__ = [
    "FEWEST_GENUINE",
    "FEWEST_IMPOSTORS",
    "FEWEST_PEOPLE",
    "GroupRates",
    "accepted_at_far",
    "garbe",
    "gini",
    "inequity_ratio",
    "rates_by_group",
    "worst_over_geometric_mean",
]

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.str_]
FEWEST_PEOPLE, FEWEST_GENUINE, FEWEST_IMPOSTORS = 10, 30, 100  # of a group about which anything is said


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRates:
    """The rates of every group that is large enough, and which are not.

    Args:
        fnmr: by group.
        fmr: of impostor pairs within each group.
        between: FMR of impostor pairs of two groups, in the order of their names.
        refused: why nothing is said of a group, by its name.
    """

    fnmr: Mapping[str, Estimate]
    fmr: Mapping[str, Estimate]
    between: Mapping[tuple[str, str], Estimate]
    refused: Mapping[str, str]


def rates_by_group(scores: Scores, labels: Labels, threshold: float) -> GroupRates:
    """Count the errors of every group at one threshold, with intervals by identity.

    Args:
        scores: n pairs.
        labels: ``(n, 2)`` group of both images, empty where it is not known.
        threshold: on the similarity, the same for everybody.

    Raises:
        ValueError: labels that do not fit, or a threshold that is NaN.

    >>> who = np.stack((np.repeat(np.arange(10), 4), np.repeat(np.arange(10), 4)), axis=1)
    >>> labels = np.full((40, 2), "old")
    >>> rates_by_group(Scores(np.zeros(40), who), labels, 0.5).refused
    {'old': 'old: 10 people, 40 genuine and 0 impostor pairs; 10, 30 and 100 are needed'}
    """
    if labels.shape != (len(scores), 2):
        raise ValueError(f"labels must have shape ({len(scores)}, 2), not {labels.shape}")
    if np.isnan(threshold):
        raise ValueError("the threshold is NaN: nothing can be counted at it")
    matched, genuine = scores.matched(threshold), scores.genuine
    names = sorted(set(labels.ravel().tolist()) - {""})
    fnmr, fmr, refused = {}, {}, {}
    for name in names:
        inside = (labels == name).all(axis=1)
        own, others = inside & genuine, inside & ~genuine
        reason = _too_small(name, scores.who[labels == name], int(own.sum()), int(others.sum()))
        if reason:
            refused[name] = reason
            continue
        fnmr[name] = intervals.proportion(~matched[own], scores.who[own])
        fmr[name] = intervals.proportion(matched[others], scores.who[others])
    between = {}
    for one, other in itertools.combinations(fmr, 2):
        rows = ~genuine & ((labels == (one, other)).all(axis=1) | (labels == (other, one)).all(axis=1))
        if int(rows.sum()) >= FEWEST_IMPOSTORS:
            between[one, other] = intervals.proportion(matched[rows], scores.who[rows])
    return GroupRates(fnmr=fnmr, fmr=fmr, between=between, refused=refused)


def _too_small(name: str, who: npt.NDArray[np.int64], genuine: int, impostors: int) -> str:
    people = len(np.unique(who))
    if people >= FEWEST_PEOPLE and genuine >= FEWEST_GENUINE and impostors >= FEWEST_IMPOSTORS:
        return ""
    return (
        f"{name}: {people} people, {genuine} genuine and {impostors} impostor pairs; {FEWEST_PEOPLE}, "
        f"{FEWEST_GENUINE} and {FEWEST_IMPOSTORS} are needed"
    )


def accepted_at_far(scores: Scores, rows: npt.NDArray[np.bool_], far: float) -> tuple[float, Array]:
    """Return the share of some pairs that match where at most ``far`` of all impostors do, and each pair's influence.

    The influence ``(n,)`` holds what the pairs themselves add, and what every impostor pair adds by moving the
    threshold that is the same for everybody.

    Args:
        scores: n pairs of both kinds.
        rows: ``(n,)`` pairs whose share is asked for, all of one kind.
        far: a fraction that the impostor pairs resolve.

    Raises:
        ValueError: no such pairs, or too few impostor pairs.

    >>> who = np.array([[0, 0], [1, 1], [0, 1], [0, 2]])
    >>> scores = Scores(np.array([0.9, 0.2, 0.5, 0.3]), who)
    >>> accepted_at_far(scores, np.array([False, True, False, False]), 0.5)[0]
    0.0
    """
    impostors, count = ~scores.genuine, int(rows.sum())
    if not count:
        raise ValueError("no pairs, of which a share could match")
    similarity = np.concatenate((scores.similarity[rows], scores.similarity[impostors]))
    kinds = np.zeros((len(similarity), 2), dtype=np.int64)
    kinds[count:, 1] = 1
    share, influence = on_curve(Scores(similarity, kinds), "tar_at_far", far)
    moved = np.zeros(len(scores))
    moved[rows] += influence[:count]
    moved[impostors] += influence[count:]
    return share, moved


def worst_over_geometric_mean(rates: Array | Sequence[float]) -> float:
    """Return the largest rate over the geometric mean of all: 1 where all are equal.

    Raises:
        ValueError: fewer than two groups, or one without an error.

    Source: NIST IR 8429.

    >>> round(worst_over_geometric_mean([0.01, 0.04]), 9)
    2.0
    """
    found = _positive(rates, "the worst rate over the geometric mean")
    return float(found.max() / np.exp(np.log(found).mean()))


def gini(rates: Array | Sequence[float]) -> float:
    """Return the Gini coefficient of k rates with the correction k / (k - 1): 0 is equal, 1 is all in one group.

    Raises:
        ValueError: fewer than two groups, or no error in any.

    Source: arXiv 2203.05051, equation of GARBE.

    >>> round(gini([0.01, 0.03]), 9), gini([0.0, 0.02])
    (0.5, 1.0)
    """
    found = _checked(rates)
    if not found.any():
        raise ValueError("GARBE is undefined: no group has an error")
    k = len(found)
    apart = float(np.abs(found[:, None] - found[None]).sum())
    return float(k / (k - 1) * apart / (2 * k**2 * found.mean()))


def garbe(fmr: Array | Sequence[float], fnmr: Array | Sequence[float], *, alpha: float = 0.5) -> float:
    """Return GARBE, the Gini aggregation rate for biometric equitability: 0 is equal.

    Args:
        fmr: of each of k groups.
        fnmr: of each of the same groups.
        alpha: weight of FMR, 0 to 1; 1 - alpha is that of FNMR.

    Raises:
        ValueError: fewer than two groups, a weight that is none, or no error of one kind in any group.

    Source: arXiv 2203.05051; ISO/IEC 19795-10.

    >>> round(garbe([0.01, 0.03], [0.02, 0.02]), 9)
    0.25
    """
    _check_weight(alpha)
    return alpha * gini(fmr) + (1 - alpha) * gini(fnmr)


def inequity_ratio(fmr: Array | Sequence[float], fnmr: Array | Sequence[float], *, alpha: float = 0.5) -> float:
    """Return the inequity ratio: largest over smallest FMR and FNMR, weighed as exponents; 1 is equal.

    Args:
        fmr: of each of k groups.
        fnmr: of each of the same groups.
        alpha: weight of FMR, 0 to 1; 1 - alpha is that of FNMR.

    Raises:
        ValueError: fewer than two groups, a weight that is none, or a group without an error.

    Source: arXiv 2203.05051, after NIST; ISO/IEC 19795-10.

    >>> inequity_ratio([0.01, 0.04], [0.02, 0.02])
    2.0
    """
    _check_weight(alpha)
    of_fmr, of_fnmr = (_positive(rates, "the inequity ratio") for rates in (fmr, fnmr))
    return float((of_fmr.max() / of_fmr.min()) ** alpha * (of_fnmr.max() / of_fnmr.min()) ** (1 - alpha))


def _check_weight(alpha: float) -> None:
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be a weight in [0, 1], not {alpha}")


def _checked(rates: Array | Sequence[float]) -> Array:
    found = np.asarray(rates, dtype=np.float64)
    if found.ndim != 1 or len(found) < 2:  # noqa: PLR2004 - nothing to compare
        raise ValueError(f"{found.size} groups: rates lie apart between two or more")
    if not ((found >= 0) & (found <= 1)).all():
        raise ValueError("a rate is a fraction in [0, 1]; did you give percent?")
    return found


def _positive(rates: Array | Sequence[float], what: str) -> Array:
    found = _checked(rates)
    if not found.all():
        raise ValueError(f"{what} is undefined: {int((found == 0).sum())} of {len(found)} groups have no error")
    return found
