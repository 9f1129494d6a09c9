"""Conditions and camera: signs, independence from the person, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from facecheck.generate.synthesis.camera import place_camera
from facecheck.generate.synthesis.conditions import KINDS, Conditions, draw_conditions
from facecheck.generate.synthesis.person import draw_person
from facecheck.generate.synthesis.shape import head_vertices
from facecheck.generate.synthesis.style import draw_style
from facecheck.generate.synthesis.template import load_template

NOSE_TIP = np.array([0.0, 6.93, 1.75])  # on the template, dm


def _landmarks(seed: int, yaw_rad: float = 0.0, pitch_rad: float = 0.0, roll_rad: float = 0.0) -> dict[str, Any]:
    """Projected eyes and tip of the nose of a person, in pixels of a 100 px picture."""
    template = load_template()
    vertices = head_vertices(template, draw_person(seed), {})
    tip = template.body_ids[np.linalg.norm(template.head.vertices[template.body_ids] - NOSE_TIP, axis=1).argmin()]
    parts = template.head.parts
    eyes = [vertices[np.unique(parts[f"{side}_eye"])].mean(axis=0) for side in ("left", "right")]
    centre = np.array([0.0, eyes[0][1] - 0.3, 0.45])
    camera = place_camera(centre, yaw_rad=yaw_rad, pitch_rad=pitch_rad, roll_rad=roll_rad)
    points = camera.project(np.stack([*eyes, vertices[tip]]), 100)
    return {"left_eye": points[0], "right_eye": points[1], "nose": points[2]}


@pytest.mark.parametrize("seed", [0, 11, 24])
def test_the_nose_points_right_at_positive_yaw(seed: int) -> None:
    """As in EG3D's strips, whose tiles run from -0.8 to 0.8 rad from left to right."""
    offsets = []
    for yaw in (-0.8, -0.4, 0.0, 0.4, 0.8):
        found = _landmarks(seed, yaw_rad=yaw)
        offsets.append(found["nose"][0] - (found["left_eye"][0] + found["right_eye"][0]) / 2)
    assert np.all(np.diff(offsets) > 2)
    assert abs(offsets[2]) < 3


def test_the_subjects_left_eye_is_at_the_right() -> None:
    """Pictures are not mirrored."""
    found = _landmarks(0)
    assert found["left_eye"][0] > found["right_eye"][0] + 10


def test_at_positive_pitch_the_camera_looks_down() -> None:
    """Seen from above, the nose is lower relative to the eyes."""
    heights = [
        found["nose"][1] - found["left_eye"][1] for found in (_landmarks(0, pitch_rad=p) for p in (-0.3, 0.0, 0.3))
    ]
    assert heights[0] < heights[1] < heights[2]


def test_at_positive_roll_the_head_leans_to_the_left_edge() -> None:
    """The eyes move to the left of the nose, and the left eye is higher."""
    found = _landmarks(0, roll_rad=0.3)
    eyes = (found["left_eye"] + found["right_eye"]) / 2
    assert eyes[0] < _landmarks(0)["nose"][0]
    assert found["left_eye"][1] < found["right_eye"][1]


def test_conditions_do_not_touch_the_person() -> None:
    """Draws of conditions and of a person are independent and repeatable."""
    before = draw_person(5), draw_style(draw_person(5), 0)
    drawn = [draw_conditions(kind, 5, 0) for kind in KINDS]
    assert before == (draw_person(5), draw_style(draw_person(5), 0))
    assert drawn == [draw_conditions(kind, 5, 0) for kind in KINDS]


def test_what_a_kind_names_is_set() -> None:
    """Each kind sets its own condition."""
    drawn = {kind: draw_conditions(kind, 1, 2) for kind in KINDS}
    assert [drawn[kind].expression for kind in ("smile", "laugh", "light")] == ["smile", "laugh", "neutral"]
    assert abs(drawn["pitch"].pitch_rad) >= 0.18
    assert drawn["glasses"].glasses is True
    assert [kind for kind in KINDS if drawn[kind].style] == ["restyle"]


def test_glasses_can_be_put_on_and_taken_off() -> None:
    """None keeps the glasses of the style."""
    style = draw_style(draw_person(1), 0)
    assert [style.with_glasses(worn).wears_glasses for worn in (True, False)] == [True, False]
    assert style.with_glasses(None) == style


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"yaw_rad": 45.0}, "yaw_rad must be within .*did you supply degrees", id="degrees"),
        pytest.param({"pitch_rad": float("nan")}, "pitch_rad must be within", id="nan"),
        pytest.param({"expression": "grin"}, "unknown expression 'grin'; known are neutral, smile", id="expression"),
        pytest.param({"lighting": "moon"}, "unknown lighting 'moon'; known are soft", id="lighting"),
        pytest.param({"style": -1}, "style must be 0 or more, got -1", id="style"),
    ],
)
def test_bad_conditions_are_refused(arguments: dict[str, Any], message: str) -> None:
    """The message names the condition, the given value and the likely cause."""
    with pytest.raises(ValueError, match=message):
        Conditions(**arguments)
