"""Light: radiance from 48 directions around the head, as soft ambient light and one or two sources."""

from __future__ import annotations

from typing import Final

import numpy as np

from facecheck.generate.synthesis.arrays import Floats
from facecheck.generate.synthesis.conditions import Lighting
from facecheck.generate.synthesis.streams import Aspect, stream

__all__ = ["DIRECTIONS", "SOLID_ANGLE", "radiance"]

_COUNT: Final = 48
_WARMTH: Final = 0.06  # colour cast that remains after white balance


def _sphere(count: int) -> Floats:
    """Evenly distributed directions (a Fibonacci sphere)."""
    step = np.arange(count) + 0.5
    polar = np.arccos(1 - 2 * step / count)
    around = np.pi * (1 + np.sqrt(5)) * step
    return np.stack([np.cos(around) * np.sin(polar), np.cos(polar), np.sin(around) * np.sin(polar)], axis=1)


DIRECTIONS: Final = _sphere(_COUNT)
SOLID_ANGLE: Final = 4 * np.pi / _COUNT


def _lobe(azimuth: float, elevation: float, sharpness: float, colour: tuple[float, float, float] | Floats) -> Floats:
    """A source at an azimuth to the subject's left and an elevation, both rad."""
    towards = np.array([np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)])
    return np.asarray(np.exp(sharpness * (DIRECTIONS @ towards - 1))[:, None] * np.asarray(colour))


def _sources(kind: Lighting, rng: np.random.Generator) -> tuple[float, Floats]:
    """Factor of the ambient light, and radiance ``(48, 3)`` of the sources."""
    side = float(rng.choice([-1, 1]))
    if kind == "soft":
        key = _lobe(side * rng.uniform(0.2, 0.8), rng.uniform(0.3, 0.7), 5, (2.6, 2.5, 2.35))
        return 1.0, key + _lobe(-side * 0.9, 0.2, 4, (0.5, 0.52, 0.56))
    if kind == "window":
        return 0.85, _lobe(side * rng.uniform(0.7, 1.15), rng.uniform(0.15, 0.5), 7, (4.3, 4.4, 4.6))
    if kind == "sun":
        return 0.95, _lobe(side * rng.uniform(0.2, 1.0), rng.uniform(0.5, 0.9), 14, (7.4, 7.0, 6.2))
    if kind == "overhead":
        return 0.9, _lobe(side * rng.uniform(0, 0.4), rng.uniform(0.8, 1.1), 7, (4.4, 4.15, 3.7))
    warm = _lobe(0.8, 0.4, 7, np.array([3.2, 3.0, 2.7]) * rng.uniform(0.6, 1.2))
    return 0.7, warm + _lobe(-0.9, 0.3, 7, np.array([2.4, 2.6, 3.0]) * rng.uniform(0.5, 1.2))


def radiance(kind: Lighting, seed: int) -> Floats:
    """Linear radiance ``(48, 3)`` from each of `DIRECTIONS`. The light is fixed relative to the head."""
    rng = stream(Aspect.LIGHT, seed)
    up, front = DIRECTIONS[:, 1:2], DIRECTIONS[:, 2:3]
    tint = np.exp(_WARMTH * rng.normal() * np.array([1.0, 0.0, -1.0]))
    ambience = tint * (0.13 + 0.20 * (0.5 * up + 0.5) + 0.13 * (0.5 * front + 0.5))
    ambience = np.where(up < 0, ambience * np.array([0.78, 0.72, 0.65]), ambience)  # the floor is warmer
    share, sources = _sources(kind, rng)
    return share * ambience + sources * tint
