"""Strips: one person per image, square tiles side by side, the head turned one step further in each tile.

The yaws come from the specification, ``strips:FOLDER?tiles=5&start=-0.8&step=0.4``, or from a sidecar
``<strip>.json`` with the same three keys. The yaw of a tile does not depend on detections in other tiles.
Genuine pairs are all pairs of tiles of one strip, impostor pairs all pairs of tiles of different strips.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from facecheck.datasets.dataset import Dataset, deal_into_folds, image_files
from facecheck.datasets.people import one_spelling
from facecheck.datasets.places import existing_folder
from facecheck.errors import DatasetError, UnreadableImageError
from facecheck.faces import Face, ImageSource, Pairs
from facecheck.faces.decoding import image_size
from facecheck.specs import Spec

__all__ = ["read_strips"]

_KEYS = ("tiles", "start", "step")
_LEAST_TILES, _MOST_TILES = 2, 1000


class _Turn(NamedTuple):
    tiles: int
    start: float
    step: float


def read_strips(spec: Spec) -> Dataset:
    """Open ``strips:FOLDER`` with yaws in radians.

    Raises:
        DatasetError: no strips, a strip that does not divide into its tiles, or a strip without yaws.
    """
    spec.refuse_unknown((*_KEYS, "name"))
    folder = existing_folder(spec)
    files = image_files(folder)
    if not files:
        raise DatasetError(f"{folder}: no images; expected strips of square tiles (PNG or JPEG)")
    _refuse_twins(files)
    asked = _asked(spec)
    faces: list[Face] = []
    unreadable = []
    for path in files:
        turn = asked or _sidecar(path)
        problem = _check_size(path, turn)
        if problem:
            unreadable.append(problem)
        faces.extend(_tiles(path, turn))
    pairs = _all_pairs(tuple(faces))
    if not (pairs.genuine.any() and not pairs.genuine.all()):
        raise DatasetError(f"{folder}: {len(files)} strip; at least two people are needed to compare")
    folded = deal_into_folds(pairs)
    return Dataset(
        name=spec.options.get("name", folder.resolve().name),
        kind="strips",
        spec=spec.text,
        pairs=pairs if folded is None else Pairs(pairs.faces, pairs.indices, folded),
        protocol=f"{len(files)} strips, all pairs of {len(faces)} tiles",
        notes=tuple(unreadable),
    )


def _refuse_twins(files: list[Path]) -> None:
    """Refuse two files of one stem: they would be one person, and their tiles genuine pairs."""
    seen: dict[str, Path] = {}
    for path in files:
        twin = seen.setdefault(one_spelling(path.stem), path)
        if twin != path:
            raise DatasetError(f"{path}: {twin.name} has the same stem, which names the person: rename one of them")


def _tiles(path: Path, turn: _Turn) -> list[Face]:
    return [
        Face(
            source=ImageSource(path, f"{path.name}#{tile}", tile),
            subject=one_spelling(path.stem),
            yaw_rad=round(turn.start + tile * turn.step, 6),
        )
        for tile in range(turn.tiles)
    ]


def _all_pairs(faces: tuple[Face, ...]) -> Pairs:
    first, second = np.triu_indices(len(faces), 1)
    return Pairs(faces, np.stack((first, second), axis=1).astype(np.int64))


def _check_size(path: Path, turn: _Turn) -> str:
    """Refuse a strip that does not divide into its tiles; return a note if it cannot be opened: the run goes on."""
    try:
        width, height = image_size(path)
    except UnreadableImageError as error:
        return str(error)
    if width != turn.tiles * height:
        raise DatasetError(
            f"{path}: {width} x {height} px does not divide into {turn.tiles} square tiles: "
            f"expected {turn.tiles * height} x {height}. Give tiles=, or a sidecar {path.stem}.json"
        )
    return ""


def _asked(spec: Spec) -> _Turn | None:
    given = [key for key in _KEYS if key in spec.options]
    if not given:
        return None
    if len(given) < len(_KEYS):
        raise DatasetError(f"{spec.text}: expected tiles, start and step together, or none of them and sidecars")
    return _turn(spec.text, {key: spec.options[key] for key in _KEYS})


def _sidecar(path: Path) -> _Turn:
    beside = path.with_suffix(".json")
    try:
        content = json.loads(beside.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise DatasetError(
            f"{path}: the yaws are unknown: add ?tiles=5&start=-0.8&step=0.4 (radians) to the specification, "
            f"or a sidecar {beside.name} with the same three keys"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"{beside}: cannot be read as JSON: {error}") from error
    if not isinstance(content, dict) or not set(_KEYS) <= content.keys():
        raise DatasetError(f"{beside}: expected the keys tiles, start and step")
    return _turn(str(beside), {key: content[key] for key in _KEYS})


def _turn(where: str, values: dict[str, object]) -> _Turn:
    try:
        turn = _Turn(int(str(values["tiles"])), float(str(values["start"])), float(str(values["step"])))
    except (ValueError, OverflowError) as error:
        raise DatasetError(f"{where}: tiles is a whole number, start and step are radians: {error}") from error
    if not (_LEAST_TILES <= turn.tiles <= _MOST_TILES and math.isfinite(turn.step) and turn.step):
        raise DatasetError(f"{where}: expected 2 to 1000 tiles and a step other than 0")
    furthest = max(abs(turn.start), abs(turn.start + (turn.tiles - 1) * turn.step))
    if not furthest <= math.pi:
        raise DatasetError(f"{where}: yaws reach {furthest:g} rad, beyond half a turn. Did you give degrees?")
    return turn
