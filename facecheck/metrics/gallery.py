"""1:N in a gallery of a million: the most similar templates of each probe, exact, in memory that does not grow.

The gallery is read in portions, as it lies in a memory-mapped file. A portion is multiplied with all probes in
float32; whatever may belong to a probe's best, by a bound on the rounding of the product, is compared again in
float64, as every other score of facecheck, so that the answers do not depend on blocks, threads or interruptions.
Between portions what was found so far is a :class:`Progress`, from which a later process goes on.

Source: NISTIR 8271 (candidate lists, FPIR); Higham, Accuracy and Stability of Numerical Algorithms, 3.1 (the bound).
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from facecheck.embedders.distances import DISTANCES
from facecheck.metrics.identification import Searches
from facecheck.metrics.products import gathered, lengths, one_thread_each, similarities
from facecheck.pipeline.executor import cores

__all__ = ["PORTION", "Found", "Progress", "Store", "Templates", "search_gallery"]

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Candidates = tuple[Rows, Rows, Array]
Vectors = npt.NDArray[np.float32]
PORTION = 2**15  # templates that are read at once
_TILE = 1024  # probes and templates that are multiplied at once: what stays in a core's cache
_AT_ONCE = 2**18  # candidates that are looked at
_NOBODY = -1  # in place of a row
_SHORTEST, _LONGEST = 1e-15, 1e15  # vectors, so that no product in float32 overflows
_NO_PERSON = np.iinfo(np.int64).min
_OTHER = "what was found so far belongs to other probes, another gallery or other settings"
_ULP = 2.0**-24  # half the distance of float32 numbers near 1


@dataclass(frozen=True, slots=True, eq=False)
class Templates:
    """Vectors of people.

    Args:
        vectors: ``(n, d)`` float32 or float16, perhaps memory-mapped.
        people: ``(n,)`` numbers of who each shows, int64.

    Raises:
        ValueError: other shapes or types.
    """

    vectors: npt.NDArray[np.float32] | npt.NDArray[np.float16]
    people: Rows

    def __post_init__(self) -> None:
        """Refuse what cannot be searched."""
        shapes = self.vectors.shape, self.people.shape
        if self.vectors.ndim != 2 or shapes[1] != (len(self.vectors),):  # noqa: PLR2004 - rows of vectors
            raise ValueError(f"vectors must have shape (n, d) and people (n,), not {shapes[0]} and {shapes[1]}")
        if self.vectors.dtype not in (np.float32, np.float16):
            raise ValueError(f"vectors must be float32 or float16, not {self.vectors.dtype}")
        if self.people.dtype != np.int64:
            raise ValueError(f"numbers of people must be int64, not {self.people.dtype}")


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """What searches found in the first part of a gallery.

    Args:
        done: templates that were searched.
        similarity: ``(n, k)`` highest similarities of each probe to others, falling, ``-inf`` where there are fewer.
        rows: ``(n, k)`` their rows in the gallery, -1 where there are fewer.
        digest: of the probes, of who everybody is, and of the templates that were searched.
    """

    done: int
    similarity: Array
    rows: Rows
    digest: str


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What n probes found in a gallery.

    Args:
        similarity: ``(n, k)`` of the most similar templates of anybody, falling; ``-inf`` where there are fewer.
        rows: ``(n, k)`` of those templates, -1 where there are fewer; of equal similarities the lower row is first.
        searches: their rates. A mate that does not stand among the k best templates has no rank, as if all of the
            gallery were ahead of it; its similarity is there.
    """

    similarity: Array
    rows: Rows
    searches: Searches


class Store(Protocol):
    """Where progress is kept between processes."""

    def load(self) -> Progress | None:
        """Return what an earlier process found, None if there was none."""

    def save(self, progress: Progress) -> None:
        """Keep what was found so far; called after each portion but the last."""


