"""Finished work on disk, keyed by content: detections and embeddings survive the run that made them.

One SQLite file in write-ahead mode, so that any number of processes share it. Values are plain arrays in
safetensors' format: nothing is unpickled. The file is bounded: the least recently used entries are removed first. A
cache that cannot be used costs time, but never stops the run.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import safetensors.numpy
from filelock import FileLock, Timeout
from safetensors import SafetensorError

__all__ = ["USUAL_BYTES", "Arrays", "Cache", "CacheWarning", "key"]

Arrays = Mapping[str, npt.NDArray[np.generic]]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (key BLOB PRIMARY KEY, value BLOB NOT NULL, used REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entry_used ON entry (used);
"""
USUAL_BYTES = 8 * 2**30
_BUSY_S = 60.0
_AT_ONCE = 500  # variables in one statement
_FILL = 0.8  # of the bound, after making room


class CacheWarning(UserWarning):
    """The cache cannot be used as asked; results are correct, the next run is slower."""


def key(*parts: bytes | str) -> bytes:
    """Return one key for these parts; where one ends and the next begins matters.

    >>> key("ab", "c") == key("a", "bc")
    False
    """
    total = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        total.update(len(content).to_bytes(8, "little") + content)
    return total.digest()


class Cache:
    """A bounded store of arrays.

    Args:
        folder: where ``results.sqlite`` lies or will lie.
        max_bytes: bound on the file's size, enforced when the cache is closed.
    """

    def __init__(self, folder: Path, *, max_bytes: int = USUAL_BYTES) -> None:
        self.path = folder / "results.sqlite"
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        self._writable = True
        self._connection = self._open()

    def _open(self) -> sqlite3.Connection | None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Switching to write-ahead mode does not wait for others: processes that start together take turns.
            with FileLock(f"{self.path}.lock", timeout=_BUSY_S):
                return _connected(f"{self.path.resolve().as_uri()}", f"PRAGMA journal_mode=WAL;{_SCHEMA}")
        except (OSError, Timeout, sqlite3.Error) as error:
            self._writable = False
            return self._open_for_reading(error)

    def _open_for_reading(self, why: Exception) -> sqlite3.Connection | None:
        if not self.path.is_file():
            self._warn(f"cannot be used ({why}): nothing is kept for the next run")
            return None
        try:
            # No process writes where writing is not possible; without immutable=1 SQLite creates files beside it.
            address = f"{self.path.resolve().as_uri()}?mode=ro&immutable=1"
            connection = _connected(address, "SELECT count(*) FROM entry WHERE key = x'00'")
        except sqlite3.Error:
            self._warn(f"cannot be used ({why}): nothing is kept for the next run")
            return None
        self._warn(f"cannot be written ({why}): what is in it is used, nothing is added")
        return connection

    def _warn(self, what: str) -> None:
        warnings.warn(
            f"the cache {self.path} {what}. Choose another folder with --facecheck-cache or FACECHECK_CACHE, "
            "or remove a damaged one with 'facecheck cache clear'",
            CacheWarning,
            stacklevel=2,
        )

    @property
    def writable(self) -> bool:
        """Whether what is put is kept, as far as is known."""
        return self._connection is not None and self._writable

    def get(self, keys: Iterable[bytes]) -> dict[bytes, dict[str, npt.NDArray[np.generic]]]:
        """Return what is known of these keys, and note that it was used."""
        wanted = list(dict.fromkeys(keys))
        found: dict[bytes, dict[str, npt.NDArray[np.generic]]] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            portion = wanted[start : start + _AT_ONCE]
            marks = ",".join("?" * len(portion))
            for entry, value in self._execute(f"SELECT key, value FROM entry WHERE key IN ({marks})", portion):  # noqa: S608 - question marks only
                try:
                    found[bytes(entry)] = dict(safetensors.numpy.load(value))
                except (SafetensorError, ValueError, KeyError):
                    continue  # a damaged value is made again and overwritten
        self._note_use(list(found))
        return found

    def put(self, entries: Mapping[bytes, Arrays]) -> None:
        """Keep these arrays; an entry that is there already is replaced."""
        now = time.time()
        rows = [(k, _packed(arrays), now) for k, arrays in entries.items()]
        self._write("INSERT OR REPLACE INTO entry VALUES (?, ?, ?)", rows)

    def add(self, entries: Sequence[tuple[bytes, bytes]]) -> int:
        """Keep values that another cache packed, and return how many are new; an entry that is there already stays."""
        now = time.time()
        before = self._changes()
        self._write("INSERT OR IGNORE INTO entry VALUES (?, ?, ?)", [(k, value, now) for k, value in entries])
        return self._changes() - before

    def _changes(self) -> int:
        return 0 if self._connection is None else self._connection.total_changes

    def _note_use(self, keys: Sequence[bytes]) -> None:
        now = time.time()
        self._write("UPDATE entry SET used = ? WHERE key = ? AND used < ?", [(now, k, now - 3600) for k in keys])

    def _execute(self, statement: str, values: Sequence[object]) -> list[tuple[bytes, bytes]]:
        with self._lock:
            if self._connection is None:
                return []
            try:
                return self._connection.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                self._give_up(error)
                return []

    def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        with self._lock:
            if self._connection is None or not self._writable or not rows:
                return
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.executemany(statement, rows)
                self._connection.execute("COMMIT")
            except sqlite3.OperationalError as error:
                if "readonly" not in str(error):
                    self._give_up(error)
                    return
                self._writable = False
                self._warn(f"cannot be written ({error}): what is in it is used, nothing is added")
            except sqlite3.Error as error:
                self._give_up(error)

    def _give_up(self, why: Exception) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._warn(f"failed ({why}): this run goes on without it")

    def size_bytes(self) -> int:
        """Return the size of what is kept, in whole pages of the file; 0 if nothing is."""
        if not self._execute("SELECT key, x'' FROM entry LIMIT 1", ()):
            return 0
        pages = "SELECT (page_count - freelist_count) * page_size, x'' "
        rows = self._execute(f"{pages} FROM pragma_page_count, pragma_freelist_count, pragma_page_size", ())
        return int(rows[0][0]) if rows else 0

    def clear(self) -> None:
        """Remove the file, even a damaged one."""
        self.close(make_room=False)
        for suffix in ("", "-wal", "-shm", ".lock"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)

    def close(self, *, make_room: bool = True) -> None:
        """Close the file; if it exceeds its bound, first remove the least recently used entries."""
        if make_room and self._writable and self.size_bytes() > self.max_bytes:
            self._make_room(int(self.max_bytes * _FILL))
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _make_room(self, goal: int) -> None:
        """Remove the least recently used entries, a tenth at a time: the size is known only afterwards."""
        while self.size_bytes() > goal:
            rows = self._execute("SELECT key, x'' FROM entry ORDER BY used", ())
            if not rows:
                break
            self._write("DELETE FROM entry WHERE key = ?", [(row[0],) for row in rows[: max(1, len(rows) // 10)]])
        self._execute("VACUUM", ())
        self._execute("PRAGMA wal_checkpoint(TRUNCATE)", ())


def _connected(address: str, script: str) -> sqlite3.Connection:
    """Connect and run a first script; a connection that cannot is closed."""
    connection = sqlite3.connect(address, uri=True, timeout=_BUSY_S, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.executescript(script)
    except BaseException:
        connection.close()
        raise
    return connection


def _packed(arrays: Arrays) -> bytes:
    # safetensors writes memory in its stored order: a transposed array would be read back scrambled.
    return safetensors.numpy.save({name: np.require(array, requirements="C") for name, array in arrays.items()})
