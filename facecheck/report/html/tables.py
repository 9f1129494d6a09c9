"""The numbers behind the graphs: a table a data set and eval to look at, and all of them as CSV."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from facecheck.report.headlines import COLUMNS, headline_of
from facecheck.results import wording
from facecheck.results.conditions import Conditions
from facecheck.results.measurement import Measurement

__all__ = [
    "Cell",
    "Table",
    "as_csv",
    "comma_separated",
    "headline_table",
    "measured_cell",
    "measurement_tables",
    "table_as_csv",
]

_MOST_ROWS = 400
_DIGITS = 8
_WIDEST = 7  # columns of numbers
_KINDS = {"fraction": "rates", "distance": "distances", "standard deviations": "distances", "pairs": "counts of pairs"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Args:
        text: that is shown.
        number: by which it is sorted, None for text.
        more: smaller, beside it, such as an interval.
    """

    text: str
    number: float | None = None
    more: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of a page.

    Args:
        title: what it holds.
        head: a heading a column.
        rows: cells, as many as headings.
        left_out: rows that only the file holds.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: int = 0


def measurement_tables(measurements: Sequence[Measurement]) -> tuple[Table, ...]:
    """Return tables that a screen is wide enough for: a row a model and conditions, a column a metric.

    Rates come first, then distances and counts. Folds are left to the file.

    Args:
        measurements: of one eval and data set.
    """
    shown = [m for m in measurements if m.conditions.fold is None]
    names = list(dict.fromkeys(m.name for m in shown))
    tables = []
    for title, group in _columns(names):
        mine = [m for m in shown if m.name in group]
        tables.append(_measurement_table(title, mine, group))
    return tuple(tables)


def _columns(names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield names of metrics in groups that are no wider than a screen."""
    by_kind: dict[str, list[str]] = {kind: [] for kind in ("rates", "distances", "counts of pairs", "other numbers")}
    for name in names:
        by_kind[_KINDS.get(wording.metric(name).unit, "other numbers")].append(name)
    for kind, group in by_kind.items():
        for start in range(0, len(group), _WIDEST):
            yield (f"more {kind}" if start else kind), group[start : start + _WIDEST]


def _measurement_table(title: str, measurements: Sequence[Measurement], names: Sequence[str]) -> Table:
    rows: dict[tuple[str, Conditions], dict[str, Measurement]] = {}
    for m in measurements:
        rows.setdefault((m.model, m.conditions), {}).setdefault(m.name, m)
    cells = [
        (Cell(model), Cell(at.in_words() or "all"), *(measured_cell(found.get(name)) for name in names))
        for (model, at), found in itertools.islice(rows.items(), _MOST_ROWS)
    ]
    return Table(
        title=title,
        head=("model", "conditions", *(wording.metric(name).title for name in names)),
        rows=tuple(cells),
        left_out=len(rows) - len(cells),
    )


def table_as_csv(table: Table) -> str:
    """Return a table as CSV, its numbers as they are."""
    return comma_separated(
        [
            {
                name: cell.text if cell.number is None else cell.number
                for name, cell in zip(table.head, row, strict=True)
            }
            for row in table.rows
        ]
    )


def measured_cell(m: Measurement | None) -> Cell:
    """Return a measurement with its interval, an empty cell for none."""
    if m is None:
        return Cell("")
    more = "" if m.low == m.high else f"[{wording.value(m.name, m.low)}, {wording.value(m.name, m.high)}]"
    return Cell(wording.value(m.name, m.value), m.value, more)


def headline_table(measurements: Sequence[Measurement]) -> Table | None:
    """Return the numbers that a reader looks for first, a row a model and data set; None if none were measured."""
    rows = list(dict.fromkeys((m.model, m.dataset) for m in measurements))
    found = {row: [headline_of(measurements, row, column) for column in COLUMNS] for row in rows}
    used = [i for i in range(len(COLUMNS)) if any(cells[i] is not None for cells in found.values())]
    cells = [
        (Cell(model), Cell(dataset), *(measured_cell(found[model, dataset][i]) for i in used))
        for model, dataset in rows
        if any(found[model, dataset])
    ]
    if not cells:
        return None
    head = ("model", "data set", *(COLUMNS[i].heading for i in used))
    return Table(title="headline numbers", head=head, rows=tuple(cells))


def as_csv(measurements: Iterable[Measurement]) -> str:
    """Return measurements as CSV, a row each, with their conditions in columns."""
    rows = [
        {"eval": m.eval, "model": m.model, "dataset": m.dataset, "metric": m.name, **m.conditions.as_json()}
        | {"value": m.value, "low": m.low, "high": m.high, "n": m.n}
        for m in measurements
    ]
    return comma_separated(rows)


def comma_separated(rows: Sequence[Mapping[str, object]]) -> str:
    """Return rows as CSV that no spreadsheet takes for formulas.

    Args:
        rows: values by heading; what a row lacks is empty.
    """
    head = list(dict.fromkeys(name for row in rows for name in row))
    last = [name for name in ("value", "low", "high", "n") if name in head]
    head = [*(name for name in head if name not in last), *last]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_written(row.get(name, "")) for name in head] for row in rows)
    return stream.getvalue()


def _written(value: object) -> object:
    """Return a cell of the file: numbers to as many digits as mean anything."""
    return f"{value:.{_DIGITS}g}" if isinstance(value, float) else wording.in_spreadsheet(value)
