"""The comparison in words: a few lines for the terminal, a page and a table for the run's folder."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from facecheck.comparison.tables import Rival, Row, Table
from facecheck.metrics.intervals import Estimate
from facecheck.results import wording
from facecheck.results.columns import WIDTH, aligned, wrapped
from facecheck.results.conditions import DEPLOYED
from facecheck.results.measurement import Measurement
from facecheck.storage.files import write_text

__all__ = ["lines", "markdown", "spreadsheet", "write"]

_HOW = """\
The best of a row is **bold** where a paired test by identity separates it from each of the other models, after Holm's
correction over all tests of its table: at most one table in twenty holds a false mark. The test counts pairs that
share a person as dependent. Its lead is over the rival that is hardest to tell from it, with the 95 % interval by
identity. Metrics that are no rate of all pairs (precision, F1, d-prime, detection, times) have no such test and no
mark. `comparison.csv` also counts the pairs that only one of two models judges correctly.
"""
_HEADLINE = wording.title("accuracy", DEPLOYED)
_MANY = 4  # rows of one metric from which they are counted, not listed
_COLUMNS = (
    *("eval", "dataset", "name", "conditions", "unit", "better", "model", "value", "low", "high", "n", "not_compared"),
    *("best", "separated", "right_only_best", "right_only_this", "p_holm", "lead", "lead_low", "lead_high"),
)


def write(tables: Sequence[Table], folder: Path) -> list[Path]:
    """Write ``comparison.md`` for people and ``comparison.csv`` for programs; nothing where nothing was compared."""
    if not tables:
        return []
    paths = [folder / "comparison.md", folder / "comparison.csv"]
    write_text(paths[0], markdown(tables))
    write_text(paths[1], spreadsheet(tables))
    return paths


def markdown(tables: Sequence[Table]) -> str:
    """Return the page: every table with its marks, leads and tests, and who could not be compared."""
    return "\n".join(["# Comparison of models", "", _HOW, *(line for table in tables for line in _section(table))])


def _section(table: Table) -> Iterator[str]:
    yield f"## {wording.in_markdown(_heading(table))}"
    yield ""
    for model, reason in table.incomparable.items():
        yield from (f"Not compared: {wording.in_markdown(model)}, because {wording.in_markdown(reason)}.", "")
    tested = any(row.rivals for row in table.rows)
    head = [
        "",
        *(wording.in_markdown(model) for model in table.models),
        *(("lead of the best", "p (Holm)") if tested else ()),
    ]
    yield _line(head)
    yield _line(["---", *("---:" for _ in head[1:])])
    for row in table.rows:
        cells = [_cell(row, model, with_interval=not table.title) for model in table.models]
        yield _line([wording.in_markdown(row.label), *cells, *(_contest(row) if tested else ())])
    yield ""


def _heading(table: Table) -> str:
    what = f"{table.eval} on {table.dataset}"
    return " ".join((f"{what}: {table.title}" if table.title else what).split())


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(row: Row, model: str, *, with_interval: bool) -> str:
    if model not in row.cells:
        return ""
    m = row.cells[model]
    value = wording.value(m.name, m.value)
    bold = f"**{value}**" if row.separated and model == row.best else value
    return f"{bold} {_interval(m)}" if with_interval and m.low < m.high else bold


def _interval(m: Measurement) -> str:
    return f"[{wording.value(m.name, m.low)}, {wording.value(m.name, m.high)}]"


def _contest(row: Row) -> tuple[str, str]:
    rival = row.hardest
    if rival is None:
        return "", ""
    return wording.in_markdown(_told(row)), "" if rival.p is None else _probability(rival.p)


def _told(row: Row) -> str:
    """Return who leads by how much; of two models it is plain over whom."""
    rival = row.hardest
    if rival is None or rival.lead is None:
        return ""
    over = f" over {rival.model}" if len(row.cells) > 2 else ""  # noqa: PLR2004 - more than one rival
    if not rival.lead.value:
        return f"tie {_lead(rival.lead)}"
    return f"{row.best} {_lead(rival.lead)}{over}"


def _lead(lead: Estimate) -> str:
    value, low, high = (round(number, 4) + 0.0 for number in lead[:3])  # no minus before a zero
    return f"{value:+.4f} [{low:.4f}, {high:.4f}]"


def _probability(p: float) -> str:
    return f"{p:.2g}" if p >= 1e-4 else "< 0.0001"  # noqa: PLR2004 - as far as anybody reads


def spreadsheet(tables: Sequence[Table]) -> str:
    """Return every value of every table as CSV, a line a model, with its test against the row's best."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, _COLUMNS, restval="")
    writer.writeheader()
    for table in tables:
        for row in table.rows:
            entries = (_entry(table, row, model) for model in table.models if model in row.cells)
            writer.writerows({key: wording.in_spreadsheet(value) for key, value in entry.items()} for entry in entries)
    return stream.getvalue()


