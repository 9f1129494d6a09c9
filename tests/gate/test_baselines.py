"""An approved run: written in one step, read by people, checked by hash, never unpickled."""

import dataclasses
import hashlib
import io
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facecheck.cli import main
from facecheck.errors import FacecheckError
from facecheck.faces import Face, ImageSource, Pairs
from facecheck.gate import baselines
from facecheck.gate.approval import approve
from facecheck.gate.baselines import leftovers, read_baseline
from facecheck.metrics.scores import Scores
from facecheck.results.conditions import COMPLETED, DEPLOYED, Conditions
from facecheck.results.evidence import Evidence, hashes_of_evidence, load_evidence, save_evidence, unpacked
from facecheck.results.measurement import Measurement
from facecheck.results.probe_vectors import ProbeVectors, hashes_of_probes, save_probe
from facecheck.results.run import Run
from facecheck.results.scored_pairs import ScoredPairs, hashes_of_scores, save_scores
from facecheck.results.signature import DatasetSignature, ModelSignature, Signature

WHO = np.array([[k, k] for k in range(60)] + [[k, (k + 1) % 60] for k in range(60)])


def finished(  # noqa: PLR0913 - what a run may be, all named
    folder: Path,
    *,
    seed: int = 0,
    models: tuple[str, ...] = ("mine",),
    sampled: bool = False,
    dataset: str = "dr|awn",
    conditions: tuple[str, ...] = ("clean", "blur:3"),
    calibrated: bool = False,
) -> Path:
    """Write a run: each model on clean and blurred pairs of sixty people, with an eval of its own if asked."""
    folder.mkdir(parents=True)
    faces = tuple(Face(source=ImageSource(Path(n), n), subject=n) for n in (f"{k}.jpg" for k in range(240)))
    pairs = Pairs(faces, np.arange(240).reshape(-1, 2))
    generator = np.random.default_rng(seed)
    measurements = []
    for model in models:
        for condition in conditions:
            at = DEPLOYED | Conditions.of_corrupted(condition)
            similarity = np.where(WHO[:, 0] == WHO[:, 1], 2.0, -2.0) + generator.standard_normal(120)
            made = ScoredPairs(
                model=model, dataset=dataset, kind="drawn", digest="d", condition=condition,
                scores=Scores(similarity, WHO), thresholds=np.zeros(120),
                yaw_difference_rad=np.full(120, np.nan), names=np.empty((0, 2), dtype=np.str_),
            )  # fmt: skip
            source = save_scores(folder, made, pairs)
            measurements.append(
                Measurement(
                    eval="verification", name="accuracy", value=0.96875, low=0.9, high=1.0, n=120, model=model,
                    dataset=dataset, conditions=at, scores=(source,),
                )
            )  # fmt: skip
    for model in models:
        vectors = np.eye(4, dtype=np.float32) + np.float32(seed)
        save_probe(folder, ProbeVectors(model=model, crops="c", vectors=vectors, noise=1e-6))
        if calibrated:
            folds = {"folds": np.arange(120) % 2}
            save_evidence(folder, Evidence(eval="calibration", model=model, dataset=dataset, arrays=folds))
            about: dict[str, Any] = {"model": model, "dataset": dataset, "value": 0.25, "low": 0.2, "high": 0.3, "n": 9}
            measurements.append(Measurement(eval="calibration", name="cllr", conditions=COMPLETED, **about))
    Run(
        id=f"run-{seed}",
        started="2026-11-26T12:00:00+00:00",
        signature=Signature(
            models=tuple(ModelSignature(name=name, spec=f"{name}:build") for name in models),
            datasets=(DatasetSignature(name=dataset, comparisons=120, people=60, digest="d", sampled=sampled),),
        ),
        measurements=tuple(measurements),
        scores=hashes_of_scores(folder),
        probes=hashes_of_probes(folder),
        evidence=hashes_of_evidence(folder),
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
    (part,) = again.parts
    assert (part.approval.reason, part.approval.by, part.approval.run) == ("v1 ships", "Ann", "run-0")
    assert [m.value for m in part.measurements] == [0.96875, 0.96875]
    scored = {each.condition: each for each in again.scored()}
    generator = np.random.default_rng(0)
    for condition in ("clean", "blur:3"):
        drawn = np.where(WHO[:, 0] == WHO[:, 1], 2.0, -2.0) + generator.standard_normal(120)
        assert np.array_equal(scored[condition].scores.similarity, drawn)
        assert scored[condition].names[1].tolist() == ["2.jpg", "3.jpg"]
    probe = again.probe()
    assert probe is not None
    assert np.array_equal(probe.vectors, np.eye(4))
    assert leftovers(again) == []
    assert read_baseline(tmp_path / "baselines", "other") is None


def test_a_reviewer_reads_who_what_and_why(tmp_path: Path) -> None:
    """One file of scores a data set; the summary is a table that no name can break."""
    folder = approved(tmp_path).folder
    summary = (folder / "SUMMARY.md").read_text()

    assert sorted(path.name.partition("-")[0] for path in (folder / "scores").iterdir()) == ["dr", "probe"]
    assert "v1 ships" in summary
    assert "- approved by Ann, 2" in summary
    assert "| dr\\|awn | accuracy, clean threshold | 0.9688 | 0.9000 to 1.0000 |" in summary
    assert "blur" not in summary, "levels are in baseline.json"


def test_evidence_of_an_eval_is_approved_with_its_numbers(tmp_path: Path) -> None:
    """Read again to the bit, and taken away by the approval of a run that kept other evidence."""
    run = finished(tmp_path / "a", calibrated=True)
    made = approve(run, tmp_path / "baselines", model=None, reason="v1 ships", by="Ann")
    (kept,) = made.evidence()
    (name,) = made.parts[-1].evidence

    assert (kept.eval, kept.dataset) == ("calibration", "dr|awn")
    assert np.array_equal(kept.arrays["folds"], np.arange(120) % 2)
    assert "| dr\\|awn | Cllr" in (made.folder / "SUMMARY.md").read_text().replace("cost of the log-", "Cllr")
    assert leftovers(made) == []

    other = approve(
        finished(tmp_path / "b", dataset="other"), tmp_path / "baselines", model=None, reason="more", by="Ann"
    )
    assert [set(part.evidence) for part in other.parts] == [{name}, set()]
    assert [each.eval for each in other.evidence()] == ["calibration"]


def test_a_run_without_an_eval_of_the_baseline_is_refused(tmp_path: Path) -> None:
    """Its evidence would be forgotten."""
    approve(finished(tmp_path / "a", calibrated=True), tmp_path / "baselines", model=None, reason="v1 ships", by="Ann")

    with pytest.raises(FacecheckError, match=r"the baseline also holds dr\|awn calibration \(1 in all\)"):
        approved(tmp_path, seed=1)


@pytest.mark.parametrize("damage", ["other", "pickled", "missing", "empty"])
def test_evidence_that_was_altered_is_refused(damage: str, tmp_path: Path) -> None:
    """Of a baseline and of a run; nothing is unpickled, and the file is named."""
    run = finished(tmp_path / "a", calibrated=True)
    made = approve(run, tmp_path / "baselines", model=None, reason="v1 ships", by="Ann")
    hashes = Run.read(run).evidence
    for path in (*(made.folder / "scores").glob("*calibration*"), *(run / "evidence").iterdir()):
        path.unlink()
        if damage == "pickled":
            np.savez(path, title=np.array("{}"), folds=np.array([print], dtype=object))
        elif damage != "missing":
            path.write_bytes(b"" if damage == "empty" else b"other")

    with pytest.raises(FacecheckError, match="calibration"):
        list(made.evidence())
    with pytest.raises(FacecheckError, match="calibration"):
        list(load_evidence(run, hashes))


def test_a_pickle_with_the_right_hash_is_not_read() -> None:
    """Whoever writes the file may write its hash too."""
    content = io.BytesIO()
    np.savez(content, title=np.array('{"eval": "x", "model": "m", "dataset": "d"}'), a=np.array([print], dtype=object))

    with pytest.raises(FacecheckError, match="no evidence of a facecheck run"):
        unpacked(content.getvalue(), hashlib.sha256(content.getvalue()).hexdigest(), "file")


def test_a_later_approval_replaces_the_last(tmp_path: Path) -> None:
    """And takes the files that nothing refers to away; another line stays."""
    approve(finished(tmp_path / "a"), tmp_path / "baselines", model="mine", line="other", reason="x", by="Ann")
    first = approved(tmp_path)
    second = approved(tmp_path, seed=1)

    ((old,), (new,)) = first.parts, second.parts
    assert not old.scores.keys() & new.scores.keys()
    assert {path.name for path in (second.folder / "scores").iterdir()} == new.scores.keys() | new.probes.keys()
    assert read_baseline(tmp_path / "baselines", "other") is not None


def test_earlier_approvals_are_remembered(tmp_path: Path) -> None:
    """Each run that was ever approved, with its reason, in the file and for a reviewer; none is told twice."""
    first, second = approved(tmp_path), approved(tmp_path, seed=1)
    assert second.earlier == (first.parts[0].approval,)

    other = approve(
        finished(tmp_path / "other", seed=2, dataset="dr"),
        tmp_path / "baselines",
        model=None,
        reason="more | data",
        by="Eve",
    )
    assert [each.run for each in other.approvals] == [
        first.parts[0].approval.run,
        *(p.approval.run for p in other.parts),
    ]
    third = approved(tmp_path, seed=3)

    again = read_baseline(tmp_path / "baselines", "mine")
    assert again == third
    assert again is not None
    assert again.earlier == (first.parts[0].approval, second.parts[0].approval)
    assert {each.reason for each in again.approvals} >= {"more | data"}
    told = (again.folder / "SUMMARY.md").read_text(encoding="utf-8")
    assert told.index("## Approved before") < told.index(f"run {second.parts[0].approval.run}")
    assert "earlier" not in baselines._as_text(first)  # a line's first approval is written as it always was


def test_approvals_come_in_their_order(tmp_path: Path) -> None:
    """Whichever zone they were given in, and whichever of them still stand; a date that is none comes first."""
    made = approved(tmp_path)
    (part,) = made.parts
    moments = ["2026-03-01T12:00:00+00:00", "2026-03-01T13:30:00+02:00", "no date <b>", "2026-02-01T12:00:00+00:00"]
    several = [dataclasses.replace(part.approval, at=at, run=str(number)) for number, at in enumerate(moments)]
    line = dataclasses.replace(
        made, parts=(dataclasses.replace(part, approval=several[3]),), earlier=tuple(several[:3])
    )

    assert [each.run for each in line.approvals] == ["2", "3", "1", "0"]
    assert "<b>" not in baselines.summary(line)


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
    (path,) = (made.folder / "scores").glob("dr*")
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes() + b"x" if damage == "altered" else pickle.dumps([1]))

    with pytest.raises(FacecheckError, match=rf"{path.name}: .*restore it, from the repository's history"):
        list(made.scored())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 9}, "of another version of facecheck"),
        ({"parts": [{}]}, "no baseline of facecheck"),
        ({"scores": {"../../evil.npz": "0"}}, "is no name of a file of scores"),
        ({"probes": {"/etc/passwd": "0"}}, "is no name of a file of scores"),
        ({"approval": {"line": 3}}, "no baseline of facecheck"),
        ({"measurements": [{"name": "accuracy", "conditions": {"thresholdd": 1}}]}, "Did you mean threshold"),
    ],
)
def test_a_baseline_that_was_edited_by_hand_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    """By its file."""
    path = approved(tmp_path).folder / "baseline.json"
    content = json.loads(path.read_text())
    content["parts"][0] |= change
    path.write_text(json.dumps(content | {name: change[name] for name in ("schema", "parts") if name in change}))

    with pytest.raises(FacecheckError, match=message):
        read_baseline(tmp_path / "baselines", "mine")


