"""1:N metrics against slow counting, by hand, and under transformations that must not matter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecheck.metrics.identification import Searches, cmc, fnir_at_fpir, identified, missed, search

INF = float("inf")


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return similarities with many ties and some failures, probes and a gallery with several templates a person."""
    generator = np.random.default_rng(seed)
    gallery = generator.integers(0, 6, generator.integers(1, 9))
    probe = generator.integers(0, 9, generator.integers(1, 14))
    similarity = generator.integers(0, 7, (len(probe), len(gallery))) / 7.0
    similarity[generator.random(len(probe)) < 0.2] = -INF
    similarity[:, generator.random(len(gallery)) < 0.1] = -INF
    return similarity, probe, gallery


def rank_of(row: np.ndarray, person: int, gallery: np.ndarray) -> float:
    """Return the rank of a person by counting, one gallery person after the other; infinite for a failure."""
    best = {int(other): max(row[k] for k in range(len(gallery)) if gallery[k] == other) for other in gallery}
    if person not in best or best[person] == -INF:
        return INF
    return 1 + sum(1 for other, value in best.items() if other != person and value >= best[person])


@given(seed=st.integers(0, 10**6), rank=st.integers(1, 6))
def test_ranks_equal_slow_counting(seed: int, rank: int) -> None:
    """Ties, failures and several templates a person included."""
    similarity, probe, gallery = drawn(seed)
    found = search(similarity, probe, gallery)
    slow = [rank_of(row, person, gallery) for row, person in zip(similarity, probe, strict=True) if person in gallery]
    if not slow:
        with pytest.raises(ValueError, match="no mated probe"):
            identified(found, rank=rank)
        return

    assert identified(found, rank=rank).tolist() == [each <= rank for each in slow]
    assert cmc(found).tolist() == [
        sum(each <= k for each in slow) / len(slow) for k in range(1, len(set(gallery.tolist())) + 1)
    ]


@given(seed=st.integers(0, 10**6), k=st.integers(0, 13), rank=st.integers(1, 3))
def test_open_set_equals_a_search_over_every_threshold(seed: int, k: int, rank: int) -> None:
    """On the exact grid k/n: of all observed thresholds within the FPIR none has a lower FNIR."""
    similarity, probe, gallery = drawn(seed)
    found = search(similarity, probe, gallery)
    strangers = [row for row, person in zip(similarity, probe, strict=True) if person not in gallery]
    mates = [(row, person) for row, person in zip(similarity, probe, strict=True) if person in gallery]
    if not strangers or not mates or k >= len(strangers):
        return

    def rates(threshold: float) -> tuple[float, float]:
        false = sum(any(value >= threshold and value > -INF for value in row) for row in strangers)
        lost = 0
        for row, person in mates:
            own = max(value for value, other in zip(row, gallery, strict=True) if other == person)
            lost += not (rank_of(row, person, gallery) <= rank and own >= threshold)
        return false / len(strangers), lost / len(mates)

    every = [rates(threshold) for threshold in (*np.unique(similarity[similarity > -INF]).tolist(), INF)]
    point = fnir_at_fpir(found, k / len(strangers), rank=rank)

    assert (point.fpir, point.fnir) == pytest.approx(rates(point.threshold))
    assert point.fpir <= k / len(strangers)
    assert point.fnir == pytest.approx(min(lost for false, lost in every if false <= k / len(strangers)))


def test_by_hand() -> None:
    """Three enrolled, four mated probes: ranks 1, 2 (tied), a failure, 1; two strangers with tops .8 and .3."""
    similarity = np.array(
        [
            [0.9, 0.1, 0.2],
            [0.5, 0.5, 0.4],
            [-INF, -INF, -INF],
            [0.2, 0.1, 0.6],
            [0.8, 0.2, 0.1],
            [0.3, 0.3, 0.2],
        ]
    )
    found = search(similarity, np.array([0, 1, 2, 2, 8, 9]), np.array([0, 1, 2]))

    assert cmc(found).tolist() == [0.5, 0.75, 0.75]
    assert fnir_at_fpir(found, 0.5) == (0.5, 0.5, 0.5)
    assert fnir_at_fpir(found, 0.5, rank=2) == (0.5, 0.5, 0.25)
    assert fnir_at_fpir(found, 0) == (0.9, 0.0, 0.75)
    assert missed(found, 0.6).tolist() == [False, True, True, False]


@given(seed=st.integers(0, 10**6))
def test_order_and_monotone_transforms_do_not_matter(seed: int) -> None:
    """Permuted probes and gallery, and similarities through a rising function, give the same CMC and rates."""
    similarity, probe, gallery = drawn(seed)
    generator = np.random.default_rng(seed + 1)
    rows, columns = generator.permutation(len(probe)), generator.permutation(len(gallery))
    found = search(similarity, probe, gallery)
    moved = np.where(similarity[np.ix_(rows, columns)] == -INF, -INF, np.exp(similarity[np.ix_(rows, columns)]))
    other = search(moved, probe[rows], gallery[columns])
    if not found.mated.any():
        return

    assert cmc(other).tolist() == pytest.approx(cmc(found).tolist())
    if not found.mated.all():
        assert fnir_at_fpir(other, 0)[1:] == pytest.approx(fnir_at_fpir(found, 0)[1:])


def test_a_strangers_failure_is_no_false_positive_and_searches_join() -> None:
    """Two portions equal one search; a stranger without a face is returned by nobody at any threshold."""
    similarity = np.array([[0.4, 0.2], [-INF, -INF], [0.1, 0.3]])
    probe, gallery = np.array([0, 5, 6]), np.array([0, 1])
    whole = search(similarity, probe, gallery)
    parts = Searches.joined(search(similarity[rows], probe[rows], gallery) for rows in ([0], [1, 2]))

    assert fnir_at_fpir(whole, 0.5) == (0.3, 0.5, 0.0)
    assert fnir_at_fpir(parts, 0) == fnir_at_fpir(whole, 0) == (0.4, 0.0, 0.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(lambda s: fnir_at_fpir(s, 0.1), "1 non-mated probes cannot resolve", id="too few"),
        pytest.param(lambda s: fnir_at_fpir(s, 5), "did you give percent", id="percent"),
        pytest.param(lambda s: identified(s, rank=0), "a rank is 1 or more", id="rank"),
        pytest.param(lambda s: missed(s, float("nan")), "threshold is NaN", id="nan"),
        pytest.param(lambda _: search(np.zeros((1, 0)), np.array([0]), np.array([], int)), "gallery is empty", id="e"),
        pytest.param(lambda _: search(np.zeros((2, 2)), np.array([0]), np.array([0])), "shape", id="shape"),
        pytest.param(lambda _: search(np.full((1, 1), np.nan), np.array([0]), np.array([0])), "is NaN", id="NaN"),
    ],
)
def test_undefined_input_raises(call, message: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - cases
    """Never 0 or NaN."""
    found = search(np.array([[0.4], [0.1]]), np.array([0, 5]), np.array([0]))

    with pytest.raises(ValueError, match=message):
        call(found)
