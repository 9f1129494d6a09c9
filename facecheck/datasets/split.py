"""``facecheck split-lfw``: matched and mismatched folders out of an LFW tree.

People with several images go to ``matched_faces/``, people with one to ``mismatched_faces/``. A second run,
or one after an interruption, finishes what is left; what is there already is compared, never overwritten.
"""

from __future__ import annotations

import errno
import filecmp
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from facecheck.datasets.dataset import image_files
from facecheck.datasets.folders import MATCHED, MISMATCHED
from facecheck.errors import DatasetError

__all__ = ["WAYS", "Split", "split_lfw"]

_SEVERAL = 2


class Split(NamedTuple):
    """How many people are in each folder, and how many of them were put there by this run."""

    matched: int
    mismatched: int
    new: int


def split_lfw(source: Path, target: Path, *, how: str = "link") -> Split:
    """Make both folders.

    Args:
        source: a folder for each person.
        target: where the two folders lie or will lie; outside of ``source``.
        how: ``link`` (symbolic), ``copy`` or ``move``. Only ``move`` takes anything out of ``source``, and
            each person only once all their images are in place.

    Raises:
        DatasetError: no people, one folder within the other, or a person whose images in ``target`` differ.
    """
    if how not in WAYS:
        raise DatasetError(f"{how!r}: expected one of {', '.join(WAYS)}")
    _refuse_nesting(source, target)
    people = sorted((p for p in source.iterdir() if p.is_dir() and image_files(p)), key=lambda path: path.name)
    if not people:
        raise DatasetError(f"{source}: no folders with images; expected a folder for each person, as in LFW")
    plan = [(person, _place(person, target)) for person in people]
    for person, place in plan:
        _refuse_difference(person, place)
    new = 0
    for person, place in plan:
        place.parent.mkdir(parents=True, exist_ok=True)
        new += WAYS[how](person, place)
    return Split(_count(target / MATCHED), _count(target / MISMATCHED), new)


def _refuse_nesting(source: Path, target: Path) -> None:
    if not source.is_dir():
        raise DatasetError(f"{source}: no such folder")
    a, b = source.resolve(), target.resolve()
    if a == b or a in b.parents or b in a.parents:
        raise DatasetError(f"{target} and {source} lie within each other: choose a folder apart from the source")


def _place(person: Path, target: Path) -> Path:
    """Return where a person goes; one whose move was cut short goes where it began."""
    begun = target / MATCHED / person.name
    several = len(image_files(person)) >= _SEVERAL or begun.exists()
    return begun if several else target / MISMATCHED / person.name


def _refuse_difference(person: Path, place: Path) -> None:
    if not place.exists():
        return
    for path in image_files(person):
        there = place / path.name
        if not there.is_file() or not filecmp.cmp(path, there, shallow=False):
            raise DatasetError(f"{there}: missing or not equal to {path}. Remove {place}, or choose another folder")


def _whole(place: Path, fill: Callable[[Path], None]) -> None:
    """Make a folder that is either whole or not there."""
    partial = place.with_name(f".{place.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    fill(partial)
    partial.rename(place)


def _link(person: Path, place: Path) -> bool:
    if place.exists():
        return False

    def fill(folder: Path) -> None:
        for path in image_files(person):
            (folder / path.name).symlink_to(path.resolve())

    _whole(place, fill)
    return True


def _copy(person: Path, place: Path) -> bool:
    if place.exists():
        return False

    def fill(folder: Path) -> None:
        for path in image_files(person):
            shutil.copy2(path, folder / path.name)

    _whole(place, fill)
    return True


def _move(person: Path, place: Path) -> bool:
    if not place.exists():
        try:
            person.rename(place)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
        else:
            return True
    new = _copy(person, place)
    for path in image_files(person):  # equal to what is in place: compared before, or copied just now
        path.unlink()
    if not os.listdir(person):  # noqa: PTH208 - empty or not is all that matters
        person.rmdir()
    return new


def _count(folder: Path) -> int:
    return sum(1 for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")) if folder.is_dir() else 0


WAYS: MappingProxyType[str, Callable[[Path, Path], bool]] = MappingProxyType(
    {"link": _link, "copy": _copy, "move": _move}
)
