"""What a run leaves: measurements, verdicts, signature, and the scores of every pair, in one folder.

``results.json`` holds what was measured, ``scores/*.npz`` what it was measured from, so that graphs can be
drawn again and two runs be compared pair by pair. Nothing is pickled.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facecheck.errors import FacecheckError
from facecheck.faces import Pairs
from facecheck.measure import METRICS
from facecheck.scores import Scores

__all__ = ["Measurement", "Record", "ScoredPairs", "load_scores", "save_scores"]

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoredPairs:
    """The scores behind a measurement.

    Args:
        model: name of the recogniser.
        dataset: name of the data set.
        kind: of the data set.
        digest: of the data set; pairs of equal digests are the same pairs in the same order.
        condition: the corruption's identity.
        scores: n pairs.
        thresholds: ``(n,)`` that the pairs were judged at, on the similarity.
        yaw_difference_rad: ``(n,)``, NaN if unknown.
        names: of both images, ``(n, 2)`` text.
    """

    model: str
    dataset: str
    kind: str
    digest: str
    condition: str
    scores: Scores
    thresholds: npt.NDArray[np.float64]
    yaw_difference_rad: npt.NDArray[np.float64]
    names: npt.NDArray[np.str_]


def save_scores(folder: Path, scored: ScoredPairs, pairs: Pairs) -> Path:
    """Write one file of scores; several processes may write theirs at once.

    Args:
        folder: of the run.
        scored: to be written; its ``names`` are taken from ``pairs``.
        pairs: that were scored.
    """
    title = {key: getattr(scored, key) for key in ("model", "dataset", "kind", "digest", "condition")}
    path = folder / "scores" / f"{_file_name(title)}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        np.savez_compressed(
            stream,
            title=np.array(json.dumps(title)),
            similarity=scored.scores.similarity,
            who=scored.scores.who,
            thresholds=scored.thresholds,
            yaw_difference_rad=scored.yaw_difference_rad,
            images=np.array([face.source.name for face in pairs.faces]),
            indices=pairs.indices.astype(np.int32),
        )
    return path


def _file_name(title: Mapping[str, str]) -> str:
    words = "__".join(title[key] for key in ("model", "dataset", "condition"))
    exact = hashlib.sha256(json.dumps(title, sort_keys=True).encode()).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9_.=-]+', '-', words)[:100]}__{exact}"


def load_scores(folder: Path) -> Iterator[ScoredPairs]:
    """Yield every file of scores of a run, in the order of their names."""
    for path in sorted((folder / "scores").glob("*.npz")):
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
                scored = _scored(arrays)
        except (OSError, EOFError, ValueError, LookupError, TypeError, zipfile.BadZipFile, zlib.error) as error:
            raise FacecheckError(f"{path}: not scores of a facecheck run: {error}") from error
        yield scored


def _scored(arrays: Mapping[str, npt.NDArray[np.generic]]) -> ScoredPairs:
    title = json.loads(str(arrays["title"]))
    similarity = np.asarray(arrays["similarity"], dtype=np.float64)
    return ScoredPairs(
        **title,
        scores=Scores(similarity, np.asarray(arrays["who"], dtype=np.int64)),
        thresholds=np.asarray(arrays["thresholds"], dtype=np.float64),
        yaw_difference_rad=np.asarray(arrays["yaw_difference_rad"], dtype=np.float64),
        names=np.asarray(arrays["images"], dtype=np.str_)[np.asarray(arrays["indices"], dtype=np.int64)],
    )
