"""What is behind faces: the digest of each image's bytes, and which of them are one image. Arrays, however many."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facecheck.faces import Face

__all__ = ["DIGEST", "Contents", "Images"]

DIGEST = 32  # bytes
_AT_ONCE = 2**16  # digests that are copied at once
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """Digests of the images of faces.

    Args:
        faces: m faces.
        digests: ``(m, 32)`` uint8, zeros where an image cannot be read.
        unreadable: why, by the face's row.
    """

    faces: Sequence[Face]
    digests: npt.NDArray[np.uint8]
    unreadable: Mapping[int, str]

    def __len__(self) -> int:
        return len(self.digests)

    def of(self, row: int) -> bytes:
        """Return the digest of a face's image, which can be read."""
        return bytes(self.digests[row])

    def total(self) -> str:
        """Return a hash of all of them, in order; what cannot be read counts as that."""
        whole, start = hashlib.sha256(), 0
        for row in (*sorted(self.unreadable), len(self)):
            for first in range(start, row, _AT_ONCE):
                whole.update(self.digests[first : min(row, first + _AT_ONCE)].tobytes())
            whole.update(b"unreadable" if row < len(self) else b"")
            start = row + 1
        return whole.hexdigest()

    def images(self) -> Images:
        """Return the different images that can be read, in the order in which faces have them first."""
        readable = np.ones(len(self), dtype=bool)
        readable[list(self.unreadable)] = False
        rows = np.flatnonzero(readable)
        words = self.digests.view(np.uint64)[rows]
        order = np.lexsort(words.T)  # stable: within an image the rows stay in order
        words = words[order]
        begins = np.ones(len(rows), dtype=bool)
        begins[1:] = (words[1:] != words[:-1]).any(axis=1)
        starts = np.flatnonzero(begins)
        stops = np.append(starts[1:], len(rows))
        grouped = rows[order]
        by_first = np.argsort(grouped[starts])
        return Images(grouped, starts[by_first], stops[by_first])


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """The different images behind faces, and the faces of each.

    Args:
        rows: of all faces whose image can be read, those of an image together and in order.
        starts: ``(k,)`` where the rows of each image begin.
        stops: ``(k,)`` where they end.
    """

    rows: Rows
    starts: Rows
    stops: Rows

    def __len__(self) -> int:
        return len(self.starts)

    def rows_of(self, image: int) -> Rows:
        """Return the rows of the faces that have an image."""
        return self.rows[self.starts[image] : self.stops[image]]

    def first(self, image: int) -> int:
        """Return the first row of an image."""
        return int(self.rows[self.starts[image]])

    def portions(self, most: int) -> Iterator[range]:
        """Yield all images' numbers, at most so many at a time."""
        for start in range(0, len(self), most):
            yield range(start, min(len(self), start + most))
