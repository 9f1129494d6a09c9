"""What is done with pixels before a network and with its vectors after it, declared once.

Contracts, presets of files, embedders and the preflight hold these values, and no fields of their own for the same.
"""

from __future__ import annotations

import math
from collections.abc import Sized
from dataclasses import dataclass
from typing import Final, Literal

from facecheck.errors import ModelError, nearest

__all__ = [
    "COLOURS",
    "FLIPS",
    "IMAGENET",
    "MINUS_1_TO_1",
    "UNIT_LENGTH",
    "ZERO_TO_1",
    "ZERO_TO_255",
    "Channels",
    "Colour",
    "Flip",
    "Postprocessing",
    "Preprocessing",
    "spelt_channels",
]

Channels = tuple[float, float, float]
Colour = Literal["rgb", "bgr"]
COLOURS: tuple[Colour, ...] = ("rgb", "bgr")
Flip = Literal["none", "mean", "concat"]
FLIPS: tuple[Flip, ...] = ("none", "mean", "concat")
_CHANNELS = 3
_SHOWN = 100  # letters of a value that is none


def _channels(name: str, given: object) -> Channels:
    """Return three finite numbers, whatever sequence they came in."""
    try:
        numbers = [float(number) for number in given if not isinstance(number, str | bytes | bool)]  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != _CHANNELS or len(numbers) != _length(given) or not all(map(math.isfinite, numbers)):
        raise ModelError(
            f"{name}={_spelt(given)}: expected three finite numbers on the scale 0..255, one for each channel"
        )
    first, second, third = numbers
    return first, second, third


def _length(given: object) -> int:
    return len(given) if isinstance(given, Sized) else 0


def _spelt(given: object) -> str:
    plain = isinstance(given, tuple) and given and all(type(number) in (int, float) for number in given)
    return spelt_channels(given) if plain else repr(given)[:_SHOWN]  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """What is done with a crop's pixels before the network: channel order, then ``(x - mean) / std``.

    Args:
        mean: taken from each channel of 0..255, in the network's channel order.
        std: each channel is divided by it.
        colour: channel order that the network was trained on.

    Raises:
        ModelError: an unknown channel order, numbers that are not three and finite, or a ``std`` of zero.
    """

    mean: Channels = (127.5, 127.5, 127.5)
    std: Channels = (127.5, 127.5, 127.5)
    colour: Colour = "rgb"

    def __post_init__(self) -> None:
        """Refuse values that cannot be applied to pixels."""
        if self.colour not in COLOURS:
            raise ModelError(f"colour {self.colour!r} is unknown. {nearest(str(self.colour), COLOURS)}")
        for name in ("mean", "std"):
            object.__setattr__(self, name, _channels(name, getattr(self, name)))
        if 0 in self.std:
            raise ModelError(f"std={spelt_channels(self.std)}: the pixels are divided by it: expected no zero")


@dataclass(frozen=True, slots=True, kw_only=True)
class Postprocessing:
    """What is done with a network's vectors.

    Args:
        l2: whether they are scaled to length one, after everything else.
        flip: what becomes of the mirrored crop's vector: ``mean`` averages it with the crop's own, as InsightFace
            does, ``concat`` appends it, as FaceNet does, ``none`` does not compute it.

    Raises:
        ModelError: an unknown flip, or an ``l2`` that is not True or False.
    """

    l2: bool = True
    flip: Flip = "none"

    def __post_init__(self) -> None:
        """Refuse what cannot be done with the mirrored crop."""
        if self.flip not in FLIPS:
            raise ModelError(f"flip {self.flip!r} is unknown. {nearest(str(self.flip), FLIPS)}")
        if not isinstance(self.l2, bool):
            raise ModelError(f"l2={self.l2!r}: expected True or False")


# The ranges that most networks are trained on.
MINUS_1_TO_1: Final = Preprocessing()
ZERO_TO_1: Final = Preprocessing(mean=(0.0, 0.0, 0.0), std=(255.0, 255.0, 255.0))
ZERO_TO_255: Final = Preprocessing(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
IMAGENET: Final = Preprocessing(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375))

UNIT_LENGTH: Final = Postprocessing()


def spelt_channels(numbers: tuple[float, ...]) -> str:
    """Write three numbers as options take them, or one if they are equal.

    >>> spelt_channels((127.5, 127.5, 127.5)), spelt_channels((123.675, 116.28, 103.53))
    ('127.5', '123.675/116.28/103.53')
    """
    return "/".join(f"{number:g}" for number in (numbers if len(set(numbers)) > 1 else numbers[:1]))
