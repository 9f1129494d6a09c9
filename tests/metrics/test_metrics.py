"""Metrics against a counting oracle, cases worked by hand, invariances, exact grids and scikit-learn.

The oracle counts with Python loops and exact fractions, so that it shares neither code nor rounding with
the library.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
import sklearn.metrics as peer
from hypothesis import assume, given
from hypothesis import strategies as st

from facecheck.metrics import (
    Confusion,
    DprimeTerms,
    OperatingPoint,
    Ranking,
    area_under_curve,
    auc,
    best_threshold,
    confusion,
    cross_fitted_thresholds,
    curve,
    dprime,
    eer,
    fnmr_at_fmr,
    fold_accuracy,
    resolvable,
)
from facecheck.metrics.scores import Scores

INF = float("inf")
Point = tuple[float, Fraction, Fraction]
GRID = [(k, n) for n in range(1, 61) for k in range(n)]


def scored(genuine: Sequence[float], impostor: Sequence[float]) -> Scores:
    """Return scores of these similarities, the genuine pairs first."""
    who = [(k, k) for k in range(len(genuine))] + [(k, k + 1) for k in range(len(impostor))]
    return Scores(np.array([*genuine, *impostor], dtype=np.float64), np.array(who, dtype=np.int64).reshape(-1, 2))


# Sevenths from a short range: ties are frequent and the quotients are not exact in binary.
COMPLETED = st.integers(-6, 6).map(lambda k: k / 7)
SIMILARITY = st.one_of(COMPLETED, COMPLETED, COMPLETED, st.just(-INF))
SCORES = st.builds(scored, st.lists(SIMILARITY, min_size=1, max_size=12), st.lists(SIMILARITY, min_size=1, max_size=12))
COMPLETED_SCORES = st.builds(
    scored, st.lists(COMPLETED, min_size=1, max_size=12), st.lists(COMPLETED, min_size=1, max_size=12)
)


def count(scores: Scores, threshold: float) -> tuple[int, int, int, int]:
    """Count TP, FP, TN and FN one pair at a time; a failed comparison never matches."""
    tp = fp = tn = fn = 0
    for similarity, (first, second) in zip(scores.similarity.tolist(), scores.who.tolist(), strict=True):
        matches = similarity != -INF and similarity >= threshold
        if first == second:
            tp, fn = (tp + 1, fn) if matches else (tp, fn + 1)
        else:
            fp, tn = (fp + 1, tn) if matches else (fp, tn + 1)
    return tp, fp, tn, fn


def operating_points(scores: Scores) -> list[Point]:
    """List threshold, FMR and FNMR at every threshold that distinguishes pairs, strictest first."""
    observed = sorted({s for s in scores.similarity.tolist() if s != -INF}, reverse=True)
    points = []
    for threshold in [INF, *observed]:
        tp, fp, tn, fn = count(scores, threshold)
        points.append((threshold, Fraction(fp, fp + tn), Fraction(fn, tp + fn)))
    return points


def slow_auc(scores: Scores) -> Fraction:
    """Compare every genuine with every impostor pair."""
    genuine, impostor = scores.similarity[scores.genuine].tolist(), scores.similarity[~scores.genuine].tolist()
    won = sum(Fraction(2 if g > i else 1 if g == i else 0, 2) for g in genuine for i in impostor)
    return Fraction(won) / (len(genuine) * len(impostor))


def slow_eer(scores: Scores) -> Fraction:
    """Intersect the line through the operating points, ended by "everything matches", with FMR = FNMR."""
    line = [(fmr, fnmr) for _, fmr, fnmr in operating_points(scores)] + [(Fraction(1), Fraction(0))]
    for (fmr, fnmr), (next_fmr, next_fnmr) in itertools.pairwise(line):
        if next_fmr >= next_fnmr:
            along = (fnmr - fmr) / ((fnmr - fmr) + (next_fmr - next_fnmr))
            return fmr + along * (next_fmr - fmr)
    raise AssertionError("the line ends at FMR 1, FNMR 0")


def slow_best_accuracy(scores: Scores) -> int:
    """Try every threshold, and count the pairs that the best one judges correctly."""
    return max(tp + tn for tp, _, tn, _ in (count(scores, threshold) for threshold, _, _ in operating_points(scores)))


def impostors(scores: Scores) -> int:
    return int((~scores.genuine).sum())


def right_at_best(scores: Scores) -> int:
    """Count the pairs that the library's best threshold judges correctly."""
    tp, _, tn, _ = count(scores, best_threshold(scores))
    return tp + tn


def eer_rate(scores: Scores) -> float:
    return eer(curve(scores)).rate


def zero_fmr_fnmr(scores: Scores) -> float:
    return fnmr_at_fmr(curve(scores), 0.0, impostors=impostors(scores)).fnmr


