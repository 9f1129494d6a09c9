"""Calibration against scikit-learn, formulas written apart, and what must not matter."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from facecheck.metrics.calibration import (
    calibration_table,
    cllr,
    cross_fitted,
    ece,
    fit_isotonic,
    fit_platt,
    min_llr,
)
from facecheck.metrics.scores import Scores


def drawn(seed: int, *, n: int = 300, apart: float = 1.5) -> Scores:
    """Return normal similarities with ties, genuine ones higher."""
    generator = np.random.default_rng(seed)
    genuine = generator.random(n) < 0.4
    genuine[:2] = True, False
    similarity = np.asarray(np.round(generator.normal(size=n) + apart * genuine, 1), dtype=np.float64)
    people = np.arange(n)
    return Scores(similarity, np.stack((people, np.where(genuine, people, people + n)), axis=1))


def cllr_by_likelihoods(ratio: np.ndarray, genuine: np.ndarray) -> float:
    """Return Cllr as it is printed, with likelihood ratios and a loop, apart from ours."""
    of_genuine = [math.log2(1 + 1 / math.exp(r)) for r, g in zip(ratio, genuine, strict=True) if g]
    of_impostors = [math.log2(1 + math.exp(r)) for r, g in zip(ratio, genuine, strict=True) if not g]
    return 0.5 * (math.fsum(of_genuine) / len(of_genuine) + math.fsum(of_impostors) / len(of_impostors))


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_isotonic_equals_scikit_learn(seed: int) -> None:
    """On the pairs themselves and between and beyond them, within Platt's bounds."""
    scores = drawn(seed, n=60)
    ours, theirs = fit_isotonic(scores), IsotonicRegression(out_of_bounds="clip")
    theirs.fit(scores.similarity, scores.genuine.astype(float))
    g, i = int(scores.genuine.sum()), int((~scores.genuine).sum())
    knots = np.clip(theirs.predict(ours.similarity), 1 / (i + 2), (g + 1) / (g + 2))
    asked = np.linspace(-5, 6, 45)

    assert ours.probability(ours.similarity) == pytest.approx(knots)
    assert ours.probability(asked) == pytest.approx(np.interp(asked, ours.similarity, knots))


@pytest.mark.parametrize(("seed", "apart"), [(0, 1.5), (1, 0.2), (2, 30.0)])
def test_platt_equals_scikit_learn_on_smoothed_targets(seed: int, apart: float) -> None:
    """A smoothed target is a pair that counts in both classes, weighted; separable similarities included."""
    scores = drawn(seed, apart=apart)
    g, i = int(scores.genuine.sum()), int((~scores.genuine).sum())
    target = np.where(scores.genuine, (g + 1) / (g + 2), 1 / (i + 2))
    twice = np.concatenate((scores.similarity, scores.similarity))[:, None]
    peer = LogisticRegression(C=1e10, tol=1e-10, max_iter=5000)
    peer.fit(twice, np.repeat([1, 0], len(target)), sample_weight=np.concatenate((target, 1 - target)))
    ours = fit_platt(scores)

    assert ours.probability(scores.similarity) == pytest.approx(
        peer.predict_proba(scores.similarity[:, None])[:, 1], abs=1e-4
    )


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_cllr_equals_the_printed_formula(seed: int) -> None:
    """Likelihood ratios, base 2, the mean of both kinds' means."""
    generator = np.random.default_rng(seed)
    ratio, genuine = generator.normal(0, 4, 20), np.arange(20) % 3 == 0

    assert cllr(ratio, genuine) == pytest.approx(cllr_by_likelihoods(ratio, genuine))


def test_by_hand() -> None:
    """LR of 1, 3 and 1/3: log2(4/3) for the genuine pair with 3; impostors log2(2) and log2(4/3)."""
    ratio = np.log([3.0, 1.0, 1 / 3])
    genuine = np.array([True, False, False])

    assert cllr(ratio, genuine) == pytest.approx((math.log2(4 / 3) + (1 + math.log2(4 / 3)) / 2) / 2)


