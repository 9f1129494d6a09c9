"""Rendered pictures: equal in every process and sequence, and changed only by their conditions."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from facecheck.generate.synthesis.background import background
from facecheck.generate.synthesis.conditions import Conditions
from facecheck.generate.synthesis.person import draw_person
from facecheck.generate.synthesis.studio import take_pictures

SIZE = 48
SCRIPT = f"""
import hashlib
from facecheck.generate.synthesis.conditions import Conditions
from facecheck.generate.synthesis.person import draw_person
from facecheck.generate.synthesis.studio import take_pictures
picture, = take_pictures(draw_person(4), [Conditions(yaw_rad=0.4)], size={SIZE})
print(hashlib.sha256(picture.tobytes()).hexdigest())
"""


def test_a_picture_is_the_same_in_another_process_and_other_company() -> None:
    """The bytes do not depend on other pictures or on the process."""
    conditions = [Conditions(), Conditions(lighting="sun", light_seed=3), Conditions(yaw_rad=0.4)]
    here = take_pictures(draw_person(4), conditions, size=SIZE)[2]
    there = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == hashlib.sha256(here.tobytes()).hexdigest()
    assert here.shape == (SIZE, SIZE, 3)
    assert here.dtype == np.uint8


def test_light_and_background_change_nothing_but_themselves() -> None:
    """Another light keeps the background; another background keeps the face."""
    lit, relit, moved = take_pictures(
        draw_person(9),
        [Conditions(), Conditions(lighting="window"), Conditions(lighting="window", background_seed=5)],
        size=SIZE,
    )
    corner, middle = np.s_[:6, :6], np.s_[20:30, 20:28]
    assert np.array_equal(lit[corner], relit[corner])
    assert not np.array_equal(lit[middle], relit[middle])
    assert np.array_equal(relit[middle], moved[middle])
    assert not np.array_equal(relit[corner], moved[corner])


def test_a_background_is_one_scene_at_every_size() -> None:
    """A large background, scaled down, equals a small one."""
    small, large = background(16, 3), background(64, 3)
    assert large.reshape(16, 4, 16, 4, 3).mean(axis=(1, 3)) == pytest.approx(small, abs=0.05)


def test_a_picture_too_small_for_a_face_is_refused() -> None:
    """The message contains the smallest size."""
    with pytest.raises(ValueError, match="at least 32 px wide, got 16"):
        take_pictures(draw_person(0), [Conditions()], size=16)
