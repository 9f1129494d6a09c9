"""From answers to estimates: every number has the right name, rests on the right pairs, and lies in its interval."""

import itertools
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics as peer
from hypothesis import given, settings
from hypothesis import strategies as st

from facecheck.evaluation.estimates import (
    acquisition,
    by_fold,
    curves,
    decisions,
    distances,
    fold_standard_error,
    match_rates,
    time_per_image,
)
from facecheck.faces import Face, ImageSource, Pairs
from facecheck.metrics import auc, best_threshold, curve, dprime, eer, fold_accuracy, intervals
from facecheck.metrics.intervals import Estimate
from facecheck.metrics.scores import Scores
from facecheck.metrics.thresholds import PairThresholds
from facecheck.pipeline.outcomes import Embedded, Outcome
from facecheck.results.catalogue import METRICS

INF = float("inf")


def scored(genuine: Sequence[float], impostor: Sequence[float]) -> Scores:
    """Return scores of these similarities, the genuine pairs first, impostors between neighbours."""
    people = max(len(genuine), len(impostor))
    who = [(k, k) for k in range(len(genuine))] + [(k, (k + 1) % max(people, 2)) for k in range(len(impostor))]
    return Scores(np.array([*genuine, *impostor], dtype=np.float64), np.array(who, dtype=np.int64).reshape(-1, 2))


def random_scores(people: int, seed: int = 0) -> Scores:
    """Return one genuine pair a person and impostor pairs of all, well apart."""
    generator, numbers = np.random.default_rng(seed), range(people)
    who = np.array([(k, k) for k in numbers] + list(itertools.combinations(numbers, 2)), dtype=np.int64)
    return Scores(generator.normal(np.where(who[:, 0] == who[:, 1], 2.0, 0.0)), who)


SIMILARITY = st.one_of(st.integers(-6, 6).map(lambda k: k / 7), st.just(-INF))
SCORES = st.builds(scored, st.lists(SIMILARITY, min_size=1, max_size=10), st.lists(SIMILARITY, min_size=1, max_size=10))


# Thresholds.


def test_a_fixed_threshold_judges_all_pairs() -> None:
    """The same one for each, and no folds."""
    thresholds = PairThresholds.fixed(-0.6, 3)
    assert thresholds.of_pair.tolist() == [-0.6] * 3
    assert thresholds.by_fold is None


def test_each_pair_is_judged_at_its_fold_s_threshold() -> None:
    """Fold numbers may be any and in any order; each fold's threshold is the best of the others."""
    scores, folds = random_scores(12), np.random.default_rng(1).choice(np.array([-3, 4, 9]), 78)

    thresholds = PairThresholds.cross_fitted(scores, folds)

    assert thresholds.by_fold is not None
    for number, threshold in zip((-3, 4, 9), thresholds.by_fold, strict=True):
        assert threshold == best_threshold(scores.take(folds != number))
        assert set(thresholds.of_pair[folds == number].tolist()) == {threshold}


def test_taking_thresholds_keeps_those_of_the_folds() -> None:
    """The folds' own thresholds do not depend on which pairs are looked at."""
    thresholds = PairThresholds(np.array([1.0, 2.0]), np.array([1.0, 2.0])).take(np.array([False, True]))
    assert thresholds.of_pair.tolist() == [2.0]
    assert thresholds.by_fold is not None
    assert thresholds.by_fold.tolist() == [1.0, 2.0]


# Decisions.


def test_decisions_by_hand() -> None:
    """3 of 4 genuine pairs match, one has no face; 1 of 4 impostor pairs matches."""
    found = decisions(scored([0.9, 0.8, 0.6, -INF], [0.7, 0.3, 0.2, -INF]), PairThresholds.fixed(0.5, 8))
    values = {name: (estimate.value, estimate.n) for name, estimate in found.items()}
    assert values == {
        "accuracy": (0.75, 8),
        "fmr": (0.25, 4),
        "fnmr": (0.25, 4),
        "recall": (0.75, 4),
        "precision": (0.75, 4),
        "f1": (0.75, 8),
        "tp": (3, 4),
        "fn": (1, 4),
        "fp": (1, 4),
        "tn": (3, 4),
        "threshold_distance": (-0.5, 8),
    }
    assert set(values) <= set(METRICS)


