"""One face under every corruption and level, so that people see what the models are tested on."""

from __future__ import annotations

from collections.abc import Iterable

from matplotlib.figure import Figure

from facecheck.corruptions.applied import Applied
from facecheck.corruptions.corruption import Corruption, Landmarks
from facecheck.corruptions.table import CORRUPTIONS
from facecheck.faces import Image
from facecheck.specs import spelt_number

__all__ = ["contact_sheet"]

_CELL_INCHES = 1.5
_GAP, _TEXT = 0.05, 0.34  # gap between cells and height of the text, as fractions of the width of a cell


def contact_sheet(
    image: Image,
    landmarks: Landmarks | None,
    digest: bytes,
    *,
    corruptions: Iterable[Corruption] = CORRUPTIONS.values(),
) -> Figure:
    """Draw a row for each corruption, from the clean image to the strongest level.

    Args:
        image: ``(h, w, 3)`` uint8 with one face.
        landmarks: ``(5, 2)`` of that face, or None.
        digest: identifies the image.
        corruptions: one row each; all by default.
    """
    rows = list(corruptions)
    columns = max(len(entry.levels) for entry in rows)
    aspect = image.shape[0] / image.shape[1]
    width, height = columns * (1 + _GAP) + _GAP, len(rows) * (aspect + _TEXT)
    figure = Figure(figsize=(_CELL_INCHES * width, _CELL_INCHES * height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    for row, entry in enumerate(rows):
        top = -row * (aspect + _TEXT) - _TEXT / 2
        axes.text(_GAP, top + 0.02, f"{entry.name} ({entry.unit})", fontsize=9, fontweight="bold", va="bottom")
        for column, level in enumerate(entry.levels):
            left = _GAP + column * (1 + _GAP)
            degraded = Applied(entry.name, level).apply(image, digest, landmarks)
            axes.imshow(degraded, extent=(left, left + 1, top - aspect, top), interpolation="nearest")
            title = spelt_number(level) if level else "clean"
            axes.text(left + 0.5, top - aspect - 0.02, title, va="top", ha="center")
    axes.set(xlim=(0, width), ylim=(-height, 0), aspect="equal")
    return figure
