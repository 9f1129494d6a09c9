"""``facecheck history``, ``facecheck history import``, ``facecheck trend``."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from facecheck.errors import FacecheckError, nearest
from facecheck.results.catalogue import METRICS

__all__ = ["add_arguments", "add_trend_arguments", "run", "run_trend"]

_USUAL = Path("reports/history.sqlite")
_BASELINES = Path("reports/baselines")
_WIDTH = 80
_SHOWN = 20


def add_arguments(history: argparse.ArgumentParser) -> None:
    """Declare what ``facecheck history`` takes."""
    _add_place(history)
    history.add_argument("what", nargs="?", choices=["list", "import"], default="list", help="list (default) or import")
    history.add_argument("runs", nargs="*", type=Path, help="folders of runs to import, or of reports that hold runs")
    history.add_argument("--line", help="of the model; all by default")
    history.add_argument("--dataset", help="of which the accuracy is shown; the first that has one by default")
    history.add_argument("--since", help="date, YYYY-MM-DD")
    history.add_argument("--limit", type=int, default=_SHOWN, help=f"runs, {_SHOWN} by default")
    history.add_argument("--mlflow", metavar="URI", help="with import: export the runs to this MLflow as well")
    history.set_defaults(run=run)


def add_trend_arguments(trend: argparse.ArgumentParser) -> None:
    """Declare what ``facecheck trend`` takes."""
    _add_place(trend)
    trend.add_argument("--line", help="of the model; all by default")
    trend.add_argument("--dataset", help="name; all by default")
    trend.add_argument("--metric", action="append", default=[], help="such as accuracy; may be repeated")
    trend.add_argument(
        "--baselines",
        type=Path,
        default=Path("reports/baselines"),
        help="whose approvals are marked, reports/baselines",
    )
    trend.add_argument("--false-alarms", type=float, default=0.01, help="over all series together, 0.01 by default")
    trend.add_argument(
        "--out", type=Path, default=Path("reports/trend.png"), help="picture, reports/trend.png by default"
    )
    trend.set_defaults(run=run_trend)


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--history", default=str(_USUAL), help=f"file or URL, {_USUAL} by default")


def run(options: argparse.Namespace) -> int:
    """List the runs of a history, or import some."""
    return _import(options) if options.what == "import" else _list(options)


def _import(options: argparse.Namespace) -> int:
    from facecheck.history.keeping import import_runs, run_folders  # noqa: PLC0415 - SQLAlchemy comes with it
    from facecheck.history.mlflow import export_run  # noqa: PLC0415 - likewise
    from facecheck.history.store import History  # noqa: PLC0415 - likewise

    given = options.runs or [_USUAL.parent]
    folders = [each for folder in given for each in (run_folders(folder) or [folder])]
    bad = 0
    with History(options.history) as history:
        for name, problem in import_runs(history, folders):
            bad += bool(problem)
            if problem:
                print(f"facecheck: left out: {problem}", file=sys.stderr)
            elif options.mlflow:
                export_run(Path(name), options.mlflow)
        print(f"{history.shown}: {len(folders) - bad} run(s) imported, {bad} left out")
    return int(bad > 0)


def _list(options: argparse.Namespace) -> int:
    from facecheck.history.store import History  # noqa: PLC0415 - SQLAlchemy comes with it

    _check_there(options.history)
    since = None if options.since is None else _date(options.since)
    with History(options.history) as history:
        runs = history.runs(line=options.line, since=since)
        lines = history.lines()
        if options.line is not None and options.line not in lines:
            raise FacecheckError(f"no run of {options.line!r} in {history.shown}. {nearest(options.line, lines)}")
        points = history.points(line=options.line, name="accuracy", dataset=options.dataset)
    accuracy: dict[tuple[str, str], str] = {}
    for point in points:
        if not point.conditions.is_swept and point.conditions.threshold == "clean":
            accuracy.setdefault((point.run, point.model), f"{point.value:.4f} {point.dataset}")
    shown = runs[-options.limit :] if options.limit > 0 else []
    for each in shown:
        counts = [f"{count} {outcome}" for (_, outcome), count in sorted(each.counts.items()) if count]
        commit = f"{each.commit[:8]}{'+' if each.dirty else ''}" if each.commit else "-"
        print(f"{each.started:%Y-%m-%d %H:%M}  {commit:9} {each.id}")
        for name in each.models:
            print(f"    {name}  {accuracy.get((each.id, name), '')}"[:_WIDTH])
        if counts:
            print(textwrap.fill(", ".join(counts), _WIDTH, initial_indent="    ", subsequent_indent="    "))
    print(f"{len(shown)} of {len(runs)} run(s), the newest last")
    return 0


def _check_there(given: str) -> None:
    if "://" not in given and not Path(given).is_file():
        raise FacecheckError(
            f"{given}: no history yet; eval runs write one, and 'facecheck history import RUN...' makes it from theirs"
        )


def _date(given: str) -> dt.datetime:
    try:
        return dt.datetime.combine(dt.date.fromisoformat(given), dt.time(), dt.UTC)
    except ValueError as error:
        raise FacecheckError(f"--since {given}: expected a date, YYYY-MM-DD") from error


def run_trend(options: argparse.Namespace) -> int:
    """Say since when something changed, and draw it."""
    from facecheck.history.lines import told_changes, trend_lines, with_approvals  # noqa: PLC0415 - SQLAlchemy comes with it
    from facecheck.history.store import History  # noqa: PLC0415 - likewise
    from facecheck.history.trend import FEWEST  # noqa: PLC0415 - likewise
    from facecheck.plots.trend import draw_trend  # noqa: PLC0415 - matplotlib comes with it

    _check_metrics(options.metric)
    _check_there(options.history)
    if options.baselines is not None and not options.baselines.is_dir():
        raise FacecheckError(
            f"--baselines {options.baselines}: no such folder; approvals are in {_BASELINES} by default"
        )
    if not 0 < options.false_alarms < 1:
        raise FacecheckError(f"--false-alarms {options.false_alarms}: expected a fraction between 0 and 1")
    with History(options.history) as history:
        found = trend_lines(
            history,
            line=options.line,
            dataset=options.dataset,
            metrics=options.metric,
            false_alarms=options.false_alarms,
        )
        known = history.lines()
    if not found:
        raise FacecheckError(
            f"no series of two runs or more in {options.history}; its lines are {', '.join(known) or 'none'}"
        )
    found = with_approvals(found, options.baselines or _BASELINES)
    told = [text for line in found for text in told_changes(line)]
    most = max(len(line.points) for line in found)
    few = f"; {FEWEST} versions are the fewest that can show one" if most < FEWEST else ""
    for text in told or [f"no change point in {len(found)} series of at most {most} runs{few}"]:
        print(textwrap.fill(text, _WIDTH, subsequent_indent="  ", break_on_hyphens=False))
    print(draw_trend(found, options.out))
    return 0


def _check_metrics(names: Sequence[str]) -> None:
    for name in names:
        if name not in METRICS:
            raise FacecheckError(f"--metric {name}: unknown. {nearest(name, METRICS)}")
