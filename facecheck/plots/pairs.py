"""Graphs of single pairs: decisions, the distribution of distances, and distance against pose."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from facecheck.metrics.intervals import mean
from facecheck.metrics.scores import Scores
from facecheck.plots.lines import band
from facecheck.plots.style import GENUINE, IMPOSTOR, axes_of

__all__ = ["decision_rows", "histogram", "pose_distance"]

Array = npt.NDArray[np.float64]
_MANY = 2000  # number of points above which a scatter is rasterised in the vector graphic


def decision_rows(title: str, scores: Scores, thresholds: Array) -> Figure:
    """Draw the figure of the second study: distances of correct and wrong decisions in two jittered rows.

    The upper row shows the genuine pairs, the lower row the impostor pairs; wrong decisions are dark crosses.
    """
    figure, axes = axes_of(title)
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
    if np.isfinite([low, high]).all():
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
    """Draw the distribution of the distances of both kinds, as densities."""
    figure, axes = axes_of(title)
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
                histtype="stepfilled",
                color=colour,
                alpha=0.55,
                label=f"{label}, {int(kind.sum())} pairs",
            )
    if np.isfinite(thresholds).all():
        axes.axvline(float(-thresholds.mean()), color="black", linestyle="--", linewidth=1.2, label="threshold")
    axes.set(xlabel="distance", ylabel="density")
    axes.legend(fontsize=9, frameon=False)
    _note_failures(axes, scores)
    return figure


def pose_distance(title: str, difference: Array, scores: Scores, threshold: float | None) -> Figure:
    """Draw the graph of the first study: distance of genuine pairs against their absolute yaw difference.

    The scatter is overlaid with the means, their 95 % intervals, and the impostor mean for comparison.

    Args:
        title: of the graph.
        difference: ``(n,)`` absolute yaw differences in radians.
        scores: n pairs.
        threshold: on the similarity, or None.
    """
    figure, axes = axes_of(title)
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
    band(axes, list(means), list(means.values()), GENUINE, "genuine mean, 95 % interval")
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
