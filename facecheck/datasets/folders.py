"""Matched and mismatched folders: the protocol of the second original study.

``matched_faces/<person>/`` holds at least two images; the first two in name order are a genuine pair.
``mismatched_faces/<person>/`` holds one image; the first and the second person in name order are an impostor
pair, the third and the fourth another, and so on. Every person is in one pair, so all folds are identity-disjoint.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from facecheck.datasets.dataset import Dataset, image_files, person_folders
from facecheck.datasets.people import one_spelling
from facecheck.datasets.places import existing_folder
from facecheck.errors import DatasetError
from facecheck.faces import Face, ImageSource, Pairs
from facecheck.specs import Spec

__all__ = ["MATCHED", "MISMATCHED", "read_folders"]

MATCHED, MISMATCHED = "matched_faces", "mismatched_faces"
_FOLDS = 10
_NAMED = 3


def read_folders(spec: Spec) -> Dataset:
    """Open ``folders:FOLDER``.

    Raises:
        DatasetError: one of the two folders is missing or empty, or a person has too few images.
    """
    spec.refuse_unknown({"name"})
    folder = existing_folder(spec)
    matched = [face for person in _people(folder / MATCHED, 2) for face in person[:2]]
    people = _people(folder / MISMATCHED, 1)
    notes: tuple[str, ...] = ()
    if len(people) % 2:
        notes += (f"{people[-1][0].subject} has no partner and is not compared",)
    mismatched = [person[0] for person in people[: len(people) // 2 * 2]]
    if not mismatched:
        raise DatasetError(f"{folder / MISMATCHED}: an impostor pair needs two people, and the folder has one")
    _refuse_two_spellings(folder / MATCHED, matched)
    _refuse_two_spellings(folder / MISMATCHED, mismatched)
    both = sorted(
        {face.subject.partition("/")[2] for face in matched} & {f.subject.partition("/")[2] for f in mismatched}
    )
    if both:
        notes += (_in_both(both),)
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
            "'facecheck split-lfw SRC DST' makes both from an LFW folder"
        )
    people = []
    for person in person_folders(folder):
        files = image_files(person)
        if len(files) < least:
            raise DatasetError(f"{person}: {len(files)} images; {folder.name} needs at least {least} per person")
        people.append([_face(folder, path) for path in files])
    if not people:
        raise DatasetError(f"{folder}: empty; expected one folder per person")
    return people


def _face(folder: Path, path: Path) -> Face:
    person = path.parent.name
    # The two folders hold different people, even if a name occurs in both.
    return Face(
        source=ImageSource(path, f"{folder.name}/{person}/{path.name}"), subject=f"{folder.name}/{one_spelling(person)}"
    )


def _in_both(names: list[str]) -> str:
    return (
        f"{len(names)} names are in both folders ({', '.join(names[:_NAMED])}): they are taken for different people. "
        "If they are the same, thresholds are chosen on whom they judge: 'facecheck split-lfw' keeps people apart"
    )


def _refuse_two_spellings(folder: Path, faces: list[Face]) -> None:
    """Refuse two folders of one name: an impostor pair of them would show one person."""
    seen: dict[str, str] = {}
    for face in faces:
        person = face.source.path.parent.name
        other = seen.setdefault(face.subject, person)
        if other != person:
            raise DatasetError(
                f"{folder}: two folders spell one name, {other!a} and {person!a}: move the images into one"
            )