def _entry(table: Table, row: Row, model: str) -> dict[str, object]:
    fields = row.cells[model].as_json()
    entry: dict[str, object] = {key: fields[key] for key in _COLUMNS if key in fields}
    rival = next((rival for rival in row.rivals if rival.model == model), None)
    return {
        **entry,
        "conditions": json.dumps(fields["conditions"], sort_keys=True),
        "not_compared": table.incomparable.get(model, ""),
        "best": row.best,
        "separated": row.separated if row.best == model else "",
        **(_tested(rival) if rival else {}),
    }


def _tested(rival: Rival) -> dict[str, object]:
    alone, lead = rival.counts, rival.lead
    counts = {"right_only_best": alone.only_first, "right_only_this": alone.only_second} if alone else {}
    leads = {"lead": lead.value, "lead_low": lead.low, "lead_high": lead.high} if lead else {}
    return {**counts, "p_holm": "" if rival.p is None else rival.p, **leads}


def lines(tables: Sequence[Table]) -> list[str]:
    """Return the comparison in few lines: what was tested; of many conditions, in how many which model is best."""
    found = [line for table in tables for line in _short(table)]
    excuses = [
        f"not compared in {_heading(table)}: {model}: {reason}"
        for table in tables
        for model, reason in table.incomparable.items()
    ]
    if not found and not excuses:
        return []
    how = "* best: a paired test by identity separates it from each other model, Holm over the table"
    told = wrapped(f"comparison ({how}; more in comparison.md)")
    return [*told, *found, *(line for excuse in excuses for line in wrapped(excuse))]


def _short(table: Table) -> Iterator[str]:
    """Yield a table's tested rows; of a sweep only the accuracy that users would see."""
    of_metric: dict[str, list[Row]] = defaultdict(list)
    for row in table.rows:
        if row.rivals:
            of_metric[next(iter(row.cells.values())).name].append(row)
    listed = [row for rows in of_metric.values() if len(rows) < _MANY and not table.title for row in rows]
    if listed:
        yield from _listed(table, listed)
    if table.title in {"", _HEADLINE}:
        counted = {name: rows for name, rows in of_metric.items() if table.title or len(rows) >= _MANY}
        yield from (line for name, rows in counted.items() for line in wrapped(_counted(table, name, rows)))


def _listed(table: Table, rows: Sequence[Row]) -> list[str]:
    """Return a table with a column a model and, behind each row or below all of them, who leads by how much."""
    head = [_heading(table), *(f"{model} " for model in table.models)]
    cells = [[row.label, *(_marked(row, model) for model in table.models)] for row in rows]
    whole = aligned([head, *cells], names=1)
    leads = [_with_probability(row) for row in rows]
    if len(whole) == len(rows) + 1:  # each row on a line
        beside = [f"{line}  {lead}".rstrip() for line, lead in zip(whole[1:], leads, strict=True)]
        if max(map(len, beside)) <= WIDTH:
            return [whole[0], *beside]
    told = [f"{row.label}: {lead}" for row, lead in zip(rows, leads, strict=True) if row.separated]
    rest = len(rows) - len(told)
    if rest:
        told.append(f"in {rest} of {len(rows)} rows the test distinguishes no best model")
    return [*whole, *(line for lead in told for line in wrapped(lead, indent="  "))]


def _marked(row: Row, model: str) -> str:
    if model not in row.cells:
        return ""
    value = wording.value(row.cells[model].name, row.cells[model].value)
    return f"{value}{'*' if row.separated and row.best == model else ' '}"


def _with_probability(row: Row) -> str:
    rival = row.hardest
    return f"{_told(row)}, p {_probability(rival.p)}" if rival and rival.p is not None else _told(row)


def _counted(table: Table, name: str, rows: Sequence[Row]) -> str:
    wins = Counter(row.best for row in rows if row.separated)
    best = [f"{model} best in {count}" for model, count in sorted(wins.items(), key=lambda item: (-item[1], item[0]))]
    rest = len(rows) - wins.total()
    told = ", ".join([*best, *([f"none distinguished in {rest}"] if rest else [])])
    what = table.title or wording.metric(name).title
    return f"{table.eval} on {table.dataset}, {what}: of {len(rows)} conditions {told}"
