"""Graphs of all pairs, identification, groups, quality and calibration, drawn from a run's measurements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from facecheck import plots
from facecheck.metrics.intervals import Estimate
from facecheck.report.graph import Graph, grouped
from facecheck.results.conditions import Conditions
from facecheck.results.measurement import Measurement
from facecheck.results.run import Run

__all__ = ["graphs"]


def graphs(run: Run, colours: Mapping[str, str]) -> Iterator[Graph]:
    """Yield CMC and DET of searches, bars and heat maps of groups, error against discard, reliability.

    Args:
        run: whose graphs are drawn.
        colours: of its models.
    """
    yield from _all_pairs(_of_eval(run, "all_pairs"), colours)
    yield from _identification(_of_eval(run, "identification"), colours)
    yield from _groups(_of_eval(run, "groups"), colours)
    yield from _quality(_of_eval(run, "quality"), colours)
    yield from _calibration(_of_eval(run, "calibration"), colours)
    yield from _templates(_of_eval(run, "templates"), colours)


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


def _all_pairs(by_dataset: Sequence[tuple[str, list[Measurement]]], colours: Mapping[str, str]) -> Iterator[Graph]:
    for dataset, found in by_dataset:
        rates = _by_model(found, "fnmr_at_far", lambda at: at.far)
        if rates:
            axes = "false accept rate", "false non-match rate"
            figure = plots.det_of_points(f"All pairs of {dataset}", rates, colours=colours, rates=axes)
            yield Graph(f"all pairs {dataset} det", figure)


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


def _groups(by_dataset: Sequence[tuple[str, list[Measurement]]], colours: Mapping[str, str]) -> Iterator[Graph]:
    for dataset, found in by_dataset:
        rates = [m for m in found if m.name in ("group_fmr", "group_fnmr")]
        for attribute, mine in grouped(rates, lambda m: str(m.conditions.group).partition("=")[0]):
            where = f"{attribute}: {dataset}"
            panels = [
                plots.Bars(title=title, groups=bars, percent=True)
                for name, title in (("group_fmr", "FMR within the group"), ("group_fnmr", "FNMR"))
                for bars in [_bars_of_groups(mine, name)]
                if bars
            ]
            if panels:
                figure = plots.bar_panels(f"Groups by {where}", panels, colours=colours, columns=2)
                yield Graph(f"groups {dataset} {attribute} bars", figure)
            names = sorted({_of(m.conditions.group) for m in mine})
            parts = {model: _matrix(names, of_model) for model, of_model in grouped(mine, lambda m: m.model)}
            if len(names) > 1:
                figure = plots.group_heat_map(f"FMR between groups by {where}", names, parts)
                yield Graph(f"groups {dataset} {attribute} heat map", figure)


def _of(group: str | None) -> str:
    """Return the value of ``attribute=value``."""
    return str(group).partition("=")[2]


def _bars_of_groups(measurements: Iterable[Measurement], name: str) -> dict[str, dict[str, Estimate]]:
    found: dict[str, dict[str, Estimate]] = defaultdict(dict)
    for m in measurements:
        if m.name == name and m.conditions.other_group is None:
            found[_of(m.conditions.group)][m.model] = m.estimate
    return dict(sorted(found.items()))


def _matrix(names: Sequence[str], measurements: Iterable[Measurement]) -> npt.NDArray[np.float64]:
    """Return the FMR of every two groups, NaN where it was not measured."""
    values = np.full((len(names), len(names)), np.nan)
    for m in measurements:
        if m.name == "group_fmr":
            one = names.index(_of(m.conditions.group))
            other = names.index(_of(m.conditions.other_group or m.conditions.group))
            values[one, other] = values[other, one] = m.value
    return values


def _quality(by_dataset: Sequence[tuple[str, list[Measurement]]], colours: Mapping[str, str]) -> Iterator[Graph]:
    """Yield error against discard, a panel a quality."""
    for dataset, found in by_dataset:
        mine = [m for m in found if m.name == "fnmr_after_discard"]
        panels = []
        for quality, measurements in grouped(mine, lambda m: str(m.conditions.quality)):
            by_model = _by_model(measurements, "fnmr_after_discard", lambda at: at.discarded)
            lines = [
                plots.Series(model, list(rates), list(rates.values()), colours[model])
                for model, rates in sorted(by_model.items())
            ]
            ticks = {0.0: "0", 0.1: "10 %", 0.2: "20 %", 0.3: "30 %"}
            panels.append(plots.Panel(title=f"by {quality}", lines=lines, ticks=ticks, x_label="discarded"))
        if panels:
            figure = plots.line_panels(
                f"Error against discard: {dataset}", panels, y_label="FNMR", percent=True, columns=3
            )
            yield Graph(f"quality {dataset} discard", figure)


def _calibration(by_dataset: Sequence[tuple[str, list[Measurement]]], colours: Mapping[str, str]) -> Iterator[Graph]:
    for dataset, found in by_dataset:
        shares = [m for m in found if m.name == "genuine_share"]
        for method, mine in grouped(shares, lambda m: str(m.conditions.calibration)):
            points = _by_model(mine, "genuine_share", lambda at: at.probability)
            figure = plots.reliability(f"Reliability after {method}: {dataset}", points, colours=colours)
            yield Graph(f"calibration {dataset} {method} reliability", figure)


def _templates(by_dataset: Sequence[tuple[str, list[Measurement]]], colours: Mapping[str, str]) -> Iterator[Graph]:
    """Yield TAR at each FAR, a panel a recipe, and the searches of each gallery."""
    for dataset, found in by_dataset:
        panels = []
        for recipe, mine in grouped((m for m in found if m.name == "tar_at_far"), lambda m: str(m.conditions.recipe)):
            rates = _by_model(mine, "tar_at_far", lambda at: at.far and float(np.log10(at.far)))
            lines = [
                plots.Series(model, list(points), list(points.values()), colours[model])
                for model, points in ((model, dict(sorted(points.items()))) for model, points in sorted(rates.items()))
            ]
            ticks = {place: f"{10**place:.0e}".replace("e-0", "e-") for line in lines for place in line.x}
            panels.append(plots.Panel(title=recipe, lines=lines, ticks=ticks, x_label="FAR at most"))
        if panels:
            figure = plots.line_panels(f"Templates: {dataset}", panels, y_label="TAR", percent=True, columns=3)
            yield Graph(f"templates {dataset} tar", figure)
