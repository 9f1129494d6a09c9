"""Graphs of models side by side: what they reach, what that costs, and where the time goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from facecheck import plots
from facecheck.metrics.intervals import Estimate
from facecheck.report.graph import Graph, estimate, grouped
from facecheck.results import wording
from facecheck.results.run import Measurement, Record
from facecheck.results.sweeps import DEPLOYED, holds

__all__ = ["graphs"]

Where = Mapping[str, str | float]
Points = dict[str, Estimate]
_ALL: Where = {"failures": "non-match"}
# Panels of the bars: heading, then metric, conditions, name.
_PANELS: tuple[tuple[str, tuple[tuple[str, Where, str], ...]], ...] = (
    (
        "more is better",
        (
            ("accuracy", DEPLOYED, "accuracy"),
            ("precision", DEPLOYED, "precision"),
            ("recall", DEPLOYED, "recall"),
            ("f1", DEPLOYED, "F1"),
            ("auc", _ALL, "AUC"),
            ("tar_at_far", {"far": 0.01, **_ALL}, "TAR at FAR 1 %"),
            ("detection_rate", {}, "detected"),
        ),
    ),
    (
        "less is better",
        (
            ("fmr", DEPLOYED, "FMR"),
            ("fnmr", DEPLOYED, "FNMR"),
            ("eer", _ALL, "EER"),
            ("fta", {}, "failed to acquire"),
        ),
    ),
    ("d-prime: more is better", (("dprime", {}, "d-prime"),)),
    ("ms: less is better", (("time_per_image_ms", {}, "time per image"),)),
)


def graphs(record: Record, colours: Mapping[str, str]) -> Iterator[Graph]:
    """Yield bars of each data set's verification, accuracy against its cost, and the stages of time."""
    verified = [m for m in record.measurements if m.eval == "verification" and "fold" not in m.conditions]
    timed = [m for m in record.measurements if m.eval == "timing"]
    for dataset, group in grouped(verified, lambda m: m.dataset):
        if len({m.model for m in group}) > 1:
            yield from _bars(dataset, group, colours)
            yield from _trade_off(dataset, group, timed, colours)
    yield from _stages(timed, record)


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


def _by_model(measurements: Sequence[Measurement], name: str, where: Where) -> Points:
    found: Points = {}
    for m in measurements:
        if m.name == name and holds(m, where):
            found.setdefault(m.model, estimate(m))
    return found


def _trade_off(
    dataset: str, verified: Sequence[Measurement], timed: Sequence[Measurement], colours: Mapping[str, str]
) -> Iterator[Graph]:
    accuracy = _by_model(verified, "accuracy", DEPLOYED)
    timed = sorted(timed, key=lambda m: m.dataset != dataset)  # of this data set if it was timed, else of another
    costs = {
        "latency at batch 1, ms": _by_model(timed, "latency_ms", {"stage": "all", "batch": 1}),
        "size of the weights, MB": _by_model(timed, "model_size_mb", {}),
    }
    if not costs["latency at batch 1, ms"]:
        costs["latency at batch 1, ms"] = {}
        costs = {"time per image on one lane, ms": _by_model(verified, "time_per_image_ms", {}), **costs}
    panels = []
    for label, cost in costs.items():
        points = {model: (cost[model], accuracy[model]) for model in sorted(cost.keys() & accuracy.keys())}
        if len(points) > 1:
            panels.append(plots.Cost(label=label, points=points))
    if panels:
        figure = plots.trade_off(f"What accuracy costs: {dataset}", panels, colours=colours)
        yield Graph(f"verification {dataset} trade-off", figure)


def _stages(timed: Sequence[Measurement], record: Record) -> Iterator[Graph]:
    rows: dict[str, dict[str, float]] = defaultdict(dict)
    for m in timed:
        if "stage" in m.conditions:
            batch = m.conditions.get("batch", 1)
            row = f"{m.model}, batch {batch:g}" if isinstance(batch, float | int) else m.model
            rows[row][str(m.conditions["stage"])] = m.value
    if rows:
        signature = record.signature.get("machine", {})
        machine = signature.get("device", "") if isinstance(signature, dict) else ""
        yield Graph("timing stages", plots.stage_bars(f"time an image, by stage, on {machine}", rows))