def search_gallery(
    probes: Templates,
    gallery: Templates,
    *,
    distance: str,
    top: int = 50,
    workers: int | None = None,
    store: Store | None = None,
) -> Found:
    """Search each probe in the whole gallery.

    Args:
        probes: n of them; a row that is not finite is a failure to acquire.
        gallery: of any number of people in any order; a row that is not finite is a failure to enrol.
        distance: ``euclidean`` or ``cosine``; its negative is the similarity.
        top: templates that are found of each probe, k.
        workers: threads, one a core by default.
        store: of the progress, so that an interrupted search goes on.

    Raises:
        ValueError: shapes that do not fit, an unknown distance, an empty gallery, a vector of length 0 under
            ``cosine``, a vector too long for float32, or progress of another search.

    >>> gallery = Templates(np.eye(3, dtype=np.float32), np.arange(3))
    >>> probes = Templates(np.array([[1, 0.1, 0], [0, 1, 0.2]], np.float32), np.array([0, 9]))
    >>> found = search_gallery(probes, gallery, distance="euclidean", top=2)
    >>> found.rows.tolist(), found.searches.mated.tolist(), found.searches.rival.tolist()
    ([[0, 1], [1, 2]], [True, False], [1, 1])
    """
    if distance not in DISTANCES:
        raise ValueError(f"distance {distance!r}: expected one of {', '.join(DISTANCES)}")
    if top < 1:
        raise ValueError(f"top is 1 or more, not {top}")
    if not len(gallery.vectors):
        raise ValueError("the gallery is empty: nobody can be identified")
    dimensions = probes.vectors.shape[1], gallery.vectors.shape[1]
    if len(set(dimensions)) != 1:
        raise ValueError(f"probes have {dimensions[0]} numbers each, templates of the gallery {dimensions[1]}")
    workers, progress = workers or cores(), None if store is None else store.load()
    search = _Search(probes, gallery, distance, min(top, len(gallery.vectors)), workers)
    start = 0 if progress is None else search.go_on_from(progress)
    with (
        one_thread_each(),
        ThreadPoolExecutor(workers) as pool,
        ThreadPoolExecutor(1) as reader,
    ):
        for portion in _one_ahead(reader, search.read, range(start, len(gallery.vectors), PORTION)):
            last = portion.stop == len(gallery.vectors)
            hashed = None if store is None or last else reader.submit(search.note, portion.raw)
            for finished in [pool.submit(search.take, portion, some) for some in search.ranges]:
                finished.result()
            if store is not None and hashed is not None:
                hashed.result()
                store.save(search.progress(portion.stop))
    return search.found()


def _one_ahead(reader: ThreadPoolExecutor, read: Callable[[int], _Portion], starts: range) -> Iterator[_Portion]:
    """Yield portions; the next is read while one is worked on."""
    waiting: deque[Future[_Portion]] = deque()
    for start in starts:
        waiting.append(reader.submit(read, start))
        if len(waiting) > 1:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@dataclass(frozen=True, slots=True, eq=False)
class _Portion:
    """Some templates of the gallery.

    Args:
        start: row of the first.
        raw: ``(m, d)`` as they are.
        lengths: ``(m,)`` of them.
        scaled: ``(m, e)`` ready to be multiplied.
        bad: rows among them that are not finite.
    """

    start: int
    raw: Vectors
    lengths: Array
    scaled: Vectors
    bad: Rows

    @property
    def stop(self) -> int:
        return self.start + len(self.raw)


