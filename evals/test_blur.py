"""How much blur does it bear? Gaussian blur of radius 0 to 5 px on verification pairs."""

import pytest

from facecheck.corruptions import CORRUPTIONS, Applied
from facecheck.datasets import Dataset
from facecheck.measure import acquisition, curves, decisions, distances, time_per_image
from facecheck.recognizer import Recognizer
from fixtures.bench import Bench
from fixtures.recorder import CaseRecord

pytestmark = [pytest.mark.robustness, pytest.mark.data("pairs")]


@pytest.mark.parametrize("level", CORRUPTIONS["blur"].levels)
def test_blurred_pairs_are_judged_rightly(
    bench: Bench, recognizer: Recognizer, dataset: Dataset, record: CaseRecord, level: float
) -> None:
    """At the threshold chosen on clean images, pairs of blurred images are judged rightly as promised.

    That is the deployment number. The threshold chosen again on blurred images tells how separable they
    still are; it is recorded beside it.
    """
    clean, blurred = bench.compare(recognizer, dataset), bench.compare(recognizer, dataset, Applied("blur", level))
    at: dict[str, str | float] = {"corruption": "blur", "level": level}
    assert clean.own_thresholds is not None, clean.problem
    measured = record.add_all(decisions(blurred.scores, clean.own_thresholds), {**at, "threshold": "clean"})
    if blurred.own_thresholds is not None:
        record.add_all(decisions(blurred.scores, blurred.own_thresholds), {**at, "threshold": "retuned"})
        for name, estimate, conditions in curves(blurred.scores):
            record.add(name, estimate, {**at, **conditions})
    record.add_all(distances(blurred.scores), at)
    found = record.add_all(acquisition(blurred.embedded), at)
    time = time_per_image(blurred.embedded)
    if time is not None:
        record.add("time_per_image_ms", time, at)
    record.failures(blurred.corruption.identity, blurred.embedded.failures, blurred.embedded.unreadable)

    verdict = record.judge(measured["accuracy"], found["fta"])

    assert verdict.passed, verdict.reason
