"""An image on its way through the pipeline, and the steps that it takes: load, detect, choose, align, embed."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from facecheck.corruptions import Applied
from facecheck.detection.detector import Detections, Detector
from facecheck.detection.mtcnn import Mtcnn
from facecheck.detection.selection import ChosenFace, FacePolicy
from facecheck.embedders import Embeddings
from facecheck.errors import ModelError, UnreadableImageError
from facecheck.faces import Image, ImageSource, Portion
from facecheck.faces.decoding import cut_tile, decode, digest, image_size, read
from facecheck.models.recognizer import Recognizer
from facecheck.pipeline.outcomes import Detected, Outcome, Result, StageTimes

__all__ = [
    "REFERENCE_DEVICE",
    "Crop",
    "Inspected",
    "Work",
    "crop_batch",
    "detect_batch",
    "embed_batch",
    "find_landmarks",
    "inspect_one",
    "load",
    "pixels_of",
    "reference_batch",
    "reference_detector",
    "score_of",
]

REFERENCE_DEVICE = torch.device("cpu")


@dataclass(slots=True)
class Work:
    """An image between two steps of the pipeline.

    Args:
        source: of its bytes.
        digest: of its bytes.
        key: that its embedding is kept under.
        detection_key: that its detections are kept under.
        image: its pixels, between loading and the end of the last step.
        detected: the faces in it, None before detection.
        newly_detected: whether ``detected`` is this run's own and still to be kept.
        reference: the faces by which corruptions are placed, None if none is to be placed.
        unreadable: why it has no pixels, in words.
    """

    source: ImageSource
    digest: bytes
    key: bytes = b""
    detection_key: bytes = b""
    image: Image | None = None
    detected: Detected | None = None
    newly_detected: bool = False
    reference: Detections | None = None
    unreadable: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """The face of an image, cut out.

    Args:
        source: of the image.
        pixels: ``(height, width, 3)`` of the aligner's shape, None without a face.
        fallback: whether no face was found and the policy put a box there.
        unreadable: why the image has no pixels, in words.
    """

    source: ImageSource
    pixels: Image | None
    fallback: bool = False
    unreadable: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Inspected:
    """What a network gets of an image.

    Args:
        source: of the image.
        image: its pixels as they were searched, None if it cannot be read.
        face: that was chosen, None without one.
        crop: that the network gets, None without a face.
    """

    source: ImageSource
    image: Image | None = None
    face: ChosenFace | None = None
    crop: Image | None = None


def load(works: list[Work], *, corruption: Applied) -> list[Work]:
    """Decode and degrade; a strip is decoded once for all its tiles in the batch."""
    whole: tuple[tuple[Path, Portion | None], Image] | None = None
    for work in works:
        source = work.source
        try:
            if whole is None or whole[0] != (source.path, source.portion):
                whole = (source.path, source.portion), decode(_read_again(work), source.name)
            image = whole[1] if source.tile is None else cut_tile(whole[1], source.tile)
        except UnreadableImageError as error:
            work.unreadable = str(error)
            continue
        try:
            work.image = corruption.apply(image, work.digest, _landmarks(work, image))
        except UnreadableImageError as error:
            work.unreadable = f"{source.name}: {corruption.identity} cannot be applied: {error}"
    return works


def pixels_of(work: Work) -> int:
    """Return how many pixels an image has, from its file's header; 0 where that cannot be read."""
    try:
        width, height = image_size(work.source.path, work.source.portion)
    except UnreadableImageError:
        return 0
    return height * (width if work.source.tile is None else min(width, height))


def score_of(work: Work, policy: FacePolicy) -> float:
    """Return the detector's score of the face that a policy chooses, ``-inf`` where none was found."""
    if work.detected is None or not len(work.detected.detections):
        return -np.inf
    try:
        width, height = image_size(work.source.path, work.source.portion)
    except UnreadableImageError:
        return -np.inf
    face = policy.choose(work.detected.detections, (height, width if work.source.tile is None else height, 3))
    return -np.inf if face is None or np.isnan(face.score) else face.score


def _read_again(work: Work) -> bytes:
    """Return the bytes that the work's key was made of; another picture must not be kept under it."""
    content = read(work.source)
    if digest(content, work.source.tile) != work.digest:
        raise UnreadableImageError(f"{work.source.name}: the file changed during the run")
    return content


def _landmarks(work: Work, image: Image) -> npt.NDArray[np.float32] | None:
    return None if work.reference is None else _points(work.reference, image)


def _points(found: Detections, image: Image) -> npt.NDArray[np.float32] | None:
    """Return the face's five points to the pixel, so that the last bits of no machine move them; None without one."""
    face = FacePolicy().choose(found, image.shape)
    return None if face is None else np.round(face.landmarks)


