"""Correct networks with the preprocessing of the second study, to show the cause of its findings.

Factories for ``--facecheck-models``; ``docs/findings.md`` compares them with the same networks on correct input.
`facenet_112` and `edgeface_unaligned` are near to it; `facenet_as_fed` and `edgeface_as_fed` are fed as the study fed
its own: FaceNet with MTCNN's largest face without a margin, the transformer with whole pictures, resized without a
detector. What the study then did with the transformer's vectors, a norm over batches of two, is not repeated.
"""

from __future__ import annotations

from collections.abc import Sequence

from facecheck.alignment import Aligner, BoxCrop, WholeImage
from facecheck.detection.detector import Detections, Detector
from facecheck.detection.selection import FacePolicy
from facecheck.embedders import facenet
from facecheck.embedders.edgeface import edgeface, edgeface_file
from facecheck.embedders.preprocessing import IMAGENET
from facecheck.faces import Image
from facecheck.models import Settings, torch_recognizer
from facecheck.models.recognizer import Recognizer

__all__ = ["WholePicture", "edgeface_as_fed", "edgeface_unaligned", "facenet_112", "facenet_as_fed"]

_SIZE, _MARGIN = 112, 10  # facenet-pytorch's margin of 14 px at 160, at 112 px


class WholePicture:
    """A detector that looks for nothing: the picture is the face."""

    @property
    def identity(self) -> str:
        """Name; there are no settings."""
        return "whole-picture"

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Return one box an image, its own edges."""
        return [Detections.of_boxes([(0, 0, image.shape[1], image.shape[0])], [1.0]) for image in images]


def facenet_112(settings: Settings) -> Recognizer:
    """Return FaceNet (CASIA-WebFace), trained on crops of 160 px, on MTCNN's crops of 112 px."""
    return _facenet("facenet-at-112-px", settings, BoxCrop(_SIZE, margin=_MARGIN), FacePolicy())


def facenet_as_fed(settings: Settings) -> Recognizer:
    """Return FaceNet as the study fed it: the largest face, without a margin, at 112 px."""
    return _facenet("facenet-as-fed", settings, BoxCrop(_SIZE, margin=0), FacePolicy(select="largest"))


def _facenet(name: str, settings: Settings, aligner: Aligner, policy: FacePolicy) -> Recognizer:
    std = (128.0, 128.0, 128.0)
    network = facenet.casia_webface()
    return torch_recognizer(name, network, settings, std=std, threshold=1.13, policy=policy, aligner=aligner)


def edgeface_unaligned(settings: Settings) -> Recognizer:
    """Return EdgeFace XS on MTCNN's crops, not aligned, with ImageNet's mean and standard deviation."""
    return _edgeface("edgeface-unaligned", settings, BoxCrop(_SIZE, margin=_MARGIN))


def edgeface_as_fed(settings: Settings) -> Recognizer:
    """Return EdgeFace XS on whole pictures, resized, with ImageNet's mean and standard deviation."""
    return _edgeface("edgeface-as-fed", settings, WholeImage(_SIZE), WholePicture())


def _edgeface(name: str, settings: Settings, aligner: Aligner, detector: Detector | None = None) -> Recognizer:
    network, threshold = edgeface("edgeface-xs", edgeface_file("edgeface-xs"))
    mean, std = IMAGENET.mean, IMAGENET.std
    return torch_recognizer(
        name, network, settings, mean=mean, std=std, threshold=threshold, detector=detector, aligner=aligner
    )
