"""Degradations with a name, a unit and levels.

The randomness of a corruption comes from a generator seeded by its name, its level and the image, so that
any process on any machine makes the same pixels. Level 0 is the clean image.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import PIL.Image
from PIL import ImageFilter

from facecheck.errors import FacecheckError, nearest
from facecheck.faces import Image

__all__ = ["CLEAN", "CORRUPTIONS", "Applied", "Corruption"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corruption:
    """One way of degrading an image.

    Args:
        name: as used in specifications and reports.
        unit: what a level counts.
        levels: from clean to worst; 0 is clean.
        function: of (image, level, generator); it may not change its input.
    """

    name: str
    unit: str
    levels: tuple[float, ...]
    function: Callable[[Image, float, np.random.Generator], Image]


@dataclass(frozen=True, slots=True)
class Applied:
    """A corruption at a level.

    >>> Applied("blur", 2.0).identity
    'blur:2'
    """

    name: str
    level: float

    def __post_init__(self) -> None:
        """Refuse an unknown corruption."""
        if self.name not in CORRUPTIONS:
            raise FacecheckError(f"corruption {self.name!r} is unknown. {nearest(self.name, CORRUPTIONS)}")

    @property
    def identity(self) -> str:
        """Name and level; every clean image is the same."""
        return f"{self.name}:{self.level:g}" if self.level else "clean"

    def apply(self, image: Image, digest: bytes) -> Image:
        """Return the degraded image of the same shape.

        Args:
            image: ``(h, w, 3)`` uint8.
            digest: identifies the image; it seeds the randomness.
        """
        if not self.level:
            return image
        seed = hashlib.sha256(self.identity.encode() + digest).digest()
        generator = np.random.default_rng(int.from_bytes(seed, "little"))
        return CORRUPTIONS[self.name].function(image, self.level, generator)


def _blur(image: Image, level: float, generator: np.random.Generator) -> Image:  # noqa: ARG001 - the table's form
    return np.array(PIL.Image.fromarray(image).filter(ImageFilter.GaussianBlur(level)))


_TABLE = (Corruption(name="blur", unit="Gaussian radius, px", levels=(0, 1, 2, 3, 4, 5), function=_blur),)
CORRUPTIONS: MappingProxyType[str, Corruption] = MappingProxyType({entry.name: entry for entry in _TABLE})
CLEAN = Applied("blur", 0.0)
