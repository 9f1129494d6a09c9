"""The file of limits: what users were promised, for people to review. A run never changes it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from facecheck.errors import FacecheckError
from facecheck.results.catalogue import METRICS
from facecheck.results.conditions import Conditions
from facecheck.results.verdict import Limit

__all__ = ["LimitsError", "read_limits"]

_BOUNDS = ("at_least", "at_most")
_LEVEL = re.compile(r"\d+(\.\d+)?")
_MOST = 1e300


class LimitsError(FacecheckError):
    """The file of limits cannot be used."""


def read_limits(path: Path) -> tuple[Limit, ...]:
    """Read a file of ``[[limit]]`` tables, and of ``[[sweep]]`` tables that hold a bound a corruption and level.

    A sweep is written ``at_least.fog = { 1 = 0.97, "2.5" = 0.93 }``, and stands for a limit for each number.

    Raises:
        LimitsError: the file is missing or malformed, or a limit has not exactly the known keys.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LimitsError(f"{path}: cannot be read as TOML: {error}") from error
    tables = [*_tables(content.get("limit", [])), *_spread(path, _tables(content.get("sweep", [])))]
    if not tables or set(content) - {"limit", "sweep"}:
        raise LimitsError(f"{path}: expected at least one [[limit]] table, [[sweep]] tables, and nothing else")
    return tuple(_limit(path, number, table) for number, table in enumerate(tables, 1))


def _tables(found: object) -> list[dict[str, object]]:
    return found if isinstance(found, list) and all(isinstance(table, dict) for table in found) else []


def _spread(path: Path, sweeps: list[dict[str, object]]) -> Iterator[dict[str, object]]:
    """Write out each sweep as the tables of the limits that it stands for."""
    for number, sweep in enumerate(sweeps, 1):
        rest = {key: value for key, value in sweep.items() if key not in _BOUNDS}
        where = rest.get("where", {})
        for kind in _BOUNDS:
            by_corruption = sweep.get(kind, {})
            if not isinstance(by_corruption, dict) or not isinstance(where, dict):
                raise LimitsError(f"{path}, sweep {number}: expected {kind}.CORRUPTION = {{ LEVEL = BOUND, ... }}")
            for corruption, by_level in by_corruption.items():
                yield from _levels(f"{path}, sweep {number}", kind, {**rest, "where": where}, corruption, by_level)


def _levels(
    place: str, kind: str, rest: dict[str, object], corruption: str, by_level: object
) -> Iterator[dict[str, object]]:
    if not isinstance(by_level, dict) or not all(_LEVEL.fullmatch(level) for level in by_level):
        raise LimitsError(f"{place}: expected {kind}.{corruption} = {{ LEVEL = BOUND, ... }}, not {by_level!r}")
    if any(isinstance(bound, dict) for bound in by_level.values()):
        raise LimitsError(f'{place}, {kind}.{corruption}: a level with a point stands in quotes, such as "2.5" = 0.9')
    for level, bound in by_level.items():
        where = {**rest["where"], "corruption": corruption, "level": float(level)}  # type: ignore[dict-item]
        yield {**rest, kind: bound, "where": where}


def _limit(path: Path, number: int, table: Mapping[str, object]) -> Limit:
    place = f"{path}, limit {number}"
    unknown = set(table) - {"eval", "name", "where", "why", *_BOUNDS}
    bounds = [key for key in _BOUNDS if key in table]
    if unknown or len(bounds) != 1 or not {"eval", "name", "why"} <= table.keys():
        raise LimitsError(f"{place}: expected eval, name, why, one of at_least and at_most, and perhaps where")
    bound, where = table[bounds[0]], table.get("where", {})
    if isinstance(bound, bool) or not isinstance(bound, int | float) or not abs(bound) <= _MOST:
        raise LimitsError(f"{place}: {bounds[0]} must be a number, not {bound!r}")
    if str(table["name"]) not in METRICS or not isinstance(where, dict):
        raise LimitsError(f"{place}: {table['name']!r} is no measurement's name, or where is no table")
    model, dataset = (_name(place, where, key) for key in ("model", "dataset"))
    try:
        conditions = Conditions.of_json(where, beside=("model", "dataset"))
    except FacecheckError as error:
        raise LimitsError(f"{place}: where: {error}") from error
    return Limit(
        eval=str(table["eval"]),
        name=str(table["name"]),
        bound=float(bound),
        upper=bounds[0] == "at_most",
        why=str(table["why"]),
        model=model,
        dataset=dataset,
        where=conditions,
    )


def _name(place: str, where: Mapping[str, object], key: str) -> str | None:
    name = where.get(key)
    if name is not None and not isinstance(name, str):
        raise LimitsError(f"{place}: where: {key} must be text, not {name!r}")
    return name
