"""dlib's HOG detector, on several threads at once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import dlib

from facecheck.detection.detector import Detections
from facecheck.faces import Image

__all__ = ["DlibHog", "ObjectPool"]
T = TypeVar("T")


class ObjectPool(Generic[T]):
    """Objects that only one thread at a time may use, such as dlib's detectors, which keep state between calls.

    As many are made as are in use at the same time. dlib's takes a third of a second to make, and holds the
    interpreter's lock meanwhile.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._free: list[T] = []  # its append and pop are atomic

    @contextlib.contextmanager
    def borrow(self) -> Iterator[T]:
        """Give one that no other thread uses."""
        try:
            borrowed = self._free.pop()
        except IndexError:
            borrowed = self._make()
        try:
            yield borrowed
        finally:
            self._free.append(borrowed)


class DlibHog:
    """dlib's frontal face detector, as ``face_recognition.face_locations`` uses it.

    It releases the interpreter's lock, so several threads detect at once.

    Args:
        upsample: how many times the image is doubled in size first; with 1, faces from about 40 px are found.
    """

    def __init__(self, *, upsample: int = 1) -> None:
        self._upsample = upsample
        self._detectors: ObjectPool[Any] = ObjectPool(dlib.get_frontal_face_detector)

    @property
    def identity(self) -> str:
        """Name and settings."""
        return f"dlib-hog(upsample={self._upsample})"

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Return the faces of each image, highest score first; scores are distances from the decision plane."""
        return [self._detect_one(image) for image in images]

    def _detect_one(self, image: Image) -> Detections:
        with self._detectors.borrow() as detector:
            rectangles, scores, _ = detector.run(image, self._upsample, 0.0)
        return Detections.of_boxes([(r.left(), r.top(), r.right(), r.bottom()) for r in rectangles], list(scores))
