"""From a face in an image to the crop that a network was trained on.

Alignment is the most frequent cause of wrong results in the issue trackers of face recognition: each network was
trained on one way of cropping, and another lowers its accuracy. Crops are ``(height, width, 3)`` uint8 RGB.
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
from facecheck.errors import ModelError
from facecheck.faces import Image
from facecheck.faces.five_points import TEMPLATES
from facecheck.storage.weights import file_sha256

__all__ = [
    "FACENET_MARGIN",
    "FACENET_SIZE",
    "AlignedBefore",
    "Aligner",
    "BoxCrop",
    "DlibChip",
    "FivePoint",
    "Size",
    "WholeImage",
    "crop_shape",
    "outside",
    "similarity_transform",
    "spelt_shape",
]

_WHITE = 255
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
    def shape(self) -> tuple[int, int]:
        """Height and width of the crop, pixels."""
        ...

    def align(self, image: Image, face: ChosenFace) -> Image:
        """Return the crop ``(height, width, 3)``."""
        ...


Size = int | tuple[int, int]  # the side of a square crop, or height and width, pixels


def _shape(size: Size) -> tuple[int, int]:
    height, width = (size, size) if isinstance(size, int) else size
    if not (height > 0 and width > 0):
        raise ModelError(f"a crop of {size} px: expected its side, or its height and width, 1 or more")
    return height, width


def spelt_shape(shape: tuple[int, ...]) -> str:
    """Write a crop's size as options take it: its side, or height x width.

    >>> spelt_shape((112, 112)), spelt_shape((112, 96))
    ('112', '112x96')
    """
    return str(shape[0]) if shape[0] == shape[1] else f"{shape[0]}x{shape[1]}"


def crop_shape(aligner: Aligner) -> tuple[int, int]:
    """Return height and width of an aligner's crops, pixels.

    Raises:
        ModelError: it does not say, or says something else.
    """
    given = getattr(aligner, "shape", None)
    if not (isinstance(given, tuple) and len(given) == 2 and all(isinstance(n, int) and n > 0 for n in given)):  # noqa: PLR2004
        raise ModelError(
            f"{type(aligner).__name__}: an aligner's shape is the height and width of its crops in pixels, such as "
            f"(112, 112), not {given!r}"
        )
    return given


def outside(aligner: Aligner, shape: tuple[int, ...], face: ChosenFace) -> float:
    """Return the share of a crop that lies beyond its image, 0..1: where a white image's crop is black.

    An aligner that clips or stretches, such as :class:`BoxCrop`, shows nothing from beyond the image: 0.

    Args:
        aligner: that cuts the face out.
        shape: of the image, ``(h, w, 3)``.
        face: in that image.
    """
    white = np.full((*shape[:2], 3), _WHITE, dtype=np.uint8)
    return 1 - float(aligner.align(white, face).mean()) / _WHITE


class BoxCrop:
    """The detector's box with a margin, clipped to the image and stretched to the crop.

    Equal to ``facenet_pytorch``'s ``extract_face`` on a Pillow image.

    Args:
        size: side of the crop, or its height and width, pixels.
        margin: added to the box, in pixels of the finished crop.
    """

    def __init__(self, size: Size = FACENET_SIZE, *, margin: int = FACENET_MARGIN) -> None:
        self.shape = _shape(size)
        self._margin = margin

    @property
    def identity(self) -> str:
        """Name and settings."""
        return f"box({spelt_shape(self.shape)},margin={self._margin})"

    def align(self, image: Image, face: ChosenFace) -> Image:
        """Return the crop ``(height, width, 3)``."""
        left, top, right, bottom = (float(edge) for edge in face.box)
        height, width = self.shape
        wide = self._margin * (right - left) / (width - self._margin) / 2
        high = self._margin * (bottom - top) / (height - self._margin) / 2
        x0, y0 = int(max(left - wide, 0)), int(max(top - high, 0))
        x1, y1 = int(min(right + wide, image.shape[1])), int(min(bottom + high, image.shape[0]))
        x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
        return _stretched(image[y0:y1, x0:x1], self.shape)


class FivePoint:
    """Rotated, scaled and shifted so that eyes, nose and mouth lie where a template puts them.

    A box without landmarks, which only the centre-box policy gives, is assumed to hold an upright face.

    Args:
        size: side of the crop, or its height and width, pixels.
        template: a name of :data:`~facecheck.faces.five_points.TEMPLATES`, scaled to the size, or the points ``(5, 2)``
            in pixels of the crop: x and y of eyes, nose tip and mouth corners, left before right in the picture.
            None for the one that has the crop's proportions: ``arcface`` for a square, ``sphereface`` for 112 x 96.

    Raises:
        ModelError: a template that is not known or not such points, or none of these proportions.
    """

    def __init__(self, size: Size = 112, *, template: str | npt.ArrayLike | None = None) -> None:
        self.shape = _shape(size)
        self._name, self._points = _template(template, self.shape)

    @property
    def identity(self) -> str:
        """Name and settings."""
        return f"five-point({spelt_shape(self.shape)}{self._name and f',template={self._name}'})"

    def align(self, image: Image, face: ChosenFace) -> Image:
        """Return the crop ``(height, width, 3)``, black where it reaches beyond the image."""
        points = face.landmarks.astype(np.float64)
        if np.isnan(points).any():
            points = face.box[:2] + _POINTS_IN_BOX * (face.box[2:] - face.box[:2])
        transform = similarity_transform(points, self._points)
        return np.asarray(cv2.warpAffine(image, transform, self.shape[::-1], flags=cv2.INTER_LINEAR))


def _template(given: str | npt.ArrayLike | None, shape: tuple[int, int]) -> tuple[str, npt.NDArray[np.float64]]:
    """Return a template's points in a crop of this shape, and its name, empty for the usual one of that shape."""
    fitting = [name for name, t in TEMPLATES.items() if t.shape[0] * shape[1] == t.shape[1] * shape[0]]
    if given is None:
        if not fitting:
            raise ModelError(
                f"five points in a crop of {spelt_shape(shape)} px: no known template has these proportions: give the "
                f"points, x and y of eyes, nose tip and mouth corners in pixels of the crop. Known: {_known()}"
            )
        return "", TEMPLATES[fitting[0]].scaled(shape)
    if isinstance(given, str):
        if given not in fitting:
            raise ModelError(
                f"template={given}: none of that name for a crop of {spelt_shape(shape)} px. Known: {_known()}"
            )
        return "" if given == fitting[0] else given, TEMPLATES[given].scaled(shape)
    points = np.array(given, dtype=np.float64)
    if points.shape != (5, 2) or not np.isfinite(points).all() or not np.ptp(points, axis=0).any():
        raise ModelError(
            f"a template of shape {points.shape}: expected five different points (5, 2), x and y of eyes, nose tip and "
            "mouth corners in pixels of the crop"
        )
    return "/".join(f"{number:g}" for number in points.ravel()), points


