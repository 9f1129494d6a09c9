"""Paired tests against cases worked by hand, exact fractions, scipy, a brute force over coins, and simulation."""

import itertools
import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import stdtr, stdtrit
from scipy.stats import binom

from facecheck.evaluation.estimates import curves
from facecheck.metrics import auc, curve, eer, fnmr_at_fmr
from facecheck.metrics.dyads import Dyads
from facecheck.metrics.influence import of_mean
from facecheck.metrics.intervals import wilson
from facecheck.metrics.paired import curve_difference, difference, holm, mcnemar
from facecheck.metrics.scores import Scores

Bools = npt.NDArray[np.bool_]
Array = npt.NDArray[np.float64]


def answers(both: int, only_first: int, only_second: int, neither: int) -> tuple[Bools, Bools]:
    """Return two models' right answers from the four counts of McNemar's table."""
    first = [True] * both + [True] * only_first + [False] * only_second + [False] * neither
    second = [True] * both + [False] * only_first + [True] * only_second + [False] * neither
    return np.array(first, dtype=np.bool_), np.array(second, dtype=np.bool_)


ANSWERS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60).map(
    lambda rows: (np.array([a for a, _ in rows]), np.array([b for _, b in rows]))
)
PROBABILITIES = st.lists(st.one_of(st.floats(0, 1), st.integers(0, 20).map(lambda k: k / 20)), max_size=12)


# McNemar.


def exact_p(k: int, n: int) -> Fraction:
    """Add up, in exact fractions, all ways in which n coins part at least as unevenly as k against n - k."""
    parted = [Fraction(math.comb(n, heads), 2**n) for heads in range(n + 1) if abs(2 * heads - n) >= abs(2 * k - n)]
    return sum(parted, Fraction(0))


@pytest.mark.parametrize(
    ("counts", "p"),
    [
        pytest.param((3, 5, 0, 1), 2 / 32, id="five-to-none"),
        pytest.param((100, 6, 0, 0), 2 / 64, id="six-to-none"),
        pytest.param((0, 1, 9, 4), 2 * (1 + 10) / 1024, id="one-to-nine"),
        pytest.param((7, 3, 12, 2), 2 * (1 + 15 + 105 + 455) / 2**15, id="three-to-twelve"),
        pytest.param((9, 4, 4, 1), 1.0, id="even"),
        pytest.param((9, 4, 5, 1), 1.0, id="as-even-as-odd-allows"),
        pytest.param((9, 0, 0, 1), 1.0, id="never-apart"),
    ],
)
def test_mcnemar_by_hand(counts: tuple[int, int, int, int], p: float) -> None:
    """Binomial tails added up by hand; pairs on which both agree do not matter."""
    found = mcnemar(*answers(*counts))

    assert (found.only_first, found.only_second) == counts[1:3]
    assert found.p == pytest.approx(p, rel=1e-12)


def test_mcnemar_equals_exact_fractions_on_the_grid() -> None:
    """Every k against n - k, n up to 40."""
    for n in range(1, 41):
        for k in range(n + 1):
            assert mcnemar(*answers(2, k, n - k, 1)).p == pytest.approx(float(exact_p(k, n)), rel=1e-9), (k, n)


def test_mcnemar_equals_scipys_tail_where_lfw_lies() -> None:
    """Twice the lower tail of a fair coin, as statsmodels' mcnemar(exact=True) has it."""
    for only_first, only_second in ((41, 67), (12, 60), (0, 130)):
        tail = 2 * binom.cdf(min(only_first, only_second), only_first + only_second, 0.5)
        assert mcnemar(*answers(5000, only_first, only_second, 40)).p == pytest.approx(float(tail), rel=1e-9)


@given(both=ANSWERS)
def test_mcnemar_counts_what_a_loop_counts(both: tuple[Bools, Bools]) -> None:
    """One pair at a time."""
    first = second = 0
    for ours, theirs in zip(both[0].tolist(), both[1].tolist(), strict=True):
        first += ours and not theirs
        second += theirs and not ours
    found = mcnemar(*both)

    assert (found.only_first, found.only_second) == (first, second)
    assert found.p == pytest.approx(float(exact_p(first, first + second)), rel=1e-9)


