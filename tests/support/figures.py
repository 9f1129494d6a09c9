"""What stands in a figure, read back from it: texts, lines and filled outlines."""

import itertools

import numpy as np
import numpy.typing as npt
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_hex, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

Array = npt.NDArray[np.float64]


def across(line: Line2D) -> Array:
    """Return a line's places along x."""
    return np.array(line.get_xdata(), dtype=np.float64)


def up(line: Line2D) -> Array:
    """Return a line's places along y."""
    return np.array(line.get_ydata(), dtype=np.float64)


def texts(figure: Figure) -> list[str]:
    """Return all texts of a figure: of axes, of the figure and of legends."""
    legends = [*figure.legends, *(legend for axes in figure.axes for legend in [axes.get_legend()] if legend)]
    found = [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]
    return [text.get_text() for text in (*found, *(text for legend in legends for text in legend.get_texts()))]


def entries(figure: Figure) -> list[str]:
    """Return the legend's texts."""
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def segments(figure: Figure, colour: str) -> list[Array]:
    """Return the lines of a colour in inches."""
    return [
        np.asarray(line, dtype=np.float64)
        for drawn in figure.axes[0].collections
        if isinstance(drawn, LineCollection)
        for line, each in zip(drawn.get_segments(), itertools.cycle(to_rgba_array(drawn.get_colors())), strict=False)
        if to_hex(tuple(each)) == colour.lower()
    ]


def shapes(figure: Figure, colour: str) -> list[Array]:
    """Return the filled outlines of a colour in inches, whatever its opacity."""
    return [
        np.array(path.vertices, dtype=np.float64)[:-1]
        for drawn in figure.axes[0].collections
        if isinstance(drawn, PolyCollection)
        for path, each in zip(drawn.get_paths(), itertools.cycle(to_rgba_array(drawn.get_facecolor())), strict=False)
        if to_hex(tuple(each)) == colour.lower()
    ]