def half_fmr_fnmr(scores: Scores) -> float:
    assume(impostors(scores) > 1)
    return fnmr_at_fmr(curve(scores), 0.5, impostors=impostors(scores)).fnmr


def best_accuracy(scores: Scores) -> float:
    assume(scores.made.any())
    return float(right_at_best(scores))


def defined_dprime(scores: Scores) -> float:
    kinds = [scores.similarity[scores.made & kind] for kind in (scores.genuine, ~scores.genuine)]
    assume(all(len(kind) for kind in kinds) and any(np.ptp(kind) > 0 for kind in kinds))
    return dprime(scores)


BY_ORDER = [
    pytest.param(auc, id="auc"),
    pytest.param(eer_rate, id="eer"),
    pytest.param(zero_fmr_fnmr, id="fnmr-at-fmr-0"),
    pytest.param(half_fmr_fnmr, id="fnmr-at-fmr-.5"),
    pytest.param(best_accuracy, id="best-accuracy"),
]
ALL = [*BY_ORDER, pytest.param(defined_dprime, id="dprime")]
Metric = Callable[[Scores], float]


# Invariances, one table for all metrics.


@pytest.mark.parametrize("metric", ALL)
@given(scores=SCORES, data=st.data())
def test_the_order_of_pairs_does_not_matter(metric: Metric, scores: Scores, data: st.DataObject) -> None:
    """A permutation of the pairs changes nothing."""
    rows = np.array(data.draw(st.permutations(range(len(scores)))), dtype=np.int64)
    assert metric(scores.take(rows)) == pytest.approx(metric(scores), rel=1e-9)


@pytest.mark.parametrize("metric", ALL)
@given(scores=SCORES)
def test_the_sides_of_a_pair_do_not_matter(metric: Metric, scores: Scores) -> None:
    """A compared with B is B compared with A."""
    assert metric(Scores(scores.similarity, scores.who[:, ::-1])) == metric(scores)


@pytest.mark.parametrize("metric", ALL)
@given(scores=SCORES, times=st.integers(2, 4))
def test_repeating_all_pairs_does_not_matter(metric: Metric, scores: Scores, times: int) -> None:
    """Rates do not depend on how many pairs they were counted on."""
    more = scores.take(np.tile(np.arange(len(scores)), times))
    value = metric(more) / times if metric is best_accuracy else metric(more)
    assert value == pytest.approx(metric(scores), rel=1e-9)


@pytest.mark.parametrize("metric", BY_ORDER)
@given(scores=SCORES, transform=st.sampled_from([np.exp, np.arctan, np.cbrt, lambda s: 1000 * s - 7]))
def test_only_the_order_of_similarities_matters(
    metric: Metric, scores: Scores, transform: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
) -> None:
    """A strictly rising transform of the similarities changes nothing; failures stay failures."""
    bent = np.where(scores.made, transform(np.where(scores.made, scores.similarity, 0.0)), -INF)
    assert metric(Scores(bent, scores.who)) == metric(scores)


@pytest.mark.parametrize("metric", [auc, eer_rate, best_accuracy, defined_dprime])
@given(scores=COMPLETED_SCORES)
def test_swapping_the_kinds_and_the_sign_does_not_matter(metric: Metric, scores: Scores) -> None:
    """Negative similarities with exchanged kinds have the same metrics."""
    other = np.where(scores.genuine, scores.who[:, 0] + 1, scores.who[:, 0])
    swapped = Scores(-scores.similarity, np.stack((scores.who[:, 0], other), axis=1))
    assert metric(swapped) == pytest.approx(metric(scores), rel=1e-9)


@given(scores=SCORES)
def test_swapping_the_kinds_turns_the_auc_round(scores: Scores) -> None:
    """With exchanged kinds the AUC becomes 1 - AUC."""
    other = np.where(scores.genuine, scores.who[:, 0] + 1, scores.who[:, 0])
    swapped = Scores(scores.similarity, np.stack((scores.who[:, 0], other), axis=1))
    assert auc(swapped) == pytest.approx(1 - auc(scores), abs=1e-12)


# Confusion.


@given(scores=SCORES, threshold=st.one_of(SIMILARITY, st.just(INF), st.floats(-2, 2)))
def test_confusion_counts_as_the_oracle(scores: Scores, threshold: float) -> None:
    """Every pair falls in the cell in which slow counting puts it."""
    assert confusion(scores, threshold) == Confusion(*count(scores, threshold))


