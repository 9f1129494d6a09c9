"""Are templates of several images compared and found rightly? Only with --facecheck-datasets ijb:FOLDER."""

from collections.abc import Mapping
from typing import Any

import pytest

from facecheck.evaluation.template_rates import of_pairs, of_searches, resolved_fars
from facecheck.plugin.record import Record

QUESTION = "Are templates of several images compared and found rightly?"
pytestmark = [pytest.mark.eval("templates", question=QUESTION), pytest.mark.accuracy, pytest.mark.data("templates")]


def test_templates_of_one_person_match(templated: Mapping[str, Any], record: Record) -> None:
    """Where at most 1e-6 to 1e-1 of impostor pairs of templates match, the promised fraction of genuine ones does."""
    measured = record.add(of_pairs(templated))
    able = resolved_fars(templated)
    if not able:
        pytest.skip("too few impostor pairs of templates to keep a limit at a FAR of 10 %: 300 are needed")

    verdict = record.judge(m for m in measured if m.conditions.far in able)

    assert verdict.passed, verdict.reason


def test_people_are_found_in_both_galleries(templated: Mapping[str, Any], record: Record) -> None:
    """In each gallery, the promised fraction ranks 1, 5 and 10, and is found at FPIR 0.1, 0.01 and 0.001."""
    if not templated["identification"]:
        pytest.skip("the data set has no lists of galleries and probes")

    verdict = record.judge(record.add(of_searches(templated)))

    assert verdict.passed, verdict.reason
