"""One false-alarm rate for many correlated tests.

Holm's correction holds whatever the tests share, and pays for it: 300 cases that share people and images are far fewer
than 300 independent chances of a false alarm. The step-down max-T procedure compares each test with the largest of all
those that are not rejected yet, under the correlation that the people themselves show.

Source: Westfall and Young, Resampling-Based Multiple Testing, 1993; Romano and Wolf, JASA 2005 (step-down);
Chernozhukov, Chetverikov and Kato, Annals of Statistics 2013 (the Gaussian multiplier).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Family", "correlation"]

Array = npt.NDArray[np.float64]
_DRAWS = 20_000
_SEED = 20_050_101
_LEAST_PART = 1e-10  # eigenvalues below this part of the largest are rounding


def correlation(of_people: Array) -> Array:
    """Return the correlation ``(k, k)`` of k estimates out of what each person adds to each, ``(people, k)``.

    An estimate to which nobody adds anything is correlated with none.
    """
    length = np.sqrt((of_people**2).sum(axis=0))
    scaled = of_people / np.where(length > 0, length, 1.0)
    found = scaled.T @ scaled
    np.fill_diagonal(found, 1.0)
    return np.asarray(found)


class Family:
    """Tests that are read together.

    Args:
        correlated: ``(k, k)`` correlation of their standard normal scores.
        draws: of the joint distribution; an adjusted p-value is a multiple of 1 / (draws + 1).
        seed: of the draws.
    """

    def __init__(self, correlated: Array, *, draws: int = _DRAWS, seed: int = _SEED) -> None:
        values, vectors = np.linalg.eigh(correlated)
        root = vectors * np.sqrt(np.where(values > _LEAST_PART * values[-1], values, 0.0))
        self._drawn = np.random.default_rng(seed).standard_normal((draws, len(correlated))) @ root.T

    def adjusted(self, z: Array) -> Array:
        """Return p-values of one-sided tests that bound the chance of any false alarm among all.

        Args:
            z: ``(k,)`` standard normal scores; large ones are evidence.

        >>> alone = Family(np.eye(1)).adjusted(np.array([2.326]))
        >>> bool(abs(alone[0] - 0.01) < 0.003)
        True
        """
        order = np.argsort(-z, kind="stable")
        # Of the ordered tests, the largest among this one and all with less evidence.
        largest = np.maximum.accumulate(self._drawn[:, order[::-1]], axis=1)[:, ::-1]
        raw = (1 + (largest >= z[order]).sum(axis=0)) / (len(self._drawn) + 1)
        adjusted = np.empty(len(z))
        adjusted[order] = np.maximum.accumulate(raw)
        return adjusted

    def reach(self, rate: float) -> float:
        """Return the score that the largest of all exceeds by chance at this rate, for simultaneous intervals."""
        return float(np.quantile(self._drawn.max(axis=1), 1 - rate))
