"""95 % intervals by identity: pairs that share a person are not independent.

A proportion or a mean gets a closed form: the variance counts the covariance of every two pairs that share
a person, and the Wilson interval of a proportion uses the number of independent pairs with the same
variance. Anything else (AUC, EER, TAR at FAR) uses a bootstrap over people.

Source: Bolle, Ratha and Pankanti, CVIU 2004; Aronow, Samii and Assenova, Political Analysis 2015 (the
variance of dyads); Fogliato, Patil and Perona, arXiv 2306.01198.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

__all__ = ["Estimate", "Statistics", "bootstrap", "bootstrap_of_sums", "design_effect", "mean", "proportion", "wilson"]

Array = npt.NDArray[np.float64]
People = npt.NDArray[np.int64]
Statistics = Callable[[Array], Mapping[str, float]]
_Z = 1.959963984540054  # the normal's 97.5 % quantile
_PERCENT = (2.5, 97.5)
RESAMPLES = 400
_AT_ONCE = 2**21  # weights in memory, 16 MiB


class Estimate(NamedTuple):
    """A value, its 95 % interval, and the number of observations."""

    value: float
    low: float
    high: float
    n: int


def wilson(rate: float, n: float) -> tuple[float, float]:
    """Return the Wilson 95 % interval of a proportion of n independent trials.

    Raises:
        ValueError: no trials, or a rate outside [0, 1].

    >>> [round(bound, 4) for bound in wilson(0.9938, 6000)]
    [0.9915, 0.9955]
    """
    if not n > 0 or not 0 <= rate <= 1:
        raise ValueError(f"a proportion needs trials and a rate in [0, 1], not {rate} of {n}")
    centre = rate + _Z**2 / (2 * n)
    half = _Z * np.sqrt(rate * (1 - rate) / n + _Z**2 / (4 * n**2))
    low, high = (centre - half) / (1 + _Z**2 / n), (centre + half) / (1 + _Z**2 / n)
    # At rates of 0 and 1, rounding can put the rate just outside its own interval.
    return min(float(max(low, 0.0)), rate), max(float(min(high, 1.0)), rate)


def design_effect(values: Array, people: People) -> float:
    """Return the variance of the mean divided by that of independent observations, at least 1.

    Args:
        values: ``(n,)`` observations.
        people: ``(n,)`` or ``(n, 2)`` identity numbers; two observations that share one are dependent.
    """
    residual = values - values.mean()
    independent = float((residual**2).sum())
    if not np.ptp(values) > 0:
        # Equal values show no covariance; count each person as one independent observation.
        return max(1.0, len(values) / len(np.unique(people)))
    pairs = people if people.ndim > 1 else np.stack((people, people), axis=1)
    count = int(pairs.max()) + 1
    apart = pairs[:, 0] != pairs[:, 1]
    of_person = np.bincount(pairs[:, 0], residual, count) + np.bincount(pairs[apart, 1], residual[apart], count)
    # Two pairs of the same two people were counted once under each person; subtract the second count.
    _, couple = np.unique(np.sort(pairs[apart], axis=1) @ np.array([count, 1]), return_inverse=True)
    of_couple = np.bincount(couple, residual[apart])
    return max(1.0, float((of_person**2).sum() - (of_couple**2).sum()) / independent)


def proportion(hits: npt.NDArray[np.bool_], people: People) -> Estimate:
    """Return the fraction of hits and its Wilson interval at the effective number of observations.

    Args:
        hits: ``(n,)``.
        people: ``(n,)`` or ``(n, 2)`` identity numbers.

    Raises:
        ValueError: no observations.

    >>> proportion(np.array([True, True, True, False]), np.array([0, 1, 2, 3])).value
    0.75
    """
    if not len(hits):
        raise ValueError("a proportion of no observations is not defined")
    rate = float(hits.mean())
    low, high = wilson(rate, len(hits) / design_effect(hits.astype(np.float64), people))
    return Estimate(rate, low, high, len(hits))


def mean(values: Array, people: People) -> Estimate:
    """Return the mean and its interval by Student's t, with (number of people - 1) degrees of freedom.

    Raises:
        ValueError: fewer than two observations or two people.
    """
    count = len(np.unique(people))
    if count < 2 or len(values) < 2:  # noqa: PLR2004 - no spread over one
        raise ValueError(f"{len(values)} observations of {count} people: an interval of their mean needs two of each")
    variance = float(values.var(ddof=1)) * design_effect(values, people) / len(values)
    half = float(stdtrit(count - 1, 0.975) * np.sqrt(variance * count / (count - 1)))
    middle = float(values.mean())
    return Estimate(middle, middle - half, middle + half, len(values))


def bootstrap(
    statistics: Statistics,
    who: People,
    *,
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
) -> dict[str, tuple[float, float]]:
    """Return percentile intervals of statistics over resampled people.

    A person drawn c times counts their genuine pairs c times, and a pair with someone drawn d times
    counts c d times. Draws in which a statistic is undefined are left out of its interval.

    Args:
        statistics: takes ``(n,)`` weights and returns named values; raises ValueError if undefined.
        who: ``(n, 2)`` identity numbers.
        generator: source of the random draws.
        resamples: number of draws.
    """
    draws: dict[str, list[float]] = {}
    for block in _resampled(who, generator, resamples):
        for weights in block:
            try:
                for name, value in statistics(weights).items():
                    draws.setdefault(name, []).append(value)
            except ValueError:
                continue
    return {name: _percentiles(values) for name, values in draws.items()}


def bootstrap_of_sums(
    statistic: Callable[[Array], Array],
    columns: Array,
    who: People,
    *,
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
) -> tuple[float, float]:
    """Return the interval of :func:`bootstrap` for a statistic of weighted sums, computed by matrix products.

    Args:
        statistic: takes sums ``(r, k)`` and returns ``(r,)`` values, NaN where undefined.
        columns: ``(n, k)`` values that are summed over the pairs.
        who: ``(n, 2)`` identity numbers.
        generator: source of the random draws, which equal those of :func:`bootstrap`.
        resamples: number of draws.

    Raises:
        ValueError: the statistic is undefined in every draw.
    """
    values = np.concatenate([statistic(weights @ columns) for weights in _resampled(who, generator, resamples)])
    defined = values[~np.isnan(values)]
    if not len(defined):
        raise ValueError("the statistic is undefined in every resample")
    return _percentiles(defined)


def _resampled(who: People, generator: np.random.Generator, resamples: int) -> Iterator[Array]:
    """Yield the weight of each pair in each resample, ``(r, n)``, in a few blocks that bound the memory."""
    numbers, people = np.unique(who, return_inverse=True)
    people = people.reshape(who.shape)
    genuine = people[:, 0] == people[:, 1]
    chances = np.full(len(numbers), 1 / len(numbers))
    rows = max(1, _AT_ONCE // max(1, len(who)))
    for start in range(0, resamples, rows):
        times = generator.multinomial(len(numbers), chances, min(rows, resamples - start)).astype(np.float64)
        yield times[:, people[:, 0]] * np.where(genuine, 1.0, times[:, people[:, 1]])


def _percentiles(values: list[float] | Array) -> tuple[float, float]:
    low, high = np.percentile(values, _PERCENT)
    return float(low), float(high)
