"""A garment on the shoulders, evaluated per pixel so that hem and pattern are sharp.

Both functions take positions on the template, where every neck is at the same position. The neckline is an ellipse
around the neck, so it is closed at the back and leaves no gap on a shoulder.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from facecheck.generate.synthesis.arrays import Floats, bell, ramp
from facecheck.generate.synthesis.noise import value_noise
from facecheck.generate.synthesis.person import Person
from facecheck.generate.synthesis.streams import Aspect, stream
from facecheck.generate.synthesis.style import Clothes, Style

__all__ = ["CLOTH_THICKNESS_DM", "cloth_albedo", "cloth_distance"]

CLOTH_THICKNESS_DM: Final = 0.045
_NECK_Z_DM: Final = 0.25
_NECK_RADII_DM: Final = (0.72, 0.60, 0.48)  # sideways, to the front, to the back
_HIGHEST_DM: Final = 5.95  # upper end of the shoulders
_HEM_DM: Final = 0.05
_STRIPES_PER_DM: Final = 22
_YOKE_Y_DM: Final = 5.45


def cloth_distance(rest: Floats, clothes: Clothes) -> Floats:
    """Distance ``(n,)`` in about dm from the neckline at template positions ``(n, 3)``; negative under the cloth."""
    depth = rest[:, 2] - _NECK_Z_DM
    sideways, front, back = _NECK_RADII_DM
    radius = np.hypot(rest[:, 0] / sideways, depth / np.where(depth > 0, front, back))
    neckline = clothes.neck_width + clothes.neck_depth * bell(rest[:, 0], 0, 0.3) * (depth > 0)
    return np.maximum(0.6 * (neckline - radius), rest[:, 1] - _HIGHEST_DM)


def cloth_albedo(rest: Floats, distance: Floats, person: Person, style: Style) -> Floats:
    """Linear albedo ``(n, 3)`` of the cloth at template positions, ``distance`` below its hem."""
    clothes = style.clothes
    first, second = np.asarray(clothes.colour), np.asarray(clothes.second_colour)
    share = np.zeros(len(rest))
    if clothes.pattern == "stripes":
        share = ramp(0.1, 0.3, np.sin(_STRIPES_PER_DM * rest[:, 1]))
    elif clothes.pattern == "yoke":
        share = ramp(_YOKE_Y_DM - 0.01, _YOKE_Y_DM + 0.01, rest[:, 1])
    colour = first * (1 - share[:, None]) + second * share[:, None]
    weave = 1 + 0.04 * value_noise(rest, 30, stream(Aspect.CLOTH, *person.key, style.index))
    seam = 1 - 0.35 * bell(distance, -_HEM_DM, 0.008) - 0.45 * bell(distance, 0, 0.01)
    return np.asarray(colour * (weave * seam)[:, None])