@given(scores=COMPLETED_SCORES, threshold=COMPLETED)
def test_confusion_equals_scikit_learn(scores: Scores, threshold: float) -> None:
    """Counts and ratios are those of a confusion matrix."""
    found, truth, matches = confusion(scores, threshold), scores.genuine, scores.similarity >= threshold

    (tn, fp), (fn, tp) = peer.confusion_matrix(truth, matches, labels=[False, True])

    assert found == Confusion(tp, fp, tn, fn)
    assert found.accuracy == pytest.approx(peer.accuracy_score(truth, matches))
    assert found.recall == pytest.approx(peer.recall_score(truth, matches))
    assert found.f1 == pytest.approx(peer.f1_score(truth, matches))
    if matches.any():
        assert found.precision == pytest.approx(peer.precision_score(truth, matches))


def test_confusion_ratios_by_hand() -> None:
    """3 of 4 genuine pairs and 1 of 6 impostor pairs match."""
    found = Confusion(tp=3, fp=1, tn=5, fn=1)
    assert (found.accuracy, found.precision, found.recall, found.f1) == (0.8, 0.75, 0.75, 0.75)
    assert (found.fmr, found.fnmr) == (1 / 6, 0.25)


def test_a_similarity_at_the_threshold_matches() -> None:
    """The tie rule: a pair matches when similarity >= threshold, just above it does not."""
    scores = scored([0.7], [0.7])
    assert confusion(scores, 0.7) == Confusion(tp=1, fp=1, tn=0, fn=0)
    assert confusion(scores, np.nextafter(0.7, 1)) == Confusion(tp=0, fp=0, tn=1, fn=1)


@pytest.mark.parametrize("threshold", [-INF, -1e300, 0.0, INF])
def test_no_threshold_accepts_a_failure(threshold: float) -> None:
    """A failed comparison is a non-match at every threshold, even the lowest."""
    assert confusion(scored([-INF], [-INF]), threshold) == Confusion(tp=0, fp=0, tn=1, fn=1)


def test_a_threshold_of_nan_is_refused() -> None:
    """NaN compares false with everything, which would look like a model that rejects all pairs."""
    with pytest.raises(ValueError, match="threshold"):
        confusion(scored([0.9], [0.1]), math.nan)


@pytest.mark.parametrize(
    ("found", "ratio", "text"),
    [
        pytest.param(Confusion(0, 0, 0, 0), "accuracy", "accuracy needs a pair", id="accuracy"),
        pytest.param(Confusion(0, 0, 3, 2), "precision", "precision needs a match; .* no pair matches", id="precision"),
        pytest.param(Confusion(0, 1, 1, 0), "recall", "recall needs a genuine pair", id="recall"),
        pytest.param(Confusion(0, 0, 1, 0), "f1", "F1 needs a genuine pair or a match", id="f1"),
        pytest.param(Confusion(1, 0, 0, 1), "fmr", "FMR needs an impostor pair", id="fmr"),
        pytest.param(Confusion(0, 1, 1, 0), "fnmr", "FNMR needs a genuine pair", id="fnmr"),
    ],
)
def test_an_undefined_ratio_is_an_error(found: Confusion, ratio: str, text: str) -> None:
    """0 / 0 is an error, not 0 or NaN."""
    with pytest.raises(ValueError, match=text):
        getattr(found, ratio)


# Curve and area.


@given(scores=SCORES)
def test_the_curve_is_the_oracle_s(scores: Scores) -> None:
    """Thresholds and rates at every operating point are those of slow counting, to the last bit."""
    points, expected = curve(scores), operating_points(scores)
    assert points.thresholds.tolist() == [threshold for threshold, _, _ in expected]
    assert points.fmr.tolist() == [float(fmr) for _, fmr, _ in expected]
    assert points.tmr.tolist() == [float(1 - fnmr) for _, _, fnmr in expected]


@given(scores=COMPLETED_SCORES)
def test_the_curve_equals_scikit_learn(scores: Scores) -> None:
    """The ROC has the same points, and so has the DET."""
    points = curve(scores)

    fmr, tmr, thresholds = peer.roc_curve(scores.genuine, scores.similarity, drop_intermediate=False)

    np.testing.assert_array_equal(points.thresholds, thresholds)
    np.testing.assert_allclose(points.fmr, fmr, rtol=1e-12)
    np.testing.assert_allclose(points.tmr, tmr, rtol=1e-12)

    det_fmr, det_fnmr, det_thresholds = peer.det_curve(scores.genuine, scores.similarity)
    ours = {t: (x, 1 - y) for t, x, y in zip(points.thresholds, points.fmr, points.tmr, strict=True)}
    for threshold, x, y in zip(det_thresholds, det_fmr, det_fnmr, strict=True):
        assert ours[threshold] == pytest.approx((x, y), abs=1e-12)


@given(scores=SCORES)
def test_auc_equals_the_oracle(scores: Scores) -> None:
    """The area is the fraction of genuine-impostor couples in the right order; ties count one half."""
    assert auc(scores) == pytest.approx(float(slow_auc(scores)), abs=1e-12)


