"""Where the faces are: boxes, scores and five landmarks, for many images at once.

Boxes are ``(left, top, right, bottom)`` in pixels of the image, which may lie partly outside it. The five
landmarks are the eyes, the nose tip and the mouth's corners, left before right in the picture, as MTCNN
gives them; a detector without landmarks gives NaN.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import dlib
import numpy as np
import numpy.typing as npt

from facecheck.faces import Image

__all__ = ["Detections", "Detector", "DlibHog", "Lending"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """The k faces found in one image, in the detector's own order.

    Args:
        boxes: ``(k, 4)`` float32.
        scores: ``(k,)`` float32, higher is surer; comparable only within one detector.
        landmarks: ``(k, 5, 2)`` float32, NaN where the detector gives none.
    """

    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    landmarks: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def of_boxes(cls, boxes: Sequence[Sequence[float]], scores: Sequence[float]) -> Detections:
        """Build detections without landmarks."""
        return cls(
            np.asarray(boxes, dtype=np.float32).reshape(-1, 4),
            np.asarray(scores, dtype=np.float32),
            np.full((len(scores), 5, 2), np.nan, dtype=np.float32),
        )


@runtime_checkable
class Detector(Protocol):
    """Anything that finds faces. It must give the same answer whatever else is in the batch.

    ``identity`` names the detector and every setting that changes its answer: the cache relies on it.
    """

    @property
    def identity(self) -> str:
        """Name and settings, such as ``dlib-hog(upsample=1)``."""
        ...

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Return the faces of each image ``(h, w, 3)``; the images may differ in size."""
        ...


class Lending(Generic[T]):
    """Objects that only one thread at a time may use, such as dlib's detectors, which keep state between calls.

    As many are made as are ever in use at once; threads may come and go. dlib's takes a third of a second to make,
    and holds the interpreter's lock meanwhile.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._free: list[T] = []  # its append and pop are atomic

    @contextlib.contextmanager
    def lend(self) -> Iterator[T]:
        """Lend one that nobody else has."""
        try:
            lent = self._free.pop()
        except IndexError:
            lent = self._make()
        try:
            yield lent
        finally:
            self._free.append(lent)


class DlibHog:
    """dlib's frontal face detector, as ``face_recognition.face_locations`` uses it.

    It releases the interpreter's lock, so several threads detect at once.

    Args:
        upsample: how often the image is doubled first; once finds faces from about 40 px.
    """

    def __init__(self, *, upsample: int = 1) -> None:
        self._upsample = upsample
        self._detectors: Lending[Any] = Lending(dlib.get_frontal_face_detector)

    @property
    def identity(self) -> str:
        """Name and settings."""
        return f"dlib-hog(upsample={self._upsample})"

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Return the faces of each image, surest first; scores are distances from the decision plane."""
        return [self._detect_one(image) for image in images]

    def _detect_one(self, image: Image) -> Detections:
        with self._detectors.lend() as detector:
            rectangles, scores, _ = detector.run(image, self._upsample, 0.0)
        return Detections.of_boxes([(r.left(), r.top(), r.right(), r.bottom()) for r in rectangles], list(scores))
