"""EG3D's camera label: 25 numbers for the pose and the intrinsics of a camera.

EG3D's world is right-handed: the face looks along z, y is up, and x points to the right edge of the frontal
picture. The first sixteen numbers are the matrix from camera (x right, y down, z forwards) to world coordinates, row
by row; the last nine are the intrinsics for a picture of width 1.

The signs of yaw and pitch are those of `facecheck.generate.synthesis.conditions`, and cameras are placed by
`synthesis.camera`. EG3D's scripts use the opposite sign: their ``angle_y`` is the camera's azimuth
towards the right edge, from where the nose points left. So the strips of the first study, called -0.8 to 0.8 rad
from left to right and looking left to right, run from ``angle_y`` 0.8 to -0.8, as in ``gen_samples.py``. Their
``angle_p`` is not an angle: the height of the camera, not its elevation, is linear in it.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from facecheck.generate.synthesis.arrays import Floats
from facecheck.generate.synthesis.camera import place_camera

__all__ = ["FOCAL", "camera_label", "published_angles"]

FOCAL: Final = 4.2647  # in widths of the picture; the value of all training pictures of the face models


def camera_label(*, yaw_rad: float, pitch_rad: float, pivot: npt.ArrayLike, radius: float) -> Floats:
    """Return the label ``(25,)`` of the camera that shows a head at a pose.

    Args:
        yaw_rad: at positive yaw the nose points to the right edge of the picture.
        pitch_rad: at positive pitch the camera looks down from above; less than a quarter turn.
        pivot: ``(3,)``, the point of EG3D's world that the camera looks at.
        radius: distance from there, in units of that world.

    Source: "Camera poses are in OpenCV Cam2World format. Intrinsics are normalized." (EG3D,
    docs/camera_conventions.md)

    >>> camera_label(yaw_rad=0.0, pitch_rad=0.0, pivot=(0.0, 0.0, 0.2), radius=2.7)[:16].reshape(4, 4).round(1)
    array([[ 1. ,  0. ,  0. ,  0. ],
           [ 0. , -1. ,  0. ,  0. ],
           [ 0. ,  0. , -1. ,  2.9],
           [ 0. ,  0. ,  0. ,  1. ]])
    """
    centre = np.asarray(pivot, np.float64)
    camera = place_camera(centre, yaw_rad=yaw_rad, pitch_rad=pitch_rad, roll_rad=0.0)
    to_world = np.eye(4)
    to_world[:3] = np.stack([camera.right, -camera.up, -camera.backwards, centre + radius * camera.backwards], axis=1)
    intrinsics = [FOCAL, 0.0, 0.5, 0.0, FOCAL, 0.5, 0.0, 0.0, 1.0]
    return np.concatenate([to_world.ravel(), intrinsics]) + 0.0  # + 0.0 removes negative zeros from the files


def published_angles(*, yaw_rad: float, pitch_rad: float) -> tuple[float, float]:
    """Return the ``angle_y`` and ``angle_p`` for which EG3D's ``gen_samples.py`` uses the same camera.

    >>> published_angles(yaw_rad=0.4, pitch_rad=0.0)
    (-0.4, 0.0)
    """
    return 0.0 - yaw_rad, 0.0 - math.pi / 2 * math.sin(pitch_rad)
