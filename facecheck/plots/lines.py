"""Line graphs of estimates with their intervals as bands: one graph, or small panels side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from facecheck.metrics.intervals import Estimate
from facecheck.plots.canvas import Canvas, Frame, Sheet, ticks
from facecheck.plots.style import axes_of, model_colours

__all__ = ["Panel", "Series", "band", "line_panels", "series"]

_PANEL, _GAP = (2.35, 1.55), (0.22, 0.62)
_FEW_PANELS = {1: (6.0, 2.7), 2: (3.0, 2.0)}
_OWN_SCALE = 0.3  # additional inches between panels with different scales
_LEVEL = "#555555"
_ASIDE = 0.1  # horizontal offset, as a fraction of the distance to the next position
_SHORT = 6  # longest tick label in letters that is written horizontally


@dataclass(frozen=True, slots=True)
class Series:
    """The points of one line with their intervals.

    Args:
        label: in the legend.
        x: positions.
        estimates: one per position.
        colour: of the line, empty for the next colour of the palette.
        style: ``-`` or ``--``, empty for points with whiskers if values between two positions have no meaning.
    """

    label: str
    x: Sequence[float]
    estimates: Sequence[Estimate]
    colour: str = ""
    style: str = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One small graph of a figure with several.

    Args:
        title: above the panel.
        lines: of the panel; equal labels in several panels share one entry of the legend.
        ticks: label at each position.
        x_label: below the panel.
        scale: panels with the same scale name share the range of their y axis.
        level: a value marked by a thin line.
        level_label: of that line, in the legend.
    """

    title: str
    lines: Sequence[Series]
    ticks: Mapping[float, str]
    x_label: str = ""
    scale: str = ""
    level: float | None = None
    level_label: str = ""


def band(axes: Axes, x: Sequence[float], estimates: Sequence[Estimate], colour: str, label: str) -> None:
    """Draw a line through estimates, and their intervals as a band."""
    axes.plot(x, [e.value for e in estimates], color=colour, marker="o", markersize=4.5, linewidth=1.6, label=label)
    axes.fill_between(x, [e.low for e in estimates], [e.high for e in estimates], color=colour, alpha=0.16, linewidth=0)


def series(title: str, lines: Sequence[Series], *, x_label: str, y_label: str, percent: bool) -> Figure:
    """Draw estimates against a quantity, one line per model with its interval band."""
    figure, axes = axes_of(title)
    palette = model_colours(line.label for line in lines)
    for line in lines:
        band(axes, line.x, line.estimates, line.colour or palette[line.label], line.label)
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.set_xticks(sorted({x for line in lines for x in line.x}))
    if percent:
        axes.set_ylim(_limits(lines, percent=True))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axes.legend(fontsize=9, frameon=False, loc="best")
    return figure


def _limits(lines: Iterable[Series], *, percent: bool) -> tuple[float, float]:
    drawn = [estimate for line in lines for estimate in line.estimates]
    lowest, highest = min(e.low for e in drawn), max(e.high for e in drawn)
    margin = max(0.01, 0.06 * (highest - lowest))
    if percent:
        return max(-0.02, lowest - margin), min(1.02, highest + margin)
    return max(0.0, lowest - margin) if lowest >= 0 else lowest - margin, highest + margin


def line_panels(title: str, panels: Sequence[Panel], *, y_label: str, percent: bool, columns: int) -> Figure:
    """Draw one small graph per panel, with one legend for all of them.

    Args:
        title: of the figure.
        panels: row by row, each with at least one line.
        y_label: label of the y axis.
        percent: whether the values are fractions, shown in percent.
        columns: number of panels side by side.
    """
    handles = {line.label: _handle(line) for panel in panels for line in panel.lines}
    for panel in panels:
        if panel.level is not None:
            handles[panel.level_label] = Line2D([], [], color=_LEVEL, linestyle=":", linewidth=0.8)
    scales = [panel.scale for panel in panels]
    down = 0.4 * any(map(_is_slanted, panels)) + 0.13 * any("\n" in panel.title for panel in panels)
    gap = (_GAP[0] + (_OWN_SCALE if len(set(scales)) > 1 else 0.0), _GAP[1] + down)
    sheet = Sheet(columns, _FEW_PANELS.get(len(panels), _PANEL), gap)
    canvas = Canvas(title, len(panels), sheet, entries=list(handles))
    limits = {
        scale: _limits((line for panel in panels if panel.scale == scale for line in panel.lines), percent=percent)
        for scale in set(scales)
    }
    for number, panel in enumerate(panels):
        positions = [*panel.ticks, *(x for line in panel.lines for x in line.x)]
        margin = 0.04 * (max(positions) - min(positions)) or 0.5
        frame = canvas.frame(number, (min(positions) - margin, max(positions) + margin), limits[panel.scale])
        first = number % columns == 0
        shown = first or scales[number] != scales[number - 1]
        _draw(canvas, frame, panel, {y: t if shown else "" for y, t in ticks(frame.y_limits, percent=percent).items()})
        if first and y_label:
            middle = frame.bottom + frame.height / 2
            canvas.text(frame.left - 0.48, middle, y_label, rotation=90, ha="center", va="center")
    return canvas.figure(list(handles.values()), list(handles))


def _is_slanted(panel: Panel) -> bool:
    return any(len(text) > _SHORT for text in panel.ticks.values())


def _handle(line: Series) -> Line2D:
    """Return the legend handle of a line."""
    if line.style == "--":
        return Line2D([], [], color=line.colour, linestyle="--", linewidth=1.0)
    return Line2D([], [], color=line.colour, marker="o", markersize=4, linewidth=1.5 if line.style else 0.0)


def _draw(canvas: Canvas, frame: Frame, panel: Panel, y_ticks: Mapping[float, str]) -> None:
    canvas.dress(frame, panel.title, panel.ticks, y_ticks, slanted=_is_slanted(panel))
    if panel.x_label:
        canvas.text(frame.left + frame.width / 2, frame.bottom - 0.2, panel.x_label, ha="center", va="top")
    if panel.level is not None:
        ends = frame.points(frame.x_limits, [panel.level, panel.level])
        canvas.line(ends, _LEVEL, width=0.8, style=":")
    for number, line in enumerate(panel.lines):
        aside = 0.0 if line.style else _ASIDE * (number - (len(panel.lines) - 1) / 2)  # so that whiskers do not overlap
        x = [position + aside for position in line.x]
        low, middle, high = (frame.points(x, [e[field] for e in line.estimates]) for field in (1, 0, 2))
        if line.style == "--":
            canvas.line(middle, line.colour, width=1.0, style="--")
            continue
        if line.style:
            canvas.band(low, high, line.colour)
            canvas.line(middle, line.colour)
        else:
            canvas.whiskers(low, high, line.colour)
        canvas.dots(middle, line.colour)
