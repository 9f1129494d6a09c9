"""Does a quality of the images tell which comparisons go wrong? Error against discard: detector, norm, your own."""

from collections.abc import Mapping

import pytest

from facecheck.evaluation.evaluator import Compared
from facecheck.evaluation.qualities import Array, error_against_discard
from facecheck.plugin.record import Record

QUESTION = "Does a quality of the images tell which comparisons go wrong?"
pytestmark = [pytest.mark.eval("quality", question=QUESTION), pytest.mark.robustness, pytest.mark.data("pairs")]


def test_errors_fall_when_the_worst_images_are_discarded(
    compared: Compared, qualities: Mapping[str, Array], record: Record
) -> None:
    """Up to 20 % of genuine pairs discarded by quality, the mean FNMR is at most the promised share of that before."""
    found = error_against_discard(compared, qualities)
    measured = record.add(found)
    if not len(measured):
        pytest.skip("; ".join(found.notes) or "no quality is known of every image")

    verdict = record.judge(measured.named("edc_relative_area"))

    assert verdict.passed, verdict.reason