@given(scores=COMPLETED_SCORES)
def test_auc_equals_scikit_learn(scores: Scores) -> None:
    """Ties included."""
    assert auc(scores) == pytest.approx(peer.roc_auc_score(scores.genuine, scores.similarity), abs=1e-12)


@pytest.mark.parametrize(
    ("genuine", "impostor", "area"),
    [
        pytest.param([0.9, 0.8], [0.2, 0.1], 1.0, id="parted"),
        pytest.param([0.1], [0.9], 0.0, id="reversed"),
        pytest.param([0.5, 0.5], [0.5], 0.5, id="all-equal"),
        pytest.param([0.9, -INF], [0.5, 0.1], 0.5, id="a-failed-genuine-pair-is-below-all"),
        pytest.param([0.9], [0.5, -INF], 1.0, id="a-failed-impostor-pair-is-below-all"),
        pytest.param([-INF], [-INF], 0.5, id="failures-tie"),
    ],
)
def test_auc_by_hand(genuine: list[float], impostor: list[float], area: float) -> None:
    """Small cases, counted by hand."""
    assert auc(scored(genuine, impostor)) == area


@given(scores=SCORES, data=st.data())
def test_weights_count_a_pair_so_many_times(scores: Scores, data: st.DataObject) -> None:
    """A curve with whole weights is the curve of pairs repeated as often, to the last bit."""
    times = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(scores), max_size=len(scores))))
    repeated = scores.take(np.repeat(np.arange(len(scores)), times))
    assume(repeated.genuine.any() and (~repeated.genuine).any())

    weighted, expected = Ranking(scores).curve(times.astype(np.float64)), operating_points(repeated)

    found = dict(zip(weighted.thresholds.tolist(), zip(weighted.fmr, weighted.tmr, strict=True), strict=True))
    for threshold, fmr, fnmr in expected:
        assert found[threshold] == (float(fmr), float(1 - fnmr))
    assert area_under_curve(weighted) == pytest.approx(float(slow_auc(repeated)), abs=1e-12)
    assert eer(weighted).rate == pytest.approx(float(slow_eer(repeated)), abs=1e-12)


@pytest.mark.parametrize("kept", [pytest.param(0, id="genuine-only"), pytest.param(1, id="impostor-only")])
def test_weights_must_leave_both_kinds(kept: int) -> None:
    """A resample without one of the kinds has no curve."""
    weights = np.array([1.0, 0.0] if kept == 0 else [0.0, 1.0])
    with pytest.raises(ValueError, match="the weights leave no pair of one kind"):
        Ranking(scored([0.9], [0.1])).curve(weights)


@pytest.mark.parametrize(
    ("genuine", "impostor", "text"),
    [
        pytest.param([0.9], [], "1 genuine and 0 impostor pairs: a curve needs both", id="no-impostor"),
        pytest.param([], [0.1, 0.2], "0 genuine and 2 impostor pairs: a curve needs both", id="no-genuine"),
        pytest.param([], [], "0 genuine and 0 impostor pairs: a curve needs both", id="nothing"),
    ],
)
@pytest.mark.parametrize("of", [curve, auc, Ranking])
def test_a_curve_needs_both_kinds(
    of: Callable[[Scores], object], genuine: list[float], impostor: list[float], text: str
) -> None:
    """The message says how many pairs of each kind there were."""
    with pytest.raises(ValueError, match=text):
        of(scored(genuine, impostor))


# Equal error rate.


@given(scores=SCORES)
def test_eer_equals_the_oracle(scores: Scores) -> None:
    """The rate is where the line through the operating points crosses FMR = FNMR."""
    assert eer_rate(scores) == pytest.approx(float(slow_eer(scores)), abs=1e-12)


@pytest.mark.parametrize(
    ("genuine", "impostor", "rate", "threshold"),
    [
        pytest.param([0.9, 0.8], [0.2, 0.1], 0.0, 0.8, id="parted"),
        pytest.param([0.1], [0.9], 1.0, 0.9, id="reversed"),
        # (0, 1) (0, 1/2) (1/2, 0) (1, 0): half-way between the second and the third.
        pytest.param([0.9, 0.5], [0.5, 0.1], 0.25, 0.5, id="tie-across-kinds"),
        # (0, 1) (0, 2/3) (0, 1/3) (1/4, 1/3) (1/4, 0): on the upright part at FMR 1/4.
        pytest.param([0.9, 0.8, 0.4], [0.7, 0.3, 0.2, 0.1], 0.25, 0.4, id="on-a-step"),
        # (0, 1) (1/3, 0): crosses where x = 1 - 3 x.
        pytest.param([0.5], [0.5, 0.2, 0.1], 0.25, 0.5, id="one-genuine-tied"),
        # (0, 1) (0, 1/2) (1, 0): crosses where x = 1/2 - x / 2.
        pytest.param([0.9, -INF], [-INF, -INF], 1 / 3, 0.9, id="failures"),
    ],
)
def test_eer_is_pinned(genuine: list[float], impostor: list[float], rate: float, threshold: float) -> None:
    """Linear interpolation between neighbouring operating points; other definitions give other numbers."""
    found = eer(curve(scored(genuine, impostor)))
    assert found.rate == pytest.approx(rate, abs=1e-15)
    assert found.threshold == threshold


