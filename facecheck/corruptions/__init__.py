"""Degradations with a name, a unit and levels, in one table.

The randomness of a corruption comes from a generator seeded by its name, its level and the image, so that
any process makes the same pixels. Level 0 is the clean image.

That holds for one set of library versions. Pillow's and NumPy's arithmetic is the same on every processor; where
OpenCV sums in floating point (the defocus and motion blurs, snow, frost), another instruction set may round one
value in ten thousand to its neighbour.
"""

from __future__ import annotations

from facecheck.corruptions.applied import CLEAN, Applied
from facecheck.corruptions.corruption import Corruption, Domain, Given
from facecheck.corruptions.table import CORRUPTIONS, families, of_family

__all__ = ["CLEAN", "CORRUPTIONS", "Applied", "Corruption", "Domain", "Given", "families", "of_family"]
