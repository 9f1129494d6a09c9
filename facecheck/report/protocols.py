"""Graphs of identification, groups, quality and calibration, drawn from a run's measurements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from facecheck import plots
from facecheck.metrics.intervals import Estimate
from facecheck.report.graph import Graph, grouped
from facecheck.results.conditions import Conditions
from facecheck.results.measurement import Measurement
from facecheck.results.run import Run

__all__ = ["graphs"]


def graphs(run: Run, colours: Mapping[str, str]) -> Iterator[Graph]:
    """Yield CMC and DET of searches.

    Args:
        run: whose graphs are drawn.
        colours: of its models.
    """
    yield from _identification(_of_eval(run, "identification"), colours)


def _of_eval(run: Run, name: str) -> list[tuple[str, list[Measurement]]]:
    """Return an eval's measurements by data set."""
    return grouped((m for m in run.measurements if m.eval == name), lambda m: m.dataset)


def _by_model(
    measurements: Iterable[Measurement], name: str, at: Callable[[Conditions], float | None]
) -> dict[str, dict[float, Estimate]]:
    """Return a metric of each model at each value of one condition."""
    found: dict[str, dict[float, Estimate]] = defaultdict(dict)
    for m in measurements:
        place = at(m.conditions)
        if m.name == name and place is not None:
            found[m.model][place] = m.estimate
    return found


def _identification(by_dataset: Sequence[tuple[str, list[Measurement]]], colours: Mapping[str, str]) -> Iterator[Graph]:
    for dataset, found in by_dataset:
        ranks = _by_model(found, "identification_rate", lambda at: at.rank)
        if ranks:
            points = {model: {int(rank): rate for rank, rate in rates.items()} for model, rates in ranks.items()}
            yield Graph(f"identification {dataset} cmc", plots.cmc(f"CMC on {dataset}", points, colours=colours))
        rates = _by_model(found, "fnir", lambda at: at.fpir)
        if rates:
            figure = plots.det_of_points(f"Searches on {dataset}", rates, colours=colours)
            yield Graph(f"identification {dataset} det", figure)
