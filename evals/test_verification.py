"""Are two images of one person told from images of two? LFW's views, and matched/mismatched folders."""

import pytest

from facecheck.evaluation.estimates import (
    acquisition,
    by_fold,
    curves,
    decisions,
    distances,
    fold_standard_error,
    time_per_image,
)
from facecheck.metrics import resolvable
from fixtures.bench import Compared
from fixtures.recorder import CaseRecord

pytestmark = [pytest.mark.accuracy, pytest.mark.data("pairs")]

ALL = {"failures": "non-match"}
COMPLETED = {"failures": "left out"}


def test_pairs_are_judged_rightly(compared: Compared, record: CaseRecord) -> None:
    """At a threshold chosen on other people, the promised fraction of pairs is judged rightly."""
    assert compared.own_thresholds is not None, compared.problem
    clean = {"threshold": "clean"}
    measured = record.add_all(decisions(compared.scores, compared.own_thresholds), {**clean, **ALL})
    made = compared.scores.made
    record.add_all(decisions(compared.scores.completed(), compared.own_thresholds.take(made)), {**clean, **COMPLETED})
    for name, estimate, fold in by_fold(compared.scores, compared.dataset.pairs, compared.own_thresholds):
        record.add(name, estimate, {**clean, **ALL, "fold": fold})
    error = fold_standard_error(compared.scores, compared.dataset.pairs, compared.own_thresholds)
    if error is not None:
        record.add("accuracy_standard_error", error, {**clean, **ALL})

    verdict = record.judge(measured["accuracy"])

    assert verdict.passed, verdict.reason


def test_declared_threshold_holds(compared: Compared, record: CaseRecord) -> None:
    """At the threshold that the model's users were given, few impostors match and few genuine pairs do not."""
    if compared.declared is None:
        pytest.skip("the model declares no threshold: give torch_recognizer a threshold=")
    measured = record.add_all(decisions(compared.scores, compared.declared), {"threshold": "declared", **ALL})

    verdict = record.judge(measured["fmr"], measured["fnmr"])

    assert verdict.passed, verdict.reason


def test_genuine_and_impostor_distances_lie_apart(compared: Compared, record: CaseRecord) -> None:
    """Whatever the threshold, a genuine pair is nearer than an impostor pair as often as promised."""
    measured = {name: record.add(name, e, {**c, **ALL}) for name, e, c in compared.curve_estimates if not c}
    for name, estimate, conditions in curves(compared.scores.completed()):
        record.add(name, estimate, {**conditions, **COMPLETED})
    record.add_all(distances(compared.scores))

    verdict = record.judge(*measured.values())

    assert verdict.passed, verdict.reason


@pytest.mark.parametrize("far", [pytest.param(0.01, id="far-1-percent"), pytest.param(0.001, id="far-1-per-mille")])
def test_genuine_pairs_pass_where_few_impostors_do(compared: Compared, record: CaseRecord, far: float) -> None:
    """Letting in a fraction `far` of impostors, the promised fraction of genuine pairs is accepted."""
    impostors = int((~compared.scores.genuine).sum())
    measured = [record.add(name, e, {**c, **ALL}) for name, e, c in compared.curve_estimates if c.get("far") == far]
    if not resolvable(impostors, far, for_gate=True):
        pytest.skip(
            f"{impostors} impostor pairs: a limit at FAR {far:g} needs {30 / far:.0f}; what they show is recorded"
        )

    verdict = record.judge(*measured)

    assert verdict.passed, verdict.reason


def test_faces_are_found(compared: Compared, record: CaseRecord) -> None:
    """The detector finds a face in the promised fraction of images."""
    measured = record.add_all(acquisition(compared.embedded))
    time = time_per_image(compared.embedded)
    if time is not None:
        record.add("time_per_image_ms", time)
    record.failures("clean", compared.embedded.failures, compared.embedded.unreadable)

    verdict = record.judge(measured["fta"])

    assert verdict.passed, verdict.reason
