"""Intervals against published numbers, scipy, a double loop over pairs that share a person, and simulation."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binomtest, t

from facecheck.metrics import intervals
from facecheck.metrics.intervals import Estimate, bootstrap, bootstrap_of_sums, design_effect, mean, proportion, wilson

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


def slow_design_effect(values: npt.NDArray[np.float64], people: npt.NDArray[np.int64]) -> float:
    """Add up the product of the residuals of every two observations that share a person, themselves included."""
    residual = (values - values.mean()).tolist()
    sides = [{a, b} for a, b in people.tolist()]
    together = sum(
        residual[i] * residual[j] for i, j in itertools.product(range(len(sides)), repeat=2) if sides[i] & sides[j]
    )
    return float(max(1.0, together / sum(r * r for r in residual)))


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


# Design effect.


@given(observed=OBSERVATIONS)
def test_design_effect_equals_the_double_loop(observed: Observations) -> None:
    """Two sums a person are the sum over every two pairs with a person in common; without spread, people count."""
    values, people = observed
    if np.ptp(values) == 0:
        seen = {person for pair in people.tolist() for person in pair}
        # Whole numbers: the mean of equal sevenths may be off by a rounding error.
        assert design_effect(np.round(values), people) == max(1.0, len(values) / len(seen))
    else:
        assert design_effect(values, people) == pytest.approx(slow_design_effect(values, people), rel=1e-9)


@pytest.mark.parametrize(
    ("values", "people", "effect"),
    [
        pytest.param([1, 0, 1, 0], [[0, 1], [2, 3], [4, 5], [6, 7]], 1.0, id="strangers"),
        pytest.param([1, 1, 0, 0], [[0, 0], [0, 0], [1, 1], [1, 1]], 2.0, id="two-genuine-pairs-each"),
        pytest.param([1, 1, 0, 0], [[0, 1], [1, 0], [2, 3], [2, 3]], 2.0, id="the-same-couple-twice"),
        pytest.param([1, 1, 0, 0], [[0, 1], [0, 2], [3, 4], [3, 5]], 2.0, id="one-in-common"),
        pytest.param([1, 1, 0, 0], [[0, 0], [0, 2], [3, 4], [3, 3]], 2.0, id="genuine-and-impostor-of-one-person"),
        pytest.param([1, 0, 1, 0], [[0, 1], [0, 1], [2, 3], [2, 3]], 1.0, id="opposites-never-narrow"),
        pytest.param([1, 1, 1, 1], [[0, 0], [0, 0], [0, 0], [0, 0]], 4.0, id="no-spread-one-person"),
        pytest.param([0, 0, 0, 0, 0, 0], [[0, 0], [0, 1], [1, 1]] * 2, 3.0, id="no-spread-two-people"),
        pytest.param([1, 1, 1], [[0, 1], [1, 2], [2, 0]], 1.0, id="no-spread-as-many-people"),
        pytest.param([1, 1], [[0, 1], [2, 3]], 1.0, id="no-spread-more-people-never-narrow"),
        pytest.param([1, 1, 1, 1], [7, 7, 9, 9], 2.0, id="no-spread-images-and-gaps-in-the-numbers"),
        pytest.param([1, 1, 0, 0], [0, 0, 1, 1], 2.0, id="images-of-one-person"),
    ],
)
def test_design_effect_by_hand(values: list[float], people: list[int] | list[list[int]], effect: float) -> None:
    """Residuals are all 1/2 in size: the effect is the number of like pairs that hang together; or all are 0."""
    assert design_effect(np.array(values, dtype=np.float64), np.array(people, dtype=np.int64)) == effect


@given(observed=OBSERVATIONS, data=st.data())
def test_design_effect_is_blind_to_order_side_and_number(observed: Observations, data: st.DataObject) -> None:
    """Neither the order of the pairs, nor of their sides, nor the numbers of the people matter."""
    values, people = observed
    rows = np.array(data.draw(st.permutations(range(len(values)))), dtype=np.int64)
    renamed = np.array(data.draw(st.permutations(range(6))), dtype=np.int64)[people[:, ::-1]]
    assert design_effect(values[rows], renamed[rows]) == pytest.approx(design_effect(values, people), rel=1e-9)


# Proportions and means.


@given(observed=HITS)
def test_a_proportion_is_never_narrower_than_of_independent_pairs(observed: Observations) -> None:
    """People in common only ever widen the interval, which holds the rate."""
    values, people = observed
    found = proportion(values > 0, people)

    low, high = wilson(float(values.mean()), len(values))

    assert found.n == len(values)
    assert found.value == pytest.approx(float(values.mean()))
    assert found.low <= low + 1e-12
    assert high <= found.high + 1e-12
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_a_proportion_of_strangers_is_wilson_s() -> None:
    """Without people in common the pairs are independent."""
    hits = np.arange(40) < 30
    assert proportion(hits, np.arange(40)) == Estimate(0.75, *wilson(0.75, 40), 40)


def test_a_proportion_is_wider_with_people_in_common() -> None:
    """Ten people whose four pairs fail or match together are worth ten observations."""
    people = np.repeat(np.arange(10), 4)
    found = proportion(people < 7, people)
    assert (found.low, found.high) == pytest.approx(wilson(0.7, 10))


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
def test_a_mean_is_widened_by_the_design_effect(observed: Observations) -> None:
    """Student's interval of the mean: sample variance times design effect, corrected for the number of people."""
    values, people = observed
    count = len(set(people.ravel().tolist()))
    assume(count > 1 and len(values) > 1)
    found = mean(values, people)
    spread = float(values.std(ddof=1))

    half = t.ppf(0.975, count - 1) * spread * np.sqrt(design_effect(values, people) / len(values) * count / (count - 1))

    assert found.n == len(values)
    assert found.value == pytest.approx(float(values.mean()))
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half))


