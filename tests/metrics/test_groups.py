"""Rates of groups against slow counting, indices by hand, and what must not matter."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecheck.metrics.groups import garbe, gini, inequity_ratio, rates_by_group, worst_over_geometric_mean
from facecheck.metrics.scores import Scores

INF = float("inf")
rates_of = st.lists(st.integers(1, 40).map(lambda k: k / 40), min_size=2, max_size=5)


def drawn(seed: int) -> tuple[Scores, np.ndarray]:
    """Return forty people in three groups, one of them small, some unlabelled, some pairs without a comparison."""
    generator = np.random.default_rng(seed)
    of_person = np.array(["old"] * 16 + ["young"] * 16 + ["rare"] * 4 + [""] * 4)
    first = generator.integers(0, 40, 1500)
    second = np.where(generator.random(1500) < 0.4, first, generator.integers(0, 40, 1500))
    similarity = generator.integers(0, 9, 1500) / 9.0 + 0.4 * (first == second)
    similarity[generator.random(1500) < 0.05] = -INF
    who = np.stack((first, second), axis=1)
    return Scores(similarity, who), of_person[who]


@pytest.mark.parametrize("seed", range(4))
def test_rates_equal_slow_counting(seed: int) -> None:
    """Every group and pair of groups, pair by pair; a failure does not match."""
    scores, labels = drawn(seed)
    found = rates_by_group(scores, labels, 5 / 9)
    counted: dict[tuple[str, ...], list[bool]] = {}
    for similarity, (one, other), (a, b) in zip(
        scores.similarity.tolist(), scores.who.tolist(), labels.tolist(), strict=True
    ):
        matches = similarity >= 5 / 9
        key = ("fnmr", a) if one == other else ("fmr", *sorted((a, b)))
        counted.setdefault(key, []).append(not matches if one == other else matches)

    assert set(found.fnmr) == set(found.fmr) == {"old", "young"}
    for name in found.fnmr:
        wrong = counted["fnmr", name]
        assert found.fnmr[name].value == pytest.approx(sum(wrong) / len(wrong))
        wrong = counted["fmr", name, name]
        assert found.fmr[name].value == pytest.approx(sum(wrong) / len(wrong))
        assert found.fmr[name].n == len(wrong)
    wrong = counted["fmr", "old", "young"]
    assert list(found.between) == [("old", "young")]
    assert found.between["old", "young"].value == pytest.approx(sum(wrong) / len(wrong))
    assert found.refused["rare"].startswith("rare: 4 people, ")


def test_swapping_the_sides_and_the_order_of_pairs_does_not_matter() -> None:
    """A pair has no first and second image."""
    scores, labels = drawn(7)
    order = np.random.default_rng(0).permutation(len(scores))
    turned = Scores(scores.similarity[order], scores.who[order][:, ::-1].copy())

    one, other = rates_by_group(scores, labels, 0.5), rates_by_group(turned, labels[order][:, ::-1], 0.5)

    assert list(one.fmr) == list(other.fmr)
    pairs = [
        *zip(one.fmr.values(), other.fmr.values(), strict=True),
        *zip(one.fnmr.values(), other.fnmr.values(), strict=True),
        *zip(one.between.values(), other.between.values(), strict=True),
    ]
    assert len(pairs) == 5
    for ours, theirs in pairs:
        assert ours == pytest.approx(theirs)


def test_indices_by_hand() -> None:
    """Rates of .01, .02 and .04: geometric mean .02; sum of differences 2 (.01 + .03 + .02) = .12, mean .07 / 3."""
    rates = [0.01, 0.02, 0.04]

    assert worst_over_geometric_mean(rates) == pytest.approx(2.0)
    assert gini(rates) == pytest.approx(3 / 2 * 0.12 / (2 * 9 * 0.07 / 3))
    assert garbe(rates, [0.1, 0.1, 0.1]) == pytest.approx(gini(rates) / 2)
    assert garbe(rates, [0.1, 0.1, 0.1], alpha=0) == 0
    assert inequity_ratio(rates, [0.1, 0.1, 0.3]) == pytest.approx((4 * 3) ** 0.5)
    assert inequity_ratio(rates, [0.1, 0.1, 0.3], alpha=1) == pytest.approx(4)


@given(rates=rates_of)
def test_gini_equals_a_sum_over_pairs_in_fractions(rates: list[float]) -> None:
    """On the exact grid k/40, and between 0 and 1."""
    exact = [Fraction(round(40 * rate), 40) for rate in rates]
    k = len(exact)
    apart = sum((abs(a - b) for a, b in itertools.product(exact, exact)), Fraction(0))
    expected = Fraction(k, k - 1) * apart / (2 * k**2 * sum(exact, Fraction(0)) / k)

    assert gini(rates) == pytest.approx(float(expected), abs=1e-12)
    assert -1e-12 <= gini(rates) <= 1 + 1e-12


@given(rates=rates_of, factor=st.sampled_from([0.5, 0.25, 0.125]))
def test_a_common_factor_and_the_order_do_not_matter(rates: list[float], factor: float) -> None:
    """The indices say how rates lie to each other, not how high they are."""
    scaled = [factor * rate for rate in reversed(rates)]

    assert gini(scaled) == pytest.approx(gini(rates), abs=1e-12)
    assert worst_over_geometric_mean(scaled) == pytest.approx(worst_over_geometric_mean(rates))
    assert inequity_ratio(scaled, rates) == pytest.approx(inequity_ratio(rates, rates))
    assert inequity_ratio(rates, rates) >= 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(lambda: inequity_ratio([0.0, 0.1], [0.1, 0.1]), "inequity ratio is undefined: 1 of 2", id="ir"),
        pytest.param(lambda: worst_over_geometric_mean([0.0, 0.1]), "undefined: 1 of 2 groups have no err", id="gm"),
        pytest.param(lambda: garbe([0.0, 0.0], [0.1, 0.1]), "GARBE is undefined: no group has an error", id="garbe"),
        pytest.param(lambda: gini([0.1]), "1 groups", id="one"),
        pytest.param(lambda: gini([10.0, 20.0]), "did you give percent", id="percent"),
        pytest.param(lambda: garbe([0.1, 0.1], [0.1, 0.1], alpha=2), "alpha must be a weight", id="alpha"),
    ],
)
def test_what_is_undefined_raises(call, message: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - cases
    """A group without an error has no ratio; GARBE needs one error somewhere."""
    with pytest.raises(ValueError, match=message):
        call()
