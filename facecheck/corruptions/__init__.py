"""Corruptions with a name, a unit and levels, in one table.

The random generator of a corruption is seeded by its name, its level and the image, so that every process
makes the same pixels. Level 0 is the clean image.

This holds for one set of library versions. The arithmetic of Pillow and NumPy is the same on every processor. Where
OpenCV sums in floating point (defocus blur, motion blurs, snow, frost), another instruction set may round one value
in ten thousand differently, by one level.
"""

from __future__ import annotations

from facecheck.corruptions.applied import CLEAN, Applied
from facecheck.corruptions.corruption import Corruption, Domain, Given
from facecheck.corruptions.table import CORRUPTIONS, families, of_family

__all__ = ["CLEAN", "CORRUPTIONS", "Applied", "Corruption", "Domain", "Given", "families", "of_family"]
