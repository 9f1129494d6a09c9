"""The trend of a run's models over the history that it belongs to."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from facecheck.errors import FacecheckError
from facecheck.gate.baselines import baseline_folder, read_baseline
from facecheck.report.graph import Drawn
from facecheck.results.run import Run

if TYPE_CHECKING:
    from facecheck.history.lines import Line

__all__ = ["draw_trends"]

_MOST = 8  # series of one model


def draw_trends(run: Run, folder: Path, history: str) -> tuple[list[Drawn], list[str]]:
    """Draw the headline metrics of each model over its runs; return the graphs and what changed, in words.

    A history that cannot be read costs no page.

    Args:
        run: whose models are followed.
        folder: of the run.
        history: file or URL.
    """
    if "://" not in history and not Path(history).is_file():
        return [], []
    from facecheck.history.lines import told_changes, trend_lines  # noqa: PLC0415 - SQLAlchemy is slow
    from facecheck.history.store import History  # noqa: PLC0415 - likewise
    from facecheck.plots.trend import draw_trend  # noqa: PLC0415 - likewise

    drawn: list[Drawn] = []
    told: list[str] = []
    try:
        with History(history) as opened:
            for number, model in enumerate(run.signature.models, 1):
                approved = _approved(folder.parent / "baselines", model.in_line)
                lines = [_marked(line, approved) for line in trend_lines(opened, line=model.in_line)[:_MOST]]
                if lines:
                    told += [text for line in lines for text in told_changes(line)]
                    path = draw_trend(lines, folder / "graphs" / f"trend-{number}.svg")
                    title = f"Metrics of {model.in_line} over {len(lines[0].points)} runs, with what changed"
                    drawn.append(Drawn(f"trend {model.in_line}", title, path))
    except FacecheckError as error:
        return drawn, [*told, f"the history could not be read: {error}"]
    return drawn, told


def _approved(baselines: Path, line: str) -> Mapping[str, str]:
    """Return why runs of a line were approved, by their id."""
    with contextlib.suppress(FacecheckError, OSError):
        baseline = read_baseline(baselines, baseline_folder(baselines, line).name)
        if baseline is not None:
            return {part.approval.run: part.approval.reason for part in baseline.parts}
    return {}


def _marked(line: Line, approved: Mapping[str, str]) -> Line:
    """Return a series with a mark where a run of it was approved."""
    from facecheck.history.lines import Mark  # noqa: PLC0415 - SQLAlchemy comes with it

    marks = [
        Mark(position=position, what="approved", before="", after=approved[run.id])
        for position, run in enumerate(line.runs)
        if run.id in approved
    ]
    return dataclasses.replace(line, marks=(*line.marks, *marks))
