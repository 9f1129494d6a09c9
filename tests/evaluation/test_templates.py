"""Templates against a plain loop, rates at a FAR against a slow count, searches against sorting by hand."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from facecheck.errors import FacecheckError
from facecheck.evaluation.templates import Pooled, Recipe, at_far, nearest_far, pair_scores, pool, searched
from facecheck.metrics.identification import identified

RECIPES = [
    Recipe.parse("+".join(parts)) for parts in itertools.product(("flip", "plain"), ("kept", "unit"), ("none", "score"))
]
Vectors = npt.NDArray[np.float32]


def images(*, count: int = 200, seed: int = 0) -> dict[str, npt.NDArray[np.generic]]:
    """Return random images of nine templates, numbered with gaps, with media that templates share by number."""
    generator = np.random.default_rng(seed)
    plain, mirrored = generator.normal(size=(2, count, 5)).astype(np.float32)
    plain[generator.choice(count, 20, replace=False)] = np.nan
    templates = generator.choice([3, 4, 7, 20, 21, 22, 50, 51, 900], count)
    plain[templates == 22] = np.nan
    return {
        "plain": plain,
        "mirrored": mirrored,
        "scores": generator.random(count).astype(np.float32),
        "templates": templates.astype(np.int64),
        "media": generator.integers(0, 6, count),
    }


def plainly(recipe: Recipe, given: dict[str, npt.NDArray[np.generic]]) -> dict[int, list[float]]:
    """Pool with loops over single images, as the definition reads."""
    pooled = {}
    for template in sorted(set(given["templates"].tolist())):
        media: dict[int, list[npt.NDArray[np.float64]]] = {}
        for k in range(len(given["plain"])):
            if given["templates"][k] != template or np.isnan(given["plain"][k]).any():
                continue
            vector = given["plain"][k].astype(np.float64)
            if recipe.flip:
                vector = vector + given["mirrored"][k]
            if recipe.norm == "unit":
                vector = vector / np.sqrt((vector**2).sum())
            if recipe.weight == "score":
                vector = vector * float(given["scores"][k])
            media.setdefault(int(given["media"][k]), []).append(vector)
        total = np.zeros(5)
        for several in media.values():
            total = total + sum(several) / len(several)
        length = np.sqrt((total**2).sum())
        pooled[int(template)] = (total / length if length else total).tolist()
    return pooled


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_pooling_is_that_of_a_plain_loop(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one portion, and in portions that are smaller than a template."""
    given = images()
    expected = plainly(recipe, given)
    for portion in (1, 30, 10_000):
        monkeypatch.setattr("facecheck.evaluation.templates._AT_ONCE", portion)
        pooled = pool(recipe, given.pop("plain"), given.pop("mirrored"), **given)  # type: ignore[arg-type]
        given = images()

        assert pooled.templates.tolist() == list(expected)
        np.testing.assert_allclose(pooled.vectors, list(expected.values()), atol=1e-6)
        assert pooled.found.tolist() == [template != 22 for template in expected]


def test_the_order_of_images_does_not_matter() -> None:
    """A list may be sorted in any way."""
    given = images()
    order = np.random.default_rng(1).permutation(len(given["plain"]))
    shuffled = {name: column[order] for name, column in given.items()}
    recipe = Recipe()

    one, other = (
        pool(recipe, each.pop("plain"), each.pop("mirrored"), **each)  # type: ignore[arg-type]
        for each in (given, shuffled)
    )

    np.testing.assert_allclose(one.vectors, other.vectors, atol=1e-6)


def test_by_hand_a_video_counts_once() -> None:
    """Three pictures of a video and one photograph weigh the same; the norm decides where it is kept."""
    vectors = np.array([[2, 0], [0, 1], [0, 1], [0, 1]], dtype=np.float32)
    columns = {"scores": np.ones(4, np.float32), "templates": np.full(4, 5), "media": np.array([1, 2, 2, 2])}
    kept = pool(Recipe(flip=False, norm="kept", weight="none"), vectors, vectors, **columns)
    unit = pool(Recipe(flip=False, norm="unit", weight="none"), vectors, vectors, **columns)

    np.testing.assert_allclose(kept.vectors, [[2 / 5**0.5, 1 / 5**0.5]], rtol=1e-6)
    np.testing.assert_allclose(unit.vectors, [[0.5**0.5, 0.5**0.5]], rtol=1e-6)


@pytest.mark.parametrize("text", ["", "flip", "flip+kept", "kept+flip+none", "flip+kept+score+x"])
def test_other_recipes_are_refused(text: str) -> None:
    """The message shows one."""
    with pytest.raises(FacecheckError, match=r"expected flip or plain, kept or unit, score or none: flip\+kept\+score"):
        Recipe.parse(text)


