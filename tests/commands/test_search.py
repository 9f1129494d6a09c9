"""``facecheck search``: files of vectors to rates and matches; killed and run again; bad files named."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from facecheck.cli import main
from facecheck.metrics import gallery as module
from facecheck.metrics.gallery import search_gallery
from tests.metrics.test_gallery import made


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Write probes and a gallery, and return the arguments that name them."""
    probes, gallery = made(1)
    for name, templates in (("probes", probes), ("gallery", gallery)):
        np.save(tmp_path / f"{name}.npy", templates.vectors)
        np.save(tmp_path / f"{name}-people.npy", templates.people)
    return arguments(tmp_path)


def arguments(folder: Path, *, people: str = "npy") -> list[str]:
    """Return the arguments that name files of a folder."""
    return [
        *("search", str(folder / "gallery.npy"), str(folder / "probes.npy"), "--top", "9"),
        *("--gallery-people", str(folder / f"gallery-people.{people}")),
        *("--probe-people", str(folder / f"probes-people.{people}"), "--out", str(folder / "out")),
    ]


def matches(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return what was written."""
    with np.load(folder / "out" / "matches.npz", allow_pickle=False) as found:
        return found["similarity"], found["rows"]


def test_rates_matches_and_graphs_are_written(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the library finds, with its rates; nothing is left of the way there."""
    assert main(files) == 0

    expected = search_gallery(*made(1), distance="cosine", top=9)
    similarity, rows = matches(tmp_path)
    np.testing.assert_array_equal(similarity, expected.similarity)
    np.testing.assert_array_equal(rows, expected.rows)
    summary = json.loads((tmp_path / "out" / "search.json").read_text(encoding="utf-8"))
    mated = expected.searches.mated
    assert (summary["mated"], summary["non_mated"]) == (int(mated.sum()), int((~mated).sum()))
    first = next(each for each in summary["measurements"] if each["conditions"]["rank"] == 1)
    assert first["value"] == pytest.approx((expected.searches.ahead[mated] < 1).mean())
    ranks = [each["conditions"]["rank"] for each in summary["measurements"] if each["name"] == "identification_rate"]
    assert ranks == list(range(1, 10))  # what nine templates can show
    assert f"rank 1: {first['value']:.4f}" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("cmc.png", "det.png", "matches.npz", "search.json")
    ]


def test_people_may_be_names(files: list[str], tmp_path: Path) -> None:
    """A name a line gives what numbers give."""
    main(files)
    expected = matches(tmp_path), (tmp_path / "out" / "search.json").read_text(encoding="utf-8")
    for name in ("probes", "gallery"):
        lines = "\r\n".join(f"person {number} ü" for number in np.load(tmp_path / f"{name}-people.npy"))
        (tmp_path / f"{name}-people.txt").write_text(lines, encoding="utf-8")

    assert main(arguments(tmp_path, people="txt")) == 0

    np.testing.assert_array_equal(matches(tmp_path), expected[0])
    assert (tmp_path / "out" / "search.json").read_text(encoding="utf-8") == expected[1]


_SLOW = """
import sys, time
from facecheck.commands import search_run
from facecheck.cli import main
from facecheck.metrics import gallery
search_run._SAVED_EVERY_S, gallery.PORTION = 0, 100
take = gallery._Search.take
def slow(self, portion, probes):
    take(self, portion, probes)
    time.sleep(0.4 * (portion.start > 200))
gallery._Search.take = slow
sys.exit(main(sys.argv[1:]))
"""


