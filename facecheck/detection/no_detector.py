"""No detection: each picture is a face that was cropped before."""

from __future__ import annotations

from collections.abc import Sequence

from facecheck.detection.detector import Detections
from facecheck.faces import Image

__all__ = ["NoDetector"]


class NoDetector:
    """Takes each picture for one face, as large as the picture."""

    @property
    def identity(self) -> str:
        """Its name."""
        return "none"

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Return one box for each image, the whole of it, without landmarks.

        >>> import numpy as np
        >>> NoDetector().detect([np.zeros((112, 96, 3), dtype=np.uint8)])[0].boxes.tolist()
        [[0.0, 0.0, 96.0, 112.0]]
        """
        return [Detections.of_boxes([[0, 0, image.shape[1], image.shape[0]]], [1]) for image in images]
