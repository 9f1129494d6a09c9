"""The type of a corruption, and its inputs besides the image."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facecheck.faces import Image

__all__ = ["Corruption", "Domain", "Function", "Given", "Landmarks"]

Landmarks = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """Inputs of a corruption besides the image and the level.

    Args:
        generator: the only source of randomness.
        landmarks: ``(5, 2)`` float32, x and y in pixels of the image: eyes, nose tip and mouth corners,
            left before right in the image, as MTCNN returns them; None if unknown.
    """

    generator: np.random.Generator
    landmarks: Landmarks | None = None


Function = Callable[[Image, float, Given], Image]


@dataclass(frozen=True, slots=True)
class Domain:
    """The levels at which a corruption is defined, both ends included.

    >>> str(Domain(1, 95, whole=True))
    'a whole number from 1 to 95'
    >>> 95.5 in Domain(1, 95)
    False
    """

    low: float
    high: float
    whole: bool = False

    def __contains__(self, level: float) -> bool:
        return self.low <= level <= self.high and not (self.whole and level % 1)

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.low:g} only"
        return f"{'a whole number' if self.whole else 'a number'} from {self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Corruption:
    """One way of degrading an image.

    Args:
        name: as used in specifications and reports: lower-case letters and ``_``.
        family: group of corruptions that evals and graphs show together.
        title: as used in graphs.
        unit: of the level.
        levels: from clean to worst, rising or falling; 0 is clean.
        domain: the other levels that are allowed.
        function: of (image, level, given); it receives and returns ``(h, w, 3)`` uint8, C-contiguous, and must
            not change its input.
        needs_landmarks: whether its position or its size depends on the face's landmarks.

    Raises:
        ValueError: the name or the levels do not have this form.
    """

    name: str
    family: str
    title: str
    unit: str
    levels: tuple[float, ...]
    domain: Domain
    function: Function
    needs_landmarks: bool = False

    def __post_init__(self) -> None:
        """Refuse a name that specifications cannot contain, and levels that have no order."""
        if not re.fullmatch(r"[a-z_]+", self.name):
            raise ValueError(f"a corruption's name is made of a-z and _, not {self.name!r}")
        clean, *others = self.levels
        rising = sorted(set(others))
        if clean or others not in (rising, rising[::-1]) or not all(level in self.domain for level in others):
            raise ValueError(
                f"{self.name}: levels must start at 0, then rise or fall within {self.domain}: {self.levels}"
            )
