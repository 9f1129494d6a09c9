"""The plain values that are passed from the data sets to the scores.

An image is an array of shape ``(h, w, 3)``, dtype uint8, channels RGB. A face names its image and its subject.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from facecheck.errors import printable

__all__ = ["Coding", "Face", "Image", "ImageSource", "Portion"]

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
