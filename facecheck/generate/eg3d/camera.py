"""EG3D's camera label: 25 numbers for the pose and the intrinsics of a camera.

EG3D's world is right-handed: the face looks along z, y is up, and x points to the right edge of the frontal
picture. The first sixteen numbers are the matrix from camera (x right, y down, z forwards) to world coordinates, row
by row; the last nine are the intrinsics for a picture of width 1.

The signs of yaw and pitch are those of `facecheck.generate.synthesis.conditions`. Cameras are placed as EG3D's
look-at sampler places them: on a sphere around the *origin*, looking at the pivot. Yaw and pitch are the camera's
direction from the origin, as in EG3D's scripts; the direction in which it looks at the pivot (`viewed_from`) is equal
only where the pivot is the origin. With the pivot of the FFHQ models, (0, 0, 0.2), yaws of 0.4 and 0.8 are seen from
0.431 and 0.856.

EG3D's scripts use the opposite sign: their ``angle_y`` is the camera's azimuth
towards the right edge, from where the nose points left. So the strips of the first study, called -0.8 to 0.8 rad
from left to right and looking left to right, run from ``angle_y`` 0.8 to -0.8, as in ``gen_samples.py``. Their
``angle_p`` is not an angle: the height of the camera, not its elevation, is linear in it.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from facecheck.errors import ModelError
from facecheck.generate.synthesis.arrays import Floats

__all__ = ["FOCAL", "camera_label", "published_angles", "viewed_from"]

FOCAL: Final = 4.2647  # in widths of the picture; the value of all training pictures of the face models
_LEAST_LEVEL: Final = 1e-6  # horizontal distance from the pivot, in radii


def camera_label(*, yaw_rad: float, pitch_rad: float, pivot: npt.ArrayLike, radius: float) -> Floats:
    """Return the label ``(25,)`` of the camera that shows a head at a pose.

    Args:
        yaw_rad: at positive yaw the nose points to the right edge of the picture.
        pitch_rad: at positive pitch the camera looks down from above; less than a quarter turn.
        pivot: ``(3,)``, the point of EG3D's world that the camera looks at.
        radius: of the sphere around the origin on which the camera stands, in units of that world.

    Raises:
        ModelError: the camera would look straight up or down, or nowhere, so that its roll is undefined.

    Source: "Camera poses are in OpenCV Cam2World format. Intrinsics are normalized." (EG3D,
    docs/camera_conventions.md); LookAtPoseSampler in its camera_utils.py.

    >>> camera_label(yaw_rad=0.0, pitch_rad=0.0, pivot=(0.0, 0.0, 0.2), radius=2.7)[:16].reshape(4, 4).round(1)
    array([[ 1. ,  0. ,  0. ,  0. ],
           [ 0. , -1. ,  0. ,  0. ],
           [ 0. ,  0. , -1. ,  2.7],
           [ 0. ,  0. ,  0. ,  1. ]])
    """
    towards = [-math.sin(yaw_rad) * math.cos(pitch_rad), math.sin(pitch_rad), math.cos(yaw_rad) * math.cos(pitch_rad)]
    position = radius * np.array(towards)
    gaze = np.asarray(pivot, np.float64) - position
    level = np.cross(gaze, (0.0, 1.0, 0.0))
    if not np.linalg.norm(level) > _LEAST_LEVEL * radius:
        raise ModelError(
            f"a camera at yaw {yaw_rad:g} and pitch {pitch_rad:g} rad, {radius:g} from the origin, does not look at "
            f"the pivot {np.asarray(pivot).tolist()} from the side: its roll is undefined; use a smaller --pitch"
        )
    forwards, right = gaze / np.linalg.norm(gaze), level / np.linalg.norm(level)
    to_world = np.eye(4)
    to_world[:3] = np.stack([right, np.cross(forwards, right), forwards, position], axis=1)
    intrinsics = [FOCAL, 0.0, 0.5, 0.0, FOCAL, 0.5, 0.0, 0.0, 1.0]
    return np.concatenate([to_world.ravel(), intrinsics]) + 0.0  # + 0.0 removes negative zeros from the files


def viewed_from(label: Floats) -> tuple[float, float]:
    """Return the yaw and the pitch, rad, at which a label's camera sees what it looks at, with our signs.

    >>> label = camera_label(yaw_rad=0.8, pitch_rad=0.0, pivot=(0.0, 0.0, 0.2), radius=2.7)
    >>> [round(angle, 3) + 0.0 for angle in viewed_from(label)]
    [0.856, 0.0]
    """
    x, y, z = -label[:16].reshape(4, 4)[:3, 2]
    return math.atan2(-x, z), math.asin(min(1.0, max(-1.0, float(y))))


def published_angles(*, yaw_rad: float, pitch_rad: float) -> tuple[float, float]:
    """Return the ``angle_y`` and ``angle_p`` for which EG3D's ``gen_samples.py`` uses the same camera.

    >>> published_angles(yaw_rad=0.4, pitch_rad=0.0)
    (-0.4, 0.0)
    """
    return 0.0 - yaw_rad, 0.0 - math.pi / 2 * math.sin(pitch_rad)
