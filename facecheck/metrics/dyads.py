"""The variance of a sum over pairs that share people.

An estimate is its true value plus, to first order, a sum of influence values, one a pair. Two pairs that share a
person are dependent, so the variance of the sum is the sum of the products of the influence values of every two
pairs with a person in common: one pass over people, no resampling. Three corrections matter with few people. What
a person's pairs sum to is scaled as if the estimate had been made without that person (a jackknife's leave-one-out);
the centring of the influence values is undone; and an interval takes Student's t at the number of people that the
variance really rests on, which is smaller than their count where a few of them make most of it.

Source: Aronow, Samii and Assenova, Political Analysis 2015 (dyads); Efron, The Jackknife, the Bootstrap and Other
Resampling Plans, 1982 (infinitesimal jackknife); Pitman, JRSS Supplement 1937 (moments of a self-normalised sum).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Dyads", "Spread"]

Array = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
_NO_SPREAD = 1e-24  # rounding errors of influence values, which are about 1/n
_HIGHEST_LEVERAGE = 0.75  # of a person who is in nearly all pairs, without whom nothing would be left


class Spread(NamedTuple):
    """The variance of a sum of influence values, and how well it is known.

    Args:
        variance: with all covariances of pairs that share a person.
        of_trials: the part of it that single pairs make, and people whose pairs are all judged alike.
        freedom: degrees of freedom of the part that people make, infinite without any.
        freedom_of_all: of the whole variance, the spread of single pairs included.
    """

    variance: float
    of_trials: float
    freedom: float
    freedom_of_all: float


@dataclass(frozen=True, slots=True, eq=False)
class Dyads:
    """Which people each of n observations concerns.

    Args:
        sides: ``(n, 2)`` people numbered from 0; equal numbers are a genuine pair, or an image of one person.
        couple: ``(n,)`` the same number for pairs of the same two people.
        count: number of people.
    """

    sides: Numbers
    couple: Numbers
    count: int

    @classmethod
    def of(cls, people: Numbers) -> Dyads:
        """Number the people of ``(n,)`` observations of one each or ``(n, 2)`` pairs."""
        pairs = people if people.ndim > 1 else np.stack((people, people), axis=1)
        numbers, sides = np.unique(pairs, return_inverse=True)
        sides = np.sort(sides.reshape(pairs.shape), axis=1).astype(np.int64)
        _, couple = np.unique(sides[:, 0] * max(1, len(numbers)) + sides[:, 1], return_inverse=True)
        return cls(sides, couple.astype(np.int64), len(numbers))

    def spread(self, influence: Array, kinds: npt.NDArray[np.bool_] | None = None, *, least: float = 1.0) -> Spread:
        """Return the variance of the sum of influence values.

        Args:
            influence: ``(n,)``, with sum 0 over all pairs, or within both kinds.
            kinds: ``(n,)`` kind of each pair where the estimate weighs genuine and impostor pairs apart.
            least: smallest variance, as a share of that of independent pairs. A lower one than 1 is for
                differences, whose covariances have no sign of their own.
        """
        n, square = len(influence), influence**2
        alone = float(square.sum()) * n / max(1, n - 1)
        if not alone > _NO_SPREAD:
            return Spread(0.0, 0.0, np.inf, np.inf)
        of_person = self._of_people(influence, kinds)
        shared = max((least - 1) * alone, float(of_person.sum()) - self._twice(influence, square))
        variance = alone + shared
        by_people = float((np.maximum(of_person, 0.0) ** 2).sum()) / variance**2
        by_pairs = float((square**2).sum()) * (n / max(1, n - 1)) ** 2 / variance**2
        return Spread(
            variance,
            alone + min(1.0, max(0.0, self._correlation(shared / alone))) * shared,
            self._freedom(by_people),
            self._freedom(by_people + by_pairs),
        )

    def per_person(self, influence: Array) -> Array:
        """Return what the pairs of each person sum to, ``(count,)``: the joint chance of several estimates."""
        return _per_person(self.sides, influence, self.count)

    def _correlation(self, shared: float) -> float:
        """Return the mean correlation of two pairs of one person, from the covariance relative to the variance."""
        pairs = _per_person(self.sides, np.ones(len(self.sides)), self.count)
        neighbours = float((pairs * (pairs - 1)).sum()) / len(self.sides)
        return shared / neighbours if neighbours > 0 else 0.0

    def _of_people(self, influence: Array, kinds: npt.NDArray[np.bool_] | None) -> Array:
        """Return the products of every two different pairs of each person, ``(count,)``.

        Two corrections for few people: a person's sum is scaled as if they had no part in the mean, and the
        covariance that centring gives to independent pairs is taken out.
        """
        sums, squares, centred = np.zeros(self.count), np.zeros(self.count), np.zeros(self.count)
        kinds = np.zeros(len(influence), dtype=bool) if kinds is None else kinds
        for rows in (kinds, ~kinds):
            total = int(rows.sum())
            if not total:
                continue
            sides, values = self.sides[rows], influence[rows]
            pairs = _per_person(sides, np.ones(total), self.count)
            genuine = float((sides[:, 0] == sides[:, 1]).mean())
            leverage = np.sqrt(1 - genuine / self.count) / (1 - np.minimum(pairs / total, _HIGHEST_LEVERAGE))
            sums += leverage * _per_person(sides, values, self.count)
            squares += leverage**2 * _per_person(sides, values**2, self.count)
            centred += pairs * (pairs - 1) / total * float((values**2).mean())
        return sums**2 - squares + centred

    def _twice(self, influence: Array, square: Array) -> float:
        """Return the products of pairs of the same two people, which both of them have counted."""
        apart = self.sides[:, 0] != self.sides[:, 1]
        of_couple = np.bincount(self.couple[apart], influence[apart])
        return float((of_couple**2).sum() - square[apart].sum())

    def _freedom(self, concentration: float) -> float:
        """Return the degrees of freedom at which people of equal share would be concentrated alike.

        For n normal contributions that sum to 0, the sum of fourth powers over the squared sum of squares is
        3 (n - 1) / (n (n + 1)) on average.
        """
        if not concentration > 0:
            return np.inf
        return max(1.0, 3 / concentration - 3 - 2 / max(1, self.count - 1))


def _per_person(sides: Numbers, values: Array, count: int) -> Array:
    """Sum values over the pairs of each person; a genuine pair counts once."""
    apart = sides[:, 0] != sides[:, 1]
    first, second = np.bincount(sides[:, 0], values, count), np.bincount(sides[apart, 1], values[apart], count)
    return np.asarray(first + second, dtype=np.float64)
