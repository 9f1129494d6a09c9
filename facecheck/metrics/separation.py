"""d-prime: the separation of the genuine and the impostor distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facecheck.metrics.scores import Scores

__all__ = ["DprimeTerms", "dprime"]
Array = npt.NDArray[np.float64]


def dprime(scores: Scores) -> float:
    """Return the separation of both kinds of pairs: |mean_g - mean_i| / sqrt((var_g + var_i) / 2).

    Failed comparisons are left out, since they have no finite similarity. Population variances.

    Raises:
        ValueError: no genuine or no impostor comparison, or no spread at all.
    """
    if not all((scores.made & kind).any() for kind in (scores.genuine, ~scores.genuine)):
        raise ValueError("d-prime needs completed genuine and impostor comparisons")
    terms = DprimeTerms.of(scores)
    value = float(terms.of_sums(terms.columns.sum(axis=0)[None])[0])
    if math.isnan(value):
        raise ValueError("all similarities of each kind are equal: d-prime is not defined")
    return value


_NO_SPREAD = 1e-12  # rounding error of equal similarities, relative to the variance of the whole set


@dataclass(frozen=True, slots=True, eq=False)
class DprimeTerms:
    """The terms of :func:`dprime` per pair, so that pairs can be weighted.

    Args:
        columns: ``(n, 6)``: for genuine and then impostor comparisons a one, the similarity - the mean of its
            kind, and the square of that; zeros for the other kind and for a failed comparison.
        gap: mean of the genuine - mean of the impostor comparisons.
        variance: the larger variance of the two kinds.
    """

    columns: Array
    gap: float
    variance: float

    @classmethod
    def of(cls, scores: Scores) -> DprimeTerms:
        """Return the terms of all pairs."""
        columns = np.zeros((len(scores), 6))
        means, variances = [], []
        for first, kind in ((0, scores.genuine), (3, ~scores.genuine)):
            rows = np.flatnonzero(kind & scores.made)
            values = scores.similarity[rows]
            means.append(float(values.mean()) if len(rows) else 0.0)
            apart = values - means[-1]
            columns[rows, first : first + 3] = np.stack([np.ones(len(rows)), apart, apart**2], axis=1)
            variances.append(float(apart.var()) if len(rows) and np.ptp(values) > 0 else 0.0)
        return cls(columns, means[0] - means[1], max(variances))

    def of_sums(self, sums: Array) -> Array:
        """Return d-prime ``(r,)`` for weighted sums of the columns ``(r, 6)``, NaN where it is undefined."""
        with np.errstate(divide="ignore", invalid="ignore"):
            genuine, impostor = (
                (part[:, 1] / part[:, 0], part[:, 2] / part[:, 0] - (part[:, 1] / part[:, 0]) ** 2)
                for part in (sums[:, :3], sums[:, 3:])
            )
            spread = (genuine[1] + impostor[1]) / 2
            apart = np.abs(self.gap + genuine[0] - impostor[0])
            return np.where(spread > _NO_SPREAD * self.variance, apart / np.sqrt(spread), np.nan)
