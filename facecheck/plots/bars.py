"""Bars: time per stage, values of models side by side, and the studies' percentage changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from facecheck.metrics.intervals import Estimate
from facecheck.plots.canvas import Canvas, Frame, Sheet, ticks
from facecheck.plots.style import BETTER, HATCHES, NEITHER, WORSE

__all__ = ["Bars", "Change", "Changes", "bar_panels", "change_bars", "stage_bars"]

_STAGES = {"detect": "#56B4E9", "align": "#F0E442", "embed": "#009E73"}
_MOST = 1.0  # bars beyond 100 % are cut off and labelled with their value
_LOWEST, _TALLEST = -1.2 * _MOST, 1.8 * _MOST  # room for those labels
_CHANGE_TICKS = {-1.0: "-100 %", -0.5: "-50 %", 0.0: "0", 0.5: "+50 %", 1.0: "+100 %"}
_ROOM = 0.8  # share of a group that the bars fill
_OF_PEAK = 4  # as high as the highest bar whiskers are shown
_SMALL = 0.5  # panels with rates below a half get their own scale, otherwise the bars are too small to see
_GROUP, _BAR, _GAP, _WIDEST = 0.26, 0.085, (0.55, 1.15), 17.0  # inches


@dataclass(frozen=True, slots=True)
class Change:
    """The change of a metric relative to clean images.

    Args:
        fraction: (value - clean value) / clean value, None if the clean value is 0.
        better: which direction is better: ``higher``, ``lower`` or ``neither``.
    """

    fraction: float | None
    better: str

    @property
    def colour(self) -> str:
        """Green for an improvement and red for a loss, independent of the sign."""
        if self.better == "neither" or not self.fraction:
            return NEITHER
        return BETTER if (self.fraction > 0) == (self.better == "higher") else WORSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """One panel of changes.

    Args:
        title: above the panel.
        groups: for each metric the changes, by the label of the bar: a level, a corruption or a model.
    """

    title: str
    groups: Mapping[str, Mapping[str, Change]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """One panel of values.

    Args:
        title: above the panel.
        groups: for each metric the values, by model.
        percent: whether the values are fractions, shown in percent from 0 to 100.
    """

    title: str
    groups: Mapping[str, Mapping[str, Estimate]]
    percent: bool


def stage_bars(title: str, stages: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw stacked bars: the milliseconds of detecting, aligning and embedding one image, one bar per row."""
    figure = Figure(figsize=(8.0, 1.3 + 0.45 * len(stages)), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=11, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    rows = list(stages)[::-1]
    start = np.zeros(len(rows))
    for stage, colour in _STAGES.items():
        widths = np.array([stages[row].get(stage, 0.0) for row in rows])
        axes.barh(rows, widths, left=start, color=colour, label=stage, height=0.62)
        start += widths
    for row, total in zip(range(len(rows)), start, strict=True):
        axes.text(total, row, f" {total:.1f} ms", va="center", fontsize=8)
    axes.set(xlabel="ms per image", xlim=(0, float(start.max()) * 1.12))
    axes.legend(fontsize=8, frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.18))
    return figure


def change_bars(title: str, panels: Sequence[Changes], *, columns: int) -> Figure:
    """Draw the percentage change of each metric: green is better and red is worse.

    The sign of a bar is the sign of the measured change. Hatching distinguishes the bars of a group, since colour
    has a meaning already. Bars beyond 100 % are cut off and labelled with the change.

    Args:
        title: of the figure.
        panels: row by row.
        columns: number of panels side by side.
    """
    labels = list(dict.fromkeys(label for panel in panels for group in panel.groups.values() for label in group))
    entries = [] if len(labels) == 1 else labels
    canvas = _canvas(title, panels, len(labels), columns, ["better", "worse", *entries])
    for number, panel in enumerate(panels):
        frame = canvas.frame(number, (-0.6, len(panel.groups) - 0.4), (_LOWEST, _TALLEST))
        canvas.dress(frame, panel.title, dict(enumerate(panel.groups)), _CHANGE_TICKS, slanted=True)
        for place, group in enumerate(panel.groups.values()):
            for label, change in group.items():
                _draw_change(
                    canvas, frame, change, *_edges(place, labels.index(label), len(labels)), labels.index(label)
                )
        canvas.line(frame.points(frame.x_limits, [0, 0]), "#444444", width=0.8)
    bars = [Patch(facecolor="white", edgecolor="#444444", hatch=_hatch(number)) for number in range(len(entries))]
    keys = [Patch(facecolor=BETTER), Patch(facecolor=WORSE)]
    return canvas.figure([*keys, *bars], ["better", "worse", *entries])


