"""The series of a history: a metric of a model line over runs, what changed, what was approved, and since when."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from facecheck.errors import printable
from facecheck.gate.baselines import baseline_folder, read_baseline
from facecheck.history.store import History, Point, Recorded
from facecheck.history.trend import ChangePoint, change_points, versions
from facecheck.results.catalogue import METRICS
from facecheck.results.conditions import DEPLOYED, NON_MATCH, Conditions
from facecheck.results.wording import title, value

__all__ = ["HEADLINES", "Line", "Mark", "told_changes", "trend_lines", "with_approvals"]

# What is followed unless something else is asked for: clean images, all comparisons.
HEADLINES: tuple[tuple[str, Conditions], ...] = (
    ("accuracy", DEPLOYED),
    ("auc", NON_MATCH),
    ("eer", NON_MATCH),
    ("tar_at_far", NON_MATCH | Conditions(far=0.01)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that changed from one run to the next, or a run that was approved.

    Args:
        position: of the first run that has it.
        what: ``model``, ``data``, ``code``, ``machine`` or ``approved``.
        before: what was there; empty for an approval.
        after: what is there; the reason of an approval.
    """

    position: int
    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One metric over runs.

    Args:
        line: of the model.
        dataset: name of the data set.
        name: of the metric.
        conditions: that it was measured under.
        runs: the oldest first.
        points: one a run.
        marks: what changed between runs, and what was approved.
        changes: change points; their positions count runs.
    """

    line: str
    dataset: str
    name: str
    conditions: Conditions
    runs: tuple[Recorded, ...]
    points: tuple[Point, ...]
    marks: tuple[Mark, ...]
    changes: tuple[ChangePoint, ...]

    @property
    def title(self) -> str:
        """What it is called in graphs and texts."""
        return f"{self.line} on {self.dataset}, {title(self.name, self.conditions)}"


def trend_lines(
    history: History,
    *,
    line: str | None = None,
    dataset: str | None = None,
    metrics: Sequence[str] = (),
    false_alarms: float = 0.01,
) -> list[Line]:
    """Return the series of a history that hold at least two runs.

    Args:
        history: that holds the runs.
        line: of the model, None for all.
        dataset: name, None for all.
        metrics: names; of clean images and all comparisons. The headline metrics if there are none.
        false_alarms: chance of any change point in series without change, over all of them.
    """
    runs = {run.id: run for run in history.runs()}
    asked: list[tuple[str, Conditions | None]] = [(n, at) for n, at in HEADLINES if not metrics or n in metrics]
    asked += [(name, None) for name in metrics if name not in dict(HEADLINES)]
    found = []
    for chosen in [line] if line is not None else history.lines():
        for name, at in asked:
            points = history.points(line=chosen, name=name, dataset=dataset)
            found += [(chosen, of_one) for of_one in _series(points, at)]
    rate = false_alarms / max(1, len(found))
    return [_line(chosen, points, runs, rate) for chosen, points in found]


def _series(points: Iterable[Point], at: Conditions | None) -> Iterator[list[Point]]:
    series: dict[tuple[str, str, Conditions], dict[str, Point]] = {}
    for point in points:
        if not point.conditions.is_swept if at is None else point.conditions == at:
            series.setdefault((point.eval, point.dataset, point.conditions), {})[point.run] = point
    yield from (list(each.values()) for each in series.values() if len(each) > 1)


def _line(chosen: str, points: Sequence[Point], runs: Mapping[str, Recorded], rate: float) -> Line:
    of_points = [runs[point.run] for point in points]
    first = points[0]
    return Line(
        line=chosen,
        dataset=first.dataset,
        name=first.name,
        conditions=first.conditions,
        runs=tuple(of_points),
        points=tuple(points),
        marks=tuple(_marks(points, of_points)),
        changes=tuple(_changes(points, of_points, rate)),
    )


def _changes(points: Sequence[Point], runs: Sequence[Recorded], rate: float) -> Iterator[ChangePoint]:
    """Yield the change points of each stretch of the same data: across data nothing can be compared."""
    start = 0
    data = [run.datasets.get(point.dataset, "") for point, run in zip(points, runs, strict=True)]
    for end in range(1, len(points) + 1):
        if end < len(points) and data[end] == data[start]:
            continue
        stretch = range(start, end)
        begins = versions([points[i].value for i in stretch], [_function(points[i], runs[i]) for i in stretch])
        for change in change_points([points[start + b].value for b in begins], false_alarms=rate):
            yield ChangePoint(
                kind=change.kind,
                first=start + begins[change.first],
                size=change.size,
                slope=change.slope,
                p=change.p,
            )
        start = end


def _function(point: Point, run: Recorded) -> str:
    return str(run.models.get(point.model, {}).get("fingerprint", ""))


def _marks(points: Sequence[Point], runs: Sequence[Recorded]) -> Iterator[Mark]:
    for position in range(1, len(points)):
        old, new = runs[position - 1], runs[position]
        theirs, ours = (run.models.get(p.model, {}) for run, p in zip((old, new), points[position - 1 :], strict=False))
        dataset = points[position].dataset
        for what, before, after in (
            ("model", _version(theirs), _version(ours)),
            ("data", old.datasets.get(dataset, ""), new.datasets.get(dataset, "")),
            ("code", old.facecheck, new.facecheck),
            ("machine", str(old.machine.get("device")), str(new.machine.get("device"))),
        ):
            if before != after:
                yield Mark(position=position, what=what, before=before[:20], after=after[:20])


def with_approvals(lines: Iterable[Line], baselines: Path) -> list[Line]:
    """Return series with a mark where a run was approved, now or earlier.

    Args:
        lines: of the history.
        baselines: folder of all baselines; a line without one is marked nowhere.

    Raises:
        FacecheckError: a baseline is damaged.
    """
    reasons: dict[str, dict[str, str]] = {}
    marked = []
    for line in lines:
        if line.line not in reasons:
            found = read_baseline(baselines, baseline_folder(baselines, line.line).name)
            reasons[line.line] = {each.run: each.reason for each in found.approvals} if found else {}
        of_line = reasons[line.line]
        marks = [
            Mark(position=position, what="approved", before="", after=of_line[run.id])
            for position, run in enumerate(line.runs)
            if run.id in of_line
        ]
        marked.append(dataclasses.replace(line, marks=(*line.marks, *marks)))
    return marked


def _version(model: Mapping[str, str]) -> str:
    return f"{model.get('weights', '')[:8]} {model.get('fingerprint', '')[:8]}".strip()


def told_changes(line: Line) -> Iterator[str]:
    """Yield each change point in words, with what changed there."""
    better = METRICS[line.name].better
    for change in line.changes:
        run = line.runs[change.first]
        rose = change.size > 0
        word = "rose" if rose else "fell"
        judged = "" if better == "neither" else " (better)" if rose == (better == "higher") else " (WORSE)"
        here = [mark for mark in line.marks if mark.position == change.first]
        moved = [f"{mark.what} {mark.before} -> {mark.after}" for mark in here if mark.what != "approved"]
        with_it = f"; changed there: {', '.join(moved)}" if moved else ""
        with_it += "".join(f"; approved there: {printable(mark.after)}" for mark in here if mark.what == "approved")
        if change.kind == "step":
            how = f"{word} by {value(line.name, abs(change.size))}{judged} at run {run.id}"
        else:
            how = f"drifts since run {run.id} by {change.slope:+.2g} a version{judged}, {change.size:+.4f} so far"
        yield f"{line.title}: {how}, {run.started:%Y-%m-%d %H:%M}, p {change.p:.2g}{with_it}"
