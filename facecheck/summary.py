"""The short table at the end of a run: a row a model and data set, a column a headline number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from facecheck.measure import METRICS
from facecheck.record import Measurement, Record

__all__ = ["table"]

# Headline numbers: eval, name, conditions that must hold, heading.
_COLUMNS: tuple[tuple[str, str, Mapping[str, str | float], str], ...] = (
    ("verification", "accuracy", {"threshold": "clean", "failures": "non-match"}, "accuracy"),
    ("verification", "accuracy_standard_error", {}, "S_E"),
    ("verification", "eer", {"failures": "non-match"}, "EER"),
    ("verification", "tar_at_far", {"far": 0.01, "failures": "non-match"}, "TAR@1%"),
    ("verification", "detection_rate", {}, "detected"),
    ("pose", "auc", {}, "AUC turned"),
    ("blur", "accuracy", {"level": 5, "threshold": "clean"}, "acc. blur 5"),
    ("timing", "latency_ms", {"stage": "all"}, "latency ms"),
    ("timing", "throughput_per_s", {}, "images/s"),
)
_NAMES_SHOWN = 5


def table(record: Record) -> list[str]:
    """Return the lines of the table, then failures by name, then what failed and why."""
    rows = sorted({(m.model, m.dataset) for m in record.measurements})
    cells = [[_cell(record.measurements, row, column) for column in _COLUMNS] for row in rows]
    used = [i for i in range(len(_COLUMNS)) if any(line[i] for line in cells)]
    head = ["model", "data set", *(_COLUMNS[i][3] for i in used)]
    body = [[*row, *(line[i] for i in used)] for row, line in zip(rows, cells, strict=True)]
    return [*_aligned([head, *body]), *_failures(record), *_verdicts(record)]


def _cell(
    measurements: Sequence[Measurement], row: tuple[str, str], column: tuple[str, str, Mapping[str, str | float], str]
) -> str:
    eval_name, name, conditions, _ = column
    for m in measurements:
        here = (m.model, m.dataset) == row and (m.eval, m.name) == (eval_name, name)
        if here and all(m.conditions.get(key) == value for key, value in conditions.items()):
            return f"{m.value:.4f}" if METRICS[name].unit == "fraction" else f"{m.value:.1f}"
    return ""


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return [
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)  # noqa: PLR2004 - names to the left, numbers to the right
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def _failures(record: Record) -> list[str]:
    lines = []
    for where, names in record.failures.items():
        unreadable_first = sorted(names, key=lambda name: ": " not in name)
        shown = "; ".join(unreadable_first[:_NAMES_SHOWN])
        more = f"; and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
        lines.append(f"no face, or not readable, for {where} ({len(names)}): {shown}{more}")
    return lines


def _verdicts(record: Record) -> list[str]:
    counts = dict.fromkeys(("passed", "failed", "skipped"), 0)
    for verdict in record.verdicts:
        counts[verdict["outcome"]] = counts.get(verdict["outcome"], 0) + 1
    reasons = Counter(verdict["reason"] for verdict in record.verdicts if verdict["outcome"] == "skipped")
    skipped = [f"skipped ({count}): {reason.removeprefix('Skipped: ')}" for reason, count in sorted(reasons.items())]
    return [*skipped, ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)]
