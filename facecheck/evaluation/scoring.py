"""From embeddings to the similarity of each pair."""

from __future__ import annotations

import numpy as np

from facecheck.embedders.distances import distance_between
from facecheck.faces import Pairs
from facecheck.metrics.scores import Scores
from facecheck.pipeline.outcomes import Embedded, Outcome

__all__ = ["score"]
_AT_ONCE = 20_000  # pairs whose vectors are held twice in memory


def score(embedded: Embedded, pairs: Pairs, *, distance: str) -> Scores:
    """Compare the pairs of faces, ``-inf`` where one of the two gave no vector.

    Args:
        embedded: the faces of ``pairs``, in their order.
        pairs: n comparisons.
        distance: ``euclidean`` or ``cosine``; its negative is the similarity.
    """
    portions = np.array_split(pairs.indices, max(1, len(pairs) // _AT_ONCE))
    between = [
        distance_between(embedded.vectors[rows[:, 0]], embedded.vectors[rows[:, 1]], distance=distance)
        for rows in portions
    ]
    similarity = -np.concatenate(between)
    ok = embedded.outcomes == Outcome.EMBEDDED
    return Scores(np.where(ok[pairs.indices].all(axis=1), similarity, -np.inf), pairs.who)
