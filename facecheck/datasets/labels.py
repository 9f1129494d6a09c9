"""``?labels=FILE.csv`` on any data set: groups of people, and a quality of each image, from a table of the user's own.

The first line names the columns. The first column is ``image`` (names as reports show them, relative to the data set's
folder) or ``subject``; a column ``quality`` holds a number, higher is better; every other column is an attribute, such
as ``sex`` or ``camera``. An empty cell says that nothing is known.
"""

from __future__ import annotations

import csv
import dataclasses
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from facecheck.datasets.dataset import Dataset
from facecheck.datasets.lists import Line, read_lines, shown
from facecheck.datasets.people import one_spelling
from facecheck.errors import DatasetError
from facecheck.faces import Face, Pairs

__all__ = ["with_labels"]

_KEYS = ("image", "subject")
_QUALITY = "quality"
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9_ -]{0,39}")
_LONGEST = 40  # letters of a group's name
_EXPECTED = "a header such as image,sex,age_group or subject,sex, then a row an image or a person"


class _Known(NamedTuple):
    """What a row of the table says."""

    groups: tuple[tuple[str, str], ...]
    quality: float | None


def with_labels(dataset: Dataset, listed: Path) -> Dataset:
    """Return the data set with the groups and qualities of a table; groups that faces had before stay.

    Args:
        dataset: whose images or people the table names.
        listed: the table, CSV in UTF-8.

    Raises:
        DatasetError: no such table, a row that does not fit, or one that names nobody of the data set.
    """
    key, known = _read(listed)
    faces = tuple(_labelled(face, known.get(_key_of(face, key))) for face in dataset.faces)
    missing = sum(_key_of(face, key) not in known for face in dataset.faces)
    if missing == len(faces):
        raise DatasetError(
            f"{listed}: names no {key} of {dataset.name}, such as {shown(_key_of(dataset.faces[0], key))}: "
            f"the column {key} holds {shown(next(iter(known)))}"
        )
    note = (f"{listed.name}: {missing} of {len(faces)} images have no row, and so no label",) if missing else ()
    pairs = Pairs(faces, dataset.pairs.indices, dataset.pairs.folds)
    return dataclasses.replace(dataset, pairs=pairs, notes=(*dataset.notes, *note))


def _key_of(face: Face, key: str) -> str:
    return one_spelling(face.source.name if key == "image" else face.subject)


def _labelled(face: Face, known: _Known | None) -> Face:
    if known is None:
        return face
    groups = tuple(sorted({**dict(face.groups), **dict(known.groups)}.items()))
    return dataclasses.replace(face, groups=groups, quality=known.quality)


def _read(listed: Path) -> tuple[str, Mapping[str, _Known]]:
    lines = read_lines(listed)
    if len(lines) < 2:  # noqa: PLR2004 - a header and a row
        raise DatasetError(f"{listed}: expected {_EXPECTED}")
    head = [cell.lower() if number == 0 else cell for number, cell in enumerate(_cells(listed, lines[0]))]
    _check_head(listed, lines[0].number, head)
    known: dict[str, _Known] = {}
    for line in lines[1:]:
        cells = _cells(listed, line)
        if len(cells) != len(head) or not cells[0]:
            raise DatasetError(
                f"{listed}, line {line.number}: expected {len(head)} columns as in the header, the first not empty: "
                f"{shown(line.text)}"
            )
        name = one_spelling(cells[0])
        if name in known:
            raise DatasetError(f"{listed}, line {line.number}: {shown(name)} is named twice")
        known[name] = _row(listed, line.number, dict(zip(head[1:], cells[1:], strict=True)))
    return head[0], known


def _check_head(listed: Path, number: int, head: list[str]) -> None:
    odd = [name for name in head[1:] if not _ATTRIBUTE.fullmatch(name)]
    if head[0] not in _KEYS or len(head) < 2 or odd or len(set(head)) < len(head):  # noqa: PLR2004 - a key, a label
        raise DatasetError(
            f"{listed}, line {number}: expected {_EXPECTED}; names of letters, each once, not {shown(','.join(head))}"
        )


def _cells(listed: Path, line: Line) -> list[str]:
    try:
        (cells,) = csv.reader([line.text], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError) as error:
        raise DatasetError(f"{listed}, line {line.number}: no row of a CSV file: {shown(line.text)}") from error
    return [cell.strip() for cell in cells]


def _row(listed: Path, number: int, cells: Mapping[str, str]) -> _Known:
    groups = tuple((name, value) for name, value in cells.items() if value and name != _QUALITY)
    for name, value in groups:
        if len(value) > _LONGEST or not value.isprintable() or "=" in value:
            raise DatasetError(
                f"{listed}, line {number}: {name} {shown(value)}: expected a group's name of at most {_LONGEST} "
                "printable letters without ="
            )
    return _Known(groups, _number(listed, number, cells.get(_QUALITY, "")))


def _number(listed: Path, number: int, cell: str) -> float | None:
    if not cell:
        return None
    try:
        found = float(cell)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise DatasetError(f"{listed}, line {number}: quality {shown(cell)}: expected a finite number")
    return found
