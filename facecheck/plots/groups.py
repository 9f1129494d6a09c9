"""Error rates of groups: the heat map of FMR between groups, as NISTIR 8280 draws it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

__all__ = ["group_heat_map"]

Array = npt.NDArray[np.float64]
_LEAST = 1e-4  # rates are drawn on a logarithmic scale from here
_CELL, _LETTER = 0.62, 0.085  # inches
_DARK = 0.6  # share of the scale above which numbers are written in white


def group_heat_map(title: str, groups: Sequence[str], parts: Mapping[str, Array]) -> Figure:
    """Draw the FMR of every pair of groups, a matrix a model, on one logarithmic scale of colours.

    Args:
        title: of the figure.
        groups: k names.
        parts: for each model ``(k, k)`` fractions, NaN where too few pairs were compared.
    """
    side, left = _CELL * len(groups), _LETTER * max(map(len, groups)) + 0.4
    width = max(5.0, left + (side + 0.4) * len(parts))
    height = side + 1.0 + _LETTER * max(map(len, groups))
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    highest = max(float(np.nanmax(values, initial=_LEAST)) for values in parts.values())
    span = max(1e-9, np.log10(highest / _LEAST))
    for number, (model, values) in enumerate(parts.items()):
        axes = figure.add_subplot(1, len(parts), number + 1)
        shares = np.log10(np.maximum(values, _LEAST) / _LEAST) / span
        axes.pcolormesh(shares, cmap="Reds", vmin=0.0, vmax=1.0, edgecolors="white", linewidth=0.6)
        axes.invert_yaxis()
        axes.set_aspect("equal")
        axes.set_title(model, fontsize=9, loc="left")
        axes.set_xticks(np.arange(len(groups)) + 0.5, groups, rotation=40, ha="right", fontsize=8)
        axes.set_yticks(np.arange(len(groups)) + 0.5, groups if not number else [""] * len(groups), fontsize=8)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        for (row, column), value in np.ndenumerate(values):
            text = f"{100 * value:.2g} %" if np.isfinite(value) else "few"
            colour = "white" if np.isfinite(value) and shares[row, column] > _DARK else "black"
            axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=7, color=colour)
    return figure
