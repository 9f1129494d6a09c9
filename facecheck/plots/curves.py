"""ROC and DET graphs with one curve per model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, PercentFormatter
from scipy.special import ndtri

from facecheck.metrics import Curve
from facecheck.metrics.intervals import Estimate
from facecheck.plots.style import axes_of, model_colours

__all__ = ["cmc", "det", "det_of_points", "reliability", "roc"]

Place = TypeVar("Place", int, float)
_SQUARE = (5.6, 5.2)
_DET_WIDEST = 0.6  # beyond the highest rate that is asked for, so that its point is whole
_EVERY_RANK, _RANK_STEP = 10, 5  # up to so many ranks each has a tick, else every fifth
_APART = 0.012  # of the graph's width between the whiskers of two models
_DET_TICKS = (1e-7, 1e-6, 1e-5, 0.0001, 0.001, 0.01, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 0.99)
_DET_LOW, _DET_HIGH = _DET_ENDS = 0.0002, 0.5


def roc(title: str, curves: Mapping[str, tuple[Curve, int]], *, colours: Mapping[str, str] | None = None) -> Figure:
    """Draw true against false match rate, the latter logarithmic from the lowest rate the impostor pairs resolve.

    Args:
        title: of the graph.
        curves: for each model its curve and the number of impostor pairs behind it.
        colours: of the run's models.
    """
    figure, axes = axes_of(title, _SQUARE)
    colours = colours or model_colours(curves)
    least = min(1 / impostors for _, impostors in curves.values())
    lowest = 1.0
    for model, (points, _) in sorted(curves.items()):
        axes.step(
            np.maximum(points.fmr, least / 2),
            points.tmr,
            where="post",
            color=colours[model],
            label=model,
            linewidth=1.6,
        )
        lowest = min(lowest, float(points.tmr[np.searchsorted(points.fmr, least, side="right") - 1]))
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set(
        xlabel="false match rate", ylabel="true match rate", xlim=(least, 1), ylim=(min(0.95, lowest - 0.02), 1.002)
    )
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axes.legend(fontsize=9, loc="lower right", frameon=False)
    return figure


def det(title: str, curves: Mapping[str, tuple[Curve, int]], *, colours: Mapping[str, str] | None = None) -> Figure:
    """Draw false non-match against false match rate on normal-deviate axes, where normal scores give straight lines.

    Args:
        title: of the graph.
        curves: for each model its curve and the number of impostor pairs behind it.
        colours: of the run's models.
    """
    figure, axes = axes_of(title, _SQUARE)
    colours = colours or model_colours(curves)
    for model, (points, impostors) in sorted(curves.items()):
        shown = points.fmr >= 1 / impostors
        fmr, fnmr = (np.clip(rate[shown], _DET_LOW, _DET_HIGH) for rate in (points.fmr, points.fnmr))
        axes.plot(ndtri(fmr), ndtri(fnmr), color=colours[model], label=model, linewidth=1.6)
    _deviates(axes, ("false match rate", "false non-match rate"))
    axes.legend(fontsize=9, loc="upper right", frameon=False)
    return figure


def _deviates(
    axes: Axes, labels: tuple[str, str], *, x: tuple[float, float] = _DET_ENDS, y: tuple[float, float] = _DET_ENDS
) -> None:
    """Dress axes of normal deviates, with the line of equal rates.

    Args:
        axes: to be dressed.
        labels: of the tolerated rate and of the other one.
        x: tolerated rates that are shown.
        y: other rates that are shown.
    """
    ends = ndtri(np.array(_DET_ENDS))
    axes.plot(ends, ends, color="#999999", linewidth=0.8, linestyle=":")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator(ndtri(np.array(_DET_TICKS)).tolist()))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{_percent(value)} %"))
    axes.set(xlabel=labels[0], ylabel=labels[1], xlim=tuple(ndtri(x)), ylim=tuple(ndtri(y)))


def det_of_points(
    title: str,
    points: Mapping[str, Mapping[float, Estimate]],
    *,
    colours: Mapping[str, str] | None = None,
    rates: tuple[str, str] = ("false positive identification rate", "false negative identification rate"),
) -> Figure:
    """Draw one error rate with its interval against the other on normal-deviate axes, at the points that were measured.

    Args:
        title: of the graph.
        points: for each model the rate at each tolerated one.
        colours: of the run's models.
        rates: what the axes are called: the tolerated rate, then the measured one.
    """
    figure, axes = axes_of(title, _SQUARE)
    colours = colours or model_colours(points)
    x_ends, y_ends = _ends_of(points)
    for model, measured in sorted(points.items()):
        places = sorted(measured)
        x = ndtri(np.clip(places, *x_ends))
        low, middle, high = (ndtri(np.clip([measured[p][field] for p in places], *y_ends)) for field in (1, 0, 2))
        axes.plot(x, middle, color=colours[model], marker="o", markersize=4, label=model, linewidth=1.6)
        axes.fill_between(x, low, high, color=colours[model], alpha=0.16, linewidth=0)
    _deviates(axes, rates, x=x_ends, y=y_ends)
    axes.legend(fontsize=9, loc="upper right", frameon=False)
    return figure


def _ends_of(points: Mapping[str, Mapping[float, Estimate]]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return which rates the axes show: all that were measured, and no decade more."""
    places = [place for measured in points.values() for place in measured if place > 0]
    highest = max((rate.high for measured in points.values() for rate in measured.values()), default=0.0)
    x = min([_DET_LOW, *places]), min(_DET_WIDEST, 2 * max(places, default=_DET_HIGH))
    return x, (_DET_LOW, min(max(_DET_HIGH, highest), _DET_TICKS[-1]))


