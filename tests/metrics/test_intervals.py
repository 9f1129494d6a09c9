"""Intervals against published numbers, scipy, cases worked by hand, and simulation."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from facecheck.metrics.dyads import Dyads, Spread
from facecheck.metrics.influence import of_mean
from facecheck.metrics.intervals import Estimate, around, fraction, mean, proportion, wilson

Z = 1.959963984540054
Observations = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]


def observations(rows: list[tuple[int, int, int]]) -> Observations:
    """Return values in sevenths and the two people of each."""
    return np.array([value / 7 for value, _, _ in rows]), np.array([[a, b] for _, a, b in rows], dtype=np.int64)


ROW = st.tuples(st.integers(-5, 5), st.integers(0, 5), st.integers(0, 5))
OBSERVATIONS = st.builds(observations, st.lists(ROW, min_size=1, max_size=25))
HITS = st.builds(
    observations,
    st.lists(st.tuples(st.sampled_from([0, 7]), st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=25),
)


# Wilson.


@pytest.mark.parametrize(
    ("rate", "n", "bounds"),
    [
        pytest.param(0.9938, 6000, (0.9915, 0.9955), id="dlib-on-lfw"),
        pytest.param(0.9965, 6000, (0.9947, 0.9977), id="facenet-vggface2-on-lfw"),
        pytest.param(0.9905, 6000, (0.9877, 0.9927), id="facenet-casia-on-lfw"),
    ],
)
def test_wilson_gives_the_published_bounds(rate: float, n: int, bounds: tuple[float, float]) -> None:
    """LFW's 6000 pairs, to the digits that the reference prints."""
    assert tuple(round(bound, 4) for bound in wilson(rate, n)) == bounds


def test_wilson_equals_scipy_on_the_grid() -> None:
    """Every k of n up to 40, and where LFW lies."""
    grid = [(k, n) for n in range(1, 41) for k in range(n + 1)] + [(5963, 6000), (0, 6000), (6000, 6000)]
    for k, n in grid:
        expected = binomtest(k, n).proportion_ci(confidence_level=0.95, method="wilson")
        assert wilson(k / n, n) == pytest.approx((expected.low, expected.high), abs=1e-12), f"{k}/{n}"


def test_wilson_holds_the_rate_on_the_grid() -> None:
    """The rate lies inside and the bounds are fractions, also where rounding bites."""
    for n in range(1, 200):
        for k in range(n + 1):
            low, high = wilson(k / n, n)
            assert 0 <= low <= k / n <= high <= 1, f"{k}/{n}"


@given(rate=st.floats(0, 1), n=st.floats(0.5, 1e6))
def test_wilson_turns_round(rate: float, n: float) -> None:
    """Errors and successes are counted alike."""
    low, high = wilson(rate, n)
    other_low, other_high = wilson(1 - rate, n)
    assert (other_low, other_high) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@given(rate=st.floats(0, 1), n=st.floats(1, 1e6), more=st.floats(1, 10))
def test_wilson_of_more_trials_lies_inside(rate: float, n: float, more: float) -> None:
    """More observations never widen the interval on either side."""
    low, high = wilson(rate, n)
    inner_low, inner_high = wilson(rate, n * more)
    assert low <= inner_low + 1e-12
    assert inner_high <= high + 1e-12


def test_wilson_of_no_error_is_near_the_rule_of_three() -> None:
    """Zero errors in n: Wilson's upper bound z^2 / (n + z^2) is the careful side of 3/n."""
    low, high = wilson(0.0, 1000)
    assert low == 0.0
    assert high == pytest.approx(Z**2 / (1000 + Z**2))
    assert 3 / 1000 < high < 4 / 1000


@pytest.mark.parametrize(
    ("rate", "n"),
    [
        pytest.param(0.5, 0, id="no-trials"),
        pytest.param(0.5, -1, id="negative-trials"),
        pytest.param(0.5, float("nan"), id="trials-nan"),
        pytest.param(float("nan"), 10, id="rate-nan"),
        pytest.param(1.01, 10, id="above-1"),
        pytest.param(-0.01, 10, id="below-0"),
        pytest.param(99.38, 6000, id="percent"),
    ],
)
def test_wilson_refuses_what_is_no_proportion(rate: float, n: float) -> None:
    """The message gives both numbers."""
    with pytest.raises(ValueError, match=rf"needs trials and a rate in \[0, 1\], not {rate} of {n}"):
        wilson(rate, n)


