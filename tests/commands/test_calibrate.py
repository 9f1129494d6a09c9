"""``facecheck calibrate``: the table that ships with a model."""

from pathlib import Path

import numpy as np
import pytest

from facecheck.cli import main
from tests.support.runs import DLIB, FACENET, made_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two models."""
    return made_run([DLIB, FACENET], {}).write(tmp_path_factory.mktemp("run"))


def test_the_table_falls_with_the_distance(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nearest first; even odds where the ratio is one; the message names model, method and data."""
    out = tmp_path / "table.csv"

    assert main(["calibrate", str(folder), "--model", "dlib", "--rows", "11", "--out", str(out)]) == 0
    table = np.loadtxt(out, delimiter=",", skiprows=1)

    assert "11 distances of dlib, by platt on" in capsys.readouterr().out
    assert out.read_text().splitlines()[0] == "distance,log10_likelihood_ratio,probability_at_even_odds"
    assert (np.diff(table[:, 0]) > 0).all()
    assert (np.diff(table[:, 1]) < 0).all()
    assert table[:, 2] == pytest.approx(1 / (1 + 10 ** -table[:, 1]), abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--out", "t.csv"], "has 2 of them: --model dlib or facenet", id="which"),
        pytest.param(["--out", "t.csv", "--model", "dlip"], "Did you mean dlib", id="slip"),
        pytest.param(["--out", "t.txt", "--model", "dlib"], "ends in .csv", id="ending"),
        pytest.param(["--out", "t.csv", "--model", "dlib", "--rows", "1"], "2 rows", id="rows"),
    ],
)
def test_what_cannot_be_written_says_why(
    folder: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing is written."""
    assert main(["calibrate", str(folder), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not Path(arguments[1]).exists()
