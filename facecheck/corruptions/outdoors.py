"""Corruptions of pictures that are not taken in a studio: low light, motion, compression, coloured light."""

from __future__ import annotations

import numpy as np

from facecheck.corruptions.corruption import Corruption, Domain, Given
from facecheck.corruptions.encoding import jpeg, webp
from facecheck.corruptions.light import colour_cast, low_light
from facecheck.corruptions.optics import STEPS_PER_PX, streak
from facecheck.corruptions.placement import FaceFrame
from facecheck.faces import Image

__all__ = ["OUTDOORS"]

_QUALITIES = (0, 90, 70, 50, 30, 10)


def _motion(image: Image, percent: float, given: Given) -> Image:
    """Blur evenly along a line of this length in a random direction, like camera shake or a moving head."""
    longest = float(max(image.shape[:2]))
    length = min(FaceFrame(image, given).eye_distance_px * percent / 100, longest)
    steps = 2 * int(np.ceil(length * STEPS_PER_PX / 2)) + 1
    along = np.linspace(-length / 2, length / 2, steps)
    return streak(image, along, np.ones(steps), given.generator.uniform(0, np.pi))


def _jpeg(image: Image, quality: float, _given: Given) -> Image:
    return jpeg(image, quality)


def _webp(image: Image, quality: float, _given: Given) -> Image:
    return webp(image, quality)


OUTDOORS = (
    Corruption(
        name="low_light",
        family="outdoors",
        title="Low light",
        unit="stops of light lost",
        levels=(0, 2, 3, 4, 5, 6),
        domain=Domain(0.5, 10),
        function=low_light,
    ),
    Corruption(
        name="motion_angle",
        family="outdoors",
        title="Motion in any direction",
        unit="length, % of the distance between the eyes",
        levels=(0, 10, 20, 30, 40, 60),
        domain=Domain(1, 300),
        function=_motion,
        needs_landmarks=True,
    ),
    *(
        Corruption(
            name=name,
            family="outdoors",
            title=title,
            unit="quality",
            levels=_QUALITIES,
            domain=Domain(1, best, whole=True),
            function=function,
        )
        for name, title, best, function in (("jpeg", "JPEG", 95, _jpeg), ("webp", "WebP", 100, _webp))
    ),
    Corruption(
        name="colour_cast",
        family="outdoors",
        title="Colour cast",
        unit="mired warmer than daylight",
        levels=(0, 50, 100, 150, 200, 250),
        domain=Domain(-110, 400),
        function=colour_cast,
    ),
)