def _canvas(
    title: str, panels: Sequence[Changes] | Sequence[Bars], bars: int, columns: int, entries: list[str]
) -> Canvas:
    groups = max(len(panel.groups) for panel in panels)
    width = max(1.0, groups * (_GROUP + _BAR * bars))
    columns = min(columns, max(1, int(_WIDEST / (width + _GAP[0]))))
    return Canvas(title, len(panels), Sheet(columns, (width, 1.75), _GAP), entries=entries)


def _edges(place: int, number: int, count: int) -> tuple[float, float]:
    """Return the left and right edge of one bar of a group."""
    width = _ROOM / count
    left = place - _ROOM / 2 + number * width
    return left, left + width


def _hatch(number: int) -> str:
    return HATCHES[number % len(HATCHES)]


def _draw_change(canvas: Canvas, frame: Frame, change: Change, left: float, right: float, number: int) -> None:
    height = 0.0 if change.fraction is None else max(-_MOST, min(_MOST, change.fraction))
    corner, opposite = frame.points([left, right], [min(height, 0.0), max(height, 0.0)])
    canvas.bar(corner, opposite, change.colour, hatch=_hatch(number))
    if change.fraction is not None and abs(change.fraction) <= _MOST:
        return
    # Cases that a bar cannot show: a change beyond the scale, or relative to a value of 0.
    text = "from 0" if change.fraction is None else f"{100 * change.fraction:+.0f} %"
    ((x, y),) = frame.points([(left + right) / 2], [height])
    canvas.text(
        x,
        y + (0.03 if height >= 0 else -0.03),
        text,
        size=5.5,
        rotation=90,
        ha="center",
        va="bottom" if height >= 0 else "top",
    )


def _shown(estimates: Sequence[Estimate]) -> float:
    """Return up to which value a panel shows its whiskers: those of few people would make all bars too small to see.

    >>> _shown([Estimate(0.02, 0.0, 0.93, 4), Estimate(0.04, 0.01, 0.1, 40)]), _shown([Estimate(0.0, 0.0, 0.6, 4)])
    (0.16, 0.6)
    """
    peak, highest = max(e.value for e in estimates), max(e.high for e in estimates)
    return min(highest, _OF_PEAK * peak) if peak > 0 else highest


def bar_panels(title: str, panels: Sequence[Bars], *, colours: Mapping[str, str], columns: int) -> Figure:
    """Draw the values of each metric for each model, with whiskers for their intervals.

    Args:
        title: of the figure.
        panels: row by row; each has its own scale, except fractions above one half, which end at 100 %.
        colours: of the run's models.
        columns: number of panels side by side.
    """
    models = sorted({model for panel in panels for group in panel.groups.values() for model in group})
    canvas = _canvas(title, panels, len(models), columns, models)
    for number, panel in enumerate(panels):
        highest = _shown([e for group in panel.groups.values() for e in group.values()])
        top = 1.02 if panel.percent and highest > _SMALL else 1.08 * highest or 1.0
        frame = canvas.frame(number, (-0.6, len(panel.groups) - 0.4), (0.0, top))
        y_ticks = ticks(frame.y_limits, percent=panel.percent)
        canvas.dress(frame, panel.title, dict(enumerate(panel.groups)), y_ticks, slanted=True)
        for place, group in enumerate(panel.groups.values()):
            for model, estimate in group.items():
                left, right = _edges(place, models.index(model), len(models))
                middle = [(left + right) / 2]
                low, high = frame.points([left, right], [0.0, estimate.value])
                canvas.bar(low, high, colours[model])
                end = min(estimate.high, top)
                canvas.whiskers(frame.points(middle, [estimate.low]), frame.points(middle, [end]), "#222222")
                if end < estimate.high:  # the whisker leaves the panel: its end is written
                    ((x, y),) = frame.points(middle, [top])
                    text = f"{100 * estimate.high:.0f} %" if panel.percent else f"{estimate.high:.3g}"
                    canvas.text(x + 0.02, y - 0.01, text, size=5.5, ha="left", va="top")
    return canvas.figure([Patch(facecolor=colours[model]) for model in models], models)
