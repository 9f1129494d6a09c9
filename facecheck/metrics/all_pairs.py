"""Every pair of n vectors, counted and never held: FNMR where one impostor pair in ten million matches.

n vectors make n (n - 1) / 2 pairs. Blocks of them are multiplied, the keys of each block are counted, and only the
impostor pairs that are most alike are kept, with who they are. Genuine pairs are few and all kept. Both are computed
again in float64, as every other score of facecheck, so that a threshold at a low FMR is exact; higher rates are known
to the width of a key, and no threshold lets in more than was asked for.

Source: ISO/IEC 19795-1 (FMR, FNMR); Aronow, Samii and Assenova, Political Analysis 2015 (the variance of dyads).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from facecheck.metrics.curves import Curve, OperatingPoint, fnmr_at_fmr
from facecheck.metrics.dyads import Spread
from facecheck.metrics.influence import share_of_genuine
from facecheck.metrics.intervals import Estimate, fraction
from facecheck.metrics.products import KEYS, LEFT_OUT, Keyed, keyed, one_thread_each, similarity_between
from facecheck.pipeline.executor import cores

__all__ = ["AllPairs", "all_pairs", "fnmr_estimate"]

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint16]
Rows = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]
_WHOLE = 2**20  # pairs up to which all are kept, and the most that are kept of more
_SHARE, _LEAST = 500, 2**14  # of more pairs, one in so many is kept, and so many at least
_ROWS, _COLUMNS = 512, 4096  # that are multiplied at once
_NO_VARIANCE = 1e-24


@dataclass(frozen=True, slots=True, eq=False)
class AllPairs:
    """What all pairs of n images of labelled people show.

    Args:
        genuine: ``(g,)`` similarities of the genuine pairs that could be compared, in no order.
        person: ``(g,)`` whose pair each is, as a position in ``images``.
        tail: ``(k,)`` highest similarities of impostor pairs, falling.
        tail_pairs: ``(k, 2)`` rows of the images of each.
        tail_people: ``(k, 2)`` people of each, as positions in ``images``.
        floor: similarity from which the tail holds every impostor pair.
        edges: ``(c,)`` similarities below it, falling.
        above: ``(c,)`` how many impostor pairs at most are at least as similar as each edge.
        images: ``(p,)`` how many images each person has.
        usable: ``(p,)`` how many of them gave a vector; a pair with another counts as a non-match.
    """

    genuine: Array
    person: Rows
    tail: Array
    tail_pairs: Rows
    tail_people: Rows
    floor: float
    edges: Array
    above: Counts
    images: Counts
    usable: Counts

    @property
    def genuines(self) -> int:
        """Genuine pairs, those that could not be compared included."""
        return int(_within(self.images).sum())

    @property
    def impostors(self) -> int:
        """Impostor pairs, those that could not be compared included."""
        count = int(self.images.sum())
        return count * (count - 1) // 2 - self.genuines

    @property
    def compared(self) -> int:
        """Pairs whose similarity was counted."""
        count = int(self.usable.sum())
        return count * (count - 1) // 2

    def curve(self) -> Curve:
        """Return the operating points: every score in the tail, then the edges of the counters."""
        highest = np.sort(self.genuine)
        exact = np.concatenate((self.tail, highest[highest >= self.floor]))
        observed = np.unique(exact)[::-1]
        within = np.searchsorted(-self.tail, -observed, side="right")
        thresholds = np.concatenate(([np.inf], observed, self.edges))
        matched = np.concatenate(([0], within, self.above))
        accepted = len(highest) - np.searchsorted(highest, thresholds, side="left")
        total = self.genuines
        return Curve(thresholds, matched / self.impostors, (total - accepted) / total, accepted / total)


def all_pairs(
    vectors: Vectors,
    people: npt.NDArray[np.int64],
    *,
    distance: str,
    tail: int | None = None,
    workers: int | None = None,
) -> AllPairs:
    """Count every pair of n images.

    Args:
        vectors: ``(n, d)`` float32; a row that is not finite is an image that gave no vector.
        people: ``(n,)`` numbers of who is shown.
        distance: ``euclidean`` or ``cosine``; its negative is the similarity.
        tail: impostor pairs that are kept at most; by default all of a million pairs, of more one in 500. Thresholds
            are exact up to an FMR of half of them.
        workers: threads, one a core by default.

    Raises:
        ValueError: no genuine or no impostor pair could be compared, or shapes that do not fit.

    >>> import numpy as np
    >>> found = all_pairs(np.eye(3, 2, dtype=np.float32) + 1, np.array([7, 7, 9]), distance="euclidean")
    >>> found.genuine.round(3).tolist(), found.tail.round(3).tolist(), found.genuines, found.impostors
    ([-1.414], [-1.0, -1.0], 1, 2)
    """
    if vectors.ndim != 2 or people.shape != (len(vectors),):  # noqa: PLR2004 - rows of vectors
        raise ValueError(f"vectors must have shape (n, d) and people (n,), not {vectors.shape} and {people.shape}")
    who, images = np.unique(people, return_inverse=True, return_counts=True)[1:]
    order = np.argsort(who, kind="stable")
    order = order[np.isfinite(vectors[order]).all(axis=1)]
    sorted_who = who[order].astype(np.int64)
    usable = np.bincount(sorted_who, minlength=len(images)).astype(np.int64)
    if not (usable > 1).any() or np.count_nonzero(usable) < 2:  # noqa: PLR2004 - an impostor pair has two people
        raise ValueError("all pairs: expected two people with a vector, one of them with two")
    chosen = np.ascontiguousarray(vectors[order], dtype=np.float32)
    workers, (first, second) = workers or cores(), _genuine_rows(usable)
    counters = _Counters(keyed(chosen, chosen, distance=distance), sorted_who, tail or _usual_tail(len(chosen)))
    counters.run(workers)
    floor, ours, theirs = counters.candidates()
    similarity = similarity_between(chosen, chosen, ours, theirs, distance=distance, workers=workers)
    lowest = float(counters.keyed.similarity(np.array([floor + 1.0]))[0]) if floor > LEFT_OUT + 1 else -np.inf
    kept = np.flatnonzero(similarity >= lowest)
    kept = kept[np.argsort(-similarity[kept], kind="stable")]
    edges, above = counters.below(floor, len(kept))
    return AllPairs(
        genuine=similarity_between(chosen, chosen, first, second, distance=distance, workers=workers),
        person=sorted_who[first],
        tail=similarity[kept],
        tail_pairs=order[np.stack((ours[kept], theirs[kept]), axis=1)],
        tail_people=sorted_who[np.stack((ours[kept], theirs[kept]), axis=1)],
        floor=lowest,
        edges=edges,
        above=above,
        images=images.astype(np.int64),
        usable=usable,
    )


def _usual_tail(images: int) -> int:
    """Return how many impostor pairs are kept of those of so many images.

    >>> _usual_tail(1000), _usual_tail(2921), _usual_tail(13233), _usual_tail(100_000)
    (1048576, 16384, 175099, 1048576)
    """
    pairs = images * (images - 1) // 2
    return _WHOLE if pairs <= _WHOLE else min(_WHOLE, max(_LEAST, pairs // _SHARE))


def _within(images: Counts) -> Counts:
    """Return how many pairs the images of each person make."""
    return images * (images - 1) // 2


def _genuine_rows(usable: Counts) -> tuple[Rows, Rows]:
    """Return the rows of every genuine pair of images that are sorted by person.

    >>> [rows.tolist() for rows in _genuine_rows(np.array([1, 3]))]
    [[1, 1, 2], [2, 3, 3]]
    """
    starts = np.cumsum(usable) - usable
    later = np.repeat(starts + usable, usable) - np.arange(usable.sum()) - 1  # images of the same person that follow
    first = np.repeat(np.arange(usable.sum()), later)
    within = np.arange(len(first)) - np.repeat(np.cumsum(later) - later, later)
    return first, first + within + 1


class _Counters:
    """Counts keys of impostor pairs block by block, and keeps the pairs whose key is high.

    Args:
        products: of vectors that are sorted by person.
        who: ``(n,)`` person of each, rising.
        most: pairs that are kept.
    """

    def __init__(self, products: Keyed, who: Rows, most: int) -> None:
        self.keyed = products
        self._until = np.searchsorted(who, who, side="right")  # where the next person's images begin
        self._most = most
        self._lock = threading.Lock()
        self._counts = np.zeros(KEYS, dtype=np.int64)
        self._floor = LEFT_OUT + 1  # lowest key of a pair that is kept
        self._above = 0
        self._kept: list[tuple[Keys, Rows, Rows]] = []

    def run(self, workers: int) -> None:
        """Count all blocks."""
        blocks = self._blocks()
        with one_thread_each(), ThreadPoolExecutor(workers) as pool:
            for finished in [pool.submit(self._work, blocks) for _ in range(workers)]:
                finished.result()

    def candidates(self) -> tuple[int, Rows, Rows]:
        """Return the lowest key that is kept whole, and both rows of each pair that has it or a higher one.

        The floor follows from all counts, so that it does not depend on which thread was first.
        """
        if int(self._counts.sum()) > self._most:
            self._raise_floor()
        self._drop()
        both = [np.concatenate([kept[side] for kept in self._kept] or [np.zeros(0, np.int64)]) for side in (1, 2)]
        return self._floor, both[0], both[1]

    def below(self, floor: int, tail: int) -> tuple[Array, Counts]:
        """Return edges below the tail, falling, and how many impostor pairs at most are at least so similar.

        An edge lies one key above those that are counted, so that no rounding lets in more.

        Args:
            floor: lowest key that was kept whole; the tail begins one above it, where no rounding can reach.
            tail: pairs in the tail.
        """
        keys = np.flatnonzero(self._counts[: floor + 1])[::-1] if floor > LEFT_OUT + 1 else np.zeros(0, np.int64)
        above = self._counts[::-1].cumsum()[::-1][keys]
        return self.keyed.similarity(keys + 1), np.maximum(above, tail)

    def _blocks(self) -> Iterator[tuple[int, int]]:
        count = len(self._until)
        return ((row, column) for row in range(0, count, _ROWS) for column in range(row, count, _COLUMNS))

    def _work(self, blocks: Iterator[tuple[int, int]]) -> None:
        left, right = self.keyed.left, self.keyed.right
        products = np.empty(_ROWS * _COLUMNS, dtype=np.float32)
        keys = np.empty(_ROWS * _COLUMNS, dtype=np.uint16)
        while (block := self._next(blocks)) is not None:
            (row, column), rows = block, left[block[0] : block[0] + _ROWS]
            columns = right[column : column + _COLUMNS]
            size = len(rows) * len(columns)
            product = products[:size].reshape(len(rows), len(columns))
            np.matmul(rows, columns.T, out=product)
            key = keys[:size].reshape(len(rows), len(columns))
            np.add(product, np.float32(self.keyed.offset), out=key, casting="unsafe")
            self._leave_out(key, row, column)
            self._take(key, row, column)

    def _next(self, blocks: Iterator[tuple[int, int]]) -> tuple[int, int] | None:
        with self._lock:
            return next(blocks, None)

    def _leave_out(self, key: Keys, row: int, column: int) -> None:
        """Mark genuine pairs, pairs that were counted the other way round, and images with themselves.

        Images are sorted by person, so that these are all columns up to the last image of the row's own person.
        """
        until = self._until[row : row + len(key)] - column
        for place in np.flatnonzero(until > 0).tolist():
            key[place, : until[place]] = LEFT_OUT

    def _take(self, key: Keys, row: int, column: int) -> None:
        # A block has fewer pairs than float32 counts exactly. One row: OpenCV divides rows over threads of its own.
        found = cv2.calcHist([key.reshape(1, -1)], [0], None, [KEYS], [0, KEYS]).ravel().astype(np.int64)
        found[LEFT_OUT] = 0
        with self._lock:
            self._counts += found
            self._above += int(found[self._floor :].sum())
            if self._above > self._most:
                self._raise_floor()
            floor = self._floor
        flat = np.flatnonzero(key.ravel() >= floor)
        if len(flat):
            ours, theirs = np.divmod(flat, key.shape[1])
            with self._lock:
                self._kept.append((key.ravel()[flat], ours + row, theirs + column))

    def _raise_floor(self) -> None:
        """Keep half as many as may be kept, so that this is seldom done."""
        above = self._counts[::-1].cumsum()[::-1]
        self._floor = int(np.searchsorted(-above, -(self._most // 2), side="left"))
        self._above = int(above[self._floor]) if self._floor < KEYS else 0
        self._drop()

    def _drop(self) -> None:
        masks = [(kept, kept[0] >= self._floor) for kept in self._kept]
        self._kept = [(key[mask], ours[mask], theirs[mask]) for (key, ours, theirs), mask in masks if mask.any()]


def fnmr_estimate(pairs: AllPairs, fmr: float, *, points: Curve | None = None) -> tuple[OperatingPoint, Estimate]:
    """Return the operating point at an FMR, failures as non-matches, and its FNMR with a 95 % interval by identity.

    The threshold is an estimate as well: an impostor pair that matches moves it up, and the FNMR by the slope of the
    curve. All pairs of a person are dependent, genuine and impostor ones, and so are all pairs of two people. The
    pairs that do not match are summed up a person: only those in the tail are known one by one.

    Args:
        pairs: counted.
        fmr: tolerated false match rate, a fraction in ``[1/impostors, 1)``.
        points: the curve of ``pairs``, where it was made before.

    Raises:
        ValueError: too few impostor pairs to resolve ``fmr``, or a threshold below the tail that was kept.
    """
    points = points or pairs.curve()
    point = fnmr_at_fmr(points, fmr, impostors=pairs.impostors)
    matched = round(point.fmr * pairs.impostors)
    if point.threshold < pairs.floor:
        raise ValueError(
            f"FMR {fmr:g}: its {matched} matches are more than the {len(pairs.tail)} impostor pairs that were kept: "
            "count again with a longer tail"
        )
    share = share_of_genuine(points, point.fmr, None, (pairs.genuines, pairs.impostors))
    slope = share / (1 - share) if share < 1 else 0.0
    return point, fraction(
        point.fnmr, _spread(pairs, point, matched, slope), pairs.genuines, trials=int((pairs.images > 1).sum())
    )


def _spread(pairs: AllPairs, point: OperatingPoint, matched: int, slope: float) -> Spread:
    """Return the variance of the FNMR, as :class:`facecheck.metrics.dyads.Dyads` gives it of single pairs."""
    images, own = pairs.images.astype(np.float64), _within(pairs.images).astype(np.float64)
    others = images * (images.sum() - images)
    misses = own - np.bincount(pairs.person[pairs.genuine >= point.threshold], minlength=len(own))
    sides = np.sort(pairs.tail_people[:matched], axis=1)
    matches = np.bincount(sides.ravel(), minlength=len(own))
    by = slope / pairs.impostors
    trials = point.fnmr * (1 - point.fnmr) / pairs.genuines
    alone = trials + slope**2 * point.fmr * (1 - point.fmr) / pairs.impostors
    if not alone > _NO_VARIANCE:
        return Spread(0.0, 0.0, np.inf, np.inf)
    of_misses = (misses - point.fnmr * own) / np.maximum(pairs.genuines - own, 1)  # as if made without the person
    of_person = of_misses + by * (matches - point.fmr * others)
    together = float((of_person**2).sum()) - by**2 * _of_couples(sides, images, point.fmr)
    variance = max(alone, together)
    neighbours = float((own * (own - 1)).sum()) / pairs.genuines
    clustered = max(0.0, float((of_misses**2).sum()) - trials)  # pairs of one person that are judged alike
    alike = min(1.0, clustered / trials / neighbours) if trials * neighbours > 0 else 0.0
    concentration = float((of_person**4).sum()) / variance**2
    freedom = max(1.0, 3 / concentration - 3 - 2 / max(1, len(own) - 1)) if concentration > 0 else np.inf
    return Spread(variance, min(variance, trials + alike * clustered), freedom, freedom)


def _of_couples(sides: Rows, images: Array, fmr: float) -> float:
    """Return the sum over couples of people of (matches - expected matches) squared, which both of them counted."""
    numbers, matches = np.unique(sides[:, 0] * len(images) + sides[:, 1], return_counts=True)
    expected = fmr * images[numbers // len(images)] * images[numbers % len(images)]
    of_all = fmr**2 * (float((images**2).sum()) ** 2 - float((images**4).sum())) / 2
    return float(((matches - expected) ** 2 - expected**2).sum()) + of_all
