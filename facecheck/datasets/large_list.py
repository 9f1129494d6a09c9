"""Large lists of pairs: a table of ten million rows becomes arrays, without an object a row.

What is plain is read here: rows of equally many cells, separated by commas, tabs or semicolons, without quotation marks
and blank lines, that nothing is wrong with. Whatever else there is, :class:`UnusualError` says so, and the list is read
line by line instead, which gives the same pairs, or the message for the line that cannot be used.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facecheck.datasets.lfw import is_lfw_list
from facecheck.datasets.lists import Line
from facecheck.datasets.pair_paths import inside, missing_files
from facecheck.datasets.pair_table import FOLD, LABELS, columns_by_content, columns_by_header, header_of
from facecheck.datasets.people import shared_between_folds
from facecheck.errors import DatasetError
from facecheck.faces import Faces, Pairs
from facecheck.faces.columns import first_places, numbered_texts
from facecheck.storage.files import opened_regular

__all__ = ["LARGE_BYTES", "MOST_LARGE_BYTES", "LargeList", "UnusualError", "read_large_list"]

LARGE_BYTES = 2**20  # from which a list is read here
MOST_LARGE_BYTES = 2**31  # some forty million pairs
_PORTION = 2**24  # bytes that are looked at once
_LONGEST = 100_000  # bytes of a line
_ROWS = 2**20  # that are parsed at once
_LEAST_COLUMNS = 3
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# A path that is spelt as its name is: no part is empty, "." or "..".
_PLAIN_PATH = re.compile(r"(?:(?!\.{1,2}(?:/|\Z))[^/\\\0]+(?:/(?!\Z)|\Z))+")
Numbers = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]


class UnusualError(Exception):
    """A list that is not plain, or that something is wrong with; what, in words."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LargeList:
    """A table of pairs.

    Args:
        pairs: with the folds of the table.
        labelled: whether people are derived from labels.
        first_line: of the file that holds a pair.
        unused: names of columns that nothing is done with.
    """

    pairs: Pairs
    labelled: bool
    first_line: int
    unused: tuple[str, ...]


def read_large_list(listed: Path, root: Path) -> LargeList:
    """Return the pairs of a plain table.

    Args:
        listed: the file.
        root: where its paths begin.

    Raises:
        UnusualError: it must be read line by line.
        DatasetError: nobody could say which column is what.
    """
    try:
        with opened_regular(listed, most=MOST_LARGE_BYTES) as stream:
            head = _head(stream)
            rows = _count(stream, head)
            table = _parsed(stream, head, rows)
    except OSError as error:
        raise UnusualError(str(error.strerror or error)) from error
    columns, unused = _columns(listed, head, table)
    if "label" in columns and not {each.lower() for each in table.texts[columns["label"]]} <= LABELS.keys():
        raise UnusualError("a label that is none")
    pairs, labelled = _pairs(listed, root, table, columns)
    _refuse_folds(pairs)
    return LargeList(pairs=pairs, labelled=labelled, first_line=head.lines + 1, unused=unused)


# The text.


@dataclass(frozen=True, slots=True)
class _Head:
    """How a table begins.

    Args:
        begin: byte of its first line.
        separator: of its columns.
        cells: of the first line.
        lines: above the first pair: 1 for a header.
    """

    begin: int
    separator: str
    cells: list[str]
    lines: int


def _head(stream: BufferedReader) -> _Head:
    begin = len(_BYTE_ORDER_MARK) if stream.read(len(_BYTE_ORDER_MARK)) == _BYTE_ORDER_MARK else 0
    stream.seek(begin)
    texts = [_text(stream.readline(_LONGEST)) for _ in range(2)]
    lines = tuple(Line(number, text) for number, text in enumerate(texts, 1))
    if not all(text.strip() for text in texts) or is_lfw_list(lines) or is_lfw_list(lines[:1]):
        raise UnusualError("blank lines, or a list as LFW's")
    separator = next((each for each in "\t;," if texts[0].count(each) + 1 >= _LEAST_COLUMNS), None)
    if separator is None:
        raise UnusualError("no columns that commas, tabs or semicolons separate")
    first, second = ([cell.strip() for cell in text.split(separator)] for text in texts)
    return _Head(begin, separator, first, 0 if header_of(first, second) is None else 1)


