"""Pictures of a person under conditions.

Slow steps are shared: one model per look and expression (0.9 s), its visibility (0.8 s), one lighting per light
(0.1 s). A picture depends only on its person and conditions, not on other pictures of the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from facecheck.generate.synthesis.arrays import Pixels
from facecheck.generate.synthesis.camera import place_camera
from facecheck.generate.synthesis.conditions import Conditions, Lighting
from facecheck.generate.synthesis.light import radiance
from facecheck.generate.synthesis.model import Model, Pose, sculpt
from facecheck.generate.synthesis.person import Person
from facecheck.generate.synthesis.render import Development, render
from facecheck.generate.synthesis.shading import LitModel, light_model
from facecheck.generate.synthesis.style import Style, draw_style
from facecheck.generate.synthesis.template import load_template
from facecheck.generate.synthesis.visibility import Visibility, bake_visibility

__all__ = ["SMALLEST_SIZE", "Studio", "take_pictures"]

SMALLEST_SIZE = 32


class Studio:
    """Renders one person; keeps the latest model, visibility and lighting for the next picture."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self._build = lru_cache(maxsize=1)(self._build_model)
        self._light = lru_cache(maxsize=1)(self._light_model)

    def _build_model(self, style: Style, pose: Pose) -> tuple[Model, Visibility]:
        model = sculpt(load_template(), self._person, style, pose)
        return model, bake_visibility(model)

    def _light_model(self, style: Style, pose: Pose, lighting: Lighting, seed: int) -> LitModel:
        return light_model(load_template(), *self._build(style, pose), radiance(lighting, seed))

    def take(self, conditions: Conditions, *, size: int) -> Pixels:
        """One picture ``(size, size, 3)`` uint8 RGB.

        Raises:
            ValueError: a size too small to show a face.
        """
        if size < SMALLEST_SIZE:
            raise ValueError(f"pictures must be at least {SMALLEST_SIZE} px wide, got {size}")
        style = draw_style(self._person, conditions.style).with_glasses(conditions.glasses)
        pose = Pose(conditions.expression, conditions.expression_strength, conditions.gaze_rad)
        lit = self._light(style, pose, conditions.lighting, conditions.light_seed)
        camera = place_camera(
            lit.model.centre,
            yaw_rad=conditions.yaw_rad,
            pitch_rad=conditions.pitch_rad,
            roll_rad=conditions.roll_rad,
        )
        developed = Development(conditions.background_seed, conditions.exposure_ev, conditions.noise_seed)
        return render(load_template(), lit, camera, size, developed)


def take_pictures(person: Person, conditions: Sequence[Conditions], *, size: int) -> list[Pixels]:
    """Pictures of a person, in the order of ``conditions``; equal looks and lights in sequence render fastest."""
    studio = Studio(person)
    return [studio.take(each, size=size) for each in conditions]
