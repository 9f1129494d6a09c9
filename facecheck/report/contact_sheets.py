"""Contact sheets: one image under corruptions and levels, placed and seeded as the pipeline does it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from facecheck.corruptions import CORRUPTIONS, Corruption
from facecheck.faces import ImageSource
from facecheck.faces.decoding import cut_tile, decode, digest, read
from facecheck.pipeline import find_landmarks
from facecheck.plots.contact_sheet import contact_sheet
from facecheck.results.sweeps import RecordedSweep
from facecheck.storage.files import writing

__all__ = ["at_levels", "draw_sheet", "swept_rows"]

_DPI = 100


def draw_sheet(source: ImageSource, path: Path, *, rows: Iterable[Corruption] = CORRUPTIONS.values()) -> Path:
    """Draw an image from clean to worst, a row each, and return the picture's file.

    Args:
        source: of the image; the most central face that the pinned detector finds is the one that is covered.
        path: of the picture; its ending is its format.
        rows: the corruptions and levels.

    Raises:
        UnreadableImageError: the image cannot be read.
    """
    content = read(source)
    whole = decode(content, source.name)
    image = whole if source.tile is None else cut_tile(whole, source.tile)
    figure = contact_sheet(image, find_landmarks(image), digest(content, source.tile), corruptions=rows)
    with writing(path) as stream:
        figure.savefig(stream, format=path.suffix.lstrip(".").replace("jpg", "jpeg"), dpi=_DPI)
    return path


def at_levels(entry: Corruption, levels: Iterable[float]) -> Corruption:
    """Return a corruption with these of its levels, the clean one first."""
    asked = set(levels)
    order = sorted(asked - {0}, reverse=entry.levels[-1] < entry.levels[1])
    return dataclasses.replace(entry, levels=(0, *order))


def swept_rows(swept: Sequence[RecordedSweep]) -> Mapping[tuple[str, str], list[Corruption]]:
    """Return for each eval and data set what a run asked, in the table's order.

    Compositions have no row, nor have levels that this version refuses; where nothing is left there is no entry.
    """
    asked: dict[tuple[str, str], dict[str, set[float]]] = {}
    for sweep in swept:
        levels = asked.setdefault((sweep.eval, sweep.dataset), {}).setdefault(sweep.corruption, set())
        levels.update(step.level for step in sweep.steps)
    rows = {where: list(_known_rows(found)) for where, found in asked.items()}
    return {where: entries for where, entries in rows.items() if entries}


def _known_rows(found: Mapping[str, set[float]]) -> Iterator[Corruption]:
    """Yield the corruptions that this version has; levels of another version that it would refuse are left out."""
    for name, entry in CORRUPTIONS.items():
        if name in found:
            with contextlib.suppress(ValueError):
                yield at_levels(entry, found[name])
