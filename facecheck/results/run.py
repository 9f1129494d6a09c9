"""A run that describes itself: what was measured, judged and found, by what, on what and when.

``results.json`` of the run's folder holds it, with a schema number; ``scores/*.npz`` beside it hold the similarity
of every pair. Nothing is pickled, and both are written whole or not at all.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from facecheck.errors import FacecheckError
from facecheck.results.change import Against
from facecheck.results.conditions import Conditions
from facecheck.results.measurement import Measurement
from facecheck.results.schema_1 import upgraded
from facecheck.results.signature import Signature
from facecheck.results.timed import Timed
from facecheck.results.verdict import Verdict
from facecheck.storage.files import opened_regular, write_text

__all__ = ["RESULTS", "SCHEMA", "FailedImage", "Failures", "Run", "new_run_id"]

SCHEMA = 2
RESULTS = "results.json"
_MOST_BYTES = 2**29  # of that file; five models on every sweep make some 5 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedImage:
    """An image that gave no embedding.

    Args:
        name: of the image.
        reason: why it could not be read; empty if no face was found in it.
    """

    name: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """The images of a data set that gave no embedding of a model under one corruption.

    Args:
        model: name of the recogniser.
        dataset: name of the data set.
        corrupted: identity of the corruption, ``clean`` if there was none.
        images: each with its reason.
    """

    model: str
    dataset: str
    corrupted: str
    images: tuple[FailedImage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run.

    Args:
        id: unique among all runs.
        started: time in ISO 8601 with its zone, empty if unknown.
        duration_s: seconds from start to end, None if unknown.
        signature: of models, data sets, code and machine.
        measurements: in the order in which they were made.
        verdicts: one a case.
        failures: images that gave no embedding.
        notes: what a person should know that is no verdict, such as the level at which distances collapse.
        questions: what each eval asks, by its name.
        scores: SHA-256 of each file of scores by its name.
        probes: SHA-256 of each file of vectors on fixed crops by its name.
        evidence: SHA-256 of each file of what stands behind an eval beside scores, by its name.
        timed: the rounds of each timing.
        against: each model against the baseline of its line.
        options: that it was given and that another run needs to repeat its cases, by name; a switch is empty.
        unattributed: judged measurements of a file of schema 1, which did not record by which verdict.
    """

    id: str = ""
    started: str = ""
    duration_s: float | None = None
    signature: Signature = field(default_factory=Signature)
    measurements: tuple[Measurement, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    failures: tuple[Failures, ...] = ()
    notes: tuple[str, ...] = ()
    questions: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, str] = field(default_factory=dict)
    probes: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, str] = field(default_factory=dict)
    timed: tuple[Timed, ...] = ()
    against: tuple[Against, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    unattributed: tuple[Measurement, ...] = ()

    @property
    def judged(self) -> tuple[Measurement, ...]:
        """The measurements that the verdicts rest on."""
        judgements = (judgement for verdict in self.verdicts for judgement in verdict.judgements)
        return (*(judgement.measurement for judgement in judgements), *self.unattributed)

    def as_json(self) -> dict[str, object]:
        """Return the content of ``results.json``; a judgement names its measurement by the position in the list."""
        positions: dict[Measurement, int] = {}
        for position, measurement in enumerate(self.measurements):
            positions.setdefault(measurement, position)
        content = {name: getattr(self, name) for name in _PLAIN}
        return {
            "schema": SCHEMA,
            **msgspec.to_builtins(content),
            "measurements": [measurement.as_json() for measurement in self.measurements],
            "verdicts": [_verdict_as_json(verdict, positions) for verdict in self.verdicts],
            "timed": [{**msgspec.to_builtins(each), "conditions": each.conditions.as_json()} for each in self.timed],
            "against": [each.as_json() for each in self.against],
            "unattributed": [measurement.as_json() for measurement in self.unattributed],
        }

    def write(self, folder: Path) -> Path:
        """Write ``results.json`` and return its path.

        Raises:
            ValueError: a number that JSON cannot hold.
            OSError: it cannot be written; a file that was there is as it was.
        """
        return write_text(folder / RESULTS, json.dumps(self.as_json(), indent=1, allow_nan=False) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Run:
        """Read a finished run, of this schema or an older one.

        Raises:
            FacecheckError: no results there, not facecheck's, damaged, or of a newer facecheck.
        """
        path = folder / RESULTS
        if not path.is_file():
            raise FacecheckError(
                f"{folder}: no run of facecheck: expected a folder with {RESULTS}, such as reports/latest"
            )
        try:
            with opened_regular(path, most=_MOST_BYTES) as stream:
                content = msgspec.json.decode(stream.read())
            schema = content.get("schema", 1)
            if schema in (1, SCHEMA):
                return cls._of_json(upgraded(content, folder) if schema == 1 else content)
        except (FacecheckError, OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise FacecheckError(f"{path}: not the results of a facecheck run: {error}") from error
        raise FacecheckError(
            f"{path}: written by a newer facecheck (schema {schema!r}; this one reads 1 and {SCHEMA}): upgrade"
        )

    @classmethod
    def _of_json(cls, content: dict[str, Any]) -> Run:
        for entry in (*content["measurements"], *content.get("unattributed", ())):
            Conditions.of_json(entry.get("conditions", {}))  # msgspec would leave out names that are not known
        for entry in (*content.get("timed", ()), *_changes(content)):
            Conditions.of_json(entry["conditions"])
        for judgement in (each for entry in content["verdicts"] for each in entry["judgements"]):
            Conditions.of_json((judgement.get("limit") or {}).get("where", {}))
        measurements = msgspec.convert(content["measurements"], tuple[Measurement, ...])
        verdicts = tuple(_verdict_of_json(entry, measurements) for entry in content["verdicts"])
        rest: Run = msgspec.convert({**content, "measurements": [], "verdicts": []}, cls)
        return dataclasses.replace(rest, measurements=measurements, verdicts=verdicts)


def _changes(content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for against in content.get("against", ()):
        yield from against["changes"]
        yield from against["timings"]


_PLAIN = (
    *("id", "started", "duration_s", "signature", "failures", "notes", "questions"),
    *("scores", "probes", "evidence", "options"),
)


def new_run_id(started: dt.datetime) -> str:
    """Return an id that sorts by time and that no other run has."""
    return f"{started.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def _verdict_as_json(verdict: Verdict, positions: Mapping[Measurement, int]) -> dict[str, object]:
    content: dict[str, Any] = msgspec.to_builtins(verdict)
    for entry, judgement in zip(content["judgements"], verdict.judgements, strict=True):
        entry["measurement"] = positions[judgement.measurement]
        if judgement.limit is not None:
            entry["limit"]["where"] = judgement.limit.where.as_json()
    return content


def _verdict_of_json(entry: Mapping[str, Any], measurements: tuple[Measurement, ...]) -> Verdict:
    numbered = dict(enumerate(measurements))  # counted from the end, a position would be another's
    for judgement in entry["judgements"]:
        if judgement.get("limit") is not None:
            Conditions.of_json(judgement["limit"].get("where", {}))  # as for measurements
    judgements = [{**judgement, "measurement": numbered[judgement["measurement"]]} for judgement in entry["judgements"]]
    return msgspec.convert({**entry, "judgements": judgements}, Verdict)
