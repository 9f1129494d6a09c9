"""An approved run: written in one step, read by people, checked by hash, never unpickled."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from facecheck.cli import main
from facecheck.errors import FacecheckError
from facecheck.faces import Face, ImageSource, Pairs
from facecheck.gate import baselines
from facecheck.gate.baselines import approve, read_baseline
from facecheck.metrics.scores import Scores
from facecheck.results.conditions import DEPLOYED, Conditions
from facecheck.results.measurement import Measurement
from facecheck.results.run import Run
from facecheck.results.scored_pairs import ScoredPairs, hashes_of_scores, save_scores
from facecheck.results.signature import DatasetSignature, ModelSignature, Signature

WHO = np.array([[k, k] for k in range(60)] + [[k, (k + 1) % 60] for k in range(60)])


def finished(folder: Path, *, seed: int = 0, models: tuple[str, ...] = ("mine",), sampled: bool = False) -> Path:
    """Write a run: each model on clean and blurred pairs of sixty people."""
    folder.mkdir(parents=True)
    faces = tuple(Face(source=ImageSource(Path(n), n), subject=n) for n in (f"{k}.jpg" for k in range(240)))
    pairs = Pairs(faces, np.arange(240).reshape(-1, 2))
    generator = np.random.default_rng(seed)
    measurements = []
    for model in models:
        for condition, at in (("clean", DEPLOYED), ("blur:3", DEPLOYED | Conditions(corruption="blur", level=3))):
            similarity = np.where(WHO[:, 0] == WHO[:, 1], 2.0, -2.0) + generator.standard_normal(120)
            made = ScoredPairs(
                model=model, dataset="dr|awn", kind="drawn", digest="d", condition=condition,
                scores=Scores(similarity, WHO), thresholds=np.zeros(120),
                yaw_difference_rad=np.full(120, np.nan), names=np.empty((0, 2), dtype=np.str_),
            )  # fmt: skip
            source = save_scores(folder, made, pairs)
            measurements.append(
                Measurement(
                    eval="verification", name="accuracy", value=0.96875, low=0.9, high=1.0, n=120, model=model,
                    dataset="dr|awn", conditions=at, scores=(source,),
                )
            )  # fmt: skip
    Run(
        id=f"run-{seed}",
        started="2026-11-26T12:00:00+00:00",
        signature=Signature(
            models=tuple(ModelSignature(name=name, spec=f"{name}:build") for name in models),
            datasets=(DatasetSignature(name="dr|awn", comparisons=120, people=60, digest="d", sampled=sampled),),
        ),
        measurements=tuple(measurements),
        scores=hashes_of_scores(folder),
    ).write(folder)
    return folder


def approved(tmp_path: Path, seed: int = 0) -> baselines.Baseline:
    return approve(
        finished(tmp_path / f"run{seed}", seed=seed), tmp_path / "baselines", model=None, reason="v1 ships", by="Ann"
    )


def test_what_was_approved_is_read_again(tmp_path: Path) -> None:
    """Approval, signature and metrics; every score to the bit."""
    made = approved(tmp_path)
    again = read_baseline(tmp_path / "baselines", "mine")

    assert again == made
    assert (again.approval.reason, again.approval.by, again.approval.run) == ("v1 ships", "Ann", "run-0")
    assert [m.value for m in again.measurements] == [0.96875, 0.96875]
    scored = {each.condition: each for each in again.scored()}
    generator = np.random.default_rng(0)
    for condition in ("clean", "blur:3"):
        drawn = np.where(WHO[:, 0] == WHO[:, 1], 2.0, -2.0) + generator.standard_normal(120)
        assert np.array_equal(scored[condition].scores.similarity, drawn)
        assert scored[condition].names[1].tolist() == ["2.jpg", "3.jpg"]
    assert read_baseline(tmp_path / "baselines", "other") is None


def test_a_reviewer_reads_who_what_and_why(tmp_path: Path) -> None:
    """One file of scores a data set; the summary is a table that no name can break."""
    folder = approved(tmp_path).folder
    summary = (folder / "SUMMARY.md").read_text()

    assert len(list((folder / "scores").iterdir())) == 1
    assert "v1 ships" in summary
    assert "- approved by Ann, 2" in summary
    assert "| dr\\|awn | accuracy, clean threshold | 0.9688 | 0.9000 to 1.0000 |" in summary
    assert "blur" not in summary, "levels are in baseline.json"


def test_a_later_approval_replaces_the_last(tmp_path: Path) -> None:
    """And takes the files that nothing refers to away; another line stays."""
    approve(finished(tmp_path / "a"), tmp_path / "baselines", model="mine", line="other", reason="x", by="Ann")
    first = approved(tmp_path)
    second = approved(tmp_path, seed=1)

    assert first.scores.keys() != second.scores.keys()
    assert {path.name for path in (second.folder / "scores").iterdir()} == second.scores.keys()
    assert read_baseline(tmp_path / "baselines", "other") is not None


def test_an_interrupted_approval_leaves_the_last_baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new scores are there already; the old ones are taken away only after the switch."""
    first = approved(tmp_path)

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(baselines, "write_text", full)
    with pytest.raises(OSError, match="no space left"):
        approved(tmp_path, seed=1)
    monkeypatch.undo()

    again = read_baseline(tmp_path / "baselines", "mine")
    assert again == first
    assert len(list(again.scored())) == 2


