"""Error against discard: what is left of the errors when comparisons of the lowest quality are discarded.

The quality of a comparison is the lower one of its two images. Comparisons of equal quality are discarded together, so
that their order does not matter; between two fractions that can be discarded the error is that of the lower fraction
(a step, nothing is interpolated). The threshold stays what it was before anything was discarded.

The area under the curve up to a fraction, over that of a curve that stays at its beginning, says what a quality is
worth: 1 for a quality that says nothing, less for one that finds the errors, more for one that misleads.

Source: Grother and Tabassi, IEEE TPAMI 29(4) 2007 (error versus reject); ISO/IEC 29794-1 (EDC); Schlett, Rathgeb, Tapia
and Busch, arXiv 2303.13294 (steps, partial areas).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facecheck.metrics.curves import curve, fnmr_at_fmr
from facecheck.metrics.influence import of_mean
from facecheck.metrics.scores import Scores

__all__ = [
    "DiscardCurve",
    "area_at_far",
    "discard_curve",
    "influence_of_area",
    "influence_of_relative_area",
    "pair_quality",
]

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
LIMIT = 0.2  # of the comparisons, up to which the area is taken


@dataclass(frozen=True, slots=True, eq=False)
class DiscardCurve:
    """The error after each discard.

    Args:
        discarded: ``(k,)`` fractions of the comparisons, rising from 0.
        error: ``(k,)`` share of errors among those that are left.
        quality: ``(k,)`` lowest quality that is kept.
    """

    discarded: Array
    error: Array
    quality: Array

    def at(self, fraction: float) -> int:
        """Return the number of the step at a fraction: the most that can be discarded within it."""
        return int(np.searchsorted(self.discarded, fraction, side="right")) - 1

    def area(self, limit: float = LIMIT) -> float:
        """Return the area under the steps from 0 to a fraction.

        Raises:
            ValueError: a limit outside (0, 1].
        """
        return float(self.error @ self._widths(limit))

    def relative_area(self, limit: float = LIMIT) -> float:
        """Return the area over that of no discarding.

        Raises:
            ValueError: a limit outside (0, 1], or no error before anything is discarded.
        """
        if not self.error[0] > 0:
            raise ValueError("without an error nothing can be discarded for the better: the area is undefined")
        return self.area(limit) / (float(self.error[0]) * limit)

    def _widths(self, limit: float) -> Array:
        if not 0 < limit <= 1:
            raise ValueError(f"the limit is a fraction in (0, 1], not {limit}; did you give percent?")
        ends = np.append(self.discarded, 1.0)
        return np.asarray(np.diff(np.minimum(ends, limit)))


def pair_quality(of_image: Array, indices: npt.NDArray[np.int64]) -> Array:
    """Return the quality of each comparison: the lower one of its images.

    Args:
        of_image: ``(m,)``, ``-inf`` for an image of which it is known to be the worst.
        indices: ``(n, 2)`` images of each comparison.

    Raises:
        ValueError: an image without a quality (NaN).
    """
    found = of_image[indices].min(axis=1)
    if np.isnan(found).any():
        raise ValueError(f"{int(np.isnan(of_image).sum())} images have no quality")
    return np.asarray(found)


def discard_curve(wrong: Bools, quality: Array) -> DiscardCurve:
    """Return the error after discarding the comparisons of the lowest quality.

    Args:
        wrong: ``(n,)`` whether each comparison is judged wrongly.
        quality: ``(n,)`` higher is better; only its order counts.

    Raises:
        ValueError: no comparisons, or a quality that is NaN.

    >>> curve = discard_curve(np.array([True, True, False, False]), np.array([1.0, 2.0, 3.0, 3.0]))
    >>> curve.discarded.tolist(), curve.error.tolist()
    ([0.0, 0.25, 0.5], [0.5, 0.3333333333333333, 0.0])
    """
    if not len(wrong) or wrong.shape != quality.shape:
        raise ValueError(f"expected as many qualities as comparisons, one at least: {wrong.shape} and {quality.shape}")
    if np.isnan(quality).any():
        raise ValueError(f"{int(np.isnan(quality).sum())} comparisons have no quality")
    kept, first = np.unique(np.sort(quality), return_index=True)
    errors = np.append(np.cumsum(wrong[np.argsort(quality, kind="stable")])[::-1], 0)[::-1]
    left = len(wrong) - first
    return DiscardCurve(first / len(wrong), (errors[-1] - errors[first]) / left, kept)


def influence_of_area(wrong: Bools, quality: Array, *, limit: float = LIMIT) -> Array:
    """Return the influence of each comparison on the area; they sum to 0.

    Args:
        wrong: ``(n,)`` whether each comparison is judged wrongly.
        quality: ``(n,)``.
        limit: of the area.

    Raises:
        ValueError: as :func:`discard_curve` and its area.
    """
    steps, n = discard_curve(wrong, quality), len(wrong)
    weights = steps._widths(limit) / (1 - steps.discarded) / n  # noqa: SLF001 - of this module
    # A comparison takes part in every step up to its own quality.
    reach = np.searchsorted(steps.quality, quality, side="right")
    total = np.concatenate(([0.0], np.cumsum(weights)))[reach]
    centre = np.concatenate(([0.0], np.cumsum(weights * steps.error)))[reach]
    # It also moves the fractions at which the steps above it lie.
    drops = np.where(steps.discarded < limit, -np.diff(steps.error, prepend=steps.error[0]), 0.0) / n
    above = np.append(np.cumsum(drops[::-1])[::-1], 0.0)[reach] - float(drops @ steps.discarded)
    return np.asarray(total * wrong - centre + above)


def influence_of_relative_area(wrong: Bools, quality: Array, *, limit: float = LIMIT) -> Array:
    """Return the influence of each comparison on the relative area; they sum to 0.

    Args:
        wrong: ``(n,)`` whether each comparison is judged wrongly.
        quality: ``(n,)``.
        limit: of the area.

    Raises:
        ValueError: as :func:`discard_curve` and its relative area.
    """
    steps = discard_curve(wrong, quality)
    value, n = steps.relative_area(limit), len(wrong)
    moved = influence_of_area(wrong, quality, limit=limit) / limit
    return np.asarray((moved - value * (wrong - steps.error[0]) / n) / steps.error[0])


def area_at_far(scores: Scores, quality: Array, far: float, *, limit: float = LIMIT) -> tuple[float, Array]:
    """Return the area of the genuine comparisons where at most ``far`` of impostors match, and each pair's influence.

    The influence ``(n,)`` holds what impostor pairs add by moving the threshold: the area's slope is taken between the
    thresholds of one standard error of the FAR to either side.

    Args:
        scores: n pairs of both kinds; those that were not made have no quality and are left out.
        quality: ``(n,)`` of the pairs; only those of genuine pairs count.
        far: a fraction that the impostor pairs resolve.
        limit: of the area.

    Raises:
        ValueError: no genuine comparison, or too few impostor pairs.
    """
    genuine, count, points = scores.genuine, int((~scores.genuine).sum()), curve(scores)
    rows = genuine & scores.made

    def wrong(rate: float) -> tuple[float, Bools]:
        threshold = fnmr_at_fmr(points, rate, impostors=count).threshold
        return threshold, ~scores.matched(threshold)[rows]

    def area(rate: float) -> float:
        return discard_curve(wrong(rate)[1], quality[rows]).area(limit)

    threshold, errors = wrong(far)
    half = float(np.sqrt(far * (1 - far) / count))
    low, high = max(far - half, 1 / count), min(far + half, 1 - 1 / count)
    slope = (area(high) - area(low)) / (high - low)
    moved = np.zeros(len(scores))
    moved[rows] = influence_of_area(errors, quality[rows], limit=limit)
    moved[~genuine] = -slope * of_mean(scores.matched(threshold)[~genuine].astype(np.float64))
    return area(far), moved
