"""The database: an index over run folders, in SQLite or PostgreSQL, that can be made again from them.

Every run is written in one transaction, under its id, so that writing it twice changes nothing and an interruption
leaves it out whole. Writers take turns: SQLite locks the file, PostgreSQL an advisory lock of the transaction.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from facecheck.errors import FacecheckError
from facecheck.results.conditions import Conditions
from facecheck.results.measurement import Measurement
from facecheck.results.run import Run
from facecheck.results.signature import ModelSignature

__all__ = ["MIGRATIONS", "History", "HistoryError", "Point", "Recorded", "address", "shown_address"]

# What each version of the schema changes in the one before; a database is brought up to the last when it is opened.
MIGRATIONS: Mapping[int, Sequence[str]] = {}
_FIRST = 1
_LOCK = 0x66616365  # of PostgreSQL's advisory lock: "face"
_WAIT_S = 60.0
_AT_ONCE = 500  # values of one statement

_TABLES = sa.MetaData()
_VERSION = sa.Table("facecheck_schema", _TABLES, sa.Column("version", sa.Integer, nullable=False))
_RUN = sa.Table(
    "run",
    _TABLES,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("started", sa.DateTime(timezone=False), nullable=False, index=True),  # UTC
    sa.Column("duration_s", sa.Double),
    sa.Column("folder", sa.Text, nullable=False),
    sa.Column("commit_hash", sa.String(64), nullable=False),
    sa.Column("dirty", sa.Boolean, nullable=False),
    sa.Column("facecheck", sa.Text, nullable=False),
    sa.Column("sources", sa.String(64), nullable=False),
    sa.Column("machine", sa.Text, nullable=False),
    sa.Column("libraries", sa.Text, nullable=False),
)
_MODEL = sa.Table(
    "run_model",
    _TABLES,
    sa.Column("run_id", sa.String(64), primary_key=True),
    sa.Column("model", sa.String(255), primary_key=True),
    sa.Column("line", sa.String(255), nullable=False, index=True),
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("weights", sa.String(64), nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("device", sa.Text, nullable=False),
    sa.Column("precision_", sa.String(16), nullable=False),
)
_DATASET = sa.Table(
    "run_dataset",
    _TABLES,
    sa.Column("run_id", sa.String(64), primary_key=True),
    sa.Column("dataset", sa.String(255), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("content", sa.String(64), nullable=False),
    sa.Column("sampled", sa.Boolean, nullable=False),
    sa.Column("comparisons", sa.Integer, nullable=False),
    sa.Column("people", sa.Integer, nullable=False),
)
_COUNT = sa.Table(
    "run_count",
    _TABLES,
    sa.Column("run_id", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),  # "verdict" by eval, "change" by model
    sa.Column("about", sa.String(255), primary_key=True),
    sa.Column("outcome", sa.String(32), primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
)
_SERIES = sa.Table(
    "series",
    _TABLES,
    sa.Column("id", sa.String(16), primary_key=True),  # hash of the other columns: the same in every database
    sa.Column("eval", sa.String(255), nullable=False),
    sa.Column("dataset", sa.String(255), nullable=False),
    sa.Column("name", sa.String(64), nullable=False, index=True),
    sa.Column("conditions", sa.Text, nullable=False),
)
_VALUE = sa.Table(
    "value",
    _TABLES,
    sa.Column("run_id", sa.String(64), primary_key=True),
    sa.Column("model", sa.String(255), primary_key=True),
    sa.Column("series_id", sa.String(16), primary_key=True),
    sa.Column("value", sa.Double, nullable=False),
    sa.Column("low", sa.Double, nullable=False),
    sa.Column("high", sa.Double, nullable=False),
    sa.Column("n", sa.Integer, nullable=False),
)
_OF_RUN = (_MODEL, _DATASET, _COUNT, _VALUE)


class HistoryError(FacecheckError):
    """The history cannot be used; the runs themselves are in their folders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A run of the history.

    Args:
        id: of the run.
        started: in UTC.
        folder: where it was written.
        commit: of the repository, empty if unknown.
        dirty: whether files differed from it.
        facecheck: version and sources.
        machine: plain values.
        models: signatures by name, as far as the history holds them.
        datasets: digest of pairs and hash of images by name.
        counts: verdicts and changes by outcome.
    """

    id: str
    started: dt.datetime
    folder: str
    commit: str
    dirty: bool
    facecheck: str
    machine: Mapping[str, Any]
    models: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    datasets: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One measurement of a run.

    Args:
        run: id.
        model: name of the recogniser.
        eval: name of the eval.
        dataset: name of the data set.
        name: of the metric.
        conditions: that it was made under.
        value: measured.
        low: end of the 95 % interval.
        high: end of the 95 % interval.
        n: observations.
    """

    run: str
    model: str
    eval: str
    dataset: str
    name: str
    conditions: Conditions
    value: float
    low: float
    high: float
    n: int


