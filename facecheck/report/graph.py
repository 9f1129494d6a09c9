"""What all parts of the report share: a figure with its name, and measurements in groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, TypeVar

from matplotlib.figure import Figure

__all__ = ["Drawn", "Graph", "grouped"]

T = TypeVar("T")


class Graph(NamedTuple):
    """A figure and what it is called."""

    name: str
    figure: Figure


class Drawn(NamedTuple):
    """A picture in a run's folder.

    Args:
        name: what it is called; its first word is the eval.
        title: what it shows, in words.
        picture: file of pixels; an SVG of the same stem lies beside a PNG.
        is_photo: whether it shows photographs.
    """

    name: str
    title: str
    picture: Path
    is_photo: bool = False


def grouped(items: Iterable[T], of: Callable[[T], str]) -> list[tuple[str, list[T]]]:
    """Return items by what they have in common, in its order."""
    groups: dict[str, list[T]] = defaultdict(list)
    for item in items:
        groups[of(item)].append(item)
    return sorted(groups.items())
