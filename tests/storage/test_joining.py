"""Joining caches: what is taken over, what stays, and what is refused."""

from __future__ import annotations

import contextlib
import pickle
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from facecheck.cli import main
from facecheck.errors import FacecheckError
from facecheck.storage.cache import Cache, CacheWarning, key
from facecheck.storage.joining import Joined, join

ONE, TWO, THREE = key("1"), key("2"), key("3")


def made(folder: Path, **entries: int) -> Path:
    """Return the folder of a cache that holds these numbers under these names."""
    cache = Cache(folder)
    cache.put({key(name): {"a": np.full(3, value)} for name, value in entries.items()})
    cache.close()
    return folder


def altered(folder: Path, statement: str, *values: object) -> Path:
    with contextlib.closing(sqlite3.connect(folder / "results.sqlite")) as connection, connection:
        connection.execute(statement, values)
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    """The one that others are joined to, with an entry of its own."""
    opened = Cache(made(tmp_path / "own", **{"1": 1}))
    yield opened
    opened.close()


def test_entries_of_all_others_are_found_and_what_was_there_stays(cache: Cache, tmp_path: Path) -> None:
    """Shards leave a cache each; where two hold the same entry the first one counts."""
    first = made(tmp_path / "first", **{"1": 10, "2": 2})
    second = made(tmp_path / "second", **{"2": 20, "3": 3})

    joined = join(cache, [first, second])

    assert joined == {first: Joined(1, 1, 0), second: Joined(1, 1, 0)}
    assert {k: int(v["a"][0]) for k, v in cache.get([ONE, TWO, THREE]).items()} == {ONE: 1, TWO: 2, THREE: 3}


def test_many_entries_are_joined(cache: Cache, tmp_path: Path) -> None:
    """More than are read at once; a second time none is new."""
    other = made(tmp_path / "other", **{f"n{number}": number for number in range(2500)})

    assert join(cache, [other])[other] == Joined(2500, 0, 0)
    assert join(cache, [other])[other] == Joined(0, 2500, 0)


def test_the_other_cache_is_not_touched(cache: Cache, tmp_path: Path) -> None:
    """Nor is a file made beside it: it may lie on a disk that is read-only."""
    other = made(tmp_path / "other", **{"2": 2})
    before = {path.name: path.read_bytes() for path in other.iterdir()}

    join(cache, [other])

    assert {path.name: path.read_bytes() for path in other.iterdir()} == before


def test_what_a_killed_shard_had_written_is_joined(cache: Cache, tmp_path: Path) -> None:
    """Its journal lies beside the file still."""
    other = Cache(tmp_path / "other")
    other.put({TWO: {"a": np.zeros(3)}})

    joined = join(cache, [tmp_path / "other"])

    assert (tmp_path / "other" / "results.sqlite-wal").stat().st_size
    assert joined[tmp_path / "other"].new == 1
    other.close()


def _trap(loaded: list[int]) -> bytes:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return loaded.append, (1,)

    return pickle.dumps(Trap())


def test_what_is_no_value_is_left_out_and_counted(cache: Cache, tmp_path: Path) -> None:
    """A pickle is not loaded, a key of another length is no key."""
    loaded: list[int] = []
    other = made(tmp_path / "other", **{"2": 2, "3": 3, "4": 4, "5": 5})
    altered(other, "UPDATE entry SET value = ? WHERE key = ?", _trap(loaded), TWO)
    altered(other, "UPDATE entry SET value = 'text' WHERE key = ?", THREE)
    altered(other, "UPDATE entry SET key = x'00' WHERE key = ?", key("4"))

    assert join(cache, [other])[other] == Joined(new=1, known=0, damaged=3)
    assert loaded == []
    assert set(cache.get([TWO, THREE, key("4"), key("5")])) == {key("5")}


def _text(folder: Path) -> None:
    (folder / "results.sqlite").write_bytes(b"this is no database" * 100)


def _empty(folder: Path) -> None:
    (folder / "results.sqlite").write_bytes(b"")


def _other_table(folder: Path) -> None:
    altered(folder, "CREATE TABLE face (name TEXT)")


def _view(folder: Path) -> None:
    altered(folder, "CREATE VIEW entry AS SELECT zeroblob(32) AS key, zeroblob(1e9) AS value")


def _other_columns(folder: Path) -> None:
    altered(folder, "CREATE TABLE entry (name TEXT)")


def _huge(folder: Path) -> None:
    altered(folder, "CREATE TABLE entry (key BLOB, value BLOB AS (zeroblob(300000000)))")
    altered(folder, "INSERT INTO entry (key) VALUES (zeroblob(32))")


@pytest.mark.parametrize(
    "spoil", [_text, _empty, _other_table, _view, _other_columns, _huge], ids=lambda spoil: spoil.__name__.strip("_")
)
def test_a_file_that_is_no_cache_is_refused(cache: Cache, tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    """And nothing of the sound ones beside it is joined."""
    sound, other = made(tmp_path / "sound", **{"2": 2}), tmp_path / "other"
    other.mkdir()
    spoil(other)

    with pytest.raises(FacecheckError, match=r"other/results\.sqlite: no cache of facecheck: "):
        join(cache, [sound, other])

    assert cache.get([TWO]) == {}


@pytest.mark.parametrize(("other", "message"), [("gone", "no cache there"), ("own", "that the others are joined to")])
def test_a_folder_that_cannot_be_joined_is_refused(cache: Cache, tmp_path: Path, other: str, message: str) -> None:
    """There is none, or it is the same."""
    with pytest.raises(FacecheckError, match=message):
        join(cache, [tmp_path / other])


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """A run does without its cache, a join is for nothing else."""
    other = made(tmp_path / "other", **{"2": 2})
    (tmp_path / "own").write_bytes(b"mine")

    with pytest.warns(CacheWarning):
        cache = Cache(tmp_path / "own")
    with pytest.raises(FacecheckError, match="cannot be written"):
        join(cache, [other])


def test_the_command_says_what_was_joined(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of each folder, and how large the cache is; the cache is made if there is none."""
    other = made(tmp_path / "other", **{"2": 2})

    assert main(["cache", "join", str(other), "--folder", str(tmp_path / "own")]) == 0

    told = capsys.readouterr().out
    assert f"{other}: 1 new, 0 known\n" in told
    assert f"{tmp_path / 'own' / 'results.sqlite'}: 0.0 MiB" in told


@pytest.mark.parametrize("words", [["join"], ["info", "other"], ["clear", "other"]], ids="-".join)
def test_folders_are_for_join_alone(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """And join needs one: ``cache clear FOLDER`` must not empty another cache than it seems to."""
    assert main(["cache", *words]) == 2
    assert "expected 'cache join FOLDER...'" in capsys.readouterr().err
