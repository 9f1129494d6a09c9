"""From a face in an image to the crop that a network was trained on.

Alignment is the most frequent cause of wrong results in the issue trackers of face recognition: each network was
trained on one way of cropping, and another lowers its accuracy. Crops are ``(size, size, 3)`` uint8 RGB.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import cv2
import dlib
import numpy as np
import numpy.typing as npt
import PIL.Image

from facecheck.detection.selection import ChosenFace
from facecheck.faces import Image
from facecheck.faces.five_points import FIVE_POINTS_112
from facecheck.storage.weights import file_sha256

__all__ = [
    "FACENET_MARGIN",
    "FACENET_SIZE",
    "Aligner",
    "BoxCrop",
    "DlibChip",
    "FivePoint",
    "WholeImage",
    "similarity_transform",
]

FACENET_SIZE, FACENET_MARGIN = 160, 14  # facenet-pytorch's crop and margin, pixels
# The same five points within MTCNN's box, as fractions: means over 200 images of LFW, for boxes without landmarks.
_POINTS_IN_BOX = np.array([[0.29, 0.39], [0.74, 0.38], [0.51, 0.58], [0.32, 0.76], [0.72, 0.75]])


@runtime_checkable
class Aligner(Protocol):
    """Anything that cuts a face out of its image. ``identity`` names it and every setting."""

    @property
    def identity(self) -> str:
        """Name and settings, such as ``box(160,margin=14)``."""
        ...

    @property
    def size(self) -> int:
        """Side of the crop, pixels."""
        ...

    def align(self, image: Image, face: ChosenFace) -> Image:
        """Return the crop ``(size, size, 3)``."""
        ...


class BoxCrop:
    """The detector's box with a margin, clipped to the image and stretched to a square.

    Equal to ``facenet_pytorch``'s ``extract_face`` on a Pillow image.

    Args:
        size: side of the crop, pixels.
        margin: added to the box, in pixels of the finished crop.
    """

    def __init__(self, size: int = FACENET_SIZE, *, margin: int = FACENET_MARGIN) -> None:
        self.size = size
        self._margin = margin

    @property
    def identity(self) -> str:
        """Name and settings."""
        return f"box({self.size},margin={self._margin})"

    def align(self, image: Image, face: ChosenFace) -> Image:
        """Return the crop ``(size, size, 3)``."""
        left, top, right, bottom = (float(edge) for edge in face.box)
        wide = self._margin * (right - left) / (self.size - self._margin) / 2
        high = self._margin * (bottom - top) / (self.size - self._margin) / 2
        x0, y0 = int(max(left - wide, 0)), int(max(top - high, 0))
        x1, y1 = int(min(right + wide, image.shape[1])), int(min(bottom + high, image.shape[0]))
        x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
        return _stretched(image[y0:y1, x0:x1], self.size)


class FivePoint:
    """Rotated, scaled and shifted so that eyes, nose and mouth lie where InsightFace puts them.

    A box without landmarks, which only the centre-box policy gives, is assumed to hold an upright face.

    Args:
        size: side of the crop, pixels.
    """

    def __init__(self, size: int = 112) -> None:
        self.size = size

    @property
    def identity(self) -> str:
        """Name and settings."""
        return f"five-point({self.size})"

    def align(self, image: Image, face: ChosenFace) -> Image:
        """Return the crop ``(size, size, 3)``, black where it reaches beyond the image."""
        points = face.landmarks.astype(np.float64)
        if np.isnan(points).any():
            points = face.box[:2] + _POINTS_IN_BOX * (face.box[2:] - face.box[:2])
        transform = similarity_transform(points, FIVE_POINTS_112 * self.size / 112)
        return np.asarray(cv2.warpAffine(image, transform, (self.size, self.size), flags=cv2.INTER_LINEAR))


class WholeImage:
    """The whole picture stretched to a square, wherever the face lies in it: no alignment.

    Args:
        size: side of the crop, pixels.
    """

    def __init__(self, size: int = 112) -> None:
        self.size = size

    @property
    def identity(self) -> str:
        """Name and settings."""
        return f"whole-image({self.size})"

    def align(self, image: Image, face: ChosenFace) -> Image:  # noqa: ARG002 - every aligner has this form
        """Return the crop ``(size, size, 3)``."""
        return _stretched(image, self.size)


def _stretched(image: Image, size: int) -> Image:
    whole = PIL.Image.fromarray(np.ascontiguousarray(image))
    return np.array(whole.resize((size, size), PIL.Image.Resampling.BILINEAR))


def similarity_transform(source: npt.NDArray[np.float64], target: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the ``(2, 3)`` rotation, scaling and shift that maps points closest to their targets.

    Least squares, without mirroring; in the plane it has this closed form.

    Args:
        source: ``(n, 2)`` points.
        target: ``(n, 2)`` points.

    Source: Umeyama, Least-squares estimation of transformation parameters, PAMI 1991.

    >>> square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    >>> (similarity_transform(square, 2 * square + [3, 4]).round(6) + 0.0).tolist()
    [[2.0, 0.0, 3.0], [0.0, 2.0, 4.0]]
    """
    from_mean, to_mean = source.mean(axis=0), target.mean(axis=0)
    a, b = source - from_mean, target - to_mean
    spread = max(float((a**2).sum()), np.finfo(np.float64).tiny)
    cos = float((a * b).sum()) / spread
    sin = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / spread
    turn = np.array([[cos, -sin], [sin, cos]])
    return np.hstack((turn, (to_mean - turn @ from_mean)[:, None]))


class DlibChip:
    """dlib's face chip: its five-point landmarks within the box, turned upright, padding 0.25.

    Args:
        predictor: path of ``shape_predictor_5_face_landmarks.dat``.
        size: side of the crop, pixels.
    """

    _PADDING = 0.25

    def __init__(self, predictor: Path, size: int = 150) -> None:
        self.size = size
        self._sha256 = file_sha256(predictor)
        self._predictor: Any = dlib.shape_predictor(str(predictor))

    @property
    def identity(self) -> str:
        """Name and settings."""
        return f"dlib-chip({self.size},padding={self._PADDING},predictor={self._sha256[:16]})"

    def align(self, image: Image, face: ChosenFace) -> Image:
        """Return the crop ``(size, size, 3)``."""
        left, top, right, bottom = (round(float(edge)) for edge in face.box)
        shape = self._predictor(image, dlib.rectangle(left, top, right, bottom))
        return np.asarray(dlib.get_face_chip(image, shape, size=self.size, padding=self._PADDING))