def _text(line: bytes) -> str:
    try:
        return line.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise UnusualError("bytes that are not UTF-8") from error


def _count(stream: BufferedReader, head: _Head) -> int:
    """Return how many rows there are, each of as many cells as the first line; nothing else is in the text."""
    stream.seek(head.begin)
    width, lines, rest = len(head.cells), 0, b""
    while portion := stream.read(_PORTION):
        text = rest + portion
        whole = text.rfind(b"\n") + 1
        lines += _checked(text[:whole], head.separator, width)
        rest = text[whole:]
        if len(rest) > _LONGEST:
            raise UnusualError(f"a line of more than {_LONGEST // 1000} kB")
    if rest:
        lines += _checked(rest + b"\n", head.separator, width)
    if lines <= head.lines:
        raise UnusualError("no pairs")
    return lines - head.lines


def _checked(text: bytes, separator: str, width: int) -> int:
    """Return the lines of a part of the text; each has its separators and its end, and no sign that is special."""
    if b'"' in text or b"\0" in text or text.count(b"\r") != text.count(b"\r\n"):
        raise UnusualError("quotation marks, zero bytes, or line ends of old systems")
    letters = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero((letters == ord(separator)) | (letters == ord("\n")))
    if len(ends) % width:
        raise UnusualError(f"lines that have not {width} columns")
    kinds = letters[ends].reshape(-1, width)
    if not ((kinds[:, :-1] == ord(separator)).all() and (kinds[:, -1] == ord("\n")).all()):
        raise UnusualError(f"lines that have not {width} columns")
    if np.diff(ends[width - 1 :: width], prepend=-1).max(initial=0) > _LONGEST:
        raise UnusualError(f"a line of more than {_LONGEST // 1000} kB")
    return len(kinds)


# Its columns.


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Cells as numbers of texts.

    Args:
        texts: of each column, every one once.
        cells: ``(n,)`` for each column.
    """

    texts: list[list[str]]
    cells: list[Numbers]


def _parsed(stream: BufferedReader, head: _Head, rows: int) -> _Table:
    import pandas as pd  # noqa: PLC0415 - slow to import, and needed for large lists only

    stream.seek(head.begin)
    width = range(len(head.cells))
    numbers: list[dict[str, int]] = [{} for _ in width]
    cells = [np.empty(rows, dtype=np.int32) for _ in width]
    start = 0
    try:
        with pd.read_csv(
            stream,
            sep=head.separator,
            header=None,
            names=list(width),
            skiprows=head.lines,
            dtype=object,
            na_filter=False,
            quoting=csv.QUOTE_NONE,
            skip_blank_lines=False,
            encoding="utf-8",
            low_memory=False,
            chunksize=_ROWS,
        ) as portions:
            for portion in portions:
                for column in width:
                    known = numbers[column]
                    codes, texts = pd.factorize(portion[column].to_numpy())
                    of_text = [known.setdefault(text.strip(), len(known)) for text in texts]
                    cells[column][start : start + len(codes)] = np.array(of_text, dtype=np.int32)[codes]
                start += len(portion)
    except (UnicodeDecodeError, pd.errors.ParserError, ValueError) as error:
        raise UnusualError(f"its text cannot be parsed: {error}") from error
    if start != rows:
        raise UnusualError(f"{start} rows of {rows} lines")
    return _Table([list(each) for each in numbers], cells)


def _columns(listed: Path, head: _Head, table: _Table) -> tuple[Mapping[str, int], tuple[str, ...]]:
    if head.lines:
        return columns_by_header(listed, (1, head.cells))
    return columns_by_content(listed, (1, head.cells), table.texts), ()


# From columns to pairs.


def _pairs(listed: Path, root: Path, table: _Table, columns: Mapping[str, int]) -> tuple[Pairs, bool]:
    names, indices = _images(listed, root, table, [columns["image1"], columns["image2"]])
    genuine = None
    if "label" in columns:
        of_text = np.array([LABELS[text.lower()] for text in table.texts[columns["label"]]])
        genuine = of_text[table.cells[columns["label"]]]
    labelled = not {"subject1", "subject2"} <= columns.keys()
    if labelled:
        assert genuine is not None, "a table has labels or subjects"
        subjects, people = _derived(names, indices, genuine)
    else:
        subjects, people = _stated(table, [columns["subject1"], columns["subject2"]], indices, len(names))
    who = people[indices]
    if genuine is not None and ((who[:, 0] == who[:, 1]) != genuine).any():
        raise UnusualError("labels that contradict each other, or the subjects")
    folds = _folds(table, columns["fold"]) if "fold" in columns else None
    return Pairs(Faces(root, names, subjects, people), indices, folds), labelled


def _images(listed: Path, root: Path, table: _Table, columns: Sequence[int]) -> tuple[list[str], Rows]:
    """Return the different images in the order in which pairs name them first, and the images of each pair."""
    numbers: dict[str, int] = {}
    of_texts = [
        np.array([numbers.setdefault(_name(listed, root, text), len(numbers)) for text in table.texts[column]])
        for column in columns
    ]
    found = np.stack([of[table.cells[column]] for of, column in zip(of_texts, columns, strict=True)], axis=1)
    if (found[:, 0] == found[:, 1]).any():
        raise UnusualError("a pair of an image with itself")
    names = list(numbers)
    if next(missing_files(root, names), None) is not None:
        raise UnusualError("images that are not there")
    order = np.argsort(first_places(found.ravel(), len(names)))
    position = np.empty(len(names), dtype=np.int64)
    position[order] = np.arange(len(names))
    return [names[number] for number in order.tolist()], position[found]


def _name(listed: Path, root: Path, text: str) -> str:
    if _PLAIN_PATH.fullmatch(text):
        return text
    try:
        return inside(listed, 0, root, text)
    except DatasetError as error:
        raise UnusualError("a path that leaves its folder, or none") from error


def _stated(table: _Table, columns: Sequence[int], indices: Rows, images: int) -> tuple[list[str], Numbers]:
    """Return the subjects, and who is in each image as the list states it; one spelling for all of Unicode's."""
    numbers: dict[str, int] = {}
    stated = []
    for column in columns:
        if "" in table.texts[column]:
            raise UnusualError("a subject without a name")
        spelt = [unicodedata.normalize("NFC", text) for text in table.texts[column]]
        of_text = np.array([numbers.setdefault(text, len(numbers)) for text in spelt], dtype=np.int32)
        stated.append(of_text[table.cells[column]])
    who = np.stack(stated, axis=1)
    people = np.zeros(images, dtype=np.int32)
    people[indices] = who
    if (people[indices] != who).any():
        raise UnusualError("an image that shows two people")
    return list(numbers), people


