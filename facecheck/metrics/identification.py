"""1:N identification: a probe is searched in a gallery of enrolled people, closed set and open set.

A probe is mated if its person is enrolled. In the closed set every probe is: the identification rate at rank k is the
share of them whose own person is among the k most similar ones. In the open set a search returns whoever is at least
as similar as a threshold. FPIR is the share of non-mated probes for which it returns anybody, FNIR the share of mated
probes for which it does not return their own person at the asked rank or better; DIR is 1 - FNIR.

Ties count against the model: a mate that is as similar as three others has rank 4. A failure to acquire or to enrol
has similarity ``-inf``: a mated probe is then a miss at every rank and threshold, and a non-mated one is no false
positive. A threshold is an observed score. Nothing is interpolated, and the FPIR is never above the one asked for.

Source: ISO/IEC 19795-1 (rates of identification); Grother, Ngan and Hanaoka, NISTIR 8271 (FPIR, FNIR(N, R, T));
Phillips, Grother and Micheals, Handbook of Face Recognition, chapter 14 (DIR).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from facecheck.metrics.curves import resolvable
from facecheck.metrics.scores import Scores

__all__ = ["SearchPoint", "Searches", "as_scores", "cmc", "fnir_at_fpir", "identified", "missed", "search"]

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
_OF_PROBES = ("probe", "mated", "mate", "best_other", "rival", "ahead")


class SearchPoint(NamedTuple):
    """Rates of an open-set search, observed at one threshold on the similarity."""

    threshold: float
    fpir: float
    fnir: float


@dataclass(frozen=True, slots=True, eq=False)
class Searches:
    """What n searches in one gallery found.

    Args:
        probe: ``(n,)`` person number of each probe.
        mated: ``(n,)`` True where that person is enrolled.
        mate: ``(n,)`` similarity to their own template, ``-inf`` if there is none or a face was not found.
        best_other: ``(n,)`` highest similarity to anybody else, ``-inf`` if there is none.
        rival: ``(n,)`` number of that person, the probe's own where there is none.
        ahead: ``(n,)`` how many other people are at least as similar as the mate; all of the gallery where the
            mate has no similarity.
        enrolled: people in the gallery.

    Raises:
        ValueError: arrays of different lengths, NaN, or an empty gallery.
    """

    probe: Numbers
    mated: Bools
    mate: Array
    best_other: Array
    rival: Numbers
    ahead: Numbers
    enrolled: int

    def __post_init__(self) -> None:
        """Refuse what cannot be counted."""
        if len({len(getattr(self, name)) for name in _OF_PROBES}) != 1:
            raise ValueError(f"{', '.join(_OF_PROBES)} must have one entry a search")
        if np.isnan(self.mate).any() or np.isnan(self.best_other).any():
            raise ValueError("a similarity is NaN: the embeddings hold NaN, or a failure was not given as -inf")
        if self.enrolled < 1:
            raise ValueError("the gallery is empty: nobody can be identified")

    def __len__(self) -> int:
        return len(self.probe)

    @classmethod
    def joined(cls, parts: Iterable[Searches]) -> Searches:
        """Return searches in one gallery that were made in portions.

        Raises:
            ValueError: no portion, or galleries of different sizes.
        """
        several = tuple(parts)
        sizes = {part.enrolled for part in several}
        if len(sizes) != 1:
            raise ValueError(f"searches in galleries of {sorted(sizes)} people cannot be joined")
        whole = {name: np.concatenate([getattr(each, name) for each in several]) for name in _OF_PROBES}
        return cls(**whole, enrolled=sizes.pop())


def search(similarity: Array, probe: Numbers, gallery: Numbers) -> Searches:
    """Return what each probe finds in the gallery.

    Of several templates of one person the most similar counts.

    Args:
        similarity: ``(n, g)`` of n probes to g templates, ``-inf`` where either has no vector.
        probe: ``(n,)`` person numbers.
        gallery: ``(g,)`` person numbers.

    Raises:
        ValueError: shapes that do not fit, NaN, or an empty gallery.

    >>> found = search(np.array([[0.9, 0.9, 0.1], [0.3, 0.2, 0.4]]), np.array([0, 7]), np.array([0, 1, 2]))
    >>> found.ahead.tolist(), found.mated.tolist(), found.best_other.tolist()
    ([1, 3], [True, False], [0.9, 0.4])
    """
    if similarity.shape != (len(probe), len(gallery)):
        raise ValueError(f"similarity must have shape ({len(probe)}, {len(gallery)}), not {similarity.shape}")
    if not len(gallery):
        raise ValueError("the gallery is empty: nobody can be identified")
    people, first = np.unique(np.sort(gallery), return_index=True)
    best = np.maximum.reduceat(similarity[:, np.argsort(gallery, kind="stable")], first, axis=1)
    place = np.minimum(np.searchsorted(people, probe), len(people) - 1)
    mated = np.asarray(people[place] == probe)
    rows = np.flatnonzero(mated)
    mate = np.full(len(probe), -np.inf)
    mate[rows] = best[rows, place[rows]]
    best[rows, place[rows]] = -np.inf
    ahead = np.where(mate > -np.inf, (best >= mate[:, None]).sum(axis=1), len(people)).astype(np.int64)
    best_other = best.max(axis=1, initial=-np.inf)
    rival = np.where(best_other > -np.inf, people[best.argmax(axis=1)], probe)
    return Searches(probe, mated, mate, best_other, rival, ahead, len(people))


def identified(searches: Searches, *, rank: int) -> Bools:
    """Return for each mated probe whether its person is among the ``rank`` most similar.

    Raises:
        ValueError: no mated probe, or a rank below 1.
    """
    if rank < 1:
        raise ValueError(f"a rank is 1 or more, not {rank}")
    if not searches.mated.any():
        raise ValueError("no mated probe: nobody who is searched for is enrolled")
    return np.asarray((searches.ahead < rank) & (searches.mate > -np.inf))[searches.mated]


def cmc(searches: Searches) -> Array:
    """Return the closed-set identification rate at ranks 1 to the gallery's size: the CMC curve.

    Raises:
        ValueError: no mated probe.

    >>> found = search(np.array([[0.9, 0.1], [0.8, 0.8], [0.2, 0.1]]), np.array([0, 1, 1]), np.array([0, 1]))
    >>> cmc(found).round(3).tolist()
    [0.333, 1.0]
    """
    hits = [identified(searches, rank=rank).mean() for rank in range(1, searches.enrolled + 1)]
    return np.array(hits, dtype=np.float64)


def missed(searches: Searches, threshold: float, *, rank: int = 1) -> Bools:
    """Return for each mated probe whether a search at a threshold does not return its person.

    Args:
        searches: with mated probes.
        threshold: similarity from which a person is returned.
        rank: the worst at which the person must stand.

    Raises:
        ValueError: a threshold that is NaN, or as :func:`identified`.
    """
    if np.isnan(threshold):
        raise ValueError("the threshold is NaN: nothing can be counted at it")
    return np.asarray(~identified(searches, rank=rank) | (searches.mate[searches.mated] < threshold))


def fnir_at_fpir(searches: Searches, fpir: float, *, rank: int = 1) -> SearchPoint:
    """Return the point with the lowest FNIR at which at most ``fpir`` of non-mated searches return anybody.

    The threshold is the lowest observed score that keeps the FPIR within ``fpir``; ``inf`` if no score does.

    Args:
        searches: with mated and non-mated probes.
        fpir: tolerated false positive identification rate, a fraction in ``[1/n, 1)`` of n non-mated probes, or 0.
        rank: the worst at which a mated probe's person must stand.

    Raises:
        ValueError: no probes of one kind, or too few non-mated ones to resolve ``fpir``.

    Source: NISTIR 8271; DIR at this FPIR is ``1 - fnir``.

    >>> probes, gallery = np.array([0, 1, 7, 8]), np.array([0, 1])
    >>> similarity = np.array([[0.9, 0.2], [0.1, 0.5], [0.6, 0.3], [0.4, 0.1]])
    >>> fnir_at_fpir(search(similarity, probes, gallery), 0.5)
    SearchPoint(threshold=0.5, fpir=0.5, fnir=0.0)
    >>> fnir_at_fpir(search(similarity, probes, gallery), 0)
    SearchPoint(threshold=0.9, fpir=0.0, fnir=0.5)
    """
    highest = np.sort(searches.best_other[~searches.mated])[::-1]
    if not 0 <= fpir < 1:
        raise ValueError(f"fpir must be a fraction in [0, 1), not {fpir}; did you give percent?")
    if not len(highest) or (fpir > 0 and not resolvable(len(highest), fpir)):
        raise ValueError(f"{len(highest)} non-mated probes cannot resolve an FPIR of {fpir:g}")
    observed = np.concatenate((highest, searches.mate[searches.mated]))
    observed = np.unique(observed[observed > -np.inf])
    shares = np.searchsorted(-highest, -observed, side="right") / len(highest)  # of searches that return somebody
    within = np.flatnonzero(shares <= fpir)
    threshold = float(observed[within[0]]) if len(within) else np.inf
    reached = float(shares[within[0]]) if len(within) else 0.0
    return SearchPoint(threshold, reached, float(missed(searches, threshold, rank=rank).mean()))


def as_scores(searches: Searches) -> Scores:
    """Return open-set searches as comparisons, in the order of the probes: DIR at an FPIR is their TAR at that FAR.

    A mated probe is a genuine pair as similar as its mate, and none where somebody else is as similar; a non-mated
    probe is an impostor pair as similar as its best match.

    >>> probes, gallery = np.array([0, 1, 7, 8]), np.array([0, 1])
    >>> similarity = np.array([[0.9, 0.2], [0.6, 0.5], [0.6, 0.3], [0.4, 0.1]])
    >>> as_scores(search(similarity, probes, gallery)).similarity.tolist()
    [0.9, -inf, 0.6, 0.4]
    """
    first = np.where(searches.ahead < 1, searches.mate, -np.inf)
    other = np.where(
        searches.rival == searches.probe, -1 - searches.probe, searches.rival
    )  # nobody: not the own person
    who = np.stack((searches.probe, np.where(searches.mated, searches.probe, other)), axis=1)
    return Scores(np.where(searches.mated, first, searches.best_other), who)
