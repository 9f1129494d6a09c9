"""Backgrounds: a wall, or a room out of focus; muted and smooth, so that no detector finds a face there."""

from __future__ import annotations

import colorsys
from typing import Final

import numpy as np

from facecheck.generate.synthesis.arrays import Floats, ramp
from facecheck.generate.synthesis.colour import to_linear
from facecheck.generate.synthesis.noise import value_noise
from facecheck.generate.synthesis.streams import Aspect, stream

__all__ = ["background"]

# Hue and its spread for colours of rooms: wood and plaster, sky and denim, leaves, brick.
_HUES: Final = ((0.09, 0.03), (0.58, 0.05), (0.11, 0.04), (0.27, 0.04), (0.03, 0.02), (0.55, 0.12))


def _muted(rng: np.random.Generator, count: int) -> Floats:
    """Linear colours ``(count, 3)`` that match: similar hues, low saturation, similar brightness."""
    hue, spread = _HUES[rng.integers(len(_HUES))]
    value = rng.uniform(0.25, 0.85)
    colours = [
        colorsys.hsv_to_rgb(
            (hue + rng.normal(0, spread)) % 1,
            float(np.clip(rng.beta(1.4, 6), 0, 0.34)),
            float(np.clip(value + rng.normal(0, 0.12), 0.12, 0.95)),
        )
        for _ in range(count)
    ]
    return to_linear(np.array(colours) * 255)


def _wall(grid: Floats, rng: np.random.Generator) -> Floats:
    """A wall with uneven light."""
    dark, bright = _muted(rng, 2)
    slope = grid @ rng.normal(0, 0.7, 2) + 0.5
    share = np.clip(slope + 0.08 * value_noise(grid, 3, rng), 0, 1)[:, None]
    return np.asarray(dark * (1 - share) + bright * share)


def _room(grid: Floats, rng: np.random.Generator) -> Floats:
    """Blurred upright shapes and patches, like furniture and plants out of focus."""
    colours = _muted(rng, 7)
    scene = np.tile(colours[0], (len(grid), 1))
    for colour in colours[1:4]:
        patch = ramp(0.0, 1.4, value_noise(grid, rng.uniform(2, 4), rng))[:, None]
        scene = scene * (1 - 0.7 * patch) + colour * 0.7 * patch
    for colour in colours[4:]:
        left, wide, soft = rng.uniform(-0.1, 1.0), rng.uniform(0.08, 0.35), rng.uniform(0.03, 0.08)
        x = grid[:, 1]
        band = (ramp(-soft, soft, x - left) * ramp(-soft, soft, left + wide - x))[:, None] * rng.uniform(0.2, 0.7)
        scene = scene * (1 - band) + colour * band
    return np.asarray(scene)


def background(size: int, seed: int) -> Floats:
    """Linear picture ``(size, size, 3)`` of a background; the same scene at every size."""
    rng = stream(Aspect.BACKGROUND, seed)
    rows, columns = np.mgrid[0:size, 0:size]
    grid = (np.stack([rows, columns], axis=-1).reshape(-1, 2) + 0.5) / size
    scene = _wall(grid, rng) if rng.random() < 0.45 else _room(grid, rng)  # share of plain walls
    return scene.reshape(size, size, 3)
