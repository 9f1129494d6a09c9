"""What each model answered to each pair, found again behind a measurement.

An answer counts only if it gives the recorded value: scores of other pairs, of another run or of a file that was
changed are not what was measured.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facecheck.metrics import auc, curve, eer, fnmr_at_fmr, resolvable
from facecheck.metrics.scores import Scores
from facecheck.results.run import Measurement
from facecheck.results.scored_pairs import ScoredPairs

__all__ = ["Answers", "Judged", "counts_right_answers"]

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_ROUNDING = 1e-9  # what a rate may differ by when it is computed again
_SHARES = ("accuracy", "fmr", "fnmr")
_CURVES = ("auc", "eer", "tar_at_far")


def counts_right_answers(measurement: Measurement) -> bool:
    """Say whether a measurement is a share of the same pairs for every model, which a paired test can compare.

    With failures left out, each model is left with pairs of its own.
    """
    return measurement.name in _SHARES and _with_failures(measurement)


def _with_failures(measurement: Measurement) -> bool:
    return measurement.conditions.get("failures", "non-match") == "non-match"


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
    condition: str
    pairs: str
    scores: Scores
    thresholds: Array
    yaw_difference_rad: Array


class Answers:
    """The answers that a run kept.

    Args:
        scored: every file of scores, each read once and without its names.
        measurements: of the run; they tell the thresholds that models declare.
    """

    def __init__(self, scored: Iterable[ScoredPairs], measurements: Iterable[Measurement]) -> None:
        self._kept: dict[tuple[str, str], list[_Kept]] = defaultdict(list)
        who: dict[str, npt.NDArray[np.int64]] = {}
        for each in scored:
            pairs = _identity(each)
            scores = Scores(each.scores.similarity, who.setdefault(pairs, each.scores.who))
            kept = _Kept(each.condition, pairs, scores, each.thresholds, each.yaw_difference_rad)
            self._kept[each.model, each.dataset].append(kept)
        self._declared = {
            (m.eval, m.model, m.dataset): m.value
            for m in measurements
            if m.name == "threshold_distance" and m.conditions.get("threshold") == "declared"
        }

    def behind(self, measurement: Measurement) -> Judged | None:
        """Return the answers that a measurement was made of, None if no scores give its value."""
        if not _with_failures(measurement):
            return None
        for kept in self._kept[measurement.model, measurement.dataset]:
            if _is_of(kept.condition, measurement):
                found = self._judged(kept, measurement)
                if found is not None:
                    return found
        return None

    def _judged(self, kept: _Kept, measurement: Measurement) -> Judged | None:
        if measurement.name in _CURVES:
            told = _on_curve(kept.scores, measurement)
            return Judged(kept.pairs, kept.scores, None) if _equal(told, measurement.value) else None
        thresholds = self._thresholds(kept, measurement)
        if measurement.name not in _SHARES or thresholds is None:
            return None
        rows = _rows(kept, measurement)
        matched, genuine = kept.scores.matched(thresholds), kept.scores.genuine
        right = (matched == genuine)[rows]
        told = float(right.mean() if measurement.name == "accuracy" else 1 - right.mean()) if len(right) else None
        fits = len(right) == measurement.n and _equal(told, measurement.value)
        return Judged(kept.pairs, kept.scores.take(rows), right) if fits else None

    def _thresholds(self, kept: _Kept, measurement: Measurement) -> Array | None:
        told = measurement.conditions.get("threshold")
        if told == "declared":
            distance = self._declared.get((measurement.eval, measurement.model, measurement.dataset))
            return None if distance is None else np.full(len(kept.scores), -distance)
        if told == "clean":
            mine = self._kept[measurement.model, measurement.dataset]
            return next((k.thresholds for k in mine if (k.condition, k.pairs) == ("clean", kept.pairs)), None)
        return kept.thresholds


def _identity(scored: ScoredPairs) -> str:
    """Hash what makes pairs the same: not the digest alone, which is only what the file says."""
    names = [repr(scored.names.shape), *scored.names.ravel().tolist(), scored.digest]
    whole = hashlib.sha256("\0".join(names).encode())
    whole.update(scored.scores.who.tobytes())
    whole.update(scored.yaw_difference_rad.tobytes())
    return whole.hexdigest()


def _is_of(condition: str, measurement: Measurement) -> bool:
    level = measurement.conditions.get("level", 0)
    corruption = str(measurement.conditions.get("corruption", ""))
    if not level or not corruption:
        return condition == "clean"
    # A composition's name tells its levels.
    return condition in (corruption, f"{corruption}:{level:g}")


def _rows(kept: _Kept, measurement: Measurement) -> Bools:
    genuine = kept.scores.genuine
    rows = {"accuracy": np.ones(len(genuine), dtype=bool), "fmr": ~genuine, "fnmr": genuine}[measurement.name]
    step = measurement.conditions.get("yaw_difference_rad")
    return rows if step is None else rows & (kept.yaw_difference_rad == step)


def _on_curve(scores: Scores, measurement: Measurement) -> float | None:
    impostors = int((~scores.genuine).sum())
    if not 0 < impostors < len(scores):
        return None
    if measurement.name == "auc":
        return auc(scores)
    if measurement.name == "eer":
        return eer(curve(scores)).rate
    far = measurement.conditions.get("far")
    if not isinstance(far, float) or not resolvable(impostors, far):
        return None
    return 1 - fnmr_at_fmr(curve(scores), far, impostors=impostors).fnmr


def _equal(told: float | None, value: float) -> bool:
    return told is not None and abs(told - value) <= _ROUNDING
