"""IJB-B and IJB-C in the layout that insightface's evaluation takes: lists of images, templates, media and pairs.

In ``meta/``, for IJB-C: ``ijbc_face_tid_mid.txt`` (image, template, medium), ``ijbc_name_5pts_score.txt`` (image, five
points, detector's score), both with a line for each image in the same order; ``ijbc_template_pair_label.txt`` (two
templates and 1 for one person); ``ijbc_1N_gallery_G1.csv``, ``..._G2.csv`` (``S1``, ``S2`` in IJB-B) and
``ijbc_1N_probe_mixed.csv`` (template, subject). The pictures are in ``loose_crop/``. The list of pairs is never held as
a whole: it is read in blocks.

Source: Maze et al., IARPA Janus Benchmark-C, ICB 2018; Whitelam et al., IARPA Janus Benchmark-B, CVPRW 2017; the layout
is that of deepinsight/insightface, recognition/_evaluation_/ijb/ijb_evals.py.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from facecheck.datasets.lists import shown
from facecheck.datasets.number_lists import number_blocks
from facecheck.datasets.places import exists
from facecheck.errors import DatasetError
from facecheck.storage.files import opened_regular

__all__ = ["Ijb", "Templates", "read_ijb", "read_templates"]

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

_MOST_BYTES = 2**29  # of a list of images: IJB-C's takes 50 MB
_SAFE = re.compile(r"[^/\\\0\s]{1,200}")
_WHOLE = re.compile(r"[0-9]{1,9}")
_POINTS = 10  # numbers of five points
_IMAGES = "loose_crop"


@dataclass(frozen=True, slots=True, eq=False)
class Templates:
    """A gallery, or the probes of a search.

    Args:
        name: such as ``G1``.
        templates: ``(n,)`` numbers, each once.
        subjects: ``(n,)`` numbers.
    """

    name: str
    templates: Numbers
    subjects: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Ijb:
    """The images of a set, and where its pairs are.

    Args:
        name: ``ijbb`` or ``ijbc``.
        images: folder of the pictures.
        names: n files.
        templates: ``(n,)`` number of the template of each image.
        media: ``(n,)`` number of the photograph or video that it comes from.
        points: ``(n, 5, 2)`` x and y of eyes, nose tip and mouth corners.
        scores: ``(n,)`` of the detector that found the points.
        pairs: the list of pairs.
        galleries: the two galleries of 1:N, none if their lists are not there.
        probes: of 1:N.
        recipe: by which templates are made of images, empty for the usual one.
    """

    name: str
    images: Path
    names: tuple[str, ...]
    templates: Numbers
    media: Numbers
    points: Floats
    scores: Floats
    pairs: Path
    galleries: tuple[Templates, ...]
    probes: Templates | None
    recipe: str = ""

    def digest(self) -> bytes:
        """Return a hash of everything but the pictures: points, templates, media, pairs, galleries and probes.

        Raises:
            DatasetError: the list of pairs cannot be read.
        """
        total = hashlib.sha256()
        searched = (*self.galleries, *([] if self.probes is None else [self.probes]))
        columns = [column for each in searched for column in (each.templates, each.subjects)]
        whole: tuple[npt.NDArray[Any], ...] = (self.templates, self.media, self.points, self.scores, *columns)
        for column in whole:
            total.update(f"{column.shape}".encode() + np.ascontiguousarray(column).tobytes())
        try:
            with opened_regular(self.pairs) as stream:
                total.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError as error:
            raise DatasetError(f"{self.pairs}: cannot be read: {error.strerror or error}") from error
        return total.digest()

    def blocks(self) -> Iterator[tuple[int, Numbers]]:
        """Yield the pairs as ``(k, 3)`` blocks: two templates and the label, with the first line of each.

        Raises:
            DatasetError: a line that is no pair.
        """
        for line, block in number_blocks(self.pairs, 3):
            wrong = np.flatnonzero(block[:, 2] > 1)
            if len(wrong):
                raise DatasetError(
                    f"{self.pairs}, near line {line + int(wrong[0])}: label {int(block[wrong[0], 2])}: expected 1 (one "
                    "person) or 0 (two)"
                )
            yield line, block

    def subjects(self, templates: Numbers) -> Numbers | None:
        """Return who templates show, by the lists of 1:N; None where these do not name all of them.

        Args:
            templates: ``(n,)`` numbers.
        """
        lists = [*self.galleries, *([] if self.probes is None else [self.probes])]
        if not lists:
            return None
        known = np.concatenate([each.templates for each in lists])
        order = np.argsort(known, kind="stable")
        place = order[np.minimum(np.searchsorted(known, templates, sorter=order), len(known) - 1)]
        if (known[place] != templates).any():
            return None
        return np.asarray(np.concatenate([each.subjects for each in lists])[place])


def read_ijb(folder: Path) -> Ijb:
    """Open a folder that holds ``meta/`` and ``loose_crop/``.

    Raises:
        DatasetError: a list is missing, a line is invalid, or the lists do not agree.
    """
    meta, images = folder / "meta", folder / _IMAGES
    name = next((each for each in ("ijbc", "ijbb") if exists(meta / f"{each}_face_tid_mid.txt", folder=False)), None)
    if name is None or not exists(images, folder=True):
        raise DatasetError(
            f"{folder}: expected IJB-B's or IJB-C's folder, with meta/ijbc_face_tid_mid.txt and {_IMAGES}/"
        )
    names, templates, media = _media(meta / f"{name}_face_tid_mid.txt")
    points, scores = _points(meta / f"{name}_name_5pts_score.txt", names)
    pairs = meta / f"{name}_template_pair_label.txt"
    if not exists(pairs, folder=False):
        raise DatasetError(f"{pairs}: missing: the list of pairs of templates")
    letters = "GS" if name == "ijbc" else "SG"
    files = {f"{letter}{k}": meta / f"{name}_1N_gallery_{letter}{k}.csv" for letter in letters for k in (1, 2)}
    galleries = [read_templates(path, key) for key, path in files.items() if exists(path, folder=False)]
    probe_file = meta / f"{name}_1N_probe_mixed.csv"
    return Ijb(
        name=name,
        images=images,
        names=names,
        templates=templates,
        media=media,
        points=points,
        scores=scores,
        pairs=pairs,
        galleries=tuple(galleries[:2]),
        probes=read_templates(probe_file, "mixed") if exists(probe_file, folder=False) else None,
    )


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with opened_regular(path, most=_MOST_BYTES) as stream:
            for number, line in enumerate(stream, 1):
                words = line.decode("utf-8", "backslashreplace").split()
                if words:
                    yield number, words
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error


def _media(path: Path) -> tuple[tuple[str, ...], Numbers, Numbers]:
    names: list[str] = []
    numbers: list[tuple[int, int]] = []
    for line, words in _lines(path):
        if len(words) != 3 or not all(_WHOLE.fullmatch(word) for word in words[1:]):  # noqa: PLR2004 - columns
            raise DatasetError(f"{path}, line {line}: expected 'image template medium', not {shown(' '.join(words))}")
        if not _SAFE.fullmatch(words[0]) or words[0] in (".", ".."):
            raise DatasetError(
                f"{path}, line {line}: {shown(words[0])} points outside {_IMAGES}; expected a file's name"
            )
        names.append(words[0])
        numbers.append((int(words[1]), int(words[2])))
    if not names:
        raise DatasetError(f"{path}: no images")
    both = np.array(numbers, dtype=np.int64)
    return tuple(names), both[:, 0], both[:, 1]


def _points(path: Path, names: tuple[str, ...]) -> tuple[Floats, Floats]:
    found = np.empty((len(names), _POINTS + 1), dtype=np.float32)
    count = 0
    for line, words in _lines(path):
        numbers = _floats(words[1:])
        if len(numbers) != _POINTS + 1 or not all(map(math.isfinite, numbers)) or not 0 <= numbers[-1] <= 1:
            raise DatasetError(
                f"{path}, line {line}: expected an image, x and y of five points, and a score of 0 to 1, not "
                f"{shown(' '.join(words))}"
            )
        if count == len(names) or words[0] != names[count]:
            expected = names[count] if count < len(names) else "the end of the list"
            raise DatasetError(
                f"{path}, line {line}: {shown(words[0])}, and the list of media has {shown(expected)} there: the lists "
                "do not belong together"
            )
        found[count] = numbers
        count += 1
    if count < len(names):
        raise DatasetError(f"{path}: {count} images, and the list of media has {len(names)}: one of them is truncated")
    return found[:, :_POINTS].reshape(-1, 5, 2), found[:, _POINTS]


def _floats(words: list[str]) -> list[float]:
    try:
        return [float(word) for word in words]
    except ValueError:
        return []


def read_templates(path: Path, name: str) -> Templates:
    """Read a list of a search: a header with ``TEMPLATE_ID`` and ``SUBJECT_ID``, and a row for each image.

    Raises:
        DatasetError: another header, a row that is invalid, a template of two subjects.
    """
    subjects: dict[int, int] = {}
    try:
        with opened_regular(path, most=_MOST_BYTES) as stream:
            rows = csv.reader(io.TextIOWrapper(stream, encoding="utf-8-sig", errors="backslashreplace", newline=""))
            head = [cell.strip().upper() for cell in next(rows, [])]
            if not {"TEMPLATE_ID", "SUBJECT_ID"} <= set(head):
                raise DatasetError(f"{path}, line 1: expected a header with TEMPLATE_ID and SUBJECT_ID")
            places = head.index("TEMPLATE_ID"), head.index("SUBJECT_ID")
            for row in rows:
                _add(path, rows.line_num, row, places, subjects)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
    except csv.Error as error:
        raise DatasetError(f"{path}: damaged: {error}") from error
    if not subjects:
        raise DatasetError(f"{path}: no templates")
    both = np.array(list(subjects.items()), dtype=np.int64)
    return Templates(name, both[:, 0], both[:, 1])


def _add(path: Path, line: int, row: list[str], places: tuple[int, int], subjects: dict[int, int]) -> None:
    if not row:
        return
    cells = [row[place].strip() if place < len(row) else "" for place in places]
    if not all(_WHOLE.fullmatch(cell) for cell in cells):
        raise DatasetError(
            f"{path}, line {line}: expected the numbers of a template and a subject, not {shown(str(cells))}"
        )
    template, subject = map(int, cells)
    if subjects.setdefault(template, subject) != subject:
        raise DatasetError(f"{path}, line {line}: template {template} is of subject {subject}, and before of another")
