"""Lossy compression: written to memory and read again by Pillow."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image

from facecheck.errors import UnreadableImageError
from facecheck.faces import Image

__all__ = ["jpeg", "webp"]

# Longest side that the formats allow, px.
_MAX_JPEG_SIDE = 65_500
_MAX_WEBP_SIDE = 16_383


def jpeg(image: Image, quality: float) -> Image:
    """Write as baseline JPEG with libjpeg's quality scale and the usual chroma subsampling 4:2:0.

    Raises:
        UnreadableImageError: a side is longer than the format allows.
    """
    _refuse_large(image, "JPEG", _MAX_JPEG_SIDE)
    return _again(image, "JPEG", quality=int(quality), subsampling="4:2:0")


def webp(image: Image, quality: float) -> Image:
    """Write as lossy WebP (which always uses 4:2:0) with the encoder's default effort, 4.

    Raises:
        UnreadableImageError: a side is longer than the format allows.
    """
    _refuse_large(image, "WebP", _MAX_WEBP_SIDE)
    return _again(image, "WEBP", quality=int(quality), lossless=False, method=4)


def _again(image: Image, kind: str, **options: object) -> Image:
    written = io.BytesIO()
    PIL.Image.fromarray(image).save(written, kind, **options)
    with PIL.Image.open(written, formats=(kind,)) as read:
        return np.array(read.convert("RGB"))


def _refuse_large(image: Image, kind: str, longest: int) -> None:
    height, width = image.shape[:2]
    if max(height, width) > longest:
        raise UnreadableImageError(f"{kind} allows sides of up to {longest} px, and the image has {width} x {height}")
