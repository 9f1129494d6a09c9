"""Vectors of images whose five points are listed beside them, as IJB's are: nothing is detected.

Each image gives two vectors, of its crop and of the mirrored crop, as the network gives them: what is added, scaled or
weighted is the recipe's business.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from facecheck.detection.selection import ChosenFace
from facecheck.embedders import Embedder
from facecheck.embedders.network import NetworkEmbedder
from facecheck.embedders.preprocessing import Postprocessing
from facecheck.errors import ModelError, UnreadableImageError
from facecheck.faces import Image, ImageSource
from facecheck.faces.columns import Faces
from facecheck.faces.decoding import decode, read
from facecheck.models.recognizer import Recognizer
from facecheck.pipeline.contents import Contents
from facecheck.pipeline.executor import Executor, Threads, cores
from facecheck.pipeline.keys import stage_version
from facecheck.storage.cache import Cache, key

__all__ = ["ListedVectors", "cached_vectors", "listed_vectors"]

_AT_ONCE = 4096  # images that an interruption may cost
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
    made, reasons = _computed(recognizer, folder, names, points, executor=executor, terminal=terminal)
    if made is None:
        raise ModelError(f"{folder}: none of {len(names)} images can be read")
    made.unreadable = reasons
    return made


def cached_vectors(
    recognizer: Recognizer,
    contents: Contents,
    points: Vectors,
    *,
    cache: Cache | None,
    executor: Executor | None = None,
    terminal: TextIO | None = None,
) -> ListedVectors:
    """Return the same out of the cache where it has it; what is computed is kept, some thousand images at a time.

    Args:
        recognizer: whose aligner and network are asked.
        contents: digests of n image files below a folder.
        points: ``(n, 5, 2)``.
        cache: kept results, or None.
        executor: computes batches, threads by default.
        terminal: where progress is drawn, or None.

    Raises:
        ModelError: as :func:`listed_vectors`.
    """
    faces, raw = contents.faces, _raw(recognizer.embedder)[1]
    assert isinstance(faces, Faces), "the files of a list are columns"
    reasons = {faces.files[row]: why for row, why in contents.unreadable.items()}
    readable = np.setdiff1d(np.arange(len(faces)), np.array(list(contents.unreadable), dtype=np.int64))
    made: ListedVectors | None = None
    for start in range(0, len(readable), _AT_ONCE):
        rows = readable[start : start + _AT_ONCE].tolist()
        keys = {row: _key(recognizer, contents.of(row), points[row], raw=raw) for row in rows}
        known = {} if cache is None else cache.get(keys.values())
        missing = [row for row in rows if keys[row] not in known]
        fresh, failed = _computed(
            recognizer,
            faces.root,
            [faces.files[row] for row in missing],
            points[missing],
            executor=executor,
            terminal=terminal,
        )
        reasons.update(failed)
        entries = _entries(fresh, {keys[row]: number for number, row in enumerate(missing)})
        if cache is not None and entries:
            cache.put(entries)
        known.update(entries)
        for row in (row for row in rows if keys[row] in known):
            found = known[keys[row]]
            if made is None:
                empty = np.full((len(faces), len(found["plain"])), np.nan, dtype=np.float32)
                made = ListedVectors(empty, empty.copy(), unreadable=reasons, raw=raw)
            made.plain[row], made.mirrored[row] = found["plain"], found["mirrored"]
    if made is None:
        raise ModelError(f"{faces.root}: none of {len(faces)} images can be read")
    return made


def _key(recognizer: Recognizer, content: bytes, points: Vectors, *, raw: bool) -> bytes:
    version = stage_version("embedding")
    return key("listed", version, recognizer.identity, str(raw), points.astype(np.float32).tobytes(), content)


def _entries(made: ListedVectors | None, rows: Mapping[bytes, int]) -> dict[bytes, dict[str, npt.NDArray[Any]]]:
    """Return what is kept of the images that could be read."""
    if made is None:
        return {}
    return {
        each: {"plain": made.plain[row], "mirrored": made.mirrored[row]}
        for each, row in rows.items()
        if np.isfinite(made.plain[row]).all()
    }


def _computed(
    recognizer: Recognizer,
    folder: Path,
    names: Sequence[str],
    points: Vectors,
    *,
    executor: Executor | None,
    terminal: TextIO | None,
) -> tuple[ListedVectors | None, dict[str, str]]:
    """Return the vectors, None if no image can be read, and why some cannot."""
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
    if not names:
        return None, reasons
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
    return made, reasons


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
