"""The levels of a sweep taken together: a loss that is spread thinly over many of them is seen by their mean only.

Each level is a case of its own in :mod:`facecheck.comparison.between_runs`, on few pairs and corrected over hundreds of
cases. The mean accuracy over all levels is one case more. A pair counts with the share of levels at which it is judged
correctly, so that pairs, and people, stay the unit of chance however many levels there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from facecheck.results.change import Flips
from facecheck.results.conditions import DEPLOYED, Conditions
from facecheck.results.scored_pairs import ScoredPairs

__all__ = ["EVERY", "FEWEST_LEVELS", "conditions_of", "share_correct", "shares_flipped", "sweeps_of"]

Array = npt.NDArray[np.float64]
EVERY = "all corruptions"
FEWEST_LEVELS = 5
_SHOWN = 5  # pairs by name
_ROUNDING = 1e-9  # of a sum of shares


def sweeps_of(identities: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Return the levels that are taken together: those of each family of corruptions, and all if they are of several.

    Args:
        identities: of degraded conditions, such as ``blur:2``. Compositions, and corruptions of a team's own, are of no
            family and count among all of them.

    >>> list(sweeps_of([f"blur:{level}" for level in range(1, 6)]))
    ['blur']
    """
    from facecheck.corruptions import CORRUPTIONS  # noqa: PLC0415 - OpenCV comes with it

    families: dict[str, list[str]] = {}
    for identity in identities:
        entry = CORRUPTIONS.get(Conditions.of_corrupted(identity).corruption or "")
        families.setdefault(entry.family if entry else "", []).append(identity)
    found = {name: tuple(levels) for name, levels in families.items() if name}
    if len(families) > 1 or "" in families:
        found[EVERY] = tuple(identities)
    return {name: levels for name, levels in found.items() if len(levels) >= FEWEST_LEVELS}


def conditions_of(sweep: str, levels: int) -> Conditions:
    """Return the conditions of the mean over the levels of a sweep, at the run's own clean thresholds."""
    return DEPLOYED | Conditions(sweep=sweep, levels=levels)


def share_correct(levels: Sequence[ScoredPairs], thresholds: Array) -> Array:
    """Return ``(n,)`` shares of the levels at which each pair is judged correctly.

    Args:
        levels: scores of the same n pairs.
        thresholds: ``(n,)`` that were chosen on clean images.
    """
    genuine = levels[0].scores.genuine
    correct = [each.scores.matched(thresholds) == genuine for each in levels]
    return np.asarray(np.mean(correct, axis=0, dtype=np.float64))


def shares_flipped(before: Array, after: Array, pairs: ScoredPairs) -> Flips:
    """Return how many pairs are judged correctly at fewer levels than before, how many at more, and who lost most.

    Args:
        before: ``(n,)`` shares of the baseline.
        after: ``(n,)`` shares of the run.
        pairs: of either, for names.
    """
    apart = after - before
    lost = np.flatnonzero(apart < -_ROUNDING)
    worst = lost[np.argsort(apart[lost], kind="stable")[:_SHOWN]]
    return Flips(
        negative=len(lost),
        positive=int((apart > _ROUNDING).sum()),
        pairs=len(apart),
        worst=tuple(
            (str(pairs.names[row, 0]), str(pairs.names[row, 1]), float(before[row]), float(after[row])) for row in worst
        ),
    )