def test_an_eer_that_was_observed_is_given_exactly() -> None:
    """Where k of n genuine pairs fail and k of n impostors match at one threshold, that threshold is the answer."""
    wrong = []
    for k, n in GRID:
        scores = scored([0.5] * (n - k) + [0.3] * k, [0.5] * k + [0.1] * (n - k))
        found = eer(curve(scores))
        if found.threshold != 0.5 or abs(found.rate - k / n) > 1e-15:
            wrong.append((f"{k}/{n}", found))
    assert not wrong


# FNMR at FMR.


@given(scores=SCORES, share=st.integers(0, 20))
def test_fnmr_at_fmr_equals_the_oracle(scores: Scores, share: int) -> None:
    """Of all thresholds within the tolerated FMR, the one that rejects fewest, with the rates seen there."""
    n = impostors(scores)
    k = share % n
    within = [point for point in operating_points(scores) if point[1] <= Fraction(k, n)]

    found = fnmr_at_fmr(curve(scores), k / n, impostors=n)

    threshold, fmr, _ = within[-1]
    assert (found.threshold, found.fmr) == (threshold, float(fmr))
    assert found.fnmr == pytest.approx(float(min(fnmr for _, _, fnmr in within)), abs=1e-15)


def test_fnmr_at_fmr_walks_the_grid() -> None:
    """An FMR of k/n accepts exactly k of n impostor pairs, and one ulp less accepts k - 1."""
    for n in range(1, 61):
        points = curve(scored([0.0], range(1, n + 1)))
        for k in range(n):
            assert fnmr_at_fmr(points, k / n, impostors=n) == (n - k + 1 if k else INF, k / n, 1.0), f"{k}/{n}"
            if k > 1:
                assert fnmr_at_fmr(points, float(np.nextafter(k / n, 0)), impostors=n).fmr == (k - 1) / n, f"{k}/{n}"


def test_an_fnmr_is_the_fraction_that_was_counted() -> None:
    """Where k of n genuine pairs fail the rate is k/n, not rounded twice: a limit of k/n is then kept."""
    wrong = []
    for k, n in GRID:
        found = fnmr_at_fmr(curve(scored([0.9] * (n - k) + [0.1] * k, [0.5, 0.5])), 0.0, impostors=2)
        if found.fnmr != k / n:
            wrong.append((f"{k}/{n}", found.fnmr, k / n))
    assert not wrong


@pytest.mark.parametrize(
    ("fmr", "expected"),
    [
        pytest.param(0.0, OperatingPoint(0.8, 0.0, 0.5), id="zero-fmr"),
        pytest.param(0.25, OperatingPoint(0.6, 0.25, 0.25), id="one-of-four"),
        pytest.param(0.49, OperatingPoint(0.6, 0.25, 0.25), id="never-above"),
        pytest.param(0.5, OperatingPoint(0.5, 0.5, 0.25), id="no-genuine-pair-gained"),
        pytest.param(0.75, OperatingPoint(0.2, 0.75, 0.0), id="tied-pairs-come-together"),
    ],
)
def test_fnmr_at_fmr_by_hand(fmr: float, expected: OperatingPoint) -> None:
    """Four genuine and four impostor pairs; the threshold is the lowest observed one within the FMR."""
    scores = scored([0.9, 0.8, 0.6, 0.2], [0.7, 0.5, 0.2, 0.1])
    assert fnmr_at_fmr(curve(scores), fmr, impostors=4) == expected


def test_a_failure_is_rejected_at_every_fmr() -> None:
    """Even if nearly all impostor pairs may match, a genuine pair without a face does not."""
    scores = scored([0.9, -INF], [0.5, 0.4, 0.3, -INF])
    assert fnmr_at_fmr(curve(scores), 0.99, impostors=4) == OperatingPoint(0.3, 0.75, 0.5)


def test_nothing_matches_where_no_impostor_may() -> None:
    """If an impostor pair has the highest score, the ZeroFMR needs a threshold above all scores."""
    assert fnmr_at_fmr(curve(scored([0.5], [0.9])), 0.0, impostors=1) == OperatingPoint(INF, 0.0, 1.0)


@pytest.mark.parametrize("fmr", [1.0, 1.5, -0.01, math.nan, INF])
def test_an_fmr_that_is_no_fraction_is_refused(fmr: float) -> None:
    """The message suggests the cause."""
    with pytest.raises(ValueError, match=r"fmr must be a fraction in \[0, 1\), not .*; did you give percent\?"):
        fnmr_at_fmr(curve(scored([0.9], [0.1])), fmr, impostors=1)


