"""The cache: what is kept, for how long, by how many at once, and what damage does to it."""

from __future__ import annotations

import contextlib
import pickle
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from safetensors import SafetensorError

from facecheck.storage.cache import Cache, CacheWarning, key

ONE, TWO, THREE = key("1"), key("2"), key("3")


def filled(value: int, count: int = 512) -> dict[str, npt.NDArray[np.generic]]:
    return {"embedding": np.full(count, value, dtype=np.float32)}


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    """An empty one."""
    opened = Cache(tmp_path / "cache")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(np.arange(512, dtype=np.float32), id="embedding"),
        pytest.param(np.zeros((0, 4), dtype=np.float32), id="no-faces-found"),
        pytest.param(np.array([], dtype=np.float64), id="empty"),
        pytest.param(np.array(0.6), id="scalar"),
        pytest.param(np.array([True, False]), id="booleans"),
        pytest.param(np.arange(60, dtype=np.uint8).reshape(4, 5, 3), id="pixels"),
        pytest.param(np.arange(12, dtype=np.int64).reshape(3, 4).T, id="transposed"),
        pytest.param(np.arange(12, dtype=np.float32)[::3], id="every-third"),
        pytest.param(np.array([np.nan, np.inf, -0.0], dtype=np.float32), id="nan-and-infinity"),
    ],
)
def test_arrays_come_back_as_they_were(cache: Cache, array: npt.NDArray[np.generic]) -> None:
    """Values, shape and type, whatever their order in memory."""
    cache.put({ONE: {"a": array, "b": np.ones(2)}})

    found = cache.get([ONE])[ONE]

    assert set(found) == {"a", "b"}
    np.testing.assert_array_equal(found["a"], array)
    assert (found["a"].shape, found["a"].dtype) == (array.shape, array.dtype)


def test_what_was_never_put_is_not_found(cache: Cache) -> None:
    """Only the known keys are in the answer."""
    cache.put({ONE: filled(1)})

    assert set(cache.get([ONE, TWO])) == {ONE}
    assert cache.get([]) == {}


def test_a_second_run_finds_what_the_first_one_kept(tmp_path: Path) -> None:
    """On disk, not in memory."""
    first = Cache(tmp_path)
    first.put({ONE: filled(1)})
    first.close()

    second = Cache(tmp_path)

    assert second.get([ONE])[ONE]["embedding"][0] == 1
    second.close()


def test_a_new_value_replaces_the_old_one(cache: Cache) -> None:
    """The last one counts."""
    cache.put({ONE: filled(1)})
    cache.put({ONE: filled(2)})

    assert cache.get([ONE])[ONE]["embedding"][0] == 2


def test_many_keys_are_found_at_once(cache: Cache) -> None:
    """More than a statement of SQLite may have variables."""
    keys = [key(str(number)) for number in range(1201)]
    cache.put({each: filled(number, 1) for number, each in enumerate(keys)})

    found = cache.get(keys + keys)

    assert [int(found[each]["embedding"][0]) for each in keys] == list(range(1201))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("ab", "c"), ("a", "bc"), id="where-a-part-ends"),
        pytest.param(("a", ""), ("a",), id="an-empty-part"),
        pytest.param(("a", "b"), ("b", "a"), id="order"),
        pytest.param((), ("",), id="no-part"),
    ],
)
def test_keys_of_different_parts_differ(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    """Two results under one key would be mistaken for each other."""
    assert key(*one) != key(*other)


def test_text_and_its_bytes_are_one_part() -> None:
    """A key does not depend on how a part was written."""
    assert key("blur:2") == key(b"blur:2")


def test_nothing_is_unpickled(cache: Cache) -> None:
    """A pickle in the file is a damaged entry, not a program."""
    loaded: list[int] = []

    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return loaded.append, (1,)

    with contextlib.closing(sqlite3.connect(cache.path)) as connection, connection:
        connection.execute("INSERT INTO entry VALUES (?, ?, ?)", (ONE, pickle.dumps(Trap()), time.time()))

    assert cache.get([ONE]) == {}
    assert loaded == []


def test_objects_are_not_pickled_either(cache: Cache) -> None:
    """What is no plain array is refused when it is put."""
    with pytest.raises(SafetensorError, match="object"):
        cache.put({ONE: {"a": np.array([object()])}})


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"rubbish", id="rubbish"),
        pytest.param(b"\xff" * 400, id="a-head-beyond-all-measure"),
        pytest.param(b"\x02" + b"\0" * 7 + b"[]", id="a-head-of-another-kind"),
    ],
)
def test_a_damaged_entry_is_not_found_and_can_be_made_again(cache: Cache, value: bytes) -> None:
    """Its neighbours are not touched by it."""
    cache.put({ONE: filled(1), TWO: filled(2)})
    with contextlib.closing(sqlite3.connect(cache.path)) as connection, connection:
        connection.execute("UPDATE entry SET value = ? WHERE key = ?", (value, ONE))

    assert set(cache.get([ONE, TWO])) == {TWO}
    cache.put({ONE: filled(3)})
    assert cache.get([ONE])[ONE]["embedding"][0] == 3


