"""The variance over people against a double loop over pairs, cases worked by hand, and simulation."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecheck.metrics.dyads import Dyads
from facecheck.metrics.influence import of_mean

Array = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Observations = tuple[Array, Numbers]


def observations(rows: list[tuple[int, int, int]]) -> Observations:
    """Return values in sevenths and the two people of each."""
    return np.array([value / 7 for value, _, _ in rows]), np.array([[a, b] for _, a, b in rows], dtype=np.int64)


ROW = st.tuples(st.integers(-5, 5), st.integers(0, 5), st.integers(0, 5))
OBSERVATIONS = st.builds(observations, st.lists(ROW, min_size=2, max_size=25))


def slow_variance(influence: Array, people: Numbers) -> float:
    """Go over every two pairs that share a person, with the corrections of each person of all pairs alike."""
    n, count = len(influence), len(np.unique(people))
    genuine = float(np.mean([a == b for a, b in people.tolist()]))
    sides = [{a, b} for a, b in people.tolist()]
    alone = sum(value**2 for value in influence.tolist())
    shared = 0.0
    for person in set(people.ravel().tolist()):
        mine = [k for k in range(n) if person in sides[k]]
        scale = (1 - genuine / count) / (1 - min(len(mine) / n, 0.75)) ** 2
        shared += scale * sum(influence[i] * influence[j] for i, j in itertools.permutations(mine, 2))
        shared += len(mine) * (len(mine) - 1) / n * alone / n
    for i, j in itertools.permutations(range(n), 2):
        if sides[i] == sides[j] and len(sides[i]) == 2:
            shared -= influence[i] * influence[j]
    return float(alone * n / (n - 1) + max(0.0, shared))


@given(observed=OBSERVATIONS)
def test_the_variance_equals_the_double_loop(observed: Observations) -> None:
    """Sums a person and a couple are the sum over every two pairs with a person in common."""
    values, people = observed
    influence = of_mean(values)
    expected = slow_variance(influence, people) if np.ptp(values) > 0 else 0.0
    assert Dyads.of(people).spread(influence).variance == pytest.approx(expected, rel=1e-9, abs=1e-15)


@given(observed=OBSERVATIONS, data=st.data())
def test_the_variance_is_blind_to_order_side_and_number(observed: Observations, data: st.DataObject) -> None:
    """Neither the order of the pairs, nor of their sides, nor the numbers of the people matter."""
    values, people = observed
    rows = np.array(data.draw(st.permutations(range(len(values)))), dtype=np.int64)
    renamed = np.array(data.draw(st.permutations(range(6))), dtype=np.int64)[people[:, ::-1]] * 10 - 7
    found = Dyads.of(renamed[rows]).spread(of_mean(values[rows]))
    expected = Dyads.of(people).spread(of_mean(values))
    assert np.minimum(found, 1e6) == pytest.approx(np.minimum(expected, 1e6), rel=1e-6)


def test_strangers_have_the_variance_of_a_mean() -> None:
    """Without people in common it is the sample variance over n, with n - 1 degrees of freedom at equal size."""
    values = np.array([1.0, 2.0, 3.0])
    found = Dyads.of(np.arange(3)).spread(of_mean(values))
    assert found.variance == pytest.approx(values.var(ddof=1) / 3)
    assert found.of_trials == pytest.approx(found.variance)
    assert found.freedom == np.inf
    assert found.freedom_of_all == pytest.approx(2)


def test_images_of_one_person_count_as_one() -> None:
    """Twenty people with five equal images each: nearly the variance of twenty people."""
    of_person = np.arange(20.0)
    found = Dyads.of(np.repeat(np.arange(20), 5)).spread(of_mean(np.repeat(of_person, 5)))
    assert found.variance == pytest.approx(of_person.var(ddof=1) / 20, rel=0.02)
    assert found.of_trials == pytest.approx(found.variance)  # a person's images are all alike


def test_equal_values_have_no_variance() -> None:
    """And nothing is said of the degrees of freedom."""
    assert Dyads.of(np.arange(4)).spread(of_mean(np.ones(4))) == (0.0, 0.0, np.inf, np.inf)


def test_few_people_who_make_the_variance_are_few() -> None:
    """Two of forty people differ from all others: the degrees of freedom are about theirs, not forty."""
    values = np.where(np.arange(40) < 2, 1.0, 0.0)
    found = Dyads.of(np.repeat(np.arange(40), 3)).spread(of_mean(np.repeat(values, 3)))
    assert 1 <= found.freedom < 15
    even = np.where(np.arange(40) < 20, 1.0, 0.0)
    assert Dyads.of(np.repeat(np.arange(40), 3)).spread(of_mean(np.repeat(even, 3))).freedom > 39


def impostors(people: int) -> Numbers:
    """Return every couple."""
    return np.stack(np.tril_indices(people, -1), axis=1)


@pytest.mark.parametrize("people", [12, 20, 60])
def test_the_variance_is_unbiased_with_few_people(people: int) -> None:
    """Person effects on both sides of every couple: the mean estimate is near the true variance of the mean."""
    generator, who = np.random.default_rng(people), impostors(people)
    dyads, found, means = Dyads.of(who), [], []
    for _ in range(1500):
        effect = generator.normal(size=people)
        values = effect[who[:, 0]] + effect[who[:, 1]] + generator.normal(size=len(who))
        found.append(dyads.spread(of_mean(values)).variance)
        means.append(values.mean())
    true = 4 / people + 1 / len(who)
    assert np.var(means) == pytest.approx(true, rel=0.15)
    assert np.mean(found) == pytest.approx(true, rel=0.1)


def test_independent_pairs_are_not_taken_for_dependent() -> None:
    """Without person effects the variance is that of independent pairs, a little above at most."""
    generator, who = np.random.default_rng(3), impostors(40)
    dyads = Dyads.of(who)
    found = [dyads.spread(of_mean(generator.normal(size=len(who)))).variance for _ in range(300)]
    assert 1 <= np.mean(found) * len(who) < 1.25


def test_kinds_are_scaled_apart() -> None:
    """With both kinds centred apart, a person's part in each is their part among its pairs."""
    genuine = np.repeat(np.arange(6), 2)
    who = np.concatenate((np.stack((genuine, genuine), axis=1), impostors(6)))
    kinds = who[:, 0] == who[:, 1]
    values = np.random.default_rng(1).normal(size=6)[who[:, 0]] + 5.0 * kinds
    apart = Dyads.of(who).spread(of_mean(values, kinds), kinds)
    together = Dyads.of(who).spread(of_mean(values))
    assert 0 < apart.variance < together.variance
