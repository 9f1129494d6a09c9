"""Metrics over all thresholds: ROC and DET, AUC, EER, and the operating point at an FMR."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from facecheck.metrics.scores import Scores

__all__ = [
    "Curve",
    "EqualErrorRate",
    "OperatingPoint",
    "Ranking",
    "area_under_curve",
    "auc",
    "curve",
    "eer",
    "fnmr_at_fmr",
    "resolvable",
]
Array = npt.NDArray[np.float64]
_GATE_ERRORS = 30  # impostor errors expected at a FAR before a limit may be set on it (Doddington)


class OperatingPoint(NamedTuple):
    """Rates observed at one threshold."""

    threshold: float
    fmr: float
    fnmr: float


class EqualErrorRate(NamedTuple):
    """The rate at which FMR and FNMR cross, and the similarity there."""

    rate: float
    threshold: float


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Every distinct operating point of the scores, strictest first.

    Args:
        thresholds: ``(k,)`` distinct similarities, falling; the first is ``+inf``, where no pair matches.
        fmr: ``(k,)`` fraction of impostor pairs that match.
        fnmr: ``(k,)`` fraction of genuine pairs that do not match.
        tmr: ``(k,)`` fraction of genuine pairs that match. Stored beside ``fnmr`` because ``1 - fnmr`` would be
            rounded twice.
    """

    thresholds: Array
    fmr: Array
    fnmr: Array
    tmr: Array


class Ranking:
    """Scores sorted once, so that each of thousands of re-weighted curves costs two cumulative sums.

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
        """Return the curve with each pair counted ``weights`` (n,) times, once by default.

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
    """Return the points of the ROC; the DET curve plots ``fnmr`` instead of ``tmr``.

    Raises:
        ValueError: no genuine or no impostor pair.
    """
    return Ranking(scores).curve()


def area_under_curve(points: Curve) -> float:
    """Return the probability that a genuine pair has a higher score than an impostor pair; ties count one half."""
    fmr, tmr = np.append(points.fmr, 1.0), np.append(points.tmr, 1.0)
    return float(np.trapezoid(tmr, fmr))


def auc(scores: Scores) -> float:
    """Return the area under the ROC; failed comparisons are ties below all others.

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
    matches" (FMR 1, FNMR 0). Other definitions give other values on small sets; the tests fix this one.

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
    """Return whether there are enough impostor pairs for an FMR: 1/fmr to report it, 30/fmr to set a limit on it."""
    errors = _GATE_ERRORS if for_gate else 1
    return impostors > 0 and errors / impostors <= fmr


def _needed(fmr: float) -> int:
    """Return the smallest number of impostor pairs that resolves an FMR; 1/fmr may round up or down."""
    near = math.ceil(1 / fmr)
    return next(n for n in (near - 1, near, near + 1) if resolvable(n, fmr))


def fnmr_at_fmr(points: Curve, fmr: float, *, impostors: int) -> OperatingPoint:
    """Return the operating point with the lowest FNMR at which at most ``fmr`` of the impostor pairs match.

    The threshold is the lowest observed score that keeps the measured FMR within ``fmr``. Nothing is
    interpolated: the returned rates were observed.

    Args:
        points: the curve.
        fmr: tolerated false match rate, a fraction in ``[1/impostors, 1)``, or 0 for the ZeroFMR.
        impostors: number of impostor pairs behind the curve.

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
            f"{impostors} impostor pairs cannot resolve an FMR of {fmr:g}: at least {_needed(fmr)} are needed"
        )
    within = int(np.searchsorted(points.fmr, fmr, side="right")) - 1
    return OperatingPoint(float(points.thresholds[within]), float(points.fmr[within]), float(points.fnmr[within]))
