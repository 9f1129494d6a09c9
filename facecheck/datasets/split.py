"""``facecheck split-lfw``: make matched and mismatched folders from an LFW folder.

People with several images go to ``matched_faces/``, people with one image to ``mismatched_faces/``. A second run,
or a run after an interruption, finishes the rest; existing files are compared, never overwritten.
"""

from __future__ import annotations

import errno
import filecmp
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from facecheck.datasets.dataset import image_files, person_folders
from facecheck.datasets.folders import MATCHED, MISMATCHED
from facecheck.errors import DatasetError

__all__ = ["WAYS", "Split", "split_lfw"]

_SEVERAL = 2


class Split(NamedTuple):
    """How many people are in each folder, and how many of them this run added."""

    matched: int
    mismatched: int
    new: int


def split_lfw(source: Path, target: Path, *, how: str = "link") -> Split:
    """Make both folders.

    Args:
        source: folder with one folder per person.
        target: folder of the two folders; outside of ``source``.
        how: ``link`` (symbolic), ``copy`` or ``move``. Only ``move`` removes files from ``source``, and only
            after all images of the person are in the target.

    Raises:
        DatasetError: no people, one folder inside the other, or a person whose images in ``target`` differ.
    """
    if how not in WAYS:
        raise DatasetError(f"{how!r}: expected one of {', '.join(WAYS)}")
    _refuse_nesting(source, target)
    people = [person for person in person_folders(source) if image_files(person)]
    if not people and not _count(target):
        raise DatasetError(f"{source}: no folders with images; expected one folder per person, as in LFW")
    plan = [(person, _place(person, target)) for person in people]
    for person, place in plan:
        _refuse_loss(person, place, target, moving=how == "move")
    new = 0
    for person, place in plan:
        place.parent.mkdir(parents=True, exist_ok=True)
        new += WAYS[how](person, place)
    if how == "move":
        _remove_empty(source)
    return Split(_count(target / MATCHED), _count(target / MISMATCHED), new)


def _refuse_nesting(source: Path, target: Path) -> None:
    if not source.is_dir():
        raise DatasetError(f"{source}: no such folder")
    a, b = source.resolve(), target.resolve()
    if a == b or a in b.parents or b in a.parents:
        raise DatasetError(f"one of {target} and {source} is inside the other: choose a target outside of the source")


def _place(person: Path, target: Path) -> Path:
    """Return the target folder of a person; an interrupted move is continued where it started."""
    begun = target / MATCHED / person.name
    several = len(image_files(person)) >= _SEVERAL or begun.exists()
    return begun if several else target / MISMATCHED / person.name


def _refuse_loss(person: Path, place: Path, target: Path, *, moving: bool) -> None:
    """Refuse, before any file is changed, everything that could lose photographs."""
    other = target / (MISMATCHED if place.parent.name == MATCHED else MATCHED) / person.name
    if other.exists():
        raise DatasetError(f"{other}: {person} now belongs in {place.parent.name}: remove {other} first")
    files = image_files(person)
    if moving and (person.is_symlink() or any(path.is_symlink() for path in files)):
        raise DatasetError(f"{person}: contains links, which a move would break; use --how link or copy instead")
    for path in files if place.exists() else ():
        there = place / path.name
        if not there.is_file() or not filecmp.cmp(path, there, shallow=False):
            raise DatasetError(f"{there}: missing or different from {path}. Remove {place}, or choose another folder")
        if moving and there.resolve() == path.resolve():
            raise DatasetError(
                f"{there}: a link to {path}, so a move would delete the only photograph. "
                f"Remove {place} first, or choose another target folder"
            )


def _whole(person: Path, place: Path, put: Callable[[Path, Path], object]) -> list[Path]:
    """Make a folder atomically, and return the files that were put into it."""
    partial = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
    try:
        partial.chmod(0o755)  # mkdtemp gives access to one user only
        files = image_files(person)
        for path in files:
            put(path, partial / path.name)
        partial.rename(place)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return files


def _link(person: Path, place: Path) -> bool:
    if place.exists():
        return False
    _whole(person, place, lambda path, there: there.symlink_to(path.resolve()))
    return True


def _copy(person: Path, place: Path) -> bool:
    if place.exists():
        return False
    _whole(person, place, shutil.copy2)
    return True


def _move(person: Path, place: Path) -> bool:
    new = not place.exists()
    if new:
        try:
            person.rename(place)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
        else:
            return True
    copied = _whole(person, place, shutil.copy2) if new else image_files(person)
    for path in copied:
        if filecmp.cmp(path, place / path.name, shallow=False):
            path.unlink()
    return new


def _remove_empty(source: Path) -> None:
    """Remove the empty folders of people who were moved."""
    for person in person_folders(source):
        if not person.is_symlink() and next(person.iterdir(), None) is None:
            person.rmdir()


def _count(folder: Path) -> int:
    return len(person_folders(folder)) if folder.is_dir() else 0


WAYS: MappingProxyType[str, Callable[[Path, Path], bool]] = MappingProxyType(
    {"link": _link, "copy": _copy, "move": _move}
)
