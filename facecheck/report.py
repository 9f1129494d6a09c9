"""A run's graphs, drawn from what the run left: the same picture again whenever it is wanted.

Every graph is a PNG to look at and an SVG to zoom into, in ``graphs/`` of the run's folder.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from facecheck import plots
from facecheck.corruptions import CORRUPTIONS
from facecheck.intervals import Estimate
from facecheck.measure import METRICS
from facecheck.metrics import curve
from facecheck.record import Measurement, Record, ScoredPairs, load_scores

__all__ = ["draw"]

T = TypeVar("T")
_SVG: dict[Any, Any] = {"svg.hashsalt": "facecheck", "svg.fonttype": "path"}
_SWEPT = (
    "accuracy",
    "fnmr",
    "fmr",
    "precision",
    "recall",
    "f1",
    "eer",
    "auc",
    "dprime",
    "genuine_distance_mean",
    "impostor_distance_mean",
    "detection_rate",
)


class Graph(NamedTuple):
    """A figure and what it is called."""

    name: str
    figure: Figure


def draw(folder: Path) -> list[Path]:
    """Draw every graph that a run's results hold and return their PNG files.

    Raises:
        FacecheckError: the folder holds no results of a run.
    """
    record = Record.read(folder)
    scored = list(load_scores(folder))
    graphs = folder / "graphs"
    graphs.mkdir(exist_ok=True)
    return [_save(graph, graphs) for graph in _graphs(record, scored)]


def _graphs(record: Record, scored: Sequence[ScoredPairs]) -> Iterator[Graph]:
    clean = [each for each in scored if each.condition == "clean"]
    turned = [each for each in clean if _is_turned(each)]
    verified = [each for each in clean if not _is_turned(each)]
    yield from _verification(verified)
    yield from _pose(record, turned)
    yield from _sweeps(record)
    yield from _timing(record)


def _is_turned(scored: ScoredPairs) -> bool:
    return scored.kind == "strips"


def _verification(verified: Sequence[ScoredPairs]) -> Iterator[Graph]:
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
    for dataset, group in _grouped(verified, lambda each: each.dataset):
        curves = {each.model: (curve(each.scores), int((~each.scores.genuine).sum())) for each in group}
        yield Graph(f"verification {dataset} roc", plots.roc(f"ROC on {dataset}", curves))
        yield Graph(f"verification {dataset} det", plots.det(f"DET on {dataset}", curves))


def _pose(record: Record, turned: Sequence[ScoredPairs]) -> Iterator[Graph]:
    for each in turned:
        where = f"{each.model} on {each.dataset}"
        fixed = float(each.thresholds[0]) if np.ptp(each.thresholds) == 0 and np.isfinite(each.thresholds[0]) else None
        figure = plots.pose_distance(
            f"Distance against yaw difference: {where}", each.yaw_difference_rad, each.scores, fixed
        )
        yield Graph(f"pose {where} distance", figure)
    for name, key, x_label in (
        ("detection_rate", "yaw_rad", "yaw, rad"),
        ("fnmr", "yaw_difference_rad", "absolute yaw difference, rad"),
    ):
        yield from _lines(record, "pose", name, key, x_label)


def _sweeps(record: Record) -> Iterator[Graph]:
    corrupted = sorted({str(m.conditions["corruption"]) for m in record.measurements if "corruption" in m.conditions})
    for corruption in corrupted:
        x_label = f"{corruption}: {CORRUPTIONS[corruption].unit}"
        for name in _SWEPT:
            yield from _lines(record, corruption, name, "level", x_label)


def _lines(record: Record, eval_name: str, name: str, key: str, x_label: str) -> Iterator[Graph]:
    """Draw one metric against one condition: a graph a data set, a line a model and set of other conditions."""
    mine = [m for m in record.measurements if (m.eval, m.name) == (eval_name, name) and key in m.conditions]
    for dataset, group in _grouped(mine, lambda m: m.dataset):
        lines = [plots.Series(label, *_points(line, key)) for label, line in _grouped(group, lambda m: _label(m, key))]
        lines = [line for line in lines if len(line.x) > 1]
        if lines:
            metric = METRICS[name]
            figure = plots.series(
                f"{metric.title[0].upper()}{metric.title[1:]} against {x_label.partition(',')[0]}: {dataset}",
                lines,
                x_label=x_label,
                y_label=metric.title,
                percent=metric.unit == "fraction",
            )
            yield Graph(f"{eval_name} {dataset} {name}", figure)


def _label(measurement: Measurement, key: str) -> str:
    told = {"corruption", key}
    others = [_words(k, v) for k, v in measurement.conditions.items() if k not in told]
    return ", ".join([measurement.model, *(words for words in others if words)])


def _words(key: str, value: str | float) -> str:
    if key == "threshold":
        return f"{value} threshold"
    if key == "failures":
        return "" if value == "non-match" else "completed only"
    return f"{key} {value}"


def _points(line: Sequence[Measurement], key: str) -> tuple[list[float], list[Estimate]]:
    ordered = sorted(line, key=lambda m: float(m.conditions[key]))
    return [float(m.conditions[key]) for m in ordered], [Estimate(m.value, m.low, m.high, m.n) for m in ordered]


def _timing(record: Record) -> Iterator[Graph]:
    mine = [m for m in record.measurements if m.eval == "timing" and "stage" in m.conditions]
    rows: dict[str, dict[str, float]] = defaultdict(dict)
    for m in mine:
        batch = m.conditions.get("batch", 1)
        rows[f"{m.model}, batch {batch:g}" if isinstance(batch, float | int) else m.model][
            str(m.conditions["stage"])
        ] = m.value
    if rows:
        signature = record.signature.get("machine", {})
        machine = signature.get("device", "") if isinstance(signature, dict) else ""
        yield Graph("timing stages", plots.stage_bars(f"time an image, by stage, on {machine}", rows))


def _grouped(items: Iterable[T], of: Callable[[T], str]) -> list[tuple[str, list[T]]]:
    groups: dict[str, list[T]] = defaultdict(list)
    for item in items:
        groups[of(item)].append(item)
    return sorted(groups.items())


def _save(graph: Graph, folder: Path) -> Path:
    stem = re.sub(r"[^A-Za-z0-9_.=-]+", "-", graph.name)
    with mpl.rc_context(_SVG):
        graph.figure.savefig(folder / f"{stem}.svg", metadata={"Date": None})
        graph.figure.set_layout_engine("none")  # where everything goes is settled now
        graph.figure.savefig(folder / f"{stem}.png", dpi=140)
    return folder / f"{stem}.png"
