"""``?labels=FILE.csv`` on any data set: groups of people, and a quality of each image, from a table of the user's own.

The first line names the columns. The first column is ``image`` (names as reports show them, relative to the data set's
folder) or ``subject``; a column ``quality`` holds a number, higher is better; every other column is an attribute, such
as ``sex`` or ``camera``. An empty cell says that nothing is known.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from facecheck.datasets.dataset import Dataset
from facecheck.datasets.lists import Line, read_lines, shown
from facecheck.datasets.people import one_spelling
from facecheck.errors import DatasetError
from facecheck.faces import Face, Faces, Pairs
from facecheck.faces.columns import Groups, described

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
    keys = [one_spelling(name if key == "image" else subject) for name, subject, _ in described(dataset.faces)]
    faces = _labelled(dataset.faces, [known.get(each) for each in keys])
    missing = sum(each not in known for each in keys)
    if missing == len(faces):
        raise DatasetError(
            f"{listed}: names no {key} of {dataset.name}, such as {shown(keys[0])}: "
            f"the column {key} holds {shown(next(iter(known)))}"
        )
    note = (f"{listed.name}: {missing} of {len(faces)} images have no row, and so no label",) if missing else ()
    pairs = Pairs(faces, dataset.pairs.indices, dataset.pairs.folds)
    return dataclasses.replace(dataset, pairs=pairs, notes=(*dataset.notes, *note))


def _labelled(faces: Sequence[Face], known: Sequence[_Known | None]) -> Sequence[Face]:
    """Return the faces with what is known of each; columns stay columns."""
    if not isinstance(faces, Faces):
        return tuple(
            face if each is None else dataclasses.replace(face, groups=_joined(face.groups, each), quality=each.quality)
            for face, each in zip(faces, known, strict=True)
        )
    before = faces.groups or itertools.repeat(())
    groups = [own if each is None else _joined(own, each) for own, each in zip(before, known, strict=False)]
    quality = [np.nan if each is None or each.quality is None else each.quality for each in known]
    return dataclasses.replace(faces, groups=groups, quality=np.array(quality, dtype=np.float64))


@functools.lru_cache(maxsize=4096)  # there are few groups: those of a million faces are the same objects
def _joined(before: Groups, known: _Known) -> Groups:
    return tuple(sorted({**dict(before), **dict(known.groups)}.items()))


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
