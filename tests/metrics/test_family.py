"""One false-alarm rate for many tests."""

import numpy as np
import pytest

from facecheck.metrics.family import Family, correlation
from facecheck.metrics.paired import holm


def test_correlation_is_of_what_people_add() -> None:
    """Equal columns are one, opposite ones minus one, and a column of nothing is correlated with none."""
    people = np.array([[1.0, 2.0, -1.0, 0.0], [2.0, 4.0, -2.0, 0.0]])

    expected = [[1, 1, -1, 0], [1, 1, -1, 0], [-1, -1, 1, 0], [0, 0, 0, 1]]
    np.testing.assert_allclose(correlation(people), expected, atol=1e-12)


def test_equal_tests_cost_nothing() -> None:
    """A hundred copies of one test are one test, where Holm multiplies by a hundred."""
    copies = Family(np.ones((100, 100))).adjusted(np.full(100, 2.326))

    assert copies == pytest.approx(np.full(100, 0.01), abs=0.003)
    assert holm([0.01] * 100).min() == 1.0


def test_independent_tests_cost_what_they_should() -> None:
    """Of ten: 1 - (1 - p)^10 for the smallest."""
    z = np.concatenate(([3.0], np.zeros(9)))

    assert Family(np.eye(10)).adjusted(z)[0] == pytest.approx(1 - (1 - 0.00135) ** 10, abs=0.002)


def test_adjusted_values_keep_the_order_and_step_down() -> None:
    """Beside a clear case, the next is compared with the rest alone."""
    found = Family(np.eye(2)).adjusted(np.array([1.645, 9.0]))

    assert found[1] < 1e-3
    assert found[0] == pytest.approx(0.05, abs=0.006)


@pytest.mark.parametrize("shared", [0.0, 0.8])
def test_any_false_alarm_among_all_is_as_rare_as_asked(shared: float) -> None:
    """Five per cent of 2000 families of 30 sound cases, within three standard errors."""
    correlated = np.full((30, 30), shared) + (1 - shared) * np.eye(30)
    reach = Family(correlated).reach(0.05)
    drawn = np.random.default_rng(5).multivariate_normal(np.zeros(30), correlated, 2000)

    assert float((drawn.max(axis=1) > reach).mean()) == pytest.approx(0.05, abs=0.015)
