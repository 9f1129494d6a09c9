"""The similarity of every pair behind a run's measurements: a file for each model, data set and corruption.

Nothing is pickled. Graphs are drawn again, and two runs compared pair by pair, from these files.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facecheck.errors import FacecheckError
from facecheck.faces import Pairs
from facecheck.metrics.scores import Scores

__all__ = ["ScoredPairs", "load_scores", "save_scores"]


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
