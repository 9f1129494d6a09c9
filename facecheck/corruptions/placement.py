"""Where the face lies and how large it is, from its five landmarks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facecheck.corruptions.corruption import Given, Landmarks
from facecheck.faces import Image
from facecheck.faces.five_points import FIVE_POINTS_112

__all__ = ["NOSE_DEPTH", "FaceFrame", "Points", "face_centre", "size_factor"]

Points = npt.NDArray[np.float64]

# The share of the shorter side that such a crop takes in an image whose face is unknown: as in LFW's.
_CENTRED_CROP = 0.55


def _middles(points: Points) -> tuple[Points, Points]:
    return points[:2].mean(axis=0), points[3:].mean(axis=0)


def _distances(points: Points) -> tuple[float, float]:
    """Return the pixels between the eyes, and from the eyes' middle to the mouth's."""
    eyes, mouth = _middles(points)
    return float(np.hypot(*(points[1] - points[0]))), float(np.hypot(*(mouth - eyes)))


_EYES_112, _DOWN_112 = _distances(FIVE_POINTS_112)
_EYES_224 = 2 * _EYES_112  # 70.5 px


def _eye_distance_px(points: Points) -> float:
    """Return the pixels between the eyes of this face seen from the front.

    A turned head shows its eyes nearer to each other, and a bowed one eyes and mouth: the larger of the two
    distances, each by the template's proportions, is the one that is not foreshortened.
    """
    eyes, down = _distances(points)
    return max(eyes, down * _EYES_112 / _DOWN_112)


def _bounded(landmarks: Landmarks, image: Image) -> Points:
    """Return the landmarks, a detector's mistakes drawn in to where they cost nothing."""
    height, width = image.shape[:2]
    around = np.array([width, height], dtype=np.float64)
    return np.asarray(np.clip(landmarks.astype(np.float64), -around, 2 * around))


def size_factor(image: Image, given: Given) -> float:
    """Return by what to multiply a size in pixels that is meant for a face of 224 px, 1 if the face is unknown.

    A face of 224 px is one that fills an aligned crop of that side: 70.5 px lie between its eyes.
    """
    if given.landmarks is None:
        return 1.0
    largest = float(np.hypot(*image.shape[:2]))
    return min(max(_eye_distance_px(_bounded(given.landmarks, image)), 1.0), largest) / _EYES_224


def face_centre(image: Image, given: Given) -> Points:
    """Return x and y of the face's middle in pixels, the image's middle if the face is unknown."""
    if given.landmarks is None:
        return np.array([image.shape[1] - 1, image.shape[0] - 1]) / 2
    return np.asarray(_bounded(given.landmarks, image).mean(axis=0))


class FaceFrame:
    """Coordinates on a face, for what is placed on it.

    The origin is the middle between the eyes. x runs to the right of the picture and z towards the viewer of a
    frontal face, both in distances between the eyes; y runs down, in distances from the eyes to the mouth. Eyes and
    mouth give the plane's map to the image, which follows a head that is turned, bowed or tilted; the nose, which
    lies before that plane, tells to which side the depth goes. How far it hangs down tells more of the nose than of
    the head, so up and down there is no depth. An unknown face is taken to be upright and in the middle, its aligned
    crop 0.55 of the shorter side.

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
        """Return x and y in pixels, ``(n, 2)``, for coordinates ``(n, 3)`` of the face."""
        there = np.asarray(points, dtype=np.float64)
        return np.asarray(there @ self._camera[:3] + self._camera[3])

    def faces_outwards(self, near: Points, far: Points) -> bool:
        """Whether the way from one point to another leads away from the face's middle, in the picture.

        Where a turned head hides its own side, the way to the ear leads back over the face.
        """
        (start, end), (left, right) = self.to_image([near, far]), self.to_image([(-1, 0, 0), (1, 0, 0)])
        return bool((end - start) @ (right - left) * far[0] > 0)


def _centred(image: Image) -> Points:
    height, width = image.shape[:2]
    side = _CENTRED_CROP * min(height, width)
    return np.asarray((FIVE_POINTS_112 / 112 - 0.5) * side + np.array([width, height]) / 2)


NOSE_DEPTH = 0.5  # distances between the eyes: of 63 mm, 32
_OWN = (FIVE_POINTS_112 - _middles(FIVE_POINTS_112)[0]) / (_EYES_112, _DOWN_112)
_FLAT, _NOSE = [0, 1, 3, 4], _OWN[2]
_FIT = np.linalg.pinv(np.hstack([_OWN[_FLAT], np.ones((4, 1))]))