@settings(max_examples=15)
@given(scores=SCORES, data=st.data())
def test_decisions_equal_scikit_learn(scores: Scores, data: st.DataObject) -> None:
    """Also where every pair has a threshold of its own; each value lies in its interval."""
    each = st.integers(-7, 7).map(lambda k: k / 7)
    thresholds = np.array(data.draw(st.lists(each, min_size=len(scores), max_size=len(scores))))
    truth, matched = scores.genuine, scores.similarity >= thresholds

    found = decisions(scores, PairThresholds(thresholds))

    expected = {
        "accuracy": peer.accuracy_score(truth, matched),
        "recall": peer.recall_score(truth, matched),
        "fnmr": 1 - peer.recall_score(truth, matched),
        "fmr": 1 - peer.recall_score(~truth, ~matched),
        "f1": peer.f1_score(truth, matched),
        "threshold_distance": -thresholds.mean(),
    }
    counted = peer.confusion_matrix(truth, matched).ravel().tolist()
    expected |= dict(zip(("tn", "fp", "fn", "tp"), counted, strict=True))
    if matched.any():
        expected["precision"] = peer.precision_score(truth, matched)
    assert {name: estimate.value for name, estimate in found.items()} == pytest.approx(expected)
    for name, estimate in found.items():
        assert estimate.low <= estimate.value + 1e-12, name
        assert estimate.value <= estimate.high + 1e-12, name


def test_what_is_undefined_is_left_out() -> None:
    """Nothing matches: no precision. No impostor: no FMR. No genuine pair: neither recall, FNMR nor F1."""
    assert "precision" not in decisions(scored([0.1], [0.1]), PairThresholds.fixed(0.5, 2))
    assert "fmr" not in decisions(scored([0.1, 0.9], []), PairThresholds.fixed(0.5, 2))
    assert set(decisions(scored([], [0.1, 0.9]), PairThresholds.fixed(0.5, 2))) == {
        "accuracy",
        "fmr",
        "precision",
        "fp",
        "tn",
        "threshold_distance",
    }


@pytest.mark.parametrize("threshold", [-INF, INF])
def test_no_threshold_decides_for_a_failure(threshold: float) -> None:
    """Even at the loosest threshold, a failure is a non-match."""
    found = decisions(scored([-INF, -INF], [-INF, -INF]), PairThresholds.fixed(threshold, 4))
    assert (found["fnmr"].value, found["fmr"].value, found["accuracy"].value) == (1.0, 0.0, 0.5)


def test_decisions_are_wider_where_people_return() -> None:
    """Errors of two people in twenty pairs each are not forty independent errors."""
    people = np.repeat(np.arange(20), 20)
    scores = Scores(np.where(people < 2, 0.1, 0.9), np.stack((people, people), axis=1))
    found = decisions(scores, PairThresholds.fixed(0.5, 400))["fnmr"]
    assert found == intervals.proportion(people < 2, people)
    assert found.high - found.low > 3 * float(np.diff(intervals.wilson(0.1, 400))[0])


def test_counts_have_the_intervals_of_their_rates() -> None:
    """In pairs; what matches and what does not add up, whatever the interval."""
    scores = random_scores(20)
    found = decisions(scores, PairThresholds.fixed(1.0, len(scores)))
    impostors = found["fmr"].n

    for count, rate in (("tp", "recall"), ("fn", "fnmr"), ("fp", "fmr")):
        assert found[count] == pytest.approx((*(part * found[rate].n for part in found[rate][:3]), found[rate].n))
    assert found["tn"].low == pytest.approx(impostors - found["fp"].high)
    assert found["tp"].value + found["fn"].value == found["recall"].n
    assert found["fp"].value + found["tn"].value == impostors


def test_kinds_that_fare_differently_do_not_widen_the_accuracy() -> None:
    """Every impostor pair matches and no genuine pair is lost: how many there are of each is no chance."""
    generator = np.random.default_rng(2)
    genuine, impostor = np.ones(200), np.where(generator.random(200) < 0.5, 1.0, 0.0)
    scores = scored(genuine.tolist(), impostor.tolist())
    found = decisions(scores, PairThresholds.fixed(0.5, 400))
    assert found["accuracy"].high - found["accuracy"].low < 0.9 * float(
        np.diff(intervals.wilson(found["accuracy"].value, 400))[0]
    )


