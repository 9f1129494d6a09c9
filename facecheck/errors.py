"""Exceptions for invalid input; each message says what was expected, what was given and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["DatasetError", "FacecheckError", "ModelError", "UnreadableImageError", "nearest"]


class FacecheckError(Exception):
    """The base class: catch it to catch every error that a user can correct."""


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
    """
    names = list(known)
    close = difflib.get_close_matches(word, names, n=2, cutoff=0.5)
    guess = f"Did you mean {' or '.join(close)}? " if close else ""
    return f"{guess}Known: {', '.join(names)}."
