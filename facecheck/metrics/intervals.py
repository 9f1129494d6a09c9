"""95 % intervals by identity: pairs that share a person are not independent.

The variance of every estimate is that of the sum of its influence values over people, see
:mod:`facecheck.metrics.dyads`; nothing is resampled. A fraction (accuracy, a rate, AUC, EER, TAR, F1) takes a
Wilson interval with this variance, anything else the interval of Student's
t. Both use the quantile of t at the number of people that the variance rests on. Without a single error the
variance says nothing: people are then counted as independent trials.

``benchmarks/coverage.py`` simulates how often these intervals hold the true value; see ``docs/statistics.md``.

Source: Wilson, JASA 1927; Bolle, Ratha and Pankanti, CVIU 2004; Aronow, Samii and Assenova, Political Analysis 2015
(the variance of dyads); Fogliato, Patil and Perona, arXiv 2306.01198.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import stdtrit

from facecheck.metrics import influence
from facecheck.metrics.dyads import Dyads, Spread

__all__ = ["Estimate", "around", "fraction", "mean", "proportion", "wilson"]

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
People = npt.NDArray[np.int64]
_Z = 1.959963984540054  # the normal's 97.5 % quantile
_LEVEL = 0.975
_NEGLIGIBLE = 1e-9  # a variance, relative to another


class Estimate(NamedTuple):
    """A value, its 95 % interval, and the number of observations."""

    value: float
    low: float
    high: float
    n: int


def wilson(rate: float, n: float, *, quantile: float = _Z) -> tuple[float, float]:
    """Return the Wilson 95 % interval of a proportion of n independent trials.

    Args:
        rate: a fraction.
        n: number of trials; effective ones need not be whole.
        quantile: of the normal distribution, or of t where the number of trials is an estimate.

    Raises:
        ValueError: no trials, or a rate outside [0, 1].

    >>> [round(bound, 4) for bound in wilson(0.9938, 6000)]
    [0.9915, 0.9955]
    """
    if not n > 0 or not 0 <= rate <= 1:
        raise ValueError(f"a proportion needs trials and a rate in [0, 1], not {rate} of {n}")
    doubt = quantile**2 / n
    half = np.sqrt(doubt * rate * (1 - rate) + doubt**2 / 4)
    low, high = (rate + doubt / 2 - half) / (1 + doubt), (rate + doubt / 2 + half) / (1 + doubt)
    # At rates of 0 and 1, rounding can put the rate just outside its own interval.
    return min(float(max(low, 0.0)), rate), max(float(min(high, 1.0)), rate)


def fraction(value: float, spread: Spread, n: int, *, trials: float, freedom: float | None = None) -> Estimate:
    """Return a fraction with its Wilson interval, in which people have a variance of their own.

    The interval holds the rates from which the value is not too far for the variance *at that rate*: what single
    pairs add is proportional to rate (1 - rate), what people add to the square of it, since they differ in their
    odds. Without an effect of people this is Wilson's interval.

    Args:
        value: in [0, 1].
        spread: of its influence values.
        n: number of observations.
        trials: what n observations without any spread are worth, such as the number of people.
        freedom: degrees of freedom, of the part that people make by default.
    """
    if not spread.variance > 0 or not 0 < value < 1:
        return Estimate(value, *wilson(value, trials), n)
    at = value * (1 - value)
    trial, person = spread.of_trials / at, (spread.variance - spread.of_trials) / at**2
    quantile = float(stdtrit(freedom or spread.freedom, _LEVEL))

    def beyond(rate: float) -> float:
        """Return whether a true rate is too far from the value: above 0 if it is."""
        doubt = rate * (1 - rate)
        return float((value - rate) ** 2 - quantile**2 * (trial * doubt + person * doubt**2))

    if not person * at > _NEGLIGIBLE * trial:
        return Estimate(value, *wilson(value, 1 / trial, quantile=quantile), n)
    return Estimate(value, float(brentq(beyond, 0.0, value)), float(brentq(beyond, value, 1.0)), n)


def around(value: float, spread: Spread, n: int, *, freedom: float | None = None) -> Estimate:
    """Return a value with the interval of Student's t.

    Args:
        value: of any unit.
        spread: of its influence values.
        n: number of observations.
        freedom: degrees of freedom, of the whole variance by default.
    """
    half = float(stdtrit(freedom or spread.freedom_of_all, _LEVEL) * np.sqrt(spread.variance))
    return Estimate(value, value - half, value + half, n)


def proportion(hits: Bools, people: People, *, kinds: Bools | None = None) -> Estimate:
    """Return the fraction of hits and its Wilson interval at the effective number of observations.

    Args:
        hits: ``(n,)``.
        people: ``(n,)`` or ``(n, 2)`` identity numbers.
        kinds: ``(n,)`` kind of each observation, if the number of each kind is fixed.

    Raises:
        ValueError: no observations.

    >>> proportion(np.array([True, True, True, False]), np.array([0, 1, 2, 3])).value
    0.75
    """
    if not len(hits):
        raise ValueError("a proportion of no observations is not defined")
    dyads = Dyads.of(people)
    spread = dyads.spread(influence.of_mean(hits.astype(np.float64), kinds), kinds)
    return fraction(float(hits.mean()), spread, len(hits), trials=min(len(hits), dyads.count))


def mean(values: Array, people: People, *, kinds: Bools | None = None) -> Estimate:
    """Return the mean and its interval by Student's t.

    Args:
        values: ``(n,)``.
        people: ``(n,)`` or ``(n, 2)`` identity numbers.
        kinds: ``(n,)`` kind of each observation, if the number of each kind is fixed.

    Raises:
        ValueError: fewer than two observations or two people.
    """
    dyads = Dyads.of(people)
    if dyads.count < 2 or len(values) < 2:  # noqa: PLR2004 - no spread over one
        raise ValueError(
            f"{len(values)} observations of {dyads.count} people: an interval of their mean needs two of each"
        )
    return around(float(values.mean()), dyads.spread(influence.of_mean(values, kinds), kinds), len(values))