@given(both=ANSWERS, seed=st.integers(0, 99))
def test_mcnemar_does_not_mind_order_or_who_is_first(both: tuple[Bools, Bools], seed: int) -> None:
    """Swapping the models swaps the counts; p is a probability above 0 and stays."""
    first, second = both
    found = mcnemar(first, second)
    order = np.random.default_rng(seed).permutation(len(first))

    assert 0 < found.p <= 1
    assert mcnemar(second, first) == (found.only_second, found.only_first, found.p)
    assert mcnemar(first[order], second[order]) == found
    assert mcnemar(~first, ~second) == mcnemar(second, first)


def test_the_smallest_p_is_not_zero() -> None:
    """Two to the minus 4999 is less than any float, and still not nothing."""
    assert 0 < mcnemar(*answers(0, 5000, 0, 0)).p < 1e-300


def test_mcnemar_holds_its_level() -> None:
    """Of two equal models it tells one from the other at most as often as it says; of unequal ones, mostly."""
    generator = np.random.default_rng(5)
    equal = [mcnemar(*(generator.random((2, 400)) < 0.9)).p for _ in range(500)]
    unequal = [mcnemar(*(generator.random((2, 400)) < [[0.95], [0.85]])).p for _ in range(100)]

    assert np.mean(np.array(equal) < 0.05) < 0.05 + 0.02
    assert np.mean(np.array(unequal) < 0.05) > 0.9


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param([True], [True, False], id="one-longer"),
        pytest.param([], [], id="none"),
        pytest.param([[True]], [[True]], id="a-matrix"),
    ],
)
def test_answers_that_do_not_fit_are_refused(first: list[bool], second: list[bool]) -> None:
    """By their shapes, with the likely cause."""
    ours, theirs = np.array(first, dtype=np.bool_), np.array(second, dtype=np.bool_)
    with pytest.raises(ValueError, match=r"two answers to each of n pairs, not .*of the same data set"):
        mcnemar(ours, theirs)
    with pytest.raises(ValueError, match=r"two answers to each of n pairs, not "):
        difference(ours, theirs, np.zeros((len(first), 2), dtype=np.int64))


# Holm.


def slow_holm(p: list[float]) -> list[float]:
    """Reject from the smallest on, as Holm wrote it: the level at which each test would just be rejected."""
    ranked, levels = sorted(range(len(p)), key=lambda i: p[i]), [0.0] * len(p)
    for place, i in enumerate(ranked):
        levels[i] = min(1.0, max(p[j] * (len(p) - k) for k, j in enumerate(ranked[: place + 1])))
    return levels


@pytest.mark.parametrize(
    ("p", "adjusted"),
    [
        pytest.param([], [], id="no-test"),
        pytest.param([0.03], [0.03], id="one-test"),
        pytest.param([0.01, 0.02, 0.03, 0.005], [0.03, 0.04, 0.04, 0.02], id="four"),
        pytest.param([0.04, 0.01, 0.03], [0.06, 0.03, 0.06], id="never-below-a-smaller-one"),
        pytest.param([0.6, 0.5], [1.0, 1.0], id="at-most-one"),
        pytest.param([0.02, 0.02], [0.04, 0.04], id="ties"),
    ],
)
def test_holm_by_hand(p: list[float], adjusted: list[float]) -> None:
    """The least times m, the next times m - 1, none below one before it."""
    assert holm(p).tolist() == pytest.approx(adjusted)


@given(p=PROBABILITIES)
def test_holm_equals_the_procedure(p: list[float]) -> None:
    """The step-down procedure itself, test by test."""
    assert holm(p).tolist() == pytest.approx(slow_holm(p))


@given(p=PROBABILITIES, seed=st.integers(0, 99))
def test_holm_keeps_the_order_and_never_helps(p: list[float], seed: int) -> None:
    """Adjusted p lies between raw and Bonferroni's, in the same order, wherever the test stands in the table."""
    adjusted = holm(p)
    order = np.random.default_rng(seed).permutation(len(p))

    assert (adjusted >= np.array(p)).all()
    assert (adjusted <= np.minimum(1, np.array(p) * len(p)) + 1e-12).all()
    assert all(adjusted[i] <= adjusted[j] for i, j in itertools.permutations(range(len(p)), 2) if p[i] < p[j])
    np.testing.assert_array_equal(holm([p[i] for i in order]), adjusted[order])


