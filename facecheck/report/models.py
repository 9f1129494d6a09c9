"""Graphs of models side by side: what they reach, what that costs, and where the time goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from facecheck import plots
from facecheck.metrics.intervals import Estimate
from facecheck.report.graph import Graph, grouped
from facecheck.results import wording
from facecheck.results.conditions import ANY, DEPLOYED, NON_MATCH, Conditions
from facecheck.results.measurement import Measurement
from facecheck.results.run import Run

__all__ = ["graphs"]

Points = dict[str, Estimate]
# Panels of the bars: heading, then metric, conditions, name.
_PANELS: tuple[tuple[str, tuple[tuple[str, Conditions, str], ...]], ...] = (
    (
        "more is better",
        (
            ("accuracy", DEPLOYED, "accuracy"),
            ("precision", DEPLOYED, "precision"),
            ("recall", DEPLOYED, "recall"),
            ("f1", DEPLOYED, "F1"),
            ("auc", NON_MATCH, "AUC"),
            ("tar_at_far", NON_MATCH | Conditions(far=0.01), "TAR at FAR 1 %"),
            ("detection_rate", ANY, "detected"),
        ),
    ),
    (
        "less is better",
        (
            ("fmr", DEPLOYED, "FMR"),
            ("fnmr", DEPLOYED, "FNMR"),
            ("eer", NON_MATCH, "EER"),
            ("fta", ANY, "failed to acquire"),
        ),
    ),
    ("d-prime: more is better", (("dprime", ANY, "d-prime"),)),
    ("ms: less is better", (("time_per_image_ms", ANY, "time per image"),)),
)


def graphs(run: Run, colours: Mapping[str, str]) -> Iterator[Graph]:
    """Yield bars of each data set's verification, accuracy against its cost, and the stages of time."""
    verified = [m for m in run.measurements if m.eval == "verification" and m.conditions.fold is None]
    timed = [m for m in run.measurements if m.eval == "timing"]
    for dataset, group in grouped(verified, lambda m: m.dataset):
        if len({m.model for m in group}) > 1:
            yield from _bars(dataset, group, colours)
            yield from _trade_off(dataset, group, timed, colours)
    yield from _stages(timed, run)


def _bars(dataset: str, measurements: Sequence[Measurement], colours: Mapping[str, str]) -> Iterator[Graph]:
    panels = []
    for title, entries in _PANELS:
        groups = {heading: _by_model(measurements, name, where) for name, where, heading in entries}
        groups = {heading: group for heading, group in groups.items() if group}
        if groups:
            percent = all(wording.metric(name).unit == "fraction" for name, _, _ in entries)
            panels.append(plots.Bars(title=title, groups=groups, percent=percent))
    if panels:
        figure = plots.bar_panels(f"Verification: {dataset}", panels, colours=colours, columns=len(_PANELS))
        yield Graph(f"verification {dataset} bars", figure)


def _by_model(measurements: Sequence[Measurement], name: str, where: Conditions) -> Points:
    found: Points = {}
    for m in measurements:
        if m.name == name and m.conditions.matches(where):
            found.setdefault(m.model, m.estimate)
    return found


def _trade_off(
    dataset: str, verified: Sequence[Measurement], timed: Sequence[Measurement], colours: Mapping[str, str]
) -> Iterator[Graph]:
    accuracy = _by_model(verified, "accuracy", DEPLOYED)
    timed = sorted(timed, key=lambda m: m.dataset != dataset)  # of this data set if it was timed, else of another
    costs = {
        "latency at batch 1, ms": _by_model(timed, "latency_ms", Conditions(stage="all", batch=1)),
        "size of the weights, MB": _by_model(timed, "model_size_mb", ANY),
    }
    if not costs["latency at batch 1, ms"]:
        costs["latency at batch 1, ms"] = {}
        costs = {"time per image on one worker, ms": _by_model(verified, "time_per_image_ms", ANY), **costs}
    panels = []
    for label, cost in costs.items():
        points = {model: (cost[model], accuracy[model]) for model in sorted(cost.keys() & accuracy.keys())}
        if len(points) > 1:
            panels.append(plots.Cost(label=label, points=points))
    if panels:
        figure = plots.trade_off(f"What accuracy costs: {dataset}", panels, colours=colours)
        yield Graph(f"verification {dataset} trade-off", figure)


def _stages(timed: Sequence[Measurement], run: Run) -> Iterator[Graph]:
    rows: dict[str, dict[str, float]] = defaultdict(dict)
    for m in timed:
        if m.conditions.stage is not None:
            rows[f"{m.model}, batch {m.conditions.batch or 1}"][m.conditions.stage] = m.value
    if rows:
        device = run.signature.machine.device
        yield Graph("timing stages", plots.stage_bars(f"time an image, by stage, on {device}", rows))
