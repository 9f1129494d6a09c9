"""What stands behind the numbers of an eval beside the similarities of pairs, for the comparison with later runs.

One file a model, data set and eval in ``evidence/`` of the run's folder: what each search found, the groups and
qualities of images, the folds of a calibration. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from facecheck.errors import FacecheckError
from facecheck.storage.files import file_stem, opened_regular, writing

__all__ = [
    "EVIDENCE",
    "Evidence",
    "hashes_of_evidence",
    "load_evidence",
    "packed_evidence",
    "save_evidence",
    "unpacked",
]

EVIDENCE = "evidence"
_MOST_BYTES = 256 * 2**20
_TITLE = "title"
_DAMAGED = (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """The arrays behind one eval of one model on one data set.

    Args:
        eval: name of the eval.
        model: name of the recogniser.
        dataset: name of the data set.
        arrays: by name, of numbers, truth values or text; what they mean is the eval's.
    """

    eval: str
    model: str
    dataset: str
    arrays: Mapping[str, npt.NDArray[Any]]


def packed_evidence(evidence: Evidence) -> bytes:
    """Return the content of a file."""
    stream = io.BytesIO()
    title = {"eval": evidence.eval, "model": evidence.model, "dataset": evidence.dataset}
    arrays: dict[str, Any] = {_TITLE: np.array(json.dumps(title)), **evidence.arrays}
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def unpacked(content: bytes, expected: str, where: str) -> Evidence:
    """Return what a file holds.

    Args:
        content: of the file.
        expected: its SHA-256.
        where: the file's name, for messages.

    Raises:
        FacecheckError: damaged, or not the file that was written.
    """
    if hashlib.sha256(content).hexdigest() != expected:
        raise FacecheckError(f"{where}: changed since it was written: not what was recorded")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as found:
            title = json.loads(str(found[_TITLE]))
            arrays = {name: found[name] for name in found.files if name != _TITLE}
        return Evidence(**{name: str(title[name]) for name in ("eval", "model", "dataset")}, arrays=arrays)
    except _DAMAGED as error:
        raise FacecheckError(f"{where}: no evidence of a facecheck run: {error}") from error


def save_evidence(folder: Path, evidence: Evidence) -> Path:
    """Write the file of an eval, whole or not at all; cases that share it write the same.

    Args:
        folder: of the run.
        evidence: to be written.
    """
    key = "__".join((evidence.model, evidence.dataset, evidence.eval))
    exact = hashlib.sha256(key.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    path = folder / EVIDENCE / f"{file_stem(key, most=100)}__{exact}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as stream:
        stream.write(packed_evidence(evidence))
    return path


def hashes_of_evidence(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of evidence of a run, by its name."""
    paths = sorted((folder / EVIDENCE).glob("*.npz"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def load_evidence(folder: Path, hashes: Mapping[str, str]) -> Iterator[Evidence]:
    """Yield what a run recorded.

    Args:
        folder: of the run.
        hashes: SHA-256 by name.

    Raises:
        FacecheckError: a file is missing, damaged, or not the one that was written.
    """
    for name, expected in hashes.items():
        path = folder / EVIDENCE / Path(name).name
        try:
            with opened_regular(path, most=_MOST_BYTES) as stream:
                content = stream.read()
        except OSError as error:
            raise FacecheckError(f"{path}: evidence of the run cannot be read: {error.strerror}") from error
        yield unpacked(content, expected, str(path))
