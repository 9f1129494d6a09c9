"""Long lists of whole numbers in text, read in blocks as arrays: IJB-C's has 15.7 million lines of three.

A line is never an object of its own. Each block is checked as a whole before its numbers are believed, and where it is
wrong the line is looked for and named.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facecheck.datasets.lists import shown
from facecheck.errors import DatasetError
from facecheck.storage.files import opened_regular

__all__ = ["number_blocks"]

_BLOCK = 2**22  # bytes
_MOST_DIGITS = 9
_DIGITS = b"0123456789"
_ALLOWED = _DIGITS + b" \t\r\n"

Numbers = npt.NDArray[np.int64]


def number_blocks(path: Path, columns: int, *, block: int = _BLOCK) -> Iterator[tuple[int, Numbers]]:
    """Yield blocks of a list as ``(k, columns)`` with the number of the first line of each; blank lines are none.

    Args:
        path: of the list; columns are separated by spaces or tabs.
        columns: in each line.
        block: bytes that are read at once, about.

    Raises:
        DatasetError: no such file, a line without that many whole numbers of at most nine digits, no line at all.
    """
    line, empty = 1, True
    try:
        with opened_regular(path) as stream:
            for content in _whole_lines(path, stream, block):
                numbers = _numbers(path, content, columns, line)
                if len(numbers):
                    empty = False
                    yield line, numbers
                line += content.count(b"\n")
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
    if empty:
        raise DatasetError(f"{path}: no lines; expected {columns} whole numbers in each")


def _whole_lines(path: Path, stream: BufferedReader, block: int) -> Iterator[bytes]:
    rest = b""
    while content := stream.read(block):
        head, end, tail = content.rpartition(b"\n")
        if end:
            yield rest + head + end
            rest = tail
        else:
            rest += content
            if len(rest) > 2 * block:
                raise DatasetError(f"{path}: a line of more than {block} bytes: {shown(_text(rest[:100]))}")
    if rest:
        yield rest + b"\n"


def _numbers(path: Path, content: bytes, columns: int, first: int) -> Numbers:
    # What is neither a digit nor a blank is left after these are deleted.
    if content.translate(None, _ALLOWED):
        raise _wrong_line(path, content, columns, first)
    letters = np.frombuffer(content, dtype=np.uint8)
    blank = letters < ord("0")
    edges = np.flatnonzero(np.diff(np.concatenate(([True], blank, [True])).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    of_line = np.searchsorted(np.flatnonzero(letters == ord("\n")), starts)
    lines, counts = np.unique(of_line, return_counts=True)
    if (counts != columns).any() or (len(starts) and int((ends - starts).max()) > _MOST_DIGITS):
        raise _wrong_line(path, content, columns, first)
    values = np.zeros(len(starts), dtype=np.int64)
    for place in range(int((ends - starts).max(initial=0))):
        longer = np.flatnonzero(starts + place < ends)
        values[longer] = 10 * values[longer] + letters[starts[longer] + place] - ord("0")
    return values.reshape(len(lines), columns)


def _wrong_line(path: Path, content: bytes, columns: int, first: int) -> DatasetError:
    """Return the error of a block's first wrong line; only here a block is taken apart."""
    for number, line in enumerate(content.split(b"\n"), first):
        words = line.split()
        sound = all(word.isdigit() and len(word) <= _MOST_DIGITS for word in words)
        if words and (len(words) != columns or not sound):
            return DatasetError(
                f"{path}, line {number}: expected {columns} whole numbers of at most {_MOST_DIGITS} digits, not "
                f"{shown(_text(line[:200]))}"
            )
    return DatasetError(f"{path}: expected {columns} whole numbers in each line")


def _text(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace").strip()
