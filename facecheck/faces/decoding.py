"""Decoding: the bytes of image files to 8-bit RGB pixels, the same for every eval. Any file may be hostile.

Grey, palette, CMYK, 16-bit and transparent images become 8-bit RGB; EXIF rotation is applied. What cannot
be decoded raises :class:`~facecheck.errors.UnreadableImageError` with the reason in words.

Wider numbers are scaled by a rule. 16 bits: 65535 is white. 32-bit integers of a TIFF: up to 255 they are 8 bits, up to
65535 they are 16. Floats: up to 1, 1 is white; up to 255 they are 8 bits. Larger or negative numbers are refused.

A file is read only if it is a regular one of at most ``MAX_BYTES``. While an image is decoded it takes 7 bytes a pixel:
Pillow's 4 and our 3, at most 0.63 GB beside the file.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

import numpy as np
import PIL.Image
from PIL import ExifTags, ImageFile, ImageOps

from facecheck.errors import UnreadableImageError
from facecheck.faces import Image, ImageSource, Portion
from facecheck.faces.values import Coding
from facecheck.storage.files import opened_regular

__all__ = ["MAX_BYTES", "MAX_PIXELS", "SUFFIXES", "cut_tile", "decode", "digest", "file_digest", "image_size", "read"]

MAX_BYTES = 2**29  # 512 MiB: the largest image in 16 bits a channel, uncompressed
MAX_PIXELS = 89_478_485  # Pillow's own limit, above which it assumes an attack
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".pgm", ".ppm"})
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "PPM")
_ROTATED = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_WIDE = frozenset({"I", "I;16", "I;16B", "I;16L", "F"})
_BAND = 2**20  # pixels that are converted at once
_EIGHT_BIT, _SIXTEEN_BIT = 255, 65535


def read(source: ImageSource) -> bytes:
    """Return the file's bytes.

    Of a source that is a portion of a file, only that is read.

    Raises:
        UnreadableImageError: missing, no regular file, forbidden, empty, or larger than ``MAX_BYTES``; a portion that
            is not in the file.
    """
    with _opened(source) as stream:
        return stream.read() if source.portion is None else _portion(source.name, stream, source.portion)


@contextlib.contextmanager
def _opened(source: ImageSource) -> Iterator[io.BufferedReader]:
    try:
        with opened_regular(source.path, most=MAX_BYTES if source.portion is None else None) as stream:
            if not os.fstat(stream.fileno()).st_size:
                raise UnreadableImageError(f"{source.name}: the file is empty (0 bytes)")
            yield stream
    except (OSError, ValueError) as error:  # a name may hold what no file's name can
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UnreadableImageError(f"{source.name}: cannot be read: {reason}") from error


def _portion(name: str, stream: io.BufferedReader, portion: Portion) -> bytes:
    if not 0 < portion.length <= MAX_BYTES:
        raise UnreadableImageError(f"{name}: {portion.length} bytes: expected 1 to {MAX_BYTES}")
    stream.seek(portion.start)
    written = stream.read(portion.length)
    if len(written) < portion.length:
        raise UnreadableImageError(f"{name}: the file ends within the image: it changed, or is truncated")
    try:
        return _DECODED[portion.coding](written)
    except (UnicodeError, KeyError) as error:
        raise UnreadableImageError(f"{name}: damaged: its bytes are not written as {portion.coding}") from error


def _unescaped(written: bytes) -> bytes:
    return _ESCAPE.sub(
        lambda found: bytes.fromhex(hexed.decode()) if (hexed := found[2]) else _SPELT[found[1]], written
    )


# As Python 2 spells the bytes of a str, and Python 3 those of bytes in its oldest pickles.
_ESCAPE = re.compile(rb"\\(x([0-9a-fA-F]{2})|.|$)", re.DOTALL)
_SPELT = {b"\\": b"\\", b"'": b"'", b'"': b'"', b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_DECODED: Mapping[Coding, Callable[[bytes], bytes]] = {
    "raw": bytes,
    "escaped": _unescaped,
    "latin-1": lambda written: written.decode("utf-8").encode("latin-1"),
    "latin-1-escaped": lambda written: written.decode("raw_unicode_escape").encode("latin-1"),
}


def digest(content: bytes, tile: int | None = None) -> bytes:
    """Return what identifies an image, whatever its path: 32 bytes over its file's bytes and its tile."""
    return _of_tile(hashlib.sha256(content).digest(), tile)


