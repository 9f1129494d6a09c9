"""A data set: faces, the pairs to be compared, and the folds of the pairs."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facecheck.datasets.ijb import Ijb
from facecheck.errors import printable
from facecheck.faces import Face, Pairs
from facecheck.faces.columns import described
from facecheck.faces.decoding import SUFFIXES

__all__ = ["Dataset", "deal_into_folds", "image_files", "person_folders"]

_FOLDS = 10
_SPELT_AT_ONCE = 2**16  # faces or pairs that are spelt at once


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Faces and the pairs of them that a run compares.

    Args:
        name: short name for reports and graphs.
        kind: kind of the reader.
        spec: the specification as given.
        pairs: the pairs to be compared.
        protocol: short description of the pairs.
        notes: what a reader of the results should know, such as unused images.
        sampled: whether only a part of the pairs is compared.
        people_known: whether images of different subjects are known to show different people, also where no pair
            compares them; a list that labels pairs does not say so.
        aligned: whether its pictures are crops that were aligned before.
        templates: lists of templates of several images, which are compared instead of pairs of images, or None.
    """

    name: str
    kind: str
    spec: str
    pairs: Pairs
    protocol: str
    notes: tuple[str, ...] = ()
    sampled: bool = False
    people_known: bool = True
    aligned: bool = False
    templates: Ijb | None = None

    def __post_init__(self) -> None:
        """Spell names so that every file and terminal can hold them."""
        object.__setattr__(self, "name", printable(self.name))
        object.__setattr__(self, "protocol", printable(self.protocol))
        object.__setattr__(self, "notes", tuple(map(printable, self.notes)))

    @property
    def faces(self) -> Sequence[Face]:
        """All faces of the pairs."""
        return self.pairs.faces

    @property
    def has_yaw(self) -> bool:
        """Whether the data set is made to measure turned heads: strips of known yaw."""
        return self.kind == "strips"

    @functools.cached_property
    def digest(self) -> str:
        """Hash of the names, subjects, yaws, pairs and folds; runs on equal digests are comparable pair by pair."""
        total = hashlib.sha256()
        for text in _spelt(self.pairs):
            total.update(text.encode())
        if self.templates is not None:
            total.update(self.templates.digest())
        return total.hexdigest()

    def sample(self, limit: int) -> Dataset:
        """Return at most ``limit`` pairs, evenly spaced within each fold and kind; always the same pairs.

        Raises:
            ValueError: a limit below 2, which cannot include both kinds.
        """
        if limit < 2:  # noqa: PLR2004 - one genuine, one impostor
            raise ValueError(f"a sample needs at least 2 comparisons, not {limit}")
        if limit >= len(self.pairs):
            return self
        folds = self.pairs.folds if self.pairs.folds is not None else np.zeros(len(self.pairs), dtype=np.int64)
        stratum = folds * 2 + self.pairs.genuine
        rows = np.argsort(stratum, kind="stable")
        # Genuine pairs are usually fewer: each kind gets half of the sample, or all of its pairs if it has fewer.
        genuine = rows[self.pairs.genuine[rows]]
        impostor = rows[~self.pairs.genuine[rows]]
        few = min(len(genuine), max(limit // 2, limit - len(impostor)))
        chosen = np.sort(np.concatenate((_spread(genuine, few), _spread(impostor, limit - few))))
        return dataclasses.replace(self, pairs=self.pairs.take(chosen), sampled=True)


def _spelt(pairs: Pairs) -> Iterator[str]:
    """Yield faces, indices and folds as one text of JSON, in portions: the digests of old runs are of that text."""
    faces = described(pairs.faces)
    portions = iter(lambda: list(itertools.islice(faces, _SPELT_AT_ONCE)), [])
    yield "[["
    yield from _joined(json.dumps(portion)[1:-1] for portion in portions)
    yield "], ["
    yield from _joined(_numbers(pairs.indices, "[%d, %d]"))
    yield "], "
    if pairs.folds is None:
        yield "null]"
        return
    yield "["
    yield from _joined(_numbers(pairs.folds, "%d"))
    yield "]]"


def _numbers(rows: npt.NDArray[np.int64], form: str) -> Iterator[str]:
    """Yield rows of numbers in a form, as JSON spells lists of them."""
    for start in range(0, len(rows), _SPELT_AT_ONCE):
        portion = rows[start : start + _SPELT_AT_ONCE]
        yield ", ".join([form] * len(portion)) % tuple(portion.ravel().tolist())


def _joined(texts: Iterable[str]) -> Iterator[str]:
    """Yield texts with a comma between each two."""
    for number, text in enumerate(texts):
        yield f", {text}" if number else text


def _spread(rows: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    count = min(count, len(rows))
    return rows[np.arange(count) * len(rows) // max(1, count)]


def deal_into_folds(pairs: Pairs) -> npt.NDArray[np.int64] | None:
    """Return identity-disjoint folds, or None if the pairs are too connected to be divided.

    People who are compared with each other form a group. Groups are assigned to folds, the largest first,
    each to the fold that has the fewest pairs of its kind. There are at most ten folds, each with both kinds.
    """
    who = pairs.who
    group = _connected(who)
    groups, of_pair = np.unique(group[who[:, 0]], return_inverse=True)
    sizes = np.bincount(2 * of_pair + pairs.genuine, minlength=2 * len(groups)).reshape(-1, 2)
    for count in range(min(_FOLDS, len(groups)), 1, -1):
        fold_of_group, totals = _deal(sizes, count)
        if totals.min() > 0 and totals.sum(axis=1).max() <= 2 * totals.sum() / count:
            return fold_of_group[of_pair]
    return None


def _connected(who: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return a group number for each person, ``(people,)``; people linked by pairs share a group."""
    from scipy.sparse import coo_matrix  # noqa: PLC0415 - scipy is slow to import and rarely needed here
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    people = int(who.max()) + 1
    links = coo_matrix((np.ones(len(who)), (who[:, 0], who[:, 1])), shape=(people, people))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def _deal(sizes: npt.NDArray[np.int64], count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    share = np.maximum(1, sizes.sum(axis=0)) / count
    totals = np.zeros((count, 2), dtype=np.int64)
    fold_of_group = np.zeros(len(sizes), dtype=np.int64)
    for group in np.argsort(-sizes.sum(axis=1), kind="stable"):
        kinds = sizes[group] > 0
        fold = int(np.argmin((totals / share)[:, kinds].max(axis=1)))
        fold_of_group[group] = fold
        totals[fold] += sizes[group]
    return fold_of_group, totals


def image_files(folder: Path) -> list[Path]:
    """Return a folder's image files sorted by name, without hidden files."""
    found = (p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".") and p.is_file())
    return sorted(found, key=lambda path: path.name)


def person_folders(folder: Path) -> list[Path]:
    """Return a folder's subfolders sorted by name, without hidden folders."""
    found = (p for p in folder.iterdir() if not p.name.startswith(".") and p.is_dir())
    return sorted(found, key=lambda path: path.name)
