"""The file of limits: what users were promised, for people to review. A run never changes it."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from facecheck.errors import FacecheckError, nearest
from facecheck.gate.margins import MARGINS, Margin, Margins
from facecheck.results.catalogue import METRICS
from facecheck.results.conditions import Conditions
from facecheck.results.verdict import Limit
from facecheck.storage.files import opened_regular

__all__ = ["LimitsError", "read_limits", "read_margins", "usual_margins"]

_USUAL = Path("evals/limits.toml")

_BOUNDS = ("at_least", "at_most")
_LEVEL = re.compile(r"\d+(\.\d+)?")
_MOST = 1e300
_MOST_BYTES = 2**24  # of a file that people review
_KEYS = frozenset({"eval", "name", "where", "why", *_BOUNDS})
_OF_MARGIN = frozenset({"name", "tolerate", "why", "where"})
_ALL = {"limit", "sweep", "margin"}
_NEARLY = 0.8  # of a name's letters, from which another is taken for a slip of the pen
_SHOWN = 100  # letters of a value that is refused
# The metrics that are differences of fractions; the others of that unit lie between 0 and 1.
_SIGNED = frozenset({"accuracy_change"})


class LimitsError(FacecheckError):
    """The file of limits cannot be used."""


def read_limits(path: Path) -> tuple[Limit, ...]:
    """Read a file of ``[[limit]]`` tables, and of ``[[sweep]]`` tables that hold a bound a corruption and level.

    A sweep is written ``at_least.fog = { 1 = 0.97, "2.5" = 0.93 }``, and stands for a limit for each number.

    Raises:
        LimitsError: the file is missing or malformed, or a limit has not exactly the known keys.
    """
    content = _parsed(path)
    limits = _tables(path, content, "limit")
    tables = [*limits, *_spread(path, _tables(path, content, "sweep"))]
    if not tables or set(content) - _ALL:
        others = ", ".join(sorted(set(content) - _ALL))
        found = f": {others[:_SHOWN]}" if others else ""
        raise LimitsError(
            f"{path}: expected at least one [[limit]] table, [[sweep]] and [[margin]] tables, and nothing else{found}"
        )
    return tuple(_limit(path, number, table) for number, table in enumerate(tables, 1))


def read_margins(path: Path) -> Margins:
    """Read the ``[[margin]]`` tables of a file of limits: ``name``, ``tolerate``, ``why`` and perhaps ``where``.

    Raises:
        LimitsError: the file is missing or malformed, or a margin has other keys or is no loss.
    """
    tables = _tables(path, _parsed(path), "margin")
    return Margins(tuple(_margin(f"{path}, margin {number}", table) for number, table in enumerate(tables, 1)))


def usual_margins() -> Margins:
    """Return the margins of ``evals/limits.toml`` in the working directory, the defaults where it is not there.

    Raises:
        LimitsError: the file is malformed.
    """
    return read_margins(_USUAL) if _USUAL.is_file() else Margins()


def _margin(place: str, table: Mapping[str, object]) -> Margin:
    if set(table) - _OF_MARGIN or not table.keys() >= _OF_MARGIN - {"where"}:
        raise LimitsError(f"{place}: expected name, tolerate, why, and perhaps where")
    name = _text(place, table, "name")
    if name not in MARGINS:
        raise LimitsError(f"{place}: {name[:_SHOWN]!r} is not compared with a baseline. {nearest(name, MARGINS)}")
    tolerate = _bound(place, "tolerate", table["tolerate"], name)
    if tolerate < 0:
        raise LimitsError(f"{place}: tolerate = {tolerate:g}: expected a loss, 0 or more")
    where = _where(place, table)
    return Margin(
        name=name,
        tolerate=tolerate,
        why=_text(place, table, "why"),
        model=_text(place, where, "model") if "model" in where else None,
        dataset=_text(place, where, "dataset") if "dataset" in where else None,
        where=_conditions(place, where),
    )


def _parsed(path: Path) -> dict[str, object]:
    try:
        with opened_regular(path, most=_MOST_BYTES) as stream:
            content = stream.read()
        return tomllib.loads(_decoded(content))
    except (OSError, ValueError) as error:
        raise LimitsError(f"{path}: cannot be read as TOML: {error}") from error
    except RecursionError as error:
        raise LimitsError(f"{path}: cannot be read as TOML: its values are nested too deeply") from error


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError("it is UTF-16: save it as UTF-8")
    return content.decode("utf-8-sig")


def _tables(path: Path, content: Mapping[str, object], key: str) -> list[dict[str, object]]:
    """Return the tables of a name; what else has the name would be dropped in silence."""
    found = content.get(key, [])
    if isinstance(found, list) and all(isinstance(table, dict) for table in found):
        return found
    kind = "one table" if isinstance(found, dict) else repr(found)[:_SHOWN]
    raise LimitsError(
        f"{path}: {key} is {kind}: expected at least one [[limit]] table, and [[sweep]] tables, each under its name in "
        f"two brackets, [[{key}]]"
    )


def _spread(path: Path, sweeps: list[dict[str, object]]) -> Iterator[dict[str, object]]:
    """Write out each sweep as the tables of the limits that it stands for."""
    for number, sweep in enumerate(sweeps, 1):
        rest = {key: value for key, value in sweep.items() if key not in _BOUNDS}
        where = rest.get("where", {})
        if not any(sweep.get(kind) for kind in _BOUNDS):
            raise LimitsError(
                f"{path}, sweep {number}: holds no bound: expected at_least.CORRUPTION = {{ LEVEL = BOUND, ... }}, or "
                "at_most"
            )
        for kind in _BOUNDS:
            by_corruption = sweep.get(kind, {})
            if not isinstance(by_corruption, dict) or not isinstance(where, dict):
                raise LimitsError(f"{path}, sweep {number}: expected {kind}.CORRUPTION = {{ LEVEL = BOUND, ... }}")
            for corruption, by_level in by_corruption.items():
                yield from _levels(f"{path}, sweep {number}", kind, {**rest, "where": where}, corruption, by_level)


def _levels(
    place: str, kind: str, rest: dict[str, object], corruption: str, by_level: object
) -> Iterator[dict[str, object]]:
    if not isinstance(by_level, dict) or not by_level or not all(_LEVEL.fullmatch(level) for level in by_level):
        raise LimitsError(f"{place}: expected {kind}.{corruption} = {{ LEVEL = BOUND, ... }}, not {by_level!r}")
    if any(isinstance(bound, dict) for bound in by_level.values()):
        raise LimitsError(f'{place}, {kind}.{corruption}: a level with a point stands in quotes, such as "2.5" = 0.9')
    for level, bound in by_level.items():
        where = {**rest["where"], "corruption": corruption, "level": float(level)}  # type: ignore[dict-item]
        yield {**rest, kind: bound, "where": where}


def _limit(path: Path, number: int, table: Mapping[str, object]) -> Limit:
    place = f"{path}, limit {number}"
    bounds = [key for key in _BOUNDS if key in table]
    if set(table) - _KEYS or len(bounds) != 1 or not {"eval", "name", "why"} <= table.keys():
        unknown = "".join(f"; not {key!r}" for key in sorted(set(table) - _KEYS)[:1])
        raise LimitsError(
            f"{place}: expected eval, name, why, one of at_least and at_most, and perhaps where{unknown[:_SHOWN]}"
        )
    eval_name, name, why = (_text(place, table, key) for key in ("eval", "name", "why"))
    if name not in METRICS:
        raise LimitsError(f"{place}: {name[:_SHOWN]!r} is no measurement's name. {nearest(name, METRICS)}")
    where = _where(place, table)
    return Limit(
        eval=eval_name,
        name=name,
        bound=_bound(place, bounds[0], table[bounds[0]], name),
        upper=bounds[0] == "at_most",
        why=why,
        model=_text(place, where, "model") if "model" in where else None,
        dataset=_text(place, where, "dataset") if "dataset" in where else None,
        where=_conditions(place, where),
    )


def _where(place: str, table: Mapping[str, object]) -> dict[str, object]:
    where = table.get("where", {})
    if not isinstance(where, dict):
        raise LimitsError(
            f"{place}: where must be a table, not {_shown(where)}: expected where = {{ model = ..., ... }}"
        )
    return where


def _text(place: str, table: Mapping[str, object], key: str) -> str:
    found = table[key]
    if not isinstance(found, str) or not found.strip():
        what = ": that is no measurement's name" if key == "name" else ""
        raise LimitsError(f"{place}: {key} must be text, not {_shown(found)}{what}")
    return found


def _shown(value: object) -> str:
    return repr(value)[:_SHOWN]


def _bound(place: str, kind: str, bound: object, name: str) -> float:
    if isinstance(bound, bool) or not isinstance(bound, int | float) or not abs(bound) <= _MOST:
        raise LimitsError(f"{place}: {kind} must be a number, not {_shown(bound)}")
    if METRICS[name].unit == "fraction" and not (-1 if name in _SIGNED else 0) <= bound <= 1:
        raise LimitsError(
            f"{place}: {kind} = {bound:g}: {name} is a fraction, at most 1. Is it a percentage? Then divide by 100"
        )
    return float(bound)


def _conditions(place: str, where: Mapping[str, object]) -> Conditions:
    try:
        conditions = Conditions.of_json(where, beside=("model", "dataset"))
        if conditions.corruption is not None:
            _check_corruption(conditions.corruption, conditions.level)
    except FacecheckError as error:
        raise LimitsError(f"{place}: where: {error}") from error
    return conditions


def _check_corruption(name: str, level: float | None) -> None:
    """Refuse a name that is nearly a corruption's, and a level at which it is not defined: no run can measure them.

    An eval of a team's own may measure under a name of its own.
    """
    from facecheck.corruptions import CORRUPTIONS, Applied  # noqa: PLC0415 - OpenCV comes with it

    if ":" in name:  # a composition, whose name holds its levels
        spelt = Applied.parse(name).identity
        if spelt != name:
            raise FacecheckError(f"corruption {name!r} never occurs: it is spelt {spelt!r}")
    elif name in CORRUPTIONS or difflib.get_close_matches(name, CORRUPTIONS, cutoff=_NEARLY):
        Applied(name, 0.0 if level is None else level)
