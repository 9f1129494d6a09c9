"""How two embeddings are compared: Euclidean distance, or one minus the cosine."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

__all__ = ["CENTRES", "DISTANCES", "Centre", "distance_between", "distances_between_all"]
Centre = Literal["none", "folds"]
CENTRES: tuple[Centre, ...] = ("none", "folds")
Array = npt.NDArray[np.float64]


def _euclidean(a: Array, b: Array) -> Array:
    return np.asarray(np.linalg.norm(a - b, axis=-1))


def _cosine(a: Array, b: Array) -> Array:
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(1.0 - (a * b).sum(axis=-1) / lengths)


DISTANCES = MappingProxyType({"euclidean": _euclidean, "cosine": _cosine})


def distance_between(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32], *, distance: str) -> Array:
    """Return the distances between rows of two ``(n, d)`` arrays: ``euclidean``, or ``cosine`` (1 - cosine)."""
    return DISTANCES[distance](first.astype(np.float64), second.astype(np.float64))


def distances_between_all(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32], *, distance: str) -> Array:
    """Return the distances ``(n, m)`` of every row of ``(n, d)`` to every row of ``(m, d)``.

    The arithmetic of :func:`distance_between`, so that equal vectors tie exactly; n m d numbers are held at once.

    >>> distances_between_all(np.zeros((1, 2), np.float32), np.ones((2, 2), np.float32), distance="euclidean").shape
    (1, 2)
    """
    return DISTANCES[distance](first.astype(np.float64)[:, None], second.astype(np.float64)[None])
