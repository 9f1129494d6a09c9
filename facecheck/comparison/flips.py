"""Decisions that two versions of a model make differently, and the pairs behind them by name."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facecheck.results.change import Flips

__all__ = ["flips_of"]

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_SHOWN = 5  # pairs that changed sides, by name


def flips_of(was_right: Bools, is_right: Bools, names: npt.NDArray[np.str_], similarity: tuple[Array, Array]) -> Flips:
    """Count the decisions that broke and those that were mended; those whose similarity changed most come first.

    Args:
        was_right: ``(n,)`` of the baseline.
        is_right: ``(n,)`` of the run.
        names: ``(n, 2)`` of the images.
        similarity: ``(n,)`` of the baseline and of the run, ``-inf`` where there is none.
    """
    old, new = similarity
    broken = np.flatnonzero(was_right & ~is_right)
    with np.errstate(invalid="ignore"):
        apart = np.nan_to_num(np.abs(new - old)[broken], nan=0.0)
    worst = broken[np.argsort(-apart, kind="stable")[:_SHOWN]]
    return Flips(
        negative=len(broken),
        positive=int((~was_right & is_right).sum()),
        pairs=len(was_right),
        worst=tuple((str(names[row, 0]), str(names[row, 1]), _finite(old[row]), _finite(new[row])) for row in worst),
    )


def _finite(similarity: float) -> float | None:
    """Return a similarity, None where a comparison could not be made."""
    return float(similarity) if np.isfinite(similarity) else None
