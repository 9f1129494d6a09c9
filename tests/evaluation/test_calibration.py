"""Calibration of drawn pairs: what is measured, and why it may not be."""

import itertools

import pytest

from facecheck.datasets import Dataset
from facecheck.evaluation.calibration import calibrated, why_not_calibrated
from facecheck.evaluation.evaluator import Compared, Evaluator
from tests.support.drawn import DrawnPipeline, drawn_dataset, drawn_recognizer

NAN = float("nan")


def people() -> Dataset:
    """Return two folds of eight people with two images each, everybody compared within a fold."""
    subjects = [f"{number:02d}" for number in range(16) for _ in range(2)]
    indices = [(a, b) for a, b in itertools.combinations(range(32), 2) if a // 16 == b // 16]
    return drawn_dataset(subjects, indices, folds=[a // 16 for a, _ in indices])


def compared(places: list[float], dataset: Dataset) -> Compared:
    return Evaluator(DrawnPipeline({"clean": places})).compare(drawn_recognizer(), dataset)


def test_separable_people_cost_little_and_their_order_nothing() -> None:
    """Genuine distances of 1, impostor ones of 99 and more: minCllr 0, Cllr as low as the smoothing allows."""
    places = [100.0 * (k // 2) + k % 2 for k in range(32)]
    places[4] = NAN
    found = calibrated(compared(places, people()))
    values = {(m.name, m.conditions.calibration): m.estimate for m in found.measured if m.name != "genuine_share"}

    assert values["cllr_min", None].value == 0.0
    assert 0 < values["cllr", "isotonic"].value < 0.3
    assert 0 < values["cllr", "platt"].value < 0.3
    assert values["ece", "platt"].value < 0.1
    assert {m.estimate.n for m in found.measured if m.name == "cllr"} == {2 * 120 - 15}, "fifteen could not be made"
    assert {m.conditions.failures for m in found.measured} == {"left out"}


def test_the_reliability_counts_every_comparison_once() -> None:
    """The bins of a method hold all comparisons, and their mean prediction lies within each."""
    places = [10.0 * (k // 2) + (k * 7) % 13 for k in range(32)]
    found = calibrated(compared(places, people()))

    for method in ("platt", "isotonic"):
        bins = [m for m in found.measured if (m.name, m.conditions.calibration) == ("genuine_share", method)]
        assert sum(m.estimate.n for m in bins) == 240
        assert all(0 < (m.conditions.probability or 0) < 1 for m in bins)


@pytest.mark.parametrize(
    ("dataset", "problem"),
    [
        pytest.param(drawn_dataset("aabb", [(0, 1), (0, 2)]), "the data set has no folds", id="no folds"),
        pytest.param(
            drawn_dataset("aabb", [(0, 1), (0, 2), (2, 3)], folds=[0, 0, 1]),
            "without fold 0 no comparisons",
            id="one kind",
        ),
    ],
)
def test_what_cannot_be_calibrated_says_why(dataset: Dataset, problem: str) -> None:
    """Other people with pairs of both kinds are needed."""
    assert problem in why_not_calibrated(compared([0.0, 1.0, 5.0, 6.0], dataset))
