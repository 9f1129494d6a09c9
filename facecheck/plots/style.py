"""The common style of all graphs: colours with a fixed meaning, and axes without decoration.

Genuine pairs are blue and impostor pairs vermilion; no model has either colour. The palette is that of
Okabe and Ito, which colour-blind people can distinguish, plus two colours for runs of many models.
"""

from __future__ import annotations

import contextlib
import itertools
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = [
    "BETTER",
    "GENUINE",
    "HATCHES",
    "IMPOSTOR",
    "NEITHER",
    "WORSE",
    "axes_of",
    "drawing",
    "dress",
    "model_colours",
]

GENUINE, IMPOSTOR = "#0072B2", "#D55E00"
BETTER, WORSE, NEITHER = "#1B9E5A", "#B2182B", "#999999"
# Straight lines: dots and rings take a hundred curves a pattern.
HATCHES = ("", "////", "||||", "xxxx", "----", "\\\\\\\\", "++++")
_MODELS = ("#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#000000", "#8C510A", "#7F7F7F")
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "facecheck",
    "svg.fonttype": "none",  # letters stay letters: a third of the file, and a browser has the glyphs of every script
    "text.hinting": "none",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same picture everywhere, and no search for fonts
    "text.parse_math": False,  # a dollar in a name is a dollar
}
_WIDE = (8.0, 4.6)


@contextlib.contextmanager
def drawing() -> Iterator[None]:
    """Draw and save in one style: the same picture everywhere, and names that are names and no formulas."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)  # a box will do
        yield


def model_colours(models: Iterable[str]) -> dict[str, str]:
    """Return a colour for each model, in the order of their names; pass all models of a run in one call.

    >>> model_colours(["facenet", "dlib"])
    {'dlib': '#E69F00', 'facenet': '#009E73'}
    """
    return dict(zip(sorted(set(models)), itertools.cycle(_MODELS), strict=False))


def axes_of(title: str, size: tuple[float, float] = _WIDE) -> tuple[Figure, Axes]:
    """Return a figure with one graph; ``size`` is in inches."""
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=11, loc="left")
    dress(axes)
    return figure, axes


def dress(axes: Axes) -> None:
    """Add a light grid and remove the upper and right border."""
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
