"""Does a turned head stay the same person? Strips of one person at known yaws: the first study's question."""

import numpy as np
import pytest

from facecheck.evaluation.estimates import acquisition, curves, decisions, distances, match_rates
from facecheck.metrics import intervals
from facecheck.metrics.intervals import Estimate
from fixtures.bench import Compared
from fixtures.recorder import CaseRecord

pytestmark = [pytest.mark.robustness, pytest.mark.data("yaw")]


def test_faces_are_found_at_every_yaw(compared: Compared, record: CaseRecord) -> None:
    """At every yaw the detector finds the promised fraction of faces."""
    embedded = compared.embedded
    yaws = np.array([face.yaw_rad for face in embedded.faces], dtype=np.float64)
    people = np.unique([face.subject for face in embedded.faces], return_inverse=True)[1]
    measured = [
        record.add(
            "detection_rate",
            intervals.proportion(embedded.found[yaws == yaw], people[yaws == yaw]),
            {"yaw_rad": float(yaw)},
        )
        for yaw in np.unique(yaws)
    ]
    record.add("fta", acquisition(embedded)["fta"])
    record.failures("clean", embedded.failures, embedded.unreadable)

    verdict = record.judge(*measured)

    assert verdict.passed, verdict.reason


def test_turned_heads_stay_nearer_than_strangers(compared: Compared, record: CaseRecord) -> None:
    """Over all yaw differences, a genuine pair is nearer than an impostor pair as often as promised.

    Promised is both: with a face that is not found matching nobody, and over the comparisons that were made.
    """
    scores, difference = compared.scores, compared.dataset.pairs.yaw_difference_rad
    for step in np.unique(difference[scores.genuine]):
        near = distances(scores.take(scores.genuine & (difference == step)))
        record.add_all(near, {"yaw_difference_rad": float(step)})
    record.add_all({k: v for k, v in distances(scores).items() if k == "impostor_distance_mean"})
    judged = []
    for failures, seen in (("non-match", scores), ("left out", scores.completed())):
        found = {name: record.add(name, e, {"failures": failures}) for name, e, _ in curves(seen, fars=())}
        judged += [measurement for name, measurement in found.items() if name == "auc"]

    verdict = record.judge(*judged)

    assert verdict.passed, verdict.reason


def test_turned_heads_match_at_the_declared_threshold(compared: Compared, record: CaseRecord) -> None:
    """At a threshold fixed in advance, turned heads match as promised and strangers do not; failures do not match."""
    if compared.declared is None:
        pytest.skip("the model declares no threshold: give torch_recognizer a threshold=")
    threshold = float(compared.declared.of_pair[0])
    rates = match_rates(compared.scores, compared.dataset.pairs.yaw_difference_rad, threshold)
    at = {"threshold": "declared", "failures": "non-match"}
    measured = [record.add("fnmr", rate, {**at, "yaw_difference_rad": step}) for step, rate in rates.items()]
    for step, rate in rates.items():
        matches = Estimate(1 - rate.value, 1 - rate.high, 1 - rate.low, rate.n)
        record.add("recall", matches, {**at, "yaw_difference_rad": step})
    found = decisions(compared.scores, compared.declared)
    record.add("threshold_distance", found["threshold_distance"], at)
    measured.append(record.add("fmr", found["fmr"], at))

    verdict = record.judge(*measured)

    assert verdict.passed, verdict.reason
