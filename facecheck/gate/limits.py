"""Judging a measurement against a promise.

A *limit* is what users were promised. It stands in a file that people review, and a measurement that is
worse fails. A run on a sample of the comparisons is judged leniently and says so: it fails when its whole
interval is worse than the limit, the interval widened so that a run of fifty cases raises a false alarm no more
often than a single one would.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from facecheck.errors import FacecheckError, nearest
from facecheck.results.catalogue import METRICS
from facecheck.results.run import Measurement

__all__ = ["Limit", "LimitsError", "NoLimitError", "Verdict", "judge", "judge_all", "read_limits"]

_BOUNDS = ("at_least", "at_most")
_LEVEL = re.compile(r"\d+(\.\d+)?")
_MOST = 1e300
# Half-width of a two-sided interval at 1 - 0.05/50 over that at 0.95, both of the normal (Bonferroni).
_FIFTY_CASES = 3.2905 / 1.9600
# What a measurement can be told apart by: a misspelt key would match nothing, and a laxer limit decide.
_WHERE = frozenset(
    {"model", "dataset", "threshold", "failures", "far", "yaw_rad", "yaw_difference_rad", "corruption", "level", "fold"}
    | {"stage", "batch", "severity"}
)


class LimitsError(FacecheckError):
    """The file of limits cannot be used, or has none where one is needed."""


class NoLimitError(LimitsError):
    """Nobody has promised anything about a measurement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A promise about measurements of one name.

    Args:
        eval: the eval that it belongs to.
        name: of the measurement.
        bound: the value that must be reached or not be passed.
        upper: True if values above the bound fail, False if values below do.
        where: what a measurement's model, dataset and conditions must be; empty matches any.
        why: the reason for the number.
    """

    eval: str
    name: str
    bound: float
    upper: bool
    where: Mapping[str, str | float]
    why: str

    def covers(self, measurement: Measurement) -> bool:
        """Say whether this limit speaks of that measurement."""
        known = {"model": measurement.model, "dataset": measurement.dataset, **measurement.conditions}
        return (self.eval, self.name) == (measurement.eval, measurement.name) and all(
            known.get(key) == value for key, value in self.where.items()
        )

    def kept_by(self, value: float) -> bool:
        """Say whether a value keeps the promise; NaN does not."""
        return value <= self.bound if self.upper else value >= self.bound


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome with a reason that a person can act on."""

    outcome: Literal["passed", "failed"]
    reason: str

    @property
    def passed(self) -> bool:
        """Whether the promise was kept."""
        return self.outcome == "passed"


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
    unknown = set(where) - _WHERE
    if unknown:
        slip = min(unknown)
        raise LimitsError(f"{place}: where has {slip!r}. {nearest(slip, sorted(_WHERE))}")
    return Limit(
        eval=str(table["eval"]),
        name=str(table["name"]),
        bound=float(bound),
        upper=bounds[0] == "at_most",
        where=where,
        why=str(table["why"]),
    )


def judge(measurement: Measurement, limits: tuple[Limit, ...], *, sampled: bool) -> Verdict:
    """Judge a measurement by the most specific limit that covers it; of equals, the last in the file.

    Args:
        measurement: what was measured.
        limits: of the file.
        sampled: whether only a part of the comparisons was made.

    Raises:
        NoLimitError: no limit covers it.
    """
    covering = [limit for limit in limits if limit.covers(measurement)]
    if not covering:
        raise NoLimitError(
            f"no limit for {measurement.eval}.{measurement.name} of {measurement.model} on {measurement.dataset} "
            f"{dict(measurement.conditions)}: add a [[limit]] to the limits' file; 'facecheck limits' proposes some"
        )
    limit = max(reversed(covering), key=lambda each: len(each.where))
    end = measurement.low if limit.upper else measurement.high
    favourable = measurement.value + _FIFTY_CASES * (end - measurement.value)
    lenient = sampled and not math.isnan(measurement.value) and limit.kept_by(favourable)
    kept = limit.kept_by(measurement.value) or lenient
    return Verdict("passed" if kept else "failed", _reason(measurement, limit, kept=kept, sampled=sampled))


def judge_all(measurements: list[Measurement], limits: tuple[Limit, ...], *, sampled: bool) -> Verdict:
    """Judge several at once: passed if all are; the reason names those that are not.

    Raises:
        LimitsError: nothing to judge, or no limit covers one of them.
    """
    if not measurements:
        raise LimitsError("nothing was measured, so nothing can be judged")
    verdicts = [judge(measurement, limits, sampled=sampled) for measurement in measurements]
    failed = [verdict.reason for verdict in verdicts if not verdict.passed]
    if failed:
        return Verdict("failed", "\n".join(failed))
    return Verdict("passed", "\n".join(verdict.reason for verdict in verdicts))


def _reason(measurement: Measurement, limit: Limit, *, kept: bool, sampled: bool) -> str:
    m = measurement
    conditions = ", ".join(f"{key} {value}" for key, value in m.conditions.items())
    what = f"{m.model} on {m.dataset}: {m.name} {m.value:.4f} [{m.low:.4f}, {m.high:.4f}] (n = {m.n}"
    promise = f"{'at most' if limit.upper else 'at least'} {limit.bound:g}"
    by = f", missed by {abs(m.value - limit.bound):.4f}" if not limit.kept_by(m.value) else ""
    sample = "; judged by its interval, widened for fifty cases, since this is a sample" if sampled and by else ""
    tail = f"{what}{', ' + conditions if conditions else ''}), promised {promise}{by}{sample}"
    return tail if kept else f"{tail}. The promise: {limit.why}"
