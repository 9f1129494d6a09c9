"""Metrics over runs: intervals, what changed, and change points."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from facecheck.history.lines import Line
from facecheck.plots.style import BETTER, GENUINE, NEITHER, WORSE, drawing, dress
from facecheck.results.catalogue import METRICS
from facecheck.storage.files import writing

__all__ = ["draw_trend"]

_WIDTH, _HEIGHT = 9.0, 2.9  # inches of a panel
_WITH_DOTS = 80  # runs up to which each is a dot
_MOST_LABELS = 12  # of what changed, in one panel
_COLOURS = {"approved": "#1B7837", "model": "#7B3294", "data": "#8C510A", "code": "#666666", "machine": "#E69F00"}


def draw_trend(lines: Sequence[Line], path: Path) -> Path:
    """Draw a panel a series, one under another.

    Args:
        lines: at least one.
        path: of the picture.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with drawing():
        figure = Figure(figsize=(_WIDTH, _HEIGHT * len(lines) + 0.3), layout="constrained")
        panels = figure.subplots(len(lines), 1, squeeze=False)[:, 0]
        for axes, line in zip(panels, lines, strict=True):
            _panel(axes, line)
        with writing(path) as stream:
            figure.savefig(stream, dpi=110, format=path.suffix.lstrip(".") or "png")
    return path


def _panel(axes: Axes, line: Line) -> None:
    numbers = np.arange(1, len(line.points) + 1)
    values = np.array([point.value for point in line.points])
    low, high = (np.array([getattr(point, end) for point in line.points]) for end in ("low", "high"))
    axes.fill_between(numbers, low, high, color=GENUINE, alpha=0.15, linewidth=0, label="95 % interval of each run")
    dots = "o" if len(numbers) <= _WITH_DOTS else None
    axes.plot(numbers, values, color=GENUINE, marker=dots, markersize=3.5, linewidth=1.2)
    _marks(axes, line)
    for change in line.changes:
        better = METRICS[line.name].better
        harm = better != "neither" and (change.size > 0) != (better == "higher")
        axes.axvline(change.first + 0.5, color=WORSE if harm else BETTER, linewidth=2.0)
        axes.annotate(
            f"{change.kind} {change.size:+.4f}",
            (change.first + 0.5, 0.04),
            xycoords=("data", "axes fraction"),
            xytext=(4 if change.first < 0.75 * len(numbers) else -4, 0),
            textcoords="offset points",
            ha="left" if change.first < 0.75 * len(numbers) else "right",
            fontsize=8,
            color=WORSE if harm else BETTER,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0},
        )
    axes.set_title(line.title, fontsize=10, loc="left", pad=16)
    axes.set_xlim(0.5, len(numbers) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=1))
    first, last = (line.runs[end].started for end in (0, -1))
    places = {mark.position for mark in line.marks}
    legend = ", ".join(dict.fromkeys(mark.what for mark in line.marks)) if len(places) > _MOST_LABELS else ""
    told = f"; dotted: {legend}" if legend else ""
    axes.set_xlabel(f"run, {first:%Y-%m-%d} to {last:%Y-%m-%d}{told}", fontsize=8)
    axes.tick_params(labelsize=8)
    dress(axes)


def _marks(axes: Axes, line: Line) -> None:
    """Draw a thin line where something changed or was approved; one label for several at one run.

    Where there are too many, only the last approvals are labelled.
    """
    places: dict[int, list[str]] = {}
    for mark in line.marks:
        places.setdefault(mark.position, []).append(mark.what)
    if len(places) > _MOST_LABELS:
        shown = set([place for place, changed in places.items() if "approved" in changed][-_MOST_LABELS:])
    else:
        shown = set(places)
    for place, changed in places.items():
        alone = changed[0] if len(changed) == 1 else ""
        axes.axvline(place + 0.5, color=_COLOURS.get(alone, NEITHER), linewidth=0.7, linestyle=":", alpha=0.8)
        if place in shown:
            axes.annotate(
                "+".join(changed) if len(places) <= _MOST_LABELS else "approved",
                (place + 0.5, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=7,
                color=_COLOURS.get(alone, NEITHER),
            )
