"""Is a person found among many? 1:N identification: a gallery of some of the people, probes of everybody."""

import pytest

from facecheck.evaluation.identification import JUDGED_RANKS, Searched, closed_set, open_set, resolved_fpirs
from facecheck.plugin.record import Record

QUESTION = "Is a person found among many, and nobody in the place of a stranger?"
pytestmark = [pytest.mark.eval("identification", question=QUESTION), pytest.mark.accuracy, pytest.mark.data("people")]


def test_enrolled_people_rank_first(searched: Searched, record: Record) -> None:
    """Of the probes of enrolled people, the promised fraction has its person at rank 1, 5 and 10 or better."""
    measured = record.add(closed_set(searched))

    verdict = record.judge(m for m in measured if m.conditions.rank in JUDGED_RANKS)

    assert verdict.passed, verdict.reason


def test_strangers_are_told_from_enrolled_people(searched: Searched, record: Record) -> None:
    """Where at most 10 %, 1 % and 0.1 % of strangers are taken for somebody, enrolled people are found as promised."""
    measured = record.add(open_set(searched))
    able = resolved_fpirs(searched)
    if not able:
        pytest.skip("too few strangers to keep a limit at an FPIR of 10 %: 300 images are needed; see what is recorded")

    verdict = record.judge(m for m in measured.named("dir_at_fpir") if m.conditions.fpir in able)

    assert verdict.passed, verdict.reason
