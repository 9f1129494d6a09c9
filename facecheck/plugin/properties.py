"""The numbers of a case as properties of its test in JUnit XML, one name and one plain value each.

pytest writes a report's ``user_properties`` into ``--junitxml``. What a case keeps is JSON in there, which no reader of
JUnit understands, and names the images that failed; it is taken out, and these come in its place. The reports arrive in
the process that writes the file, so that they are the same from any number of xdist workers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from facecheck.errors import printable

__all__ = ["PREFIX", "properties"]

PREFIX = "facecheck."


def properties(kept: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return what a case kept as properties: eval, model, data set, verdict, and every number under its own name.

    A measurement is ``facecheck.NAME[KEY=VALUE;...]``, its conditions in brackets, followed by ``.value``; one that was
    judged has ``.low``, ``.high``, ``.n``, ``.outcome``, and, where a limit applies, ``.limit`` and ``.margin`` too.

    Args:
        kept: entries of one kind each, as :class:`facecheck.plugin.record.Record` keeps them.

    >>> measured = {"name": "fnmr", "value": 0.25, "low": 0.1, "high": 0.4, "n": 8, "model": "dlib", "dataset": "faces",
    ...             "conditions": {"threshold": "clean", "far": None}}
    >>> properties([{"measurement": measured}])[-1]
    ('facecheck.fnmr[threshold=clean].value', '0.25')
    """
    entries = list(kept)
    measured = [entry["measurement"] for entry in entries if "measurement" in entry]
    verdicts = [entry["verdict"] for entry in entries if "verdict" in entry]
    found: dict[str, object] = {}
    for kind in ("model", "dataset"):
        found |= {f"{PREFIX}{kind}": entry[kind].get("name", "") for entry in entries if kind in entry}
    found |= {f"{PREFIX}{_named(each)}.value": each["value"] for each in measured}
    for verdict in verdicts:
        found[f"{PREFIX}verdict"] = verdict["outcome"]
        for judgement in verdict["judgements"]:
            found |= _judged(judgement)
    return [(printable(name), _spelt(value)) for name, value in found.items()]


def _judged(judgement: Mapping[str, Any]) -> dict[str, object]:
    measured, limit = judgement["measurement"], judgement.get("limit")
    stem = f"{PREFIX}{_named(measured)}"
    numbers: dict[str, object] = {f"{stem}.{key}": measured[key] for key in ("value", "low", "high", "n")}
    numbers[f"{stem}.outcome"] = judgement["outcome"]
    if limit is not None:
        numbers[f"{stem}.limit"] = f"{'<=' if limit['upper'] else '>='} {_spelt(limit['bound'])}"
        numbers[f"{stem}.margin"] = judgement["margin"]
    return numbers


def _named(measured: Mapping[str, Any]) -> str:
    """Return the metric with its conditions, as ``fnmr[corruption=blur;level=2.0]``."""
    given = {key: value for key, value in measured["conditions"].items() if value is not None}
    told = ";".join(f"{key}={value}" for key, value in given.items())
    return f"{measured['name']}[{told}]" if told else str(measured["name"])


def _spelt(value: object) -> str:
    """Return a number with all of its digits, a text without what XML cannot hold."""
    if isinstance(value, float) and math.isfinite(value):
        return json.dumps(value)
    return printable(str(value))
