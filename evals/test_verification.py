"""Are images of one person distinguished from images of two? LFW's views, matched and mismatched folders, any pairs."""

import pytest

from facecheck.evaluation.evaluator import Compared
from facecheck.evaluation.views import decided, ranked, separated, warned
from facecheck.metrics import resolvable
from facecheck.plugin.record import Record
from facecheck.results.conditions import NON_MATCH, Conditions

QUESTION = "Are images of one person distinguished from images of two?"
pytestmark = [pytest.mark.eval("verification", question=QUESTION), pytest.mark.accuracy, pytest.mark.data("pairs")]


def test_pairs_are_judged_rightly(compared: Compared, record: Record) -> None:
    """At a threshold chosen on other people, the promised fraction of pairs is judged rightly."""
    assert compared.own_thresholds is not None, compared.problem
    pairs = compared.view("clean")
    overall = record.add(decided(pairs))
    record.add(decided(pairs.completed()) + compared.fold_by_fold())

    verdict = record.judge(overall.named("accuracy"))

    assert verdict.passed, verdict.reason


def test_declared_threshold_holds(compared: Compared, record: Record) -> None:
    """At the threshold that the model's users were given, few impostors match and few genuine pairs do not."""
    if compared.declared is None:
        pytest.skip("the model declares no threshold: give torch_recognizer a threshold=")
    decisions = decided(compared.view("declared"))
    measured = record.add(warned(decisions, model=compared.recognizer.name, dataset=compared.dataset.name))

    verdict = record.judge(measured.named("fmr", "fnmr"))

    assert verdict.passed, verdict.reason


def test_genuine_and_impostor_distances_lie_apart(compared: Compared, record: Record) -> None:
    """Whatever the threshold, a genuine pair is nearer than an impostor pair as often as promised."""
    measured = record.add(compared.ranked.named("auc", "eer"))
    record.add(ranked(compared.view().completed()) + separated(compared.unconditioned()))
    record.add(compared.ranked.named("eer_threshold_distance"))

    verdict = record.judge(measured)

    assert verdict.passed, verdict.reason


@pytest.mark.parametrize("far", [pytest.param(0.01, id="far-1-percent"), pytest.param(0.001, id="far-1-per-mille")])
def test_genuine_pairs_pass_where_few_impostors_do(compared: Compared, record: Record, far: float) -> None:
    """Letting in a fraction `far` of impostors, the promised fraction of genuine pairs is accepted."""
    impostors = int((~compared.scores.genuine).sum())
    measured = record.add(compared.ranked.named("tar_at_far", where=NON_MATCH | Conditions(far=far)))
    if not resolvable(impostors, far, for_gate=True):
        pytest.skip(
            f"{impostors} impostor pairs: a limit at FAR {far:g} needs {30 / far:.0f}; what they show is recorded"
        )

    verdict = record.judge(measured)

    assert verdict.passed, verdict.reason


def test_faces_are_found(compared: Compared, record: Record) -> None:
    """The detector finds a face in the promised fraction of images."""
    measured = record.add(compared.acquired())

    verdict = record.judge(measured.named("fta"))

    assert verdict.passed, verdict.reason
