"""How much of a face may be covered? A black square, sunglasses, a mask, a patch."""

import pytest

from fixtures.recorder import CaseRecord
from fixtures.sweep import Point, Sweep, keep_collapse, keep_point, no_collapse

pytestmark = [pytest.mark.robustness, pytest.mark.data("pairs"), pytest.mark.sweep("occlusion")]


def test_covered_pairs_are_judged_rightly(point: Point, record: CaseRecord) -> None:
    """At the threshold chosen on clean images, pairs of covered faces are judged rightly as promised.

    That is the deployment number. The threshold chosen again on degraded images tells how separable they
    still are; it is recorded beside it.
    """
    verdict = record.judge(*keep_point(record, point), optional=True)

    assert verdict.passed, verdict.reason


def test_distances_do_not_collapse(sweep: Sweep, record: CaseRecord) -> None:
    """A cover that all wear does not make strangers as alike as friends, but for the levels at which that is known."""
    verdict = record.judge(keep_collapse(record, sweep), promise=no_collapse(record, sweep))

    assert verdict.passed, verdict.reason
