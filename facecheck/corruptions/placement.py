"""Position and size of the face, from its five landmarks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facecheck.corruptions.corruption import Given, Landmarks
from facecheck.faces import Image
from facecheck.faces.five_points import FIVE_POINTS_112

__all__ = ["NOSE_DEPTH", "FaceFrame", "Points", "face_centre", "size_factor"]

Points = npt.NDArray[np.float64]

# Side of the aligned crop as a share of the image's shorter side if the face is unknown: as in LFW.
_CENTRED_CROP = 0.55


def _middles(points: Points) -> tuple[Points, Points]:
    return points[:2].mean(axis=0), points[3:].mean(axis=0)


def _distances(points: Points) -> tuple[float, float]:
    """Return the distances in pixels between the eyes, and from the middle of the eyes to the middle of the mouth."""
    eyes, mouth = _middles(points)
    return float(np.hypot(*(points[1] - points[0]))), float(np.hypot(*(mouth - eyes)))


_EYES_112, _DOWN_112 = _distances(FIVE_POINTS_112)
_EYES_224 = 2 * _EYES_112  # 70.5 px


def _eye_distance_px(points: Points) -> float:
    """Return the distance in pixels between the eyes, as if the face were frontal.

    Yaw shortens the distance between the eyes, and pitch the distance from the eyes to the mouth. The larger of the
    two, converted by the proportions of the template, is not foreshortened.
    """
    eyes, down = _distances(points)
    return max(eyes, down * _EYES_112 / _DOWN_112)


def _bounded(landmarks: Landmarks, image: Image) -> Points:
    """Return the landmarks, clipped so that a wrong detection cannot cause huge sizes."""
    height, width = image.shape[:2]
    around = np.array([width, height], dtype=np.float64)
    return np.asarray(np.clip(landmarks.astype(np.float64), -around, 2 * around))


def size_factor(image: Image, given: Given) -> float:
    """Return the factor for sizes in pixels that are given for a face of 224 px; 1 if the face is unknown.

    A face of 224 px fills an aligned crop of 224 px; the distance between its eyes is 70.5 px.
    """
    if given.landmarks is None:
        return 1.0
    largest = float(np.hypot(*image.shape[:2]))
    return min(max(_eye_distance_px(_bounded(given.landmarks, image)), 1.0), largest) / _EYES_224


def face_centre(image: Image, given: Given) -> Points:
    """Return x and y of the face's centre in pixels; the image's centre if the face is unknown."""
    if given.landmarks is None:
        return np.array([image.shape[1] - 1, image.shape[0] - 1]) / 2
    return np.asarray(_bounded(given.landmarks, image).mean(axis=0))


class FaceFrame:
    """Coordinates on a face, for objects that are placed on it.

    The origin is the middle between the eyes. x points to the right of the image and z towards the viewer of a
    frontal face, both in distances between the eyes; y points down, in distances from the eyes to the mouth. Eyes and
    mouth define an affine map from their plane to the image, which follows yaw, pitch and roll. The nose lies in
    front of that plane and gives the horizontal direction of depth. Its vertical position depends more on the shape
    of the nose than on the pose, so depth has no vertical direction. An unknown face is assumed to be upright and
    centred, with an aligned crop of 0.55 of the shorter side.

    Args:
        image: the image.
        given: the face's landmarks.
    """

    def __init__(self, image: Image, given: Given) -> None:
        points = _centred(image) if given.landmarks is None else _bounded(given.landmarks, image)
        self.eye_distance_px = max(_eye_distance_px(points), 1.0)
        right, down, origin = _FIT @ points[_FLAT]
        forward = (points[2] - _NOSE @ (right, down) - origin) / NOSE_DEPTH
        forward -= down * (forward @ down) / max(float(down @ down), np.finfo(np.float64).tiny)
        self._camera = np.array([right, down, forward, origin])

    def to_image(self, points: npt.ArrayLike) -> Points:
        """Return x and y in pixels, ``(n, 2)``, for face coordinates ``(n, 3)``."""
        there = np.asarray(points, dtype=np.float64)
        return np.asarray(there @ self._camera[:3] + self._camera[3])

    def faces_outwards(self, near: Points, far: Points) -> bool:
        """Return whether the direction from one point to another points away from the face's centre in the image.

        On the far side of a turned head, the direction to the ear points back over the face.
        """
        (start, end), (left, right) = self.to_image([near, far]), self.to_image([(-1, 0, 0), (1, 0, 0)])
        return bool((end - start) @ (right - left) * far[0] > 0)


def _centred(image: Image) -> Points:
    height, width = image.shape[:2]
    side = _CENTRED_CROP * min(height, width)
    return np.asarray((FIVE_POINTS_112 / 112 - 0.5) * side + np.array([width, height]) / 2)


NOSE_DEPTH = 0.5  # in distances between the eyes: 32 of 63 mm
_OWN = (FIVE_POINTS_112 - _middles(FIVE_POINTS_112)[0]) / (_EYES_112, _DOWN_112)
_FLAT, _NOSE = [0, 1, 3, 4], _OWN[2]
_FIT = np.linalg.pinv(np.hstack([_OWN[_FLAT], np.ones((4, 1))]))
