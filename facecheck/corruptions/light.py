"""Low light and colour casts, both computed in linear light."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facecheck.corruptions.corruption import Given
from facecheck.corruptions.pixels import Fractions, look_up, to_bytes
from facecheck.faces import Image

__all__ = ["colour_cast", "low_light"]

Array = npt.NDArray[np.float64]

_ELECTRONS = 1000.0  # of a white pixel in good light, as in the camera of a phone
_READ_NOISE = 3.0  # electrons
_DAYLIGHT_MIRED = 1e6 / 6504  # D65, the white point of sRGB
_XYZ_TO_SRGB = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
_DARK = 0.0031308  # where the linear part of sRGB's curve ends
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def _to_linear(encoded: Array) -> Array:
    return np.asarray(np.where(encoded <= _DARK * 12.92, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4))


def _to_srgb(linear: Fractions) -> Fractions:
    bounded = np.clip(linear, 0, 1)
    curved = np.float32(1.055) * bounded ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.asarray(np.where(bounded <= _DARK, np.float32(12.92) * bounded, curved), dtype=np.float32)


_LINEAR = _to_linear(np.arange(256) / 255)


def low_light(image: Image, stops: float, given: Given) -> Image:
    """Halve the light this many times, add sensor noise, and amplify by half of the stops.

    Each value is a Poisson number of electrons, 1000 for white in good light, plus normal read noise of 3. A camera
    amplifies the signal, but not completely: the image gets both darker and noisier.
    """
    white = _ELECTRONS * 2.0**-stops
    counted = given.generator.poisson((_LINEAR * white)[image]).astype(np.float32)
    read = counted + np.float32(_READ_NOISE) * given.generator.standard_normal(image.shape, dtype=np.float32)
    return to_bytes(_to_srgb(read / np.float32(white * 2 ** (stops / 2))))


def colour_cast(image: Image, mired: float, _given: Given) -> Image:
    """Light the scene by a lamp while the camera's white balance stays at daylight.

    The lamp is a black body. Its difference from daylight (6504 K) is given in mired (one million divided by the
    temperature), because equal differences look equally large: +196 is tungsten with 2856 K, +100 about 3940 K;
    negative values are bluish shade. The luminance of white is kept.
    """
    gains = black_body(1e6 / (_DAYLIGHT_MIRED + mired)) / black_body(1e6 / _DAYLIGHT_MIRED)
    gains /= gains @ _LUMINANCE
    table = to_bytes(_to_srgb((_LINEAR[:, None] * gains).astype(np.float32)))
    return look_up(image, table)


def black_body(kelvin: float) -> Array:
    """Return the linear sRGB of a black body, ``(3,)``, at least 0.

    Source: Kim et al., Design of advanced color temperature control system for HDTV applications, 2002: cubic
    splines of the Planckian locus from 1667 to 25000 K.
    """
    t = 1e3 / kelvin
    if kelvin <= 4000:  # noqa: PLR2004 - where the source's splines meet
        x = -0.2661239 * t**3 - 0.2343589 * t**2 + 0.8776956 * t + 0.179910
    else:
        x = -3.0258469 * t**3 + 2.1070379 * t**2 + 0.2226347 * t + 0.240390
    if kelvin <= 2222:  # noqa: PLR2004
        y = -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683
    elif kelvin <= 4000:  # noqa: PLR2004
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    return np.asarray(np.maximum(_XYZ_TO_SRGB @ np.array([x / y, 1.0, (1 - x - y) / y]), 0))
