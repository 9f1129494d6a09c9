"""Evaluations of drawn vectors: every face lies on a line, so that each distance is a subtraction done by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from facecheck.alignment import WholeImage
from facecheck.corruptions import CLEAN, Applied
from facecheck.datasets import Dataset
from facecheck.detection.detector import Detections
from facecheck.detection.selection import FacePolicy
from facecheck.embedders import Crops, Embeddings
from facecheck.embedders.preprocessing import Postprocessing
from facecheck.faces import Face, Image, ImageSource, Pairs
from facecheck.models.recognizer import Contract, Recognizer
from facecheck.pipeline import Pipeline
from facecheck.pipeline.outcomes import Embedded, Outcome

__all__ = ["LINE", "DrawnPipeline", "drawn_dataset", "drawn_recognizer", "two_folds"]

# Two folds of two people with two images each. Distances of `two_folds`: 1, 1, 10, 10 and 1, 2, 10, 11.
LINE = (0.0, 1.0, 10.0, 11.0, 0.0, 1.0, 10.0, 12.0)
_TIME_MS = 5.0


class _NoDetector:
    identity = "none"

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        return [Detections.of_boxes([], []) for _ in images]


class _MeanEmbedder:
    def embed(self, crops: Crops) -> Embeddings:
        return np.asarray(crops.mean(axis=(1, 2)), dtype=np.float32)


class DrawnPipeline(Pipeline):
    """Gives every face its place on a line, and keeps what it was asked for.

    Args:
        places: of the faces, by the corruption's identity; NaN where no face is found.
    """

    def __init__(self, places: Mapping[str, Sequence[float]]) -> None:
        super().__init__(workers=1)
        self.places = places
        self.asked: list[str] = []

    def run(self, recognizer: Recognizer, faces: Sequence[Face], *, corruption: Applied = CLEAN) -> Embedded:
        """Return the vectors of shape ``(m, 1)``."""
        self.asked.append(f"{recognizer.name} {corruption.identity}")
        vectors = np.array(self.places[corruption.identity], dtype=np.float32).reshape(len(faces), 1)
        outcomes = np.where(np.isnan(vectors[:, 0]), Outcome.NO_FACE, Outcome.EMBEDDED).astype(np.int8)
        return Embedded(
            tuple(faces), vectors, outcomes, np.zeros(len(faces), dtype=bool), np.full(len(faces), _TIME_MS), {}
        )

    def content_digest(self, faces: Sequence[Face]) -> str:
        """Return a fixed hash: there are no images."""
        return f"{len(faces)} drawn"


def drawn_recognizer(name: str = "drawn", *, threshold: float | None = None) -> Recognizer:
    """Return a recogniser that only names itself; the pipeline gives its vectors."""
    return Recognizer(
        name=name,
        detector=_NoDetector(),
        policy=FacePolicy(),
        aligner=WholeImage(16),
        embedder=_MeanEmbedder(),
        contract=Contract(postprocessing=Postprocessing(l2=False), threshold=threshold),
        device=torch.device("cpu"),
    )


def drawn_dataset(
    subjects: Sequence[str],
    indices: Sequence[tuple[int, int]],
    *,
    folds: Sequence[int] | None = None,
    yaws: Sequence[float | None] | None = None,
    spec: str = "pairs:drawn",
) -> Dataset:
    """Return a data set without images: one face a subject given."""
    names = [f"{subject}/{number}" for number, subject in enumerate(subjects)]
    turned = yaws or [None] * len(subjects)
    faces = tuple(
        Face(source=ImageSource(Path(name), name), subject=subject, yaw_rad=yaw)
        for name, subject, yaw in zip(names, subjects, turned, strict=True)
    )
    of_pair = None if folds is None else np.array(folds, dtype=np.int64)
    pairs = Pairs(faces, np.array(indices, dtype=np.int64), of_pair)
    return Dataset(name="drawn", kind="pairs", spec=spec, pairs=pairs, protocol="drawn pairs")


def two_folds(*, spec: str = "pairs:drawn") -> Dataset:
    """Return the data set of :data:`LINE`: in each fold two genuine pairs and then two impostor pairs."""
    indices = [(0, 1), (2, 3), (0, 2), (1, 3), (4, 5), (6, 7), (4, 6), (5, 7)]
    return drawn_dataset("aabbccdd", indices, folds=[0] * 4 + [1] * 4, spec=spec)
