"""ImageNet-C's weather. Sizes in pixels are those of a face of 224 px and are scaled to the face."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from facecheck.corruptions.corruption import Given
from facecheck.corruptions.optics import fading_trail
from facecheck.corruptions.pixels import Fractions, to_bytes, to_fractions
from facecheck.corruptions.placement import size_factor
from facecheck.faces import Image

__all__ = ["fog", "frost", "snow"]

Array = npt.NDArray[np.float64]

# Mean and standard deviation of the flakes' brightness, their grain in px, the lowest visible brightness, half the
# length and the standard deviation of their trails in px, and the share of the clear image that is kept.
_SNOW = (
    (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
    (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
    (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
    (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
    (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
)
_FROST = ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))  # share of the image, and of the frost
_FOG = ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4))  # thickness, smoothness
_CLOUD_SIDE = 256
_SHIFT = 4  # lines are drawn with a resolution of 1/16 px

# The authors' photographs of frost, measured: colour relative to blue, and brightness of blue. The contrast within a
# crop of theirs is half of what the drawn ice has.
_FROST_COLOUR = (0.815, 0.934, 1.0)
_FROST_BRIGHTNESS = (0.52, 0.88)
_FROST_RELIEF = 0.5
_FERNS_PER_FACE, _MOST_FERNS = 25, 2000  # per 224 x 224 px, and per image, of each brightness
_FERN_BRIGHTNESS = (90, 160, 255)
_FERN_LENGTH = (15, 120)  # px
_BRANCHES, _BRANCH_LENGTH = 12, 0.4  # on each side, and the length of the longest as a share of the stem
_BRANCH_ANGLE = np.pi / 3  # ice crystals have branches at 60 degrees


def snow(image: Image, severity: float, given: Given) -> Image:
    """Whiten the image and add falling flakes, with trails within 45 degrees of the vertical."""
    mean, deviation, grain, least, half_length, trail, kept = _SNOW[int(severity) - 1]
    factor, generator = size_factor(image, given), given.generator
    flakes = _enlarged(image, grain * factor, lambda shape: mean + deviation * _normal(generator, shape))
    flakes = np.where(flakes < least, np.float32(0), np.minimum(flakes, np.float32(1)))
    flakes = fading_trail(flakes, half_length * factor, trail * factor, generator.uniform(-0.75, -0.25) * np.pi)
    clear = to_fractions(image)
    luma = np.asarray(cv2.cvtColor(clear, cv2.COLOR_RGB2GRAY), dtype=np.float32)
    pale = np.maximum(clear, luma[..., None] * np.float32(1.5) + np.float32(0.5))
    falling = flakes + flakes[::-1, ::-1]
    return to_bytes(np.float32(kept) * clear + np.float32(1 - kept) * pale + falling[..., None])


def fog(image: Image, severity: float, given: Given) -> Image:
    """Add clouds with the thickness of the severity, and scale so that the brightest value is kept."""
    thickness, smoothness = _FOG[int(severity) - 1]
    clouds = _tiled(plasma(given.generator, smoothness), image, size_factor(image, given))
    clear = to_fractions(image)
    brightest = float(clear.max())
    share = brightest / (brightest + thickness)
    return to_bytes((clear + np.float32(thickness) * clouds[..., None]) * np.float32(share))


def plasma(generator: np.random.Generator, smoothness: float) -> Fractions:
    """Return clouds by midpoint displacement, ``(256, 256)`` in [0, 1], periodic at the edges.

    Every step halves the distance of the points and divides their displacement by the square of ``smoothness``,
    as in ImageNet-C's code, which divides twice.
    """
    clouds = np.zeros((_CLOUD_SIDE, _CLOUD_SIDE))
    step, displacement = _CLOUD_SIDE, 1.0

    def displaced(*neighbours: Array) -> Array:
        chance = generator.uniform(-displacement, displacement, neighbours[0].shape)
        return np.asarray(sum(neighbours) / 4 + chance)

    while step > 1:
        half = step // 2
        corner = clouds[::step, ::step]
        right, below = np.roll(corner, -1, axis=1), np.roll(corner, -1, axis=0)
        middle = displaced(corner, right, below, np.roll(right, -1, axis=0))
        clouds[::step, half::step] = displaced(corner, right, middle, np.roll(middle, 1, axis=0))
        clouds[half::step, ::step] = displaced(corner, below, middle, np.roll(middle, 1, axis=1))
        clouds[half::step, half::step] = middle
        step, displacement = half, displacement / smoothness**2
    clouds -= clouds.min()
    return np.asarray(clouds / clouds.max(), dtype=np.float32)


def frost(image: Image, severity: float, given: Given) -> Image:
    """Add frost on a window in front of the camera.

    The original adds crops of five photographs of frost. They are not ours to ship, so frost is generated: ferns with
    branches at 60 degrees, a glow around them, and a haze of varying thickness. Its mean colour, the range of its
    brightness and its contrast are those of the photographs, so that pictures change as much as in the benchmark.
    """
    kept, ice = _FROST[int(severity) - 1]
    pane = _pane(image, size_factor(image, given), given.generator)
    colour = np.array(_FROST_COLOUR, dtype=np.float32)
    return to_bytes(np.float32(kept) * to_fractions(image) + np.float32(ice) * pane[..., None] * colour)


def _pane(image: Image, factor: float, generator: np.random.Generator) -> Fractions:
    haze = _tiled(plasma(generator, 1.5), image, factor)
    ferns = _FERNS_PER_FACE * image.shape[0] * image.shape[1] / (224 * factor) ** 2
    drawn = np.zeros(image.shape[:2], dtype=np.uint8)
    for brightness in _FERN_BRIGHTNESS:
        lines = _ferns(min(max(1, round(ferns)), _MOST_FERNS), image.shape[:2], factor, generator)
        ends = list(np.asarray(np.round(lines * 2**_SHIFT), dtype=np.int32))
        cv2.polylines(
            drawn,
            ends,
            isClosed=False,
            color=brightness,
            thickness=max(1, round(factor)),
            lineType=cv2.LINE_AA,
            shift=_SHIFT,
        )
    crystals = drawn.astype(np.float32) / 255
    fine, glow = (
        np.asarray(cv2.GaussianBlur(crystals, (0, 0), max(radius * factor, 0.3)), dtype=np.float32)
        for radius in (0.8, 4)
    )
    ice = np.minimum(np.float32(0.45) * haze + np.float32(0.5) * fine + np.float32(0.6) * glow, np.float32(0.9))
    relief = np.float32(_FROST_RELIEF) * (ice - np.float32(ice.mean(dtype=np.float64)))
    return np.asarray(np.clip(np.float32(generator.uniform(*_FROST_BRIGHTNESS)) + relief, 0, 1), dtype=np.float32)


def _ferns(count: int, shape: tuple[int, ...], factor: float, generator: np.random.Generator) -> Array:
    """Return the ends of line segments, ``(n, 2, 2)``: stems, and branches that get shorter towards the tip."""
    root = generator.uniform(0, 1, (count, 1, 2)) * (shape[1], shape[0])
    angle = generator.uniform(0, 2 * np.pi, (count, 1))
    length = _FERN_LENGTH[0] * (_FERN_LENGTH[1] / _FERN_LENGTH[0]) ** generator.uniform(0, 1, (count, 1)) * factor
    along = np.linspace(0, 1, _BRANCHES, endpoint=False) + generator.uniform(0, 1 / _BRANCHES, (count, _BRANCHES))
    stem = np.stack([root, root + _polar(length, angle)], axis=2)
    start = root + _polar(length * along, angle)
    sides = []
    for side in (-_BRANCH_ANGLE, _BRANCH_ANGLE):
        grown = _BRANCH_LENGTH * length * (1 - along) * generator.uniform(0.3, 1, along.shape)
        sides.append(np.stack([start, start + _polar(grown, angle + side)], axis=2))
    return np.concatenate([part.reshape(-1, 2, 2) for part in (stem, *sides)])


def _polar(length: Array, angle: Array) -> Array:
    return np.asarray(np.stack([length * np.cos(angle), length * np.sin(angle)], axis=-1))


def _normal(generator: np.random.Generator, shape: tuple[int, int]) -> Fractions:
    return generator.standard_normal(shape, dtype=np.float32)


def _enlarged(image: Image, grain: float, make: Callable[[tuple[int, int]], Fractions]) -> Fractions:
    """Return a field over the image with grains of this many pixels, interpolated between the first and the last.

    As in the original, the ends of both grids coincide. With grids whose middles coincide, a grain of 2 px would be
    seen at a quarter and three quarters of the way only, and its extremes never.
    """
    height, width = image.shape[:2]
    small = tuple(max(1, int(np.ceil(length / max(grain, 1)))) for length in (height, width))
    y, x = (np.linspace(0, few - 1, many, dtype=np.float32) for few, many in zip(small, (height, width), strict=True))
    field = make((small[0], small[1]))
    return np.asarray(cv2.remap(field, *np.meshgrid(x, y), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _tiled(field: Fractions, image: Image, factor: float) -> Fractions:
    """Return a periodic field over the image, with ``factor`` pixels per point."""
    height, width = image.shape[:2]
    y, x = ((np.arange(length) / factor).astype(np.float32) for length in (height, width))
    across, down = np.meshgrid(x, y)
    return np.asarray(cv2.remap(field, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP))
