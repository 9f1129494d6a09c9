"""The scores of a baseline: one file a data set, a row a corruption, beside it or elsewhere, held by their hash.

What stands behind an eval beside the scores is kept likewise, one file a data set and eval.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facecheck.errors import FacecheckError
from facecheck.metrics.scores import Scores
from facecheck.results.evidence import Evidence, packed_evidence, unpacked
from facecheck.results.scored_pairs import ScoredPairs
from facecheck.storage.files import file_stem, opened_regular, writing

__all__ = ["ADVICE", "LONGEST_STEM", "read_evidence", "read_scores", "write_evidence", "write_scores"]

ADVICE = "restore it, from the repository's history for example, or approve a run again"
LONGEST_STEM = 80
_MOST_BYTES = 512 * 2**20
# Where scores may be kept elsewhere; chains of file systems, and those that run commands, are not among them.
_PROTOCOLS = frozenset({"file", "memory", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "http", "https"})


def write_scores(place: str, scored: Sequence[ScoredPairs]) -> Iterator[tuple[str, str]]:
    """Write the files of all data sets, and yield name and hash of each."""
    of_dataset: dict[tuple[str, str], list[ScoredPairs]] = defaultdict(list)
    for each in scored:
        of_dataset[each.dataset, each.digest].append(each)
    for (dataset, _), group in of_dataset.items():
        stream = io.BytesIO()
        first = group[0]
        images, indices = np.unique(first.names, return_inverse=True)
        titles = [{"name": each.name, "condition": each.condition} for each in group]
        for each in group[1:]:
            if not (np.array_equal(each.names, first.names) and np.array_equal(each.scores.who, first.scores.who)):
                raise FacecheckError(
                    f"{dataset}: {each.condition}: its scores are of other pairs than {first.condition}"
                )
        np.savez_compressed(
            stream,
            title=np.array(
                json.dumps({"dataset": dataset, "kind": first.kind, "digest": first.digest, "rows": titles})
            ),
            similarity=np.stack([each.scores.similarity for each in group]),
            thresholds=np.stack([each.thresholds for each in group]),
            who=first.scores.who.astype(np.int32),
            yaw_difference_rad=first.yaw_difference_rad,
            images=images,
            indices=indices.reshape(first.names.shape).astype(np.int32),
        )
        content = stream.getvalue()
        digest = hashlib.sha256(content).hexdigest()
        name = f"{file_stem(dataset, most=LONGEST_STEM)}-{digest[:12]}.npz"
        _put(place, name, content)
        yield name, digest


def write_evidence(place: str, evidence: Iterable[Evidence]) -> Iterator[tuple[str, str]]:
    """Write a file for each eval and data set, and yield name and hash of each."""
    for each in evidence:
        content = packed_evidence(each)
        digest = hashlib.sha256(content).hexdigest()
        name = f"{file_stem(each.dataset, most=LONGEST_STEM)}-{file_stem(each.eval)}-{digest[:12]}.npz"
        _put(place, name, content)
        yield name, digest


def read_evidence(place: str, name: str, expected: str) -> Evidence:
    """Return what stands behind an eval.

    Args:
        place: folder or URL.
        name: of the file.
        expected: its SHA-256.

    Raises:
        FacecheckError: it is missing, or not the one that was approved.
    """
    content = _fetched(place, name)
    if hashlib.sha256(content).hexdigest() != expected:
        raise FacecheckError(f"{place}/{name}: not what was approved: {ADVICE}")
    return unpacked(content, expected, f"{place}/{name}")


def _put(place: str, name: str, content: bytes) -> None:
    if "://" not in place:
        Path(place).mkdir(parents=True, exist_ok=True)
        with writing(Path(place) / name) as file:
            file.write(content)
        return
    address = _address(place, name)
    try:
        import fsspec  # noqa: PLC0415 - only where scores are kept elsewhere

        with fsspec.open(address, "wb") as file:
            file.write(content)
    except Exception as error:  # whatever a file system of somebody's raises
        raise FacecheckError(f"{address}: scores cannot be written: {type(error).__name__}: {error}") from error


def _fetched(place: str, name: str) -> bytes:
    """Return the content of a file of scores.

    Raises:
        FacecheckError: it cannot be read.
    """
    if "://" not in place:
        path = Path(place) / name
        try:
            with opened_regular(path, most=_MOST_BYTES) as stream:
                return stream.read()
        except OSError as error:
            raise FacecheckError(
                f"{path}: scores of the baseline cannot be read ({error.strerror}): {ADVICE}"
            ) from error
    address = _address(place, name)
    try:
        import fsspec  # noqa: PLC0415 - only where scores are kept elsewhere

        with fsspec.open(address, "rb") as file:
            content = bytes(file.read(_MOST_BYTES + 1))
    except Exception as error:  # whatever a file system of somebody's raises
        raise FacecheckError(
            f"{address}: scores of the baseline cannot be read ({type(error).__name__}: {error}): {ADVICE}"
        ) from error
    if len(content) > _MOST_BYTES:
        raise FacecheckError(f"{address}: more than {_MOST_BYTES / 2**20:.0f} MiB of scores")
    return content


def _address(place: str, name: str) -> str:
    """Return the URL of a file.

    Raises:
        FacecheckError: a file system that a file in a repository must not choose.
    """
    protocol = place.partition("://")[0]
    if protocol not in _PROTOCOLS or "::" in place:
        raise FacecheckError(f"{place}: scores are kept in a folder, or at a URL of {', '.join(sorted(_PROTOCOLS))}")
    return f"{place.rstrip('/')}/{name}"


def read_scores(place: str, name: str, expected: str, *, model: str) -> Iterator[ScoredPairs]:
    """Yield the rows of one file.

    Args:
        place: folder or URL.
        name: of the file.
        expected: its SHA-256.
        model: whose scores they are.

    Raises:
        FacecheckError: it is missing, or not the one that was approved.
    """
    content = _fetched(place, name)
    if hashlib.sha256(content).hexdigest() != expected:
        raise FacecheckError(f"{place}/{name}: not the scores that were approved: {ADVICE}")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            yield from _rows(arrays, model)
    except (EOFError, ValueError, LookupError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise FacecheckError(f"{place}/{name}: no scores of a baseline: {error}") from error


def _rows(arrays: Mapping[str, npt.NDArray[np.generic]], model: str) -> Iterator[ScoredPairs]:
    title = json.loads(str(arrays["title"]))
    rows = title.pop("rows")
    who = np.asarray(arrays["who"], dtype=np.int64)
    names = np.asarray(arrays["images"], dtype=np.str_)[np.asarray(arrays["indices"], dtype=np.int64)]
    similarity = np.asarray(arrays["similarity"], dtype=np.float64)
    thresholds = np.asarray(arrays["thresholds"], dtype=np.float64)
    for position, row in enumerate(rows):
        yield ScoredPairs(
            **title,
            **row,
            model=model,
            scores=Scores(similarity[position], who),
            thresholds=thresholds[position],
            yaw_difference_rad=np.asarray(arrays["yaw_difference_rad"], dtype=np.float64),
            names=names,
        )
