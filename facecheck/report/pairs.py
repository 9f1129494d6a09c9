"""Graphs of the scores of clean pairs: verification, and heads that turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter

import numpy as np

from facecheck import plots
from facecheck.metrics import curve
from facecheck.report.graph import Graph, grouped
from facecheck.results import wording
from facecheck.results.measurement import Measurement
from facecheck.results.run import Run
from facecheck.results.scored_pairs import ScoredPairs

__all__ = ["pose", "verification"]

_TURNED = "strips"  # the kind of data set that asks about turned heads


def verification(clean: Sequence[ScoredPairs], colours: Mapping[str, str]) -> Iterator[Graph]:
    """Yield decisions and distances of each model, ROC and DET of all of them."""
    verified = [each for each in clean if each.kind != _TURNED]
    for each in verified:
        where = f"{each.model} on {each.dataset}"
        if each.scores.made.any():
            yield Graph(
                f"verification {where} decisions",
                plots.decision_rows(f"Decisions: {where}", each.scores, each.thresholds),
            )
            yield Graph(
                f"verification {where} histogram", plots.histogram(f"Distances: {where}", each.scores, each.thresholds)
            )
    both = [each for each in verified if 0 < each.scores.genuine.sum() < len(each.scores)]
    for dataset, group in grouped(both, lambda each: each.dataset):
        curves = {each.model: (curve(each.scores), int((~each.scores.genuine).sum())) for each in group}
        yield Graph(f"verification {dataset} roc", plots.roc(f"ROC on {dataset}", curves, colours=colours))
        yield Graph(f"verification {dataset} det", plots.det(f"DET on {dataset}", curves, colours=colours))


def pose(run: Run, clean: Sequence[ScoredPairs], colours: Mapping[str, str]) -> Iterator[Graph]:
    """Yield distance against yaw difference, detection against yaw, and FNMR against yaw difference."""
    for each in clean:
        if each.kind != _TURNED:
            continue
        where = f"{each.model} on {each.dataset}"
        first = float(each.thresholds[0])  # infinite if the model declares none
        fixed = first if np.isfinite(first) and bool((each.thresholds == first).all()) else None
        figure = plots.pose_distance(
            f"Distance against yaw difference: {where}", each.yaw_difference_rad, each.scores, fixed
        )
        yield Graph(f"pose {where} distance", figure)
    for name, key, x_label in (
        ("detection_rate", "yaw_rad", "yaw, rad"),
        ("fnmr", "yaw_difference_rad", "absolute yaw difference, rad"),
    ):
        of = attrgetter(f"conditions.{key}")
        mine = [m for m in run.measurements if (m.eval, m.name) == ("pose", name) and of(m) is not None]
        yield from _against(mine, key, x_label, colours)


def _against(
    measurements: Sequence[Measurement], key: str, x_label: str, colours: Mapping[str, str]
) -> Iterator[Graph]:
    """Draw one metric against one condition: a graph a data set, a line a model and set of other conditions."""
    of = attrgetter(f"conditions.{key}")
    for dataset, group in grouped(measurements, lambda m: m.dataset):
        lines = []
        for label, points in grouped(group, lambda m: _label(m, key)):
            ordered = sorted(points, key=of)
            if len(ordered) > 1:
                x = [of(m) for m in ordered]
                lines.append(plots.Series(label, x, [m.estimate for m in ordered], colours[ordered[0].model]))
        if lines:
            name = group[0].name
            title = wording.metric(name).title
            figure = plots.series(
                f"{wording.capital(title)} against {x_label.partition(',')[0]}: {dataset}",
                lines,
                x_label=x_label,
                y_label=title,
                percent=wording.metric(name).unit == "fraction",
            )
            yield Graph(f"pose {dataset} {name}", figure)


def _label(measurement: Measurement, key: str) -> str:
    others = measurement.conditions.in_words(without={key})
    return f"{measurement.model}, {others}" if others else measurement.model