def test_holm_keeps_the_false_alarms_of_a_whole_table() -> None:
    """Of tables of twenty true nulls, about one in twenty holds a false alarm; uncorrected, two in three."""
    generator = np.random.default_rng(2)
    tables = generator.random((800, 20))

    assert 0.03 < np.mean([holm(table.tolist()).min() < 0.05 for table in tables]) < 0.07
    assert np.mean(tables.min(axis=1) < 0.05) > 0.5


@pytest.mark.parametrize("p", [[0.5, float("nan")], [-0.1], [1.1], [[0.5]]])
def test_holm_refuses_what_is_no_probability(p: list[float]) -> None:
    """NaN would silently sort last."""
    with pytest.raises(ValueError, match="needs a sequence of probabilities"):
        holm(p)


# The difference, by identity.

PEOPLE = 60
COUPLES = np.stack((np.repeat(np.arange(PEOPLE), 5), np.repeat(np.arange(PEOPLE), 5)), axis=1)


def test_a_difference_by_hand() -> None:
    """+1, 0, 0, 0 of strangers: 1/4, standard error 1/4, interval and test of one t at the same freedom."""
    first, second = answers(2, 1, 0, 1)
    who = np.stack((np.arange(4), np.arange(4)), axis=1)
    found = difference(first, second, who)
    freedom = 3 / (0.328125 / 0.75**2) - 3 - 2 / 3
    half = float(stdtrit(freedom, 0.975)) / 4

    assert found.lead == pytest.approx((0.25, max(-1.0, 0.25 - half), min(1.0, 0.25 + half), 4))
    assert found.p == 1.0  # one pair is one coin
    two = difference(*answers(200, 9, 4, 187), np.stack((np.arange(400), np.arange(400)), axis=1))
    spread = Dyads.of(np.arange(400)).spread(of_mean(np.repeat([1.0, -1.0, 0.0], [9, 4, 387])))
    assert two.p == pytest.approx(2 * float(stdtr(spread.freedom_of_all, -5 / 400 / np.sqrt(spread.variance))))


def test_five_pairs_separate_nothing() -> None:
    """However clear: five coins fall alike in one of sixteen cases. Six may."""
    who = np.stack((np.arange(400), np.arange(400)), axis=1)
    five, six = difference(*answers(300, 5, 0, 95), who), difference(*answers(300, 6, 0, 94), who)
    assert (five.p, six.p) == (2 / 32, 2 / 64)
    assert five.lead.low == 0 < six.lead.low


@given(both=ANSWERS, seed=st.integers(0, 99))
def test_a_difference_is_the_difference_of_the_rates(both: tuple[Bools, Bools], seed: int) -> None:
    """It lies in its interval, and swapping the models mirrors both."""
    who = np.random.default_rng(seed).integers(0, 5, (len(both[0]), 2))
    assume(len(np.unique(who)) > 1 and len(who) > 1)
    (found, p), (mirrored, other) = difference(*both, who), difference(both[1], both[0], who)

    assert p == pytest.approx(other)
    assert 0 < p <= 1
    if np.ptp(both[0].astype(int) - both[1]) > 0 and abs(p - 0.05) > 1e-9 and -1 < found.low < found.high < 1:
        assert (p < 0.05) == (found.low > 0 or found.high < 0)
    assert found.value == pytest.approx(float(both[0].mean() - both[1].mean()))
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert (mirrored.value, mirrored.low, mirrored.high) == pytest.approx((-found.value, -found.high, -found.low))


def test_models_that_never_differ_may_still_differ_elsewhere() -> None:
    """No difference among 60 people bounds it by Wilson's interval of none in 60, not by nothing."""
    right = np.ones(len(COUPLES), dtype=np.bool_)
    found = difference(right, right, COUPLES)

    assert (found.lead.value, found.p) == (0, 1)
    assert (found.lead.low, found.lead.high) == pytest.approx((-wilson(0, PEOPLE)[1], wilson(0, PEOPLE)[1]))