@pytest.mark.parametrize(
    ("impostor_pairs", "fmr", "needed"),
    [
        pytest.param(999, 0.001, 1000, id="1-in-1000"),
        pytest.param(1, 0.5, 2, id="1-in-2"),
        pytest.param(48, 1 / 49, 49, id="1-in-49"),
        pytest.param(33, 0.03, 34, id="not-a-whole-number"),
        pytest.param(1, 0.7, 2, id="more-than-half"),
    ],
)
def test_too_few_impostors_are_refused(impostor_pairs: int, fmr: float, needed: int) -> None:
    """The message contains the number of pairs and the number needed."""
    with pytest.raises(ValueError, match=rf"{impostor_pairs} impostor pairs cannot resolve .*: at least {needed} are"):
        fnmr_at_fmr(curve(scored([0.9], [0.1])), fmr, impostors=impostor_pairs)


def test_the_guard_is_exact() -> None:
    """Impostor pairs suffice at exactly 1/n, and at exactly 30/n for a limit, but not one ulp below."""
    for n in [*range(1, 300), 1000, 3000, 6000, 10_000, 30_000, 100_000]:
        for errors, for_gate in ((1, False), (30, True)):
            assert resolvable(n, errors / n, for_gate=for_gate), f"{errors}/{n}"
            assert not resolvable(n, float(np.nextafter(errors / n, 0)), for_gate=for_gate), f"{errors}/{n}"
            assert n == 1 or not resolvable(n - 1, errors / n, for_gate=for_gate), f"{errors}/{n}"


@pytest.mark.parametrize(
    ("n", "fmr", "shown", "gated"),
    [
        pytest.param(0, 0.5, False, False, id="none"),
        pytest.param(9, 0.1, False, False, id="9-for-1-in-10"),
        pytest.param(10, 0.1, True, False, id="10-for-1-in-10"),
        pytest.param(299, 0.1, True, False, id="299-for-1-in-10"),
        pytest.param(300, 0.1, True, True, id="300-for-1-in-10"),
        pytest.param(3000, 0.01, True, True, id="3000-for-1-in-100"),
        pytest.param(3000, 0.001, True, False, id="lfw-for-1-in-1000"),
        pytest.param(30_000, 0.001, True, True, id="30000-for-1-in-1000"),
        pytest.param(1000, 0.0, False, False, id="zero-is-not-resolved"),
        pytest.param(1000, math.nan, False, False, id="nan"),
    ],
)
def test_the_guard_by_hand(n: int, fmr: float, shown: bool, gated: bool) -> None:  # noqa: FBT001 - a table's columns
    """1/FAR impostors to print a TAR, 30/FAR to set a limit on it."""
    assert resolvable(n, fmr) == shown
    assert resolvable(n, fmr, for_gate=True) == gated


# d-prime.


@given(scores=SCORES)
def test_dprime_equals_the_oracle(scores: Scores) -> None:
    """Means and population variances of completed comparisons, in exact fractions."""
    expected_scores = scores.completed()
    kinds = [
        [Fraction(s) for s in expected_scores.similarity[kind].tolist()]
        for kind in (expected_scores.genuine, ~expected_scores.genuine)
    ]
    assume(all(kinds) and any(len(set(kind)) > 1 for kind in kinds))
    means = [sum(kind) / Fraction(len(kind)) for kind in kinds]
    variances = [sum((s - m) ** 2 for s in kind) / len(kind) for kind, m in zip(kinds, means, strict=True)]

    expected = float(abs(means[0] - means[1])) / math.sqrt(float(sum(variances) / 2))

    assert dprime(scores) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_dprime_by_hand() -> None:
    """Means 3 and 0, variances 1 and 1; the failure is left out."""
    assert dprime(scored([2.0, 4.0, -INF], [-1.0, 1.0])) == 3.0


@given(scores=SCORES, data=st.data())
def test_dprimes_terms_count_a_pair_so_many_times(scores: Scores, data: st.DataObject) -> None:
    """Whole weights are repetitions."""
    times = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(scores), max_size=len(scores))))
    repeated = scores.take(np.repeat(np.arange(len(scores)), times))
    expected = defined_dprime(repeated)
    terms = DprimeTerms.of(scores)
    assert terms.of_sums(times.astype(np.float64)[None] @ terms.columns)[0] == pytest.approx(
        expected, rel=1e-6, abs=1e-9
    )


