"""Graphs of the sweeps: a few for each eval and data set, with a panel for each corruption."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from facecheck import plots
from facecheck.metrics.intervals import Estimate
from facecheck.report.graph import Graph, grouped
from facecheck.results import wording
from facecheck.results.conditions import ANY, DEPLOYED, NON_MATCH, RETUNED, Conditions
from facecheck.results.measurement import Measurement
from facecheck.results.run import Run
from facecheck.results.sweeps import RecordedSweep, SweepStep, recorded_sweeps

__all__ = ["graphs"]

_COLUMNS = 5
_WIDE = 3  # panels of bars side by side
_FEW, _MANY = 2, 8  # corruptions up to which each level gets a bar of its own, and each corruption a panel
# Metric, conditions, heading: the studies' own, in their order, but for the time per image: measured while other work
# runs, its change is the machine's. `evals/test_timing.py` times by itself.
_CHANGED: tuple[tuple[str, Conditions, str], ...] = (
    ("accuracy", DEPLOYED, "accuracy"),
    ("precision", DEPLOYED, "precision"),
    ("recall", DEPLOYED, "recall"),
    ("f1", DEPLOYED, "F1"),
    ("eer", NON_MATCH, "EER"),
    ("dprime", ANY, "d-prime"),
    ("genuine_distance_mean", ANY, "genuine distance"),
    ("impostor_distance_mean", ANY, "impostor distance"),
    ("detection_rate", ANY, "detected"),
)
_RATES = tuple(entry for entry in _CHANGED if entry[0] in ("precision", "recall", "f1", "eer"))
_BARRED = tuple(entry for entry in _CHANGED if wording.metric(entry[0]).unit == "fraction")


class _Corrupted(NamedTuple):
    """One corruption with its sweep of each model."""

    title: str
    sweeps: Sequence[RecordedSweep]


def graphs(run: Run, colours: Mapping[str, str]) -> Iterator[Graph]:
    """Yield curves, distances, percentage changes and bars of each eval and data set, and a heat map a data set."""
    every = recorded_sweeps(run.measurements)
    for _, group in grouped(every, lambda sweep: f"{sweep.eval} on {sweep.dataset}"):
        yield from _of_eval(group, colours)
    for dataset, group in grouped(every, lambda sweep: sweep.dataset):
        yield from _heat_map(dataset, group)


def _of_eval(group: Sequence[RecordedSweep], colours: Mapping[str, str]) -> Iterator[Graph]:
    eval_name, dataset = group[0].eval, group[0].dataset
    corrupted = _corrupted(group)
    where = f"{eval_name} {dataset}"
    yield from _curves(
        f"{where} accuracy",
        f"Accuracy under {eval_name}, at the clean threshold and retuned: {dataset}",
        _accuracy(corrupted, colours),
    )
    yield from _curves(f"{where} detection", f"Detection under {eval_name}: {dataset}", _detection(corrupted, colours))
    yield from _rates(
        f"{where} rates", f"Precision, recall, F1 and EER under {eval_name}: {dataset}", corrupted, colours
    )
    yield from _distances(f"{where} distances", f"Distances under {eval_name}: {dataset}", corrupted)
    yield from _changes(f"{where} change", f"Change against clean images under {eval_name}: {dataset}", corrupted)
    yield from _bars(f"{where} bars", f"At the worst level of {eval_name}: {dataset}", corrupted, colours)


def _corrupted(group: Sequence[RecordedSweep]) -> list[_Corrupted]:
    """Return the sweeps by corruption, in the order of their table."""
    names = dict.fromkeys(sweep.corruption for sweep in group)
    found = [[sweep for sweep in group if sweep.corruption == name] for name in names]
    return [_Corrupted(each[0].title, each) for each in found]


# Curves.


def _curves(name: str, title: str, panels: Sequence[plots.Panel]) -> Iterator[Graph]:
    if panels:
        yield Graph(name, plots.line_panels(title, panels, y_label="", percent=True, columns=_COLUMNS))


def _accuracy(corrupted: Sequence[_Corrupted], colours: Mapping[str, str]) -> list[plots.Panel]:
    return _panels(corrupted, (("accuracy", DEPLOYED, "-", ""), ("accuracy", RETUNED, "--", ", retuned")), colours)


def _detection(corrupted: Sequence[_Corrupted], colours: Mapping[str, str]) -> list[plots.Panel]:
    return _panels(corrupted, (("detection_rate", ANY, "-", ""),), colours)


def _panels(
    corrupted: Sequence[_Corrupted], drawn: Sequence[tuple[str, Conditions, str, str]], colours: Mapping[str, str]
) -> list[plots.Panel]:
    panels = []
    for several in _together(corrupted):
        lines = _lines(several, drawn, colours)
        if lines:
            panels.append(plots.Panel(title=several.title, lines=lines, ticks=several.ticks, x_label=several.unit))
    return panels


def _lines(
    several: _Axis, drawn: Sequence[tuple[str, Conditions, str, str]], colours: Mapping[str, str]
) -> list[plots.Series]:
    return [
        plots.Series(f"{model}{more}", x, estimates, colours[model], style if several.ordered else "")
        for name, where, style, more in drawn
        for model in several.models
        for x, estimates in [several.line(model, name, where)]
        if x and (several.ordered or style == "-")
    ]


def _rates(name: str, title: str, corrupted: Sequence[_Corrupted], colours: Mapping[str, str]) -> Iterator[Graph]:
    """Yield the graph of the other rates at the clean threshold, a row for each corruption and a column for each."""
    panels = [
        plots.Panel(
            title=f"{several.title}\n{heading}" if several.title else heading,
            lines=lines,
            ticks=several.ticks,
            x_label=several.unit,
            scale=heading,
        )
        for several in _together(corrupted)
        for metric, where, heading in _RATES
        for lines in [_lines(several, ((metric, where, "-", ""),), colours)]
        if lines
    ]
    if panels:
        yield Graph(name, plots.line_panels(title, panels, y_label="", percent=True, columns=len(_RATES)))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    """What stands along one panel: the levels of one corruption, or corruptions of one level each side by side."""

    title: str
    unit: str
    ordered: bool
    corrupted: Sequence[_Corrupted]

    @property
    def models(self) -> list[str]:
        return sorted({sweep.model for each in self.corrupted for sweep in each.sweeps})

    @property
    def ticks(self) -> dict[float, str]:
        if self.ordered:
            return {float(step.severity): step.label for step in self.corrupted[0].sweeps[0].steps}
        names = {float(place): each.title for place, each in enumerate(self.corrupted, 1)}
        return {0.0: "clean", **names}

    def line(self, model: str, name: str, where: Conditions) -> tuple[list[float], list[Estimate]]:
        """Return the positions and values of one model; a clean value that all corruptions share comes once."""
        found: dict[float, Measurement] = {}
        for place, each in enumerate(self.corrupted, 1):
            for sweep in each.sweeps:
                if sweep.model == model:
                    for step, measurement in sweep.line(name, where).items():
                        found.setdefault(self._position(place, step), measurement)
        return list(found), [measurement.estimate for measurement in found.values()]

    def _position(self, place: int, step: SweepStep) -> float:
        if self.ordered or not step.severity:
            return float(step.severity)
        return float(place)


def _together(corrupted: Sequence[_Corrupted]) -> list[_Axis]:
    """Return an axis a corruption; those of a single level stand side by side on one: no line joins two points."""
    single = [each for each in corrupted if len(each.sweeps[0].degraded) <= 1]
    axes = [
        _Axis(title=each.title, unit=each.sweeps[0].unit, ordered=True, corrupted=[each])
        for each in corrupted
        if each not in single
    ]
    return [*axes, *([_Axis(title="", unit="", ordered=False, corrupted=single)] if single else [])]


# Distances: whether the two kinds draw together.


def _distances(name: str, title: str, corrupted: Sequence[_Corrupted]) -> Iterator[Graph]:
    axes = _together(corrupted)
    models = sorted({model for axis in axes for model in axis.models})
    panels = [panel for axis in axes for model in models for panel in _distance_panel(axis, model)]
    if panels:
        columns = len(models) * max(1, _COLUMNS // len(models))
        yield Graph(name, plots.line_panels(title, panels, y_label="mean distance", percent=False, columns=columns))


def _distance_panel(axis: _Axis, model: str) -> Iterator[plots.Panel]:
    kinds = (("genuine", plots.GENUINE), ("impostor", plots.IMPOSTOR))
    lines = [
        plots.Series(f"{kind} pairs", x, estimates, colour, "-" if axis.ordered else "")
        for kind, colour in kinds
        for x, estimates in [axis.line(model, f"{kind}_distance_mean", ANY)]
        if x
    ]
    if lines:
        _, threshold = axis.line(model, "threshold_distance", DEPLOYED)
        yield plots.Panel(
            title=f"{axis.title}\n{model}" if axis.title else model,
            lines=lines,
            ticks=axis.ticks,
            x_label=axis.unit,
            scale=model,
            level=threshold[0].value if threshold else None,
            level_label="clean threshold",
        )


# Bars: percentage changes, and values at the worst level.


def _changes(name: str, title: str, corrupted: Sequence[_Corrupted]) -> Iterator[Graph]:
    columns = _WIDE
    if len(corrupted) <= _FEW:
        panels = [_by_level(each, sweep) for each in corrupted for sweep in each.sweeps]
        columns = min(_WIDE, max(len(each.sweeps) for each in corrupted))
    elif len(corrupted) <= _MANY:
        panels = [_by_model(_mean_title(each), each.sweeps) for each in corrupted]
    else:
        everything = [sweep for each in corrupted for sweep in each.sweeps]
        panels = [_by_model(f"mean over {len(corrupted)} corruptions and their levels", everything)]
    panels = [panel for panel in panels if panel.groups]
    if panels:
        yield Graph(name, plots.change_bars(title, panels, columns=columns))


def _mean_title(corrupted: _Corrupted) -> str:
    return f"{corrupted.title}, mean over levels" if len(corrupted.sweeps[0].degraded) > 1 else corrupted.title


def _by_level(corrupted: _Corrupted, sweep: RecordedSweep) -> plots.Changes:
    groups = {
        heading: {
            f"level {step.label}": _change(name, clean, [line[step].value]) for step in sweep.degraded if step in line
        }
        for name, where, heading in _CHANGED
        for line in [sweep.line(name, where)]
        for clean in [_clean(line)]
        if clean is not None
    }
    title = f"{corrupted.title}: {sweep.model}"
    return plots.Changes(title=title, groups={heading: group for heading, group in groups.items() if group})


def _by_model(title: str, several: Sequence[RecordedSweep]) -> plots.Changes:
    """Return the change of each model's mean over the degraded levels of its sweeps."""
    groups: dict[str, dict[str, plots.Change]] = {}
    for name, where, heading in _CHANGED:
        for model in sorted({sweep.model for sweep in several}):
            lines = [sweep.line(name, where) for sweep in several if sweep.model == model]
            clean = [value for line in lines for value in [_clean(line)] if value is not None]
            degraded = [
                m.value for line in lines if _clean(line) is not None for step, m in line.items() if step.severity
            ]
            if clean and degraded:
                groups.setdefault(heading, {})[model] = _change(name, clean[0], degraded)
    return plots.Changes(title=title, groups=groups)


