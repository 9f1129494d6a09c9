"""What stands in a figure, read back from it: texts, lines and filled outlines."""

import numpy as np
import numpy.typing as npt
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path

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
    return [line for patch in _patches(figure, filled=False) if to_hex(patch.get_edgecolor()) == colour.lower()
            for line in _parts(patch)]  # fmt: skip


def shapes(figure: Figure, colour: str) -> list[Array]:
    """Return the filled outlines of a colour in inches, whatever its opacity."""
    return [outline[:-1] for patch in _patches(figure, filled=True) if to_hex(patch.get_facecolor()) == colour.lower()
            for outline in _parts(patch)]  # fmt: skip


def _patches(figure: Figure, *, filled: bool) -> list[PathPatch]:
    return [each for each in figure.axes[0].patches if isinstance(each, PathPatch) and each.get_fill() == filled]


def _parts(patch: PathPatch) -> list[Array]:
    path = patch.get_path()
    begins = np.flatnonzero(path.codes == Path.MOVETO)
    return np.split(np.array(path.vertices, dtype=np.float64), begins[1:])
