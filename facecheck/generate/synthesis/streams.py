"""One random stream per aspect of a picture, so that aspects are independent.

`stream` makes a generator from (aspect, seed, further numbers). An additional draw in one aspect does not change the
others: the light of a person stays the same if the hair cut is drawn differently.
"""

from __future__ import annotations

from enum import IntEnum, unique

import numpy as np

__all__ = ["Aspect", "stream"]


@unique
class Aspect(IntEnum):
    """Purpose of a stream. The numbers are part of every seed: never renumber, only append."""

    BODY = 1
    SHAPE = 2
    WARP = 3
    SKIN = 4
    EYES = 5
    BROWS = 6
    HAIR = 7
    STYLE = 8
    SKIN_TEXTURE = 9
    WRINKLES = 10
    STRANDS = 11
    FACIAL_HAIR = 12
    LIGHT = 13
    BACKGROUND = 14
    SENSOR = 15
    CONDITIONS = 16
    CLOTH = 17
    PROTOCOL = 18


def stream(aspect: Aspect, *seeds: int) -> np.random.Generator:
    """Generator of one aspect, e.g. ``stream(Aspect.SKIN, seed)``."""
    return np.random.default_rng([int(aspect), *seeds])