def test_min_cllr_by_hand() -> None:
    """Impostor, genuine, impostor, genuine: the middle is pooled to 1/2, the ends leave no doubt."""
    who = np.array([[0, 1], [0, 0], [0, 2], [1, 1]])
    scores = Scores(np.array([0.1, 0.2, 0.3, 0.4]), who)

    assert min_llr(scores).tolist() == [-math.inf, 0.0, 0.0, math.inf]
    assert cllr(min_llr(scores), scores.genuine) == pytest.approx(0.5)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_min_cllr_is_the_least_and_sees_the_order_alone(seed: int) -> None:
    """No other rising calibration costs less; a rising function of the similarities changes nothing."""
    scores = drawn(seed, n=50)
    least = cllr(min_llr(scores), scores.genuine)
    moved = Scores(np.exp(scores.similarity), scores.who)

    assert cllr(min_llr(moved), scores.genuine) == pytest.approx(least)
    assert least <= 1 + 1e-12
    assert least <= cllr(fit_isotonic(scores).llr(scores.similarity), scores.genuine) + 1e-9
    line = fit_platt(scores)
    if line.slope > 0:
        assert least <= cllr(line.llr(scores.similarity), scores.genuine) + 1e-9


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_ece_equals_a_loop_over_bins(seed: int) -> None:
    """Fifteen bins of equal width; the order of pairs does not matter."""
    generator = np.random.default_rng(seed)
    probability = generator.integers(0, 31, 40) / 30
    genuine = generator.random(40) < probability
    total = 0.0
    for k in range(15):
        rows = [j for j in range(40) if k <= probability[j] * 15 < k + 1 or (k == 14 and probability[j] == 1)]
        if rows:
            mean = sum(probability[rows]) / len(rows)
            total += len(rows) / 40 * abs(mean - sum(genuine[rows]) / len(rows))
    order = generator.permutation(40)

    assert ece(probability, genuine) == pytest.approx(total)
    assert ece(probability[order], genuine[order]) == pytest.approx(total)


def test_a_fold_is_calibrated_on_the_others() -> None:
    """Another fold's labels change a fold's probabilities, its own do not."""
    scores, folds = drawn(4), np.arange(300) % 3
    probability, ratio = cross_fitted(scores, folds, "platt")
    alone = fit_platt(scores.take(folds != 1))

    assert probability[folds == 1] == pytest.approx(alone.probability(scores.similarity[folds == 1]))
    assert ratio[folds == 1] == pytest.approx(alone.llr(scores.similarity[folds == 1]))
    assert cllr(ratio, scores.genuine) >= cllr(min_llr(scores), scores.genuine)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_the_table_rises_and_is_even_where_the_ratio_is_one(method: str) -> None:
    """Similarity, log10-likelihood ratio and probability at even odds."""
    table = calibration_table(drawn(5), method=method, rows=21)  # type: ignore[arg-type]

    assert table.shape == (21, 3)
    assert (np.diff(table[:, 0]) > 0).all()
    assert (np.diff(table[:, 1]) >= 0).all()
    assert table[:, 2] == pytest.approx(1 / (1 + 10 ** -table[:, 1]))


def test_undefined_input_raises() -> None:
    """One kind, failures, one fold, probabilities that are none."""
    scores = drawn(0)
    with pytest.raises(ValueError, match="needs both kinds"):
        fit_platt(scores.take(scores.genuine))
    with pytest.raises(ValueError, match=r"pass scores\.completed"):
        fit_isotonic(Scores(np.append(scores.similarity[:-1], -np.inf), scores.who))
    with pytest.raises(ValueError, match="1 fold"):
        cross_fitted(scores, np.zeros(300, dtype=np.int64), "platt")
    with pytest.raises(ValueError, match="Cllr needs"):
        cllr(np.zeros(2), np.array([True, True]))
    with pytest.raises(ValueError, match="expected probabilities"):
        ece(np.array([1.2]), np.array([True]))
    with pytest.raises(ValueError, match="2 rows"):
        calibration_table(scores, method="platt", rows=1)
