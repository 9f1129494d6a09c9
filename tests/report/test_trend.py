"""The trend on a run's page: since when, with what was approved."""

import dataclasses
from pathlib import Path

from facecheck.gate.baselines import Approval, Baseline, Part, write_baseline
from facecheck.history.store import History
from facecheck.report.trend import draw_trends
from tests.support.histories import recorded, written


def test_a_step_is_drawn_and_told_with_what_was_approved(tmp_path: Path) -> None:
    """Of the models of the run, over every run of the history; an approval stands in the graph."""
    reports = tmp_path / "reports"
    runs = [recorded(number, accuracy=0.985 if number < 6 else 0.93) for number in range(12)]
    with History(reports / "history.sqlite") as history:
        for run in runs:
            folder = written(run, reports)
            history.add(run, folder)
    approval = Approval(
        line="door", model="door-model", reason="it ships", by="me", at="2026-01-03T12:00:00+00:00", run=runs[2].id,
        started=runs[2].started,
    )  # fmt: skip
    newer = dataclasses.replace(approval, reason="v2 ships", at="2026-01-09T12:00:00+00:00", run=runs[6].id)
    part = Part(approval=newer, signature=runs[6].signature)
    write_baseline(Baseline(line="door", parts=(part,), folder=reports / "baselines" / "door", earlier=(approval,)))
    (folder / "graphs").mkdir()

    (drawn,), told = draw_trends(runs[-1], folder, str(reports / "history.sqlite"))

    assert drawn.name == "trend door"
    # The approval that stands and the earlier one, in the panels of accuracy and of EER.
    assert drawn.picture.read_text(encoding="utf-8").count("model+approved") == 4
    fell = [text for text in told if "door on lfw-pairs, accuracy" in text]
    assert len(fell) == 1
    assert "fell by 0.0550 (WORSE) at run run-0006" in fell[0]
    assert "; approved there: v2 ships" in fell[0]


def test_without_a_history_there_is_no_trend(tmp_path: Path) -> None:
    """Nor is one made; a damaged one is told."""
    assert draw_trends(recorded(0), tmp_path, str(tmp_path / "history.sqlite")) == ([], [])
    assert not list(tmp_path.iterdir())
    (tmp_path / "history.sqlite").write_text("no database")
    drawn, told = draw_trends(recorded(0), tmp_path, str(tmp_path / "history.sqlite"))
    assert not drawn
    assert "could not be read" in told[0]


def test_a_dollar_in_a_name_is_a_dollar(tmp_path: Path) -> None:
    """Names are no formulas: the second run of such a line would end in an error."""
    runs = [recorded(number, line="door") for number in range(2)]
    with History(tmp_path / "history.sqlite") as history:
        for run in runs:
            datasets = tuple(dataclasses.replace(each, name=r"a$\foo$") for each in run.signature.datasets)
            measured = tuple(dataclasses.replace(m, dataset=r"a$\foo$") for m in run.measurements)
            signature = dataclasses.replace(run.signature, datasets=datasets)
            run = dataclasses.replace(run, signature=signature, measurements=measured)  # noqa: PLW2901 - renamed
            history.add(run, written(run, tmp_path / "reports"))
    (tmp_path / "graphs").mkdir()

    (drawn,), _ = draw_trends(run, tmp_path, str(tmp_path / "history.sqlite"))
    assert drawn.picture.is_file()
