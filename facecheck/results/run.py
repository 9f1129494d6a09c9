"""What a run leaves: measurements, verdicts, signature, and the scores of every pair, in one folder.

``results.json`` holds what was measured, ``scores/*.npz`` what it was measured from, so that graphs can be
drawn again and two runs be compared pair by pair. Nothing is pickled.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from facecheck.errors import FacecheckError
from facecheck.results.catalogue import METRICS

__all__ = ["Measurement", "Record"]

Conditions = Mapping[str, str | float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One number with all that it depends on.

    Args:
        eval: noun of the eval's file.
        name: of the metric, a key of ``METRICS``.
        value: measured.
        low: end of the 95 % interval.
        high: end of the 95 % interval.
        n: observations.
        model: name of the recogniser.
        dataset: name of the data set.
        conditions: what else sets it apart, such as corruption and level.
    """

    eval: str
    name: str
    value: float
    low: float
    high: float
    n: int
    model: str
    dataset: str
    conditions: Conditions

    def as_json(self) -> dict[str, object]:
        """Return the entry of ``results.json``."""
        metric = METRICS[self.name]
        return {**dataclasses.asdict(self), "unit": metric.unit, "better": metric.better}

    @classmethod
    def of_json(cls, entry: Mapping[str, object]) -> Measurement:
        """Return what :meth:`as_json` wrote."""
        fields = {field.name for field in dataclasses.fields(cls)}
        return cls(**{key: value for key, value in entry.items() if key in fields})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A run.

    Args:
        signature: of models, data sets and machine.
        measurements: in the order in which they were made.
        verdicts: one a case: eval, case, outcome, reason.
        failures: images that gave no vector, by ``model on dataset, condition``.
        judged: the measurements that verdicts rest on.
        notes: what a person should know that is no verdict, such as the level at which distances collapse.
    """

    signature: Mapping[str, object]
    measurements: Sequence[Measurement]
    verdicts: Sequence[Mapping[str, str]]
    failures: Mapping[str, Sequence[str]]
    judged: Sequence[Measurement] = ()
    notes: Sequence[str] = ()

    def write(self, folder: Path) -> Path:
        """Write ``results.json`` and return its path.

        Raises:
            ValueError: a number that JSON cannot hold.
        """
        content = {
            "signature": self.signature,
            "measurements": [measurement.as_json() for measurement in self.measurements],
            "verdicts": list(self.verdicts),
            "failures": self.failures,
            "judged": [measurement.as_json() for measurement in self.judged],
            "notes": list(self.notes),
        }
        path = folder / "results.json"
        path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        return path

    @classmethod
    def read(cls, folder: Path) -> Record:
        """Read the record of a finished run.

        Raises:
            FacecheckError: no results there, or not facecheck's.
        """
        path = folder / "results.json"
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                signature=content["signature"],
                measurements=[Measurement.of_json(entry) for entry in content["measurements"]],
                verdicts=content["verdicts"],
                failures=content.get("failures", {}),
                judged=tuple(Measurement.of_json(entry) for entry in content.get("judged", ())),
                notes=tuple(content.get("notes", ())),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise FacecheckError(f"{path}: not the results of a facecheck run: {error}") from error