@pytest.mark.parametrize("damage", ["missing", "altered", "pickled"])
def test_scores_that_are_not_the_approved_ones_are_named(tmp_path: Path, damage: str) -> None:
    """Never ignored, never unpickled."""
    made = approved(tmp_path)
    (path,) = (made.folder / "scores").iterdir()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes() + b"x" if damage == "altered" else pickle.dumps([1]))

    with pytest.raises(FacecheckError, match=rf"{path.name}: .*restore it from the repository's history"):
        list(made.scored())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 9}, "written by a newer facecheck"),
        ({"scores": {"../../evil.npz": "0"}}, "is no name of a file of scores"),
        ({"approval": {"line": 3}}, "no baseline of facecheck"),
        ({"measurements": [{"name": "accuracy", "conditions": {"thresholdd": 1}}]}, "Did you mean threshold"),
    ],
)
def test_a_baseline_that_was_edited_by_hand_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    """By its file."""
    path = approved(tmp_path).folder / "baseline.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))

    with pytest.raises(FacecheckError, match=message):
        read_baseline(tmp_path / "baselines", "mine")


def test_a_sample_is_no_yardstick(tmp_path: Path) -> None:
    """It would be compared with other pairs each time that somebody changes its size."""
    with pytest.raises(FacecheckError, match=r"dr\|awn: a run of a sample is no yardstick"):
        approve(finished(tmp_path / "a", sampled=True), tmp_path / "b", model=None, reason="x", by="Ann")


def test_the_command_approves_and_compares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The story of a user: approve, run again, compare."""
    run, other = finished(tmp_path / "a"), finished(tmp_path / "b", seed=3, models=("mine", "theirs"))
    to = ["--baselines", str(tmp_path / "baselines"), "--by", "Ann"]

    assert main(["approve", str(run), "--why", "v1 ships", *to]) == 0
    assert "Commit it" in capsys.readouterr().out
    assert main(["compare", str(tmp_path / "baselines" / "mine"), str(run)]) == 0
    assert "identical" in capsys.readouterr().out
    assert main(["approve", str(other), "--why", "v2", *to]) == 2
    assert "which model? Say --model, one of mine, theirs" in capsys.readouterr().err
    assert main(["approve", str(other), "--why", " ", "--model", "mine", *to]) == 2
    assert "needs a reason" in capsys.readouterr().err
    assert main(["approve", str(other), "--why", "v2", "--model", "minee", *to]) == 2
    assert "nothing of 'minee' to approve. Did you mean mine" in capsys.readouterr().err
