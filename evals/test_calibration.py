"""Can its similarities be read as probabilities? Cllr and ECE after calibration on other people."""

import pytest

from facecheck.evaluation.calibration import calibrated, why_not_calibrated
from facecheck.evaluation.evaluator import Compared
from facecheck.plugin.record import Record

QUESTION = "Can its similarities be read as probabilities?"
pytestmark = [pytest.mark.eval("calibration", question=QUESTION), pytest.mark.accuracy, pytest.mark.data("pairs")]


def test_probabilities_are_worth_what_they_say(compared: Compared, record: Record) -> None:
    """Calibrated on other people, similarities cost at most the promised bits, and probabilities err by as much."""
    problem = why_not_calibrated(compared)
    if problem:
        pytest.skip(f"{compared.dataset.name}: {problem}")
    measured = record.add(calibrated(compared))

    # The fewer the pairs, the larger the ECE, by chance alone: a sample cannot keep what was promised of all pairs.
    verdict = record.judge(measured.named("cllr") if compared.dataset.sampled else measured.named("cllr", "ece"))

    assert verdict.passed, verdict.reason
