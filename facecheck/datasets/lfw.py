"""Labeled Faces in the Wild: one folder per person, and the pair lists of its two views.

View 2 (``pairs.txt``) has ten identity-disjoint folds of 300 genuine and 300 impostor pairs; view 1
(``pairsDevTrain.txt``, ``pairsDevTest.txt``) has one part and no folds.

Source: Huang et al., Labeled Faces in the Wild, UMass TR 07-49.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from facecheck.datasets.dataset import Dataset, deal_into_folds
from facecheck.datasets.people import folded_by_identity, one_spelling, repeated
from facecheck.datasets.places import existing_file, existing_folder, exists
from facecheck.errors import DatasetError, shortened
from facecheck.faces import Face, ImageSource, Pairs
from facecheck.specs import Spec
from facecheck.storage.files import opened_regular

__all__ = ["read_lfw"]

_OPTIONS = frozenset({"pairs", "name"})
_SAFE_NAME = re.compile(r"[^/\\\0]+")
_SHOWN = 200  # letters of a line
_MOST_BYTES = 2**28
_NUMBER = re.compile(r"[0-9]{1,6}")


def read_lfw(spec: Spec) -> Dataset:
    """Open ``lfw:FOLDER?pairs=FILE``.

    Raises:
        DatasetError: no such folder or list, or a line of the list that is invalid or names a missing image.
    """
    spec.refuse_unknown(_OPTIONS)
    folder = existing_folder(spec)
    listed = _pairs_file(spec, folder)
    faces: dict[tuple[str, int], int] = {}
    rows, folds, places = [], [], []
    for number, fold, first, second in _lines(listed):
        rows.append([faces.setdefault(side, len(faces)) for side in (first, second)])
        folds.append(fold)
        places.append(f"line {number}")
    sources = tuple(_face(folder, person, number) for person, number in faces)
    missing = [face.source.name for face in sources if not exists(face.source.path, folder=False)]
    if missing:
        raise DatasetError(_where_missing(listed, missing, folder))
    pairs = Pairs(sources, np.array(rows, dtype=np.int64), np.array(folds, dtype=np.int64))
    notes = repeated(pairs, places, source=listed.name)
    protocol = f"LFW {listed.name}, {len(set(folds))} folds"
    if len(set(folds)) == 1:
        pairs = Pairs(pairs.faces, pairs.indices, deal_into_folds(Pairs(pairs.faces, pairs.indices)))
        protocol = f"LFW {listed.name}"
    pairs, changed = folded_by_identity(pairs, source=listed.name)
    return Dataset(
        name=spec.options.get("name", f"lfw-{listed.stem}"),
        kind="lfw",
        spec=spec.text,
        pairs=pairs,
        protocol=f"{protocol}, dealt anew by identity" if changed else protocol,
        notes=(*notes, *changed),
    )


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


def _where_missing(listed: Path, missing: list[str], folder: Path) -> str:
    wanted = {name.rpartition("/")[2].removesuffix(".jpg") for name in missing}
    number = next(
        number
        for number, line in _body(listed)
        if wanted & {f"{person}_{image:04d}" for person, image in _pair(listed, number, line)}
    )
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return (
        f"{listed}, line {number}: {missing[0]}{more}: no such image in {folder}. "
        "Is the folder complete, and does the list belong to it?"
    )


_Side = tuple[str, int]


def _lines(listed: Path) -> Iterator[tuple[int, int, _Side, _Side]]:
    """Yield line, fold and both sides of every pair; the counts in the first line must agree with the lines."""
    folds, each = _head(listed, _text(listed)[:1])
    body = _body(listed)
    if len(body) != folds * each * 2:
        raise DatasetError(
            f"{listed}: the first line declares {folds * each * 2} pairs, {len(body)} follow: "
            "the file is truncated, or lines were added"
        )
    for position, (number, line) in enumerate(body):
        first, second = _pair(listed, number, line)
        genuine = position // each % 2 == 0
        if (one_spelling(first[0]) == one_spelling(second[0])) != genuine:
            kind = "a genuine" if genuine else "an impostor"
            raise DatasetError(
                f"{listed}, line {number}: expected {kind} pair here by the counts of the first line, not "
                f"{_shown(line)}"
            )
        yield number, position // (2 * each), first, second


def _text(listed: Path) -> list[str]:
    try:
        with opened_regular(listed, most=_MOST_BYTES) as stream:
            return stream.read().decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{listed}: cannot be read as a list of pairs: {error}") from error


def _shown(line: str) -> str:
    return shortened(repr(line), _SHOWN)


def _body(listed: Path) -> list[tuple[int, str]]:
    return [(number, line) for number, line in enumerate(_text(listed)[1:], 2) if line.strip()]


def _head(listed: Path, lines: list[str]) -> tuple[int, int]:
    numbers = lines[0].split() if lines else []
    if not (1 <= len(numbers) <= 2 and all(_NUMBER.fullmatch(n) and int(n) > 0 for n in numbers)):  # noqa: PLR2004
        raise DatasetError(
            f"{listed}, line 1: expected the number of folds and of pairs per fold and kind (such as '10 300'), "
            f"or only the number of pairs per kind ('500'), not "
            f"{_shown(lines[0] if lines else '')}"
        )
    return (1, int(numbers[0])) if len(numbers) == 1 else (int(numbers[0]), int(numbers[1]))


def _pair(listed: Path, number: int, line: str) -> tuple[_Side, _Side]:
    parts = line.split("\t") if "\t" in line else line.split()
    if len(parts) == 3:  # noqa: PLR2004 - name, number, number
        parts = [parts[0], parts[1], parts[0], parts[2]]
    if len(parts) != 4 or not (_NUMBER.fullmatch(parts[1]) and _NUMBER.fullmatch(parts[3].strip())):  # noqa: PLR2004
        raise DatasetError(f"{listed}, line {number}: expected 'name n n' or 'name n name n', not {_shown(line)}")
    for name in (parts[0], parts[2]):
        if not _SAFE_NAME.fullmatch(name) or name in (".", ".."):
            raise DatasetError(
                f"{listed}, line {number}: {_shown(name)} points outside the folder; expected a person's name"
            )
    first, second = (parts[0], int(parts[1])), (parts[2], int(parts[3]))
    if (one_spelling(first[0]), first[1]) == (one_spelling(second[0]), second[1]):
        raise DatasetError(f"{listed}, line {number}: compares an image with itself: {_shown(line)}")
    return first, second
