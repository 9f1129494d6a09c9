"""From a model's answers on a data set to estimates: every metric with its interval."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from facecheck.faces import Pairs
from facecheck.metrics import (
    Curve,
    DprimeTerms,
    Ranking,
    area_under_curve,
    dprime,
    eer,
    fnmr_at_fmr,
    fold_accuracy,
    intervals,
    resolvable,
)
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
_SEED = 20_071_001  # LFW's report; any number would do, one must be kept


def decisions(scores: Scores, thresholds: PairThresholds) -> dict[str, Estimate]:
    """Return accuracy, FMR, FNMR, precision, recall, F1, TP, FN, FP, TN and the mean threshold as a distance.

    What is undefined, such as the precision where nothing matches, is left out.
    """
    matched, genuine = scores.matched(thresholds.of_pair), scores.genuine
    shares = {
        "accuracy": (matched == genuine, np.ones(len(scores), dtype=bool)),
        "fmr": (matched, ~genuine),
        "fnmr": (~matched, genuine),
        "recall": (matched, genuine),
        "precision": (genuine, matched),
    }
    found = {
        name: intervals.proportion(hits[among], scores.who[among])
        for name, (hits, among) in shares.items()
        if among.any()
    }
    if genuine.any():
        found["f1"] = _f1(matched, scores)
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


def _f1(matched: npt.NDArray[np.bool_], scores: Scores) -> Estimate:
    columns = np.stack([matched & scores.genuine, matched != scores.genuine], axis=1).astype(np.float64)

    def f1(sums: Array) -> Array:
        """Return F1 for the sums of right matches and of wrong judgements; it needs a genuine pair or a match."""
        right, wrong = 2 * sums[:, 0], sums[:, 1]
        return np.asarray(np.divide(right, right + wrong, out=np.full(len(sums), np.nan), where=right + wrong > 0))

    return _around(float(f1(columns.sum(axis=0)[None])[0]), _bootstrap_of_sums(f1, columns, scores), len(scores))


def curves(scores: Scores, *, fars: Sequence[float] = FARS) -> Iterator[tuple[str, Estimate, dict[str, float]]]:
    """Yield AUC, EER, the distance at the EER and the TAR at each FAR that the pairs can show, with conditions.

    Nothing without pairs of both kinds; the distance at the EER is an observed one, without an interval.
    """
    impostors = int((~scores.genuine).sum())
    if not 0 < impostors < len(scores):
        return
    ranking = Ranking(scores)
    shown = [far for far in fars if resolvable(impostors, far)]

    def statistics(weights: Array) -> dict[str, float]:
        points = ranking.curve(weights)
        found = {"auc": area_under_curve(points), "eer": eer(points).rate}
        for far in shown:
            found[f"tar_at_far {far!r}"] = _tar(points, fnmr_at_fmr(points, far, impostors=impostors).threshold)
        return found

    values = statistics(np.ones(len(scores)))
    spreads = _bootstrap(statistics, scores)
    scarcer, people = min(impostors, len(scores) - impostors), len(np.unique(scores.who))
    for name, value in values.items():
        noun, _, far_text = name.partition(" ")
        conditions = {"far": float(far_text)} if far_text else {}
        # Without a single error every resample has none either: what n pairs can show bounds the interval then.
        spread = intervals.wilson(value, min(scarcer, people)) if value in (0.0, 1.0) else spreads[name]
        yield noun, _around(value, spread, len(scores)), conditions
    at_eer = -eer(ranking.curve()).threshold
    if np.isfinite(at_eer):
        yield "eer_threshold_distance", Estimate(at_eer, at_eer, at_eer, len(scores)), {}


def _tar(points: Curve, threshold: float) -> float:
    return float(points.tmr[np.flatnonzero(points.thresholds == threshold)[0]])


def _bootstrap(statistics: intervals.Statistics, scores: Scores) -> dict[str, tuple[float, float]]:
    return intervals.bootstrap(statistics, scores.who, generator=np.random.default_rng(_SEED))


def _bootstrap_of_sums(statistic: Callable[[Array], Array], columns: Array, scores: Scores) -> tuple[float, float]:
    return intervals.bootstrap_of_sums(statistic, columns, scores.who, generator=np.random.default_rng(_SEED))


def _around(value: float, spread: tuple[float, float], n: int) -> Estimate:
    return Estimate(value, min(value, spread[0]), max(value, spread[1]), n)


def distances(scores: Scores) -> dict[str, Estimate]:
    """Return d-prime and the mean genuine and impostor distance, over the comparisons that were made.

    What is undefined, such as d-prime without impostors, is left out.
    """
    completed = scores.completed()
    kinds = {"genuine_distance_mean": completed.genuine, "impostor_distance_mean": ~completed.genuine}
    found = {
        name: intervals.mean(-completed.similarity[among], completed.who[among])
        for name, among in kinds.items()
        if int(among.sum()) > 1 and len(np.unique(completed.who[among])) > 1
    }
    if len(found) == len(kinds) and any(np.ptp(completed.similarity[among]) > 0 for among in kinds.values()):
        terms = DprimeTerms.of(completed)
        value, spread = dprime(completed), _bootstrap_of_sums(terms.of_sums, terms.columns, completed)
        found["dprime"] = _around(value, spread, len(completed))
    return found


def acquisition(embedded: Embedded) -> dict[str, Estimate]:
    """Return the detection rate over readable images, and the failures to acquire over all images."""
    numbers: dict[str, int] = {}
    people = np.array([numbers.setdefault(f.subject, len(numbers)) for f in embedded.faces], dtype=np.int64)
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
        yield "accuracy", intervals.proportion(right[rows], scores.who[rows]), int(fold)


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
