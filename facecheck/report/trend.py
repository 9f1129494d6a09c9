"""The trend of a run's models over the history that it belongs to."""

from __future__ import annotations

from pathlib import Path

from facecheck.errors import FacecheckError
from facecheck.report.graph import Drawn
from facecheck.results.run import Run

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
    from facecheck.history.lines import told_changes, trend_lines, with_approvals  # noqa: PLC0415 - SQLAlchemy is slow
    from facecheck.history.store import History  # noqa: PLC0415 - likewise
    from facecheck.plots.trend import draw_trend  # noqa: PLC0415 - likewise

    drawn: list[Drawn] = []
    told: list[str] = []
    try:
        with History(history) as opened:
            for number, model in enumerate(run.signature.models, 1):
                found = trend_lines(opened, line=model.in_line)[:_MOST]
                try:
                    lines = with_approvals(found, folder.parent / "baselines")
                except (FacecheckError, OSError) as error:
                    lines, told = found, [*told, f"no approvals are marked: {error}"]
                if lines:
                    told += [text for line in lines for text in told_changes(line)]
                    path = draw_trend(lines, folder / "graphs" / f"trend-{number}.svg")
                    title = f"Metrics of {model.in_line} over {len(lines[0].points)} runs, with what changed"
                    drawn.append(Drawn(f"trend {model.in_line}", title, path))
    except FacecheckError as error:
        return drawn, [*told, f"the history could not be read: {error}"]
    return drawn, told
