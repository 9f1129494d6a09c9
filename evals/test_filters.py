"""Does a filter change who it sees? Greyscale, sepia, tint, inversion, contrast and brightness."""

import pytest

from fixtures.recorder import CaseRecord
from fixtures.sweep import Point, Sweep, keep_collapse, keep_point, no_collapse

pytestmark = [pytest.mark.robustness, pytest.mark.data("pairs"), pytest.mark.sweep("filters")]


def test_filtered_pairs_are_judged_rightly(point: Point, record: CaseRecord) -> None:
    """At the threshold chosen on clean images, pairs of filtered images are judged rightly as promised.

    That is the deployment number. The threshold chosen again on degraded images tells how separable they
    still are; it is recorded beside it.
    """
    verdict = record.judge(*keep_point(record, point), optional=True)

    assert verdict.passed, verdict.reason


def test_distances_do_not_collapse(sweep: Sweep, record: CaseRecord) -> None:
    """A filter does not make strangers as alike as friends, but for those of which that is known."""
    verdict = record.judge(keep_collapse(record, sweep), promise=no_collapse(record, sweep))

    assert verdict.passed, verdict.reason
