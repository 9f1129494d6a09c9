"""Overview of a run: the loss of each model under each corruption, and accuracy against time and size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from facecheck.metrics.intervals import Estimate
from facecheck.plots.style import BETTER, WORSE, dress

__all__ = ["Cost", "heat_map", "non_dominated", "trade_off"]

Array = npt.NDArray[np.float64]
_LOSS = LinearSegmentedColormap.from_list("loss", [WORSE, "#FFFFFF", BETTER])
_DARK = 0.6  # share of the scale above which numbers are written in white
_DECADE = 8.0  # ratio of largest to smallest value above which a scale is logarithmic


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One panel of a trade-off.

    Args:
        label: of the cost, with its unit; lower is better.
        points: for each model its cost and its accuracy.
    """

    label: str
    points: Mapping[str, tuple[Estimate, Estimate]]


def heat_map(title: str, rows: Sequence[str], columns: Sequence[str], parts: Mapping[str, Array]) -> Figure:
    """Draw differences in percentage points as colours with numbers: red is a loss, green is a gain.

    Args:
        title: of the figure.
        rows: such as corruptions.
        columns: such as models.
        parts: side by side, such as mean and worst, each of shape ``(rows, columns)``, fractions, NaN if not
            measured.
    """
    cell, left = (0.66, 0.2), 0.072 * max(len(row) for row in rows) + 0.2
    top, bottom = 0.75, 0.075 * max(len(column) for column in columns) * math.sin(math.radians(40)) + 0.3
    part = cell[0] * len(columns)
    width = max(5.0, left + part * len(parts) + 0.3 * (len(parts) - 1) + 0.3)
    height = top + cell[1] * len(rows) + bottom
    figure = Figure(figsize=(width, height))
    figure.text(0.12 / width, 1 - 0.12 / height, title, fontsize=12, va="top")
    most = max(float(np.nanmax(np.abs(values), initial=0.01)) for values in parts.values())
    for number, (name, values) in enumerate(parts.items()):
        x = left + number * (part + 0.3)
        axes = figure.add_axes((x / width, bottom / height, part / width, cell[1] * len(rows) / height))
        axes.pcolormesh(values, cmap=_LOSS, vmin=-most, vmax=most, edgecolors="white", linewidth=0.6)
        axes.invert_yaxis()
        axes.set_title(name, fontsize=9, loc="left", pad=4)
        axes.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=40, ha="right", fontsize=7.5)
        axes.set_yticks(np.arange(len(rows)) + 0.5, rows if not number else [""] * len(rows), fontsize=7.5)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        _write_figures(axes, values, most)
    return figure


def _write_figures(axes: Axes, values: Array, most: float) -> None:
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "white" if abs(value) > _DARK * most else "black"
            axes.text(
                column + 0.5, row + 0.5, f"{100 * value:+.1f}", ha="center", va="center", fontsize=7, color=colour
            )


def non_dominated(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Return the Pareto front of cost (lower is better) and gain (higher is better), cheapest first.

    >>> non_dominated({"small": (1.0, 0.9), "slow": (3.0, 0.8), "large": (4.0, 0.95)})
    ['small', 'large']
    """
    return [
        name
        for name, (cost, gain) in sorted(points.items(), key=lambda item: (item[1][0], -item[1][1], item[0]))
        if not any(_beats(other, (cost, gain)) for other in points.values())
    ]


def _beats(ours: tuple[float, float], theirs: tuple[float, float]) -> bool:
    return ours != theirs and ours[0] <= theirs[0] and ours[1] >= theirs[1]


def trade_off(title: str, panels: Sequence[Cost], *, colours: Mapping[str, str]) -> Figure:
    """Draw accuracy against cost; a line connects the models on the Pareto front.

    Args:
        title: of the figure.
        panels: one per cost.
        colours: of the run's models.
    """
    figure = Figure(figsize=(4.6 * len(panels) + 0.4, 4.4), layout="constrained")
    figure.suptitle(title, fontsize=12, x=0.01, ha="left")
    lowest = min(gain.low for panel in panels for _, gain in panel.points.values())
    highest = max(gain.high for panel in panels for _, gain in panel.points.values())
    margin = max(0.004, 0.08 * (highest - lowest))
    for number, panel in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), number + 1)
        dress(axes)
        _draw_cost(axes, panel, colours)
        axes.set_ylim(max(0.0, lowest - margin), min(1.0 + margin / 2, highest + margin))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
        if not number:
            axes.set_ylabel("accuracy")
    return figure


def _draw_cost(axes: Axes, panel: Cost, colours: Mapping[str, str]) -> None:
    at = {model: (cost.value, gain.value) for model, (cost, gain) in panel.points.items()}
    best = non_dominated(at)
    axes.plot([at[m][0] for m in best], [at[m][1] for m in best], color="#999999", linewidth=1.2, zorder=1)
    for model, (cost, gain) in sorted(panel.points.items()):
        axes.plot([cost.value] * 2, [gain.low, gain.high], color=colours[model], linewidth=1.2)
        axes.plot([cost.low, cost.high], [gain.value] * 2, color=colours[model], linewidth=1.2)
        face = colours[model] if model in best else "white"
        axes.plot(cost.value, gain.value, "o", color=colours[model], markerfacecolor=face, markersize=8, label=model)
    costs = [cost for cost, _ in at.values()]
    if min(costs) > 0 and max(costs) / min(costs) > _DECADE:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    else:
        axes.set_xlim(0, 1.1 * max(cost.high for cost, _ in panel.points.values()))
    axes.set_xlabel(panel.label)
    axes.legend(fontsize=8, frameon=False, loc="best")
