"""Paths of specifications: used as given, otherwise relative to the folder in ``FACECHECK_DATA``."""

from __future__ import annotations

import os
from pathlib import Path

from facecheck.errors import DatasetError
from facecheck.specs import Spec

__all__ = ["existing_file", "existing_folder", "exists"]


def _candidates(text: str) -> list[Path]:
    path = _expanded(text)
    home = os.environ.get("FACECHECK_DATA")
    return [path] if path.is_absolute() or not home else [path, _expanded(home) / path]


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # there is no such user
        return Path(text)


def exists(candidate: Path, *, folder: bool) -> bool:
    """Return whether the folder, or the file, exists."""
    try:
        return candidate.is_dir() if folder else candidate.is_file()
    except OSError:  # a name too long to exist
        return False


def existing_folder(spec: Spec, text: str | None = None) -> Path:
    """Return the folder of ``kind:FOLDER``, or the one that an option names.

    Raises:
        DatasetError: no folder is given, or it does not exist.
    """
    place = spec.path if text is None else text
    if not place:
        raise DatasetError(f"{spec.text!r}: expected a folder, {spec.kind}:FOLDER")
    for candidate in _candidates(place):
        if exists(candidate, folder=True):
            return candidate
    raise DatasetError(_missing(spec, place, "folder"))


def existing_file(spec: Spec, text: str) -> Path:
    """Return the file that an option names.

    Raises:
        DatasetError: it does not exist.
    """
    for candidate in _candidates(text):
        if exists(candidate, folder=False):
            return candidate
    raise DatasetError(_missing(spec, text, "file"))


def _missing(spec: Spec, text: str, what: str) -> str:
    tried = " or ".join(str(candidate.absolute()) for candidate in _candidates(text))
    return f"{spec.text}: no such {what}: {tried}. Relative paths are also searched for in FACECHECK_DATA, if set"
