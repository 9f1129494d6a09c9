"""From embeddings to the similarity of each pair."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facecheck.embedders.distances import distance_between
from facecheck.errors import DatasetError
from facecheck.faces import Pairs
from facecheck.metrics.scores import Scores
from facecheck.metrics.thresholds import PairThresholds, best_threshold
from facecheck.pipeline.outcomes import Embedded, Outcome

__all__ = ["fold_means", "score", "score_centred"]

Means = npt.NDArray[np.float32]
_AT_ONCE = 20_000  # pairs whose vectors are held twice in memory


def score(embedded: Embedded, pairs: Pairs, *, distance: str) -> Scores:
    """Compare the pairs of faces, ``-inf`` where one of the two gave no vector.

    Args:
        embedded: the faces of ``pairs``, in their order.
        pairs: n comparisons.
        distance: ``euclidean`` or ``cosine``; its negative is the similarity.
    """
    return _scored(embedded, pairs, distance)


def _scored(embedded: Embedded, pairs: Pairs, distance: str, *, mean: Means | None = None) -> Scores:
    """Compare the pairs a portion at a time, after a mean was subtracted if one is given."""

    def vectors(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        return embedded.vectors[rows] if mean is None else embedded.vectors[rows] - mean

    portions = np.array_split(pairs.indices, max(1, len(pairs) // _AT_ONCE))
    between = [distance_between(vectors(rows[:, 0]), vectors(rows[:, 1]), distance=distance) for rows in portions]
    similarity = -np.concatenate(between)
    ok = embedded.outcomes == Outcome.EMBEDDED
    return Scores(np.where(ok[pairs.indices].all(axis=1), similarity, -np.inf), pairs.who)


def fold_means(embedded: Embedded, pairs: Pairs) -> Means:
    """Return for each fold the mean vector of the other folds' pairs, ``(k, d)``.

    A picture counts as often as it is in a pair, as in FaceNet's own evaluation; one without a vector does not count.

    Raises:
        DatasetError: the pairs have no folds, so that there is no mean of other people.
    """
    if pairs.folds is None:
        raise DatasetError(
            "centre=folds: the pairs have no folds, and so no other people's mean vector that could be subtracted: "
            "leave centre out for this data set, or give it folds"
        )
    ok = embedded.outcomes == Outcome.EMBEDDED
    means = []
    for number in np.unique(pairs.folds):
        seen = pairs.indices[pairs.folds != number].ravel()
        seen = seen[ok[seen]]
        # Row after row, as one sum over all of them would be: the portions change no bit of it.
        total = np.zeros((1, embedded.vectors.shape[1]))
        for start in range(0, len(seen), _AT_ONCE):
            portion = embedded.vectors[seen[start : start + _AT_ONCE]].astype(np.float64)
            total = np.concatenate((total, portion)).sum(axis=0, keepdims=True)
        means.append((total[0] / max(1, len(seen))).astype(np.float32))
    return np.stack(means)


def score_centred(
    embedded: Embedded, pairs: Pairs, means: Means, *, distance: str
) -> tuple[Scores, PairThresholds | None, str]:
    """Compare each fold's pairs after its mean was subtracted, with the thresholds that are best on the other folds.

    A fold's threshold is chosen on the other folds' pairs less the same mean, as it will be applied.

    Args:
        embedded: the faces of ``pairs``, in their order.
        pairs: n comparisons in folds.
        means: one a fold, of :func:`fold_means`.
        distance: ``euclidean`` or ``cosine``.

    Returns:
        The scores, and the thresholds or the reason why there are none.

    Source: facenet's ``validate_on_lfw.py --subtract_mean``.
    """
    assert pairs.folds is not None
    numbers = np.unique(pairs.folds)
    similarity, by_fold, problem = np.full(len(pairs), -np.inf), [], ""
    for number, mean in zip(numbers, means, strict=True):
        centred, mine = _scored(embedded, pairs, distance, mean=mean), pairs.folds == number
        similarity[mine] = centred.similarity[mine]
        try:
            by_fold.append(best_threshold(centred.take(~mine)))
        except ValueError as error:
            problem = f"no threshold can be chosen: {error}"
    scores = Scores(similarity, pairs.who)
    if problem:
        return scores, None, problem
    each = np.array(by_fold)
    return scores, PairThresholds(each[np.searchsorted(numbers, pairs.folds)], each), ""
