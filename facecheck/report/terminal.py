"""The short text at the end of a run: headline numbers, what corruptions cost, findings, failures, verdicts."""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import get_args

from facecheck.report.against import against_lines
from facecheck.report.headlines import COLUMNS, headline_of
from facecheck.results.catalogue import METRICS
from facecheck.results.conditions import DEPLOYED
from facecheck.results.measurement import Measurement
from facecheck.results.run import Failures, Run
from facecheck.results.sweeps import RecordedSweep, SweepStep, recorded_sweeps
from facecheck.results.verdict import Outcome

__all__ = ["table"]

_ROBUSTNESS = ("eval", "model", "data set", "corruptions", "clean", "mean drop", "worst", "mCE", "collapses")
_NAMES_SHOWN = 5
_CLEAN = "clean"


def table(run: Run, *, folder: Path) -> list[str]:
    """Return the lines: a row a model and data set, a row an eval of corruptions, then findings, failures, verdicts.

    Args:
        run: that is finished.
        folder: of the run, for the commands that read it.
    """
    return [
        *_headlines(run.measurements),
        *_robustness(run.measurements),
        *(f"note: {note}" for note in run.notes),
        *_failures(run.failures),
        *(line for each in run.against for line in against_lines(each)),
        *_verdicts(run, folder),
    ]


def _headlines(measurements: Sequence[Measurement]) -> list[str]:
    rows = sorted({(m.model, m.dataset) for m in measurements})
    cells = [[_cell(headline_of(measurements, row, column)) for column in COLUMNS] for row in rows]
    filled = [(row, line) for row, line in zip(rows, cells, strict=True) if any(line)]
    used = [i for i in range(len(COLUMNS)) if any(line[i] for _, line in filled)]
    head = ["model", "data set", *(COLUMNS[i].heading for i in used)]
    body = [[*row, *(line[i] for i in used)] for row, line in filled]
    return _aligned([head, *body], names=2) if body else []


def _cell(m: Measurement | None) -> str:
    if m is None:
        return ""
    return f"{m.value:.4f}" if METRICS[m.name].unit == "fraction" else f"{m.value:.1f}"


