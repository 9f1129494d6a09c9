"""Turned heads: rates and distances at each yaw and yaw difference, by hand."""

import pytest

from facecheck.evaluation.evaluator import Compared, Evaluator
from facecheck.evaluation.turned_heads import (
    detection_by_yaw,
    distances_by_yaw_difference,
    matches_by_yaw_difference,
    ranked_both_ways,
)
from facecheck.results.conditions import Conditions
from tests.support.drawn import DrawnPipeline, drawn_dataset, drawn_recognizer

NAN = float("nan")
# Two people with three heads each, at 0, 0.5 and 1 rad; person b's last head is not found.
PLACES = (0.0, 1.0, 4.0, 10.0, 13.0, NAN)


def strips(threshold: float | None = 3.5) -> Compared:
    indices = [(0, 1), (3, 4), (0, 2), (3, 5), (0, 3), (1, 4)]  # distances 1, 3, 4, none; impostors 10, 12
    dataset = drawn_dataset("aaabbb", indices, yaws=[0.0, 0.5, 1.0] * 2, spec="strips:drawn")
    return Evaluator(DrawnPipeline({"clean": PLACES})).compare(drawn_recognizer(threshold=threshold), dataset)


def test_detection_by_yaw() -> None:
    """All heads at 0 and 0.5 rad are found, one of two at 1 rad."""
    found = {m.conditions: (m.estimate.value, m.estimate.n) for m in detection_by_yaw(strips()).measured}

    assert found == {
        Conditions(yaw_rad=0.0): (1.0, 2),
        Conditions(yaw_rad=0.5): (1.0, 2),
        Conditions(yaw_rad=1.0): (0.5, 2),
    }


def test_distances_by_yaw_difference() -> None:
    """(1 + 3) / 2 at 0.5 rad; at 1 rad one comparison is left, which has no mean; impostors (10 + 12) / 2."""
    found = {(m.name, m.conditions): m.estimate.value for m in distances_by_yaw_difference(strips()).measured}

    assert found[("genuine_distance_mean", Conditions(yaw_difference_rad=0.5))] == 2.0
    assert ("genuine_distance_mean", Conditions(yaw_difference_rad=1.0)) not in found
    assert [value for (name, _), value in found.items() if name == "impostor_distance_mean"] == [11.0]


def test_matches_by_yaw_difference() -> None:
    """At 3.5 both match at 0.5 rad; at 1 rad 4 is too far and a failure is a non-match; no impostor matches."""
    found = matches_by_yaw_difference(strips()).measured
    values = {(m.name, m.conditions.yaw_difference_rad): m.estimate.value for m in found}

    assert values == {
        ("fnmr", 0.5): 0.0,
        ("recall", 0.5): 1.0,
        ("fnmr", 1.0): 1.0,
        ("recall", 1.0): 0.0,
        ("threshold_distance", None): 3.5,
        ("fmr", None): 0.0,
    }
    assert {m.conditions.threshold for m in found} == {"declared"}
    for m in found:
        assert m.estimate.low <= m.estimate.value <= m.estimate.high


def test_a_model_without_a_threshold_is_named() -> None:
    """It was asked for: nothing is skipped in silence."""
    with pytest.raises(ValueError, match="drawn declares no threshold"):
        matches_by_yaw_difference(strips(None))


def test_ranked_both_ways() -> None:
    """The failed genuine pair is below both impostors: AUC 6/8; without it 1."""
    found = {(m.name, m.conditions.failures): m.estimate.value for m in ranked_both_ways(strips()).measured}

    assert found["auc", "non-match"] == pytest.approx(6 / 8)
    assert found["auc", "left out"] == 1.0
    assert found["eer", "left out"] == 0.0
