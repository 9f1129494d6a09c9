"""Conditions of a picture: pose, expression, light, look of the day, background.

Conditions are independent of the person in the picture, and no draw here uses a random stream of the person.

The yaw's sign is that of EG3D's strips, whose tiles run from -0.8 to 0.8 rad from left to right: **at positive
yaw the nose points to the right edge of the picture** (the camera stands at the subject's right). At positive
pitch the camera looks down from above; at positive roll the head leans to the left edge of the picture
(counter-clockwise).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

import numpy as np

from facecheck.generate.synthesis.shape import EXPRESSIONS, Expression
from facecheck.generate.synthesis.streams import Aspect, stream

__all__ = ["KINDS", "Conditions", "Kind", "Lighting", "draw_conditions"]

Lighting: TypeAlias = Literal["soft", "window", "sun", "overhead", "two lamps"]
Kind: TypeAlias = Literal["smile", "laugh", "frown", "speak", "surprise", "light", "pitch", "glasses", "restyle"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
_LIGHTINGS: Final[tuple[Lighting, ...]] = get_args(Lighting)
# The other kinds look straight ahead and so share the neutral model, which saves 3 s a picture.
_WITH_GAZE: Final = ("smile", "laugh", "frown", "speak", "surprise", "restyle")
MAX_ANGLE_RAD: Final = 1.3  # beyond this angle the face is not visible enough to be recognised


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """Conditions of one picture. Angles in rad; `facecheck.generate.synthesis.conditions` defines their signs.

    Attributes:
        yaw_rad, pitch_rad, roll_rad: pose of the camera relative to the head, at most 1.3 rad in each direction.
        gaze_rad: angles of the eyes towards the subject's left and upwards.
        style: index of the look, 0 is the usual one; ``glasses`` overrides its glasses.
        lighting, light_seed: kind of light, and its variant.
        exposure_ev: stops over (positive) or under the metered exposure.
    """

    yaw_rad: float = 0.0
    pitch_rad: float = 0.0
    roll_rad: float = 0.0
    expression: Expression = "neutral"
    expression_strength: float = 1.0
    gaze_rad: tuple[float, float] = (0.0, 0.0)
    style: int = 0
    glasses: bool | None = None
    lighting: Lighting = "soft"
    light_seed: int = 0
    background_seed: int = 0
    exposure_ev: float = 0.0
    noise_seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be rendered; the message says what can."""
        for name in ("yaw_rad", "pitch_rad", "roll_rad"):
            angle = getattr(self, name)
            if not abs(angle) <= MAX_ANGLE_RAD:
                raise ValueError(f"{name} must be within ±{MAX_ANGLE_RAD} rad, got {angle}; did you supply degrees?")
        if self.expression not in EXPRESSIONS:
            raise ValueError(f"unknown expression {self.expression!r}; known are {', '.join(EXPRESSIONS)}")
        if self.lighting not in _LIGHTINGS:
            raise ValueError(f"unknown lighting {self.lighting!r}; known are {', '.join(_LIGHTINGS)}")
        if self.style < 0:
            raise ValueError(f"style must be 0 or more, got {self.style}")


def _pose(rng: np.random.Generator, kind: Kind) -> tuple[float, float, float]:
    pitch = rng.choice([-1, 1]) * rng.uniform(0.18, 0.32) if kind == "pitch" else rng.uniform(-0.08, 0.12)
    return float(rng.uniform(-0.35, 0.35)), float(pitch), float(rng.normal(0, 0.05))


def draw_conditions(kind: Kind, *seeds: int) -> Conditions:
    """Draw conditions of a kind: the kind fixes one of them; pose, light and background are random.

    Args:
        kind: an expression; "light"; "pitch"; "glasses" (on); "restyle" (the look of another day).
        seeds: of the random stream, e.g. person and number of the picture.
    """
    rng = stream(Aspect.CONDITIONS, KINDS.index(kind), *seeds)
    yaw, pitch, roll = _pose(rng, kind)
    gaze = (round(float(rng.normal(0, 0.08)), 3), round(float(rng.normal(0, 0.05)), 3))
    lighting = _LIGHTINGS[int(rng.integers(len(_LIGHTINGS)))]
    expressions: dict[Kind, Expression] = {
        "smile": "smile",
        "laugh": "laugh",
        "frown": "frown",
        "speak": "speak",
        "surprise": "surprise",
    }
    return Conditions(
        yaw_rad=round(yaw, 3),
        pitch_rad=round(pitch, 3),
        roll_rad=round(roll, 3),
        expression=expressions.get(kind, "neutral"),
        expression_strength=round(float(rng.uniform(0.75, 1.1)), 3),
        gaze_rad=gaze if kind in _WITH_GAZE else (0.0, 0.0),
        style=1 if kind == "restyle" else 0,
        glasses=True if kind == "glasses" else None,
        lighting=lighting,
        light_seed=int(rng.integers(1 << 20)),
        background_seed=int(rng.integers(1 << 20)),
        exposure_ev=round(float(rng.normal(0, 0.2)), 3),
        noise_seed=int(rng.integers(1 << 20)),
    )
