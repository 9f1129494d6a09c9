"""One face under every corruption and level, so that a person sees what is asked of a model."""

from __future__ import annotations

from collections.abc import Iterable

from matplotlib.figure import Figure

from facecheck.corruptions.applied import Applied
from facecheck.corruptions.corruption import Corruption, Landmarks
from facecheck.corruptions.table import CORRUPTIONS
from facecheck.faces import Image

__all__ = ["contact_sheet"]

_CELL_INCHES = 1.6


def contact_sheet(
    image: Image,
    landmarks: Landmarks | None,
    digest: bytes,
    *,
    corruptions: Iterable[Corruption] = CORRUPTIONS.values(),
) -> Figure:
    """Draw a row for each corruption, from the clean image to the worst level.

    Args:
        image: ``(h, w, 3)`` uint8 with one face.
        landmarks: ``(5, 2)`` of that face, or None.
        digest: identifies the image.
        corruptions: which rows; all by default.
    """
    rows = list(corruptions)
    columns = max(len(entry.levels) for entry in rows)
    figure = Figure(figsize=(_CELL_INCHES * columns, (_CELL_INCHES + 0.35) * len(rows)))
    figure.subplots_adjust(0.01, 0.22 / len(rows), 0.99, 1 - 0.2 / len(rows), 0.04, 0.24)
    for entry, cells in zip(rows, figure.subplots(len(rows), columns, squeeze=False), strict=True):
        for cell in cells:
            cell.axis("off")
        for cell, level in zip(cells, entry.levels, strict=False):
            cell.imshow(Applied(entry.name, level).apply(image, digest, landmarks), interpolation="nearest")
            cell.text(0.5, -0.02, f"{level:g}" if level else "clean", va="top", ha="center", transform=cell.transAxes)
        heading = f"{entry.name} ({entry.unit})"
        cells[0].text(0, 1.03, heading, fontweight="bold", va="bottom", transform=cells[0].transAxes)
    return figure
