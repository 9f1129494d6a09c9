"""Array types of the synthesis, and three small functions that all of its modules use."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Singles: TypeAlias = npt.NDArray[np.float32]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Pixels: TypeAlias = npt.NDArray[np.uint8]

__all__ = ["Bools", "Floats", "Ints", "Pixels", "Singles", "bell", "ramp", "unit"]

_TINY = 1e-12


def ramp(start: float, stop: float, x: npt.ArrayLike) -> Floats:
    """Rise smoothly from 0 at ``start`` to 1 at ``stop``; ``stop`` may be the smaller one.

    >>> ramp(0.0, 2.0, [-1.0, 1.0, 3.0]).tolist()
    [0.0, 0.5, 1.0]
    """
    t = np.clip((np.asarray(x, np.float64) - start) / (stop - start), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


def bell(x: Floats, centre: Floats | float, width: Floats | float) -> Floats:
    """Gaussian bump of height 1: ``exp(-((x - centre) / width) ** 2)``."""
    return np.asarray(np.exp(-(((x - centre) / width) ** 2)))


def unit(vectors: Floats) -> Floats:
    """Vectors ``(..., d)`` scaled to length 1; zero stays zero."""
    return np.asarray(vectors / np.maximum(np.sqrt(np.einsum("...d,...d->...", vectors, vectors))[..., None], _TINY))
