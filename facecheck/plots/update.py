"""Error rates over the threshold for old-old, new-old and new-new: where a threshold that carries over would lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from facecheck.comparison.update import Update
from facecheck.metrics.scores import Scores
from facecheck.plots.style import axes_of

__all__ = ["draw_update"]

_COLOURS = {"old-old": "#0072B2", "new-old": "#E69F00", "new-new": "#009E73"}


def draw_update(update: Update, path: Path) -> Path:
    """Draw FMR (dashed) and FNMR (solid) over the distance.

    Args:
        update: the old and the new model on the same pairs.
        path: of the picture.
    """
    cells: dict[str, Scores] = {"old-old": update.old.scores}
    if not update.problem:
        cells["new-old"] = update.mixed
    cells["new-new"] = update.new.scores
    figure, axes = axes_of(f"{update.old.recognizer.name} -> {update.new.recognizer.name}, {update.dataset.name}")
    for name, scores in cells.items():
        genuine = np.sort(-scores.similarity[scores.genuine])
        impostors = np.sort(-scores.similarity[~scores.genuine])
        axes.plot(genuine, 1 - np.arange(1, len(genuine) + 1) / len(genuine), color=_COLOURS[name], label=name)
        axes.plot(impostors, np.arange(1, len(impostors) + 1) / len(impostors), color=_COLOURS[name], linestyle="--")
    for each in update.migrated()[0]:
        if each.source.startswith("FMR"):
            axes.axvline(each.old_threshold, color=_COLOURS["old-old"], linewidth=0.8, linestyle=":")
            axes.axvline(each.threshold.value, color=_COLOURS["new-new"], linewidth=0.8, linestyle=":")
            axes.axvspan(each.threshold.low, each.threshold.high, color=_COLOURS["new-new"], alpha=0.12, linewidth=0)
    axes.set_yscale("symlog", linthresh=1e-3)
    axes.set_yticks([0, 0.001, 0.01, 0.1, 1], ["0", ".1 %", "1 %", "10 %", "100 %"])
    axes.set_ylim(0, 1)
    axes.set(xlabel="threshold, distance", ylabel="FNMR (solid), FMR (dashed)")
    axes.legend(
        frameon=False, title="gallery-probe; dotted: thresholds at FMR 1 % and .1 %", title_fontsize=8, fontsize=9
    )
    figure.savefig(path, dpi=110)
    return path
