"""``pairs:FILE?root=DIR``: any list of pairs, with a label for each pair or the subjects of both images.

With labels only, identities are unknown: images that genuine pairs connect are one person, every other image is taken
for a person of its own. LFW's own lists are read too.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from facecheck.datasets.dataset import Dataset, deal_into_folds
from facecheck.datasets.large_list import LARGE_BYTES, MOST_LARGE_BYTES, UnusualError, read_large_list
from facecheck.datasets.lfw import faces_of_rows, is_lfw_list, lfw_rows
from facecheck.datasets.lists import MOST_BYTES, read_lines, shown
from facecheck.datasets.pair_paths import inside
from facecheck.datasets.pair_table import ListedPair, read_table
from facecheck.datasets.people import Linked, folded_by_identity, listed_before, repeated
from facecheck.datasets.places import existing_file, existing_folder, exists
from facecheck.errors import DatasetError
from facecheck.faces import Face, ImageSource, Pairs
from facecheck.faces.columns import people_of
from facecheck.specs import Spec

__all__ = ["pairs_of_table", "read_pairs"]


def read_pairs(spec: Spec) -> Dataset:
    """Open ``pairs:FILE?root=DIR``; without a root, paths are relative to the file's folder.

    Folds are those of the list, or are made anew: they share no person, and so no image.

    Raises:
        DatasetError: no such file, folder or image, a line that is no pair, labels that contradict each other, folds
            that share a person.
    """
    spec.refuse_unknown({"root", "name"})
    if not spec.path:
        raise DatasetError(f"{spec.text!r}: expected a file, pairs:FILE?root=FOLDER")
    listed = existing_file(spec, spec.path)
    root = existing_folder(spec, spec.options["root"]) if "root" in spec.options else listed.parent
    read = _large(listed, root) or _line_by_line(listed, root)
    folds_of_pairs = read.pairs.folds if read.has_folds else deal_into_folds(read.pairs)
    return Dataset(
        name=spec.options.get("name", listed.stem),
        kind="pairs",
        spec=spec.text,
        pairs=Pairs(read.pairs.faces, read.pairs.indices, folds_of_pairs),
        protocol=read.protocol,
        notes=read.notes,
        people_known=read.people_known,
    )


class _Read(NamedTuple):
    pairs: Pairs
    has_folds: bool
    protocol: str
    notes: tuple[str, ...]
    people_known: bool = True


def _large(listed: Path, root: Path) -> _Read | None:
    """Return the pairs of a large list, None if it must be read line by line."""
    size = listed.stat().st_size
    if size < LARGE_BYTES:
        return None
    try:
        found = read_large_list(listed, root)
    except UnusualError as unusual:
        if size <= MOST_BYTES:
            return None
        raise DatasetError(
            f"{listed}: {size >> 20} MiB: a list of more than {MOST_BYTES >> 20} MiB, and of up to "
            f"{MOST_LARGE_BYTES >> 20} MiB, is read if it is plain: columns that commas, tabs or semicolons separate, "
            f"without quotation marks and blank lines, and nothing wrong in it. There: {unusual}. Divide it, and each "
            "part says which line it is"
        ) from unusual
    return _as_read(
        listed, found.pairs, lambda row: row + found.first_line, labelled=found.labelled, unused=found.unused
    )


def _line_by_line(listed: Path, root: Path) -> _Read:
    lines = read_lines(listed)
    if not is_lfw_list(lines):
        return pairs_of_table(listed, root, *read_table(listed, lines))
    of_list = lfw_rows(listed, lines)
    pairs, folds = faces_of_rows(listed, of_list, root)
    notes = repeated(pairs, [f"line {row.line}" for row in of_list], source=listed.name)
    pairs, changed = folded_by_identity(pairs, source=listed.name) if folds > 1 else (pairs, ())
    return _Read(pairs, folds > 1, f"{len(pairs)} pairs of {listed.name}, a list as LFW's", (*notes, *changed))


def pairs_of_table(listed: Path, root: Path, rows: Sequence[ListedPair], unused: tuple[str, ...] = ()) -> _Read:
    """Return the pairs of a table's rows.

    Args:
        listed: the file, for messages.
        root: where its paths begin.
        rows: in its order.
        unused: names of its columns that nothing is done with.

    Raises:
        DatasetError: a path that leaves the root, a missing image, contradictions, folds that share a person.
    """
    names = [
        (inside(listed, row.line, root, row.images[0]), inside(listed, row.line, root, row.images[1])) for row in rows
    ]
    lines: dict[str, int] = {}
    for row, both in zip(rows, names, strict=True):
        if both[0] == both[1]:
            raise DatasetError(f"{listed}, line {row.line}: compares an image with itself: {both[0]}")
        for name in both:
            lines.setdefault(name, row.line)
    _refuse_missing(listed, root, lines)
    labelled = rows[0].subjects is None
    subjects = _derived(listed, rows, names) if labelled else _stated(listed, rows, names)
    faces = tuple(Face(source=ImageSource(root / name, name), subject=subjects[name]) for name in lines)
    position = {name: number for number, name in enumerate(lines)}
    indices = np.array([[position[name] for name in both] for both in names], dtype=np.int64)
    folds = None if rows[0].fold is None else np.array([row.fold for row in rows], dtype=np.int64)
    pairs = Pairs(faces, indices, folds)
    if _has_folds(pairs):
        _refuse_shared(listed, rows, pairs)
    return _as_read(listed, pairs, lambda row: rows[row].line, labelled=labelled, unused=unused)


def _as_read(
    listed: Path, pairs: Pairs, line: Callable[[int], int], *, labelled: bool, unused: tuple[str, ...]
) -> _Read:
    """Return pairs with what a reader of the results should know; ``line`` gives the line of a pair's row."""
    notes = (*_of_labels(pairs, labelled=labelled), *_of_repeats(pairs, line), *_of_columns(unused))
    what = "labels only" if labelled else "subjects"
    return _Read(pairs, _has_folds(pairs), f"{len(pairs)} pairs of {listed.name}, {what}", notes, not labelled)