def test_models_that_differ_on_every_pair_take_the_sign_test_of_people() -> None:
    """Of 60 people each is one coin; of two, two coins prove nothing."""
    right = np.ones(len(COUPLES), dtype=np.bool_)
    assert difference(right, ~right, COUPLES).p == pytest.approx(2 * 0.5**PEOPLE)
    assert difference(right[:10], ~right[:10], COUPLES[:10]).p == 0.5


def test_pairs_of_one_person_are_not_so_many_observations() -> None:
    """Ten people decide all: McNemar is sure, the test by identity is not."""
    who = np.repeat(np.arange(20), 30)
    who = np.stack((who, who), axis=1)
    first = np.where(who[:, 0] < 12, True, who[:, 0] < 13)  # noqa: FBT003 - where's branch
    second = np.where(who[:, 0] < 8, True, who[:, 0] > 16)  # noqa: FBT003
    lead, p = difference(first, second, who)

    assert mcnemar(first, second).p < 1e-3
    assert p > 0.05
    assert lead.low < 0 < lead.value < lead.high


def test_the_test_holds_its_level_where_mcnemar_cries_wolf() -> None:
    """Two equal models, each with its own hard people: one in twenty by identity, McNemar rejects far too often."""
    generator, ours, theirs = np.random.default_rng(8), [], []
    for _ in range(600):
        ease = generator.beta(0.7, 0.3, (2, PEOPLE))
        first, second = generator.random((2, len(COUPLES))) < ease[:, COUPLES[:, 0]]
        ours.append(difference(first, second, COUPLES).p < 0.05)
        theirs.append(mcnemar(first, second).p < 0.05)
    assert 0.03 < np.mean(ours) < 0.07
    assert np.mean(theirs) > 0.15


def test_the_test_holds_its_level_over_both_sides_of_pairs() -> None:
    """Impostor pairs of 24 people, each hard for one of two equal models or not."""
    generator, who = np.random.default_rng(9), np.stack(np.tril_indices(24, -1), axis=1)
    ours, theirs = [], []
    for _ in range(600):
        effect = generator.normal(size=(2, 24))
        latent = effect[:, who[:, 0]] + effect[:, who[:, 1]] + generator.normal(size=(2, len(who)))
        first, second = latent < 2
        ours.append(difference(first, second, who).p < 0.05)
        theirs.append(mcnemar(first, second).p < 0.05)
    assert 0.025 < np.mean(ours) < 0.075
    assert np.mean(theirs) > 0.3


def test_the_test_finds_what_mcnemar_finds_where_pairs_are_independent() -> None:
    """Of strangers both have the same power, within chance."""
    generator, who = np.random.default_rng(10), np.stack((np.arange(400), np.arange(400)), axis=1)
    ours, theirs = [], []
    for _ in range(300):
        first, second = generator.random((2, 400)) < [[0.92], [0.86]]
        ours.append(difference(first, second, who).p < 0.05)
        theirs.append(mcnemar(first, second).p < 0.05)
    assert np.mean(ours) >= np.mean(theirs) > 0.5


def test_who_must_fit_the_answers() -> None:
    """A row of people a pair."""
    right = np.ones(4, dtype=np.bool_)
    with pytest.raises(ValueError, match=r"who must have shape \(4, 2\), one row per pair, not \(3, 2\)"):
        difference(right, right, COUPLES[:3])
    with pytest.raises(ValueError, match="4 pairs of 1 people: a paired test needs two of each"):
        difference(right, right, COUPLES[:4])


# Differences of curves.


def two_models(generator: np.random.Generator, d_prime: float, better: float) -> tuple[Scores, Scores]:
    """Return scores of two models on the same pairs, hard for both alike, the first ``better`` by so much d'."""
    people = np.arange(PEOPLE)
    genuine = np.repeat(np.stack((people, people), axis=1), 4, axis=0)
    impostor = np.concatenate([np.stack((people, np.roll(people, -k)), axis=1) for k in range(1, 5)])
    who = np.concatenate((genuine, impostor))
    apart, shared = np.repeat([1.0, 0.0], PEOPLE * 4), generator.normal(size=len(who))
    noise = 0.3 * generator.normal(size=(2, len(who)))
    return (
        Scores(apart * (d_prime + better) + shared + noise[0], who),
        Scores(apart * d_prime + shared + noise[1], who),
    )


