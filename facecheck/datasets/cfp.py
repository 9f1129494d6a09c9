"""Celebrities in Frontal-Profile: frontal pictures compared with frontal ones, or with profiles.

The official layout: ``Data/Images/NNN/{frontal,profile}/NN.jpg``, numbered lists of both kinds in
``Protocol/Pair_list_{F,P}.txt``, and folds in ``Protocol/Split/{FF,FP}/NN/{same,diff}.txt``, whose lines name two
numbers of the lists. Some copies keep the people under ``Data/Images/train`` and ``test``; both are read.

Source: Sengupta et al., Frontal to Profile Face Verification in the Wild, WACV 2016.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from facecheck.datasets.dataset import Dataset
from facecheck.datasets.lists import read_lines, shown
from facecheck.datasets.people import folded_by_identity
from facecheck.datasets.places import existing_folder, exists
from facecheck.errors import DatasetError, nearest
from facecheck.faces import Face, ImageSource, Pairs
from facecheck.specs import Spec

__all__ = ["read_cfp"]

_PROTOCOLS = {"FF": "frontal-frontal", "FP": "frontal-profile"}
_LISTED = re.compile(r"\s*([0-9]{1,6})\s+(?:\.\./)?Data/Images/([0-9]{1,6})/(frontal|profile)/([0-9]{1,6}\.jpg)\s*")
_PAIR = re.compile(r"\s*([0-9]{1,6})\s*,\s*([0-9]{1,6})\s*")
_PARTS = ("", "train", "test")  # folders of the people


def read_cfp(spec: Spec) -> Dataset:
    """Open ``cfp:FOLDER?protocol=FF``, or ``FP``.

    Raises:
        DatasetError: no such folder or protocol, or a line of the lists that is invalid or names a missing image.
    """
    spec.refuse_unknown({"protocol", "name"})
    folder = existing_folder(spec)
    protocol = spec.options.get("protocol", "FF")
    if protocol not in _PROTOCOLS:
        raise DatasetError(f"{spec.text}: protocol {protocol!r} is unknown. {nearest(protocol, _PROTOCOLS)}")
    splits = _splits(folder, protocol)
    lists = [_listed(folder, kind) for kind in protocol]
    numbers: dict[Face, int] = {}
    rows, folds = [], []
    for fold, split in enumerate(splits):
        for kind in ("same", "diff"):
            for first, second in _pairs(split / f"{kind}.txt", lists, genuine=kind == "same"):
                rows.append([numbers.setdefault(face, len(numbers)) for face in (first, second)])
                folds.append(fold)
    listed = Pairs(tuple(numbers), np.array(rows, dtype=np.int64), np.array(folds, dtype=np.int64))
    pairs, notes = folded_by_identity(listed, source=str(folder / "Protocol" / "Split" / protocol))
    found = 0 if pairs.folds is None else len(np.unique(pairs.folds))
    return Dataset(
        name=spec.options.get("name", f"cfp-{protocol.lower()}"),
        kind="cfp",
        spec=spec.text,
        pairs=pairs,
        protocol=f"CFP {_PROTOCOLS[protocol]}, {found} folds",
        notes=notes,
    )


def _splits(folder: Path, protocol: str) -> list[Path]:
    where = folder / "Protocol" / "Split" / protocol
    found = sorted(path for path in where.glob("[0-9][0-9]") if path.is_dir())
    if not found:
        raise DatasetError(f"{where}: no folds; expected folders 01, 02, ... with same.txt and diff.txt in each")
    return found


def _listed(folder: Path, kind: str) -> dict[int, Face]:
    """Return the faces of a list by their number."""
    path = folder / "Protocol" / f"Pair_list_{kind}.txt"
    images = folder / "Data" / "Images"
    found = {}
    for number, line in read_lines(path):
        matched = _LISTED.fullmatch(line)
        if matched is None:
            raise DatasetError(
                f"{path}, line {number}: expected 'n ../Data/Images/NNN/frontal/NN.jpg', not {shown(line)}"
            )
        person, name = matched[2], "/".join(matched.groups()[1:])
        places = [images / part / name for part in _PARTS]
        there = next((place for place in places if exists(place, folder=False)), None)
        if there is None:
            raise DatasetError(f"{path}, line {number}: {name}: no such image in {images}. Is the folder complete?")
        found[int(matched[1])] = Face(source=ImageSource(there, name), subject=person)
    return found


def _pairs(path: Path, lists: list[dict[int, Face]], *, genuine: bool) -> list[tuple[Face, Face]]:
    found = []
    for number, line in read_lines(path):
        matched = _PAIR.fullmatch(line)
        first, second = (lists[side].get(int(matched[side + 1])) if matched else None for side in (0, 1))
        if first is None or second is None:
            raise DatasetError(f"{path}, line {number}: expected 'n,n', two numbers of the lists, not {shown(line)}")
        if first.source == second.source or (first.subject == second.subject) != genuine:
            kind = "a genuine" if genuine else "an impostor"
            raise DatasetError(
                f"{path}, line {number}: expected {kind} pair, not {first.source.name} and {second.source.name}"
            )
        found.append((first, second))
    if not found:
        raise DatasetError(f"{path}: no pairs")
    return found
