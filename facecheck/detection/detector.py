"""Detections: boxes, scores and five landmarks, for many images at once.

Boxes are ``(left, top, right, bottom)`` in pixels of the image, which may lie partly outside it. The five
landmarks are the eyes, the nose tip and the mouth's corners, left before right in the picture, as MTCNN
gives them; a detector without landmarks gives NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from facecheck.faces import Image

__all__ = ["Detections", "Detector"]


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """The k faces found in one image, in the detector's own order.

    Args:
        boxes: ``(k, 4)`` float32.
        scores: ``(k,)`` float32, higher is more certain; comparable only within one detector.
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
    """Anything that finds faces. What it finds in an image must not depend on the rest of the batch.

    ``identity`` names the detector and every setting that changes its result: the cache relies on it.
    """

    @property
    def identity(self) -> str:
        """Name and settings, such as ``dlib-hog(upsample=1)``."""
        ...

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Return the faces of each image ``(h, w, 3)``; the images may differ in size."""
        ...
