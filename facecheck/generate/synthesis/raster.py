"""A z-buffer in numpy: fragments of small triangles, and the nearest fragment of each pixel.

Fragments of all triangles are in one array, so the cost grows with the number of covered samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from facecheck.generate.synthesis.arrays import Floats, Ints

__all__ = ["Fragments", "depth_map", "nearest_fragments", "rasterise"]

_INSIDE: Final = -1e-9
_DEPTH_STEPS: Final = 2**30
_EMPTY: Final = np.iinfo(np.int64).max


class Fragments(NamedTuple):
    """Covered samples: flat ``pixel``, ``depth``, ``triangle`` and barycentric ``weights (k, 3)``."""

    pixel: Ints
    depth: Floats
    triangle: Ints
    weights: Floats


def _bounds(corners: Sequence[Floats], limit: int) -> tuple[Ints, Ints]:
    """First sample and number of samples whose centres lie between the smallest and the largest of three corners."""
    one, two, three = corners  # separate arrays, because numpy's reductions over an axis of length 3 are slow
    least, greatest = np.minimum(np.minimum(one, two), three), np.maximum(np.maximum(one, two), three)
    first = np.maximum(np.ceil(least - 0.5).astype(np.int64), 0)
    last = np.minimum(np.floor(greatest - 0.5).astype(np.int64), limit - 1)
    return first, np.maximum(last - first + 1, 0)


def rasterise(points: Floats, triangles: Ints, size: int) -> Fragments:
    """Fragments of ``triangles (m, 3)`` on a square of ``size`` samples a side.

    Args:
        points: ``(n, 3)`` sample x, sample y and depth.
        triangles: corners.
        size: samples per side; sample centres lie at halves.
    """
    corner_x, corner_y = ([points[:, axis][triangles[:, corner]] for corner in range(3)] for axis in range(2))
    left, wide = _bounds(corner_x, size)
    top, high = _bounds(corner_y, size)
    covered = wide * high
    drawn = np.flatnonzero(covered)
    owner = np.repeat(np.arange(len(drawn)), covered[drawn])
    first = np.cumsum(covered[drawn]) - covered[drawn]
    offset = np.arange(len(owner)) - first[owner]
    triangle = drawn[owner]
    x, y = left[triangle] + offset % wide[triangle], top[triangle] + offset // wide[triangle]
    ax, ay = corner_x[0][drawn], corner_y[0][drawn]
    bx, by = corner_x[1][drawn] - ax, corner_y[1][drawn] - ay
    cx, cy = corner_x[2][drawn] - ax, corner_y[2][drawn] - ay
    area = bx * cy - by * cx
    scale = np.divide(1.0, area, out=np.zeros_like(area), where=np.abs(area) > -_INSIDE * 1e-3)[owner]
    dx, dy = x + 0.5 - ax[owner], y + 0.5 - ay[owner]
    second = (dx * cy[owner] - dy * cx[owner]) * scale
    third = (bx[owner] * dy - by[owner] * dx) * scale
    inside = (second >= _INSIDE) & (third >= _INSIDE) & (second + third <= 1 - _INSIDE) & (scale != 0)
    second, third, triangle = second[inside], third[inside], triangle[inside]
    weights = np.stack([1 - second - third, second, third], axis=1)
    depth = np.einsum("kc,kc->k", points[triangles[triangle], 2], weights)
    return Fragments(y[inside] * size + x[inside], depth, triangle, weights)


def depth_map(points: Floats, triangles: Ints, size: int) -> Floats:
    """Nearest depth of each sample ``(size * size,)``; infinite for empty samples."""
    fragments = rasterise(points, triangles, size)
    nearest = np.full(size * size, np.inf)
    np.minimum.at(nearest, fragments.pixel, fragments.depth)
    return nearest


def nearest_fragments(pixel: Ints, depth: Floats, samples: int, depth_range: tuple[float, float]) -> Ints:
    """Index of each sample's nearest fragment ``(samples,)``, -1 for empty samples.

    Depth and index are combined in one integer key, so the lower index wins at equal depths: the result does not
    depend on the order of evaluation.
    """
    near, far = depth_range
    steps = np.clip((depth - near) / (far - near) * _DEPTH_STEPS, 0, _DEPTH_STEPS).astype(np.int64)
    keys = (steps << 32) | np.arange(len(pixel))
    nearest = np.full(samples, _EMPTY)
    np.minimum.at(nearest, pixel, keys)
    return np.where(nearest == _EMPTY, -1, nearest & 0xFFFFFFFF)
