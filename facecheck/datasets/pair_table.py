"""A table of pairs in a text file: which character separates its columns, and what each column holds.

Columns are separated by tabs, semicolons, commas or spaces; a header names them, or their content tells: the
columns of paths end as image files do, a column of 0 and 1 is the label.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from facecheck.datasets.lists import Line, shown
from facecheck.errors import DatasetError, nearest
from facecheck.faces.decoding import SUFFIXES

__all__ = [
    "FOLD",
    "LABELS",
    "ListedPair",
    "columns_by_content",
    "columns_by_header",
    "header_of",
    "read_table",
]

_IMAGES, _SUBJECTS = ("image1", "image2"), ("subject1", "subject2")
_LEAST_COLUMNS = 3
_SIDES = (("1", "a", "left", "first"), ("2", "b", "right", "second"))
_NOUNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "image": ("image", "img", "path", "file", "filename", "filepath", "imagepath", "photo", "picture", "face", "p"),
        "subject": ("subject", "person", "identity", "id", "name", "who"),
    }
)
_ALONE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "label": ("label", "same", "issame", "genuine", "match", "ismatch", "target", "sameperson", "y"),
        "fold": ("fold", "folds", "foldid"),
    }
)
_COLUMN_OF: Mapping[str, str] = MappingProxyType(
    {
        **{
            spelt: f"{noun}{side}"
            for noun, words in _NOUNS.items()
            for side, marks in enumerate(_SIDES, 1)
            for word in words
            for mark in marks
            for spelt in (f"{word}{mark}", f"{mark}{word}")
        },
        **{spelt: column for column, words in _ALONE.items() for spelt in words},
    }
)
LABELS: Mapping[str, bool] = MappingProxyType(
    {
        **dict.fromkeys(("1", "1.0", "true", "yes", "same", "genuine", "match"), True),
        **dict.fromkeys(("0", "0.0", "-1", "-1.0", "false", "no", "different", "impostor", "nonmatch"), False),
    }
)
FOLD = re.compile(r"[0-9]{1,4}")
_SPELT = "two columns of images and a label (1 or 0) or two subjects, perhaps a fold"


class ListedPair(NamedTuple):
    """A row of the table, as it is written.

    Args:
        line: its number in the file.
        images: both, as the file spells them.
        subjects: both, None if the table has none.
        genuine: its label, None if the table has none.
        fold: its number, None if the table has none.
    """

    line: int
    images: tuple[str, str]
    subjects: tuple[str, str] | None
    genuine: bool | None
    fold: int | None


_Row = tuple[int, list[str]]


def read_table(listed: Path, lines: Sequence[Line]) -> tuple[list[ListedPair], tuple[str, ...]]:
    """Return the rows of a table, and the names of the columns that are not used.

    Raises:
        DatasetError: rows of different lengths, columns that are not known, a cell that its column cannot hold.
    """
    if not lines:
        raise DatasetError(f"{listed}: no pairs; expected {_SPELT}")
    rows = _split(listed, lines)
    columns, unused, body = _columns(listed, rows)
    if not body:
        raise DatasetError(f"{listed}: a header and no pairs; expected {_SPELT}")
    return [_pair(listed, row, columns) for row in body], unused


# Separators.


def _split(listed: Path, lines: Sequence[Line]) -> list[_Row]:
    """Split at the first of the separators that gives every line as many columns, three at least."""
    for separator in ("\t", ";", ",", None):
        first = len(_cells(listed, lines[0], separator)) if separator is None or separator in lines[0].text else 0
        if first < _LEAST_COLUMNS:
            continue
        rows = [(line.number, _cells(listed, line, separator)) for line in lines]
        odd = next(((number, cells) for number, cells in rows if len(cells) != first), None)
        if odd is None:
            return rows
        raise DatasetError(
            f"{listed}, line {odd[0]}: {len(odd[1])} columns, line {lines[0].number} has {first}: expected {_SPELT}, "
            "separated alike in every line"
        )
    raise DatasetError(
        f"{listed}, line {lines[0].number}: expected {_SPELT}, separated by tabs, semicolons, commas or spaces, not "
        f"{shown(lines[0].text)}"
    )


def _cells(listed: Path, line: Line, separator: str | None) -> list[str]:
    if separator is None:
        return line.text.split()
    try:
        (cells,) = csv.reader([line.text], delimiter=separator, skipinitialspace=True, strict=True)
    except (csv.Error, ValueError) as error:
        raise DatasetError(
            f"{listed}, line {line.number}: a quotation mark that does not end, or a cell of over 100 kB: "
            f"{shown(line.text)}"
        ) from error
    return [cell.strip() for cell in cells]


# Columns.

_Columns = Mapping[str, int]


def _columns(listed: Path, rows: list[_Row]) -> tuple[_Columns, tuple[str, ...], list[_Row]]:
    """Return what is in which column, by the header or by what the columns hold, and the rows below the header."""
    if header_of(rows[0][1], rows[1][1] if len(rows) > 1 else []) is not None:
        return (*columns_by_header(listed, rows[0]), rows[1:])
    values = [[cells[position] for _, cells in rows] for position in range(len(rows[0][1]))]
    return columns_by_content(listed, rows[0], values), (), rows


def header_of(first: Sequence[str], second: Sequence[str]) -> Mapping[int, str | None] | None:
    """Return which columns a first line names, None for those that it does not know; None if it is no header.

    Args:
        first: its cells.
        second: those of the next line.
    """
    named = {position: _COLUMN_OF.get(_plain(cell)) for position, cell in enumerate(first)}
    below = any(map(_is_image, second))
    return None if any(map(_is_image, first)) or not (any(named.values()) or below) else named


def _plain(cell: str) -> str:
    return re.sub(r"[^a-z0-9]", "", cell.lower())


def _is_image(cell: str) -> bool:
    return any(cell.lower().endswith(suffix) for suffix in SUFFIXES)


def columns_by_header(listed: Path, head: tuple[int, list[str]]) -> tuple[Mapping[str, int], tuple[str, ...]]:
    """Return what is in which column by the header's words, and the names of those that are not used.

    Args:
        listed: the file, for messages.
        head: number and cells of the header.

    Raises:
        DatasetError: it names a column twice, or not all that are needed.
    """
    number, cells = head
    named = {position: _COLUMN_OF.get(_plain(cell)) for position, cell in enumerate(cells)}
    columns: dict[str, int] = {}
    for position, name in named.items():
        if name in columns:
            raise DatasetError(
                f"{listed}, line {number}: {cells[columns[name]]!r} and {cells[position]!r} both name {name}"
            )
        if name is not None:
            columns[name] = position
    unused = tuple(cells[position] for position, name in named.items() if name is None)
    complete = set(_IMAGES) <= columns.keys() and ("label" in columns or set(_SUBJECTS) <= columns.keys())
    if not complete:
        known = (*_IMAGES, "label", *_SUBJECTS, "fold")
        guess = nearest(unused[0], known) if unused else f"Known: {', '.join(known)}."
        raise DatasetError(
            f"{listed}, line {number}: the header {shown(', '.join(cells))} does not name {_SPELT}. {guess}"
        )
    return columns, unused


def columns_by_content(
    listed: Path, first: tuple[int, list[str]], values: Sequence[Iterable[str]]
) -> Mapping[str, int]:
    """Return what is in which column by what the columns hold.

    Args:
        listed: the file, for messages.
        first: number and cells of the first row.
        values: of each column, perhaps each once.

    Raises:
        DatasetError: it could be read in two ways.
    """
    width = range(len(values))
    images = [position for position in width if all(map(_is_image, values[position]))]
    if len(images) != len(_IMAGES):
        images = [0, 1]
    rest = [position for position in width if position not in images]
    binary = [position for position in rest if all(cell.lower() in LABELS for cell in values[position])]
    names = _rest_names(len(rest), [position in binary for position in rest])
    if names is None:
        raise DatasetError(
            f"{listed}, line {first[0]}: which column is what? Put a header above them, such as "
            "image1,image2,label,fold or image1,image2,subject1,subject2,fold. The first line holds "
            f"{shown(' '.join(first[1]))}"
        )
    return {**dict(zip(_IMAGES, images, strict=True)), **dict(zip(names, rest, strict=True))}


def _rest_names(count: int, binary: Sequence[bool]) -> tuple[str, ...] | None:
    """Name the columns beside the images, None if that could be done in two ways."""
    if count == 1:
        return ("label",)
    if count == 2:  # noqa: PLR2004 - label and fold, or two subjects
        return {(True, False): ("label", "fold"), (False, False): _SUBJECTS}.get((binary[0], binary[1]))
    return (*_SUBJECTS, "fold") if count == 3 and not any(binary[:2]) else None  # noqa: PLR2004


# Cells.


def _pair(listed: Path, row: _Row, columns: _Columns) -> ListedPair:
    number, cells = row
    subjects = tuple(cells[columns[name]] for name in _SUBJECTS) if set(_SUBJECTS) <= columns.keys() else None
    label = cells[columns["label"]] if "label" in columns else None
    fold = cells[columns["fold"]] if "fold" in columns else None
    if label is not None and label.lower() not in LABELS:
        raise DatasetError(f"{listed}, line {number}: label {shown(label)}: expected 1 (one person) or 0 (two)")
    if fold is not None and not FOLD.fullmatch(fold):
        raise DatasetError(f"{listed}, line {number}: fold {shown(fold)}: expected its number")
    images = cells[columns["image1"]], cells[columns["image2"]]
    if not all((*images, *(subjects or ()))):
        raise DatasetError(f"{listed}, line {number}: an empty cell where an image or a subject is expected")
    return ListedPair(
        line=number,
        images=images,
        subjects=(subjects[0], subjects[1]) if subjects else None,
        genuine=None if label is None else LABELS[label.lower()],
        fold=None if fold is None else int(fold),
    )
