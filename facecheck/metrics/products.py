"""Similarities of many vectors by matrix products: whole numbers that order pairs as their distance does.

A product of two float32 matrices gives a *key* for every pair: a number between 1 and 65,534 that rises with the
similarity. A key is exact to a small part of 1, so that its whole part tells within 1/65,532 of the range of
distances how alike a pair is. Whoever needs more takes the pairs whose key is high and computes these in float64, by
:func:`similarity_between`.
"""

from __future__ import annotations

import contextlib
import functools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from facecheck.embedders.distances import DISTANCES

__all__ = [
    "KEYS",
    "LEFT_OUT",
    "Keyed",
    "gathered",
    "keyed",
    "lengths",
    "one_thread_each",
    "similarities",
    "similarity_between",
]

Array = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
KEYS = 65_536  # of uint16
LEFT_OUT = 0  # the key of what is not counted
_LOWEST, _HIGHEST = 2, 65_533  # keys of the ends of the range; rounding may reach one beyond
_AT_ONCE = 2**17  # numbers of vectors that are gathered at once: more would be new pages each time


@dataclass(frozen=True, slots=True, eq=False)
class Keyed:
    """Vectors ready to be multiplied: ``left[i] @ right[j] + offset`` is the key of a pair.

    Args:
        left: ``(n, e)`` float32.
        right: ``(m, e)`` float32.
        offset: added to every product.
        distance: ``euclidean`` or ``cosine``.
        lowest: the least alike that a key tells: one minus the cosine, or the squared Euclidean distance, negated.
    """

    left: Vectors
    right: Vectors
    offset: float
    distance: str
    lowest: float

    def similarity(self, keys: npt.NDArray[np.integer] | Array) -> Array:
        """Return the lowest similarity, the negative distance, of pairs with keys of at least these."""
        along = (np.asarray(keys, dtype=np.float64) - _LOWEST) / (_HIGHEST - _LOWEST)
        ranked = self.lowest * (1 - along)
        return ranked if self.distance == "cosine" else np.sign(ranked) * np.sqrt(np.abs(ranked))


def keyed(left: Vectors, right: Vectors, *, distance: str) -> Keyed:
    """Prepare two sets of vectors for products.

    Args:
        left: ``(n, d)`` finite vectors.
        right: ``(m, d)`` finite vectors; the same array where all pairs of one set are meant.
        distance: ``euclidean`` or ``cosine``.

    Raises:
        ValueError: a vector that is not finite, or of length 0 under ``cosine``; an unknown distance.
    """
    if distance not in DISTANCES:
        raise ValueError(f"distance {distance!r}: expected one of {', '.join(DISTANCES)}")
    if not (np.isfinite(left).all() and np.isfinite(right).all()):
        raise ValueError("a vector holds NaN or infinity: leave failures out")
    scale = _HIGHEST - _LOWEST
    if distance == "cosine":
        first = _of_length_one(left)
        second = first if right is left else _of_length_one(right)
        return Keyed(first * np.float32(scale / 2), second, _LOWEST + scale / 2, distance, -2.0)
    ours, theirs = _squares(left), _squares(right)
    farthest = float(np.sqrt(ours.max(initial=0.0)) + np.sqrt(theirs.max(initial=0.0))) ** 2 or 1.0
    by = scale / farthest
    more = left.shape[1] + 2
    first, second = np.empty((len(left), more), dtype=np.float32), np.empty((len(right), more), dtype=np.float32)
    first[:, :-2], first[:, -2], first[:, -1] = 2 * by * left, -by * ours, -by
    second[:, :-2], second[:, -2], second[:, -1] = right, 1, theirs
    return Keyed(first, second, float(_HIGHEST), distance, -farthest)


def _of_length_one(vectors: Vectors) -> Vectors:
    found = lengths(vectors)
    if not (found > 0).all():
        raise ValueError("a vector of length 0 has no cosine")
    return (vectors / found[:, None]).astype(np.float32)


def _squares(vectors: Vectors) -> Array:
    return _products(vectors, vectors)


def similarity_between(
    left: Vectors, right: Vectors, first: Rows, second: Rows, *, distance: str, workers: int = 1
) -> Array:
    """Return the similarities, negative distances in float64, of pairs of rows of two sets of vectors.

    Equal to :func:`facecheck.embedders.distances.distance_between` but for the order in which numbers are added.

    Args:
        left: ``(n, d)``.
        right: ``(m, d)``.
        first: ``(k,)`` rows of ``left``.
        second: ``(k,)`` rows of ``right``.
        distance: ``euclidean`` or ``cosine``.
        workers: threads.
    """
    found = np.empty(len(first))
    long = None
    if distance == "cosine":
        ours = lengths(left)
        long = ours, ours if right is left else lengths(right)

    count = gathered(left.shape[1])

    def compare(start: int) -> None:
        some = slice(start, start + count)
        both = None if long is None else (long[0][first[some]], long[1][second[some]])
        found[some] = similarities(left[first[some]], right[second[some]], both)

    with ThreadPoolExecutor(workers) as pool:
        for finished in [pool.submit(compare, start) for start in range(0, len(first), count)]:
            finished.result()
    return found


def gathered(dimensions: int) -> int:
    """Return how many vectors of so many numbers are best gathered at once."""
    return max(1, _AT_ONCE // max(1, dimensions))


@functools.cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


def one_thread_each() -> contextlib.AbstractContextManager[object]:
    """Let BLAS use one thread for each product: threads are ours, and one product would wait for another."""
    limit: contextlib.AbstractContextManager[object] = _blas().limit(limits=1, user_api="blas")
    return limit


def similarities(one: Vectors, other: Vectors, both: tuple[Array, Array] | None) -> Array:
    """Return the similarity, in float64, of each row of one array to the same row of another.

    Args:
        one: ``(k, d)``.
        other: ``(k, d)``.
        both: lengths of the rows of each for one minus the cosine, None for the Euclidean distance.
    """
    if both is None:
        apart = np.subtract(one, other, dtype=np.float64)
        return np.asarray(-np.sqrt(_products(apart, apart)))
    return np.asarray(_products(one, other) / (both[0] * both[1]) - 1.0)


def lengths(vectors: Vectors) -> Array:
    """Return the Euclidean length of each of ``(n, d)`` vectors, in float64."""
    return np.asarray(np.sqrt(_squares(vectors)))


def _products(one: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> Array:
    return np.asarray(np.einsum("ij,ij->i", one, other, dtype=np.float64))
