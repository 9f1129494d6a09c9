"""What each model of a run answered to fixed crops, so that a later run can tell whether it is the same function.

One file a model in ``probe/`` of the run's folder; nothing is pickled.
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

import numpy as np
import numpy.typing as npt

from facecheck.errors import FacecheckError
from facecheck.results.change import SameFunction
from facecheck.storage.files import file_stem, opened_regular, writing

__all__ = [
    "NOISES",
    "ProbeVectors",
    "hashes_of_probes",
    "load_probe",
    "load_probes",
    "packed",
    "same_function",
    "save_probe",
]

# Differences of up to as many times what other batch sizes do to a network's numbers are those of a machine. Measured:
# other threads and batch sizes up to 8e-7 of the largest number (FaceNet, dlib, EdgeFace), fp16 1.5e-3, bf16 9e-3.
NOISES = 100.0
_LEAST_NOISE = 2.0**-22  # of a network whose numbers do not depend on the batch
_MOST_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProbeVectors:
    """The answers of one model.

    Args:
        model: name of the recogniser.
        crops: hash of the crops that were asked.
        vectors: ``(n, d)`` float32.
        noise: largest change of a number in a batch of another size, as a fraction of the largest number.
    """

    model: str
    crops: str
    vectors: npt.NDArray[np.float32]
    noise: float


def same_function(before: ProbeVectors | None, after: ProbeVectors | None) -> SameFunction:
    """Compare the vectors of two versions of a model on the same crops.

    >>> numbers = np.eye(3, dtype=np.float32)
    >>> was = ProbeVectors(model="m", crops="c", vectors=numbers, noise=1e-6)
    >>> same_function(was, ProbeVectors(model="m", crops="c", vectors=numbers + np.float32(2e-6), noise=1e-6)).verdict
    'same'
    """
    if before is None or after is None:
        whose = "the baseline" if before is None else "the run"
        return SameFunction(verdict="unknown", reason=f"{whose} holds no vectors of fixed crops")
    if before.crops != after.crops:
        reason = f"other crops were asked: size or code of the probe changed, {before.crops[:12]} to {after.crops[:12]}"
        return SameFunction(verdict="unknown", reason=reason)
    rows = min(len(before.vectors), len(after.vectors))  # a GPU asks a larger batch
    old, new = before.vectors[:rows].astype(np.float64), after.vectors[:rows].astype(np.float64)
    if old.shape[1] != new.shape[1]:
        reason = f"vectors of {new.shape[1]} numbers, before {old.shape[1]}"
        return SameFunction(verdict="another", reason=reason)
    if np.array_equal(old, new):
        return SameFunction(verdict="identical", apart=0.0, noises=0.0, cosine=1.0)
    apart = float(np.abs(old - new).max() / np.abs(old).max())
    noises = apart / max(before.noise, after.noise, _LEAST_NOISE)
    lengths = np.linalg.norm(old, axis=1) * np.linalg.norm(new, axis=1)
    cosine = float(((old * new).sum(axis=1) / np.where(lengths > 0, lengths, 1.0)).min())
    return SameFunction(
        verdict="same" if noises <= NOISES else "another", apart=apart, noises=noises, cosine=min(1.0, cosine)
    )


def packed(answers: ProbeVectors) -> bytes:
    """Return the content of a file."""
    stream = io.BytesIO()
    title = {"model": answers.model, "crops": answers.crops, "noise": answers.noise}
    np.savez_compressed(stream, title=np.array(json.dumps(title)), vectors=answers.vectors)
    return stream.getvalue()


def save_probe(folder: Path, answers: ProbeVectors) -> Path:
    """Write the file of a model, whole or not at all; several processes may write the same.

    Args:
        folder: of the run.
        answers: of the model.
    """
    exact = hashlib.sha256(answers.model.encode()).hexdigest()[:8]
    path = folder / "probe" / f"{file_stem(answers.model, most=100)}__{exact}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as stream:
        stream.write(packed(answers))
    return path


def hashes_of_probes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of vectors of a run, by its name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("probe/*.npz"))}


def load_probes(folder: Path, hashes: Mapping[str, str]) -> Iterator[ProbeVectors]:
    """Yield the vectors that a run recorded.

    Raises:
        FacecheckError: a file is missing, damaged, or not the one that was written.
    """
    for name, expected in hashes.items():
        yield load_probe(folder / "probe" / Path(name).name, expected)


def load_probe(path: Path, expected: str) -> ProbeVectors:
    """Read one file.

    Args:
        path: of the file.
        expected: its SHA-256.

    Raises:
        FacecheckError: it is missing, damaged, or not the one that was written.
    """
    try:
        with opened_regular(path, most=_MOST_BYTES) as stream:
            content = stream.read()
        if hashlib.sha256(content).hexdigest() != expected:
            raise FacecheckError(f"{path}: changed since it was written: not the vectors that were recorded")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            title = json.loads(str(arrays["title"]))
            return ProbeVectors(
                model=str(title["model"]),
                crops=str(title["crops"]),
                noise=float(title["noise"]),
                vectors=_checked(np.asarray(arrays["vectors"], dtype=np.float32)),
            )
    except (OSError, EOFError, ValueError, LookupError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise FacecheckError(f"{path}: no vectors of a model on fixed crops: {error}") from error


def _checked(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    if vectors.ndim != 2 or not vectors.size or not np.isfinite(vectors).all():  # noqa: PLR2004 - (n, d)
        raise ValueError("expected finite vectors (n, d)")
    return vectors
