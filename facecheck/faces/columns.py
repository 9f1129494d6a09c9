"""Many faces as columns: a million objects take a gigabyte, a million names and numbers a hundred megabytes.

What is asked of all faces at once, such as their names or who they are, is a function here that takes any sequence of
faces; of columns it makes no objects.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt

from facecheck.errors import printable
from facecheck.faces.values import Face, ImageSource

__all__ = [
    "Faces",
    "Groups",
    "described",
    "different_images",
    "first_places",
    "have_groups",
    "names_of",
    "numbered",
    "numbered_texts",
    "people_of",
    "taken",
]

Rows = npt.NDArray[np.int64]
Groups = tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False)
class Faces(Sequence[Face]):
    """Whole image files below a folder, as columns; a :class:`Face` is made when it is asked for.

    Args:
        root: the folder.
        files: m paths below it.
        subjects: names of the people, each once.
        people: ``(m,)`` rows of ``subjects``: who is in each file.
        groups: m further labels, None if there are none.
        quality: ``(m,)``, NaN where it is not known, None if none is.

    Raises:
        ValueError: the columns do not fit together.
    """

    root: Path
    files: Sequence[str]
    subjects: Sequence[str]
    people: npt.NDArray[np.int32]
    groups: Sequence[Groups] | None = None
    quality: npt.NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        """Refuse columns of different lengths, and people without a name."""
        columns = [self.people, *(column for column in (self.groups, self.quality) if column is not None)]
        if any(len(column) != len(self.files) for column in columns):
            raise ValueError(f"columns of {[len(self.files), *map(len, columns)]} faces: expected equal lengths")
        if len(self) and not (self.people.min() >= 0 and self.people.max() < len(self.subjects)):
            raise ValueError(f"people must lie in [0, {len(self.subjects)})")

    def __len__(self) -> int:
        return len(self.files)

    @overload
    def __getitem__(self, row: int) -> Face: ...
    @overload
    def __getitem__(self, row: slice) -> Faces: ...
    def __getitem__(self, row: int | slice) -> Face | Faces:
        if isinstance(row, slice):
            return self.take(np.arange(len(self))[row])
        file = self.files[row]
        quality = None if self.quality is None or np.isnan(self.quality[row]) else float(self.quality[row])
        return Face(
            source=ImageSource(self.root / file, file),
            subject=self.subjects[self.people[row]],
            groups=() if self.groups is None else self.groups[row],
            quality=quality,
        )

    def __iter__(self) -> Iterator[Face]:
        return (self[row] for row in range(len(self)))

    def take(self, rows: Rows) -> Faces:
        """Return the faces of these rows."""
        wanted = rows.tolist()
        return dataclasses.replace(
            self,
            files=[self.files[row] for row in wanted],
            people=self.people[rows],
            groups=None if self.groups is None else [self.groups[row] for row in wanted],
            quality=None if self.quality is None else self.quality[rows],
        )


def taken(faces: Sequence[Face], rows: Rows) -> Sequence[Face]:
    """Return the faces of these rows."""
    return faces.take(rows) if isinstance(faces, Faces) else tuple(faces[row] for row in rows.tolist())


def names_of(faces: Sequence[Face]) -> Sequence[str]:
    """Return what reports call each image."""
    if isinstance(faces, Faces):
        return [file if file.isprintable() else printable(file) for file in faces.files]
    return [face.source.name for face in faces]


def people_of(faces: Sequence[Face]) -> Rows:
    """Return a number for the subject of each face, ``(m,)``, from 0 in the order in which they come first.

    >>> faces = Faces(Path(), ["1.jpg", "2.jpg", "3.jpg"], ["ann", "bob"], np.array([1, 0, 1], dtype=np.int32))
    >>> people_of(faces).tolist()
    [0, 1, 0]
    """
    if isinstance(faces, Faces):
        return numbered(faces.people)
    return numbered_texts(face.subject for face in faces)


def numbered_texts(texts: Iterable[str]) -> Rows:
    """Return numbers from 0 in the order in which texts come first, equal ones for equal texts."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)


def numbered(values: npt.NDArray[np.integer]) -> Rows:
    """Return numbers from 0 in the order in which values come first, equal ones for equal values."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def first_places(values: Rows, count: int) -> Rows:
    """Return where each of the numbers from 0 to ``count`` comes first, ``len(values)`` for one that does not.

    >>> first_places(np.array([2, 0, 2]), 4).tolist()
    [1, 3, 0, 3]
    """
    first = np.full(count, len(values), dtype=np.int64)
    first[values[::-1]] = np.arange(len(values) - 1, -1, -1)  # of a number that repeats, the last assignment stays
    return first


def different_images(faces: Sequence[Face]) -> Rows:
    """Return the rows of the faces whose image no face before has."""
    if len(set(names_of(faces))) == len(faces):  # a name is a part of what an image is
        return np.arange(len(faces), dtype=np.int64)
    first: dict[ImageSource, int] = {}
    for row, face in enumerate(faces):
        first.setdefault(face.source, row)
    return np.array(list(first.values()), dtype=np.int64)


def described(faces: Sequence[Face]) -> Iterator[tuple[str, str, float | None]]:
    """Yield name, subject and yaw of each face."""
    if isinstance(faces, Faces):
        for name, person in zip(names_of(faces), faces.people.tolist(), strict=True):
            yield name, faces.subjects[person], None
    else:
        for face in faces:
            yield face.source.name, face.subject, face.yaw_rad


def have_groups(faces: Sequence[Face]) -> bool:
    """Return whether any face has further labels."""
    return any(faces.groups or ()) if isinstance(faces, Faces) else any(face.groups for face in faces)