def _clean(line: Mapping[SweepStep, Measurement]) -> float | None:
    return next((m.value for step, m in line.items() if not step.severity), None)


def _change(name: str, clean: float, values: Sequence[float]) -> plots.Change:
    """Return the change of the mean of some values; of nothing there is no percentage, unless nothing changed."""
    after = fmean(values)
    fraction = (after - clean) / abs(clean) if clean else (0.0 if after == clean else None)
    return plots.Change(fraction, wording.metric(name).better)


def _bars(name: str, title: str, corrupted: Sequence[_Corrupted], colours: Mapping[str, str]) -> Iterator[Graph]:
    if all(len(each.sweeps) == 1 for each in corrupted):
        return
    if len(corrupted) <= _MANY:
        panels = [plots.Bars(title=_worst_title(each), groups=_worst(each), percent=True) for each in corrupted]
    else:
        accuracy = {_worst_title(each): _worst(each).get("accuracy", {}) for each in corrupted}
        panels = [
            plots.Bars(title="accuracy", groups={t: group for t, group in accuracy.items() if group}, percent=True)
        ]
    panels = [panel for panel in panels if panel.groups]
    if panels:
        yield Graph(name, plots.bar_panels(title, panels, colours=colours, columns=_WIDE))


def _worst_title(corrupted: _Corrupted) -> str:
    return f"{corrupted.title} {corrupted.sweeps[0].steps[-1].label}"


