"""Decoding: the bytes of image files to 8-bit RGB pixels, the same for every eval. Any file may be hostile.

Grey, palette, CMYK, 16-bit and transparent images become 8-bit RGB; EXIF rotation is applied. What cannot
be decoded raises :class:`~facecheck.errors.UnreadableImageError` with the reason in words.
"""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path

import numpy as np
import PIL.Image
from PIL import ExifTags, ImageFile, ImageOps

from facecheck.errors import UnreadableImageError
from facecheck.faces import Image, ImageSource

__all__ = ["MAX_PIXELS", "SUFFIXES", "cut_tile", "decode", "digest", "image_size", "read"]

MAX_PIXELS = 89_478_485  # Pillow's own limit, above which it assumes an attack
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".pgm", ".ppm"})
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "PPM")
_ROTATED = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_SIXTEEN_BIT = frozenset({"I", "I;16", "I;16B", "I;16L"})


def read(source: ImageSource) -> bytes:
    """Return the file's bytes.

    Raises:
        UnreadableImageError: missing, a folder, forbidden, or empty.
    """
    try:
        content = source.path.read_bytes()
    except OSError as error:
        raise UnreadableImageError(f"{source.name}: cannot be read: {error.strerror or error}") from error
    if not content:
        raise UnreadableImageError(f"{source.name}: the file is empty (0 bytes)")
    return content


def digest(content: bytes, tile: int | None = None) -> bytes:
    """Return what identifies an image, whatever its path: 32 bytes over its file's bytes and its tile."""
    whole = hashlib.sha256(content).digest()
    return whole if tile is None else hashlib.sha256(whole + tile.to_bytes(8, "little")).digest()


def decode(content: bytes, name: str) -> Image:
    """Return ``(h, w, 3)`` uint8 RGB pixels.

    Raises:
        UnreadableImageError: not an image of a known format, truncated, or of more than ``MAX_PIXELS``.
    """
    # face_recognition switches this on for the whole process when it is imported, and half an image
    # would then be evaluated as if it were complete.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with PIL.Image.open(io.BytesIO(content), formats=_FORMATS) as opened:
            _refuse_large(opened.size, name)
            return _to_rgb(ImageOps.exif_transpose(opened))
    except (UnreadableImageError, MemoryError):  # a machine out of memory is not an image's fault
        raise
    except PIL.UnidentifiedImageError as error:
        raise UnreadableImageError(f"{name}: not an image that can be read (expected {', '.join(_FORMATS)})") from error
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning) as error:
        pixels = re.search(r"\d+", str(error))
        raise UnreadableImageError(_too_large(name, pixels[0] if pixels else "its")) from error
    # Hostile bytes can make decoders raise any exception, and only this image may be lost by it.
    except Exception as error:
        raise UnreadableImageError(f"{name}: damaged or truncated: {error}") from error


def _too_large(name: str, size: str) -> str:
    return f"{name}: {size} pixels are more than {MAX_PIXELS / 1e6:.0f} megapixels; scale it down first"


def _refuse_large(size: tuple[int, int], name: str) -> None:
    if size[0] * size[1] > MAX_PIXELS:
        raise UnreadableImageError(_too_large(name, str(size[0] * size[1])))


def _to_rgb(image: PIL.Image.Image) -> Image:
    if image.mode in _SIXTEEN_BIT:
        # Pillow clips 16-bit to 8-bit, which turns most of the picture white: scale instead.
        wide = np.asarray(image, dtype=np.float64)
        grey = np.clip(np.round(wide / 257.0), 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode in ("P", "PA", "LA", "La"):
        image = image.convert("RGBA")
    return np.array(image.convert("RGB"))


def image_size(path: Path) -> tuple[int, int]:
    """Return (width, height) in pixels, upright, from the file's header alone.

    Raises:
        UnreadableImageError: not an image of a known format.
    """
    try:
        with PIL.Image.open(path, formats=_FORMATS) as opened:
            return opened.size[::-1] if _is_rotated(opened) else opened.size
    except Exception as error:
        raise UnreadableImageError(f"{path}: not an image that can be read: {error}") from error


def _is_rotated(opened: PIL.Image.Image) -> bool:
    if opened.format == "TIFF":  # Pillow has rotated its size already
        return False
    try:
        return opened.getexif().get(ExifTags.Base.Orientation, 1) in _ROTATED
    except Exception:  # noqa: BLE001 - a damaged header; decoding reports it
        return False


def cut_tile(image: Image, tile: int) -> Image:
    """Return the square tile of this index, counted from the left, of a strip ``(h, k * h, 3)``.

    Raises:
        UnreadableImageError: the strip has no such tile.
    """
    side = image.shape[0]
    if (tile + 1) * side > image.shape[1]:
        raise UnreadableImageError(f"a strip of {image.shape[1]} x {side} px has no tile {tile}")
    return np.ascontiguousarray(image[:, tile * side : (tile + 1) * side])
