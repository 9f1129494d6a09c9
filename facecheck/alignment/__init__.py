"""From a face in an image to the crop that a network was trained on."""

from __future__ import annotations

from facecheck.alignment.aligners import (
    AlignedBefore,
    Aligner,
    BoxCrop,
    DlibChip,
    FivePoint,
    Size,
    WholeImage,
    crop_shape,
    outside,
    similarity_transform,
    spelt_shape,
)

__all__ = [
    "AlignedBefore",
    "Aligner",
    "BoxCrop",
    "DlibChip",
    "FivePoint",
    "Size",
    "WholeImage",
    "crop_shape",
    "outside",
    "similarity_transform",
    "spelt_shape",
]
