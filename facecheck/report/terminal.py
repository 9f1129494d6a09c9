"""The short text at the end of a run: what failed, a table an eval, findings, verdicts; 80 letters a line."""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import get_args

from facecheck.errors import shortened
from facecheck.report.against import against_lines
from facecheck.report.headlines import COLUMNS, headline_of
from facecheck.results.catalogue import METRICS
from facecheck.results.columns import aligned, wrapped
from facecheck.results.conditions import DEPLOYED
from facecheck.results.measurement import Measurement
from facecheck.results.run import Failures, Run
from facecheck.results.sweeps import RecordedSweep, SweepStep, recorded_sweeps
from facecheck.results.verdict import Outcome, Verdict

__all__ = ["table"]

_ROBUSTNESS = ("model", "data set", "kinds", "clean", "mean drop", "mCE", "worst", "collapses")
_SWEPT = "Accuracy at the clean threshold, failures as non-matches; the drop is a mean over levels."
_NAMES_SHOWN = 5
_FAILED_SHOWN = 12
_LONGEST = 400  # letters of a failed case's reason: pytest shows all of it
_CLEAN = "clean"
_DECIMALS = {"fraction": 4, "bits": 4, "ratio": 2}  # others have one


def table(run: Run, *, folder: Path) -> list[str]:
    """Return the lines, 80 letters at most: what failed or got worse, then a table an eval, then findings and counts.

    Names of files and commands are never broken, and may be longer.

    Args:
        run: that is finished.
        folder: of the run, for the commands that read it.
    """
    return [
        *_failed(run.verdicts),
        *(line for each in sorted(run.against, key=lambda each: not each.is_red) for line in against_lines(each)),
        *_headlines(run),
        *_robustness(run),
        *(line for note in run.notes for line in wrapped(f"note: {note}")),
        *(line for told in _failures(run.failures) for line in wrapped(told)),
        *_verdicts(run, folder),
    ]


def _failed(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Yield the failed cases, each judgement that was missed on its own."""
    failed = [verdict for verdict in verdicts if verdict.outcome == "failed"]
    reasons = [line for verdict in failed for line in _reasons(verdict)]
    for reason in reasons[:_FAILED_SHOWN]:
        yield from wrapped(f"FAILED: {shortened(reason, _LONGEST)}")
    if len(reasons) > _FAILED_SHOWN:
        yield f"  ... and {len(reasons) - _FAILED_SHOWN} more; results.json has them"


def _reasons(verdict: Verdict) -> list[str]:
    """Return why a case failed: what it promised and missed, or its name with the last word of an error."""
    missed = [each.reason for each in verdict.judgements if each.outcome == "failed" and each.limit is not None]
    if missed:
        return missed
    lines = [line for line in verdict.reason.splitlines() if line.strip()]
    return [f"{verdict.case}: {lines[0].strip() if lines else 'no reason was given'}"]


# A table an eval.


def _titled(run: Run, eval_name: str, more: str = "") -> list[str]:
    question = run.questions.get(eval_name, "")
    told = " ".join(filter(None, (question, more)))
    return ["", *wrapped(f"{eval_name}: {told}" if told else eval_name)]


def _headlines(run: Run) -> Iterator[str]:
    for eval_name in dict.fromkeys(column.eval for column in COLUMNS):
        columns = [column for column in COLUMNS if column.eval == eval_name]
        rows = sorted({(m.model, m.dataset) for m in run.measurements if m.eval == eval_name})
        cells = [[_cell(headline_of(run.measurements, row, column)) for column in columns] for row in rows]
        filled = [(row, line) for row, line in zip(rows, cells, strict=True) if any(line)]
        used = [i for i in range(len(columns)) if any(line[i] for _, line in filled)]
        head = ["model", "data set", *(columns[i].heading for i in used)]
        body = [[*row, *(line[i] for i in used)] for row, line in filled]
        if body:
            yield from (*_titled(run, eval_name), *aligned([head, *body], names=2))


def _cell(m: Measurement | None) -> str:
    if m is None:
        return ""
    return f"{m.value:.{_DECIMALS.get(METRICS[m.name].unit, 1)}f}"


def _robustness(run: Run) -> Iterator[str]:
    """Yield a table for each eval of corruptions: a row a model and data set, however many corruptions it holds."""
    of_eval: dict[str, dict[tuple[str, str], list[RecordedSweep]]] = defaultdict(lambda: defaultdict(list))
    for sweep in recorded_sweeps(run.measurements):
        if sweep.line("accuracy", DEPLOYED):
            of_eval[sweep.eval][sweep.model, sweep.dataset].append(sweep)
    for eval_name, of_row in of_eval.items():
        rows = [[*row, *_costs(swept, run.measurements)] for row, swept in of_row.items()]
        used = [i for i in range(len(_ROBUSTNESS)) if any(row[i] for row in rows)]
        lines = [[line[i] for i in used] for line in (_ROBUSTNESS, *rows)]
        more = _SWEPT if eval_name == next(iter(of_eval)) else ""
        yield from (*_titled(run, eval_name, more), *aligned(lines, names=2))


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
        _mean_corruption_error(swept[0], measurements),
        "" if value is None else f"{value:.4f} {name} {step.label}",
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
    unjudged = _unjudged(run, folder) if counts["unjudged"] else []
    total = ", ".join(f"{counts[outcome]} {outcome}" for outcome in get_args(Outcome) if counts[outcome])
    return [*(line for told in skipped for line in wrapped(told)), *unjudged, *filter(None, [total])]


def _unjudged(run: Run, folder: Path) -> list[str]:
    """Say on whom nobody has promised anything, and how promises are proposed from this run."""
    cases = [verdict for verdict in run.verdicts if verdict.outcome == "unjudged"]
    judgements = (judgement for verdict in cases for judgement in verdict.judgements if judgement.limit is None)
    where = dict.fromkeys(f"{j.measurement.model} on {j.measurement.dataset}" for j in judgements)
    shown = ", ".join(list(where)[:_NAMES_SHOWN]) + (
        f" and {more} more" if (more := len(where) - _NAMES_SHOWN) > 0 else ""
    )
    return [
        *wrapped(f"unjudged ({len(cases)}){shown and ', '}{shown}: no limit applies. To propose some from this run:"),
        f"  facecheck limits {shlex.quote(str(folder))} --why REASON",
    ]