def test_precision_and_f1_without_errors_have_an_interval() -> None:
    """Worth the people among the matches, and among all pairs."""
    found = decisions(scored([0.9] * 6, [0.1] * 9), PairThresholds.fixed(0.5, 15))
    assert found["precision"] == Estimate(1.0, *intervals.wilson(1.0, 6), 6)
    assert found["f1"] == Estimate(1.0, *intervals.wilson(1.0, 9), 15)


def test_the_threshold_s_interval_is_the_folds_range() -> None:
    """As a distance: the mean, the least and the greatest."""
    found = decisions(scored([0.9], [0.1]), PairThresholds(np.array([-0.5, -0.75])))
    assert found["threshold_distance"] == Estimate(0.625, 0.5, 0.75, 2)


# Curves.


def by_name(found: Sequence[tuple[str, Estimate, dict[str, float]]]) -> dict[str, Estimate]:
    """Key the estimates by name and FAR."""
    return {f"{name} {c['far']}" if c else name: estimate for name, estimate, c in found}


def test_curves_give_the_metrics_with_intervals() -> None:
    """AUC and EER are those of the scores, inside intervals that are wider than nothing."""
    scores = random_scores(20)

    found = by_name(list(curves(scores)))

    assert found["auc"].value == pytest.approx(auc(scores))
    assert found["eer"].value == pytest.approx(eer(curve(scores)).rate)
    at_eer = found.pop("eer_threshold_distance")
    assert at_eer == Estimate(at_eer.value, at_eer.value, at_eer.value, len(scores))
    assert -at_eer.value == eer(curve(scores)).threshold
    for estimate in found.values():
        assert estimate.low <= estimate.value <= estimate.high
        assert estimate.low < estimate.high
        assert estimate.n == len(scores)


@pytest.mark.parametrize(
    ("impostors", "shown"),
    [
        pytest.param(9, [], id="too-few-for-any"),
        pytest.param(10, [0.1], id="1-in-10"),
        pytest.param(99, [0.1], id="one-short-of-1-in-100"),
        pytest.param(100, [0.1, 0.01], id="1-in-100"),
        pytest.param(1000, [0.1, 0.01, 0.001], id="1-in-1000"),
    ],
)
def test_a_tar_is_shown_where_impostors_can_show_it(impostors: int, shown: list[float]) -> None:
    """A FAR of 1/n needs n impostor pairs; the condition names the FAR."""
    found = list(curves(scored([0.9, 0.5], [k / 2000 for k in range(impostors)])))
    assert [conditions["far"] for name, _, conditions in found if name == "tar_at_far"] == shown


def test_a_tar_is_the_fraction_that_was_counted() -> None:
    """Where k of n genuine pairs are accepted the TAR is k/n, not rounded twice: a limit of k/n is then kept."""
    wrong = []
    for k, n in [(1, 10), (1, 3), (2, 5), (1, 2), (9, 10), (19, 20), (2, 3), (99, 100)]:
        scores = scored([0.9] * k + [0.1] * (n - k), [0.2] * 10)
        value = by_name(list(curves(scores, fars=[0.1])))["tar_at_far 0.1"].value
        if value != k / n:
            wrong.append((f"{k}/{n}", value, k / n))
    assert not wrong


def test_a_far_stands_in_full_in_the_conditions() -> None:
    """Two FARs that agree in six digits are two measurements, each with the FAR that was asked for."""
    fars = [1 / 3, 0.3333334]
    found = curves(scored([0.9, 0.5], [0.1, 0.2, 0.3, 0.4]), fars=fars)
    assert [conditions["far"] for name, _, conditions in found if name == "tar_at_far"] == fars


def test_curves_repeat() -> None:
    """Nothing is drawn: two runs report the same intervals."""
    scores = random_scores(8)
    assert list(curves(scores)) == list(curves(scores))


def test_without_a_completed_comparison_no_distance_is_at_the_eer() -> None:
    """The only threshold is infinite; AUC and EER are a half."""
    found = by_name(list(curves(scored([-INF, -INF], [-INF, -INF]))))
    assert "eer_threshold_distance" not in found
    assert found["eer"].value == 0.5


