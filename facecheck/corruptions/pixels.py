"""Conversions between images and fractions of white, in which corruptions calculate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facecheck.faces import Image

__all__ = ["Fractions", "look_up", "to_bytes", "to_fractions"]

Fractions = npt.NDArray[np.float32]


def to_fractions(image: Image) -> Fractions:
    """Return float32 in [0, 1]."""
    return image.astype(np.float32) / np.float32(255)


def to_bytes(fractions: Fractions) -> Image:
    """Return uint8, rounded to nearest; values outside [0, 1] saturate."""
    return (np.clip(fractions, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)


def look_up(image: Image, table: Image) -> Image:
    """Return ``table[value, channel]`` for each value, with a table ``(256, 3)``."""
    return np.stack([table[image[..., channel], channel] for channel in range(3)], axis=2)
