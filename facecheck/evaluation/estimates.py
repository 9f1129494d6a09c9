"""From a model's answers on a data set to estimates: every metric with its interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from facecheck.faces import Pairs
from facecheck.faces.columns import people_of
from facecheck.metrics import (
    Curve,
    area_under_curve,
    curve,
    dprime,
    eer,
    fnmr_at_fmr,
    fold_accuracy,
    influence,
    intervals,
    resolvable,
)
from facecheck.metrics.dyads import Dyads
from facecheck.metrics.intervals import Estimate
from facecheck.metrics.scores import Scores
from facecheck.metrics.thresholds import PairThresholds
from facecheck.pipeline.outcomes import Embedded, Outcome

__all__ = [
    "FARS",
    "acquisition",
    "by_fold",
    "curves",
    "decisions",
    "distances",
    "fold_standard_error",
    "match_rates",
    "time_per_image",
]

Array = npt.NDArray[np.float64]
FARS = (0.1, 0.01, 0.001)


def decisions(scores: Scores, thresholds: PairThresholds) -> dict[str, Estimate]:
    """Return accuracy, FMR, FNMR, precision, recall, F1, TP, FN, FP, TN and the mean threshold as a distance.

    What is undefined, such as the precision where nothing matches, is left out.
    """
    matched, genuine = scores.matched(thresholds.of_pair), scores.genuine
    shares = {"fmr": (matched, ~genuine), "fnmr": (~matched, genuine), "recall": (matched, genuine)}
    found = {}
    if len(scores):
        found["accuracy"] = intervals.proportion(matched == genuine, scores.who, kinds=genuine)
    for name, (hits, among) in shares.items():
        if among.any():
            found[name] = intervals.proportion(hits[among], scores.who[among])
    found |= _of_matches(matched, scores)
    found |= _counts(found)
    used = -thresholds.of_pair
    middle = float(np.clip(used.mean(), used.min(), used.max()))  # the mean of equal numbers is not always equal
    found["threshold_distance"] = Estimate(middle, float(used.min()), float(used.max()), len(scores))
    return found


def _counts(rates: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """Return the four counts of a confusion matrix, with the intervals of their rates."""
    found = {
        count: Estimate(float(round(e.value * e.n)), e.low * e.n, e.high * e.n, e.n)
        for count, rate in (("tp", "recall"), ("fn", "fnmr"), ("fp", "fmr"))
        for e in [rates.get(rate)]
        if e is not None
    }
    if "fp" in found:
        value, low, high, n = found["fp"]
        found["tn"] = Estimate(n - value, n - high, n - low, n)
    return found


def _of_matches(matched: npt.NDArray[np.bool_], scores: Scores) -> dict[str, Estimate]:
    """Return precision and F1, where there is a match or a genuine pair."""
    genuine, dyads, found = scores.genuine, Dyads.of(scores.who), {}
    matches, right, wrong = int(matched.sum()), int((matched & genuine).sum()), int((matched != genuine).sum())
    if matches:
        spread = dyads.spread(influence.of_precision(matched, genuine), genuine)
        trials = min(matches, len(np.unique(scores.who[matched])))
        found["precision"] = intervals.fraction(float(genuine[matched].mean()), spread, matches, trials=trials)
    if genuine.any():
        spread = dyads.spread(influence.of_f1(matched, genuine), genuine)
        trials = min(len(scores), dyads.count)
        found["f1"] = intervals.fraction(2.0 * right / (2.0 * right + wrong), spread, len(scores), trials=trials)
    return found


def curves(scores: Scores, *, fars: Sequence[float] = FARS) -> Iterator[tuple[str, Estimate, dict[str, float]]]:
    """Yield AUC, EER, the distance at the EER and the TAR at each FAR that the pairs can show, with conditions.

    Nothing without pairs of both kinds; the distance at the EER is an observed one, without an interval.
    """
    impostors = int((~scores.genuine).sum())
    if not 0 < impostors < len(scores):
        return
    points, genuine, dyads = curve(scores), scores.genuine, Dyads.of(scores.who)
    # Without a single error there is no spread: what the scarcest of both kinds and of people can show bounds it.
    trials = min(impostors, len(scores) - impostors, dyads.count)

    spread = dyads.spread(influence.of_auc(scores), genuine)
    value = area_under_curve(points)
    yield "auc", intervals.fraction(value, spread, len(scores), trials=trials, freedom=spread.freedom_of_all), {}
    spread = dyads.spread(influence.of_eer(scores, points), genuine)
    yield "eer", intervals.fraction(eer(points).rate, spread, len(scores), trials=trials), {}
    for far in fars:
        if resolvable(impostors, far):
            threshold = fnmr_at_fmr(points, far, impostors=impostors).threshold
            spread = dyads.spread(influence.of_tar(scores, points, threshold), genuine)
            tar = intervals.fraction(_tar(points, threshold), spread, len(scores), trials=trials)
            yield "tar_at_far", tar, {"far": far}
    at_eer = -eer(points).threshold
    if np.isfinite(at_eer):
        yield "eer_threshold_distance", Estimate(at_eer, at_eer, at_eer, len(scores)), {}


def _tar(points: Curve, threshold: float) -> float:
    return float(points.tmr[np.flatnonzero(points.thresholds == threshold)[0]])


def distances(scores: Scores) -> dict[str, Estimate]:
    """Return d-prime and the mean genuine and impostor distance, over the comparisons that were made.

    What is undefined, such as d-prime without impostors, is left out.
    """
    completed = scores.completed()
    genuine = completed.genuine
    kinds = {"genuine_distance_mean": genuine, "impostor_distance_mean": ~genuine}
    found = {
        name: intervals.mean(-completed.similarity[among], completed.who[among])
        for name, among in kinds.items()
        if int(among.sum()) > 1 and len(np.unique(completed.who[among])) > 1
    }
    if len(found) == len(kinds) and any(np.ptp(completed.similarity[among]) > 0 for among in kinds.values()):
        spread = Dyads.of(completed.who).spread(influence.of_dprime(completed.similarity, genuine), genuine)
        found["dprime"] = intervals.around(dprime(completed), spread, len(completed))
    return found


def acquisition(embedded: Embedded) -> dict[str, Estimate]:
    """Return the detection rate over readable images, and the failures to acquire over all images."""
    people = people_of(embedded.faces)
    readable = embedded.outcomes != Outcome.UNREADABLE
    found = {"fta": intervals.proportion(embedded.outcomes != Outcome.EMBEDDED, people)}
    if readable.any():
        found["detection_rate"] = intervals.proportion(embedded.found[readable], people[readable])
    return found


def time_per_image(embedded: Embedded) -> Estimate | None:
    """Return the mean time that one worker took for an image, None if fewer than two could be read."""
    known = embedded.total_ms[~np.isnan(embedded.total_ms)]
    return intervals.mean(known, np.arange(len(known))) if len(known) > 1 else None


def fold_standard_error(scores: Scores, pairs: Pairs, thresholds: PairThresholds) -> Estimate | None:
    """Return LFW's S_E of the accuracy over folds, None without folds. It is itself an error: no interval."""
    if pairs.folds is None or thresholds.by_fold is None:
        return None
    error = fold_accuracy(scores, pairs.folds, thresholds.by_fold).standard_error
    return Estimate(error, error, error, len(scores))


def by_fold(scores: Scores, pairs: Pairs, thresholds: PairThresholds) -> Iterator[tuple[str, Estimate, int]]:
    """Yield the accuracy of each fold at its own threshold, with the fold's number."""
    right = scores.matched(thresholds.of_pair) == scores.genuine
    for fold in () if pairs.folds is None else np.unique(pairs.folds):
        rows = pairs.folds == fold
        yield "accuracy", intervals.proportion(right[rows], scores.who[rows], kinds=scores.genuine[rows]), int(fold)


def match_rates(scores: Scores, groups: Array, threshold: float) -> dict[float, Estimate]:
    """Return the FNMR at a threshold for the genuine pairs of each group, such as each yaw difference.

    Raises:
        ValueError: the threshold is NaN.
    """
    if np.isnan(threshold):
        raise ValueError("the threshold is NaN: nothing can be counted at it")
    genuine = scores.genuine & ~np.isnan(groups)
    missed = ~scores.matched(threshold)
    return {
        float(group): intervals.proportion(missed[rows], scores.who[rows])
        for group in np.unique(groups[genuine])
        for rows in [genuine & (groups == group)]
    }