def _known() -> str:
    return ", ".join(f"{name} ({spelt_shape(template.shape)})" for name, template in TEMPLATES.items())


class WholeImage:
    """The whole picture stretched to the crop, wherever the face lies in it: no alignment.

    Args:
        size: side of the crop, or its height and width, pixels.
    """

    def __init__(self, size: Size = 112) -> None:
        self.shape = _shape(size)

    @property
    def identity(self) -> str:
        """Name and settings."""
        return f"whole-image({spelt_shape(self.shape)})"

    def align(self, image: Image, face: ChosenFace) -> Image:  # noqa: ARG002 - every aligner has this form
        """Return the crop ``(height, width, 3)``."""
        return _stretched(image, self.shape)


class AlignedBefore:
    """The picture as it is: it was cut out before, as the network wants.

    Args:
        usual: the network's aligner, which cuts crops of this size out of whole pictures.
    """

    def __init__(self, usual: Aligner) -> None:
        self.usual = usual
        self.shape = crop_shape(usual)

    @property
    def identity(self) -> str:
        """Name and settings."""
        return f"aligned-before({spelt_shape(self.shape)})"

    def align(self, image: Image, face: ChosenFace) -> Image:  # noqa: ARG002 - every aligner has this form
        """Return the picture ``(height, width, 3)``.

        Raises:
            ModelError: a picture of another size, which cannot be such a crop.
        """
        if image.shape[:2] != self.shape:
            height, width = self.shape
            raise ModelError(
                f"detector=none: expected pictures that are already crops of {height} x {width} px (height x width), "
                f"as {self.usual.identity} cuts them, not of {image.shape[0]} x {image.shape[1]} px. Leave "
                "detector=none out for whole pictures, or align them first"
            )
        return image


def _stretched(image: Image, shape: tuple[int, int]) -> Image:
    whole = PIL.Image.fromarray(np.ascontiguousarray(image))
    return np.array(whole.resize(shape[::-1], PIL.Image.Resampling.BILINEAR))


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
        self.shape = size, size
        self._sha256 = file_sha256(predictor)
        self._predictor: Any = dlib.shape_predictor(str(predictor))

    @property
    def identity(self) -> str:
        """Name and settings."""
        return f"dlib-chip({self.shape[0]},padding={self._PADDING},predictor={self._sha256[:16]})"

    def align(self, image: Image, face: ChosenFace) -> Image:
        """Return the crop ``(height, width, 3)``."""
        left, top, right, bottom = (round(float(edge)) for edge in face.box)
        shape = self._predictor(image, dlib.rectangle(left, top, right, bottom))
        return np.asarray(dlib.get_face_chip(image, shape, size=self.shape[0], padding=self._PADDING))
