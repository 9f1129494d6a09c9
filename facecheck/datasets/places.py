"""Paths of specifications: as they stand, else below the folder that ``FACECHECK_DATA`` names."""

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
    """Say whether there is such a folder, or such a file."""
    try:
        return candidate.is_dir() if folder else candidate.is_file()
    except OSError:  # a name too long to exist
        return False


def existing_folder(spec: Spec) -> Path:
    """Return the folder of ``kind:FOLDER``.

    Raises:
        DatasetError: none is named, or it is not there.
    """
    if not spec.path:
        raise DatasetError(f"{spec.text!r}: expected a folder, {spec.kind}:FOLDER")
    for candidate in _candidates(spec.path):
        if exists(candidate, folder=True):
            return candidate
    raise DatasetError(_missing(spec, spec.path, "folder"))


def existing_file(spec: Spec, text: str) -> Path:
    """Return the file that an option names.

    Raises:
        DatasetError: it is not there.
    """
    for candidate in _candidates(text):
        if exists(candidate, folder=False):
            return candidate
    raise DatasetError(_missing(spec, text, "file"))


def _missing(spec: Spec, text: str, what: str) -> str:
    tried = " or ".join(str(candidate.absolute()) for candidate in _candidates(text))
    return f"{spec.text}: no such {what}: {tried}. A relative path is also looked for below FACECHECK_DATA, if set"