def test_failures_count_in_the_curves() -> None:
    """A genuine pair without a face is rejected at every FAR."""
    scores = scored([0.9, 0.8, -INF, 0.7], [0.1, 0.2, 0.3, 0.15])
    found = by_name(list(curves(scores, fars=[0.25])))
    assert found["tar_at_far 0.25"].value == 0.75
    assert found["auc"].value == 0.75


@pytest.mark.parametrize(
    ("genuine", "impostor"),
    [
        pytest.param([0.9, 0.8], [], id="no-impostors"),
        pytest.param([], [0.9, 0.8], id="no-genuine"),
        pytest.param([], [], id="no-pairs"),
    ],
)
def test_curves_need_both_kinds(genuine: list[float], impostor: list[float]) -> None:
    """What is undefined is left out, as among decisions and distances."""
    assert list(curves(scored(genuine, impostor))) == []


@pytest.mark.parametrize(
    ("scores", "n"),
    [
        pytest.param(scored([0.9] * 3, [0.1] * 20), 3, id="genuine-are-scarcer"),
        pytest.param(scored([0.9] * 20, [0.1] * 4), 4, id="impostors-are-scarcer"),
        pytest.param(
            Scores(np.repeat([0.9, 0.1], 30), np.array([[0, 0], [1, 1]] * 15 + [[0, 1]] * 30)),
            2,
            id="people-are-scarcer",
        ),
    ],
)
def test_curves_without_errors_still_have_an_interval(scores: Scores, n: int) -> None:
    """There is no spread: the interval is Wilson's of what the scarcest can show."""
    found = by_name(list(curves(scores, fars=[0.25])))
    del found["eer_threshold_distance"]
    perfect, none = intervals.wilson(1.0, n), intervals.wilson(0.0, n)
    assert found == {
        "auc": Estimate(1.0, *perfect, len(scores)),
        "eer": Estimate(0.0, *none, len(scores)),
        "tar_at_far 0.25": Estimate(1.0, *perfect, len(scores)),
    }


def test_curves_of_nothing_but_errors_still_have_an_interval() -> None:
    """The other end: every genuine pair below every impostor pair."""
    found = by_name(list(curves(scored([0.1] * 5, [0.9] * 8), fars=[0.25])))
    none = intervals.wilson(0.0, 5)
    assert found["auc"] == Estimate(0.0, *none, 13)
    assert found["tar_at_far 0.25"] == Estimate(0.0, *none, 13)


# Distances, folds, groups.


def test_mean_distances_are_of_completed_comparisons() -> None:
    """A failure has no distance; a distance is the similarity's negative."""
    found = distances(scored([-0.25, -0.75, -INF], [-1.0, -2.0]))
    assert found["genuine_distance_mean"][::3] == (0.5, 2)
    assert found["impostor_distance_mean"][::3] == (1.5, 2)
    assert distances(scored([-INF], [-1.0, -2.0])).keys() == {"impostor_distance_mean"}
    assert distances(scored([-INF], [-INF])) == {}


def test_a_mean_distance_needs_two_people() -> None:
    """However many comparisons: those of one person say nothing of the next. Failures do not count as people."""
    of_one = Scores(np.array([-0.25, -0.75, -1.0, -2.0]), np.array([[0, 0], [0, 0], [0, 1], [0, 1]]))
    assert distances(of_one).keys() == {"impostor_distance_mean"}
    assert distances(scored([-0.25, -INF], [-1.0, -2.0])).keys() == {"impostor_distance_mean"}
    assert distances(scored([-0.25, -0.75], [])).keys() == {"genuine_distance_mean"}
    assert distances(scored([-0.25, -0.75], [-1.0, -2.0])).keys() == {
        "genuine_distance_mean",
        "impostor_distance_mean",
        "dprime",
    }


def test_dprime_is_of_completed_comparisons() -> None:
    """That of the scores without failures, inside an interval that is wider than nothing."""
    scores = random_scores(12)
    failed = Scores(np.where(np.arange(len(scores)) % 7 == 3, -INF, scores.similarity), scores.who)
    found = distances(failed)["dprime"]
    assert found.value == pytest.approx(dprime(failed.completed()))
    assert found.low < found.value < found.high
    assert found.n == int(failed.made.sum())


