"""A small model that is fitted in a second: linear discriminants of coarse pixels, of other people than the sample's.

The story of a team needs versions that are really better and really worse, on real pictures and in seconds. All
versions belong to the line "door".
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from facecheck.alignment import BoxCrop
from facecheck.datasets import open_dataset
from facecheck.detection import Detections
from facecheck.faces import Image
from facecheck.faces.decoding import cut_tile, decode, read
from facecheck.models import Settings, torch_recognizer
from facecheck.models.recognizer import Recognizer
from tests.support.faults import Portions

__all__ = ["coarse", "coarse_one_by_one", "coarse_swapped", "fine"]

Array = npt.NDArray[np.float64]
_SIDE = 112
_POINTS = 40  # a side
_BORDER = 16  # around the face, on each side
_RIDGE = 0.01  # of the mean variance within people


class WholePicture:
    """Takes the whole picture for a face: the bundled ones show nothing else."""

    identity = "whole picture"

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Return one box an image."""
        return [Detections.of_boxes([[0, 0, image.shape[1], image.shape[0]]], [1.0]) for image in images]


class Discriminants(nn.Module):
    """Mean colours of ``blocks`` by ``blocks`` squares, along the directions in which people differ most.

    Args:
        blocks: squares a side.
        kept: directions.
        swapped: whether red and blue change places, as OpenCV has them.
    """

    def __init__(self, blocks: int, kept: int, *, swapped: bool = False) -> None:
        super().__init__()
        mean, directions = _fitted(blocks, kept)
        # Written out for every point, so that much is added up, and in what order is a matter of the batch.
        side = _POINTS // blocks
        of_squares = torch.from_numpy(directions).reshape(3, blocks, blocks, kept)
        of_points = of_squares.repeat_interleave(side, 1).repeat_interleave(side, 2) / side**2
        means = torch.from_numpy(mean).reshape(3, blocks, blocks)
        self.register_buffer("directions", of_points.flatten(0, 2).float())
        self.register_buffer("mean", means.repeat_interleave(side, 1).repeat_interleave(side, 2).flatten().float())
        self._swapped = swapped

    def forward(self, pixels: Tensor) -> Tensor:
        """Return ``(n, kept)`` for ``(n, 3, 112, 112)``."""
        points = _pooled(pixels.flip(1) if self._swapped else pixels, _POINTS).flatten(1)
        vectors: Tensor = (points - self.get_buffer("mean")) @ self.get_buffer("directions")
        return vectors


def _pooled(pixels: Tensor, blocks: int) -> Tensor:
    inner = pixels[:, :, _BORDER:-_BORDER, _BORDER:-_BORDER]
    return nn.functional.adaptive_avg_pool2d(inner, blocks)


@functools.cache
def _others() -> tuple[Tensor, npt.NDArray[np.int64]]:
    """Return pictures and people of the bundled set who are not in the sample."""
    left_out = {face.subject for face in open_dataset("faces?part=sample").faces}
    faces = [face for face in open_dataset("faces?part=pairs").faces if face.subject not in left_out]
    whole = functools.cache(lambda path, source: decode(read(source), path.name))
    crops = []
    for face in faces:
        image = whole(face.source.path, dataclasses.replace(face.source, tile=None))
        tile = image if face.source.tile is None else cut_tile(image, face.source.tile)
        crops.append(torch.from_numpy(np.ascontiguousarray(tile)).permute(2, 0, 1)[None].float() / 255)
    scaled = [nn.functional.interpolate(crop, (_SIDE, _SIDE), mode="area") for crop in crops]
    people = np.unique([face.subject for face in faces], return_inverse=True)[1]
    return torch.cat(scaled), people.astype(np.int64)


@functools.cache
def _fitted(blocks: int, kept: int) -> tuple[Array, Array]:
    """Return the mean ``(d,)`` and ``(d, kept)`` directions: Fisher's, with a ridge."""
    pictures, people = _others()
    given = _pooled(pictures, blocks).flatten(1).double().numpy()
    mean = given.mean(axis=0)
    of_person = np.stack([given[people == person].mean(axis=0) for person in range(people.max() + 1)])
    apart = given - of_person[people]
    within = apart.T @ apart / len(given)
    values, vectors = np.linalg.eigh(within + _RIDGE * np.trace(within) / len(within) * np.eye(len(within)))
    whitened = vectors / np.sqrt(values)
    main = np.linalg.svd((of_person - mean) @ whitened, full_matrices=False)[2]
    return mean, whitened @ main[:kept].T


def _door(settings: Settings, network: nn.Module) -> Recognizer:
    return torch_recognizer(
        "door",
        network,
        settings,
        mean=(0.0,) * 3,
        std=(255.0,) * 3,
        threshold=1.1,
        detector=WholePicture(),
        aligner=BoxCrop(_SIDE, margin=0),
    )


def coarse(settings: Settings) -> Recognizer:
    """Return the first version: three directions of 2 x 2 squares."""
    return _door(settings, Discriminants(2, 3))


def coarse_one_by_one(settings: Settings) -> Recognizer:
    """Return the same, its network given one crop at a time."""
    made = coarse(settings)
    return dataclasses.replace(made, embedder=Portions(made.embedder, 1))


def coarse_swapped(settings: Settings) -> Recognizer:
    """Return the same, fed BGR."""
    return _door(settings, Discriminants(2, 3, swapped=True))


def fine(settings: Settings) -> Recognizer:
    """Return a better version: four directions of 5 x 5 squares."""
    return _door(settings, Discriminants(5, 4))
