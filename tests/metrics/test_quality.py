"""Error against discard: by hand, against a slow loop, and what must not matter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecheck.metrics.quality import discard_curve, influence_of_relative_area, pair_quality


def test_by_hand() -> None:
    """Ten comparisons, three errors, qualities 1 1 2 3 ..: two of quality 1 go together, one of them an error.

    Errors left: 3/10, then 2/8, 1/7, 1/6 after .2, .3, .4; up to .3 the area is .2 x .3 + .1 x .25.
    """
    wrong = np.array([True, False, True, False, True, False, False, False, False, False])
    quality = np.array([1, 1, 2, 3, 4, 5, 6, 7, 8, 9.0])
    curve = discard_curve(wrong, quality)

    assert curve.discarded[:4].tolist() == pytest.approx([0, 0.2, 0.3, 0.4])
    assert curve.error[:4].tolist() == pytest.approx([0.3, 2 / 8, 1 / 7, 1 / 6])
    assert curve.at(0.19) == 0
    assert curve.at(0.2) == 1
    assert curve.area(0.3) == pytest.approx(0.2 * 0.3 + 0.1 * 0.25)
    assert curve.relative_area(0.3) == pytest.approx((0.2 * 0.3 + 0.1 * 0.25) / (0.3 * 0.3))


def test_a_quality_that_says_nothing_is_worth_one_and_one_that_misleads_more() -> None:
    """Equal qualities discard nothing; errors of the highest quality stay to the last."""
    wrong = np.array([True] * 5 + [False] * 20)

    assert discard_curve(wrong, np.ones(25)).relative_area() == 1.0
    assert discard_curve(wrong, np.where(wrong, 1.0, 2.0)).relative_area() == 1.0, "they go all together at the end"
    assert discard_curve(wrong, np.arange(25.0)).relative_area() < 1
    assert discard_curve(wrong, -np.arange(25.0)).relative_area() > 1


drawn = st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=25)


@given(rows=drawn, limit=st.sampled_from([0.1, 0.2, 0.5, 1.0]))
def test_equals_a_slow_loop(rows: list[tuple[bool, int]], limit: float) -> None:
    """Every threshold on the quality, comparison by comparison; the area in thousandths of steps."""
    wrong, quality = np.array([w for w, _ in rows]), np.array([float(q) for _, q in rows])
    curve = discard_curve(wrong, quality)
    slow = []
    for least in sorted(set(quality.tolist())):
        left = [w for w, q in rows if q >= least]
        slow.append((1 - len(left) / len(rows), sum(left) / len(left)))
    ends = [min(x, limit) for x, _ in slow[1:]] + [limit]
    area = sum((end - min(x, limit)) * error for (x, error), end in zip(slow, ends, strict=True))

    assert curve.discarded.tolist() == pytest.approx([x for x, _ in slow])
    assert curve.error.tolist() == pytest.approx([error for _, error in slow])
    assert curve.area(limit) == pytest.approx(area)


@given(rows=drawn)
def test_order_and_rising_functions_of_quality_do_not_matter(rows: list[tuple[bool, int]]) -> None:
    """Only the order of qualities counts."""
    wrong, quality = np.array([w for w, _ in rows]), np.array([float(q) for _, q in rows])
    order = np.random.default_rng(0).permutation(len(rows))

    assert discard_curve(wrong[order], np.exp(quality[order])).error.tolist() == pytest.approx(
        discard_curve(wrong, quality).error.tolist()
    )


def test_influence_is_what_a_little_more_weight_moves() -> None:
    """The influence of a comparison is the area's change where it counts a little more."""
    generator = np.random.default_rng(3)
    wrong, quality = generator.random(40) < 0.4, generator.integers(0, 8, 40).astype(float)
    limit, times = 0.25, 4000  # between two steps: at a step there is a slope to either side
    found = influence_of_relative_area(wrong, quality, limit=limit)
    base = discard_curve(np.repeat(wrong, times), np.repeat(quality, times)).relative_area(limit)

    for row in range(0, 40, 7):
        counts = np.full(40, times)
        counts[row] += 1
        moved = discard_curve(np.repeat(wrong, counts), np.repeat(quality, counts)).relative_area(limit)
        assert (moved - base) * times == pytest.approx(found[row], rel=0.01, abs=1e-5)
    assert found.sum() == pytest.approx(0, abs=1e-12)


def test_undefined_input_raises() -> None:
    """No errors, no comparisons, no quality, percent."""
    fine = np.array([0.5, 0.7])
    with pytest.raises(ValueError, match="without an error"):
        discard_curve(np.array([False, False]), fine).relative_area()
    with pytest.raises(ValueError, match="one at least"):
        discard_curve(np.array([], dtype=bool), np.array([]))
    with pytest.raises(ValueError, match="have no quality"):
        discard_curve(np.array([True, False]), np.array([0.1, np.nan]))
    with pytest.raises(ValueError, match="2 images have no quality"):
        pair_quality(np.array([np.nan, 1.0, np.nan]), np.array([[0, 1]]))
    with pytest.raises(ValueError, match="did you give percent"):
        discard_curve(np.array([True, False]), fine).area(20)
    assert pair_quality(np.array([3.0, -np.inf, 2.0]), np.array([[0, 2], [1, 2]])).tolist() == [2.0, -np.inf]
