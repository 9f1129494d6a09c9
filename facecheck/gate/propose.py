"""Limits proposed from a run: what a person may take into the limits' file after looking at each number.

A bound lies a part of the way from the measured value to the far end of its interval. The interval says how far
another sample of people could lie; the same model on the same pairs measures the same again, so that on fixed
data a small part of the way is enough, as long as two comparisons may change sides between machines.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from facecheck.results.catalogue import METRICS
from facecheck.results.measurement import Measurement
from facecheck.specs import spelt_number

__all__ = ["proposed"]

_STEP = 1000  # bounds are multiples of 1/1000
_CHANGING_SIDES = 2.5  # comparisons
_COUNTED = ("levels_before_collapse",)
# What sets no limit apart: the cases judge one view of failures, and a severity goes with its level.
_SILENT = ("failures", "severity", "reference", "corruption", "level")


def proposed(judged: Sequence[Measurement], *, reason: str, slack: float = 0.5, any_model: bool = False) -> str:
    """Return limits for measurements, in the form of the limits' file.

    Args:
        judged: the measurements that a run's verdicts rest on.
        reason: written beside each.
        slack: how far a bound lies from the value towards the far end of its interval, 0 to 1.
        any_model: leave the model out and take the weakest, for models that have no limits of their own.
    """
    groups: dict[str, list[Measurement]] = defaultdict(list)
    for measurement in judged:
        groups[_place(measurement, any_model=any_model)].append(measurement)
    return "\n\n".join("\n".join(_table(place, group, reason, slack)) for place, group in sorted(groups.items())) + "\n"


def _place(measurement: Measurement, *, any_model: bool) -> str:
    model = {} if any_model else {"model": measurement.model}
    told = measurement.conditions.without(*_SILENT).as_json()
    where = ", ".join(
        f"{key} = {json.dumps(value)}" for key, value in {"dataset": measurement.dataset, **model, **told}.items()
    )
    kind = "limit" if measurement.conditions.level is None else "sweep"
    corruption = measurement.conditions.corruption if kind == "limit" else None
    where += f", corruption = {json.dumps(corruption)}" if corruption else ""
    return f'[[{kind}]]\neval = "{measurement.eval}"\nname = "{measurement.name}"\nwhere = {{ {where} }}'


def _table(place: str, group: Iterable[Measurement], reason: str, slack: float) -> Iterator[str]:
    yield place
    yield f"why = {json.dumps(reason)}"
    by_corruption: dict[str, dict[float, list[Measurement]]] = defaultdict(lambda: defaultdict(list))
    for m in group:
        by_corruption[m.conditions.corruption or ""][m.conditions.level or 0.0].append(m)
    for corruption, levels in by_corruption.items():
        bounds = {level: _weakest(found, slack) for level, found in levels.items()}
        kind = _kind(next(iter(levels.values()))[0])
        if "[[limit]]" in place:
            (bound,) = bounds.values()
            yield f"{kind} = {bound:g}"
        else:
            by_level = ", ".join(f"{_key(spelt_number(level))} = {bound:g}" for level, bound in bounds.items())
            yield f"{kind}.{_key(corruption)} = {{ {by_level} }}"


def _key(text: str) -> str:
    """Return a text as a key of TOML, in which a point would separate two keys and a colon is not allowed."""
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else json.dumps(text)


def _kind(measurement: Measurement) -> str:
    return "at_least" if METRICS[measurement.name].better == "higher" else "at_most"


def _weakest(found: Sequence[Measurement], slack: float) -> float:
    bounds = [_bound(measurement, slack) for measurement in found]
    return min(bounds) if _kind(found[0]) == "at_least" else max(bounds)


def _bound(measurement: Measurement, slack: float) -> float:
    value = measurement.value
    if measurement.name in _COUNTED:
        return value
    fraction = METRICS[measurement.name].unit == "fraction"
    least = _CHANGING_SIDES / measurement.n if fraction else 0.0
    if _kind(measurement) == "at_least":
        return max(0.0, math.floor((value - max(least, slack * (value - measurement.low))) * _STEP) / _STEP)
    bound = math.ceil((value + max(least, slack * (measurement.high - value))) * _STEP) / _STEP
    return min(1.0, bound) if fraction else bound