# Proportions and means.


@given(observed=HITS)
def test_a_proportion_is_never_narrower_than_of_independent_pairs(observed: Observations) -> None:
    """People in common only ever widen the interval, which holds the rate."""
    values, people = observed
    found = proportion(values > 0, people)

    low, high = wilson(float(values.mean()), len(values))

    assert found.n == len(values)
    assert found.value == pytest.approx(float(values.mean()))
    assert high - low <= found.high - found.low + 1e-12
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_a_proportion_of_strangers_is_wilson_s() -> None:
    """Without people in common the pairs are independent; the sample variance is that of n - 1."""
    hits = np.arange(40) < 30
    assert proportion(hits, np.arange(40)) == pytest.approx((0.75, *wilson(0.75, 39), 40))


def test_a_proportion_is_wider_with_people_in_common() -> None:
    """A hundred people whose four pairs fail or match together are worth about a hundred observations."""
    people = np.repeat(np.arange(100), 4)
    found = proportion(people < 70, people)
    assert (found.low, found.high) == pytest.approx(wilson(0.7, 99), abs=0.005)


def test_people_who_differ_in_their_odds_widen_towards_one_half() -> None:
    """What people add grows with the rate: the interval reaches farther to the side on which it is larger."""
    of_trials = Spread(0.0004, 0.0004, np.inf, np.inf)
    of_people = Spread(0.0004, 0.0001, np.inf, np.inf)
    for rate, farther in ((0.05, "high"), (0.95, "low")):
        plain, found = fraction(rate, of_trials, 900, trials=9), fraction(rate, of_people, 900, trials=9)
        assert plain[1:3] == pytest.approx(wilson(rate, rate * (1 - rate) / 0.0004))
        reach = [abs(getattr(each, farther) - rate) for each in (plain, found)]
        assert reach[1] > reach[0]


@given(rate=st.floats(0.001, 0.999), share=st.floats(0, 1), deviation=st.floats(0.001, 0.3))
def test_a_fraction_lies_in_its_interval_and_turns_round(rate: float, share: float, deviation: float) -> None:
    """Whatever part of the variance people make; errors and successes are counted alike."""
    variance = deviation**2 * rate * (1 - rate)
    spread = Spread(variance, share * variance, 12.0, 10.0)
    found, other = fraction(rate, spread, 50, trials=5), fraction(1 - rate, spread, 50, trials=5)
    assert 0 <= found.low < rate < found.high <= 1
    assert (other.low, other.high) == pytest.approx((1 - found.high, 1 - found.low), abs=1e-6)
    wider = fraction(rate, spread, 50, trials=5, freedom=2.0)
    assert wider.low < found.low < found.high < wider.high


def test_a_fraction_without_spread_is_worth_its_trials() -> None:
    """Without any spread, and at 0 and 1."""
    nothing, some = Spread(0.0, 0.0, np.inf, np.inf), Spread(0.1, 0.1, 5.0, 5.0)
    assert fraction(0.5, nothing, 100, trials=8) == Estimate(0.5, *wilson(0.5, 8), 100)
    assert fraction(1.0, some, 100, trials=8) == Estimate(1.0, *wilson(1.0, 8), 100)


@pytest.mark.parametrize("hit", [pytest.param(False, id="no-hit"), pytest.param(True, id="all-hit")])
def test_a_proportion_without_errors_still_has_an_interval(hit: bool) -> None:  # noqa: FBT001 - a table's column
    """Nothing seen to fail is not proof that nothing fails."""
    found = proportion(np.full(100, hit), np.arange(100))
    assert found == Estimate(float(hit), *wilson(float(hit), 100), 100)
    assert found.high - found.low == pytest.approx(Z**2 / (100 + Z**2))


@pytest.mark.parametrize("hit", [pytest.param(False, id="no-hit"), pytest.param(True, id="all-hit")])
def test_a_proportion_without_errors_is_worth_its_people(hit: bool) -> None:  # noqa: FBT001 - a table's column
    """A thousand images of four people that all match are four people, not a thousand."""
    found = proportion(np.full(1000, hit), np.repeat(np.arange(4), 250))
    assert found == Estimate(float(hit), *wilson(float(hit), 4), 1000)
    assert found.high - found.low == pytest.approx(Z**2 / (4 + Z**2))


