"""Labeled Faces in the Wild: one folder per person, and the pair lists of its two views.

View 2 (``pairs.txt``) has ten identity-disjoint folds of 300 genuine and 300 impostor pairs; view 1
(``pairsDevTrain.txt``, ``pairsDevTest.txt``) has one part and no folds. A list that somebody made without the line of
counts is one part as well.

Source: Huang et al., Labeled Faces in the Wild, UMass TR 07-49.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from pathlib import Path
from typing import NamedTuple

import numpy as np

from facecheck.datasets.dataset import Dataset, deal_into_folds, image_files, person_folders
from facecheck.datasets.lists import Line, read_lines, shown
from facecheck.datasets.people import folded_by_identity, one_spelling, repeated
from facecheck.datasets.places import existing_file, existing_folder, exists
from facecheck.errors import DatasetError
from facecheck.faces import Face, ImageSource, Pairs
from facecheck.specs import Spec

__all__ = ["faces_of_rows", "is_lfw_list", "lfw_rows", "read_lfw"]

_OPTIONS = frozenset({"pairs", "name", "images"})
_SAFE_NAME = re.compile(r"[^/\\\0]+")
_NUMBER = re.compile(r"[0-9]{1,6}")


def read_lfw(spec: Spec) -> Dataset:
    """Open ``lfw:FOLDER?pairs=FILE``.

    With ``images=all``, every other image of the folder is a face of the data set as well: no listed pair has it, but
    searches and all pairs do.

    Raises:
        DatasetError: no such folder or list, or a line of the list that is invalid or names a missing image.
    """
    spec.refuse_unknown(_OPTIONS)
    folder = existing_folder(spec)
    listed = _pairs_file(spec, folder)
    rows = lfw_rows(listed, read_lines(listed))
    pairs, folds = faces_of_rows(listed, rows, folder)
    notes = repeated(pairs, [f"line {row.line}" for row in rows], source=listed.name)
    if folds == 1:
        pairs = Pairs(pairs.faces, pairs.indices, deal_into_folds(pairs))
    pairs, changed = folded_by_identity(pairs, source=listed.name)
    name = f"lfw-{listed.stem}"
    if _wants_all(spec):
        pairs, name = _with_all_images(pairs, folder), f"{name}-all-images"
    return Dataset(
        name=spec.options.get("name", name),
        kind="lfw",
        spec=spec.text,
        pairs=pairs,
        protocol=f"LFW {listed.name}"
        + (f", {folds} folds" if folds > 1 else "")
        + (", dealt anew by identity" if changed else ""),
        notes=(*notes, *changed),
    )


def _wants_all(spec: Spec) -> bool:
    images = spec.options.get("images", "listed")
    if images not in ("listed", "all"):
        raise DatasetError(f"{spec.text}: images={images}: expected 'listed', those of the pairs, or 'all'")
    return images == "all"


def _with_all_images(pairs: Pairs, folder: Path) -> Pairs:
    """Return the same pairs, with the other images of the folder as faces behind those of the pairs."""
    listed = {face.source.path for face in pairs.faces}
    others = [
        Face(source=ImageSource(path, f"{person.name}/{path.name}"), subject=one_spelling(person.name))
        for person in person_folders(folder)
        for path in image_files(person)
        if path not in listed
    ]
    return dataclasses.replace(pairs, faces=(*pairs.faces, *others))


def faces_of_rows(listed: Path, rows: list[Row], folder: Path) -> tuple[Pairs, int]:
    """Return the pairs of a list's rows with the list's folds, and how many folds it has.

    Raises:
        DatasetError: an image is not in the folder.
    """
    faces: dict[Side, int] = {}
    indices = [[faces.setdefault(side, len(faces)) for side in (row.first, row.second)] for row in rows]
    folds = np.array([row.fold for row in rows], dtype=np.int64)
    sources = tuple(_face(folder, person, number) for person, number in faces)
    missing = [face.source.name for face in sources if not exists(face.source.path, folder=False)]
    if missing:
        raise DatasetError(_where_missing(listed, rows, missing, folder))
    return Pairs(sources, np.array(indices, dtype=np.int64), folds), len(set(folds.tolist()))


def _pairs_file(spec: Spec, folder: Path) -> Path:
    if "pairs" in spec.options:
        return existing_file(spec, spec.options["pairs"])
    for candidate in (folder / "pairs.txt", folder.parent / "pairs.txt"):
        if candidate.is_file():
            return candidate
    raise DatasetError(
        f"{spec.text}: no pairs.txt in {folder} or its parent folder: give the list, lfw:{spec.path}?pairs=FILE"
    )


def _face(folder: Path, person: str, number: int) -> Face:
    spellings = dict.fromkeys((person, *(unicodedata.normalize(form, person) for form in ("NFC", "NFD"))))
    names = [f"{each}/{each}_{number:04d}.jpg" for each in spellings]
    name = next((name for name in names if exists(folder / name, folder=False)), names[0])
    return Face(source=ImageSource(folder / name, name), subject=one_spelling(person))


def _where_missing(listed: Path, rows: list[Row], missing: list[str], folder: Path) -> str:
    wanted = {name.rpartition("/")[2].removesuffix(".jpg") for name in missing}
    number = next(
        row.line for row in rows if wanted & {f"{person}_{image:04d}" for person, image in (row.first, row.second)}
    )
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return (
        f"{listed}, line {number}: {missing[0]}{more}: no such image in {folder}. "
        "Is the folder complete, and does the list belong to it?"
    )


Side = tuple[str, int]


class Row(NamedTuple):
    """A pair of a list.

    Args:
        line: its number in the file.
        fold: from 0.
        first: person and number of the image.
        second: likewise.
    """

    line: int
    fold: int
    first: Side
    second: Side


def is_lfw_list(lines: tuple[Line, ...]) -> bool:
    """Whether lines are LFW's: all of them name people and numbers, perhaps after a line of counts."""
    body = lines[1:] if lines and _is_numbers(lines[0].text) else lines
    return bool(body) and all(_spelt_as_pair(line.text) for line in body)


