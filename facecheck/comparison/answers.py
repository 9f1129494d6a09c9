"""What each model answered to each pair behind a measurement.

A measurement names the files of scores that it came from: the first holds the similarities, the last the thresholds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facecheck.metrics.scores import Scores
from facecheck.results.conditions import NON_MATCH
from facecheck.results.measurement import Measurement
from facecheck.results.scored_pairs import ScoredPairs
from facecheck.results.signature import Signature

__all__ = ["Answers", "Judged", "counts_right_answers"]

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_AT_ONCE = 2**16  # pairs whose names are texts at once
_SHARES = ("accuracy", "fmr", "fnmr")
_CURVES = ("auc", "eer", "tar_at_far")


def counts_right_answers(measurement: Measurement) -> bool:
    """Whether a measurement is a share of the same pairs for every model, which a paired test can compare.

    With failures left out, each model is left with pairs of its own.
    """
    return measurement.name in _SHARES and measurement.conditions.matches(NON_MATCH)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One model's answers behind one measurement.

    Args:
        pairs: identifies the pairs; only answers to equal pairs may be compared.
        scores: of the pairs that the metric counts.
        right: ``(n,)`` True where the model is right, None where the metric does not count right answers.
    """

    pairs: str
    scores: Scores
    right: Bools | None


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    pairs: str
    scores: Scores
    thresholds: Array
    yaw_difference_rad: Array


class Answers:
    """The answers that a run kept.

    Args:
        scored: every file of scores, each read once and kept without the images' names.
        signature: of the run; it holds the thresholds that models declare.
    """

    def __init__(self, scored: Iterable[ScoredPairs], signature: Signature) -> None:
        self._kept: dict[str, _Kept] = {}
        who: dict[str, npt.NDArray[np.int64]] = {}
        for each in scored:
            pairs = _identity(each)
            scores = Scores(each.scores.similarity, who.setdefault(pairs, each.scores.who))
            self._kept[each.name] = _Kept(pairs, scores, each.thresholds, each.yaw_difference_rad)
        self._signature = signature

    def behind(self, measurement: Measurement) -> Judged | None:
        """Return the answers that a measurement was made of, None if it came from no scores that are here."""
        names = measurement.scores
        comparable = measurement.name in _SHARES + _CURVES and measurement.conditions.matches(NON_MATCH)
        if not comparable or not names or not all(name in self._kept for name in names):
            return None
        kept = self._kept[names[0]]
        if measurement.name in _CURVES:
            return Judged(kept.pairs, kept.scores, None)
        thresholds = self._thresholds(measurement)
        if thresholds is None or len(thresholds) != len(kept.scores):
            return None
        rows = _rows(kept, measurement)
        matched, genuine = kept.scores.matched(thresholds), kept.scores.genuine
        return Judged(kept.pairs, kept.scores.take(rows), (matched == genuine)[rows])

    def _thresholds(self, measurement: Measurement) -> Array | None:
        kept = self._kept[measurement.scores[-1]]
        if measurement.conditions.threshold != "declared":
            return kept.thresholds
        model = self._signature.model(measurement.model)
        declared = None if model is None else model.threshold
        return None if declared is None else np.full(len(kept.scores), -declared)


def _identity(scored: ScoredPairs) -> str:
    """Hash what makes pairs the same: not the digest alone, which is only what the file says."""
    whole = hashlib.sha256(f"{scored.names.shape!r}\0".encode())
    for start in range(0, len(scored.names), _AT_ONCE):
        names = scored.names[start : start + _AT_ONCE].ravel().tolist()
        whole.update("\0".join([*names, ""]).encode())
    whole.update(scored.digest.encode())
    whole.update(scored.scores.who.tobytes())
    whole.update(scored.yaw_difference_rad.tobytes())
    return whole.hexdigest()


def _rows(kept: _Kept, measurement: Measurement) -> Bools:
    genuine, at = kept.scores.genuine, measurement.conditions
    rows = {"accuracy": np.ones(len(genuine), dtype=bool), "fmr": ~genuine, "fnmr": genuine}[measurement.name]
    step = at.yaw_difference_rad
    return rows if step is None else rows & (kept.yaw_difference_rad == step)
