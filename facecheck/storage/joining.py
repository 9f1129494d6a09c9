"""Caches that other processes filled become part of this one: shards of a run that had no disk in common.

A foreign file is read as what it is: SQLite without its extensions, views and triggers, and values that are plain
arrays in safetensors' format. Nothing is unpickled, and what is no such value is left out and counted. That an entry
was computed rightly cannot be seen: a cache is joined from those whose numbers one would believe.
"""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import safetensors.numpy
from safetensors import SafetensorError

from facecheck.errors import FacecheckError
from facecheck.storage.cache import Cache, CacheWarning

__all__ = ["Joined", "join"]

_AT_ONCE = 1000  # rows
_KEY_BYTES = 32
_LARGEST = 2**28  # bytes of a value: the vectors of a whole batch take a hundredth of it


@dataclass(frozen=True, slots=True)
class Joined:
    """What became of a cache's entries.

    Args:
        new: taken over.
        known: there already; what was there stays.
        damaged: no entry of a cache, left out.
    """

    new: int
    known: int
    damaged: int


def join(cache: Cache, folders: Sequence[Path]) -> dict[Path, Joined]:
    """Take the entries of other caches over, those of all folders or, where one is no cache, of none.

    Args:
        cache: that they are added to.
        folders: of the others.

    Raises:
        FacecheckError: a folder without a cache, or this cache cannot be written.
    """
    if not cache.writable:
        raise FacecheckError(f"{cache.path}: cannot be written")
    files = [_file(folder, cache) for folder in folders]
    for file in files:
        with _reading(file) as entries:
            next(entries, None)
    return {file.parent: _joined(cache, file) for file in files}


def _file(folder: Path, cache: Cache) -> Path:
    file = folder / cache.path.name
    if not file.is_file():
        raise FacecheckError(f"{folder}: no cache there: expected a folder with {cache.path.name} in it")
    if file.resolve() == cache.path.resolve():
        raise FacecheckError(f"{folder}: this is the cache that the others are joined to")
    return file


def _joined(cache: Cache, file: Path) -> Joined:
    new = read = damaged = 0
    with _reading(file) as entries, warnings.catch_warnings():
        warnings.simplefilter("error", CacheWarning)
        try:
            while rows := list(itertools.islice(entries, _AT_ONCE)):
                sound = [(entry, value) for entry, value in rows if _is_sound(entry, value)]
                damaged += len(rows) - len(sound)
                read += len(sound)
                new += cache.add([(bytes(entry), bytes(value)) for entry, value in sound])
        except CacheWarning as warning:
            raise FacecheckError(str(warning)) from warning
    return Joined(new, read - new, damaged)


@contextlib.contextmanager
def _reading(file: Path) -> Iterator[Iterator[tuple[bytes, bytes]]]:
    """Give the rows of a cache's file, which is not written.

    Raises:
        FacecheckError: it is no cache.
    """
    try:
        with contextlib.closing(_opened(file)) as connection:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST)
            connection.execute("PRAGMA trusted_schema=OFF")
            kinds = connection.execute("SELECT type FROM sqlite_master WHERE name = 'entry'").fetchall()
            if kinds != [("table",)]:
                raise sqlite3.DatabaseError("it has no table of entries")
            yield iter(connection.execute("SELECT key, value FROM entry"))
    except sqlite3.Error as error:
        raise FacecheckError(f"{file}: no cache of facecheck: {error}") from error


def _opened(file: Path) -> sqlite3.Connection:
    address = f"{file.resolve().as_uri()}?mode=ro"
    journal = file.with_name(f"{file.name}-wal")
    if not journal.is_file():  # closed as it should be: nothing is created beside it, on a disk that is read-only too
        address += "&immutable=1"
    return sqlite3.connect(address, uri=True)


def _is_sound(entry: object, value: object) -> bool:
    if not isinstance(entry, bytes) or len(entry) != _KEY_BYTES or not isinstance(value, bytes):
        return False
    try:
        return bool(safetensors.numpy.load(value))
    except (SafetensorError, ValueError, KeyError, TypeError):
        return False
