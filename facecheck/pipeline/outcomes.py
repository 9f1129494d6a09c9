"""What the pipeline gives for each face: a vector, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from facecheck.detection.detector import Detections
from facecheck.faces import Face, ImageSource
from facecheck.storage.cache import Arrays

__all__ = ["Detected", "Embedded", "Outcome", "Result", "StageTimes", "collect"]


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
        vectors: ``(m, d)`` float32, NaN where there is none.
        outcomes: ``(m,)`` of :class:`Outcome`.
        fallback: ``(m,)`` True where the policy's centre box was used because no face was found.
        total_ms: ``(m,)`` time per image on one worker, NaN for images that could not be read.
        unreadable: why images could not be read, by name.
    """

    faces: tuple[Face, ...]
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
        return [f.source.name for f, o in zip(self.faces, self.outcomes, strict=True) if o != Outcome.EMBEDDED]


def collect(faces: tuple[Face, ...], results: Mapping[ImageSource, Result]) -> Embedded:
    """Put the results of the faces' images into arrays."""
    mine = [results[face.source] for face in faces]
    dimensions = max((len(r.vector) for r in mine if r.vector is not None), default=0)
    vectors = np.full((len(mine), dimensions), np.nan, dtype=np.float32)
    for row, result in zip(vectors, mine, strict=True):
        if result.vector is not None:
            row[:] = result.vector
    return Embedded(
        faces,
        vectors,
        np.array([r.outcome for r in mine], dtype=np.int8),
        np.array([r.fallback for r in mine], dtype=bool),
        np.array([np.nan if r.outcome == Outcome.UNREADABLE else r.times.total_ms for r in mine]),
        _reasons(faces, mine),
    )


def _reasons(faces: Sequence[Face], results: Sequence[Result]) -> dict[str, str]:
    return {f.source.name: r.reason for f, r in zip(faces, results, strict=True) if r.outcome == Outcome.UNREADABLE}
