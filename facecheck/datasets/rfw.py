"""Racial Faces in-the-Wild: four lists in LFW's form, without its line of counts, each with its own folder of pictures.

``txts/RACE/RACE_pairs.txt`` names people and numbers, ``data/RACE/NAME/NAME_0001.jpg`` are the pictures. Folds are the
tenths of each list. Each face has the label ``race`` of its list, which is the data set's own word.

Source: Wang et al., Racial Faces in-the-Wild: reducing racial bias by information maximization adaptation network,
ICCV 2019.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from facecheck.datasets.dataset import Dataset
from facecheck.datasets.lfw import faces_of_rows, lfw_rows
from facecheck.datasets.lists import read_lines
from facecheck.datasets.people import folded_by_identity, repeated, tenths
from facecheck.datasets.places import existing_folder, exists
from facecheck.errors import DatasetError, nearest
from facecheck.faces import Face, Pairs
from facecheck.specs import Spec

__all__ = ["RACES", "read_rfw"]

RACES = ("African", "Asian", "Caucasian", "Indian")


def read_rfw(spec: Spec) -> Dataset:
    """Open ``pairs:FOLDER?layout=rfw``, all four lists, or one of them with ``race=Asian``.

    Raises:
        DatasetError: no such folder, list or race, or a line of a list that is invalid or names a missing image.
    """
    folder = existing_folder(spec)
    chosen = spec.options.get("race")
    if chosen is not None and chosen not in RACES:
        raise DatasetError(f"{spec.text}: race {chosen!r} is unknown. {nearest(chosen, RACES)}")
    parts = [_part(folder, race) for race in RACES if chosen in (None, race)]
    pairs = _joined([pairs for pairs, _ in parts])
    pairs, changed = folded_by_identity(pairs, source=folder.name)
    return Dataset(
        name="rfw" if chosen is None else f"rfw-{chosen.lower()}",
        kind="pairs",
        spec=spec.text,
        pairs=pairs,
        protocol=f"RFW, {chosen or 'all four lists'}, {len(pairs)} pairs",
        notes=(*(note for _, notes in parts for note in notes), *changed),
    )


def _part(folder: Path, race: str) -> tuple[Pairs, tuple[str, ...]]:
    listed, images = folder / "txts" / race / f"{race}_pairs.txt", folder / "data" / race
    for place, is_folder in ((listed, False), (images, True)):
        if not exists(place, folder=is_folder):
            raise DatasetError(f"{place}: missing; expected RFW's folder with txts/{race} and data/{race}")
    rows = lfw_rows(listed, read_lines(listed))
    pairs, folds = faces_of_rows(listed, rows, images)
    notes = repeated(pairs, [f"line {row.line}" for row in rows], source=listed.name)
    made, how = (pairs.folds, ()) if folds > 1 else tenths(pairs.genuine)
    faces = tuple(_labelled(face, race) for face in pairs.faces)
    return Pairs(faces, pairs.indices, made), (*notes, *(f"{listed.name}: {each}" for each in how))


def _labelled(face: Face, race: str) -> Face:
    source = dataclasses.replace(face.source, name=f"{race}/{face.source.name}")
    return dataclasses.replace(face, source=source, subject=f"{race}/{face.subject}", groups=(("race", race),))


def _joined(parts: list[Pairs]) -> Pairs:
    """Return the pairs of several lists; fold k holds fold k of each."""
    starts = np.cumsum([0, *(len(part.faces) for part in parts)])
    indices = np.concatenate([part.indices + start for part, start in zip(parts, starts, strict=False)])
    folds = [part.folds for part in parts if part.folds is not None]
    return Pairs(
        tuple(face for part in parts for face in part.faces),
        indices,
        np.concatenate(folds) if len(folds) == len(parts) else None,
    )
