"""Exceptions for invalid input; each message says what was expected, what was given and what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

__all__ = [
    "DatasetError",
    "FacecheckError",
    "ModelError",
    "UnreadableImageError",
    "nearest",
    "printable",
    "shortened",
]

_LONGEST = 100  # letters of a word that somebody may have meant
_MESSAGE = 4000  # letters of a message
# What changes a terminal, or the direction of text, or no file can hold: control characters, bidirectional controls,
# separators of lines, and lone surrogates, by which Python spells bytes that are no text.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_UNPRINTABLE_IN_LINES = re.compile(rf"(?![\t\n]){_UNPRINTABLE.pattern}")


def printable(text: str, *, lines: bool = False) -> str:
    r"""Return a text that can be written anywhere: what is no letter is spelt as an escape.

    Args:
        text: such as a name out of somebody's file, or of a folder.
        lines: keep line breaks and tabs.

    >>> print(printable("a" + chr(27) + "[31m" + chr(0xDCFF)))
    a\x1b[31m\udcff
    """
    pattern = _UNPRINTABLE_IN_LINES if lines else _UNPRINTABLE
    return pattern.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def shortened(text: str, most: int) -> str:
    """Return a text of at most that many letters, the middle left out.

    >>> shortened("abcdefghijklmnopqrstuvwxyz" * 10, 50)
    'abcdefghijklm ... (235 letters) ... opqrstuvwxyz'
    """
    if len(text) <= most:
        return text
    kept = max(2, most - 25)
    left_out = f" ... ({len(text) - kept} letters) ... "
    return f"{text[: kept - kept // 2]}{left_out}{text[len(text) - kept // 2 :]}"


class FacecheckError(Exception):
    """The base class: catch it to catch every error that a user can correct."""

    def __str__(self) -> str:
        """Return the message, short and printable whatever it quotes."""
        return shortened(printable(super().__str__(), lines=True), _MESSAGE)


class DatasetError(FacecheckError):
    """A data set's folder, list or specification cannot be used."""


class ModelError(FacecheckError):
    """A model's specification, weights or factory cannot be used."""


class UnreadableImageError(FacecheckError):
    """One image cannot be decoded. The pipeline counts it as a failure to acquire and continues."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a sentence that lists the known names and, if one is similar, suggests it.

    >>> nearest("dlip", ["dlib", "facenet-vggface2"])
    'Did you mean dlib? Known: dlib, facenet-vggface2.'
    >>> nearest("BGR", ["rgb", "bgr"])
    'Did you mean bgr? Known: rgb, bgr.'
    """
    names = list(known)
    by_small = {name.lower(): name for name in names}
    found = difflib.get_close_matches(word[:_LONGEST].lower(), by_small, n=2, cutoff=0.5)
    close = [by_small[name] for name in ([word.lower()] if word.lower() in by_small else found)]
    guess = f"Did you mean {' or '.join(close)}? " if close else ""
    return f"{guess}Known: {', '.join(names)}."
