"""Pairs of faces, as arrays: ten million take a few hundred megabytes, and no object a pair.

A pair is two faces. Genuine or impostor is derived from the subjects, so that a label cannot disagree with them.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from facecheck.faces.columns import Faces, first_places, names_of, numbered_texts, people_of, taken
from facecheck.faces.values import Face

__all__ = ["Pairs"]

Kind = TypeVar("Kind", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Comparisons to be made between faces.

    Args:
        faces: m faces.
        indices: ``(n, 2)`` integers into ``faces``.
        folds: ``(n,)`` fold numbers from 0, identity-disjoint if the protocol is, or None.

    Raises:
        ValueError: an index points outside ``faces``, a pair compares an image with itself, or the
            folds do not fit.
    """

    faces: Sequence[Face]
    indices: npt.NDArray[np.int64]
    folds: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        """Refuse what could not be compared."""
        if self.indices.ndim != 2 or self.indices.shape[1] != 2:  # noqa: PLR2004 - a pair is two
            raise ValueError(f"indices must have shape (n, 2), not {self.indices.shape}")
        if self.indices.size and not (self.indices.min() >= 0 and self.indices.max() < len(self.faces)):
            raise ValueError(f"indices must lie in [0, {len(self.faces)})")
        if _with_itself(self.faces, self.indices):
            raise ValueError("a pair compares an image with itself, which is no comparison of two images")
        if self.folds is not None and self.folds.shape != (len(self.indices),):
            raise ValueError(f"folds must have shape ({len(self.indices)},), not {self.folds.shape}")

    def __len__(self) -> int:
        return len(self.indices)

    @functools.cached_property
    def who(self) -> npt.NDArray[np.int64]:
        """Identity numbers of both sides, shape ``(n, 2)``; equal numbers are one person."""
        return _fixed(people_of(self.faces)[self.indices])

    @functools.cached_property
    def genuine(self) -> npt.NDArray[np.bool_]:
        """True where both faces show one person, shape ``(n,)``."""
        return _fixed(self.who[:, 0] == self.who[:, 1])

    @functools.cached_property
    def yaw_difference_rad(self) -> npt.NDArray[np.float64]:
        """Absolute yaw difference in radians, shape ``(n,)``, NaN where a yaw is unknown.

        Rounded to a millionth, so that 0.8 - 0.4 and 0.4 - 0.0 are one step.
        """
        if isinstance(self.faces, Faces):
            return _fixed(np.full(len(self), np.nan))
        yaw = np.array([np.nan if face.yaw_rad is None else face.yaw_rad for face in self.faces], dtype=np.float64)
        difference = np.abs(yaw[self.indices[:, 0]] - yaw[self.indices[:, 1]])
        return _fixed(np.asarray(np.round(difference, 6), dtype=np.float64))

    def take(self, rows: npt.NDArray[np.int64]) -> Pairs:
        """Return the pairs of these rows, with only the faces that they use, in first-use order."""
        indices = self.indices[rows]
        used = indices.ravel()
        first = first_places(used, len(self.faces))
        kept = np.flatnonzero(first < len(used))
        kept = kept[np.argsort(first[kept])]
        position = np.zeros(len(self.faces), dtype=np.int64)
        position[kept] = np.arange(len(kept))
        return Pairs(taken(self.faces, kept), position[indices], None if self.folds is None else self.folds[rows])


def _with_itself(faces: Sequence[Face], indices: npt.NDArray[np.int64]) -> bool:
    """Return whether both sides of any pair are one image, in one entry or in two."""
    if (indices[:, 0] == indices[:, 1]).any():
        return True
    names = names_of(faces)
    if len(set(names)) == len(names):  # a name is a part of what an image is
        return False
    number = numbered_texts(names)[indices]
    alike = np.flatnonzero(number[:, 0] == number[:, 1]).tolist()
    return any(faces[a].source == faces[b].source for a, b in indices[alike].tolist())


def _fixed(array: npt.NDArray[Kind]) -> npt.NDArray[Kind]:
    """Return an array that is asked for again, and so must not be changed."""
    array.flags.writeable = False
    return array
