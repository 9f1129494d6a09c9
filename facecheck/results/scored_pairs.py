"""The similarity of every pair behind a run's measurements: a file for each model, data set and corruption.

Nothing is pickled. Graphs are drawn again, and two runs compared pair by pair, from these files.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from facecheck.errors import FacecheckError
from facecheck.faces import Pairs
from facecheck.faces.columns import names_of
from facecheck.metrics.scores import Scores
from facecheck.storage.files import file_stem, opened_regular, writing

__all__ = ["ScoredPairs", "hashes_of_scores", "load_scores", "save_scores"]

_MOST_BYTES = 2**31  # of a file; ten million pairs take some 200 MiB


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoredPairs:
    """The scores behind a measurement.

    Args:
        model: name of the recogniser.
        dataset: name of the data set.
        kind: of the data set.
        digest: of the data set; pairs of equal digests are the same pairs in the same order.
        condition: the corruption's identity.
        name: of the file, without its ending; empty for scores that are not written yet.
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
    name: str = ""

    @property
    def title(self) -> dict[str, str]:
        """What distinguishes the file from the others of a run."""
        return {key: getattr(self, key) for key in ("model", "dataset", "kind", "digest", "condition")}

    @property
    def file_name(self) -> str:
        """The name that the file gets, without its ending."""
        return _file_name(self.title)


def save_scores(folder: Path, scored: ScoredPairs, pairs: Pairs) -> str:
    """Write one file of scores and return its name; several processes may write theirs at once.

    Args:
        folder: of the run.
        scored: to be written; its ``names`` are taken from ``pairs``.
        pairs: that were scored.
    """
    path = _folder(folder) / f"{scored.file_name}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as stream:
        np.savez_compressed(
            stream,
            title=np.array(json.dumps(scored.title)),
            similarity=scored.scores.similarity,
            who=scored.scores.who,
            thresholds=scored.thresholds,
            yaw_difference_rad=scored.yaw_difference_rad,
            images=np.array(names_of(pairs.faces)),
            indices=pairs.indices.astype(np.int32),
        )
    return path.stem


def hashes_of_scores(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of scores of a run, by its name."""
    paths = sorted(_folder(folder).glob("*.npz"))
    return {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _folder(run: Path) -> Path:
    return run / "scores"


def _file_name(title: Mapping[str, str]) -> str:
    words = "__".join(title[key] for key in ("model", "dataset", "condition"))
    exact = hashlib.sha256(json.dumps(title, sort_keys=True).encode()).hexdigest()[:8]
    return f"{file_stem(words, most=100)}__{exact}"


def load_scores(folder: Path, *, hashes: Mapping[str, str] = MappingProxyType({})) -> Iterator[ScoredPairs]:
    """Yield every file of scores of a run, in the order of their names.

    Args:
        folder: of the run.
        hashes: SHA-256 by name, as the run recorded them; a file that it does not list is not checked.

    Raises:
        FacecheckError: a file is damaged, or is not the one that the run wrote.
    """
    for path in sorted(_folder(folder).glob("*.npz")):
        try:
            with opened_regular(path, most=_MOST_BYTES) as stream:
                content = stream.read()
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                scored = _scored(arrays, path.stem)
        except (OSError, EOFError, ValueError, LookupError, TypeError, zipfile.BadZipFile, zlib.error) as error:
            raise FacecheckError(f"{path}: not scores of a facecheck run: {error}") from error
        if hashlib.sha256(content).hexdigest() != hashes.get(path.stem, hashlib.sha256(content).hexdigest()):
            raise FacecheckError(f"{path}: changed since the run wrote it: its measurements came from other scores")
        yield scored


def _scored(arrays: Mapping[str, npt.NDArray[np.generic]], name: str) -> ScoredPairs:
    title = json.loads(str(arrays["title"]))
    similarity = np.asarray(arrays["similarity"], dtype=np.float64)
    return ScoredPairs(
        **title,
        name=name,
        scores=Scores(similarity, np.asarray(arrays["who"], dtype=np.int64)),
        thresholds=np.asarray(arrays["thresholds"], dtype=np.float64),
        yaw_difference_rad=np.asarray(arrays["yaw_difference_rad"], dtype=np.float64),
        names=np.asarray(arrays["images"], dtype=np.str_)[np.asarray(arrays["indices"], dtype=np.int64)],
    )
