"""What an embedder answers to fixed crops, at the batch that is used: checked in words, and hashed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from facecheck.embedders import Crops, Embedder, Embeddings
from facecheck.embedders.network import Precision
from facecheck.errors import ModelError

__all__ = ["Probed", "probed"]

_DIGITS = 2  # coarse: the last bits depend on the number of threads
# Of the largest number in the vectors: within it, answers are the same.
_SAME: dict[str, float] = {"fp32": 2e-3, "bf16": 0.1, "fp16": 0.05}


@dataclass(frozen=True, slots=True, eq=False)
class Probed:
    """What the probe found.

    Args:
        fingerprint: hash of the answers; it changes when the function changes.
        alone: largest change of a vector's number where the crop is in the usual batch and not in a small one, as a
            fraction of the largest number; 0 where it is none.
        batch: number of crops in the usual batch.
        crops: hash of the crops.
        vectors: ``(batch, d)`` answers in the usual batch.
        noise: largest change of a number from a small batch to the usual one, as a fraction of the largest number.
    """

    fingerprint: str
    alone: float
    batch: int
    crops: str = ""
    vectors: Embeddings = field(default_factory=lambda: np.empty((0, 0), dtype=np.float32), repr=False)
    noise: float = 0.0


def probed(name: str, embedder: Embedder, crops: Crops, *, batch: int, precision: Precision) -> Probed:
    """Ask an embedder for the vectors of a few crops, again, and in a batch of the usual size.

    Args:
        name: of the model, for messages.
        embedder: that is asked.
        crops: a few, ``(k, s, s, 3)``.
        batch: crops at once, as the pipeline gives them.
        precision: that it computes in, which decides how near two answers are the same.

    Raises:
        ModelError: it refuses several crops at once, does not give finite ``(n, d)`` with d > 0, answers zero, or
            answers differently each time.
    """
    vectors, again = _asked(name, embedder, crops), _asked(name, embedder, crops)
    largest = float(np.abs(vectors).max())
    if not largest:
        raise ModelError(f"{name}: answers zero to every crop: were its weights loaded?")
    apart = _apart(vectors, again) / largest
    if apart > _SAME[precision]:
        raise ModelError(
            f"{name}: answers differently each time: the same crops gave numbers {apart:.1%} of the largest apart. Is "
            "something random at evaluation, such as dropout that network.eval() does not switch off?"
        )
    many = np.concatenate((crops, *(np.roll(crops, shift, axis=2) for shift in range(1, -(-batch // len(crops))))))
    together = _asked(name, embedder, many[:batch])
    change = _apart(vectors[:batch], together[: len(crops)]) / largest
    total = hashlib.sha256(_rounded(vectors, largest) + f"{largest:.2e}".encode())
    alone = 0.0 if change <= _SAME[precision] else change
    if alone:
        total.update(_rounded(together, largest))
    asked = hashlib.sha256(repr(crops.shape).encode() + crops.tobytes()).hexdigest()
    return Probed(total.hexdigest(), alone, batch, asked, together, max(apart, change))


def _asked(name: str, embedder: Embedder, crops: Crops) -> Embeddings:
    try:
        vectors = embedder.embed(crops)
    except ModelError as error:
        raise ModelError(f"{name}: {error}{_singly(embedder, crops)}") from error
    except (Exception, SystemExit) as error:  # an embedder of the user's own may raise anything
        raise ModelError(
            f"{name}: cannot embed {len(crops)} crops {crops.shape[1:]}: {type(error).__name__}: {error}"
            f"{_singly(embedder, crops)}"
        ) from error
    if not isinstance(vectors, np.ndarray) or vectors.ndim != 2 or len(vectors) != len(crops) or not vectors.size:  # noqa: PLR2004
        raise ModelError(f"{name}: expected an array (n, d) for {crops.shape} crops, got {_described(vectors)}")
    if vectors.dtype.kind != "f" or not np.isfinite(vectors).all():
        raise ModelError(
            f"{name}: expected finite embeddings of shape (n, d) for {crops.shape} crops, got shape {vectors.shape} of "
            f"{vectors.dtype}, finite: {vectors.dtype.kind == 'f' and bool(np.isfinite(vectors).all())}"
        )
    return vectors


def _singly(embedder: Embedder, crops: Crops) -> str:
    """Say whether one crop alone is taken, which is the usual reason why several are not."""
    try:
        embedder.embed(crops[:1])
    except (Exception, SystemExit):  # noqa: BLE001 - the first failure is the one to report
        return ""
    return ". One crop alone works: facecheck gives batches, so that it has to take (n, 3, s, s) for any n"


def _described(answer: object) -> str:
    return f"shape {answer.shape}" if isinstance(answer, np.ndarray) else type(answer).__name__


def _apart(first: Embeddings, second: Embeddings) -> float:
    return float(np.abs(first - second).max()) if first.shape == second.shape else np.inf


def _rounded(vectors: Embeddings, largest: float) -> bytes:
    return (np.round(vectors / largest, _DIGITS) + 0.0).astype(np.float32).tobytes()
