"""What all parts of the report share: a figure with its name, and measurements in groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from matplotlib.figure import Figure

from facecheck.metrics.intervals import Estimate
from facecheck.results.run import Measurement

__all__ = ["Graph", "estimate", "grouped"]

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


def estimate(measurement: Measurement) -> Estimate:
    """Return a measurement's value with its interval."""
    return Estimate(measurement.value, measurement.low, measurement.high, measurement.n)