@pytest.mark.parametrize(
    ("genuine", "impostor"),
    [
        pytest.param([0.5, 0.5, 0.5], [0.25, 0.25, 0.25], id="no-spread"),
        pytest.param([0.1, 0.1, 0.1], [0.3, 0.3, 0.3], id="no-spread-but-rounding"),
        pytest.param([-INF, -INF, -INF], [0.1, 0.2, 0.3], id="no-genuine-comparison-made"),
        pytest.param([0.7, 0.8, 0.9], [-INF, -INF, -INF], id="no-impostor-comparison-made"),
        pytest.param([-INF, -INF, -INF], [-INF, -INF, -INF], id="no-comparison-made"),
    ],
)
def test_a_dprime_that_is_undefined_is_left_out(genuine: list[float], impostor: list[float]) -> None:
    """A model that finds no face any more is measured to its end: AUC and EER count its failures."""
    scores = scored(genuine, impostor)
    assert "dprime" not in distances(scores)
    assert [name for name, _, _ in curves(scores, fars=())][:2] == ["auc", "eer"]


def face(subject: str, number: int = 0) -> Face:
    name = f"{subject}/{number}"
    return Face(source=ImageSource(Path(name), name), subject=subject)


def test_the_standard_error_is_over_folds() -> None:
    """LFW's S_E at the folds' thresholds, without an interval of its own."""
    scores = scored([0.9, 0.6], [0.1, 0.5])
    folds = np.array([0, 1, 0, 1], dtype=np.int64)
    faces = (face("a"), face("a", 1), face("b"), face("c"))
    indices = np.array([[0, 1], [1, 0], [0, 2], [2, 3]], dtype=np.int64)
    thresholds = PairThresholds.cross_fitted(scores, folds)

    found = fold_standard_error(scores, Pairs(faces, indices, folds), thresholds)

    assert thresholds.by_fold is not None
    error = fold_accuracy(scores, folds, thresholds.by_fold).standard_error
    assert found == Estimate(error, error, error, 4)
    assert error == pytest.approx(0.25)
    assert fold_standard_error(scores, Pairs(faces, indices), thresholds) is None
    assert fold_standard_error(scores, Pairs(faces, indices, folds), PairThresholds.fixed(0.5, 4)) is None


def test_the_accuracy_is_told_by_fold() -> None:
    """Each fold at its own threshold, in the order of their numbers; failures never match; n is the fold's own."""
    scores = scored([0.9, 0.6, -INF], [0.1, 0.5, 0.8])
    folds = np.array([7, 2, 7, 7, 2, 2], dtype=np.int64)
    thresholds = PairThresholds(np.where(folds == 2, 0.55, -INF), np.array([0.55, -INF]))
    faces = (face("a"), face("a", 1), face("b"), face("c"))
    indices = np.array([[0, 1], [1, 0], [0, 1], [0, 2], [2, 3], [3, 0]], dtype=np.int64)

    found = list(by_fold(scores, Pairs(faces, indices, folds), thresholds))

    right = np.array([True, True, False, False, True, False])
    assert found == [
        ("accuracy", intervals.proportion(right[rows], scores.who[rows], kinds=scores.genuine[rows]), number)
        for number in (2, 7)
        for rows in [folds == number]
    ]
    assert [(estimate.value, estimate.n) for _, estimate, _ in found] == [(2 / 3, 3), (1 / 3, 3)]
    assert all(type(number) is int for _, _, number in found)


def test_the_folds_accuracies_average_to_the_whole_s() -> None:
    """Weighted by their pairs, they are the accuracy that is reported over all folds."""
    scores, folds = random_scores(12), np.random.default_rng(1).choice(np.array([0, 1, 2]), 78)
    thresholds = PairThresholds.cross_fitted(scores, folds)
    pairs = Pairs(tuple(face(str(k), n) for k in range(12) for n in (0, 1)), scores.who * 2 + np.array([0, 1]), folds)

    found = [estimate for _, estimate, _ in by_fold(scores, pairs, thresholds)]

    assert sum(each.n for each in found) == len(scores)
    whole = decisions(scores, thresholds)["accuracy"].value
    assert sum(each.value * each.n for each in found) / len(scores) == pytest.approx(whole)


def test_without_folds_there_is_nothing_by_fold() -> None:
    """Not one fold that holds everything."""
    pairs = Pairs((face("a"), face("a", 1)), np.array([[0, 1]], dtype=np.int64))
    assert list(by_fold(scored([0.9], []), pairs, PairThresholds.fixed(0.5, 1))) == []


