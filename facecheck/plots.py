"""Graphs: values in, a matplotlib figure out. No state, no files, no printing.

Colours keep their meaning everywhere: genuine pairs are blue, impostor pairs vermilion, models take the
palette in the order of their names. The palette is Okabe and Ito's, which colour-blind people tell apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, PercentFormatter
from scipy.special import ndtri

from facecheck.intervals import Estimate, mean
from facecheck.metrics import Curve
from facecheck.scores import Scores

__all__ = ["Series", "decision_rows", "det", "histogram", "pose_distance", "roc", "series", "stage_bars"]

Array = npt.NDArray[np.float64]
GENUINE, IMPOSTOR = "#0072B2", "#D55E00"
_PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
_STAGES = {"detect": "#56B4E9", "align": "#F0E442", "embed": "#009E73"}
_WIDE, _SQUARE = (8.0, 4.6), (5.6, 5.2)
_DET_TICKS = (0.0001, 0.001, 0.01, 0.05, 0.2, 0.4)
_DET_LOW, _DET_HIGH = 0.0002, 0.5
_MANY = 2000  # points from which a scatter is drawn as pixels in the vector graphic


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one line with their intervals.

    Args:
        label: in the legend.
        x: positions.
        estimates: one a position.
    """

    label: str
    x: Sequence[float]
    estimates: Sequence[Estimate]


def _axes(title: str, size: tuple[float, float] = _WIDE) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=11, loc="left")
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def decision_rows(title: str, scores: Scores, thresholds: Array) -> Figure:
    """Draw the second study's picture: distances of right and wrong decisions in two jittered rows.

    The upper row holds the genuine pairs, the lower the impostors; wrong decisions are dark crosses.
    """
    figure, axes = _axes(title)
    made = scores.made
    distance, genuine = -scores.similarity, scores.genuine
    matched = (scores.similarity >= thresholds) & made
    jitter = np.random.default_rng(0).uniform(-0.32, 0.32, len(scores))
    kinds = (
        ("true positive", genuine & matched, 1, GENUINE, "o"),
        ("false negative", genuine & made & ~matched, 1, "#12263a", "x"),
        ("true negative", ~genuine & made & ~matched, 0, IMPOSTOR, "o"),
        ("false positive", ~genuine & matched, 0, "#4a1500", "x"),
    )
    for label, among, row, colour, marker in kinds:
        right = marker == "o"
        axes.scatter(
            distance[among],
            row + jitter[among],
            s=9 if right else 26,
            c=colour,
            marker=marker,
            alpha=0.35 if right else 1.0,
            linewidths=0 if right else 1.4,
            rasterized=int(among.sum()) > _MANY,
            label=f"{label} ({int(among.sum())})",
        )
    for row, kind, colour in ((1, genuine, GENUINE), (0, ~genuine, IMPOSTOR)):
        if (kind & made).any():
            middle = float(distance[kind & made].mean())
            axes.plot(
                [middle, middle], [row - 0.42, row + 0.42], color=colour, linewidth=2.5, label=f"mean {middle:.3f}"
            )
    low, high = float(-thresholds.max()), float(-thresholds.min())
    axes.axvspan(low, high, color="black", alpha=0.15, linewidth=0)
    axes.axvline(
        (low + high) / 2, color="black", linestyle="--", linewidth=1.2, label=f"threshold {(low + high) / 2:.3f}"
    )
    axes.set(xlabel="distance", ylim=(-0.6, 1.6))
    axes.set_yticks([0, 1], ["impostor pairs", "genuine pairs"])
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    _note_failures(axes, scores)
    return figure


def _note_failures(axes: Axes, scores: Scores, kind: str = "") -> None:
    failed = int((~scores.made).sum())
    if failed:
        text = f"{failed} {kind}pairs without a face in one of their images are not shown; they count as non-matches"
        axes.annotate(text, (0, -0.17), xycoords="axes fraction", fontsize=8, color="#666666")


def histogram(title: str, scores: Scores, thresholds: Array) -> Figure:
    """Draw how the distances of both kinds are spread, as densities."""
    figure, axes = _axes(title)
    completed = scores.completed()
    distance = -completed.similarity
    bins = np.histogram_bin_edges(distance, bins=60)
    for kind, label, colour in (
        (completed.genuine, "genuine", GENUINE),
        (~completed.genuine, "impostor", IMPOSTOR),
    ):
        if kind.any():
            axes.hist(
                distance[kind],
                bins=bins.tolist(),
                density=True,
                color=colour,
                alpha=0.55,
                label=f"{label}, {int(kind.sum())} pairs",
            )
    axes.axvline(float(-thresholds.mean()), color="black", linestyle="--", linewidth=1.2, label="threshold")
    axes.set(xlabel="distance", ylabel="density")
    axes.legend(fontsize=9, frameon=False)
    _note_failures(axes, scores)
    return figure


def roc(title: str, curves: Mapping[str, tuple[Curve, int]]) -> Figure:
    """Draw true against false match rate, the latter logarithmic down to what the impostor pairs can show.

    Args:
        title: of the graph.
        curves: for each model its curve and how many impostor pairs it was made of.
    """
    figure, axes = _axes(title, _SQUARE)
    least = min(1 / impostors for _, impostors in curves.values())
    lowest = 1.0
    for colour, (model, (points, _)) in zip(_PALETTE * 9, sorted(curves.items()), strict=False):
        axes.step(np.maximum(points.fmr, least / 2), points.tmr, where="post", color=colour, label=model, linewidth=1.6)
        lowest = min(lowest, float(points.tmr[np.searchsorted(points.fmr, least, side="right") - 1]))
    axes.set_xscale("log")
    axes.set(
        xlabel="false match rate", ylabel="true match rate", xlim=(least, 1), ylim=(min(0.95, lowest - 0.02), 1.002)
    )
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axes.legend(fontsize=9, loc="lower right", frameon=False)
    return figure