def _derived(names: Sequence[str], indices: Rows, genuine: npt.NDArray[np.bool_]) -> tuple[list[str], Numbers]:
    """Return for each image the one that stands for all that genuine pairs connect, as ``Linked`` joins them."""
    first = list(range(len(names)))

    def standing(image: int) -> int:
        while first[image] != image:
            first[image] = image = first[first[image]]
        return image

    for a, b in _joined(indices[genuine]):
        first[standing(b)] = standing(a)
    subjects = [names[standing(image)] for image in range(len(names))]
    people = numbered_texts(subjects).astype(np.int32)
    return list(dict.fromkeys(subjects)), people


def _joined(indices: Rows) -> Iterator[tuple[int, int]]:
    for start in range(0, len(indices), _ROWS):
        a, b = indices[start : start + _ROWS].T
        yield from zip(a.tolist(), b.tolist(), strict=True)


def _folds(table: _Table, column: int) -> Rows:
    if not all(FOLD.fullmatch(text) for text in table.texts[column]):
        raise UnusualError("a fold that is no number")
    return np.array([int(text) for text in table.texts[column]], dtype=np.int64)[table.cells[column]]


def _refuse_folds(pairs: Pairs) -> None:
    """Refuse folds that share a person, or lack a kind; one fold is none."""
    if pairs.folds is None or not (pairs.folds != pairs.folds[0]).any():
        return
    if shared_between_folds(pairs):
        raise UnusualError("folds that share a person")
    pairs_of, genuine = np.bincount(pairs.folds), np.bincount(pairs.folds[pairs.genuine])
    genuine = np.pad(genuine, (0, len(pairs_of) - len(genuine)))
    if ((pairs_of > 0) & ((genuine == 0) | (genuine == pairs_of))).any():
        raise UnusualError("folds of one kind")