def test_an_approval_leaves_other_data_sets_as_they_are(tmp_path: Path) -> None:
    """A run of some never touches the baselines of others: two parts, each with its own approval."""
    first = approved(tmp_path)
    run = finished(tmp_path / "other", seed=1, dataset="dr")
    second = approve(run, tmp_path / "baselines", model=None, reason="more data", by="Eve")

    assert [part.approval.by for part in second.parts] == ["Ann", "Eve"]
    assert second.parts[0] == first.parts[0]
    assert {each.dataset for each in second.scored()} == {"dr|awn", "dr"}
    assert [len(part.probes) for part in second.parts] == [1, 1]


def test_a_run_that_measured_less_is_refused(tmp_path: Path) -> None:
    """What the baseline holds of the data set would be forgotten."""
    first = approved(tmp_path)
    run = finished(tmp_path / "less", seed=1, conditions=("clean",))

    with pytest.raises(
        FacecheckError, match=r"also holds dr\|awn blur:3 \(1 in all\), which run run-1 did not measure"
    ):
        approve(run, tmp_path / "baselines", model=None, reason="x", by="Ann")
    assert read_baseline(tmp_path / "baselines", "mine") == first


@pytest.mark.parametrize("place", ["folder", "memory://facecheck-test"])
def test_scores_may_be_kept_elsewhere(tmp_path: Path, place: str) -> None:
    """Only their hashes are committed; a missing file is named with its place."""
    place = str(tmp_path / "elsewhere") if place == "folder" else place
    made = approve(finished(tmp_path / "a"), tmp_path / "baselines", model=None, reason="x", by="Ann", elsewhere=place)

    assert [path.name[:5] for path in made.scores_folder.iterdir()] == ["probe"]
    assert len(list(made.scored())) == 2
    gone = dataclasses.replace(made, parts=(dataclasses.replace(made.parts[0], scores={"gone.npz": "0"}),))
    with pytest.raises(FacecheckError, match=f"{place}/gone.npz: scores of the baseline cannot be read"):
        list(gone.scored())


@pytest.mark.parametrize("place", ["ssh://host/x", "simplecache::file:///etc"])
def test_a_file_in_a_repository_chooses_no_odd_file_system(tmp_path: Path, place: str) -> None:
    """A chain may run commands or write files."""
    with pytest.raises(FacecheckError, match="scores are kept in a folder, or at a URL of"):
        approve(finished(tmp_path / "a"), tmp_path / "b", model=None, reason="x", by="Ann", elsewhere=place)


def test_what_an_interrupted_approval_left_is_told(tmp_path: Path) -> None:
    """The baseline is whole; files of no approval and a summary of another are named."""
    made = approved(tmp_path)
    (made.scores_folder / "stray.npz").write_bytes(b"x")
    (made.folder / "SUMMARY.md").write_text("old")
    first, second = leftovers(made)

    assert "SUMMARY.md is not of this baseline" in first
    assert "1 files of no approval, such as stray.npz" in second


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
