"""Paths of lists: somebody else's text, which must not leave the folder that the user names."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from facecheck.datasets.lists import shown
from facecheck.datasets.places import exists
from facecheck.errors import DatasetError

__all__ = ["inside", "missing_files"]

_LISTED_FROM = 64  # files of a folder from which its listing is read instead


def inside(listed: Path, line: int, root: Path, text: str) -> str:
    """Return a path relative to the root, as image names are spelt.

    The folder is the user's own, so that links in it are followed.

    Args:
        listed: the list, for the message.
        line: of the path, likewise.
        root: the folder.
        text: the path as the list spells it.

    Raises:
        DatasetError: it leaves the root.
    """
    path = PurePosixPath(text.replace("\\", "/"))
    if path.is_absolute():
        place = PurePosixPath(root.absolute().as_posix())
        path = path.relative_to(place) if path.is_relative_to(place) else PurePosixPath("..")
    if ".." in path.parts or not path.parts or "\0" in text:
        raise DatasetError(
            f"{listed}, line {line}: {shown(text)} points outside {root}: expected a path below it; ?root=FOLDER says "
            "where paths begin"
        )
    return path.as_posix()


def missing_files(root: Path, names: Iterable[str]) -> Iterator[str]:
    """Yield the names that are no file below the root; a folder of many is listed once, not asked file by file.

    Args:
        root: the folder.
        names: paths below it with forward slashes, as :func:`inside` spells them.
    """
    folders: dict[str, list[str]] = defaultdict(list)
    for name in names:
        folder, _, _ = name.rpartition("/")
        folders[folder].append(name)
    for folder, wanted in folders.items():
        there = _files(root / folder) if len(wanted) >= _LISTED_FROM else set()
        # A system may spell a name otherwise than the list does, and find it nevertheless.
        yield from (
            name for name in wanted if name.rpartition("/")[2] not in there and not exists(root / name, folder=False)
        )


def _files(folder: Path) -> set[str]:
    """Return the names of a folder's files, of links to files as well; none of a folder that cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.is_file()}
    except (OSError, ValueError):
        return set()
