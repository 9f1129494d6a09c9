"""Another detector than the model's own: ``?detector=``."""

from __future__ import annotations

import dataclasses

from facecheck.alignment import AlignedBefore, FivePoint
from facecheck.detection import Detector, DlibHog, Mtcnn, NoDetector
from facecheck.errors import ModelError
from facecheck.models.options import DetectorName
from facecheck.models.recognizer import Recognizer

__all__ = ["with_detector"]


def with_detector(recognizer: Recognizer, name: DetectorName | None) -> Recognizer:
    """Return the recogniser with another detector.

    Args:
        recognizer: the model.
        name: ``mtcnn``; ``facenet-pytorch`` for MTCNN with that package's results; ``hog`` for dlib's; ``none`` for
            pictures that are already crops as the network wants them; None for the model's own.

    Raises:
        ModelError: the model is aligned by landmarks, and the detector gives none.
    """
    if name is None:
        return recognizer
    if name == "none":
        return dataclasses.replace(recognizer, detector=NoDetector(), aligner=AlignedBefore(recognizer.aligner))
    if name == "hog" and isinstance(recognizer.aligner, FivePoint):
        raise ModelError(
            f"{recognizer.name}: it is aligned by five landmarks, and detector=hog gives none. Leave detector out, or "
            "choose mtcnn, facenet-pytorch or none"
        )
    return dataclasses.replace(recognizer, detector=_made(name, recognizer))


def _made(name: DetectorName, recognizer: Recognizer) -> Detector:
    if name == "hog":
        return DlibHog(upsample=1)
    return Mtcnn(device=recognizer.device, beyond="stretched" if name == "facenet-pytorch" else "filled")