def test_a_mean_by_hand() -> None:
    """1, 2, 3 of strangers: 2 +- 4.303 / sqrt(2); Student's t of two degrees of freedom, variance times 3/2."""
    found = mean(np.array([1.0, 2.0, 3.0]), np.arange(3))
    half = 4.302652729911275 / np.sqrt(2)
    assert found == pytest.approx((2.0, 2 - half, 2 + half, 3))


def test_a_mean_of_two_people_by_hand() -> None:
    """0, 0, 1, 1: variance 1/3, design effect 2, 4 values, 2 people: 0.5 +- 12.71 / sqrt(3)."""
    found = mean(np.array([0.0, 0.0, 1.0, 1.0]), np.array([3, 3, 8, 8]))
    half = 12.706204736432095 / np.sqrt(3)
    assert found == pytest.approx((0.5, 0.5 - half, 0.5 + half, 4))


def test_a_mean_covers_the_truth_with_few_people() -> None:
    """With five people, 95 % intervals hold the truth, and the normal's, which believes their spread, do not."""
    generator, people = np.random.default_rng(11), np.repeat(np.arange(5), 8)
    covered = normal = 0
    for _ in range(1000):
        values = generator.normal(size=5)[people] + 0.3 * generator.normal(size=40)
        found = mean(values, people)
        half = Z * np.sqrt(values.var(ddof=1) * design_effect(values, people) / 40)
        covered += found.low <= 0 <= found.high
        normal += abs(found.value) <= half
    assert 0.93 < covered / 1000 < 0.97
    assert normal / 1000 < 0.88


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


# Bootstrap.


def couples(count: int) -> npt.NDArray[np.int64]:
    """Return one genuine pair a person and one impostor pair of each with the next."""
    numbers = np.arange(count)
    return np.concatenate((np.stack((numbers, numbers), axis=1), np.stack((numbers, (numbers + 1) % count), axis=1)))


