"""Are all groups of people served alike, at one threshold for everybody? Labels of the data set, or of a CSV file."""

import pytest

from facecheck.evaluation.evaluator import Compared
from facecheck.evaluation.groups import by_group, why_no_groups
from facecheck.plugin.record import Record

QUESTION = "Are all groups of people served alike, at one threshold for everybody?"
pytestmark = [pytest.mark.eval("groups", question=QUESTION), pytest.mark.accuracy, pytest.mark.data("groups")]


def test_no_group_errs_more_often_than_promised(compared: Compared, record: Record) -> None:
    """Where 1 % of all impostors match, no group has more false matches or false non-matches than promised.

    Judged is every group, and so the worst; how far the groups lie apart is recorded beside it.
    """
    problem = why_no_groups(compared)
    if problem:
        pytest.skip(f"{compared.dataset.name}: {problem}")
    measured = record.add(by_group(compared))
    of_groups = [m for m in measured.named("group_fmr", "group_fnmr") if m.conditions.other_group is None]
    assert of_groups, f"{compared.dataset.name}: no group is large enough; see the notes of the run"

    verdict = record.judge(of_groups)

    assert verdict.passed, verdict.reason