def file_digest(source: ImageSource) -> bytes:
    """Return :func:`digest` of what :func:`read` returns, without holding the file in memory.

    Raises:
        UnreadableImageError: as for :func:`read`.
    """
    if source.portion is not None:
        return digest(read(source), source.tile)
    with _opened(source) as stream:
        return _of_tile(hashlib.file_digest(stream, "sha256").digest(), source.tile)


def _of_tile(whole: bytes, tile: int | None) -> bytes:
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
            ImageOps.exif_transpose(opened, in_place=True)
            return _to_rgb(opened, name)
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


def _to_rgb(image: PIL.Image.Image, name: str) -> Image:
    """Return the pixels, converted a few rows at a time: whole copies of a large image would take gigabytes."""
    scale = _scale(image, name) if image.mode in _WIDE else 0.0
    pixels = np.empty((image.height, image.width, 3), dtype=np.uint8)
    for rows, band in _bands(image):
        if scale:
            # Pillow clips to 8 bits, which turns most of such a picture white: scale instead.
            wide = np.asarray(band, dtype=np.float64)
            pixels[rows] = np.clip(np.round(wide / scale), 0, _EIGHT_BIT).astype(np.uint8)[:, :, None]
        else:
            see_through = band.mode in ("P", "PA", "LA", "La")
            pixels[rows] = np.asarray((band.convert("RGBA") if see_through else band).convert("RGB"))
    return pixels


def _bands(image: PIL.Image.Image) -> Iterator[tuple[slice, PIL.Image.Image]]:
    step = max(1, _BAND // image.width)
    for top in range(0, image.height, step):
        bottom = min(top + step, image.height)
        yield slice(top, bottom), image.crop((0, top, image.width, bottom))


def _scale(image: PIL.Image.Image, name: str) -> float:
    """Return what numbers of more than 8 bits are divided by."""
    if image.mode != "F" and (image.mode != "I" or image.format != "TIFF"):
        return _SIXTEEN_BIT / _EIGHT_BIT
    lowest, highest = _extremes(image)
    whites = (1.0, _EIGHT_BIT) if image.mode == "F" else (_EIGHT_BIT, _SIXTEEN_BIT)
    white = next((white for white in whites if lowest >= 0 and highest <= white), None)
    if white is None:
        kind = "floats" if image.mode == "F" else "32-bit integers"
        raise UnreadableImageError(
            f"{name}: its numbers are {kind} from {lowest:g} to {highest:g}: expected 0 to {whites[0]:g}, or to "
            f"{whites[1]:g}. Save it with 8 or 16 bits"
        )
    return white / _EIGHT_BIT


def _extremes(image: PIL.Image.Image) -> tuple[float, float]:
    """Return the least and the largest number; NaN where one is NaN."""
    found = [(band.min(), band.max()) for band in (np.asarray(band) for _, band in _bands(image))]
    return float(np.min([low for low, _ in found])), float(np.max([high for _, high in found]))


def image_size(path: Path, portion: Portion | None = None) -> tuple[int, int]:
    """Return (width, height) in pixels, upright, from the image's header alone.

    Args:
        path: of the file.
        portion: where the image lies in it, None for the whole file.

    Raises:
        UnreadableImageError: not an image of a known format.
    """
    try:
        with _header(path, portion) as stream, PIL.Image.open(stream, formats=_FORMATS) as opened:
            return opened.size[::-1] if _is_rotated(opened) else opened.size
    except Exception as error:
        raise UnreadableImageError(f"{path}: not an image that can be read: {error}") from error


@contextlib.contextmanager
def _header(path: Path, portion: Portion | None) -> Iterator[IO[bytes]]:
    if portion is not None:
        yield io.BytesIO(read(ImageSource(path, str(path), portion=portion)))
        return
    with opened_regular(path, most=MAX_BYTES) as stream:
        yield stream


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
