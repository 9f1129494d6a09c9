"""What the pipeline gives for each face: a vector, or the reason why there is none."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from facecheck.detection.detector import Detections
from facecheck.faces import Face
from facecheck.storage.cache import Arrays

__all__ = ["IN_MEMORY", "Collecting", "Detected", "Embedded", "Outcome", "Result", "StageTimes"]

IN_MEMORY = 2**30  # bytes of vectors; more of them lie in a temporary file
_AT_ONCE = 2**24  # bytes that are written at once


class Outcome(IntEnum):
    """What the pipeline gave for an image."""

    EMBEDDED = 0
    NO_FACE = 1
    UNREADABLE = 2


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Milliseconds of one worker per image, as measured when the work was done."""

    detect_ms: float = 0.0
    align_ms: float = 0.0
    embed_ms: float = 0.0

    @property
    def total_ms(self) -> float:
        """All stages together."""
        return self.detect_ms + self.align_ms + self.embed_ms


@dataclass(frozen=True, slots=True, eq=False)
class Detected:
    """What detection gives for an image.

    Args:
        detections: all faces, perhaps none.
        detect_ms: milliseconds of one worker, as measured when the work was done.
    """

    detections: Detections
    detect_ms: float

    def arrays(self) -> Arrays:
        """Return what the cache keeps."""
        found = self.detections
        ms = np.array([self.detect_ms], dtype=np.float32)
        return {"boxes": found.boxes, "scores": found.scores, "landmarks": found.landmarks, "ms": ms}

    @classmethod
    def of_arrays(cls, arrays: Arrays) -> Detected:
        """Return what :meth:`arrays` kept."""
        boxes, scores, landmarks = (np.asarray(arrays[n], dtype=np.float32) for n in ("boxes", "scores", "landmarks"))
        return cls(Detections(boxes, scores, landmarks), float(arrays["ms"][0]))


@dataclass(frozen=True, slots=True)
class Result:
    """One image at the end of the pipeline.

    Args:
        outcome: whether there is a vector.
        vector: ``(d,)`` float32, or None.
        fallback: True where the policy's centre box was used because no face was found.
        times: of the stages.
        reason: why there is no vector, in words.
    """

    outcome: Outcome
    vector: npt.NDArray[np.float32] | None = None
    fallback: bool = False
    times: StageTimes = StageTimes()
    reason: str = ""

    def arrays(self) -> Arrays:
        """Return what the cache keeps."""
        times = self.times
        return {
            "vector": np.zeros(0, dtype=np.float32) if self.vector is None else self.vector,
            "state": np.array([self.outcome, self.fallback], dtype=np.int8),
            "ms": np.array([times.detect_ms, times.align_ms, times.embed_ms], dtype=np.float32),
        }

    @classmethod
    def of_arrays(cls, arrays: Arrays) -> Result:
        """Return what :meth:`arrays` kept."""
        outcome, fallback = (int(number) for number in arrays["state"])
        vector = np.asarray(arrays["vector"], dtype=np.float32) if outcome == Outcome.EMBEDDED else None
        return cls(Outcome(outcome), vector, bool(fallback), StageTimes(*(float(ms) for ms in arrays["ms"])))


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """The faces of a run with the result of each.

    Args:
        faces: m faces.
        vectors: ``(m, d)`` float32, NaN where there is none; many of them lie in a temporary file, mapped.
        outcomes: ``(m,)`` of :class:`Outcome`.
        fallback: ``(m,)`` True where the policy's centre box was used because no face was found.
        total_ms: ``(m,)`` time per image on one worker, NaN for images that could not be read.
        unreadable: why images could not be read, by name.
    """

    faces: Sequence[Face]
    vectors: npt.NDArray[np.float32]
    outcomes: npt.NDArray[np.int8]
    fallback: npt.NDArray[np.bool_]
    total_ms: npt.NDArray[np.float64]
    unreadable: Mapping[str, str]

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """True where the detector found a face, shape ``(m,)``; a policy's centre box is not a find."""
        return np.asarray((self.outcomes == Outcome.EMBEDDED) & ~self.fallback)

    @property
    def failures(self) -> list[str]:
        """Names of the images that gave no vector."""
        return [self.faces[row].source.name for row in np.flatnonzero(self.outcomes != Outcome.EMBEDDED).tolist()]


class Collecting:
    """Puts results into arrays as they come, in any order: no object stays for a face.

    Args:
        faces: m faces.
    """

    def __init__(self, faces: Sequence[Face]) -> None:
        self._faces = faces
        self._vectors: npt.NDArray[np.float32] | None = None
        self._outcomes = np.zeros(len(faces), dtype=np.int8)
        self._fallback = np.zeros(len(faces), dtype=bool)
        self._total_ms = np.full(len(faces), np.nan)
        self._reasons: dict[int, str] = {}

    def put(self, rows: npt.NDArray[np.int64], result: Result) -> None:
        """Note what the image of these faces gave; there is one result a face.

        Args:
            rows: of the faces that are one image.
            result: of it.
        """
        self._outcomes[rows] = result.outcome
        self._fallback[rows] = result.fallback
        if result.outcome == Outcome.UNREADABLE:
            self._reasons.update(dict.fromkeys(rows.tolist(), result.reason))
        else:
            self._total_ms[rows] = result.times.total_ms
        if result.vector is not None:
            if self._vectors is None:
                self._vectors = _nothing(len(self._faces), len(result.vector))
            self._vectors[rows] = result.vector

    def embedded(self) -> Embedded:
        """Return what all results give together."""
        vectors = np.empty((len(self._faces), 0), dtype=np.float32) if self._vectors is None else self._vectors
        unreadable = {self._faces[row].source.name: self._reasons[row] for row in sorted(self._reasons)}
        return Embedded(self._faces, vectors, self._outcomes, self._fallback, self._total_ms, unreadable)


def _nothing(count: int, dimensions: int) -> npt.NDArray[np.float32]:
    """Return ``(n, d)`` NaN, in memory or, from a bound on, in a temporary file that ends with the array."""
    shape = count, dimensions
    if 4 * count * dimensions <= IN_MEMORY or not count:
        return np.full(shape, np.nan, dtype=np.float32)
    portion = np.full((min(count, max(1, _AT_ONCE // (4 * dimensions))), dimensions), np.nan, dtype=np.float32)
    with tempfile.TemporaryFile(prefix="facecheck-") as stream:
        # Written, not only mapped: a full disk is an error here, and would later end the process.
        for start in range(0, count, len(portion)):
            stream.write(portion[: count - start].data)
        stream.flush()
        return np.asarray(np.memmap(stream, dtype=np.float32, mode="r+", shape=shape))
