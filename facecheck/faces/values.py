"""The plain values that are passed from the data sets to the scores.

An image is an array of shape ``(h, w, 3)``, dtype uint8, channels RGB. A face names its image and its
subject; a pair is two faces. Genuine or impostor is derived from the subjects, so that a label cannot
disagree with them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from facecheck.errors import printable

__all__ = ["Coding", "Face", "Image", "ImageSource", "Pairs", "Portion"]

Image = npt.NDArray[np.uint8]
Coding = Literal["raw", "escaped", "latin-1", "latin-1-escaped"]


class Portion(NamedTuple):
    """Where an image's bytes lie within a file that holds many.

    Args:
        start: first byte.
        length: bytes in the file.
        coding: how they are written: ``raw``; ``escaped`` as Python 2's literals; one letter a byte, in UTF-8
            (``latin-1``) or as Python's raw-unicode-escape (``latin-1-escaped``).
    """

    start: int
    length: int
    coding: Coding = "raw"


@dataclass(frozen=True, slots=True)
class ImageSource:
    """An image file, one square tile of a strip, or a part of a file that holds many images.

    Args:
        path: the file.
        name: what reports call it: relative to the data set's folder, the tile or the image's number after a ``#``.
        tile: index of the square tile, from the left, or None for the whole image.
        portion: where its bytes lie in the file, None for the whole file.
    """

    path: Path
    name: str
    tile: int | None = None
    portion: Portion | None = None

    def __post_init__(self) -> None:
        """Spell a name that is no text so that reports can hold it."""
        if not self.name.isprintable():
            object.__setattr__(self, "name", printable(self.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One image of one person.

    Args:
        source: where its pixels are.
        subject: who it shows; equal subjects are one person.
        yaw_rad: head turn about the vertical axis, radians, None if unknown.
        pitch_rad: head turn about the horizontal axis, radians, None if unknown.
        groups: further labels, such as ``(("sex", "female"),)``.
        quality: of the image, from a table of the user's own, higher is better, None if unknown.
    """

    source: ImageSource
    subject: str
    yaw_rad: float | None = None
    pitch_rad: float | None = None
    groups: tuple[tuple[str, str], ...] = ()
    quality: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
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

    faces: tuple[Face, ...]
    indices: npt.NDArray[np.int64]
    folds: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        """Refuse what could not be compared."""
        if self.indices.ndim != 2 or self.indices.shape[1] != 2:  # noqa: PLR2004 - a pair is two
            raise ValueError(f"indices must have shape (n, 2), not {self.indices.shape}")
        if self.indices.size and not (self.indices.min() >= 0 and self.indices.max() < len(self.faces)):
            raise ValueError(f"indices must lie in [0, {len(self.faces)})")
        if any(self.faces[a].source == self.faces[b].source for a, b in self.indices.tolist()):
            raise ValueError("a pair compares an image with itself, which is no comparison of two images")
        if self.folds is not None and self.folds.shape != (len(self.indices),):
            raise ValueError(f"folds must have shape ({len(self.indices)},), not {self.folds.shape}")

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def who(self) -> npt.NDArray[np.int64]:
        """Identity numbers of both sides, shape ``(n, 2)``; equal numbers are one person."""
        numbers: dict[str, int] = {}
        of_face = np.array([numbers.setdefault(face.subject, len(numbers)) for face in self.faces], dtype=np.int64)
        return of_face[self.indices]

    @property
    def genuine(self) -> npt.NDArray[np.bool_]:
        """True where both faces show one person, shape ``(n,)``."""
        who = self.who
        return np.asarray(who[:, 0] == who[:, 1])

    @property
    def yaw_difference_rad(self) -> npt.NDArray[np.float64]:
        """Absolute yaw difference in radians, shape ``(n,)``, NaN where a yaw is unknown.

        Rounded to a millionth, so that 0.8 - 0.4 and 0.4 - 0.0 are one step.
        """
        yaw = np.array([np.nan if face.yaw_rad is None else face.yaw_rad for face in self.faces])
        return np.asarray(np.round(np.abs(yaw[self.indices[:, 0]] - yaw[self.indices[:, 1]]), 6), dtype=np.float64)

    def take(self, rows: npt.NDArray[np.int64]) -> Pairs:
        """Return the pairs of these rows, with only the faces that they use, in first-use order."""
        used = list(dict.fromkeys(self.indices[rows].ravel().tolist()))
        position = {old: new for new, old in enumerate(used)}
        indices = np.array([[position[a], position[b]] for a, b in self.indices[rows].tolist()], dtype=np.int64)
        folds = None if self.folds is None else self.folds[rows]
        return dataclasses.replace(
            self, faces=tuple(self.faces[i] for i in used), indices=indices.reshape(-1, 2), folds=folds
        )