def test_a_killed_search_goes_on(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed as soon as progress is on disk; the next run says so, goes on, and finds the same to the bit."""
    monkeypatch.setattr(module, "PORTION", 100)
    process = subprocess.Popen([sys.executable, "-c", _SLOW, *files], stdout=subprocess.DEVNULL)
    kept, until = tmp_path / "out" / "progress.npz", time.monotonic() + 120
    while not kept.is_file() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert kept.is_file(), "the search ended before it could be killed"

    assert main(files) == 0

    assert "an earlier search was interrupted: going on after " in capsys.readouterr().out
    expected = search_gallery(*made(1), distance="cosine", top=9)
    np.testing.assert_array_equal(matches(tmp_path)[0], expected.similarity)
    np.testing.assert_array_equal(matches(tmp_path)[1], expected.rows)
    assert not kept.exists()


def test_progress_that_does_not_fit_is_not_lost(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Damaged, or of another search: the message names the file, which stays."""
    (tmp_path / "out").mkdir()
    kept = tmp_path / "out" / "progress.npz"
    kept.write_bytes(b"PK\x03\x04 no archive")
    assert main(files) == 2
    told = capsys.readouterr().err
    assert f"{kept}: not what an interrupted search left" in told
    assert "remove it to begin again" in told

    np.savez(kept, done=100, similarity=np.zeros((130, 9)), rows=np.zeros((130, 9), np.int64), digest="0")
    assert main(files) == 2
    told = capsys.readouterr().err
    assert "belongs to other probes, another gallery or other settings" in told
    assert f"{kept} is what was found so far: remove it to begin again" in told
    assert kept.is_file()


def test_pickles_are_never_opened(files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Arrays of objects are refused wherever they are given."""
    fired = tmp_path / "fired"

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(fired),)

    bomb = np.empty(3, dtype=object)
    bomb[:] = [Bomb()] * 3
    for name in ("gallery.npy", "probes.npy", "gallery-people.npy", "probes-people.npy"):
        whole = (tmp_path / name).read_bytes()
        np.save(tmp_path / name, bomb, allow_pickle=True)
        assert main(files) == 2
        assert f"{tmp_path / name}: expected a .npy file of numbers" in capsys.readouterr().err
        (tmp_path / name).write_bytes(whole)
    (tmp_path / "out").mkdir()
    np.savez(tmp_path / "out" / "progress.npz", done=bomb, similarity=bomb, rows=bomb, digest=bomb)
    assert main(files) == 2
    assert not fired.exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gallery.npy", np.ones((700, 8)), "700 x 8 of float64, expected rows of float32 or float16"),
        ("gallery.npy", np.ones(700, np.float32), "700 of float32, expected rows"),
        ("gallery.npy", np.ones((700, 7), np.float32), "probes have 8 numbers each, templates of the gallery 7"),
        ("probes-people.npy", np.arange(129), "129 people, expected one for each of the 130 rows"),
        ("probes-people.npy", np.ones(130), "expected one whole number a row, not 1-d float64"),
        ("probes-people.npy", np.full(130, 2**63, np.uint64), "is larger than 64 bits with a sign hold"),
        ("gallery-people.npy", np.ones((700, 2), np.int64), "expected one whole number a row, not 2-d int64"),
        ("gallery.npy", b"nothing", "expected a .npy file of numbers"),
        ("gallery.npy", None, "expected a .npy file of numbers"),
    ],
)
def test_bad_files_are_named(
    files: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: np.ndarray | bytes | None,
    message: str,
) -> None:
    """With what was expected."""
    if content is None:
        (tmp_path / name).unlink()
        os.mkfifo(tmp_path / name)
    elif isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    else:
        np.save(tmp_path / name, content)

    assert main(files) == 2

    told = capsys.readouterr().err
    assert message in told
    assert str(tmp_path / name) in told


def test_names_and_numbers_do_not_mix(files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor is an empty line a name."""
    names = tmp_path / "names.txt"
    names.write_text("someone\n" * 130, encoding="utf-8")
    at = files.index("--probe-people") + 1
    assert main([*files[:at], str(names), *files[at + 1 :]]) == 2
    assert "expected numbers in both or names in both" in capsys.readouterr().err

    names.write_text("someone\n\n" * 65, encoding="utf-8")
    assert main([*files[:at], str(names), *files[at + 1 :]]) == 2
    assert f"{names}, line 2: no name, expected one a line" in capsys.readouterr().err


def test_without_mated_probes_matches_are_written(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no rate, and the best of each probe are there all the same."""
    np.save(tmp_path / "probes-people.npy", np.arange(10**6, 10**6 + 130))

    assert main(files) == 0

    assert "0 mated and 130 non-mated probes" in capsys.readouterr().out
    assert matches(tmp_path)[1].shape == (130, 9)
