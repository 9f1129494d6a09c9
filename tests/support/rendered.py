"""A rendered face with its exact landmarks, projected from the model that the picture was made of."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from facecheck.faces import Image
from facecheck.generate.synthesis.camera import place_camera
from facecheck.generate.synthesis.generate import neutral_conditions
from facecheck.generate.synthesis.model import KINDS, Model, Pose, sculpt
from facecheck.generate.synthesis.person import draw_person
from facecheck.generate.synthesis.studio import Studio
from facecheck.generate.synthesis.style import draw_style
from facecheck.generate.synthesis.template import MOUTH_Y_DM, Template, load_template

__all__ = ["rendered"]

_LIPS = 0.3  # share of a vertex that is lip
_FRONT_DM, _CHIN_DM = 0.8, 6.2
_ROUND_MOUTH_DM = 0.2


@functools.cache
def rendered(seed: int, size: int) -> tuple[Image, npt.NDArray[np.float64]]:
    """Return a frontal picture ``(size, size, 3)``; eyes, nose tip and mouth corners ``(5, 2)``, left before right."""
    person = draw_person(seed)
    conditions = neutral_conditions(person)
    picture = Studio(person).take(conditions, size=size)
    pose = Pose(conditions.expression, conditions.expression_strength, conditions.gaze_rad)
    model = sculpt(load_template(), person, draw_style(person, conditions.style), pose)
    camera = place_camera(model.centre, yaw_rad=0.0, pitch_rad=0.0, roll_rad=0.0)
    return picture, camera.project(_points(load_template(), model), size)[:, :2]


def _points(template: Template, model: Model) -> npt.NDArray[np.float64]:
    eyes = model.vertices[model.kind == KINDS.index("eye")]
    face = np.flatnonzero((template.rest_fine[:, 2] > _FRONT_DM) & (template.rest_fine[:, 1] > _CHIN_DM))
    nose = face[np.argmax(template.rest_fine[face, 2])]
    near = np.abs(template.rest_fine[face, 1] - MOUTH_Y_DM) < _ROUND_MOUTH_DM
    lips = face[near & (template.head.masks["lips"][face] > _LIPS)]
    corners = [lips[find(template.rest_fine[lips, 0])] for find in (np.argmin, np.argmax)]
    return np.stack(
        [
            eyes[eyes[:, 0] < 0].mean(axis=0),
            eyes[eyes[:, 0] > 0].mean(axis=0),
            model.vertices[nose],
            *model.vertices[corners],
        ]
    )