def det(title: str, curves: Mapping[str, tuple[Curve, int]]) -> Figure:
    """Draw false non-match against false match rate on normal-deviate axes: straight lines for normal scores."""
    figure, axes = _axes(title, _SQUARE)
    for colour, (model, (points, impostors)) in zip(_PALETTE * 9, sorted(curves.items()), strict=False):
        shown = points.fmr >= 1 / impostors
        fmr, fnmr = (np.clip(rate[shown], _DET_LOW, _DET_HIGH) for rate in (points.fmr, points.fnmr))
        axes.plot(ndtri(fmr), ndtri(fnmr), color=colour, label=model, linewidth=1.6)
    ends = ndtri(np.array([_DET_LOW, _DET_HIGH]))
    axes.plot(ends, ends, color="#999999", linewidth=0.8, linestyle=":")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator(ndtri(np.array(_DET_TICKS)).tolist()))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{_percent(value)} %"))
    axes.set(xlabel="false match rate", ylabel="false non-match rate", xlim=tuple(ends), ylim=tuple(ends))
    axes.legend(fontsize=9, loc="upper right", frameon=False)
    return figure


def _percent(deviate: float) -> str:
    nearest = min(_DET_TICKS, key=lambda tick: abs(float(ndtri(tick)) - deviate))
    return f"{100 * nearest:g}"


def pose_distance(title: str, difference: Array, scores: Scores, threshold: float | None) -> Figure:
    """Draw the first study's graph: distance of genuine pairs against their absolute yaw difference.

    Over the scatter lie the means with their 95 % intervals, and the impostors' mean for comparison.

    Args:
        title: of the graph.
        difference: ``(n,)`` radians.
        scores: n pairs.
        threshold: on the similarity, or None.
    """
    figure, axes = _axes(title)
    made = scores.made
    genuine = scores.genuine & made & (difference > 0)
    steps = np.unique(difference[genuine])
    width = float(np.diff(steps).min()) if len(steps) > 1 else 0.4
    jitter = np.random.default_rng(0).uniform(-0.09, 0.09, len(scores)) * width
    distance = -scores.similarity
    axes.scatter(
        difference[genuine] + jitter[genuine],
        distance[genuine],
        s=14,
        color=GENUINE,
        alpha=0.45,
        linewidths=0,
        rasterized=int(genuine.sum()) > _MANY,
        label=f"genuine pairs ({int(genuine.sum())})",
    )
    means = {}
    for step in steps:
        rows = genuine & (difference == step)
        if int(rows.sum()) > 1 and len(np.unique(scores.who[rows])) > 1:
            means[float(step)] = mean(distance[rows], scores.who[rows])
    _band(axes, list(means), list(means.values()), GENUINE, "genuine mean, 95 % interval")
    impostor = ~scores.genuine & made
    if impostor.any():
        level = float(distance[impostor].mean())
        axes.axhline(level, color=IMPOSTOR, linewidth=1.6, label=f"impostor mean {level:.3f}")
    if threshold is not None:
        axes.axhline(-threshold, color="black", linestyle="--", linewidth=1.2, label=f"threshold {-threshold:g}")
    axes.set(xlabel="absolute yaw difference, rad", ylabel="distance", ylim=(0, None))
    axes.set_xticks(steps.tolist())
    axes.legend(fontsize=8, frameon=False, ncols=2, loc="lower right")
    _note_failures(axes, scores.take(scores.genuine & (difference > 0)), "genuine ")
    return figure


def _band(axes: Axes, x: Sequence[float], estimates: Sequence[Estimate], colour: str, label: str) -> None:
    axes.plot(x, [e.value for e in estimates], color=colour, marker="o", markersize=4.5, linewidth=1.6, label=label)
    axes.fill_between(x, [e.low for e in estimates], [e.high for e in estimates], color=colour, alpha=0.16, linewidth=0)


def series(title: str, lines: Sequence[Series], *, x_label: str, y_label: str, percent: bool) -> Figure:
    """Draw estimates against a quantity, one line a model with its interval band."""
    figure, axes = _axes(title)
    for colour, line in zip(_PALETTE * 9, lines, strict=False):
        _band(axes, line.x, line.estimates, colour, line.label)
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.set_xticks(sorted({x for line in lines for x in line.x}))
    if percent:
        lowest = min(e.low for line in lines for e in line.estimates)
        highest = max(e.high for line in lines for e in line.estimates)
        margin = max(0.01, 0.06 * (highest - lowest))
        axes.set_ylim(max(-0.02, lowest - margin), min(1.02, highest + margin))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axes.legend(fontsize=9, frameon=False, loc="best")
    return figure


def stage_bars(title: str, stages: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw for each row the milliseconds of detecting, aligning and embedding one image, end to end."""
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
    axes.set(xlabel="ms an image", xlim=(0, float(start.max()) * 1.12))
    axes.legend(fontsize=8, frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.18))
    return figure
