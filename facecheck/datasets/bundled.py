"""``faces``: the synthetic people that ship with facecheck, so that the gate runs on a fresh machine.

72 people who do not exist, rendered at exactly known yaw by ``facecheck/generate/synthesis``. The folder has
three parts: ``pairs``, the verification protocol in identity-disjoint folds (turned heads, other light, hair,
expression and glasses, siblings as hard impostors); ``sample``, the first pairs of each of its folds, balanced
and over few pictures, for frequent measurements; and ``strips``, all genuine pairs of each person's nine yaws
and the impostor pairs at equal yaw.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np

import facecheck
from facecheck.datasets.dataset import Dataset, deal_into_folds
from facecheck.errors import DatasetError
from facecheck.faces import Face, ImageSource, Pairs
from facecheck.specs import Spec

__all__ = ["PARTS", "WHOLE", "bundled_folder", "read_bundled"]

PARTS = ("pairs", "sample", "strips")
WHOLE = ("pairs", "strips")  # what ``faces`` without a part means; the sample is a subset of the pairs
_Key = tuple[str, int | None]


def bundled_folder() -> Path:
    """Return the folder of the bundled faces: package data in a wheel, ``fixtures/faces`` in a checkout.

    Raises:
        DatasetError: neither exists.
    """
    package = Path(facecheck.__file__).parent
    for candidate in (package / "bundled_faces", package.parent / "fixtures" / "faces"):
        if (candidate / "manifest.json").is_file():
            return candidate
    raise DatasetError(f"the bundled faces are missing from {package}: install facecheck again")


def read_bundled(spec: Spec) -> Dataset:
    """Open ``faces?part=pairs``, ``faces?part=sample`` or ``faces?part=strips``.

    Raises:
        DatasetError: an unknown part, or files that differ from the manifest.
    """
    spec.refuse_unknown(("part",))
    part = spec.options.get("part", PARTS[0])
    if spec.path or part not in PARTS:
        raise DatasetError(f"{spec.text}: expected faces or one of its parts: faces?part={'|'.join(PARTS)}")
    folder = bundled_folder()
    faces = _faces(folder, _read_json(folder / "manifest.json"))
    if part == "strips":
        return _strips(spec, faces)
    return _pairs(spec, faces, folder, sample=part == "sample")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: damaged ({error}): install facecheck again") from error
    return content


def _faces(folder: Path, manifest: dict[str, Any]) -> dict[_Key, Face]:
    """Return every face of the manifest; the hash of its file is checked first."""
    faces: dict[_Key, Face] = {}
    for image in manifest["images"]:
        path = folder / image["file"]
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != image["sha256"]:
            raise DatasetError(f"{path}: missing, or its hash is not that of the manifest: install facecheck again")
        labels = tuple(sorted(manifest["people"][image["subject"]]["labels"].items()))
        for number, shot in enumerate(image["tiles"]):
            tile = number if image["kind"] == "strip" else None
            name = image["file"] if tile is None else f"{image['file']}#{tile}"
            faces[image["file"], tile] = Face(
                source=ImageSource(path, name, tile),
                subject=image["subject"],
                yaw_rad=round(float(shot["yaw_rad"]), 6),
                pitch_rad=round(float(shot["pitch_rad"]), 6),
                groups=labels,
            )
    return faces


def _pairs(spec: Spec, faces: dict[_Key, Face], folder: Path, *, sample: bool) -> Dataset:
    rows, folds = [], []
    position = {key: number for number, key in enumerate(faces)}
    for number, fold in enumerate(_read_json(folder / "protocol.json")["folds"]):
        sizes = fold["sample"] if sample else {"genuine": None, "impostor": None}
        for first, second in (*fold["genuine"][: sizes["genuine"]], *fold["impostor"][: sizes["impostor"]]):
            rows.append([position[side["file"], side.get("tile")] for side in (first, second)])
            folds.append(number)
    everything = Pairs(tuple(faces.values()), np.array(rows, dtype=np.int64), np.array(folds, dtype=np.int64))
    return Dataset(
        name="faces-sample" if sample else "faces",
        kind="faces",
        spec=spec.text,
        pairs=everything.take(np.arange(len(everything))),
        protocol=f"bundled synthetic faces, {'the sample of ' if sample else ''}{len(set(folds))} folds",
    )


def _strips(spec: Spec, faces: dict[_Key, Face]) -> Dataset:
    turned = [face for (_, tile), face in faces.items() if tile is not None]
    rows = [
        (a, b)
        for a, b in itertools.combinations(range(len(turned)), 2)
        if turned[a].subject == turned[b].subject or turned[a].yaw_rad == turned[b].yaw_rad
    ]
    pairs = Pairs(tuple(turned), np.array(rows, dtype=np.int64))
    return Dataset(
        name="faces-strips",
        kind="strips",
        spec=spec.text,
        pairs=Pairs(pairs.faces, pairs.indices, deal_into_folds(pairs)),
        protocol="bundled synthetic strips, all genuine pairs, impostor pairs at equal yaw",
    )
