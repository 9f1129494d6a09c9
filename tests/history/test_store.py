"""The history: what goes in comes out, whole or not at all, from many writers, in SQLite and in PostgreSQL."""

import dataclasses
import datetime as dt
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from facecheck.errors import FacecheckError
from facecheck.history import store
from facecheck.history.keeping import import_runs, kept, run_folders
from facecheck.history.store import History, HistoryError, address, shown_address
from facecheck.results.conditions import DEPLOYED, Conditions
from facecheck.results.run import Run
from tests.support.histories import recorded, written

ROOT = Path(__file__).parents[2]
WRITER = """
import sys
from pathlib import Path
from facecheck.history.store import History
from tests.support.histories import recorded
with History(sys.argv[1]) as history:
    for number in range(500):
        history.add(recorded(number, prefix=sys.argv[2]), Path("/nowhere"))
"""


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


def program(name: str) -> str | None:
    """Return a program of PostgreSQL, on the path or where Debian puts it."""
    places = [shutil.which(name), *sorted(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), reverse=True)]
    return next((place for place in places if place and Path(place).is_file()), None)


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server in a folder of its own; it refuses to run as root."""
    control, make = program("pg_ctl"), program("initdb")
    if control is None or make is None:
        pytest.skip("no PostgreSQL server is installed: apt-get install postgresql")
    folder = tmp_path_factory.mktemp("postgresql")
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    if user:
        for parent in (folder, *folder.parents):
            if parent.stat().st_uid == 0 and parent != Path("/") and not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o055)
        os.chown(folder, 65534, 65534)
    port, place = free_port(), folder / "data"
    settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    environment = {**os.environ, "LC_ALL": "C"}
    for command in (
        [make, "-D", str(place), "-U", "face", "--auth=trust"],
        [control, "-D", str(place), "-w", "-l", str(folder / "log"), "-o", settings, "start"],
    ):
        done = subprocess.run(
            [*user, *command], env=environment, cwd=folder, capture_output=True, text=True, timeout=120, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    yield f"postgresql://face@127.0.0.1:{port}/postgres"
    subprocess.run(
        [*user, control, "-D", str(place), "-m", "immediate", "stop"], env=environment, cwd=folder, check=True,
        capture_output=True,
    )  # fmt: skip


def two_writers(url: str) -> list[int]:
    """Write 500 runs from each of two processes at once; return their exit statuses."""
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, url, prefix], cwd=ROOT) for prefix in ("ann", "eve")]
    return [writer.wait(timeout=600) for writer in writers]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Run, model, data, counts, and every measurement with its conditions."""
    run = recorded(3, version="7")
    with History(tmp_path / "deep" / "h.sqlite") as history:
        history.add(run, tmp_path / "a")
        history.add(recorded(1, line="gate"), tmp_path / "b")
        (found,) = history.runs(line="door")
        points = history.points(line="door", dataset="lfw-pairs")
        assert [each.id for each in history.runs()] == ["run-0001", "run-0003"]
        assert [each.id for each in history.runs(since=dt.datetime(2026, 1, 3, tzinfo=dt.UTC))] == ["run-0003"]
        assert history.lines() == ["door", "gate"]
        assert history.folders() == {"a", "b"}

    assert (found.id, found.commit, found.dirty, found.machine["device"]) == ("run-0003", "1" * 40, False, "cpu")
    assert found.started == dt.datetime(2026, 1, 4, 12, tzinfo=dt.UTC)
    assert found.models["door-model"]["weights"] == run.signature.models[0].contract["weights_sha256"]
    assert found.counts == {("verdict", "passed"): 1, ("change", "not worse"): 1}
    by_conditions = {(point.name, point.conditions): point for point in points}
    for m in run.measurements:
        point = by_conditions[m.name, m.conditions]
        assert (point.value, point.low, point.high, point.n) == (m.value, m.low, m.high, m.n)


def test_writing_a_run_twice_changes_nothing(tmp_path: Path) -> None:
    """And writing it again with other numbers replaces them."""
    with History(tmp_path / "h.sqlite") as history:
        for accuracy in (0.9, 0.9, 0.8):
            history.add(recorded(0, accuracy=accuracy), tmp_path)
        points = history.points(name="accuracy")
        assert len(history.runs()) == 1
    assert {p.conditions: p.value for p in points} == {
        DEPLOYED: 0.8,
        DEPLOYED | Conditions(corruption="blur", level=3): pytest.approx(0.7),
    }


def test_two_processes_write_five_hundred_runs_each(tmp_path: Path) -> None:
    """A thousand are there, in SQLite."""
    path = tmp_path / "h.sqlite"

    assert two_writers(str(path)) == [0, 0]
    with History(path) as history:
        assert len({run.id for run in history.runs()}) == 1000
        assert len(history.points(name="auc")) == 1000


def test_two_processes_write_five_hundred_runs_each_into_postgresql(postgresql: str) -> None:
    """The same in a real server, and the same numbers."""
    assert two_writers(postgresql) == [0, 0]
    with History(postgresql) as history:
        assert len({run.id for run in history.runs()}) == 1000
        assert len(history.points(name="auc", line="door")) == 1000
        assert {point.value for point in history.points(name="auc")} == {0.999}


