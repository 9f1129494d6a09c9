"""Since when is it worse? Change points of a metric over the versions of a model.

A run that only repeats another tells nothing new: consecutive runs of equal value and function are one version. Whether
anything changed is asked by a permutation test: were the versions equally good, any order of their values would be
equally likely, and the largest CUSUM of the real order no larger than that of the others. No distribution is assumed,
and no noise has to be known. Where it changed, the better of two descriptions decides: a step between two versions, or
a drift that begins at one. What lies before and after a step is searched again.

Two versions alone cannot be ordered by chance: for them there is :mod:`facecheck.comparison`.

Source: Page, Biometrika 1954 (CUSUM); Pettitt, Applied Statistics 1979, and Antoch and Huskova, 2001 (permutations).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

__all__ = ["FEWEST", "ChangePoint", "change_points", "cusum", "versions"]

Array = npt.NDArray[np.float64]
FEWEST = 5  # versions: with fewer no order is rarer than one in a hundred
_DRAWS = 9_999
_SEED = 19_540_601


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePoint:
    """Where a series changed.

    Args:
        kind: a ``step``, or a ``drift`` of as much a version.
        first: position of the first value that belongs to the change.
        size: difference of the means after and before a step, of the end and the beginning of a drift.
        slope: change from one version to the next in a drift, 0 for a step.
        p: probability of so large a CUSUM in a random order.
    """

    kind: Literal["step", "drift"]
    first: int
    size: float
    slope: float
    p: float


def versions(values: Sequence[float], functions: Sequence[str]) -> list[int]:
    """Return the positions at which a version begins: a run of another value or function than the one before.

    Args:
        values: of a metric.
        functions: what identifies the model's function, such as its fingerprint and data.

    >>> versions([0.9, 0.9, 0.9, 0.8], ["a", "a", "b", "b"])
    [0, 2, 3]
    """
    pairs = list(zip(values, functions, strict=True))
    return [position for position, pair in enumerate(pairs) if not position or pair != pairs[position - 1]]


def cusum(values: Array) -> float:
    """Return the largest absolute standardised CUSUM, each place weighed by what it can reach.

    >>> cusum(np.array([0.0, 0, 0, 1, 1, 1])) > cusum(np.array([0.0, 1, 0, 1, 0, 1]))
    True
    """
    return float(np.abs(_scaled(values[None])).max()) if len(values) > 1 else 0.0


def _scaled(rows: Array) -> Array:
    """Return the CUSUM after each value but the last, ``(rows, n - 1)``, over the error that chance would give it."""
    n = rows.shape[1]
    position = np.arange(1, n)
    sums = np.cumsum(rows - rows.mean(axis=1, keepdims=True), axis=1)[:, :-1]
    spread = rows.std(axis=1, keepdims=True)
    return np.asarray(sums / np.where(spread > 0, spread, 1.0) / np.sqrt(position * (n - position) / n))


def change_points(values: Sequence[float], *, false_alarms: float = 0.01) -> list[ChangePoint]:
    """Return where a series of versions changed, in their order; none where any order would be as likely.

    Args:
        values: one a version, the oldest first.
        false_alarms: chance of finding anything in versions that are equally good.
    """
    series = np.asarray(values, dtype=np.float64)
    return sorted(_found(series, 0, false_alarms), key=lambda change: change.first)


def _found(series: Array, start: int, rate: float) -> Iterator[ChangePoint]:
    if len(series) < FEWEST or not np.ptp(series) > 0:
        return
    p = _p(series)
    if p > rate:
        return
    step, step_error = _step(series)
    kink, slope, kink_error = _drift(series)
    if kink_error < step_error:
        yield ChangePoint(kind="drift", first=start + kink + 1, size=slope * (len(series) - 1 - kink), slope=slope, p=p)
        return
    size = float(series[step:].mean() - series[:step].mean())
    yield ChangePoint(kind="step", first=start + step, size=size, slope=0.0, p=p)
    yield from _found(series[:step], start, rate)
    yield from _found(series[step:], start + step, rate)


def _p(series: Array) -> float:
    """Return the share of orders with as large a CUSUM, the real one among them."""
    generator = np.random.default_rng(_SEED)
    orders = generator.permuted(np.tile(series, (_DRAWS, 1)), axis=1)
    reached = np.abs(_scaled(orders)).max(axis=1) >= cusum(series) * (1 - 1e-12)
    return float((1 + reached.sum()) / (_DRAWS + 1))


def _step(series: Array) -> tuple[int, float]:
    """Return where two constants describe a series best, and their squared error."""
    errors = [
        float(((part - part.mean()) ** 2).sum() + ((rest - rest.mean()) ** 2).sum())
        for position in range(1, len(series))
        for part, rest in [(series[:position], series[position:])]
    ]
    return int(np.argmin(errors)) + 1, min(errors)


def _drift(series: Array) -> tuple[int, float, float]:
    """Return the position after which a line leaves a constant, its slope, and the squared error."""
    best = (0, 0.0, np.inf)
    for kink in range(len(series) - 2):
        ramp = np.maximum(np.arange(len(series)) - kink, 0.0)
        design = np.stack((np.ones(len(series)), ramp), axis=1)
        (level, slope), *_ = np.linalg.lstsq(design, series, rcond=None)
        error = float(((series - level - slope * ramp) ** 2).sum())
        if error < best[2]:
            best = kink, float(slope), error
    return best
