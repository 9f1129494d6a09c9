"""May the model replace the old one in production? Old gallery, threshold, twins; needs --facecheck-against SPEC."""

import pytest

from facecheck.comparison.update import TwinPrecision, Update, twin_limits
from facecheck.plugin.record import Record
from facecheck.results.conditions import DEPLOYED, Conditions

QUESTION = "May the model replace the old one in production?"
pytestmark = [pytest.mark.eval("update", question=QUESTION), pytest.mark.accuracy, pytest.mark.data("pairs")]


def test_new_probes_match_the_old_gallery(updated: Update, record: Record) -> None:
    """New probes against the old gallery are judged no worse than old ones, beyond the margins."""
    measured = record.add(updated.matrix())
    assert not updated.problem, f"incompatible: {updated.problem}; enrol the gallery anew"
    (mixed,) = measured.named("accuracy", where=DEPLOYED | Conditions(reference="new-old"))

    verdict = record.judge_update(mixed, updated.against_old_gallery)

    assert verdict.passed, verdict.reason


def test_a_new_gallery_is_judged_no_worse(updated: Update, record: Record) -> None:
    """With both images embedded anew, at a threshold of its own, it is no worse than the old model."""
    measured = record.add(updated.matrix())
    record.add(updated.migrated_findings())
    for person, lost, whole in updated.worst_people():
        record.note(f"{person}: {lost} of {whole} genuine pairs were accepted by the old model and are not now")
    (new,) = measured.named("accuracy", where=DEPLOYED | Conditions(reference="new-new"))

    verdict = record.judge_update(new, updated.against_old())

    assert verdict.passed, verdict.reason


def test_a_twin_answers_as_the_old_one(updated: Update, twin: TwinPrecision, record: Record) -> None:
    """An export or quantisation gives the old model's vectors and decisions, as nearly as its precision can."""
    measured = record.add(updated.twin())

    verdict = record.judge(measured.named("twin_cosine_min", "decisions_flipped"), promises=twin_limits(twin))

    assert verdict.passed, verdict.reason