@pytest.mark.parametrize("cut", [1, 100, 2000])
def test_an_entry_cut_short_is_not_found(cache: Cache, cut: int) -> None:
    """Part of an embedding is of no use."""
    cache.put({ONE: filled(1)})
    with contextlib.closing(sqlite3.connect(cache.path)) as connection, connection:
        connection.execute("UPDATE entry SET value = substr(value, 1, length(value) - ?)", (cut,))

    assert cache.get([ONE]) == {}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"this is no database" * 100, id="text"),
        pytest.param(b"SQLite format 3\0" + b"\xff" * 5000, id="head"),
    ],
)
def test_a_damaged_file_warns_and_the_run_goes_on(tmp_path: Path, content: bytes) -> None:
    """Nothing is kept, nothing fails; the warning names the file and what to do."""
    (tmp_path / "results.sqlite").write_bytes(content)

    with pytest.warns(
        CacheWarning, match=r"results\.sqlite cannot be used .*--facecheck-cache or FACECHECK_CACHE"
    ) as seen:
        cache = Cache(tmp_path)

    assert "'facecheck cache clear'" in str(seen[0].message)
    cache.put({ONE: filled(1)})
    assert cache.get([ONE]) == {}
    assert cache.size_bytes() == 0
    cache.close()


def test_damage_in_the_middle_of_the_file_warns_and_the_run_goes_on(tmp_path: Path) -> None:
    """Found late, when the page is read: the entries of this run are simply made."""
    cache = Cache(tmp_path)
    cache.put({key(str(number)): filled(number) for number in range(100)})
    cache.close()
    content = bytearray(cache.path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    cache.path.write_bytes(content)

    def use() -> object:
        again = Cache(tmp_path)
        found = again.get([key(str(number)) for number in range(100)])
        again.put({ONE: filled(1)})
        again.close()
        return found

    with pytest.warns(CacheWarning, match=r"results\.sqlite (failed|cannot be)"):
        found = use()

    assert found == {}


def test_a_damaged_file_can_be_cleared(tmp_path: Path) -> None:
    """As the warning says; afterwards it works again."""
    (tmp_path / "results.sqlite").write_bytes(b"no database" * 100)
    with pytest.warns(CacheWarning):
        Cache(tmp_path).clear()

    cache = Cache(tmp_path)
    cache.put({ONE: filled(1)})

    assert set(cache.get([ONE])) == {ONE}
    cache.close()


def test_clearing_leaves_no_file(cache: Cache) -> None:
    """Nor its journals."""
    cache.put({ONE: filled(1)})

    cache.clear()

    assert list(cache.path.parent.iterdir()) == []
    assert cache.get([ONE]) == {}


def test_an_unfit_folder_warns_and_the_run_goes_on(tmp_path: Path) -> None:
    """There is a file where the folder should be."""
    (tmp_path / "cache").write_bytes(b"mine")

    with pytest.warns(CacheWarning, match="cannot be used .*: nothing is kept for the next run"):
        cache = Cache(tmp_path / "cache")

    cache.put({ONE: filled(1)})
    assert cache.get([ONE]) == {}
    cache.close()
    assert (tmp_path / "cache").read_bytes() == b"mine"


@pytest.mark.parametrize("forbidden", ["folder", "file"])
def test_a_read_only_cache_is_read_and_not_written(
    forbidden: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A colleague's cache, or a disk mounted read-only; tests that run as root can only pretend.

    Where the folder is forbidden SQLite cannot open its journal; where only the file is, it opens it for
    reading without a word, and the first write fails.
    """
    first = Cache(tmp_path)
    first.put({ONE: filled(1)})
    first.close()
    before = first.path.read_bytes()
    connect = sqlite3.connect

    def read_only(address: str, **options: object) -> sqlite3.Connection:
        if "mode=ro" in address:
            return connect(address, **options)  # type: ignore[call-overload, no-any-return]
        if forbidden == "folder":
            raise sqlite3.OperationalError("unable to open database file")
        return connect(f"{address}?mode=ro", **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(sqlite3, "connect", read_only)

    def use() -> list[set[bytes]]:
        cache = Cache(tmp_path)
        found = [set(cache.get([ONE]))]
        cache.put({TWO: filled(2)})
        found.append(set(cache.get([ONE, TWO])))
        cache.close()
        return found

    with pytest.warns(CacheWarning, match="cannot be written .*: what is in it is used, nothing is added"):
        found = use()

    assert found == [{ONE}, {ONE}]
    assert first.path.read_bytes() == before


def test_a_disk_that_fills_up_warns_once_and_the_run_goes_on(cache: Cache) -> None:
    """The write that fails is the last one."""
    cache.put({ONE: filled(1)})
    assert cache._connection is not None
    pages = cache._connection.execute("PRAGMA page_count").fetchone()[0]
    cache._connection.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.warns(CacheWarning, match="failed .*full.*: this run goes on without it"):
        cache.put({key(str(number)): filled(number) for number in range(100)})

    cache.put({TWO: filled(2)})
    assert cache.get([ONE]) == {}


def test_a_failure_in_one_thread_does_not_end_another(cache: Cache) -> None:
    """The second one has passed the check for a connection and waits for the lock while the first gives up."""
    cache.put({ONE: filled(1)})
    finished: list[str] = []

    def read() -> None:
        assert cache.get([ONE]) == {}
        finished.append("read")

    def write() -> None:
        cache.put({TWO: filled(2)})
        finished.append("write")

    waiting = [threading.Thread(target=read), threading.Thread(target=write)]
    with cache._lock:
        for thread in waiting:
            thread.start()
        time.sleep(0.2)
        with pytest.warns(CacheWarning, match="this run goes on without it"):
            cache._give_up(sqlite3.OperationalError("disk I/O error"))
    for thread in waiting:
        thread.join()

    assert sorted(finished) == ["read", "write"]


def bounded(folder: Path, monkeypatch: pytest.MonkeyPatch, *, count: int, max_bytes: int) -> Cache:
    """Return a closed cache into which this many entries were put, an hour and more apart."""
    cache = Cache(folder, max_bytes=max_bytes)
    for number in range(count):
        monkeypatch.setattr(time, "time", lambda number=number: 1e9 + 4000 * number)
        cache.put({key(str(number)): filled(number)})
    cache.get([key("0")])
    cache.close()
    return cache


def test_the_least_recently_used_entry_is_removed_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entry 0 is the oldest, but was used last."""
    bounded(tmp_path, monkeypatch, count=100, max_bytes=100_000)

    again = Cache(tmp_path)
    left = [number for number in range(100) if again.get([key(str(number))])]
    again.close()

    assert left[0] == 0
    assert 5 < len(left) < 50
    assert left[1:] == list(range(100 - len(left) + 1, 100))


@pytest.mark.parametrize("max_bytes", [100_000, 400_000])
def test_the_file_keeps_within_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, max_bytes: int) -> None:
    """The bound is on the bytes on the user's disk."""
    bounded(tmp_path, monkeypatch, count=300, max_bytes=max_bytes)

    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= max_bytes


def test_a_cache_within_its_bound_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing removes nothing."""
    bounded(tmp_path, monkeypatch, count=50, max_bytes=10**7)

    again = Cache(tmp_path)
    assert len(again.get([key(str(number)) for number in range(50)])) == 50
    again.close()


def test_the_size_is_about_what_the_disk_says(cache: Cache) -> None:
    """``facecheck cache info`` reports it."""
    assert cache.size_bytes() == 0
    cache.put({key(str(number)): filled(number) for number in range(500)})
    size = cache.size_bytes()
    cache.close()

    assert size == pytest.approx(cache.path.stat().st_size, rel=0.2)


WRITER = """
import sys, time, warnings
from pathlib import Path
import numpy as np
from facecheck.storage.cache import Cache, key

warnings.simplefilter("error")
root, me = Path(sys.argv[1]), sys.argv[2]
(root / f"ready-{me}").touch()
while len(list(root.glob("ready-*"))) < 3:
    time.sleep(0.001)
start = time.time() // 1 + 1.5  # the same moment for all
for turn in range(40):
    while time.time() < start + turn * 0.04:
        pass
    cache = Cache(root / str(turn))
    for number in range(5):
        cache.put({key(me, str(number)): {"a": np.arange(64.0)}, key("shared", str(number)): {"a": np.arange(64.0)}})
        assert len(cache.get([key(me, str(n)) for n in range(number + 1)])) == number + 1
    cache.close()
"""


def test_processes_that_open_and_write_at_once_lose_nothing(tmp_path: Path) -> None:
    """Three of them, forty times a new file at the same moment, with every warning an error."""
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(me)], stderr=subprocess.PIPE, text=True)
        for me in range(3)
    ]
    failures = [process.communicate(timeout=60)[1] for process in running]

    assert failures == ["", "", ""]
    assert [process.returncode for process in running] == [0, 0, 0]
    for turn in range(40):
        cache = Cache(tmp_path / str(turn))
        wanted = [key(who, str(number)) for who in ("0", "1", "2", "shared") for number in range(5)]
        assert len(cache.get(wanted)) == 20
        cache.close()


def test_a_file_that_is_being_made_is_waited_for(tmp_path: Path) -> None:
    """Another process holds it for a moment while it sets it up: that is no reason to go without a cache."""
    rival = sqlite3.connect(tmp_path / "results.sqlite", isolation_level=None, check_same_thread=False)
    rival.execute("BEGIN EXCLUSIVE")
    rival.execute("CREATE TABLE other (a)")
    release = threading.Timer(0.3, lambda: rival.execute("COMMIT"))
    release.start()

    try:
        cache = Cache(tmp_path)
    finally:
        release.join()
        rival.close()
    cache.put({ONE: filled(1)})

    assert set(cache.get([ONE])) == {ONE}
    cache.close()


def test_one_process_may_make_room_while_another_reads(tmp_path: Path) -> None:
    """The bound of one run does not end another."""
    one, other = Cache(tmp_path, max_bytes=100_000), Cache(tmp_path)
    one.put({key(str(number)): filled(number) for number in range(100)})
    assert len(other.get([key(str(number)) for number in range(100)])) == 100

    one.close()
    other.put({THREE: filled(3)})

    assert set(other.get([THREE])) == {THREE}
    assert 0 < len(other.get([key(str(number)) for number in range(100)])) < 100
    other.close()