class _Search:
    """The best of each probe, so far.

    Args:
        probes: as given.
        gallery: as given.
        distance: ``euclidean`` or ``cosine``.
        top: templates that are found of each probe.
        workers: threads among which probes are dealt.
    """

    def __init__(self, probes: Templates, gallery: Templates, distance: str, top: int, workers: int) -> None:
        self._probes = np.ascontiguousarray(probes.vectors, dtype=np.float32)
        self._who, self._gallery, self._enrolled = probes.people, gallery.vectors, gallery.people
        self._cosine, self._top = distance == "cosine", top
        self._lengths = self._lengths_of(self._probes, "probe", 0)
        usable = np.flatnonzero(np.isfinite(self._lengths))
        self._scaled = self._multiplied()
        size = max(1, min(_TILE, -(-len(usable) // workers)))
        self.ranges = [usable[first : first + size] for first in range(0, len(usable), size)]
        # A portion is read while another is searched. New memory would be mapped page by page each time.
        shape = min(PORTION, len(self._gallery)), self._scaled.shape[1]
        self._space = [np.empty(shape, dtype=np.float32) for _ in range(2)]
        self._similarity = np.full((len(self._probes), top), -np.inf)
        self._rows = np.full((len(self._probes), top), _NOBODY, dtype=np.int64)
        self._digest = hashlib.sha256(repr((distance, top, self._gallery.shape)).encode())
        for array in (self._probes, self._who, self._enrolled):
            self.note(array)

    # Progress.

    def note(self, array: npt.NDArray[np.generic]) -> None:
        """Add to the digest."""
        self._digest.update(np.ascontiguousarray(array).data)

    def progress(self, done: int) -> Progress:
        """Return what was found in so many templates."""
        return Progress(done, self._similarity.copy(), self._rows.copy(), self._digest.hexdigest())

    def go_on_from(self, progress: Progress) -> int:
        """Take what was found before, and return from which template on to search."""
        shape = self._similarity.shape
        if not (progress.similarity.shape == progress.rows.shape == shape and 0 < progress.done < len(self._gallery)):
            raise ValueError(_OTHER)
        for first in range(0, progress.done, PORTION):
            self.note(self._raw(first, min(first + PORTION, progress.done)))
        if self._digest.hexdigest() != progress.digest:
            raise ValueError(_OTHER)
        if progress.rows.min(initial=0) < _NOBODY or progress.rows.max(initial=0) >= progress.done:
            raise ValueError("what was found so far names templates that were not searched: it was changed")
        self._similarity[:], self._rows[:] = progress.similarity, progress.rows
        return progress.done

    # What is multiplied.

    def read(self, start: int) -> _Portion:
        """Return the portion that begins at a template."""
        raw = self._raw(start, start + PORTION)
        length = self._lengths_of(raw, "template", start)
        bad = np.flatnonzero(~np.isfinite(length))
        scaled = self._space[start // PORTION % len(self._space)][: len(raw)]
        with np.errstate(invalid="ignore"):
            if self._cosine:
                np.multiply(raw, (1 / length).astype(np.float32)[:, None], out=scaled)
            else:
                scaled[:, :-1], scaled[:, -1] = raw, length**2
        scaled[bad] = 0
        return _Portion(start, raw, length, scaled, bad)

    def _raw(self, start: int, stop: int) -> Vectors:
        return np.ascontiguousarray(self._gallery[start:stop], dtype=np.float32)

    def _lengths_of(self, vectors: Vectors, kind: str, start: int) -> Array:
        with np.errstate(invalid="ignore"):
            length = lengths(vectors)
        unfit = np.isfinite(length) & ((length > _LONGEST) | (self._cosine & (length < _SHORTEST)))
        if unfit.any():
            row = int(np.argmax(unfit))
            raise ValueError(
                f"{kind} {start + row} is a vector of length {length[row]:.3g}"
                + (": it has no cosine" if not length[row] else "; float32 products need 1e-15 to 1e15")
            )
        return length

    def _multiplied(self) -> Vectors:
        """Return the probes so that a product with a template rises with the similarity."""
        with np.errstate(invalid="ignore"):
            if self._cosine:
                return self._probes * (1 / self._lengths).astype(np.float32)[:, None]
            return np.concatenate((2 * self._probes, np.full((len(self._probes), 1), -1, np.float32)), axis=1)

    def _rounding(self, portion: _Portion, probes: Rows) -> Array:
        """Return by how much a product of each probe may be wrong, at most."""
        by = 1.01 * (self._probes.shape[1] + 8) * _ULP
        if self._cosine:
            return np.full(len(probes), by)
        ours, theirs = self._lengths[probes], float(np.delete(portion.lengths, portion.bad).max(initial=0.0))
        return np.asarray(by * (2 * ours * theirs + theirs**2) + 1e-12 * ours**2)

    def _cut(self, portion: _Portion, probes: Rows) -> Vectors:
        """Return the product below which no template can be among a probe's best."""
        worst = self._similarity[probes, -1]
        along = worst + 1 if self._cosine else self._lengths[probes] ** 2 - worst**2
        return _below(along - self._rounding(portion, probes))

    # Searching.

    def take(self, portion: _Portion, probes: Rows) -> None:
        """Search some probes in a portion.

        Args:
            portion: of the gallery.
            probes: rows that no other thread has.
        """
        ours, space = self._scaled[probes], np.empty(len(probes) * _TILE, dtype=np.float32)
        pending = _Pending(self._top * len(probes) // 2)
        cut = self._cut(portion, probes)
        for first in range(0, len(portion.raw), _TILE):
            theirs = portion.scaled[first : first + _TILE]
            scores = space[: len(probes) * len(theirs)].reshape(len(probes), len(theirs))
            np.matmul(ours, theirs.T, out=scores)
            scores[:, portion.bad[(portion.bad >= first) & (portion.bad < first + _TILE)] - first] = -np.inf
            for some in self._likely(scores, cut, portion, probes, first):
                pending.add(self._compared(portion, probes, some // len(theirs), some % len(theirs) + first))
                if pending.full:
                    self._merge(probes, *pending.taken())
                    cut = self._cut(portion, probes)
        self._merge(probes, *pending.taken())

    def _likely(self, scores: Vectors, cut: Vectors, portion: _Portion, probes: Rows, first: int) -> Iterator[Rows]:
        """Yield places in a tile that may be among the best, rising, and some at a time."""
        found = _at_least(scores, cut)
        if len(found) > self._top * len(scores) and self._top <= scores.shape[1]:
            columns = slice(portion.start + first, portion.start + first + scores.shape[1])
            own = self._who[probes][:, None] == self._enrolled[None, columns]
            best = np.partition(np.where(own, -np.inf, scores), -self._top, axis=1)[:, -self._top]
            cut = np.maximum(cut, _below(best.astype(np.float64) - 2 * self._rounding(portion, probes)))
            found = _at_least(scores, cut)
        for start in range(0, len(found), _AT_ONCE):
            yield found[start : start + _AT_ONCE]

    def _compared(self, portion: _Portion, probes: Rows, ours: Rows, theirs: Rows) -> Candidates:
        """Return candidates, without templates of a probe's own person: places of probes, rows, similarities."""
        others = self._who[probes[ours]] != self._enrolled[portion.start + theirs]
        others &= np.isfinite(portion.lengths[theirs])
        ours, theirs = ours[others], theirs[others]
        mine = probes[ours]
        length = (self._lengths[mine], portion.lengths[theirs]) if self._cosine else None
        similarity = np.empty(len(ours))
        count = gathered(self._probes.shape[1])
        for start in range(0, len(ours), count):
            some = slice(start, start + count)
            lengths_of = None if length is None else (length[0][some], length[1][some])
            similarity[some] = similarities(self._probes[mine[some]], portion.raw[theirs[some]], lengths_of)
        return ours, portion.start + theirs, similarity

    def _merge(self, probes: Rows, ours: Rows, rows: Rows, similarity: Array) -> None:
        """Keep the best of each probe. Candidates have higher rows than what was found before, and rising ones."""
        if not len(ours):
            return
        self._similarity[probes], self._rows[probes] = _best(
            self._similarity[probes], self._rows[probes], (ours, rows, similarity)
        )

    # Answers.

    def found(self) -> Found:
        """Return what was found, templates of the probes' own people among it."""
        others, other_rows = self._similarity, self._rows
        similarity, rows, mate = others.copy(), other_rows.copy(), np.full(len(self._who), -np.inf)
        for own in self._own():
            np.maximum.at(mate, own[0], own[2])
            similarity, rows = _best(similarity, rows, own)
        enrolled = np.unique(self._enrolled)
        mated = np.isin(self._who, enrolled)
        best_other = others[:, 0].copy()
        rival = np.where(best_other > -np.inf, self._enrolled[other_rows[:, 0]], self._who)
        ahead = self._ahead(mate, len(enrolled))
        return Found(similarity, rows, Searches(self._who, mated, mate, best_other, rival, ahead, len(enrolled)))

    def _own(self) -> Iterator[Candidates]:
        """Yield the templates of the probes' own people, some at a time."""
        order = np.argsort(self._enrolled, kind="stable")
        by_person = self._enrolled[order]
        usable = np.concatenate(self.ranges) if self.ranges else np.zeros(0, np.int64)
        starts = np.searchsorted(by_person, self._who[usable], side="left")
        counts = np.searchsorted(by_person, self._who[usable], side="right") - starts
        ends = counts.cumsum()
        count = 16 * gathered(self._probes.shape[1])  # each is merged
        for first in range(0, int(ends[-1]) if len(ends) else 0, count):
            places = np.arange(first, min(first + count, int(ends[-1])))
            which = np.searchsorted(ends, places, side="right")
            ours, rows = usable[which], order[starts[which] + places - (ends[which] - counts[which])]
            theirs = np.asarray(self._gallery[rows], dtype=np.float32)
            length = lengths(theirs)
            fine = np.isfinite(length)
            ours, rows, theirs, length = ours[fine], rows[fine], theirs[fine], length[fine]
            both = (self._lengths[ours], length) if self._cosine else None
            yield ours, rows, similarities(self._probes[ours], theirs, both)

    def _ahead(self, mate: Array, enrolled: int) -> Rows:
        """Return how many other people are at least as similar as the mate, all if more than were found may be."""
        similar = self._similarity >= mate[:, None]
        people = np.where(similar, self._enrolled[self._rows], _NO_PERSON)
        people.sort(axis=1)
        different = (np.diff(people, axis=1, prepend=_NO_PERSON) != 0).sum(axis=1)
        return np.where((mate == -np.inf) | similar.all(axis=1), enrolled, different).astype(np.int64)


def _at_least(scores: Vectors, cut: Vectors) -> Rows:
    """Return the places of scores that reach the cut of their row, rising; few rows have any."""
    rows = np.flatnonzero(scores.max(axis=1) >= cut)
    found = np.flatnonzero(scores[rows] >= cut[rows, None])
    within, column = np.divmod(found, scores.shape[1])
    return np.asarray(rows[within] * scores.shape[1] + column)


class _Pending:
    """Candidates that wait to be merged.

    Args:
        most: how many wait.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._parts: list[Candidates] = []

    @property
    def full(self) -> bool:
        return sum(len(part[0]) for part in self._parts) > self._most

    def add(self, part: Candidates) -> None:
        self._parts.append(part)

    def taken(self) -> Candidates:
        parts, self._parts = self._parts, []
        nothing = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
        ours, rows, similarity = (np.concatenate(each) for each in zip(nothing, *parts, strict=True))
        return ours, rows, similarity


def _below(values: Array) -> Vectors:
    """Return the float32 numbers at or below these.

    >>> float(_below(np.array([0.1]))[0]) < 0.1 < float(np.float32(0.1))
    True
    """
    found = values.astype(np.float32)
    return np.where(found > values, np.nextafter(found, np.float32(-np.inf)), found)


def _best(similarity: Array, rows: Rows, more: Candidates) -> tuple[Array, Rows]:
    """Return the k best of what is held and of candidates, of equal ones the lower row.

    Args:
        similarity: ``(n, k)``.
        rows: ``(n, k)``.
        more: places among the n, rows and similarities of candidates.

    >>> held = np.array([[0.5, 0.4]]), np.array([[7, 3]])
    >>> [each.tolist() for each in _best(*held, (np.array([0, 0]), np.array([9, 2]), np.array([0.3, 0.5])))]
    [[[0.5, 0.5]], [[2, 7]]]
    """
    touched, place, counts = np.unique(more[0], return_inverse=True, return_counts=True)
    top, widest = similarity.shape[1], int(counts.max(initial=0))
    shape = len(touched), top + widest
    values, where = np.full(shape, -np.inf), np.full(shape, _NOBODY, dtype=np.int64)
    values[:, :top], where[:, :top] = similarity[touched], rows[touched]
    order = np.argsort(place, kind="stable")
    column = top + np.arange(len(order)) - np.repeat(counts.cumsum() - counts, counts)
    values[place[order], column], where[place[order], column] = more[2][order], more[1][order]
    by_row = np.argsort(where, axis=1, kind="stable")
    values, where = np.take_along_axis(values, by_row, axis=1), np.take_along_axis(where, by_row, axis=1)
    kept = np.argsort(-values, axis=1, kind="stable")[:, :top]
    similarity, rows = similarity.copy(), rows.copy()
    similarity[touched] = np.take_along_axis(values, kept, axis=1)
    rows[touched] = np.take_along_axis(where, kept, axis=1)
    return similarity, rows
