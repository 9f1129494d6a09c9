"""ImageNet-C's digital corruptions. Sizes in pixels are those of a face of 224 px and are scaled to the face."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image

from facecheck.corruptions.corruption import Given
from facecheck.corruptions.encoding import jpeg
from facecheck.corruptions.pixels import to_bytes, to_fractions
from facecheck.corruptions.placement import face_centre, size_factor
from facecheck.faces import Image

__all__ = ["brightness", "contrast", "elastic_transform", "jpeg_compression", "pixelate", "smooth"]

_BRIGHTER = (0.1, 0.2, 0.3, 0.4, 0.5)
_CONTRAST = (0.4, 0.3, 0.2, 0.1, 0.05)
_QUALITY = (25, 18, 15, 10, 7)
_PIXELS = (0.6, 0.5, 0.4, 0.3, 0.25)
_CROP = 224
_ROUNDING = 1e-3  # px: a length that is whole but for the rounding of landmarks is whole
_SIDE = 244  # the side in the authors' code, although their images have 224 px
# Strength and smoothness of the distortion, and affine jitter of three points, as fractions of the side.
_ELASTIC = ((2.0, 0.7, 0.1), (2.0, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02))


def brightness(image: Image, severity: float, _given: Given) -> Image:
    """Add this fraction of white to the value in HSV; hue and saturation are kept."""
    fractions = to_fractions(image)
    value = fractions.max(axis=2, keepdims=True)
    raised = np.minimum(value + np.float32(_BRIGHTER[int(severity) - 1]), 1)
    # Black has no hue and becomes grey.
    lit = np.divide(fractions, value, out=np.ones_like(fractions), where=value > 0)
    return to_bytes(lit * raised)


def contrast(image: Image, severity: float, _given: Given) -> Image:
    """Move each channel towards its mean over the image; this fraction of the difference is kept."""
    fractions = to_fractions(image)
    mean = fractions.mean(axis=(0, 1), keepdims=True, dtype=np.float64).astype(np.float32)
    return to_bytes((fractions - mean) * np.float32(_CONTRAST[int(severity) - 1]) + mean)


def elastic_transform(image: Image, severity: float, given: Given) -> Image:
    """Apply an affine map given by three jittered points of the face, and move pixels by a smooth random field."""
    factor = size_factor(image, given)
    strength, smoothness, jitter = (part * _SIDE for part in _ELASTIC[int(severity) - 1])
    generator, shape = given.generator, image.shape[:2]
    # More smoothing shrinks the mean of the random numbers: the square keeps the shift relative to the face.
    shift_x, shift_y = (
        factor**2 * strength * smooth(generator.uniform(-1, 1, shape).astype(np.float32), factor * smoothness)
        for _ in range(2)
    )
    affine = _jittered(
        face_centre(image, given), factor * _CROP / 3, generator.uniform(-1, 1, (3, 2)) * jitter * factor
    )
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    x, y = x + shift_x, y + shift_y
    from_x, from_y = (np.float32(row[0]) * x + np.float32(row[1]) * y + np.float32(row[2]) for row in affine)
    return np.asarray(cv2.remap(image, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101))


def _jittered(
    centre: npt.NDArray[np.float64], reach: float, jitter: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the affine map from the result to the image that undoes the jitter of three corners."""
    corners = centre + reach * np.array([[1, 1], [1, -1], [-1, -1]])
    to = (corners + jitter).astype(np.float32)
    return np.asarray(cv2.getAffineTransform(to, corners.astype(np.float32)))


def smooth(field: npt.NDArray[np.float32], deviation: float) -> npt.NDArray[np.float32]:
    """Blur by a Gaussian of this standard deviation in px, with the field mirrored at its edges.

    The basis of the cosine transform is mirrored at the edges, so the blur is a product there. A deviation of 170 px,
    as at the first severity, takes no longer than one of 1 px.
    """
    from scipy.fft import dctn, idctn  # noqa: PLC0415 - scipy is slow to import and rarely needed here

    gains = [
        np.exp(-((deviation * np.pi * np.arange(length) / length) ** 2) / 2).astype(np.float32)
        for length in field.shape
    ]
    waves = dctn(field, norm="ortho")
    return np.asarray(idctn(waves * gains[0][:, None] * gains[1], norm="ortho"), dtype=np.float32)


def pixelate(image: Image, severity: float, given: Given) -> Image:
    """Scale a face of 224 px down to this fraction, and up again in blocks.

    A face that has no more pixels than that stays as it is: with less than 42 px between its eyes at severity 1.
    """
    fraction = min(1.0, _PIXELS[int(severity) - 1] / size_factor(image, given))
    picture = PIL.Image.fromarray(image)
    # Whole blocks, as in the original: the fraction of one at the end is dropped, not made another.
    small = (_whole(picture.width * fraction), _whole(picture.height * fraction))
    box = PIL.Image.Resampling.BOX
    return np.array(picture.resize(small, box).resize(picture.size, box))


def _whole(length: float) -> int:
    return max(1, int(length + _ROUNDING))


def jpeg_compression(image: Image, severity: float, _given: Given) -> Image:
    """Save as JPEG of this quality. Its blocks have 8 px of the image and are not scaled to the face."""
    return jpeg(image, _QUALITY[int(severity) - 1])
