"""A run as pandas frames: the columns and types of every table, and each number where it belongs."""

import dataclasses
import math
import re
from pathlib import Path

import pandas as pd
import pytest

import facecheck
from facecheck.errors import FacecheckError
from facecheck.results.change import Against, Change, Flips
from facecheck.results.conditions import DEPLOYED, Conditions
from facecheck.results.frames import Frames
from facecheck.results.run import Run
from facecheck.results.scored_pairs import hashes_of_scores
from facecheck.results.verdict import Judgement, Limit, Verdict
from tests.support.runs import DLIB, FACENET, made_run, people

ACCURACY = "model == 'dlib' and eval == 'verification' and name == 'accuracy' and threshold == 'clean'"
CHANGES = (
    Change(
        dataset="faces",
        name="eer",
        conditions=Conditions(corruption="blur", level=2.0, severity=1),
        outcome="worse",
        before=0.1,
        after=0.2,
        gain=-0.1,
        low=-0.2,
        high=-0.05,
        margin=0.01,
        p=0.001,
        p_holm=0.002,
        people=80,
        flips=Flips(negative=9, positive=1, pairs=240),
    ),
    Change(dataset="others", name="eer", conditions=DEPLOYED, outcome="incomparable", reason="other pairs"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two models with a broken promise, an error and a comparison."""
    folder = tmp_path_factory.mktemp("run")
    made = made_run([DLIB, FACENET], {"blur": {"blur": (0, 2)}}, pairs=people(12))
    made.write(folder)
    judged = next(m for m in made.run.measurements if (m.name, m.eval) == ("eer", "verification"))
    limit = Limit(eval="verification", name="eer", bound=0.01, upper=True, why="w")
    missed = Judgement(measurement=judged, outcome="failed", reason="r", limit=limit, margin=0.01 - judged.value)
    open_one = Judgement(measurement=judged, outcome="unjudged", reason="r")
    verdicts = (
        dataclasses.replace(Verdict.of([missed, open_one]), eval="verification", case="c"),
        Verdict(outcome="failed", reason="Boom", case="d"),
    )
    against = Against(model="dlib", line="door", baseline="run 1", changes=CHANGES)
    run = dataclasses.replace(made.run, verdicts=verdicts, against=(against,), scores=hashes_of_scores(folder))
    run.write(folder)
    return folder


@pytest.fixture(scope="module")
def frames(folder: Path) -> Frames:
    """The same in tables."""
    return facecheck.load(str(folder))


def types(frame: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(dtype) for name, dtype in frame.dtypes.items()}


def test_a_measurement_is_a_row_with_a_column_a_condition(folder: Path, frames: Frames) -> None:
    """All of them, in the run's order; what does not apply is NA, and a count is whole."""
    run, table = Run.read(folder), frames.measurements

    assert table["value"].tolist() == [m.value for m in run.measurements]
    assert table["model"].tolist() == [m.model for m in run.measurements]
    for key in ("corruption", "level", "severity", "threshold", "far"):
        kept = [getattr(m.conditions, key) for m in run.measurements]
        assert [None if pd.isna(value) else value for value in table[key]] == kept
    given = types(table)
    assert (given["value"], given["n"], given["severity"], given["name"]) == ("float64", "Int64", "Int64", "string")
    blurred = table.query("eval == 'blur' and name == 'accuracy' and threshold == 'clean' and level == 2")
    assert blurred["model"].tolist() == ["dlib", "facenet-casia-webface"]


def test_verdicts_and_judgements_have_model_limit_and_margin(frames: Frames) -> None:
    """A case's margin is its worst; an error has no model and no margin."""
    first, second = frames.verdicts.to_dict("records")
    missed, unjudged = frames.judgements.to_dict("records")

    assert (first["case"], first["model"], first["dataset"], first["outcome"]) == ("c", "dlib", "faces", "failed")
    assert (first["margin"], first["reason"]) == (missed["margin"], "r")
    assert pd.isna(second["model"])
    assert math.isnan(second["margin"])
    assert (missed["at_most"], missed["outcome"]) == (0.01, "failed")
    assert missed["margin"] == pytest.approx(0.01 - missed["value"])
    assert math.isnan(missed["at_least"])
    assert all(math.isnan(unjudged[key]) for key in ("at_least", "at_most", "margin"))


def test_differences_against_the_baseline_are_rows(frames: Frames) -> None:
    """With interval, p, margin and pairs; what could not be compared claims no gain."""
    worse, incomparable = frames.against.to_dict("records")

    assert (worse["model"], worse["line"], worse["baseline"], worse["outcome"]) == ("dlib", "door", "run 1", "worse")
    assert [worse[key] for key in ("before", "after", "gain", "low", "high", "margin")] == [
        *(0.1, 0.2, -0.1, -0.2, -0.05, 0.01)
    ]
    assert (worse["p"], worse["p_holm"], worse["people"]) == (0.001, 0.002, 80)
    assert (worse["broke"], worse["mended"], worse["pairs"]) == (9, 1, 240)
    assert (worse["corruption"], worse["level"], worse["severity"]) == ("blur", 2.0, 1)
    assert incomparable["reason"] == "other pairs"
    assert all(pd.isna(incomparable[key]) for key in ("before", "gain", "low", "p", "broke", "people_needed"))


def test_scores_are_rows_from_which_the_accuracy_can_be_counted(folder: Path, frames: Frames) -> None:
    """One a comparison: two models, clean and blurred, of 72 pairs."""
    table = frames.scores

    assert len(table) == 2 * 2 * 72
    assert types(table) == {
        **dict.fromkeys(("model", "dataset", "corrupted", "first", "second"), "string"),
        "genuine": "bool",
        **dict.fromkeys(("similarity", "threshold", "yaw_difference_rad"), "float64"),
    }
    assert set(table["corrupted"]) == {"clean", "blur:2"}
    clean = table.query("model == 'dlib' and corrupted == 'clean'")
    right = (clean["similarity"] >= clean["threshold"]) == clean["genuine"]
    assert right.mean() == frames.measurements.query(ACCURACY)["value"].iloc[0]
    assert (table["similarity"] == -math.inf).any()
    assert Run.read(folder).scores


def test_an_empty_run_has_every_column_of_the_same_type(tmp_path: Path, frames: Frames) -> None:
    """A notebook that reads many runs needs no special case."""
    Run().write(tmp_path)
    empty = facecheck.load(tmp_path)

    for name in ("measurements", "verdicts", "judgements", "scores", "against"):
        assert len(getattr(empty, name)) == 0
        assert types(getattr(empty, name)) == types(getattr(frames, name))


def test_the_tutorials_code_runs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Block after block, as a reader would; what it prints is about this run, and an empty one takes it too."""
    page = Path(__file__).parents[2] / "docs" / "tutorial-load.md"
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL))
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "latest").symlink_to(folder)
    monkeypatch.chdir(tmp_path)

    exec(compile(code, str(page), "exec"), {})  # noqa: S102 - our own page
    printed = capsys.readouterr().out
    assert "against 2\n" in printed
    assert re.search(r"dlib +faces +eer +0\.1 +0\.2 +-0\.1 +-0\.2 +-0\.05 +0\.001 +9", printed)
    assert re.search(r"^blur +blur +0\.0 +0\.\d+ +0\.\d+\n +2\.0 +0\.\d+ +0\.\d+$", printed, flags=re.MULTILINE)

    (reports / "latest").unlink()
    Run().write(tmp_path)
    (reports / "latest").symlink_to(tmp_path)
    exec(compile(code, str(page), "exec"), {})  # noqa: S102 - our own page


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    """By the file that was looked for."""
    with pytest.raises(FacecheckError, match="no run of facecheck"):
        facecheck.load(tmp_path)
