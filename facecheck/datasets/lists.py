"""Lists of pairs as text files, the way people save them: with a byte-order mark, with any line ends, from Excel."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import NamedTuple

from facecheck.errors import DatasetError
from facecheck.storage.files import opened_regular

__all__ = ["MOST_BYTES", "Line", "read_lines", "shown"]

MOST_BYTES = 2**28
_SHOWN = 80  # characters of a line that a message quotes
# UTF-32's little-endian mark begins with that of UTF-16.
_OTHER_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


class Line(NamedTuple):
    """A line of a file that is not blank, and its number from 1."""

    number: int
    text: str


def read_lines(path: Path) -> tuple[Line, ...]:
    """Return the lines of a text file that are not blank; a byte-order mark of UTF-8 is no part of the first.

    Raises:
        DatasetError: not a regular file of at most 256 MiB, or not UTF-8; of UTF-16 and UTF-32 the message says so.
    """
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            raise DatasetError(f"{path}: expected a list of pairs, a text file of at most {MOST_BYTES >> 20} MiB")
        with opened_regular(path, most=MOST_BYTES) as stream:
            content = stream.read()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read as a list of pairs: {error.strerror or error}") from error
    for mark, name in _OTHER_MARKS:
        if content.startswith(mark):
            raise DatasetError(_not_utf8(path, f"it is {name}, as Excel's 'Unicode Text' and PowerShell's '>' write"))
    if content.count(0) > len(content) // 4:
        raise DatasetError(_not_utf8(path, "it holds zero bytes, as UTF-16 without its mark does"))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(_not_utf8(path, f"byte {error.start} is not UTF-8")) from error
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return tuple(Line(number, line) for number, line in enumerate(lines, 1) if line.strip())


def _not_utf8(path: Path, what: str) -> str:
    return f"{path}: cannot be read as a list of pairs: {what}. Save it as UTF-8 (in Excel: 'CSV UTF-8')"


def shown(text: str) -> str:
    """Return a text as a message quotes it: its beginning, escaped.

    >>> shown("a" * 100) == repr("a" * 80 + "...")
    True
    """
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
