"""Vectors of images whose five points are listed beside them, as IJB's are: nothing is detected.

Each image gives two vectors, of its crop and of the mirrored crop, as the network gives them: what is added, scaled or
weighted is the recipe's business.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from facecheck.detection.selection import ChosenFace
from facecheck.embedders import Embedder
from facecheck.embedders.network import NetworkEmbedder
from facecheck.embedders.preprocessing import Postprocessing
from facecheck.errors import ModelError, UnreadableImageError
from facecheck.faces import Image, ImageSource
from facecheck.faces.decoding import decode, read
from facecheck.models.recognizer import Recognizer
from facecheck.pipeline.executor import Executor, Threads, cores

__all__ = ["ListedVectors", "listed_vectors"]

Vectors = npt.NDArray[np.float32]


@dataclass(slots=True)
class ListedVectors:
    """What the images of a list gave.

    Args:
        plain: ``(n, d)`` of the crops, NaN where an image could not be read.
        mirrored: ``(n, d)`` of the mirrored crops.
        unreadable: why, by name.
        raw: whether they are as the network gives them; else as the embedder scales them.
    """

    plain: Vectors
    mirrored: Vectors
    unreadable: dict[str, str]
    raw: bool


@dataclass(slots=True)
class _Loaded:
    rows: list[int]
    crops: list[Image | None]
    reasons: dict[str, str]


def listed_vectors(
    recognizer: Recognizer,
    folder: Path,
    names: Sequence[str],
    points: Vectors,
    *,
    executor: Executor | None = None,
    terminal: TextIO | None = None,
) -> ListedVectors:
    """Return the vectors of every image; only a few pictures are held at once.

    Args:
        recognizer: whose aligner and network are asked; it must be aligned by five points.
        folder: of the images.
        names: n files in it.
        points: ``(n, 5, 2)`` x and y of eyes, nose tip and mouth corners.
        executor: computes batches, threads by default.
        terminal: where progress is drawn, or None.

    Raises:
        ModelError: a model that is aligned by something else, or that cannot embed.
    """
    # By its name: detections, which the pipeline makes too, must not depend on the aligners' code.
    if not recognizer.aligner.identity.startswith("five-point("):
        raise ModelError(
            f"{recognizer.name}: its crops are {recognizer.aligner.identity}, and the list has five points for each "
            "image: give a model that is aligned by five points"
        )
    embedder, raw = _raw(recognizer.embedder)
    loaded = functools.partial(_load, recognizer=recognizer, folder=folder, names=names, points=points)
    embed = functools.partial(_embed, embedder=embedder)
    made: ListedVectors | None = None
    reasons: dict[str, str] = {}
    batches = (executor or Threads(cores())).run(range(len(names)), loaded, embed, device=recognizer.device)
    with tqdm(
        desc=recognizer.name, total=len(names), unit="image", disable=terminal is None, file=terminal
    ) as progress:
        for part, plain, mirrored in batches:
            progress.update(len(part.rows))
            reasons.update(part.reasons)
            if plain is None or mirrored is None:
                continue
            if made is None:
                empty = np.full((len(names), plain.shape[1]), np.nan, dtype=np.float32)
                made = ListedVectors(empty, empty.copy(), unreadable=reasons, raw=raw)
            _keep(made, part, plain, mirrored)
    if made is None:
        raise ModelError(f"{folder}: none of {len(names)} images can be read")
    return made


def _raw(embedder: Embedder) -> tuple[Embedder, bool]:
    """Return an embedder that gives the network's own vectors, if it can be asked for them."""
    if isinstance(embedder, NetworkEmbedder):
        return embedder.with_postprocessing(Postprocessing(l2=False, flip="none")), True
    return embedder, False


def _load(rows: list[int], *, recognizer: Recognizer, folder: Path, names: Sequence[str], points: Vectors) -> _Loaded:
    crops: list[Image | None] = []
    reasons: dict[str, str] = {}
    for row in rows:
        try:
            image = decode(read(ImageSource(folder / names[row], names[row])), names[row])
        except UnreadableImageError as error:
            crops.append(None)
            reasons[names[row]] = str(error)
            continue
        five = points[row]
        box = np.concatenate((five.min(axis=0), five.max(axis=0))).astype(np.float32)
        crops.append(recognizer.cut(image, ChosenFace(box, five), name=names[row]))
    return _Loaded(rows, crops, reasons)


def _embed(part: _Loaded, *, embedder: Embedder) -> tuple[_Loaded, Vectors | None, Vectors | None]:
    crops = [crop for crop in part.crops if crop is not None]
    if not crops:
        return part, None, None
    stacked = np.stack(crops)
    return part, embedder.embed(stacked), embedder.embed(np.ascontiguousarray(stacked[:, :, ::-1]))


def _keep(made: ListedVectors, part: _Loaded, plain: Vectors, mirrored: Vectors) -> None:
    if not (np.isfinite(plain).all() and np.isfinite(mirrored).all()):
        raise ModelError("the network gave NaN or infinity; an overflow of fp16, or a fault in it")
    rows = [row for row, crop in zip(part.rows, part.crops, strict=True) if crop is not None]
    made.plain[rows], made.mirrored[rows] = plain, mirrored