def test_match_rates_go_by_group() -> None:
    """Genuine pairs only, a group each; unknown groups are left out; failures and ties follow the rule."""
    scores = scored([0.9, 0.5, 0.4, -INF, 0.1], [0.1, 0.9])
    groups = np.array([0.0, 0.0, 0.2, 0.2, np.nan, 0.0, 0.4])

    found = match_rates(scores, groups, 0.5)

    assert {group: (estimate.value, estimate.n) for group, estimate in found.items()} == {0.0: (0.0, 2), 0.2: (1.0, 2)}


def test_a_failure_is_missed_at_the_loosest_threshold() -> None:
    """No threshold accepts a failure, as in every other count."""
    assert match_rates(scored([-INF], [0.1]), np.zeros(2), -INF)[0.0].value == 1.0


def test_a_threshold_of_nan_is_refused() -> None:
    """An FNMR of 0 at a threshold that is no number would be the best result of all."""
    with pytest.raises(ValueError, match="threshold"):
        match_rates(scored([0.9], [0.1]), np.zeros(2), math.nan)


# Acquisition and time.


def embedded(outcomes: Sequence[Outcome], *, fallback: Sequence[int] = (), ms: Sequence[float] = ()) -> Embedded:
    """Return faces of as many people with these outcomes."""
    n = len(outcomes)
    return Embedded(
        faces=tuple(face(str(k)) for k in range(n)),
        vectors=np.zeros((n, 2), dtype=np.float32),
        outcomes=np.array(outcomes, dtype=np.int8),
        fallback=np.isin(np.arange(n), fallback),
        total_ms=np.array(ms or [1.0] * n),
        unreadable={},
    )


@pytest.mark.parametrize(
    ("outcomes", "fallback", "fta", "rate"),
    [
        pytest.param([0, 0, 0, 0], [], (0.0, 4), (1.0, 4), id="all-found"),
        pytest.param([0, 1, 2, 0], [], (0.5, 4), (2 / 3, 3), id="one-without-face-one-unreadable"),
        pytest.param([0, 0, 1, 0], [1], (0.25, 4), (0.5, 4), id="a-centre-box-is-a-vector-but-no-find"),
        pytest.param([1, 1], [], (1.0, 2), (0.0, 2), id="none-found"),
    ],
)
def test_acquisition_by_hand(
    outcomes: list[int], fallback: list[int], fta: tuple[float, int], rate: tuple[float, int]
) -> None:
    """FTA over all images, the detection rate over those that could be read."""
    found = acquisition(embedded([Outcome(o) for o in outcomes], fallback=fallback))
    assert found["fta"][::3] == fta
    assert found["detection_rate"][::3] == pytest.approx(rate)


def test_a_detection_rate_needs_a_readable_image() -> None:
    """Nothing could be read: nothing is said of the detector."""
    found = acquisition(embedded([Outcome.UNREADABLE, Outcome.UNREADABLE]))
    assert found.keys() == {"fta"}
    assert found["fta"].value == 1.0


def test_acquisition_goes_by_person() -> None:
    """Images of one person that fail together widen the interval."""
    images = embedded([Outcome.NO_FACE] * 2 + [Outcome.EMBEDDED] * 6)
    people = tuple(face(str(k // 2), k) for k in range(8))
    together = Embedded(people, images.vectors, images.outcomes, images.fallback, images.total_ms, {})
    apart, joined = acquisition(images)["fta"], acquisition(together)["fta"]
    assert joined.low < apart.low < apart.value == joined.value < apart.high < joined.high


def test_time_per_image_is_of_readable_images() -> None:
    """The mean of what is known; None where that is fewer than two."""
    outcomes = [Outcome.EMBEDDED, Outcome.NO_FACE, Outcome.UNREADABLE]
    found = time_per_image(embedded(outcomes, ms=[10.0, 20.0, math.nan]))
    assert found is not None
    assert found[::3] == (15.0, 2)
    assert found.low < 15.0 < found.high
    assert time_per_image(embedded([Outcome.UNREADABLE], ms=[math.nan])) is None
    assert time_per_image(embedded(outcomes[::2], ms=[10.0, math.nan])) is None
    assert time_per_image(embedded([Outcome.EMBEDDED], ms=[10.0])) is None
