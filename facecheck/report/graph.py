"""What all parts of the report share: a figure with its name, and measurements in groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from matplotlib.figure import Figure

__all__ = ["Graph", "grouped"]

T = TypeVar("T")


class Graph(NamedTuple):
    """A figure and what it is called."""

    name: str
    figure: Figure


def grouped(items: Iterable[T], of: Callable[[T], str]) -> list[tuple[str, list[T]]]:
    """Return items by what they have in common, in its order."""
    groups: dict[str, list[T]] = defaultdict(list)
    for item in items:
        groups[of(item)].append(item)
    return sorted(groups.items())