def _aligned(lines: Sequence[Sequence[str]], *, names: int) -> list[str]:
    """Return the cells in columns: names to the left, numbers to the right."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return [
        "  ".join(
            cell.ljust(width) if i < names else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


# Corruptions: a row an eval, data set and model, however many corruptions it holds.


def _robustness(measurements: Sequence[Measurement]) -> list[str]:
    of_row: dict[tuple[str, str, str], list[RecordedSweep]] = defaultdict(list)
    for sweep in recorded_sweeps(measurements):
        if sweep.line("accuracy", DEPLOYED):
            of_row[sweep.eval, sweep.dataset, sweep.model].append(sweep)
    rows = [
        [eval_name, model, dataset, *_costs(swept, measurements)]
        for (eval_name, dataset, model), swept in of_row.items()
    ]
    if not rows:
        return []
    used = [i for i in range(len(_ROBUSTNESS)) if any(row[i] for row in rows)]
    lines = [[line[i] for i in used] for line in (_ROBUSTNESS, *rows)]
    title = (
        "accuracy under corruptions, at the clean threshold, failures as non-matches; the drop is a mean over levels"
    )
    return ["", title, *_aligned(lines, names=3)]


def _costs(swept: Sequence[RecordedSweep], measurements: Sequence[Measurement]) -> list[str]:
    lines = {sweep.corruption: sweep.line("accuracy", DEPLOYED) for sweep in swept}
    clean = next((m.value for line in lines.values() for step, m in line.items() if not step.severity), None)
    drops = [fmean(change.values()) for sweep in swept for change in [sweep.change("accuracy", DEPLOYED)] if change]
    degraded = [(m.value, name, step) for name, line in lines.items() for step, m in line.items() if step.severity]
    value, name, step = min(degraded, default=(None, "", SweepStep(0, 0.0)))
    return [
        str(len(swept)),
        "" if clean is None else f"{clean:.4f}",
        f"{round(-fmean(drops), 4) + 0.0:.4f}" if drops else "",
        "" if value is None else f"{value:.4f} {name} {step.label}",
        _mean_corruption_error(swept[0], measurements),
        _collapses(swept, measurements),
    ]


def _mean_corruption_error(sweep: RecordedSweep, measurements: Sequence[Measurement]) -> str:
    of_row = (sweep.eval, sweep.dataset, sweep.model, "mce")
    return next((f"{m.value:.2f}" for m in measurements if (m.eval, m.dataset, m.model, m.name) == of_row), "")


def _collapses(swept: Sequence[RecordedSweep], measurements: Sequence[Measurement]) -> str:
    """Say from which levels on distances collapse, "never" where that was looked for and not seen."""
    survived = {
        m.conditions.corruption: m.value
        for m in measurements
        if m.name == "levels_before_collapse" and (m.dataset, m.model) == (swept[0].dataset, swept[0].model)
    }
    looked_for = [sweep for sweep in swept if sweep.corruption in survived]
    begins = [
        (sweep.corruption, step)
        for sweep in looked_for
        for step in [next((step for step in sweep.degraded if step.severity > survived[sweep.corruption]), None)]
        if step is not None
    ]
    shown = ", ".join(f"{name} {step.label}" for name, step in begins[:2])
    if not begins:
        return "never" if looked_for else ""
    return f"{shown} and {len(begins) - 2} more" if len(begins) > 2 else shown  # noqa: PLR2004 - as many as are shown


# Failures and verdicts.


def _failures(failures: Sequence[Failures]) -> Iterator[str]:
    """Yield who was not found: by name on clean images, in number under corruptions."""
    degraded: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for failed in failures:
        place = f"{failed.model} on {failed.dataset}"
        if failed.corrupted != _CLEAN:
            degraded[place].append((len(failed.images), failed.corrupted))
            continue
        unreadable_first = sorted(failed.images, key=lambda image: not image.reason)
        shown = "; ".join(image.reason or image.name for image in unreadable_first[:_NAMES_SHOWN])
        more = f"; and {len(failed.images) - _NAMES_SHOWN} more" if len(failed.images) > _NAMES_SHOWN else ""
        yield f"no face, or not readable, for {place}, {_CLEAN} ({len(failed.images)}): {shown}{more}"
    for place, counts in degraded.items():
        most, condition = max(counts)
        what = (
            f"{len(counts)} conditions, most under {condition} ({most})" if len(counts) > 1 else f"{condition} ({most})"
        )
        yield f"no face, or not readable, for {place} under {what}; results.json names them"


def _verdicts(run: Run, folder: Path) -> list[str]:
    counts = Counter(verdict.outcome for verdict in run.verdicts)
    reasons = Counter(verdict.reason for verdict in run.verdicts if verdict.outcome == "skipped")
    skipped = [f"skipped ({count}): {reason.removeprefix('Skipped: ')}" for reason, count in sorted(reasons.items())]
    unjudged = _unjudged(run, folder) if counts["unjudged"] else ""
    total = ", ".join(f"{counts[outcome]} {outcome}" for outcome in get_args(Outcome) if counts[outcome])
    return [*skipped, *filter(None, [unjudged, total])]


def _unjudged(run: Run, folder: Path) -> str:
    """Say on whom nobody has promised anything, and how promises are proposed from this run."""
    cases = [verdict for verdict in run.verdicts if verdict.outcome == "unjudged"]
    judgements = (judgement for verdict in cases for judgement in verdict.judgements if judgement.limit is None)
    where = dict.fromkeys(f"{j.measurement.model} on {j.measurement.dataset}" for j in judgements)
    shown = ", ".join(list(where)[:_NAMES_SHOWN]) + (
        f" and {more} more" if (more := len(where) - _NAMES_SHOWN) > 0 else ""
    )
    return (
        f"unjudged ({len(cases)}){shown and ', '}{shown}: no limit applies. To propose some from this run: "
        f"facecheck limits {shlex.quote(str(folder))} --why REASON"
    )