def address(given: str | Path) -> str:
    """Return the URL of a database: a file's path is SQLite.

    >>> address("reports/history.sqlite")
    'sqlite:///reports/history.sqlite'
    """
    text = str(given)
    if "://" not in text:
        return f"sqlite:///{text}"
    scheme, _, rest = text.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in ("postgresql", "postgres") else text


def shown_address(given: str | Path) -> str:
    """Return it for people, without a password.

    >>> shown_address("postgresql://ann:secret@db/faces")
    'postgresql://ann:***@db/faces'
    """
    text = str(given)
    if "://" not in text:
        return text
    try:
        return sa.engine.make_url(text).render_as_string(hide_password=True)
    except (SQLAlchemyError, ValueError):
        return text.partition("://")[0] + "://..."


class History:
    """A database of runs, made or migrated when it is opened.

    Args:
        given: a file's path or a URL.
        wait_s: how long to wait for other writers, seconds.

    Raises:
        HistoryError: it cannot be opened, or was written by a newer facecheck.
    """

    def __init__(self, given: str | Path, *, wait_s: float = _WAIT_S) -> None:
        self.shown = shown_address(given)
        with self._explained():
            url = sa.engine.make_url(address(given))
            self._is_sqlite = url.get_backend_name() == "sqlite"
            if self._is_sqlite and url.database:
                Path(url.database).parent.mkdir(parents=True, exist_ok=True)
            self._engine = _engine(url, wait_s)
            with self._writing() as connection:
                _bring_up_to_date(connection, self.shown)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        """Return the history; it is closed at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, ImportError, OSError, ValueError) as error:
            told = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
            if "psycopg" in told:
                told += "; PostgreSQL needs the extra: pip install 'facecheck[postgresql]'"
            raise HistoryError(f"history {self.shown}: {told}") from error

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """Give a transaction that no other writer has at the same time."""
        with self._engine.begin() as connection:
            if not self._is_sqlite:
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            yield connection

    def add(self, run: Run, folder: Path) -> None:
        """Write a run, or write it again, whole or not at all.

        Args:
            run: as its folder holds it.
            folder: of it.

        Raises:
            FacecheckError: a run of an old facecheck, without an id or a time.
            HistoryError: it cannot be written.
        """
        if not run.id:
            raise FacecheckError(f"{folder}: a run without an id, of an old facecheck, cannot be kept in a history")
        rows = _rows_of(run, folder)
        with self._explained(), self._writing() as connection:
            connection.execute(sa.delete(_RUN).where(_RUN.c.id == run.id))
            for table in _OF_RUN:
                connection.execute(sa.delete(table).where(table.c.run_id == run.id))
            known = set(connection.execute(sa.select(_SERIES.c.id)).scalars())
            new = [row for row in rows.pop(_SERIES) if row["id"] not in known]
            for table, entries in {_SERIES: new, **rows}.items():
                if entries:
                    connection.execute(sa.insert(table), entries)

    def runs(self, *, line: str | None = None, since: dt.datetime | None = None) -> list[Recorded]:
        """Return the runs, the oldest first.

        Args:
            line: that they judged a model of, None for any.
            since: with its time zone.

        Raises:
            HistoryError: it cannot be read.
        """
        query = sa.select(_RUN).order_by(_RUN.c.started, _RUN.c.id)
        if since is not None:
            query = query.where(_RUN.c.started >= since.astimezone(dt.UTC).replace(tzinfo=None))
        if line is not None:
            query = query.where(_RUN.c.id.in_(sa.select(_MODEL.c.run_id).where(_MODEL.c.line == line)))
        with self._explained(), self._engine.connect() as connection:
            found = list(connection.execute(query).mappings())
            ids = [row["id"] for row in found]
            models = _by_run(connection, _MODEL, ids)
            datasets = _by_run(connection, _DATASET, ids)
            counts = _by_run(connection, _COUNT, ids)
        return [
            Recorded(
                id=row["id"],
                started=row["started"].replace(tzinfo=dt.UTC),
                folder=row["folder"],
                commit=row["commit_hash"],
                dirty=row["dirty"],
                facecheck=f"{row['facecheck']} {row['sources'][:12]}",
                machine=json.loads(row["machine"]),
                models={each["model"]: each for each in models.get(row["id"], ())},
                datasets={
                    each["dataset"]: f"{each['digest']} {each['content']}" for each in datasets.get(row["id"], ())
                },
                counts={(each["kind"], each["outcome"]): 0 for each in counts.get(row["id"], ())}
                | _summed(counts.get(row["id"], ())),
            )
            for row in found
        ]

    def folders(self) -> set[str]:
        """Return the names of the folders that the runs were written to."""
        with self._explained(), self._engine.connect() as connection:
            return {Path(folder).name for folder in connection.execute(sa.select(_RUN.c.folder)).scalars()}

    def lines(self) -> list[str]:
        """Return the names of all model lines."""
        with self._explained(), self._engine.connect() as connection:
            return sorted(connection.execute(sa.select(_MODEL.c.line).distinct()).scalars())

    def points(self, *, line: str | None = None, name: str | None = None, dataset: str | None = None) -> list[Point]:
        """Return measurements, those of the oldest run first.

        Args:
            line: of the model.
            name: of the metric.
            dataset: name of the data set.

        Raises:
            HistoryError: it cannot be read.
        """
        query = (
            sa.select(_VALUE, _SERIES.c.eval, _SERIES.c.dataset, _SERIES.c.name, _SERIES.c.conditions)
            .join(_SERIES, _SERIES.c.id == _VALUE.c.series_id)
            .join(_RUN, _RUN.c.id == _VALUE.c.run_id)
            .join(_MODEL, (_MODEL.c.run_id == _VALUE.c.run_id) & (_MODEL.c.model == _VALUE.c.model))
            .order_by(_RUN.c.started, _RUN.c.id)
        )
        for column, given in ((_MODEL.c.line, line), (_SERIES.c.name, name), (_SERIES.c.dataset, dataset)):
            if given is not None:
                query = query.where(column == given)
        with self._explained(), self._engine.connect() as connection:
            rows = list(connection.execute(query).mappings())
        return [
            Point(
                run=row["run_id"],
                model=row["model"],
                eval=row["eval"],
                dataset=row["dataset"],
                name=row["name"],
                conditions=Conditions.of_json(json.loads(row["conditions"])),
                value=row["value"],
                low=row["low"],
                high=row["high"],
                n=row["n"],
            )
            for row in rows
        ]


def _engine(url: sa.URL, wait_s: float) -> sa.Engine:
    if url.get_backend_name() != "sqlite":
        # Without it a database of Postgres's own "SQL_ASCII" would answer with bytes.
        more = {"client_encoding": "utf8"} if url.get_backend_name() == "postgresql" else {}
        return sa.create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": int(max(2, wait_s)), **more})
    engine = sa.create_engine(url, connect_args={"timeout": wait_s})

    # Python's sqlite3 would begin a transaction at the first write only: two readers that both go on to write clash.
    @event.listens_for(engine, "connect")
    def _plain(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _at_once(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _bring_up_to_date(connection: sa.Connection, shown: str) -> None:
    newest = max((_FIRST, *MIGRATIONS))
    if not sa.inspect(connection).has_table(_VERSION.name):
        _TABLES.create_all(connection)
        connection.execute(sa.insert(_VERSION), [{"version": newest}])
        return
    version = int(connection.execute(sa.select(_VERSION.c.version)).scalar_one())
    if version > newest:
        raise HistoryError(f"history {shown}: written by a newer facecheck (schema {version}): upgrade")
    for step in range(version + 1, newest + 1):
        for statement in MIGRATIONS[step]:
            connection.execute(sa.text(statement))
    connection.execute(sa.update(_VERSION).values(version=newest))


def _by_run(connection: sa.Connection, table: sa.Table, ids: Sequence[str]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for start in range(0, len(ids), _AT_ONCE):
        query = sa.select(table).where(table.c.run_id.in_(ids[start : start + _AT_ONCE]))
        for row in connection.execute(query).mappings():
            found.setdefault(row["run_id"], []).append(dict(row))
    return found


def _summed(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    total: Counter[tuple[str, str]] = Counter()
    for row in rows:
        total[row["kind"], row["outcome"]] += row["count"]
    return dict(total)


# What is kept of a run.


def _rows_of(run: Run, folder: Path) -> dict[sa.Table, list[dict[str, Any]]]:
    code = run.signature.code
    measured = [m for m in run.measurements if m.conditions.fold is None and m.conditions.failures != "left out"]
    series = {_series_id(m): m for m in measured}
    values = {(m.model, _series_id(m)): m for m in measured}
    machine = {key: getattr(run.signature.machine, key) for key in ("processor", "cores", "device", "precision")}
    return {
        _SERIES: [
            {"id": key, "eval": m.eval, "dataset": m.dataset, "name": m.name, "conditions": _conditions(m)}
            for key, m in series.items()
        ],
        _RUN: [
            {
                "id": run.id,
                "started": _utc(run.started),
                "duration_s": run.duration_s,
                "folder": str(folder.resolve()),
                "commit_hash": code.repository.commit if code.repository else "",
                "dirty": bool(code.repository and code.repository.dirty),
                "facecheck": code.facecheck,
                "sources": code.sources,
                "machine": json.dumps(machine),
                "libraries": json.dumps(dict(run.signature.libraries)),
            }
        ],
        _MODEL: [{"run_id": run.id, **_model_row(model)} for model in run.signature.models],
        _DATASET: [
            {
                "run_id": run.id,
                "dataset": each.name,
                "digest": each.digest,
                "content": each.content,
                "sampled": each.sampled,
                "comparisons": each.comparisons,
                "people": each.people,
            }
            for each in run.signature.datasets
        ],
        _COUNT: [
            {"run_id": run.id, "kind": kind, "about": about, "outcome": outcome, "count": count}
            for (kind, about, outcome), count in _counts(run).items()
        ],
        _VALUE: [
            {
                "run_id": run.id,
                "model": model,
                "series_id": key,
                "value": m.value,
                "low": m.low,
                "high": m.high,
                "n": m.n,
            }
            for (model, key), m in values.items()
        ],
    }


def _model_row(model: ModelSignature) -> dict[str, str]:
    return {
        "model": model.name,
        "line": model.in_line,
        "spec": model.spec,
        "weights": str(model.contract.get("weights_sha256") or ""),
        "fingerprint": model.fingerprint,
        "device": model.device,
        "precision_": model.precision,
    }


def _counts(run: Run) -> Counter[tuple[str, str, str]]:
    verdicts = (("verdict", verdict.eval, verdict.outcome) for verdict in run.verdicts)
    changes = (("change", each.model, change.outcome) for each in run.against for change in each.changes)
    return Counter((*verdicts, *changes))


def _conditions(m: Measurement) -> str:
    return json.dumps(m.conditions.as_json(), sort_keys=True)


def _series_id(m: Measurement) -> str:
    return hashlib.sha256(json.dumps([m.eval, m.dataset, m.name, _conditions(m)]).encode()).hexdigest()[:16]


def _utc(started: str) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(started).astimezone(dt.UTC).replace(tzinfo=None)
    except ValueError as error:
        raise FacecheckError(f"{started!r} is no time of a run: expected ISO 8601") from error
