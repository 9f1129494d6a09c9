"""Blurs of lens, glass and motion. Lengths in pixels are those of a face of 224 px and are scaled to the face."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from facecheck.corruptions.corruption import Given
from facecheck.corruptions.placement import face_centre, size_factor
from facecheck.faces import Image

__all__ = ["STEPS_PER_PX", "defocus_blur", "fading_trail", "glass_blur", "motion_blur", "streak", "zoom_blur"]

Field = TypeVar("Field", Image, npt.NDArray[np.float32])

Array = npt.NDArray[np.float64]

_DEFOCUS = ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))  # radius of the disk, softness of its rim, px
_GLASS = ((0.7, 1, 2), (0.9, 2, 1), (1.0, 2, 3), (1.1, 3, 2), (1.5, 4, 2))  # blur px, reach px, rounds
_MOTION = ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))  # half the length of the trail, its standard deviation, px
_ZOOM = ((1.11, 12), (1.15, 16), (1.20, 11), (1.24, 13), (1.30, 11))  # largest zoom, number of exposures
STEPS_PER_PX = 4


def defocus_blur(image: Image, severity: float, given: Given) -> Image:
    """Average over a disk with a rim softened by a small Gaussian."""
    radius, softness = (size_factor(image, given) * length for length in _DEFOCUS[int(severity) - 1])
    reach = int(np.ceil(min(radius, _longest(image)) + 3 * softness))
    offset = np.arange(-reach, reach + 1)
    disk = (offset[:, None] ** 2 + offset**2 <= radius**2).astype(np.float32)
    kernel = cv2.GaussianBlur(disk, (0, 0), max(softness, 1e-3), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), dtype=np.uint8)


def glass_blur(image: Image, severity: float, given: Given) -> Image:
    """Blur, let every pixel show one within reach for some rounds, and blur again.

    The original visits the pixels from the last to the first and is written as if it swapped each with a neighbour. But
    it swaps views of one array: the neighbour replaces the pixel, and nothing replaces the neighbour. The published
    pictures were made so, and so are these, all pixels of a round at a time.
    """
    factor = size_factor(image, given)
    deviation, reach, rounds = _GLASS[int(severity) - 1]
    wide = min(max(1, round(reach * factor)), _longest(image))
    # The reach is a whole number, so only a share of the pixels moves: the mean square shift is the scaled one.
    share = min(1.0, factor**2 * (2 * reach**2 + 1) / (2 * wide**2 + 1))
    blurred = _gaussian(image, deviation * factor)
    places = np.arange(image.shape[0] * image.shape[1]).reshape(image.shape[:2])
    for _ in range(rounds):
        places = _from_neighbours(places, _neighbours(places.shape, wide, share, given.generator))
    shuffled = blurred.reshape(-1, 3)[places]
    return _gaussian(shuffled, deviation * factor)


def _neighbours(
    shape: tuple[int, ...], reach: int, share: float, generator: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Return the flat index of each pixel's neighbour, its own where it has none: at the edges, and beyond the share.

    A neighbour is at most ``reach`` px up or left and ``reach - 1`` px down or right, as in the original.
    """
    height, width = shape
    own = np.arange(height * width).reshape(height, width)
    down, right = generator.integers(-reach, reach, (2, height, width)) * (generator.random((height, width)) < share)
    inner = np.s_[reach + 1 : height - reach + 1, reach + 1 : width - reach + 1]
    chosen = own.copy()
    chosen[inner] += (down * width + right)[inner]
    return chosen


def _from_neighbours(values: npt.NDArray[np.int64], neighbours: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return what is left when each pixel in turn, from the last to the first, takes its neighbour's value.

    A neighbour that comes later in the picture has its new value by then, which may be that of its own neighbour, and
    so on: each pixel follows such a chain to its end, two steps as one until no chain is left.
    """
    chosen, own = neighbours.ravel(), np.arange(values.size)
    end = np.where(chosen > own, chosen, own)
    while not np.array_equal(end, further := end[end]):
        end = further
    return np.asarray(values.ravel()[chosen[end]].reshape(values.shape))


def _gaussian(image: Image, deviation: float) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), deviation), dtype=np.uint8)


def motion_blur(image: Image, severity: float, given: Given) -> Image:
    """Blur along a trail on one side of every pixel, within 45 degrees of the horizontal."""
    half_length, deviation = (size_factor(image, given) * length for length in _MOTION[int(severity) - 1])
    return fading_trail(image, half_length, deviation, given.generator.uniform(-np.pi / 4, np.pi / 4))


def fading_trail(field: Field, half_length: float, deviation: float, angle_rad: float) -> Field:
    """Average each pixel with the pixels on one side, weighted by half of a Gaussian.

    This is ImageMagick's motion blur, which ImageNet-C calls.

    Args:
        field: ``(h, w)`` or ``(h, w, 3)``.
        half_length: half the length of the trail, px.
        deviation: standard deviation of the Gaussian, px.
        angle_rad: clockwise from the right.
    """
    along = np.arange(0, min(2 * half_length, max(field.shape)), 1 / STEPS_PER_PX)
    return streak(field, along, np.exp(-((along / deviation) ** 2) / 2), angle_rad)


def streak(field: Field, along: Array, weights: Array, angle_rad: float) -> Field:
    """Average over points on a line through each pixel.

    Args:
        field: ``(h, w)`` or ``(h, w, 3)``.
        along: ``(n,)`` positions on the line, px, ``STEPS_PER_PX`` of them per px.
        weights: ``(n,)``.
        angle_rad: of the line, clockwise from the right.
    """
    x, y = along * np.cos(angle_rad), along * np.sin(angle_rad)
    reach = int(np.ceil(np.abs(along).max())) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    column, row = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    for right in (0, 1):
        for below in (0, 1):
            share = np.abs(1 - right - (x - column)) * np.abs(1 - below - (y - row))
            np.add.at(kernel, (row + below + reach, column + right + reach), weights * share)
    return _filter(field, (kernel / kernel.sum()).astype(np.float32))


def _filter(field: Field, kernel: npt.NDArray[np.float32]) -> Field:
    """Correlate with a kernel around its centre; empty margins of the kernel are cut off to save time."""
    rows, columns = (np.flatnonzero(kernel.any(axis=axis)) for axis in (1, 0))
    reach = kernel.shape[0] // 2
    seen = np.ascontiguousarray(kernel[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    anchor = (reach - int(columns[0]), reach - int(rows[0]))
    filtered = cv2.filter2D(field, -1, seen, anchor=anchor, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(filtered, dtype=field.dtype)


def zoom_blur(image: Image, severity: float, given: Given) -> Image:
    """Average exposures while zooming in on the face."""
    largest, exposures = _ZOOM[int(severity) - 1]
    x, y = face_centre(image, given)
    total = image.astype(np.uint16)
    for zoom in np.linspace(1, largest, exposures):
        from_x, from_y = (
            np.asarray(middle + (np.arange(length) - middle) / zoom, dtype=np.float32)
            for middle, length in ((x, image.shape[1]), (y, image.shape[0]))
        )
        exposed = cv2.remap(image, *np.meshgrid(from_x, from_y), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        total += np.asarray(exposed, dtype=np.uint8)
    return ((total + (exposures + 1) // 2) // (exposures + 1)).astype(np.uint8)


def _longest(image: Image) -> int:
    height, width, _ = image.shape
    return int(max(height, width))