# 1:1.


def pooled_line() -> Pooled:
    """Return four templates in a plane, the third without a vector."""
    angles = np.array([0, 0.3, 0, 1.2])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    vectors[2] = 0
    return Pooled(np.array([2, 5, 9, 11]), vectors)


def test_pairs_are_cosines_and_a_template_without_a_vector_never_matches() -> None:
    """Whatever the blocks; the label is 1 for one person."""
    listed = np.array([[2, 5, 1], [2, 11, 0], [5, 11, 0], [9, 2, 1], [11, 9, 0]])
    for size in (1, 2, 5):
        blocks = [(k + 1, listed[k : k + size]) for k in range(0, 5, size)]
        found = pair_scores(pooled_line(), blocks)

        np.testing.assert_allclose(found.genuine, [np.cos(0.3), -np.inf], rtol=1e-6)
        np.testing.assert_allclose(found.impostor, [np.cos(0.9), np.cos(1.2), -np.inf], rtol=1e-6)
        assert found.templates.tolist() == [2, 9]
    with pytest.raises(FacecheckError, match="from line 7 on: template 3 has no images"):
        pair_scores(pooled_line(), [(7, np.array([[2, 3, 1]]))])


def counted(genuine: Vectors, impostor: Vectors, far: float) -> tuple[float, float, float, float]:
    """Count at every threshold: the best at most the FAR, and the nearest with the higher FAR first."""
    n = len(impostor)
    bars = [np.inf, *sorted(set(impostor.tolist()), reverse=True), -np.inf]
    # A pair matches if it is above the bar; what is -inf never matches.
    points = [
        (sum(score > bar for score in impostor.tolist()) / n, sum(s > bar for s in genuine.tolist()) / len(genuine))
        for bar in bars
    ]
    within = [point for point in points if point[0] <= far]
    best = max(within, key=lambda point: (point[0], point[1]))
    near = min(points, key=lambda point: (abs(point[0] - far), -point[0], -point[1]))
    return max(tar for _, tar in within), best[0], near[1], near[0]


@pytest.mark.parametrize("seed", range(6))
def test_rates_are_those_of_a_slow_count(seed: int) -> None:
    """With ties, with failures, at every k/n: the FAR is never above the one asked for."""
    generator = np.random.default_rng(seed)
    levels = generator.integers(2, 30)
    genuine = (generator.integers(0, levels, 23) / levels + 0.2).astype(np.float32)
    impostor = (generator.integers(0, levels, 37) / levels).astype(np.float32)
    if seed % 2:
        genuine[:3], impostor[:9] = -np.inf, -np.inf
    falling = np.sort(impostor)[::-1]
    for far in [k / 37 for k in range(1, 37)] + [0.1, 0.5, 0.99]:
        strict, nearest = at_far(genuine, falling, far), nearest_far(genuine, falling, far)
        tar, observed, near_tar, near = counted(genuine, impostor, far)

        assert (strict.tar, strict.far) == pytest.approx((tar, observed))
        assert strict.far <= far
        # Two points may be as near to the last bit: then either is.
        assert abs(nearest.far - far) == pytest.approx(abs(near - far), abs=1e-12)
        if nearest.far == pytest.approx(near):
            assert nearest.tar == pytest.approx(near_tar)


def test_a_far_that_impostors_do_not_resolve_is_refused() -> None:
    """A hundred impostor pairs say nothing of one in a thousand."""
    scores = np.linspace(1, 0, 100, dtype=np.float32)
    with pytest.raises(ValueError, match=r"100 impostor pairs cannot resolve a FAR of 0\.001"):
        at_far(scores, scores, 0.001)
    with pytest.raises(ValueError, match="0 genuine"):
        nearest_far(scores[:0], scores, 0.1)


# 1:N.


def test_searches_are_made_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe of nobody in the gallery is non-mated; a template without a vector is found by nobody."""
    gallery = np.array([2, 11]), np.array([0, 1])
    probes = np.array([5, 11, 9, 5]), np.array([0, 1, 0, 7])
    for held in (1, 4, 100):
        monkeypatch.setattr("facecheck.evaluation.templates._SEARCHED", held)
        found = searched(pooled_line(), gallery=gallery, probes=probes)

        assert identified(found, rank=1).tolist() == [True, True, False]
        assert found.mated.tolist() == [True, True, True, False]
        assert found.best_other[3] == pytest.approx(np.cos(0.3))