def missed(scores: Scores) -> float:
    """Return the FNMR at an FAR of 0.1 of 240 impostor pairs."""
    return fnmr_at_fmr(curve(scores), 0.1, impostors=240).fnmr


def test_curve_differences_are_differences() -> None:
    """The values are those of the two curves, in the same direction."""
    first, second = two_models(np.random.default_rng(0), 2.0, 0.3)
    expected = {
        ("auc", None): auc(first) - auc(second),
        ("eer", None): eer(curve(first)).rate - eer(curve(second)).rate,
        ("tar_at_far", 0.1): missed(second) - missed(first),
    }
    for (metric, far), value in expected.items():
        lead, p = curve_difference(first, second, metric=metric, far=far)
        assert lead.value == pytest.approx(value)
        assert -1 <= lead.low < lead.value < lead.high <= 1
        assert (lead.n, (p < 0.05)) == (480, not lead.low <= 0 <= lead.high)


def test_pairing_sees_what_intervals_side_by_side_do_not() -> None:
    """A small lead is certain where the same pairs are hard for both; swapping the models mirrors it."""
    first, second = two_models(np.random.default_rng(1), 2.0, 0.3)
    lead, lag = curve_difference(first, second, metric="auc"), curve_difference(second, first, metric="auc")
    ours, theirs = (next(e for name, e, _ in curves(scores, fars=()) if name == "auc") for scores in (first, second))

    assert lead.lead.low > 0
    assert lead.p == pytest.approx(lag.p)
    assert lead.p < 0.05
    assert ours.low < theirs.high
    assert lag.lead[:3] == pytest.approx((-lead.lead.value, -lead.lead.high, -lead.lead.low))


@pytest.mark.parametrize(("metric", "far"), [("auc", None), ("eer", None), ("tar_at_far", 0.1)])
def test_a_model_is_no_better_than_itself(metric: str, far: float | None) -> None:
    """Zero, within what so many people could hide."""
    first, _ = two_models(np.random.default_rng(1), 2.0, 0.0)
    lead, p = curve_difference(first, first, metric=metric, far=far)
    assert (lead.value, p) == (0, 1)
    assert (lead.low, lead.high) == pytest.approx((-wilson(0, PEOPLE)[1], wilson(0, PEOPLE)[1]))


@pytest.mark.parametrize(("metric", "far"), [("auc", None), ("eer", None), ("tar_at_far", 0.1)])
def test_equal_models_are_told_apart_as_seldom_as_promised(metric: str, far: float | None) -> None:
    """Of equal models on the same pairs, about one test in twenty rejects."""
    generator = np.random.default_rng(3)
    found = [curve_difference(*two_models(generator, 1.5, 0.0), metric=metric, far=far).p for _ in range(400)]
    assert 0.015 < np.mean(np.array(found) < 0.05) < 0.085


def test_what_cannot_be_compared_is_refused() -> None:
    """The same numbers of pairs are not the same pairs; an unknown metric; one person; an FAR that is not shown."""
    first, second = two_models(np.random.default_rng(1), 2.0, 0.0)
    with pytest.raises(ValueError, match="not compared on the same pairs"):
        curve_difference(first, Scores(second.similarity, second.who[::-1]), metric="auc")
    with pytest.raises(ValueError, match="expected auc, eer, or tar_at_far with an FAR, not accuracy with None"):
        curve_difference(first, second, metric="accuracy")
    with pytest.raises(ValueError, match="expected auc, eer, or tar_at_far with an FAR, not tar_at_far with None"):
        curve_difference(first, second, metric="tar_at_far")
    with pytest.raises(ValueError, match=r"cannot resolve an FMR of 0\.001"):
        curve_difference(first, second, metric="tar_at_far", far=0.001)
    alone = Scores(np.ones(3), np.zeros((3, 2), dtype=np.int64))
    with pytest.raises(ValueError, match="pairs of 1 people: a paired test needs two"):
        curve_difference(alone, alone, metric="auc")