@functools.cache
def reference_detector() -> Mtcnn:
    """Return the detector that places corruptions on faces: always the same, whatever model is evaluated."""
    return Mtcnn(device=REFERENCE_DEVICE)


def find_landmarks(image: Image) -> npt.NDArray[np.float32] | None:
    """Return the five points ``(5, 2)`` of the face by which corruptions are placed, None without a face."""
    return _points(reference_detector().detect([image])[0], image)


def detect_batch(works: list[Work], *, recognizer: Recognizer) -> list[Work]:
    """Find the faces of a loaded batch as a recogniser does, and drop its pixels."""
    return _only_detect(recognizer.detector, works)


def reference_batch(works: list[Work]) -> list[Work]:
    """Find the faces of a loaded batch by which corruptions are placed, and drop its pixels."""
    return _only_detect(reference_detector(), works)


def _only_detect(detector: Detector, works: list[Work]) -> list[Work]:
    _detect(detector, works)
    for work in works:
        work.image = None
    return works


def embed_batch(works: list[Work], *, recognizer: Recognizer) -> tuple[list[Work], list[Result]]:
    """Take a loaded batch through detection, choice, alignment and embedding, and drop its pixels."""
    _detect(recognizer.detector, works)
    started = time.perf_counter()
    chosen = [_choose(recognizer, work) for work in works]
    crops = [
        recognizer.cut(work.image, face, name=work.source.name)
        for work, face in zip(works, chosen, strict=True)
        if work.image is not None and face is not None
    ]
    align_ms = _ms_each(started, len(crops))
    started = time.perf_counter()
    embedded = recognizer.embed(np.stack(crops)) if crops else np.empty((0, 0), dtype=np.float32)
    embed_ms = _ms_each(started, len(crops))
    _refuse_nan(recognizer, embedded, [w for w, face in zip(works, chosen, strict=True) if face is not None])
    vectors = iter(embedded)
    results = []
    for work, face in zip(works, chosen, strict=True):
        detect_ms = work.detected.detect_ms if work.detected is not None else 0.0
        if work.unreadable:
            results.append(Result(Outcome.UNREADABLE, reason=work.unreadable))
        elif face is None:
            results.append(Result(Outcome.NO_FACE, times=StageTimes(detect_ms)))
        else:
            times = StageTimes(detect_ms, align_ms, embed_ms)
            results.append(Result(Outcome.EMBEDDED, next(vectors), face.fallback, times))
        work.image = None
    return works, results


def crop_batch(works: list[Work], *, recognizer: Recognizer) -> tuple[list[Work], list[Crop]]:
    """Take a loaded batch through detection, choice and alignment, and drop its pixels."""
    _detect(recognizer.detector, works)
    crops = []
    for work in works:
        face = _choose(recognizer, work)
        name = work.source.name
        cut = None if work.image is None or face is None else recognizer.cut(work.image, face, name=name)
        crops.append(Crop(work.source, cut, fallback=face is not None and face.fallback, unreadable=work.unreadable))
        work.image = None
    return works, crops


def inspect_one(work: Work, *, recognizer: Recognizer) -> Inspected:
    """Take one loaded image to the crop that the network would get, and drop its pixels."""
    _detect(recognizer.detector, [work])
    image, face = work.image, _choose(recognizer, work)
    work.image = None
    crop = None if image is None or face is None else recognizer.cut(image, face, name=work.source.name)
    return Inspected(work.source, image, face, crop)


def _detect(detector: Detector, works: Sequence[Work]) -> None:
    """Find the faces of the images that have pixels and no detections yet."""
    wanted = [work for work in works if work.image is not None and work.detected is None]
    started = time.perf_counter()
    found = detector.detect([work.image for work in wanted if work.image is not None]) if wanted else []
    detect_ms = _ms_each(started, len(wanted))
    for work, detections in zip(wanted, found, strict=True):
        work.detected, work.newly_detected = Detected(detections, detect_ms), True


def _choose(recognizer: Recognizer, work: Work) -> ChosenFace | None:
    if work.image is None or work.detected is None:
        return None
    return recognizer.policy.choose(work.detected.detections, work.image.shape)


def _refuse_nan(recognizer: Recognizer, vectors: Embeddings, works: Sequence[Work]) -> None:
    for vector, work in zip(vectors, works, strict=True):
        if not np.isfinite(vector).all():
            raise ModelError(
                f"{recognizer.name}: the embedding of {work.source.name} holds NaN or infinity in "
                f"{recognizer.precision}; an overflow of fp16, or a fault in the network"
            )


def _ms_each(started: float, count: int) -> float:
    return 1000 * (time.perf_counter() - started) / max(1, count)
