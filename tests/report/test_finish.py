"""Finishing a run's folder: the same files every time, and results that outlive a full disk."""

import dataclasses
import errno
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from facecheck.cli import main
from facecheck.errors import FacecheckError
from facecheck.report.finish import UnfinishedError, finish_run
from facecheck.report.terminal import table
from facecheck.results.run import Run
from facecheck.results.scored_pairs import hashes_of_scores
from facecheck.results.signature import DatasetSignature
from tests.support.runs import DLIB, FACENET, made_run, people

SPEC = "faces?part=sample"


def run_in(folder: Path, *, spec: str = "") -> Run:
    """Leave a small run of two models in a folder, with the hashes of its scores, and return it."""
    made = made_run([DLIB, FACENET], {"blur": {"blur": (0, 2)}}, pairs=people(12))
    made.write(folder)
    signature = dataclasses.replace(made.run.signature, datasets=(DatasetSignature(name="faces", spec=spec),))
    run = dataclasses.replace(made.run, signature=signature, scores=hashes_of_scores(folder))
    run.write(folder)
    return run


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_is_finished_the_same_again(tmp_path: Path) -> None:
    """Comparison, graphs and contact sheet, byte by byte; the summary counts and names them."""
    run = run_in(tmp_path, spec=SPEC)
    before = files(tmp_path)
    first, after = finish_run(tmp_path), files(tmp_path)
    second = finish_run(tmp_path)
    graphs = [name for name in after if name.startswith("graphs/")]

    assert (first, after) == (second, files(tmp_path))
    assert after.items() > before.items()  # results and scores are as they were
    assert {"comparison.md", "comparison.csv", "graphs/blur-faces-sheet.webp"} <= after.keys()
    assert first[: len(table(run, folder=tmp_path))] == table(run, folder=tmp_path)
    assert any("a paired test by identity" in line for line in first)
    count = sum(name.endswith((".png", ".webp")) for name in graphs)
    assert first[-2:] == [f"{count} graphs and results.json in {tmp_path}", f"the page: {tmp_path / 'index.html'}"]


def test_a_data_set_that_is_gone_has_no_contact_sheet(tmp_path: Path) -> None:
    """A run can be finished on another machine: all else is drawn."""
    run_in(tmp_path, spec=f"folders:{tmp_path / 'gone'}")
    finish_run(tmp_path)

    assert "graphs/blur-faces-accuracy.png" in files(tmp_path)
    assert not [name for name in files(tmp_path) if "sheet" in name]


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("when", ["comparison", "graphs"])
def test_a_full_disk_keeps_the_results_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], when: str
) -> None:
    """The message names the folder, its size and the command; the command then does the rest."""
    run, folder = run_in(tmp_path / "run"), tmp_path / "run"
    before = files(folder)
    with monkeypatch.context() as disk:
        if when == "comparison":
            disk.setattr("facecheck.storage.files.os.fsync", full)
        else:
            disk.setattr(Figure, "savefig", full)
        with pytest.raises(UnfinishedError) as caught:
            finish_run(folder)
        assert main(["report", str(folder)]) == 2
    size = sum(map(len, files(folder).values())) / 2**20

    assert str(caught.value) == (
        f"{folder}: comparison and graphs could not be written: No space left on device. The results and scores are "
        f"there ({size:.1f} MiB). Make room, then run: facecheck report {folder}"
    )
    assert capsys.readouterr() == ("", f"facecheck: {caught.value}\n")
    assert ("comparison.md" in files(folder)) == (when == "graphs")
    assert files(folder).items() >= before.items()
    assert not [name for name in files(folder) if Path(name).name.startswith(".")]
    assert Run.read(folder) == run
    assert main(["report", str(folder)]) == 0
    assert "graphs/blur-faces-accuracy.png" in files(folder)


def test_scores_of_another_run_are_not_drawn(tmp_path: Path) -> None:
    """A file that is not the one that the run wrote is an error of its own, not a full disk."""
    run = run_in(tmp_path)
    name = next(iter(run.scores))
    path = tmp_path / "scores" / f"{name}.npz"
    dataclasses.replace(run, scores={**run.scores, name: "0" * 64}).write(tmp_path)

    with pytest.raises(FacecheckError, match="changed since the run wrote it") as caught:
        finish_run(tmp_path)
    assert str(caught.value).startswith(str(path))
    assert not isinstance(caught.value, UnfinishedError)


def test_a_folder_of_no_run_is_refused(tmp_path: Path) -> None:
    """By the file that was looked for; nothing is written."""
    with pytest.raises(FacecheckError, match="no run of facecheck: expected a folder with results"):
        finish_run(tmp_path)
    assert files(tmp_path) == {}