@pytest.mark.parametrize(
    ("genuine", "impostor", "text"),
    [
        pytest.param([0.5], [], "needs completed genuine and impostor comparisons", id="no-impostor"),
        pytest.param([-INF], [0.1, 0.2], "needs completed genuine and impostor comparisons", id="all-failed"),
        pytest.param([0.5], [0.25], "all similarities of each kind are equal", id="one-of-each"),
        pytest.param([0.5] * 3, [0.25] * 3, "all similarities of each kind are equal", id="equal"),
        pytest.param([0.1] * 3, [0.3] * 3, "all similarities of each kind are equal", id="equal-but-rounded"),
    ],
)
def test_dprime_without_spread_is_an_error(genuine: list[float], impostor: list[float], text: str) -> None:
    """Without variance d-prime is undefined."""
    with pytest.raises(ValueError, match=text):
        dprime(scored(genuine, impostor))


# Best threshold.


@given(scores=SCORES)
def test_the_best_threshold_has_the_best_accuracy(scores: Scores) -> None:
    """No threshold judges more pairs correctly."""
    assume(scores.made.any())
    assert right_at_best(scores) == slow_best_accuracy(scores)


@given(scores=SCORES)
def test_of_equal_thresholds_the_strictest_is_chosen(scores: Scores) -> None:
    """Matching nothing is a threshold too: the first operating point of the best accuracy decides."""
    assume(scores.made.any())
    best = slow_best_accuracy(scores)
    strictest = next(t for t, _, _ in operating_points(scores) if sum(count(scores, t)[::2]) == best)

    assert count(scores, best_threshold(scores)) == count(scores, strictest)


@pytest.mark.parametrize(
    ("genuine", "impostor", "threshold"),
    [
        pytest.param([1.0, 0.75], [0.25, 0.0], 0.5, id="half-way-to-the-next-lower"),
        pytest.param([1.0, 0.5], [0.75, 0.0], 0.875, id="of-equal-the-strictest"),
        pytest.param([1.0], [], 1.0, id="no-lower-score"),
        pytest.param([1.0, 0.5], [-INF], 0.5, id="a-failure-is-no-lower-score"),
        pytest.param([], [1.0, 0.5], float(np.nextafter(1.0, 2)), id="nothing-should-match"),
        pytest.param([0.5], [1.0, 0.75], float(np.nextafter(1.0, 2)), id="reversed"),
    ],
)
def test_best_threshold_by_hand(genuine: list[float], impostor: list[float], threshold: float) -> None:
    """The threshold is half-way between the scores that it separates."""
    assert best_threshold(scored(genuine, impostor)) == threshold


def test_neighbouring_floats_are_still_parted() -> None:
    """Where no float lies between two scores, the higher one itself is the threshold."""
    low = 0.7
    high = float(np.nextafter(low, 1))
    assert best_threshold(scored([high], [low])) == high


@pytest.mark.parametrize("failed", [pytest.param(0, id="no-pair"), pytest.param(2, id="only-failures")])
def test_no_comparison_no_threshold(failed: int) -> None:
    """Without completed comparisons no threshold can be chosen."""
    with pytest.raises(ValueError, match="no comparison was completed: no threshold can be chosen"):
        best_threshold(scored([-INF] * failed, [-INF] * failed))


# Folds.

FOLDED = scored([0.9, 0.6], [0.1, 0.5])
FOLDS = np.array([0, 1, 0, 1], dtype=np.int64)


def test_fold_accuracy_by_hand() -> None:
    """Fold 1 chooses .55 for fold 0, which chooses .5 for fold 1: accuracies 1 and 1/2, S_E 1/4."""
    thresholds = cross_fitted_thresholds(FOLDED, FOLDS)
    np.testing.assert_allclose(thresholds, [0.55, 0.5])

    found = fold_accuracy(FOLDED, FOLDS, thresholds)

    assert found.by_fold.tolist() == [1.0, 0.5]
    assert found.mean == 0.75
    assert found.standard_error == pytest.approx(0.25)


def test_the_standard_error_has_n_minus_one() -> None:
    """Accuracies 1, 1/2 and 3/4 have the sample deviation 1/4, so S_E is 1/4 over the root of 3."""
    scores = scored([0.9] * 6, [0.1, 0.1, 0.9, 0.9, 0.1, 0.9])
    folds = np.array([0, 0, 1, 1, 2, 2] * 2, dtype=np.int64)

    found = fold_accuracy(scores, folds, np.full(3, 0.5))

    assert found.by_fold.tolist() == [1.0, 0.5, 0.75]
    assert found.mean == 0.75
    assert found.standard_error == pytest.approx(0.25 / math.sqrt(3))


def test_a_failure_counts_against_its_fold() -> None:
    """A genuine pair without a face is an error, an impostor pair without one is rejected correctly."""
    scores = scored([0.9, -INF], [-INF, 0.1])
    found = fold_accuracy(scores, FOLDS, np.array([0.5, 0.5]))
    assert found.by_fold.tolist() == [1.0, 0.5]


