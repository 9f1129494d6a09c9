"""Lists of names and numbers out of MATLAB's files (version 5), with every length checked before it is believed.

TinyFace says in two such files who is in which picture. A file holds named arrays, compressed or not; read are columns
of numbers and cells of texts, everything else is passed by. Nothing in the format runs code; what a hostile file can do
is to claim sizes, or to unfold: both are bounded here, and no library allocates by them.

Source: MathWorks, MAT-File Format, version 5.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from facecheck.errors import DatasetError
from facecheck.storage.files import opened_regular

__all__ = ["Variable", "read_matlab"]

Variable = npt.NDArray[np.int64] | tuple[str, ...]

_MOST_FILE, _MOST_UNFOLDED = 2**25, 2**27
_MOST_ITEMS = 2**21
_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_CELL, _TEXT = 1, 4
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 9: "f8", 12: "i8", 13: "u8", 16: "u1"}
_CLASSES = frozenset(range(6, 16))  # arrays of numbers: double, single, int8 to uint64
_UTF8, _UTF16 = 16, 17


class _Element(NamedTuple):
    kind: int
    content: memoryview


class _Matrix(NamedTuple):
    number: int  # of its class
    shape: tuple[int, ...]
    name: str
    rest: tuple[_Element, ...]


def read_matlab(path: Path) -> dict[str, Variable]:
    """Return the columns of whole numbers and the cells of texts in a file, by name.

    Raises:
        DatasetError: no such file of version 5, damaged, or larger than any list of a protocol.
    """
    try:
        with opened_regular(path, most=_MOST_FILE) as stream:
            content = stream.read()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not content.startswith(b"MATLAB 5.0 MAT-file") or content[126:128] != b"IM":
        raise DatasetError(f"{path}: expected a MATLAB file of version 5, little-endian: save it with save(..., '-v7')")
    try:
        return dict(_variables(memoryview(content)[_HEADER:]))
    except (struct.error, zlib.error, ValueError, IndexError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: damaged or truncated: {error}") from error


def _variables(content: memoryview) -> Iterator[tuple[str, Variable]]:
    for element in _elements(content):
        (inner,) = _elements(memoryview(_unfolded(element.content))) if element.kind == _COMPRESSED else (element,)
        if inner.kind == _MATRIX:
            matrix = _matrix(inner.content)
            value = _value(matrix)
            if value is not None:
                yield matrix.name, value


def _unfolded(content: memoryview) -> bytes:
    unfolding = zlib.decompressobj()
    found = unfolding.decompress(content, _MOST_UNFOLDED)
    if unfolding.unconsumed_tail or not unfolding.eof:
        raise ValueError(f"a compressed array is damaged, or unfolds to more than {_MOST_UNFOLDED >> 20} MiB")
    return found


def _elements(content: memoryview) -> Iterator[_Element]:
    """Yield the elements of a file, an array or a cell, each with its type; small ones share a word with their tag."""
    at = 0
    while at < len(content):
        (kind,) = struct.unpack_from("<I", content, at)
        small = kind >> 16
        length = small or struct.unpack_from("<I", content, at + 4)[0]
        start = at + 4 if small else at + 8
        if start + length > len(content):
            raise ValueError(f"{length} bytes are claimed, and {len(content) - start} are left")
        yield _Element(kind & 0xFFFF, content[start : start + length])
        # Compressed elements follow each other directly, others are filled up to eight bytes.
        at = at + 8 if small else start + length + (0 if kind == _COMPRESSED else -length % 8)


def _matrix(content: memoryview) -> _Matrix:
    flags, shape, name, *rest = _elements(content)
    sides = tuple(np.frombuffer(shape.content, dtype="<i4").tolist())
    if not all(0 <= side <= _MOST_ITEMS for side in sides) or math.prod(sides) > _MOST_ITEMS:
        raise ValueError(f"an array of {sides}: more than {_MOST_ITEMS} items")
    return _Matrix(flags.content[0], sides, bytes(name.content).decode("ascii"), tuple(rest))


def _value(matrix: _Matrix) -> Variable | None:
    if matrix.number in _CLASSES and len(matrix.rest) == 1:
        return _numbers(matrix)
    if matrix.number == _CELL:
        texts = [_text(_matrix(each.content)) for each in matrix.rest if each.kind == _MATRIX]
        if len(texts) != math.prod(matrix.shape):
            raise ValueError(f"a cell of {matrix.shape} holds {len(texts)} arrays")
        return None if None in texts else tuple(text for text in texts if text is not None)
    return None


def _numbers(matrix: _Matrix) -> npt.NDArray[np.int64]:
    kind, content = matrix.rest[0]
    found = np.frombuffer(content, dtype="<" + _NUMBERS.get(kind, "u1")).astype(np.float64)
    if kind not in _NUMBERS or len(found) != math.prod(matrix.shape) or not (np.abs(found) < 2**53).all():
        raise ValueError(f"an array of {matrix.shape} holds {len(found)} numbers, or other than whole ones")
    return np.asarray(found.astype(np.int64))


def _text(matrix: _Matrix) -> str | None:
    if matrix.number != _TEXT or len(matrix.rest) != 1:
        return None
    kind, content = matrix.rest[0]
    return bytes(content).decode("utf-16-le" if kind in (4, _UTF16) else "utf-8")