def _worst(corrupted: _Corrupted) -> dict[str, dict[str, Estimate]]:
    """Return each metric of each model at the worst level."""
    step = corrupted.sweeps[0].steps[-1]
    groups: dict[str, dict[str, Estimate]] = {}
    for name, where, heading in _BARRED:
        for sweep in corrupted.sweeps:
            measurement = sweep.at(step, name, where)
            if measurement is not None and step.severity:
                groups.setdefault(heading, {})[sweep.model] = measurement.estimate
    return groups


# The heat map.


def _heat_map(dataset: str, group: Sequence[RecordedSweep]) -> Iterator[Graph]:
    models = sorted({sweep.model for sweep in group})
    rows: dict[str, dict[str, list[float]]] = {}
    for sweep in sorted(group, key=lambda sweep: (sweep.place, sweep.corruption)):
        lost = list(sweep.change("accuracy", DEPLOYED).values())
        if lost:
            rows.setdefault(sweep.title, {}).setdefault(sweep.model, []).extend(lost)
    if not rows:
        return
    parts = {"mean over levels": _matrix(rows, models, fmean), "worst level": _matrix(rows, models, min)}
    title = f"Accuracy minus clean accuracy, points: {dataset}"
    yield Graph(f"corruptions {dataset} heat map", plots.heat_map(title, list(rows), models, parts))


def _matrix(
    rows: Mapping[str, Mapping[str, Sequence[float]]],
    models: Sequence[str],
    summary: Callable[[Sequence[float]], float],
) -> npt.NDArray[np.float64]:
    return np.array([[summary(row[m]) if m in row else np.nan for m in models] for row in rows.values()])
