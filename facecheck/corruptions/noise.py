"""ImageNet-C's noises. They affect single pixels, as sensor noise does, and are not scaled to the face."""

from __future__ import annotations

import numpy as np

from facecheck.corruptions.corruption import Given
from facecheck.corruptions.pixels import to_bytes, to_fractions
from facecheck.faces import Image

__all__ = ["gaussian_noise", "impulse_noise", "shot_noise"]

_DEVIATION = (0.08, 0.12, 0.18, 0.26, 0.38)
_PHOTONS = (60, 25, 12, 5, 3)
_IMPULSES = (0.03, 0.06, 0.09, 0.17, 0.27)


def gaussian_noise(image: Image, severity: float, given: Given) -> Image:
    """Add normal noise of this standard deviation (fraction of white) to each value."""
    noise = given.generator.standard_normal(image.shape, dtype=np.float32)
    return to_bytes(to_fractions(image) + np.float32(_DEVIATION[int(severity) - 1]) * noise)


def shot_noise(image: Image, severity: float, given: Given) -> Image:
    """Replace each value by a Poisson number of photons, with this mean for white."""
    white = _PHOTONS[int(severity) - 1]
    counted = given.generator.poisson(to_fractions(image) * white)
    return to_bytes(counted.astype(np.float32) / np.float32(white))


def impulse_noise(image: Image, severity: float, given: Given) -> Image:
    """Set this fraction of the values to 0 or 255 with equal probability."""
    amount = _IMPULSES[int(severity) - 1]
    drawn = given.generator.random(image.shape, dtype=np.float32)
    struck = np.where(drawn < amount / 2, np.uint8(0), image)
    return np.where(drawn >= 1 - amount / 2, np.uint8(255), struck)
