"""Named colours, in linear light.

All computation is in linear RGB; 8-bit sRGB is used only in the tables here and in the pixels of the finished
picture.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from facecheck.generate.synthesis.arrays import Floats

__all__ = ["HAIR_COLOURS", "IRIS_COLOURS", "LIPSTICKS", "SKIN_RAMP", "from_linear", "skin_colour", "to_linear"]

_TOE_SRGB = 0.04045
_TOE_LINEAR = 0.0031308


def to_linear(rgb: npt.ArrayLike) -> Floats:
    """Linear light in [0, 1] of 8-bit sRGB values in [0, 255]."""
    c = np.asarray(rgb, np.float64) / 255.0
    return np.asarray(np.where(c <= _TOE_SRGB, c / 12.92, ((c + 0.055) / 1.055) ** 2.4))


def from_linear(light: Floats) -> Floats:
    """Return sRGB in [0, 1] of linear light, clipped to the range of sRGB."""
    x = np.clip(light, 0.0, 1.0)
    return np.asarray(np.where(x <= _TOE_LINEAR, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055))


# From the lightest to the darkest skin, equally spaced in "melanin" from 0 to 1.
SKIN_RAMP: Final = to_linear(
    [
        (222, 184, 163),
        (213, 169, 144),
        (200, 151, 121),
        (177, 126, 94),
        (148, 101, 72),
        (114, 76, 55),
        (86, 57, 43),
        (62, 42, 33),
    ]
)

HAIR_COLOURS: Final = {
    "black": to_linear((24, 20, 18)),
    "dark brown": to_linear((48, 33, 25)),
    "brown": to_linear((80, 56, 39)),
    "light brown": to_linear((118, 89, 61)),
    "blond": to_linear((172, 142, 98)),
    "light blond": to_linear((198, 174, 132)),
    "red": to_linear((132, 66, 36)),
    "auburn": to_linear((92, 45, 30)),
    "grey": to_linear((138, 136, 133)),
    "white": to_linear((198, 196, 192)),
}

IRIS_COLOURS: Final = {
    "brown": to_linear((72, 44, 26)),
    "dark brown": to_linear((44, 28, 20)),
    "hazel": to_linear((108, 82, 48)),
    "green": to_linear((96, 108, 74)),
    "blue": to_linear((98, 128, 156)),
    "grey": to_linear((122, 132, 140)),
}

LIPSTICKS: Final = to_linear([(158, 62, 68), (178, 92, 90), (142, 60, 76), (186, 106, 100), (116, 56, 56)])


def skin_colour(melanin: float) -> Floats:
    """Linear albedo ``(3,)`` of skin with ``melanin`` in [0, 1]."""
    steps = np.linspace(0.0, 1.0, len(SKIN_RAMP))
    return np.array([np.interp(melanin, steps, SKIN_RAMP[:, channel]) for channel in range(3)])