def test_a_killed_writer_leaves_whole_runs(tmp_path: Path) -> None:
    """``kill -9`` at any time: each run is there whole or not at all, and the next writer goes on."""
    path = tmp_path / "h.sqlite"
    for turn in range(3):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path), f"k{turn}"], cwd=ROOT)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and (not path.exists() or _count(path) < 20 * (turn + 1)):
            time.sleep(0.02)
        writer.send_signal(signal.SIGKILL)
        writer.wait()

    with History(path) as history:
        history.add(recorded(0, prefix="after"), tmp_path)
        runs, points = history.runs(), history.points(name="auc")
        assert {run.id for run in runs} == {point.run for point in points}
        assert all(run.counts for run in runs)
        assert "after-0000" in {run.id for run in runs}


def _count(path: Path) -> int:
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            return int(connection.execute("SELECT count(*) FROM run").fetchone()[0])
    except sqlite3.Error:
        return 0


def test_a_full_disk_costs_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database may not grow: the run's folder stays, the line says what to do, and later it goes in."""
    reports = tmp_path / "reports"
    path = reports / "history.sqlite"
    first, second = written(recorded(0), reports), written(recorded(1), reports)
    assert kept(first, path) == [
        "history: 1 earlier run(s) were missing, such as " + str(second) + ", and are there now"
    ]
    third = written(_large(recorded(2)), reports)
    with sqlite3.connect(path) as connection:  # no file system is needed to be full: SQLite refuses the same way
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    original = store._engine

    def full(url: sa.URL, wait_s: float) -> sa.Engine:
        engine = original(url, wait_s)
        sa.event.listen(engine, "connect", lambda c, _: c.execute(f"PRAGMA max_page_count={pages}"))
        return engine

    with monkeypatch.context() as patched:
        patched.setattr(store, "_engine", full)
        (line,) = kept(third, path)
    assert "full" in line
    assert f"facecheck history import {third}" in line
    assert Run.read(third).id == "run-0002"
    with History(path) as history:
        assert len(history.runs()) == 2
    kept(third, path)
    with History(path) as history:
        assert len(history.runs()) == 3


def _large(run: Run) -> Run:
    more = [
        dataclasses.replace(run.measurements[0], conditions=DEPLOYED | Conditions(corruption=f"c{n}", level=1.0))
        for n in range(2000)
    ]
    return dataclasses.replace(run, measurements=(*run.measurements, *more))


def test_the_database_is_made_again_from_the_folders(tmp_path: Path) -> None:
    """Damaged folders are named, the others kept; links are not followed."""
    reports = tmp_path / "reports"
    for number in range(3):
        written(recorded(number), reports)
    (reports / "broken").mkdir()
    (reports / "broken" / "results.json").write_text("{")
    (reports / "latest").symlink_to(reports / "run-0002")
    with History(tmp_path / "h.sqlite") as history:
        found = dict(import_runs(history, run_folders(reports)))
        assert [run.id for run in history.runs()] == ["run-0000", "run-0001", "run-0002"]
    assert "not the results of a facecheck run" in found.pop(str(reports / "broken"))
    assert set(found.values()) == {""}
    assert len(found) == 3


def test_a_run_without_a_time_is_left_out(tmp_path: Path) -> None:
    """Runs of the first schema have none."""
    with History(tmp_path / "h.sqlite") as history:
        for run in (dataclasses.replace(recorded(0), started=""), dataclasses.replace(recorded(0), id="")):
            with pytest.raises(FacecheckError, match=r"no time of a run|without an id"):
                history.add(run, tmp_path)
        assert history.runs() == []


def test_a_database_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forward step by step; one of a newer facecheck is refused and left alone."""
    path = tmp_path / "h.sqlite"
    with History(path) as history:
        history.add(recorded(0), tmp_path)
    monkeypatch.setattr(
        store, "MIGRATIONS", {2: ["ALTER TABLE run ADD COLUMN note TEXT"], 3: ["UPDATE run SET note = 'moved'"]}
    )
    with History(path) as history:
        assert len(history.runs()) == 1
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT note FROM run").fetchall() == [("moved",)]
        assert connection.execute("SELECT version FROM facecheck_schema").fetchall() == [(3,)]
    monkeypatch.undo()
    with pytest.raises(HistoryError, match=r"written by a newer facecheck \(schema 3\): upgrade"):
        History(path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("postgresql://ann:secret@127.0.0.1:1/faces", r"history postgresql://ann:\*\*\*@127.0.0.1:1/faces: "),
        ("nonsense://x", "history nonsense"),
    ],
)
def test_a_database_that_cannot_be_reached_is_named_without_its_password(given: str, message: str) -> None:
    """And not as a traceback."""
    with pytest.raises(HistoryError, match=message) as raised:
        History(given, wait_s=2)
    assert "secret" not in str(raised.value)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """It is left as it is."""
    path = tmp_path / "h.sqlite"
    path.write_text("no database" * 100)

    with pytest.raises(HistoryError, match=r"h\.sqlite: file is not a database"):
        History(path)
    assert path.read_text().startswith("no database")


def test_addresses() -> None:
    """A path is SQLite; PostgreSQL gets its driver; what is no URL hides everything."""
    assert address("postgres://u@h/d") == "postgresql+psycopg://u@h/d"
    assert address(Path("a/b.sqlite")) == "sqlite:///a/b.sqlite"
    assert shown_address("x://u:p@h:port/d") == "x://..."
