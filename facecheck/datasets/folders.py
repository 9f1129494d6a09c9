"""Matched and mismatched folders: the second original study's protocol.

``matched_faces/<person>/`` holds at least two images, of which the first two in name order make a genuine
pair. ``mismatched_faces/<person>/`` holds one image; people one after another, first and second, third and
fourth, make impostor pairs. Every person is in one pair, so any folds are identity-disjoint.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from facecheck.datasets.dataset import Dataset, image_files, person_folders
from facecheck.datasets.places import existing_folder
from facecheck.errors import DatasetError
from facecheck.faces import Face, ImageSource, Pairs
from facecheck.specs import Spec

__all__ = ["MATCHED", "MISMATCHED", "read_folders"]

MATCHED, MISMATCHED = "matched_faces", "mismatched_faces"
_FOLDS = 10


def read_folders(spec: Spec) -> Dataset:
    """Open ``folders:FOLDER``.

    Raises:
        DatasetError: one of the two folders is missing or empty, or a person has too few images.
    """
    spec.refuse_unknown({"name"})
    folder = existing_folder(spec)
    matched = [face for person in _people(folder / MATCHED, 2) for face in person[:2]]
    people = _people(folder / MISMATCHED, 1)
    notes = () if len(people) % 2 == 0 else (f"{people[-1][0].subject} has no one to be compared with: left out",)
    mismatched = [person[0] for person in people[: len(people) // 2 * 2]]
    if not mismatched:
        raise DatasetError(f"{folder / MISMATCHED}: one person alone makes no impostor pair; at least two are needed")
    indices = np.arange(len(matched) + len(mismatched), dtype=np.int64).reshape(-1, 2)
    counts = len(matched) // 2, len(mismatched) // 2
    folds = min(_FOLDS, *counts)
    of_pair = np.concatenate([np.arange(count, dtype=np.int64) * folds // count for count in counts])
    return Dataset(
        name=spec.options.get("name", folder.resolve().name),
        kind="folders",
        spec=spec.text,
        pairs=Pairs((*matched, *mismatched), indices, of_pair if folds > 1 else None),
        protocol=f"matched/mismatched folders, {counts[0]} + {counts[1]} pairs, {folds} folds in name order",
        notes=notes,
    )


def _people(folder: Path, least: int) -> list[list[Face]]:
    if not folder.is_dir():
        raise DatasetError(
            f"{folder}: no such folder; expected {MATCHED}/<person>/ and {MISMATCHED}/<person>/. "
            "'facecheck split-lfw SRC DST' makes both from an LFW tree"
        )
    people = []
    for person in person_folders(folder):
        files = image_files(person)
        if len(files) < least:
            raise DatasetError(f"{person}: {len(files)} images; {folder.name} needs at least {least} a person")
        people.append([_face(folder, path) for path in files])
    if not people:
        raise DatasetError(f"{folder}: empty; expected a folder for each person")
    return people


def _face(folder: Path, path: Path) -> Face:
    person = path.parent.name
    # The two folders hold different people even where a name occurs in both.
    subject = f"{folder.name}/{person}"
    return Face(source=ImageSource(path, f"{subject}/{path.name}"), subject=subject)
