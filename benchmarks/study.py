"""Correct networks with the preprocessing of the second study, to show the cause of its findings.

Factories for ``--facecheck-models``; ``docs/findings.md`` compares them with the same networks on correct input.
"""

from __future__ import annotations

from facecheck.alignment import BoxCrop
from facecheck.embedders import facenet
from facecheck.embedders.edgeface import edgeface, edgeface_file
from facecheck.models import Settings, torch_recognizer
from facecheck.models.recognizer import Recognizer

__all__ = ["edgeface_unaligned", "facenet_112"]

_SIZE, _MARGIN = 112, 10  # facenet-pytorch's margin of 14 px at 160, at 112 px
_IMAGENET = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def facenet_112(settings: Settings) -> Recognizer:
    """Return FaceNet (CASIA-WebFace), trained on crops of 160 px, on MTCNN's crops of 112 px."""
    return torch_recognizer(
        "facenet-at-112-px",
        facenet.casia_webface(),
        settings,
        std=(128.0, 128.0, 128.0),
        threshold=1.13,
        aligner=BoxCrop(_SIZE, margin=_MARGIN),
    )


def edgeface_unaligned(settings: Settings) -> Recognizer:
    """Return EdgeFace XS on MTCNN's crops, not aligned, with ImageNet's mean and standard deviation."""
    network, threshold = edgeface("edgeface-xs", edgeface_file("edgeface-xs"))
    mean, std = _IMAGENET
    return torch_recognizer(
        "edgeface-unaligned",
        network,
        settings,
        mean=mean,
        std=std,
        threshold=threshold,
        aligner=BoxCrop(_SIZE, margin=_MARGIN),
    )
