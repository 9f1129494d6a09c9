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

__all__ = ["correlation", "max_t"]

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


def max_t(z: Array, correlated: Array, *, draws: int = _DRAWS, seed: int = _SEED) -> Array:
    """Return adjusted p-values of one-sided tests that bound the chance of any false alarm among all.

    Args:
        z: ``(k,)`` standard normal scores; large ones are evidence.
        correlated: ``(k, k)`` correlation of the scores.
        draws: of the joint distribution; an adjusted p-value is a multiple of 1 / (draws + 1).
        seed: of the draws.

    >>> alone = max_t(np.array([2.326]), np.eye(1))
    >>> bool(abs(alone[0] - 0.01) < 0.003)
    True
    """
    if not len(z):
        return np.empty(0)
    values, vectors = np.linalg.eigh(correlated)
    root = vectors * np.sqrt(np.where(values > _LEAST_PART * values[-1], values, 0.0))
    drawn = np.random.default_rng(seed).standard_normal((draws, len(z))) @ root.T
    order = np.argsort(-z, kind="stable")
    # Of the ordered tests, the largest among this one and all with less evidence.
    largest = np.maximum.accumulate(drawn[:, order[::-1]], axis=1)[:, ::-1]
    raw = (1 + (largest >= z[order]).sum(axis=0)) / (draws + 1)
    adjusted = np.empty(len(z))
    adjusted[order] = np.maximum.accumulate(raw)
    return adjusted