def test_a_proportion_covers_the_truth_when_pairs_share_people() -> None:
    """Where a person's pairs hang together, 95 % intervals hold the truth, and naive ones do not."""
    generator, people = np.random.default_rng(7), np.repeat(np.arange(60), 10)
    covered = naive = 0
    for _ in range(400):
        of_person = generator.beta(0.7, 0.3, 60)
        hits = generator.random(600) < of_person[people]
        found = proportion(hits, people)
        low, high = wilson(found.value, 600)
        covered += found.low <= 0.7 <= found.high
        naive += low <= 0.7 <= high
    assert covered / 400 > 0.92
    assert naive / 400 < 0.75


@given(observed=OBSERVATIONS)
def test_a_mean_has_student_s_interval(observed: Observations) -> None:
    """Its half width is the quantile of t times the square root of the variance over people."""
    values, people = observed
    if len(np.unique(people)) < 2 or len(values) < 2:
        return
    found, spread = mean(values, people), Dyads.of(people).spread(of_mean(values))

    assert found == around(float(values.mean()), spread, len(values))
    assert found.value - found.low == pytest.approx(found.high - found.value)


def test_a_mean_by_hand() -> None:
    """1, 2, 3 of strangers: 2 +- 4.303 / sqrt(3), Student's t of two degrees of freedom."""
    found = mean(np.array([1.0, 2.0, 3.0]), np.arange(3))
    half = 4.302652729911275 / np.sqrt(3)
    assert found == pytest.approx((2.0, 2 - half, 2 + half, 3))


def test_a_mean_within_kinds_leaves_their_difference_out() -> None:
    """How many pairs of each kind there are is fixed: their difference is no chance."""
    values, kinds = np.array([0.0, 1.0, 0.0, 1.0, 8.0, 9.0, 8.0, 9.0]), np.arange(8) < 4
    apart, together = mean(values, np.arange(8), kinds=kinds), mean(values, np.arange(8))
    assert apart.value == together.value
    assert together.low < apart.low < apart.high < together.high


def test_a_mean_covers_the_truth_with_few_people() -> None:
    """With five people, 95 % intervals hold the truth."""
    generator, people = np.random.default_rng(11), np.repeat(np.arange(5), 8)
    covered = 0
    for _ in range(1000):
        values = generator.normal(size=5)[people] + 0.3 * generator.normal(size=40)
        found = mean(values, people)
        covered += found.low <= 0 <= found.high
    assert 0.92 < covered / 1000 < 0.98


def test_a_mean_over_both_sides_covers_the_truth() -> None:
    """Person effects on both sides of 60 pairs of 12 people: 95 % intervals hold the truth; the pairs' own do not."""
    generator, who = np.random.default_rng(4), np.stack(np.tril_indices(12, -1), axis=1)
    covered = naive = 0
    for _ in range(1000):
        effect = generator.normal(size=12)
        values = effect[who[:, 0]] + effect[who[:, 1]] + generator.normal(size=len(who))
        found = mean(values, who)
        covered += found.low <= 0 <= found.high
        naive += abs(found.value) <= Z * values.std() / np.sqrt(len(who))
    assert 0.92 < covered / 1000 < 0.98
    assert naive / 1000 < 0.7


def test_nothing_observed_is_an_error() -> None:
    """Neither a proportion nor a mean of nothing is defined."""
    nobody = np.empty(0, dtype=np.int64)
    with pytest.raises(ValueError, match="a proportion of no observations is not defined"):
        proportion(np.empty(0, dtype=np.bool_), nobody)
    with pytest.raises(ValueError, match="observations of 0 people: an interval of their mean needs two of each"):
        mean(np.empty(0), nobody)


@pytest.mark.parametrize(
    "people",
    [
        pytest.param([4], id="one-image"),
        pytest.param([4, 4, 4], id="images-of-one-person"),
        pytest.param([[4, 4], [4, 4]], id="genuine-pairs-of-one-person"),
    ],
)
def test_a_mean_over_one_person_is_an_error(people: list[int] | list[list[int]]) -> None:
    """However many observations there are: one person says nothing of the next."""
    with pytest.raises(ValueError, match="observations of 1 people: an interval of their mean needs two of each"):
        mean(np.arange(len(people), dtype=np.float64), np.array(people, dtype=np.int64))
