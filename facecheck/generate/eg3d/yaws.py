"""Yaws of a strip: equally spaced, so that three numbers define them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from facecheck.generate.synthesis.generate import strip_yaws

__all__ = ["Turn", "parse_yaws"]

_LEAST_TILES, _MOST_TILES = 2, 1000  # the range that `facecheck.datasets.strips` reads
_EXACT_RAD: Final = 1e-6  # yaws are stored with six decimals


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The yaws of the tiles of a strip.

    Args:
        tiles: of a strip, 2 to 1000.
        start_rad: yaw of the first (left) tile, rad.
        step_rad: difference of the yaws of neighbouring tiles, rad; negative if the head turns to the left edge.

    Raises:
        ValueError: a strip that ``strips:`` cannot read.
    """

    tiles: int
    start_rad: float
    step_rad: float

    def __post_init__(self) -> None:
        """Check that ``strips:`` can read the strip."""
        if not _LEAST_TILES <= self.tiles <= _MOST_TILES:
            raise ValueError(f"a strip has {_LEAST_TILES} to {_MOST_TILES} tiles, got {self.tiles}")
        furthest = max(abs(self.start_rad), abs(self.start_rad + (self.tiles - 1) * self.step_rad))
        if not furthest <= math.pi:
            raise ValueError(f"yaws reach {furthest:g} rad, beyond half a turn; did you give degrees?")
        if not abs(self.step_rad) >= _EXACT_RAD:
            raise ValueError(f"a step of {self.step_rad:g} rad is too small; expected at least {_EXACT_RAD:g}")

    @property
    def yaws_rad(self) -> tuple[float, ...]:
        """Yaw of each tile from left to right, rad."""
        return strip_yaws(self.tiles, self.start_rad, self.step_rad)


def parse_yaws(text: str) -> Turn:
    """Parse ``first:last:step``, including the last yaw.

    The distance from first to last must be a multiple of the step, within a millionth, since all steps of a strip are
    equal.

    Args:
        text: three numbers in rad.

    Raises:
        ValueError: not three numbers, a step that misses the last yaw, or yaws that are not valid for a strip.

    >>> parse_yaws("-0.8:0.8:0.4").yaws_rad
    (-0.8, -0.4, 0.0, 0.4, 0.8)
    """
    first, last, step = _numbers(text)
    if not max(abs(first), abs(last)) <= math.pi:
        raise ValueError(f"{text!r} goes beyond half a turn, {math.pi:.4f} rad; did you give degrees?")
    if not abs(step) >= _EXACT_RAD or (last - first) / step < 0:
        raise ValueError(f"{text!r}: a step of {step:g} never leads from {first:g} to {last:g}")
    steps = round((last - first) / step)
    if abs(first + steps * step - last) > _EXACT_RAD:
        raise ValueError(
            f"{text!r}: a step of {step:g} misses {last:g}; strips need equal steps, "
            f"for example {first:g}:{last:g}:{(last - first) / max(1, steps):g}"
        )
    return Turn(tiles=steps + 1, start_rad=first, step_rad=step)


def _numbers(text: str) -> tuple[float, float, float]:
    try:
        first, last, step = map(float, text.split(":"))
    except ValueError:
        first = last = step = math.nan
    if not all(map(math.isfinite, (first, last, step))):
        raise ValueError(f"expected first:last:step in radians, such as -0.8:0.8:0.4, got {text!r}")
    return first, last, step
