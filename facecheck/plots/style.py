"""What all graphs share: colours that keep their meaning, and axes without what says nothing.

Genuine pairs are blue and impostor pairs vermilion; no model has either colour. The palette is Okabe and Ito's,
which colour-blind people tell apart, with two more for runs of many models.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["BETTER", "GENUINE", "HATCHES", "IMPOSTOR", "NEITHER", "WORSE", "axes_of", "dress", "model_colours"]

GENUINE, IMPOSTOR = "#0072B2", "#D55E00"
BETTER, WORSE, NEITHER = "#1B9E5A", "#B2182B", "#999999"
HATCHES = ("", "////", "....", "xxxx", "----", "\\\\\\\\", "oo")
_MODELS = ("#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#000000", "#8C510A", "#7F7F7F")
_WIDE = (8.0, 4.6)


def model_colours(models: Iterable[str]) -> dict[str, str]:
    """Return a colour for each model, in the order of their names: give it all models of a run, once.

    >>> model_colours(["facenet", "dlib"])
    {'dlib': '#E69F00', 'facenet': '#009E73'}
    """
    return dict(zip(sorted(set(models)), itertools.cycle(_MODELS), strict=False))


def axes_of(title: str, size: tuple[float, float] = _WIDE) -> tuple[Figure, Axes]:
    """Return a figure of one graph, its size in inches."""
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=11, loc="left")
    dress(axes)
    return figure, axes


def dress(axes: Axes) -> None:
    """Take off what says nothing."""
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