def test_the_bootstrap_weighs_by_people() -> None:
    """A genuine pair counts as often as its person is drawn, an impostor pair the product of its two."""
    who, seen = couples(5), []

    def keep(weights: npt.NDArray[np.float64]) -> dict[str, float]:
        seen.append(weights)
        return {"total": float(weights[:5].sum())}

    found = bootstrap(keep, who * 10 + 3, generator=np.random.default_rng(0), resamples=30)

    assert found == {"total": (5.0, 5.0)}
    for weights in seen:
        np.testing.assert_array_equal(weights[5:], weights[:5] * np.roll(weights[:5], -1))
    assert len(seen) == 30
    assert len({tuple(weights) for weights in seen}) > 20


def test_the_bootstrap_repeats_for_a_seed() -> None:
    """The same generator gives the same interval, another one another."""
    who, values = couples(12), np.linspace(0, 1, 24)

    def interval(seed: int) -> tuple[float, float]:
        generator = np.random.default_rng(seed)
        return bootstrap(
            lambda weights: {"mean": float(np.average(values, weights=weights))}, who, generator=generator, resamples=50
        )["mean"]

    assert interval(1) == interval(1)
    assert interval(1) != interval(2)


def test_the_bootstrap_covers_the_truth() -> None:
    """Over many simulated sets, about 95 % of the intervals of a mean hold the true mean."""
    generator, people = np.random.default_rng(3), np.repeat(np.arange(40), 3)
    who, covered = np.stack((people, people), axis=1), 0
    for _ in range(100):
        values = generator.normal(size=40)[people] + generator.normal(size=120)

        def average(weights: npt.NDArray[np.float64], values: npt.NDArray[np.float64] = values) -> dict[str, float]:
            return {"mean": float(weights @ values / weights.sum())}

        low, high = bootstrap(average, who, generator=generator, resamples=200)["mean"]
        covered += low <= 0 <= high
    assert 88 <= covered <= 99


@pytest.mark.parametrize("at_once", [1, 100, 2**21])
def test_the_bootstrap_of_sums_is_the_bootstrap(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same draws, whatever fits into memory at once; a draw in which nothing is defined is left out of both."""
    monkeypatch.setattr(intervals, "_AT_ONCE", at_once)
    who = couples(4)
    columns = np.stack([np.arange(8.0), np.array([0, 1.0, 0, 0, 0, 0, 0, 0])], axis=1)

    def ratio(weights: npt.NDArray[np.float64]) -> dict[str, float]:
        above, below = weights @ columns
        if not below:
            raise ValueError("undefined")
        return {"ratio": float(above / below)}

    def ratios(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.where(sums[:, 1] > 0, sums[:, 0] / np.maximum(sums[:, 1], 1e-300), np.nan)

    expected = bootstrap(ratio, who, generator=np.random.default_rng(5), resamples=50)["ratio"]
    found = bootstrap_of_sums(ratios, columns, who, generator=np.random.default_rng(5), resamples=50)
    assert found == pytest.approx(expected, rel=1e-12)


def test_the_bootstrap_of_sums_refuses_what_is_never_defined() -> None:
    """An interval would be invented."""
    with pytest.raises(ValueError, match="undefined in every resample"):
        bootstrap_of_sums(
            lambda sums: np.full(len(sums), np.nan), np.ones((6, 1)), couples(3), generator=np.random.default_rng(0)
        )


def test_the_bootstrap_leaves_out_undefined_draws() -> None:
    """A draw without the first person has no value; the others make the interval."""

    def first(weights: npt.NDArray[np.float64]) -> dict[str, float]:
        if not weights[0]:
            raise ValueError("undefined")
        return {"first": float(weights[0])}

    low, high = bootstrap(first, couples(4), generator=np.random.default_rng(0), resamples=60)["first"]
    assert 1 <= low <= high <= 4


def test_the_bootstrap_of_what_is_never_defined_is_empty() -> None:
    """No name, rather than an invented interval."""

    def never(_: npt.NDArray[np.float64]) -> dict[str, float]:
        raise ValueError("undefined")

    assert bootstrap(never, couples(3), generator=np.random.default_rng(0), resamples=5) == {}