def reliability(
    title: str, points: Mapping[str, Mapping[float, Estimate]], *, colours: Mapping[str, str] | None = None
) -> Figure:
    """Draw the observed share of genuine pairs with its interval against the predicted probability.

    Args:
        title: of the graph.
        points: for each model the observed share at each mean prediction.
        colours: of the run's models.
    """
    figure, axes = axes_of(title, _SQUARE)
    colours = colours or model_colours(points)
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle=":")
    _whiskered(axes, points, colours, width=1.0)
    axes.set(xlabel="predicted probability", ylabel="observed share of genuine pairs", xlim=(0, 1), ylim=(0, 1.002))
    axes.legend(fontsize=9, loc="upper left", frameon=False)
    return figure


def cmc(
    title: str, points: Mapping[str, Mapping[int, Estimate]], *, colours: Mapping[str, str] | None = None
) -> Figure:
    """Draw the identification rate with its interval against the rank.

    Args:
        title: of the graph.
        points: for each model the rate at each rank.
        colours: of the run's models.
    """
    figure, axes = axes_of(title, _SQUARE)
    colours = colours or model_colours(points)
    last = max(rank for rates in points.values() for rank in rates)
    _whiskered(axes, points, colours, width=float(last))
    # Wide intervals of few people would hide the curves: they run out of the graph.
    lowest = min(rate.value for rates in points.values() for rate in rates.values())
    axes.set(xlabel="rank", ylabel="identification rate", ylim=(min(0.9, lowest - 0.05), 1.002))
    axes.set_xticks(range(1, last + 1) if last <= _EVERY_RANK else [1, *range(_RANK_STEP, last + 1, _RANK_STEP)])
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axes.legend(fontsize=9, loc="lower right", framealpha=0.9, edgecolor="none")
    return figure


def _whiskered(
    axes: Axes,
    points: Mapping[str, Mapping[Place, Estimate]],
    colours: Mapping[str, str],
    *,
    width: float,
) -> None:
    """Draw each model's line with its intervals as whiskers, side by side: bands of several models hide each other."""
    for number, (model, estimates) in enumerate(sorted(points.items())):
        places = sorted(estimates)
        drawn = [estimates[place] for place in places]
        x = np.array(places) + (number - (len(points) - 1) / 2) * _APART * width
        axes.plot(
            x, [e.value for e in drawn], color=colours[model], marker="o", markersize=4, linewidth=1.4, label=model
        )
        axes.vlines(x, [e.low for e in drawn], [e.high for e in drawn], color=colours[model], alpha=0.55, linewidth=1.1)


def _percent(deviate: float) -> str:
    nearest = min(_DET_TICKS, key=lambda tick: abs(float(ndtri(tick)) - deviate))
    return f"{100 * nearest:.5f}".rstrip("0").rstrip(".")
