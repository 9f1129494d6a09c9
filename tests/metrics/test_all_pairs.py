"""All pairs against a count one by one: exact tails, counters, failures, ties, and intervals by identity."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from facecheck.embedders.distances import distance_between
from facecheck.metrics import influence
from facecheck.metrics.all_pairs import AllPairs, all_pairs, fnmr_estimate
from facecheck.metrics.curves import area_under_curve, auc, curve, fnmr_at_fmr
from facecheck.metrics.dyads import Dyads
from facecheck.metrics.intervals import fraction
from facecheck.metrics.products import KEYS, keyed
from facecheck.metrics.scores import Scores

DISTANCES = pytest.mark.parametrize("distance", ["cosine", "euclidean"])


def people(seed: int, images: int, *, dimensions: int = 8, spread: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors of people who differ, and who each shows; in no order."""
    generator = np.random.default_rng(seed)
    who = generator.integers(0, images // 4, images)
    centres = generator.normal(size=(images, dimensions))
    return (centres[who] + generator.normal(size=(images, dimensions)) * spread).astype(np.float32), who


def one_by_one(vectors: np.ndarray, who: np.ndarray, distance: str) -> Scores:
    """Return every pair, ``-inf`` where a vector is missing: the slow way."""
    first, second = np.array(list(itertools.combinations(range(len(who)), 2))).T
    similarity = -distance_between(vectors[first], vectors[second], distance=distance)
    return Scores(np.where(np.isnan(similarity), -np.inf, similarity), np.stack((who[first], who[second]), axis=1))


@DISTANCES
@pytest.mark.parametrize("workers", [1, 3])
def test_a_tail_that_holds_all_is_every_pair(distance: str, workers: int) -> None:
    """Where all impostor pairs are kept, the curve is that of all scores, and so are AUC and FNMR at FMR."""
    vectors, who = people(1, 300)
    found, scores = all_pairs(vectors, who, distance=distance, workers=workers), one_by_one(vectors, who, distance)
    impostors = np.sort(scores.similarity[~scores.genuine])[::-1]

    np.testing.assert_allclose(found.tail, impostors, atol=1e-12)
    np.testing.assert_allclose(np.sort(found.genuine), np.sort(scores.similarity[scores.genuine]), atol=1e-12)
    assert (found.genuines, found.impostors) == (int(scores.genuine.sum()), len(impostors))
    assert found.compared == len(scores)
    assert area_under_curve(found.curve()) == pytest.approx(auc(scores), abs=1e-12)
    for fmr in (0.1, 0.01, 0.001):
        expected = fnmr_at_fmr(curve(scores), fmr, impostors=len(impostors))
        assert fnmr_at_fmr(found.curve(), fmr, impostors=found.impostors) == pytest.approx(expected, abs=1e-12)


@DISTANCES
@pytest.mark.parametrize("images", [300, 1500])  # one block, and four
def test_below_the_tail_pairs_are_counted(distance: str, images: int) -> None:
    """A short tail is exact; below it an edge's count is that of the pairs to within a key, and none is lost."""
    vectors, who = people(2, images)
    found, scores = (
        all_pairs(vectors, who, distance=distance, tail=500, workers=2),
        one_by_one(vectors, who, distance),
    )
    impostors = np.sort(scores.similarity[~scores.genuine])[::-1]
    whole = curve(scores)

    assert 150 < len(found.tail) <= 250, "half of what may be kept"
    np.testing.assert_allclose(found.tail, impostors[: len(found.tail)], atol=1e-12)
    assert found.above[-1] == len(impostors)
    key = keyed(vectors, vectors, distance=distance)
    numbers = np.searchsorted(key.similarity(np.arange(KEYS)), found.edges - 1e-9)
    at_least = [np.searchsorted(-impostors, -key.similarity(numbers + by), side="right") for by in (0, -2)]
    assert ((at_least[0] <= found.above) & (found.above <= np.maximum(at_least[1], len(found.tail)))).all()
    assert area_under_curve(whole) - 1e-4 < area_under_curve(found.curve()) <= area_under_curve(whole)
    for fmr in (0.2, 0.01, 250 / len(impostors) / 2):
        exact = fnmr_at_fmr(whole, fmr, impostors=len(impostors))
        point = fnmr_at_fmr(found.curve(), fmr, impostors=found.impostors)
        assert (impostors >= point.threshold).mean() <= point.fmr <= fmr
        assert point.fnmr == pytest.approx(exact.fnmr, abs=0.005)


def test_the_tail_is_the_same_whatever_the_number_of_workers() -> None:
    """Which thread is first decides nothing."""
    vectors, who = people(3, 2500)
    one, many = (all_pairs(vectors, who, distance="cosine", tail=2000, workers=workers) for workers in (1, 4))

    for name in ("genuine", "tail", "edges", "above", "floor"):
        assert np.array_equal(getattr(one, name), getattr(many, name)), name
    assert {frozenset(pair) for pair in one.tail_pairs.tolist()} == {frozenset(p) for p in many.tail_pairs.tolist()}


def test_the_tail_says_which_images_are_alike() -> None:
    """Rows are those of the images as they were given, whoever stands between them."""
    vectors = np.array([[1, 0], [0, 1], [1, 0.1], [0, 1.2], [-1, 0]], dtype=np.float32)
    found = all_pairs(vectors, np.array([5, 3, 9, 3, 5]), distance="cosine")

    assert sorted(found.tail_pairs[0].tolist()) == [0, 2]
    assert found.tail_people[0].tolist() in ([1, 2], [2, 1])
    assert found.images.tolist() == found.usable.tolist() == [2, 2, 1]


@DISTANCES
def test_an_image_without_a_vector_matches_nobody(distance: str) -> None:
    """Its pairs are counted among the comparisons, as non-matches."""
    vectors, who = people(4, 200)
    vectors[::7] = np.nan
    found, scores = all_pairs(vectors, who, distance=distance), one_by_one(vectors, who, distance)
    expected = fnmr_at_fmr(curve(scores), 0.01, impostors=int((~scores.genuine).sum()))

    assert (found.genuines, found.impostors) == (int(scores.genuine.sum()), int((~scores.genuine).sum()))
    assert found.compared == int(scores.made.sum()) < len(scores)
    assert fnmr_at_fmr(found.curve(), 0.01, impostors=found.impostors) == pytest.approx(expected, abs=1e-12)


@DISTANCES
def test_vectors_that_have_collapsed_into_one_fill_no_memory(distance: str) -> None:
    """Every pair is a tie at the top: none can be told from another, nothing is kept, and no impostor may match."""
    found = all_pairs(np.ones((400, 4), dtype=np.float32), np.arange(400) // 2, distance=distance, tail=100)

    assert len(found.tail) == 0
    assert found.above.tolist() == [found.impostors]
    assert fnmr_at_fmr(found.curve(), 0.01, impostors=found.impostors)[1:] == (0.0, 1.0)


@pytest.mark.parametrize("fmr", [0.01, 0.001])
@pytest.mark.parametrize("seed", range(4))
def test_the_interval_is_that_of_single_pairs(fmr: float, seed: int) -> None:
    """Summed up a person, the variance is the one that all pairs give one by one but for corrections of few people."""
    vectors, who = people(seed, 400)
    found, scores = all_pairs(vectors, who, distance="cosine"), one_by_one(vectors, who, "cosine")
    point, estimate = fnmr_estimate(found, fmr)
    spread = Dyads.of(scores.who).spread(influence.of_tar(scores, curve(scores), point.threshold), scores.genuine)
    expected = fraction(1 - point.fnmr, spread, len(scores), trials=found.genuines)
    low, high = 1 - expected.high, 1 - expected.low

    assert estimate.value == point.fnmr
    assert estimate.n == found.genuines
    assert estimate.high - estimate.low == pytest.approx(high - low, rel=0.15)
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=0.15 * (high - low))


def test_an_interval_needs_the_matches_themselves() -> None:
    """At a rate whose matches were counted and not kept, who they are is not known."""
    vectors, who = people(5, 300)
    found = all_pairs(vectors, who, distance="cosine", tail=100)

    assert fnmr_estimate(found, 40 / found.impostors)[0].fmr <= 40 / found.impostors
    with pytest.raises(ValueError, match=r"more than the .* impostor pairs that were kept: count again with a longer"):
        fnmr_estimate(found, 0.1)
    with pytest.raises(ValueError, match="cannot resolve"):
        fnmr_estimate(found, 1e-9)


@pytest.mark.parametrize(
    ("vectors", "who", "complaint"),
    [
        pytest.param(np.ones((3, 2)), [0, 1, 2], "two people with a vector, one of them with two", id="no-genuine"),
        pytest.param(np.ones((3, 2)), [0, 0, 0], "two people with a vector", id="no-impostor"),
        pytest.param(np.full((3, 2), np.nan), [0, 0, 1], "two people with a vector", id="no-vector"),
        pytest.param(np.ones((3, 2)), [0, 0], "people \\(n,\\), not \\(3, 2\\) and \\(2,\\)", id="shapes"),
        pytest.param(np.zeros((3, 2)), [0, 0, 1], "length 0 has no cosine", id="no-direction"),
    ],
)
def test_what_cannot_be_counted_is_refused(vectors: np.ndarray, who: list[int], complaint: str) -> None:
    """The message says what is missing."""
    with pytest.raises(ValueError, match=complaint):
        all_pairs(vectors.astype(np.float32), np.array(who), distance="cosine")


@DISTANCES
def test_keys_order_pairs_as_their_distance_does(distance: str) -> None:
    """A key tells the similarity to within its width, from the least alike to an image and itself."""
    generator = np.random.default_rng(6)
    vectors = (generator.normal(size=(200, 16)) * generator.uniform(0.1, 3, size=(200, 1))).astype(np.float32)
    made = keyed(vectors, vectors, distance=distance)
    keys = (made.left @ made.right.T + np.float32(made.offset)).astype(np.float64)
    similarity = -distance_between(vectors[:, None], vectors[None], distance=distance)

    assert keys.min() >= 1
    assert keys.max() < KEYS - 1
    assert (made.similarity(np.floor(keys) - 1) <= similarity).all()
    assert (made.similarity(np.floor(keys) + 2) >= similarity).all()


def test_an_unknown_distance_is_refused() -> None:
    """It names those that are known."""
    with pytest.raises(ValueError, match="expected one of euclidean, cosine"):
        keyed(np.ones((2, 2), np.float32), np.ones((2, 2), np.float32), distance="manhattan")


def test_a_result_of_all_pairs_is_plain() -> None:
    """Nothing of the products is held once they are counted."""
    vectors, who = people(7, 100)

    assert set(AllPairs.__slots__) == {
        *("genuine", "person", "tail", "tail_pairs", "tail_people", "floor", "edges", "above", "images", "usable")
    }
    assert all_pairs(vectors, who, distance="cosine").genuine.ndim == 1
