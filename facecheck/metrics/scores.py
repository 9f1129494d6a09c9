"""Similarities of pairs, with failed comparisons.

One convention everywhere: higher means more alike, and a pair matches when ``similarity >= threshold``. A
distance is negated to give a similarity, so ``distance <= -threshold`` is the same rule. A failed comparison,
where a face was not found, has similarity ``-inf``: no threshold accepts it, so a failure counts as a
non-match unless it is removed explicitly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Scores"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Similarities of n pairs and the two identities of each.

    Args:
        similarity: ``(n,)`` float64, ``-inf`` for a failed comparison.
        who: ``(n, 2)`` identity numbers; equal numbers make a genuine pair.

    Raises:
        ValueError: inconsistent shapes, or NaN.
    """

    similarity: Array
    who: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        """Check the shapes and reject NaN."""
        if self.similarity.ndim != 1 or self.who.shape != (len(self.similarity), 2):
            raise ValueError(
                f"similarity must have shape (n,) and who (n, 2), not {self.similarity.shape} and {self.who.shape}"
            )
        if np.isnan(self.similarity).any():
            raise ValueError("a similarity is NaN: the embeddings hold NaN, or a failure was not given as -inf")

    def __len__(self) -> int:
        return len(self.similarity)

    @property
    def genuine(self) -> npt.NDArray[np.bool_]:
        """True for pairs of one person, shape ``(n,)``."""
        return np.asarray(self.who[:, 0] == self.who[:, 1])

    @property
    def made(self) -> npt.NDArray[np.bool_]:
        """True for completed comparisons, shape ``(n,)``."""
        return np.asarray(self.similarity > -np.inf)

    def matched(self, thresholds: float | Array) -> npt.NDArray[np.bool_]:
        """Return which pairs match, shape ``(n,)``; a failed comparison never matches.

        Args:
            thresholds: the similarity from which a pair matches, one for all or ``(n,)``.
        """
        return np.asarray((self.similarity >= thresholds) & self.made)

    def take(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Scores:
        """Return only these pairs."""
        return Scores(self.similarity[rows], self.who[rows])

    def completed(self) -> Scores:
        """Return the completed comparisons, on which ISO defines FMR and FNMR."""
        return self.take(self.made)
