"""From a face in an image to the crop that a network was trained on."""

from __future__ import annotations

from facecheck.alignment.aligners import (
    Aligner,
    BoxCrop,
    DlibChip,
    FivePoint,
    WholeImage,
    similarity_transform,
)

__all__ = ["Aligner", "BoxCrop", "DlibChip", "FivePoint", "WholeImage", "similarity_transform"]
