"""How often are drifts and steps found, and how often is one seen where there is none? Ours beside ruptures.

    uv run python benchmarks/trend_power.py            # 200 histories of each sort, 30 versions each

A version's accuracy on 6000 pairs is drawn with the noise that retraining gives: a standard deviation of .1 point.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import ruptures
from scipy.stats import beta

from facecheck.history.trend import change_points

Array = npt.NDArray[np.float64]
VERSIONS, HISTORIES, NOISE, PAIRS, STEP = 30, 200, 0.001, 6000, 20
KINDS: dict[str, npt.NDArray[np.floating]] = {
    "nothing": np.zeros(VERSIONS),
    "drift of .1 point a version": -0.001 * np.arange(VERSIONS),
    "drift of .1 point a version from the 16th on": -0.001 * np.maximum(np.arange(VERSIONS) - 14, 0),
    "drift of .02 point a version": -0.0002 * np.arange(VERSIONS),
    "step of .3 point at the 21st": np.where(np.arange(VERSIONS) >= STEP, -0.003, 0.0),
    "step of .1 point at the 21st": np.where(np.arange(VERSIONS) >= STEP, -0.001, 0.0),
}


def ours(series: Array) -> list[int]:
    """Return the places that the permutation test and the better description give."""
    return [change.first for change in change_points(series.tolist())]


def pelt(series: Array) -> list[int]:
    """Return the places of PELT with the usual penalty, the noise taken from successive differences."""
    noise = np.median(np.abs(np.diff(series))) / 0.6745 / np.sqrt(2)
    scaled = series / max(noise, 1e-9)
    found: list[int] = ruptures.Pelt(model="l2", min_size=2, jump=1).fit(scaled).predict(pen=3 * np.log(len(series)))
    return found[:-1]


def page(series: Array) -> list[int]:
    """Return where a CUSUM of differences to the oldest version crosses 5 deviations, with half a one allowed."""
    noise = np.median(np.abs(np.diff(series))) / 0.6745 / np.sqrt(2)
    down = 0.0
    for position, value in enumerate(series):
        down = max(0.0, down - (value - series[0]) / max(noise, 1e-9) - 0.5)
        if down > 5:  # noqa: PLR2004 - Montgomery's usual choice
            return [position]
    return []


def _cell(places: list[list[int]]) -> str:
    """Return how many histories have a change, and where the first is."""
    hits = sum(map(bool, places))
    low = beta.ppf(0.025, hits, HISTORIES - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, HISTORIES - hits) if hits < HISTORIES else 1.0
    share = f"{hits / HISTORIES:.1%} [{low:.1%}, {high:.1%}]"
    if not hits:
        return share
    ends = np.percentile([found[0] + 1 for found in places if found], [50, 10, 90])
    return f"{share}, first at {ends[0]:.0f} ({ends[1]:.0f} to {ends[2]:.0f})"


def main() -> None:
    """Print the table."""
    methods: dict[str, Callable[[Array], list[int]]] = {"facecheck": ours, "ruptures PELT": pelt, "Page's CUSUM": page}
    print(f"| {VERSIONS} versions, {HISTORIES} histories | {' | '.join(methods)} |")
    print("|---|" + "---|" * len(methods))
    for kind, mean in KINDS.items():
        generator = np.random.default_rng(7)
        drawn = 0.985 + mean + NOISE * generator.standard_normal((HISTORIES, VERSIONS))
        drawn = np.round(drawn * PAIRS) / PAIRS
        cells = [_cell([method(series) for series in drawn]) for method in methods.values()]
        print(f"| {kind} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
