"""Does a turned head stay the same person? Strips of one person at known yaws: the first study's question."""

import pytest

from facecheck.evaluation.evaluator import Compared
from facecheck.evaluation.turned_heads import (
    detection_by_yaw,
    distances_by_yaw_difference,
    matches_by_yaw_difference,
    ranked_both_ways,
)
from facecheck.plugin.record import Record

QUESTION = "Does a turned head stay the same person?"
pytestmark = [pytest.mark.eval("pose", question=QUESTION), pytest.mark.robustness, pytest.mark.data("yaw")]


def test_faces_are_found_at_every_yaw(compared: Compared, record: Record) -> None:
    """At every yaw the detector finds the promised fraction of faces."""
    measured = record.add(detection_by_yaw(compared))
    record.add(compared.acquired().named("fta"))

    verdict = record.judge(measured)

    assert verdict.passed, verdict.reason


def test_turned_heads_stay_nearer_than_impostors(compared: Compared, record: Record) -> None:
    """Over all yaw differences, a genuine pair is nearer than an impostor pair as often as promised.

    Promised is both: with a face that is not found matching nobody, and over the comparisons that were made.
    """
    record.add(distances_by_yaw_difference(compared))
    measured = record.add(ranked_both_ways(compared))

    verdict = record.judge(measured.named("auc"))

    assert verdict.passed, verdict.reason


def test_turned_heads_match_at_the_declared_threshold(compared: Compared, record: Record) -> None:
    """At a threshold fixed in advance, turned heads match as promised and impostors do not; failures do not match."""
    if compared.declared is None:
        pytest.skip("the model declares no threshold: give torch_recognizer a threshold=")
    measured = record.add(matches_by_yaw_difference(compared))

    verdict = record.judge(measured.named("fnmr", "fmr"))

    assert verdict.passed, verdict.reason