FOLDED_SCORES = st.builds(
    scored,
    st.lists(SIMILARITY, min_size=6, max_size=12),
    st.lists(COMPLETED, min_size=6, max_size=12),
)


@given(scores=FOLDED_SCORES, count_of_folds=st.integers(2, 5), data=st.data())
def test_a_fold_s_threshold_does_not_see_the_fold(scores: Scores, count_of_folds: int, data: st.DataObject) -> None:
    """The threshold of a fold does not depend on its own scores; it is the best on the other folds."""
    folds = np.arange(len(scores), dtype=np.int64) % count_of_folds
    number = data.draw(st.integers(0, count_of_folds - 1))
    own = folds == number
    other = np.array(data.draw(st.lists(SIMILARITY, min_size=int(own.sum()), max_size=int(own.sum()))))
    changed = scores.similarity.copy()
    changed[own] = other
    assume(all((changed[folds != n] > -INF).any() for n in range(count_of_folds)))

    before = cross_fitted_thresholds(scores, folds)
    after = cross_fitted_thresholds(Scores(changed, scores.who), folds)

    assert before[number] == after[number] == best_threshold(scores.take(~own))


@given(scores=FOLDED_SCORES, data=st.data())
def test_folds_may_come_in_any_order_and_number(scores: Scores, data: st.DataObject) -> None:
    """Accuracies follow the rising fold numbers, which need not start at 0 nor be neighbours."""
    folds = np.arange(len(scores), dtype=np.int64) % 3
    rows = np.array(data.draw(st.permutations(range(len(scores)))), dtype=np.int64)
    expected = fold_accuracy(scores, folds, cross_fitted_thresholds(scores, folds))

    mixed, renamed = scores.take(rows), np.array([-4, 7, 30], dtype=np.int64)[folds[rows]]
    found = fold_accuracy(mixed, renamed, cross_fitted_thresholds(mixed, renamed))

    assert found.by_fold.tolist() == expected.by_fold.tolist()
    for number in range(3):
        tp, fp, tn, fn = count(scores.take(folds == number), float(expected.thresholds[number]))
        assert expected.by_fold[number] == (tp + tn) / (tp + fp + tn + fn)


def test_one_fold_cannot_be_cross_fitted() -> None:
    """There are no others to choose on."""
    with pytest.raises(ValueError, match="1 fold: a threshold must be chosen on other pairs than it is applied to"):
        cross_fitted_thresholds(FOLDED, np.zeros(4, dtype=np.int64))


@pytest.mark.parametrize(
    ("folds", "thresholds", "text"),
    [
        pytest.param([0, 0, 0, 0], [0.5], "1 folds and 1 thresholds", id="one-fold"),
        pytest.param([0, 1, 0, 1], [0.5], "2 folds and 1 thresholds", id="too-few-thresholds"),
        pytest.param([0, 1, 0, 1], [0.5, 0.5, 0.5], "2 folds and 3 thresholds", id="too-many-thresholds"),
    ],
)
def test_each_fold_needs_its_threshold(folds: list[int], thresholds: list[float], text: str) -> None:
    """The message says how many of each came."""
    with pytest.raises(ValueError, match=f"{text}: two folds or more need one each"):
        fold_accuracy(FOLDED, np.array(folds, dtype=np.int64), np.array(thresholds))


def test_a_fold_whose_others_all_failed_is_an_error() -> None:
    """No threshold can be chosen on failures alone."""
    with pytest.raises(ValueError, match="no comparison was completed"):
        cross_fitted_thresholds(scored([0.9, -INF], [0.1, -INF]), FOLDS)


# Scores.


def test_a_similarity_of_nan_is_refused() -> None:
    """The message names both likely causes."""
    with pytest.raises(ValueError, match="a similarity is NaN: the embeddings hold NaN, or a failure was not given"):
        scored([math.nan], [0.1])


@pytest.mark.parametrize(
    ("similarity", "who"),
    [
        pytest.param(np.zeros((2, 1)), np.zeros((2, 2), dtype=np.int64), id="similarity-2d"),
        pytest.param(np.zeros(2), np.zeros((3, 2), dtype=np.int64), id="lengths-differ"),
        pytest.param(np.zeros(2), np.zeros(2, dtype=np.int64), id="who-1d"),
    ],
)
def test_scores_of_wrong_shapes_are_refused(similarity: npt.NDArray[np.float64], who: npt.NDArray[np.int64]) -> None:
    """The message gives both shapes."""
    with pytest.raises(ValueError, match=r"similarity must have shape \(n,\) and who \(n, 2\), not \("):
        Scores(similarity, who)


def test_completed_leaves_out_failures_only() -> None:
    """Completed comparisons keep their order."""
    completed = scored([0.9, -INF], [-INF, 0.1]).completed()
    assert completed.similarity.tolist() == [0.9, 0.1]
    assert completed.genuine.tolist() == [True, False]