def _has_folds(pairs: Pairs) -> bool:
    return pairs.folds is not None and bool((pairs.folds != pairs.folds[0]).any())


# Paths.


def _refuse_missing(listed: Path, root: Path, lines: dict[str, int]) -> None:
    missing = [name for name in lines if not exists(root / name, folder=False)]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise DatasetError(
            f"{listed}, line {lines[missing[0]]}: {shown(missing[0])}{more}: no such image in {root}. Paths are "
            "relative to ?root=FOLDER, without it to the list's folder"
        )


# Who is who.

_Names = Sequence[tuple[str, str]]


def _stated(listed: Path, rows: Sequence[ListedPair], names: _Names) -> dict[str, str]:
    """Return the subject of each image as the list states it; one spelling for all of Unicode's."""
    found: dict[str, tuple[str, int]] = {}
    for row, both in zip(rows, names, strict=True):
        subjects = [unicodedata.normalize("NFC", subject) for subject in row.subjects or ()]
        for name, subject in zip(both, subjects, strict=True):
            before, line = found.setdefault(name, (subject, row.line))
            if before != subject:
                raise DatasetError(
                    f"{listed}, line {row.line}: {name} shows {shown(subject)}, in line {line} it shows {shown(before)}"
                )
        if row.genuine is not None and row.genuine != (subjects[0] == subjects[1]):
            kind = "one person" if row.genuine else "two people"
            raise DatasetError(
                f"{listed}, line {row.line}: labelled as {kind}, and the subjects are {shown(subjects[0])} and "
                f"{shown(subjects[1])}"
            )
    return {name: subject for name, (subject, _) in found.items()}


def _derived(listed: Path, rows: Sequence[ListedPair], names: _Names) -> dict[str, str]:
    """Return for each image the first image that genuine pairs connect it with, itself if there is none."""
    linked = Linked(name for both in names for name in both)
    for row, both in zip(rows, names, strict=True):
        if row.genuine:
            linked.join(*both)
    for row, both in zip(rows, names, strict=True):
        if not row.genuine and linked.first(both[0]) == linked.first(both[1]):
            raise DatasetError(
                f"{listed}, line {row.line}: labelled 0, and the pairs that are labelled 1 make one person of both "
                "images: one of the labels is wrong"
            )
    return {name: linked.first(name) for both in names for name in both}


# Folds.


def _refuse_shared(listed: Path, rows: Sequence[ListedPair], pairs: Pairs) -> None:
    """Refuse folds that share a person: thresholds are chosen on the other folds. Each needs both kinds of pairs."""
    assert pairs.folds is not None
    way_out = "Leave the column out, and facecheck makes folds that share nobody, if the pairs allow it"
    seen: dict[int, tuple[int, int]] = {}
    for row, fold, both in zip(rows, pairs.folds.tolist(), pairs.who.tolist(), strict=True):
        for person in both:
            before, line = seen.setdefault(person, (fold, row.line))
            if before != fold:
                raise DatasetError(
                    f"{listed}, line {row.line}: fold {fold} and fold {before} (line {line}) share a person, and a "
                    f"threshold is chosen on other people. {way_out}"
                )
    for fold in sorted(set(pairs.folds.tolist())):
        kinds = pairs.genuine[pairs.folds == fold]
        if kinds.all() or not kinds.any():
            lacking = "impostor" if kinds.all() else "genuine"
            raise DatasetError(f"{listed}: fold {fold} has no {lacking} pair. {way_out}")


# What a reader of the results should know.


def _of_labels(pairs: Pairs, *, labelled: bool) -> Iterable[str]:
    if not labelled:
        return
    images = np.bincount(people_of(pairs.faces))
    people = images[images > 1]
    yield (
        f"labels only: {len(people)} people are derived from the genuine pairs that connect {people.sum()} images; the "
        f"other {len(images) - len(people)} images count as people of their own, so that intervals and folds take "
        "pairs of them as independent"
    )


def _of_repeats(pairs: Pairs, line: Callable[[int], int]) -> Iterable[str]:
    rows, before = listed_before(pairs.indices)
    if len(rows):
        more = f", and {len(rows) - 1} more do so" if len(rows) > 1 else ""
        yield f"line {line(int(rows[0]))} repeats the pair of line {line(int(before[0]))}{more}: each of them counts"


def _of_columns(unused: Sequence[str]) -> Iterable[str]:
    if unused:
        yield f"columns that are not used: {', '.join(map(shown, unused))}"
