"""Since when is it worse? Drifts and steps are found and placed, and nothing is found where nothing changed."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facecheck.cli import main
from facecheck.history.lines import told_changes, trend_lines
from facecheck.history.store import History
from facecheck.history.trend import change_points, cusum, versions
from tests.support.histories import drifting, recorded, written


def slow_cusum(values: list[float]) -> float:
    """Return the largest standardised difference between the sums before and after any place, counted one by one."""
    n, mean, spread = len(values), np.mean(values), np.std(values)
    if not spread > 0:
        return 0.0
    found: list[float] = [abs(sum(values[:k]) - k * mean) / spread / np.sqrt(k * (n - k) / n) for k in range(1, n)]
    return float(max(found))


@settings(deadline=None)
@given(st.lists(st.integers(0, 8).map(lambda k: k / 8), min_size=2, max_size=12))
def test_the_cusum_is_that_of_an_oracle(values: list[float]) -> None:
    """On exact fractions, constant series among them."""
    assert cusum(np.array(values)) == pytest.approx(slow_cusum(values), abs=1e-9)


def test_repeated_runs_are_one_version() -> None:
    """Another value or another function begins a new one."""
    assert versions([0.9, 0.9, 0.8, 0.8, 0.8], ["a", "a", "a", "b", "b"]) == [0, 2, 3]


def test_a_drift_of_a_tenth_of_a_point_is_found_and_placed() -> None:
    """Thirty versions, the noise of retraining as large as what one loses; also where it begins in the middle."""
    for seed in range(10):
        (whole,) = change_points(drifting(30, slope=0.001, seed=seed).tolist())
        (late,) = change_points(drifting(30, slope=0.001, begin=15, seed=seed).tolist())

        assert (whole.kind, late.kind) == ("drift", "drift")
        assert whole.first <= 4
        assert 12 <= late.first <= 19
        assert whole.slope == pytest.approx(-0.001, abs=2e-4)
        assert whole.size == pytest.approx(-0.029, abs=5e-3)


def test_a_step_is_found_where_it_is() -> None:
    """.5 point at the 21st of forty versions, downwards and upwards."""
    for sign in (-1, 1):
        values = drifting(40, slope=0.0)
        values[20:] += sign * 0.005
        (found,) = change_points(values.tolist())

        assert (found.kind, found.first, found.slope) == ("step", 20, 0.0)
        assert found.size == pytest.approx(sign * 0.005, abs=1e-3)


def test_nothing_is_found_where_nothing_changed() -> None:
    """A hundred histories at 1 %: three at most, which more would exceed in one of fifty tries."""
    found = [bool(change_points(drifting(30, slope=0.0, seed=seed).tolist())) for seed in range(100, 200)]
    assert sum(found) <= 3


def test_few_versions_prove_nothing() -> None:
    """Four can be ordered in 24 ways: none is rarer than one in a hundred."""
    assert change_points([0.9, 0.9001, 0.5, 0.5001]) == []
    assert change_points([0.9] * 40) == []


def reports_of(values: np.ndarray, folder: Path, **about: str) -> Path:
    """Write a run a value, and the history of all."""
    with History(folder / "history.sqlite") as history:
        for number, accuracy in enumerate(values.tolist()):
            run = recorded(number, accuracy=accuracy, **about)
            history.add(run, written(run, folder))
    return folder / "history.sqlite"


def test_thirty_recorded_runs_show_a_drift_and_where_it_began(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says it in words and draws it; the same runs without a drift show nothing."""
    drift = reports_of(drifting(30, slope=0.001), tmp_path / "drift")
    calm = reports_of(drifting(30, slope=0.0), tmp_path / "calm")
    picture = tmp_path / "trend.png"

    assert main(["trend", "--history", str(drift), "--metric", "accuracy", "--out", str(picture)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "door on lfw-pairs, accuracy, clean threshold: drifts since run run-000" in told
    assert "(WORSE)" in told
    assert "changed there: model" in told
    assert picture.stat().st_size > 10_000
    assert main(["trend", "--history", str(calm), "--metric", "accuracy", "--out", str(picture)]) == 0
    assert "no change point in 1 series of at most 30 runs" in capsys.readouterr().out


def test_other_data_begins_another_stretch(tmp_path: Path) -> None:
    """A harder list of pairs is no worse model: nothing is compared across it."""
    path = tmp_path / "h.sqlite"
    values = drifting(30, slope=0.0)
    with History(path) as history:
        for number, accuracy in enumerate(values.tolist()):
            hard = number >= 15
            history.add(recorded(number, accuracy=accuracy - 0.05 * hard, digest=("e" if hard else "d") * 64), tmp_path)
        (line,) = trend_lines(history, metrics=["accuracy"])

    assert line.changes == ()
    assert list(told_changes(line)) == []
    assert [(mark.position, mark.what) for mark in line.marks if mark.what != "model"] == [(15, "data")]


def test_a_history_lists_its_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With commit, accuracy and outcomes; imported again from their folders; a damaged one is named."""
    reports_of(drifting(3, slope=0.0), tmp_path)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "results.json").write_text("[]")
    again = str(tmp_path / "again.sqlite")

    assert main(["history", "import", str(tmp_path), "--history", again]) == 1
    captured = capsys.readouterr()
    assert "3 run(s) imported, 1 left out" in captured.out
    assert "broken" in captured.err
    assert main(["history", "--history", again, "--line", "door", "--limit", "2"]) == 0
    told = capsys.readouterr().out
    assert "2026-01-03 12:00  11111111  run-0002" in told
    assert "door-model  0.98" in told
    assert "1 not worse, 1 passed" in told
    assert told.endswith("2 of 3 run(s), the newest last\n")
    assert all(len(line) <= 80 for line in told.splitlines())


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["history", "--line", "dor"], "no run of 'dor' in .*Did you mean door"),
        (["history", "--since", "soon"], "expected a date, YYYY-MM-DD"),
        (["trend", "--metric", "acuracy"], "Did you mean accuracy"),
        (["trend", "--line", "gate"], "no series of two runs or more .*its lines are door"),
        (["trend", "--false-alarms", "2"], "expected a fraction between 0 and 1"),
    ],
)
def test_what_is_not_there_is_named(
    command: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the nearest that is."""
    history = reports_of(drifting(2, slope=0.0), tmp_path)

    assert main([*command, "--history", str(history)]) == 2
    assert re.search(message, capsys.readouterr().err)


def test_without_a_history_it_is_said_how_to_make_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Looking must not write."""
    assert main(["trend", "--history", str(tmp_path / "none.sqlite")]) == 2
    assert "no history yet" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