def lfw_rows(listed: Path, lines: tuple[Line, ...]) -> list[Row]:
    """Return every pair; the counts in the first line, if it holds counts, must agree with the lines.

    Raises:
        DatasetError: a line that is no pair, or not the pairs that the first line declares.
    """
    if lines and _spelt_as_pair(lines[0].text) and not _is_numbers(lines[0].text):
        return [Row(line.number, 0, *_pair(listed, *line)) for line in lines]
    folds, each = _head(listed, lines[0].text if lines else "")
    body = lines[1:]
    if len(body) != folds * each * 2:
        raise DatasetError(
            f"{listed}: the first line declares {folds * each * 2} pairs, {len(body)} follow: "
            "the file is truncated, or lines were added"
        )
    return [_checked(listed, line, position, each) for position, line in enumerate(body)]


def _checked(listed: Path, line: Line, position: int, each: int) -> Row:
    first, second = _pair(listed, *line)
    genuine = position // each % 2 == 0
    if (one_spelling(first[0]) == one_spelling(second[0])) != genuine:
        kind = "a genuine" if genuine else "an impostor"
        raise DatasetError(
            f"{listed}, line {line.number}: expected {kind} pair here by the counts of the first line, not "
            f"{shown(line.text)}"
        )
    return Row(line.number, position // (2 * each), first, second)


def _is_numbers(line: str) -> bool:
    return all(_NUMBER.fullmatch(word) for word in line.split())


def _spelt_as_pair(line: str) -> bool:
    parts = _parts(line)
    return len(parts) == 4 and bool(_NUMBER.fullmatch(parts[1]) and _NUMBER.fullmatch(parts[3].strip()))  # noqa: PLR2004


def _parts(line: str) -> list[str]:
    """Return name, number, name, number; of ``name number number`` the name twice."""
    parts = line.split("\t") if "\t" in line else line.split()
    return [parts[0], parts[1], parts[0], parts[2]] if len(parts) == 3 else parts  # noqa: PLR2004


def _head(listed: Path, line: str) -> tuple[int, int]:
    numbers = line.split()
    if not (1 <= len(numbers) <= 2 and all(_NUMBER.fullmatch(n) and int(n) > 0 for n in numbers)):  # noqa: PLR2004
        raise DatasetError(
            f"{listed}, line 1: expected the number of folds and of pairs per fold and kind (such as '10 300'), "
            f"or only the number of pairs per kind ('500'), not {shown(line)}"
        )
    return (1, int(numbers[0])) if len(numbers) == 1 else (int(numbers[0]), int(numbers[1]))


def _pair(listed: Path, number: int, line: str) -> tuple[Side, Side]:
    parts = _parts(line)
    if not _spelt_as_pair(line):
        raise DatasetError(f"{listed}, line {number}: expected 'name n n' or 'name n name n', not {shown(line)}")
    for name in (parts[0], parts[2]):
        if not _SAFE_NAME.fullmatch(name) or name in (".", ".."):
            raise DatasetError(
                f"{listed}, line {number}: {shown(name)} points outside the folder; expected a person's name"
            )
    first, second = (parts[0], int(parts[1])), (parts[2], int(parts[3]))
    if (one_spelling(first[0]), first[1]) == (one_spelling(second[0]), second[1]):
        raise DatasetError(f"{listed}, line {number}: compares an image with itself: {shown(line)}")
    return first, second
