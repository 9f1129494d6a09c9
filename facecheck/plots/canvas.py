"""A sheet of small panels, with positions in inches, drawn as a few long paths.

One ``Axes`` per panel would be simpler, but making it and saving it twice takes about 0.15 s, and a run has hundreds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator

__all__ = ["Canvas", "Frame", "Sheet", "ticks"]

Array = npt.NDArray[np.float64]
Look = TypeVar("Look")
_LEFT, _RIGHT, _TOP = 0.62, 0.18, 0.42  # inches beside and above the panels; below them is one gap
_LEGEND_ROW, _LETTER, _HANDLE = 0.22, 0.068, 0.5  # inches: height of a row, width of a letter, width of a legend handle
_NARROWEST = 7.0  # inches that the title and the legend need
_AXIS, _GRID = "#333333", "#E4E4E4"
_BAND = 0.17
_TICK, _TITLE = 0.035, 0.15  # inches


class Sheet(NamedTuple):
    """The layout of a sheet: number of columns, size of a panel and of the gaps in inches."""

    columns: int
    panel: tuple[float, float]
    gap: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """One panel: its position in inches from the lower left corner, and the range of its values."""

    left: float
    bottom: float
    width: float
    height: float
    x_limits: tuple[float, float]
    y_limits: tuple[float, float]

    def points(self, x: Sequence[float] | Array, y: Sequence[float] | Array) -> Array:
        """Return the places of values on the sheet, ``(n, 2)`` inches; values outside the frame are clipped."""
        shares = [
            np.clip((np.asarray(values, dtype=np.float64) - low) / (high - low), 0.0, 1.0)
            for values, (low, high) in ((x, self.x_limits), (y, self.y_limits))
        ]
        return np.column_stack((self.left + self.width * shares[0], self.bottom + self.height * shares[1]))


def ticks(limits: tuple[float, float], *, percent: bool) -> dict[float, str]:
    """Return about four round values within limits, with their texts.

    >>> ticks((0.38, 1.02), percent=True)
    {0.4: '40 %', 0.6: '60 %', 0.8: '80 %', 1.0: '100 %'}
    """
    low, high = limits
    values = [round(float(v), 10) for v in MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)]
    return {v: f"{100 * v:.4g} %" if percent else f"{v:g}" for v in values if low <= v <= high}


class Canvas:
    """Collects the shapes of all panels and draws them as one figure.

    Args:
        title: of the figure.
        count: number of panels.
        sheet: the layout.
        entries: texts of the legend, which is placed under the title.
    """

    def __init__(self, title: str, count: int, sheet: Sheet, *, entries: Sequence[str]) -> None:
        columns = max(1, min(sheet.columns, count))
        rows = -(-count // columns)
        self._sheet = sheet._replace(columns=columns)
        panels = columns * sheet.panel[0] + (columns - 1) * sheet.gap[0]
        self._width = max(_NARROWEST, _LEFT + panels + _RIGHT)
        # If the title is wider than all panels, the panels are widened to fill the sheet.
        across = sheet.panel[0] + (self._width - _LEFT - panels - _RIGHT) / columns
        self._sheet = self._sheet._replace(panel=(across, sheet.panel[1]))
        widest = _LETTER * max((len(entry) for entry in entries), default=0) + _HANDLE
        self._legend_columns = max(1, min(len(entries), int(self._width / widest)))
        top = _TOP + _LEGEND_ROW * -(-len(entries) // self._legend_columns) + 0.32
        self._height = top + rows * (sheet.panel[1] + sheet.gap[1]) - _TITLE
        self._top = self._height - top
        self._figure = Figure(figsize=(self._width, self._height))
        self._axes = self._figure.add_axes((0, 0, 1, 1), xlim=(0, self._width), ylim=(0, self._height))
        self._axes.set_axis_off()
        self._grid: list[Array] = []
        self._segments: list[tuple[Array, tuple[str, float, str]]] = []
        self._areas: list[tuple[Array, str]] = []
        self._bars: list[tuple[Array, tuple[str, str]]] = []
        self._dots: list[tuple[Array, str, float]] = []
        self.text(0.12, self._height - 0.12, title, size=12, va="top")

    def frame(self, number: int, x_limits: tuple[float, float], y_limits: tuple[float, float]) -> Frame:
        """Return the frame of a panel by its number, counted row by row."""
        row, column = divmod(number, self._sheet.columns)
        (width, height), (across, down) = self._sheet.panel, self._sheet.gap
        bottom = self._top - (row + 1) * height - row * down
        return Frame(_LEFT + column * (width + across), bottom, width, height, x_limits, y_limits)

    def text(self, x: float, y: float, text: str, *, size: float = 7.5, **how: str | float) -> None:
        """Write a text at a position in inches."""
        inches = self._axes.transData  # of the figure: axes would cut each text at their edge, in a tenth of the time
        self._figure.text(x, y, text, fontsize=size, transform=inches, **how)  # type: ignore[arg-type]

    def line(self, points: Array, colour: str, *, width: float = 1.5, style: str = "-") -> None:
        """Draw a line through points on the sheet."""
        self._segments.append((points, (colour, width, style)))

    def whiskers(self, low: Array, high: Array, colour: str) -> None:
        """Draw a line from each low point to its high point."""
        self._segments.extend((np.stack(ends), (colour, 1.0, "-")) for ends in zip(low, high, strict=True))

    def dots(self, points: Array, colour: str, *, size: float = 10.0) -> None:
        """Draw dots at points on the sheet."""
        self._dots.append((points, colour, size))

    def band(self, low: Array, high: Array, colour: str) -> None:
        """Fill the area between two lines with a light colour."""
        self._areas.append((np.concatenate((low, high[::-1])), colour))

    def bar(self, corner: Array, opposite: Array, colour: str, *, hatch: str = "") -> None:
        """Fill a rectangle between two opposite corners."""
        (left, bottom), (right, top) = corner, opposite
        outline = np.array([[left, bottom], [right, bottom], [right, top], [left, top]])
        self._bars.append((outline, (colour, hatch)))

    def dress(
        self, frame: Frame, title: str, x_ticks: Mapping[float, str], y_ticks: Mapping[float, str], *, slanted: bool
    ) -> None:
        """Draw a panel's frame, grid, title and tick labels; an empty label draws the grid line only."""
        right, top = frame.left + frame.width, frame.bottom + frame.height
        self.text(frame.left, top + 0.06, title, size=8.5)
        turned = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if slanted else {"ha": "center"}
        for x, text in x_ticks.items():
            ((at, _),) = frame.points([x], [frame.y_limits[0]])
            self._segments.append((np.array([[at, frame.bottom], [at, frame.bottom - _TICK]]), (_AXIS, 0.7, "-")))
            self.text(at, frame.bottom - 0.06, text, va="top", size=7, **turned)
        for y, text in y_ticks.items():
            ((_, at),) = frame.points([frame.x_limits[0]], [y])
            self._grid.append(np.array([[frame.left, at], [right, at]]))
            if text:
                self.text(frame.left - 0.06, at, text, ha="right", va="center", size=7)
        corner = np.array([[frame.left, top], [frame.left, frame.bottom], [right, frame.bottom]])
        self._segments.append((corner, (_AXIS, 0.8, "-")))

    def figure(self, handles: Sequence[Any], labels: Sequence[str]) -> Figure:
        """Return the figure with its legend."""
        axes = self._axes
        self._add(self._grid, fill=False, edgecolor=_GRID, linewidth=0.6, zorder=0)
        for colour, areas in _by_look(self._areas).items():
            self._add(areas, closed=True, facecolor=to_rgba(colour, _BAND), linewidth=0)
        for (colour, hatch), bars in _by_look(self._bars).items():
            self._add(bars, closed=True, facecolor=colour, edgecolor="white", linewidth=0.3, hatch=hatch or None)
        for (colour, width, style), lines in _by_look(self._segments).items():
            self._add(lines, fill=False, edgecolor=colour, linewidth=width, linestyle=style, zorder=2)
        for colour in dict.fromkeys(colour for _, colour, _ in self._dots):
            mine = [(points, size) for points, each, size in self._dots if each == colour]
            places = np.concatenate([points for points, _ in mine])
            axes.scatter(places[:, 0], places[:, 1], s=mine[0][1], color=colour, linewidths=0, zorder=3)
        axes.set(xlim=(0, self._width), ylim=(0, self._height))
        self._figure.legend(
            handles,
            labels,
            loc="upper left",
            bbox_to_anchor=(0.12 / self._width, 1 - _TOP / self._height),
            borderaxespad=0.0,
            borderpad=0.0,
            ncols=self._legend_columns,
            fontsize=8,
            frameon=False,
        )
        return self._figure

    def _add(self, parts: Sequence[Array], *, closed: bool = False, **look: Any) -> None:  # noqa: ANN401 - what a patch takes
        """Draw shapes of one look as one path: a file of a third, and one call of the renderer."""
        if parts:
            path = _joined(parts, closed=closed)
            self._axes.add_artist(PathPatch(path, capstyle="butt", joinstyle="round", clip_on=False, **look))


def _by_look(shapes: Iterable[tuple[Array, Look]]) -> dict[Look, list[Array]]:
    """Return shapes by their look, in the order of the first of each."""
    found: dict[Look, list[Array]] = defaultdict(list)
    for points, look in shapes:
        found[look].append(points)
    return found


def _joined(parts: Sequence[Array], *, closed: bool) -> Path:
    """Return a path of several lines, or of several outlines."""
    vertices, codes = [], []
    for points in parts:
        whole = np.concatenate((points, points[:1])) if closed else points
        steps = np.full(len(whole), Path.LINETO, dtype=np.uint8)
        steps[0] = Path.MOVETO
        if closed:
            steps[-1] = Path.CLOSEPOLY
        vertices.append(whole)
        codes.append(steps)
    return Path(np.concatenate(vertices), np.concatenate(codes))
