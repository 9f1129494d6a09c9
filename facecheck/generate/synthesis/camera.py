"""The camera: it orbits the head's centre at 9 dm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from facecheck.generate.synthesis.arrays import Floats

__all__ = ["DISTANCE_DM", "Camera", "place_camera"]

DISTANCE_DM: Final = 9.0
FIELD_DM: Final = 2.65  # width of the picture at the head's centre


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Camera:
    """A pinhole camera; ``right``, ``up`` and ``backwards`` (towards the camera) are unit vectors."""

    position: Floats
    right: Floats
    up: Floats
    backwards: Floats

    def project(self, points: Floats, size: int) -> Floats:
        """Pixel x (to the right), pixel y (down) and depth in dm of ``points (n, 3)`` in a square of ``size``."""
        offset = points - self.position
        depth = -(offset @ self.backwards)
        scale = DISTANCE_DM * size / FIELD_DM / depth
        return np.stack([size / 2 + offset @ self.right * scale, size / 2 - offset @ self.up * scale, depth], axis=1)


def place_camera(centre: Floats, *, yaw_rad: float, pitch_rad: float, roll_rad: float) -> Camera:
    """The camera for a pose of the head; the signs are defined in `facecheck.generate.synthesis.conditions`.

    >>> nose = np.array([[0.0, 0.0, 1.0]])
    >>> camera = place_camera(np.zeros(3), yaw_rad=0.4, pitch_rad=0.0, roll_rad=0.0)
    >>> bool(camera.project(nose, 100)[0, 0] > 50)  # to the right of the middle
    True
    """
    backwards = np.array([-np.sin(yaw_rad) * np.cos(pitch_rad), np.sin(pitch_rad), np.cos(yaw_rad) * np.cos(pitch_rad)])
    level = np.cross([0.0, 1.0, 0.0], backwards)
    level /= np.linalg.norm(level)
    upright = np.cross(backwards, level)
    cosine, sine = np.cos(roll_rad), np.sin(roll_rad)
    return Camera(
        position=centre + DISTANCE_DM * backwards,
        right=cosine * level - sine * upright,
        up=sine * level + cosine * upright,
        backwards=backwards,
    )
