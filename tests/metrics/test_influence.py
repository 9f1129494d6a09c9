"""Influence values against numerical derivatives, and against densities that are known."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import norm

from facecheck.metrics import Ranking, area_under_curve, curve, fnmr_at_fmr, influence
from facecheck.metrics.scores import Scores

Array = npt.NDArray[np.float64]
INF = float("inf")


def scored(genuine: list[float], impostor: list[float]) -> Scores:
    """Return scores of strangers."""
    people = np.arange(len(genuine) + len(impostor))
    other = np.where(people < len(genuine), people, people + 10_000)
    return Scores(np.array([*genuine, *impostor]), np.stack((people, other), axis=1))


SIMILARITY = st.one_of(st.integers(-6, 6).map(lambda k: k / 7), st.just(-INF))
SCORES = st.builds(scored, st.lists(SIMILARITY, min_size=2, max_size=9), st.lists(SIMILARITY, min_size=2, max_size=9))
MATCHES = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=20)


def derivative(statistic: Callable[[Array], float], n: int) -> Array:
    """Return by how much a statistic of weights moves with each weight."""
    step, ones = 1e-5, np.ones(n)
    moved = [(statistic(ones + step * row) - statistic(ones - step * row)) / (2 * step) for row in np.eye(n)]
    return np.array(moved)


def test_the_influence_on_a_mean_by_hand() -> None:
    """Deviation over n; within kinds the deviation from the kind's mean."""
    values, kinds = np.array([1.0, 3.0, 10.0, 10.0]), np.array([True, True, False, False])
    assert influence.of_mean(values).tolist() == [-1.25, -0.75, 1.0, 1.0]
    assert influence.of_mean(values, kinds).tolist() == [-0.25, 0.25, 0.0, 0.0]
    assert influence.of_mean(values, ~np.ones(4, dtype=bool)).tolist() == [-1.25, -0.75, 1.0, 1.0]


@given(scores=SCORES)
def test_the_influence_on_the_auc_is_its_derivative(scores: Scores) -> None:
    """Ties and failures included."""
    ranking = Ranking(scores)
    expected = derivative(lambda weights: area_under_curve(ranking.curve(weights)), len(scores))
    np.testing.assert_allclose(influence.of_auc(scores), expected, atol=1e-7)


@given(rows=MATCHES)
def test_the_influences_on_precision_and_f1_are_derivatives_within_kinds(rows: list[tuple[bool, bool]]) -> None:
    """How many pairs of each kind there are is fixed: what moves all of a kind alike is left out."""
    matched, genuine = (np.array(column) for column in zip(*rows, strict=True))
    assume(matched.any() and genuine.any())

    def f1(weights: Array) -> float:
        right, wrong = weights[matched & genuine].sum(), weights[matched != genuine].sum()
        return float(2 * right / (2 * right + wrong))

    def precision(weights: Array) -> float:
        return float(weights[matched & genuine].sum() / weights[matched].sum())

    for found, statistic in (
        (influence.of_f1(matched, genuine), f1),
        (influence.of_precision(matched, genuine), precision),
    ):
        expected = influence.within(derivative(statistic, len(rows)), genuine)
        np.testing.assert_allclose(found, expected, atol=1e-7)


def test_the_influence_on_dprime_is_its_derivative() -> None:
    """In both directions of the gap."""
    generator, genuine = np.random.default_rng(0), np.arange(30) < 12
    for sign in (1.0, -1.0):
        similarity = sign * genuine + generator.normal(size=30)

        def dprime(weights: Array, similarity: Array = similarity) -> float:
            moments = [(np.average(similarity[rows], weights=weights[rows]), rows) for rows in (genuine, ~genuine)]
            variances = [np.average((similarity[rows] - m) ** 2, weights=weights[rows]) for m, rows in moments]
            return float(abs(moments[0][0] - moments[1][0]) / np.sqrt(sum(variances) / 2))

        np.testing.assert_allclose(influence.of_dprime(similarity, genuine), derivative(dprime, 30), atol=1e-6)


@given(scores=SCORES)
def test_the_influences_of_each_kind_sum_to_nothing(scores: Scores) -> None:
    """Ties, failures, no error and nothing but errors included."""
    points, genuine = curve(scores), scores.genuine
    point = fnmr_at_fmr(points, 0.5, impostors=int((~genuine).sum()))
    for found in (
        influence.of_auc(scores),
        influence.of_eer(scores, points),
        influence.of_tar(scores, points, point.threshold),
    ):
        assert np.isfinite(found).all()
        assert found[genuine].sum() == pytest.approx(0, abs=1e-9)
        assert found[~genuine].sum() == pytest.approx(0, abs=1e-9)


def normals(n: int, *, spread: float = 1.0) -> Scores:
    """Return the quantiles of two normal distributions, 3 apart, the genuine one of this spread."""
    grid = norm.ppf((np.arange(n) + 0.5) / n)
    return scored((3 + spread * grid).tolist(), grid.tolist())


@pytest.mark.parametrize("spread", [pytest.param(1.0, id="equal"), pytest.param(2.0, id="wider-genuine")])
def test_the_influence_on_the_eer_weighs_by_densities(spread: float) -> None:
    """A wrong impostor pair moves it by g / (f + g), a wrong genuine pair by f / (f + g)."""
    scores = normals(4000, spread=spread)
    found, genuine = influence.of_eer(scores, curve(scores)), scores.genuine
    threshold = 3 / (1 + spread)  # as many standard deviations from either mean
    ours, theirs = norm.pdf((threshold - 3) / spread) / spread, norm.pdf(threshold)

    assert np.ptp(found[~genuine]) * 4000 == pytest.approx(ours / (ours + theirs), rel=0.05)
    assert np.ptp(found[genuine]) * 4000 == pytest.approx(theirs / (ours + theirs), rel=0.05)


@pytest.mark.parametrize("far", [0.1, 0.01])
def test_the_influence_on_a_tar_has_the_slope_of_the_roc(far: float) -> None:
    """An impostor pair moves it by the ratio of the densities at the threshold."""
    scores = normals(4000)
    points, genuine = curve(scores), scores.genuine
    threshold = fnmr_at_fmr(points, far, impostors=4000).threshold
    found = influence.of_tar(scores, points, threshold)

    assert np.ptp(found[genuine]) * 4000 == pytest.approx(1)
    slope = norm.pdf(norm.isf(far) - 3) / norm.pdf(norm.isf(far))
    assert np.ptp(found[~genuine]) * 4000 == pytest.approx(slope, rel=0.1)
