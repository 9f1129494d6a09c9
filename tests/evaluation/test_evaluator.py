"""The evaluator: every comparison once a run, at thresholds of other people, kept under its own name."""

from pathlib import Path

import numpy as np
import pytest

from facecheck.corruptions import Applied
from facecheck.evaluation.evaluator import Compared, Evaluator
from facecheck.results.conditions import DEPLOYED, NON_MATCH, RETUNED, Conditions
from tests.support.drawn import LINE, DrawnPipeline, drawn_dataset, drawn_recognizer, two_folds

NAN = float("nan")
BLUR = Applied("blur", 2.0)
# Image 1 of person a is not found: its genuine pair and one impostor pair fail.
PIPELINE = {"clean": LINE, "blur:2": (0.0, NAN, *LINE[2:])}


def compared(corruption: Applied | None = None, *, threshold: float | None = None) -> Compared:
    evaluator = Evaluator(DrawnPipeline(PIPELINE))
    recognizer = drawn_recognizer(threshold=threshold)
    return evaluator.compare(recognizer, two_folds(), *([corruption] if corruption else []))


def test_each_comparison_is_made_once() -> None:
    """Of one model, data set and corruption, however many cases ask; another model or data set is another one."""
    pipeline = DrawnPipeline(PIPELINE)
    evaluator, first, second = Evaluator(pipeline), drawn_recognizer("first"), drawn_recognizer("second")

    made = [evaluator.compare(first, two_folds()) for _ in range(3)]
    evaluator.compare(first, two_folds(), BLUR)
    evaluator.compare(second, two_folds())
    evaluator.compare(first, two_folds(spec="pairs:other"))

    assert made[0] is made[1] is made[2]
    assert pipeline.asked == ["first clean", "first blur:2", "second clean", "first clean"]


def test_thresholds_are_those_of_the_other_fold() -> None:
    """Half-way between 2 and 10, and between 1 and 10: 6 for the first fold and 5.5 for the second."""
    found = compared()

    assert found.scores.similarity.tolist() == [-1, -1, -10, -10, -1, -2, -10, -11]
    assert found.own_thresholds is not None
    assert found.own_thresholds.of_pair.tolist() == [-6.0] * 4 + [-5.5] * 4
    assert found.problem == ""


def test_failures_are_non_matches() -> None:
    """Both pairs of the image without a face."""
    assert compared(BLUR).scores.similarity.tolist() == [-np.inf, -1, -10, -np.inf, -1, -2, -10, -11]


@pytest.mark.parametrize(
    ("folds", "places", "problem"),
    [
        pytest.param(None, LINE[:4], "the data set has no folds", id="no-folds"),
        pytest.param([0, 0], LINE[:4], "no threshold can be chosen: 1 fold", id="one-fold"),
        pytest.param([0, 1], [NAN] * 4, "no threshold can be chosen: no comparison was completed", id="no-face"),
    ],
)
def test_why_there_is_no_threshold(folds: list[int] | None, places: list[float], problem: str) -> None:
    """The reason is kept, and nothing is measured fold by fold."""
    dataset = drawn_dataset("aabb", [(0, 1), (0, 2)], folds=folds)

    found = Evaluator(DrawnPipeline({"clean": places})).compare(drawn_recognizer(), dataset)

    assert found.own_thresholds is None
    assert found.problem.startswith(problem)
    assert found.fold_by_fold().measured == ()


def test_views_differ_in_threshold_and_conditions() -> None:
    """Clean and retuned thresholds are the folds' own, the declared one is the model's."""
    found = compared(threshold=1.5)

    assert found.view().thresholds is None
    assert found.view().conditions == NON_MATCH
    assert found.view("clean").conditions == DEPLOYED
    assert found.view("retuned").conditions == RETUNED
    declared = found.view("declared")
    assert declared.conditions == Conditions(threshold="declared", failures="non-match")
    assert declared.thresholds is not None
    assert declared.thresholds.of_pair.tolist() == [-1.5] * 8
    assert len(found.unconditioned().conditions) == 0
    assert compared().declared is None
    assert compared().view("declared").thresholds is None


def test_folds_by_hand() -> None:
    """Half of the first fold's pairs are right and 3 of 4 of the second's; S_E is their deviation over root 2."""
    pipeline = DrawnPipeline({"clean": (0.0, 9.0, 10.0, 11.0, *LINE[4:])})  # distances 9, 1, 10, 2; then as drawn
    dataset = two_folds()
    found = Evaluator(pipeline).compare(drawn_recognizer(), dataset)
    assert found.own_thresholds is not None
    assert found.own_thresholds.of_pair.tolist()[0] == -6.0  # of the second fold: half-way between 2 and 10

    measured = {(m.name, m.conditions.fold): m.estimate.value for m in found.fold_by_fold().measured}

    assert measured["accuracy", 0] == 0.5  # the genuine pair at 9 is rejected, the impostor pair at 2 is accepted
    right = measured["accuracy", 1]
    assert right == 0.75  # at 1, or half-way to 2: the genuine pair at 2 is rejected
    assert measured["accuracy_standard_error", None] == pytest.approx(0.25 / 2**0.5 / 2**0.5)


def test_acquisition_by_hand() -> None:
    """Seven of eight images are found; the one that is not is named with its corruption; 5 ms each."""
    found = compared(BLUR).acquired()

    values = {m.name: m.estimate.value for m in found.measured}
    assert values == {"fta": 0.125, "detection_rate": 0.875, "time_per_image_ms": 5.0}
    assert found.failures == (("blur:2", "a/1", ""),)


def test_ranked_is_measured_once() -> None:
    """Clean comparisons are apart: AUC 1; with a failed genuine pair 3 of 4 win all, and the failed one ties one."""
    found = compared()
    assert found.ranked is found.ranked
    assert {m.name: m.estimate.value for m in found.ranked.measured}["auc"] == 1.0
    blurred = {m.name: m.estimate.value for m in compared(BLUR).ranked.measured}
    assert blurred["auc"] == pytest.approx((3 * 4 + 0.5) / 16)


def test_scores_are_kept_once_under_a_name(tmp_path: Path) -> None:
    """The comparison names its file, and the file lies in the run's folder; without a folder there is none."""
    evaluator = Evaluator(DrawnPipeline(PIPELINE), folder=tmp_path)
    clean = evaluator.compare(drawn_recognizer(), two_folds())
    files = list(tmp_path.rglob("*.npz"))

    assert len(files) == 1
    assert clean.sources == (clean.source,)
    assert Path(clean.source).stem in files[0].name
    with np.load(files[0]) as kept:
        held = [kept[name].tolist() for name in kept.files if kept[name].shape == (8,) and kept[name].dtype.kind == "f"]
    assert [-1.0, -1.0, -10.0, -10.0, -1.0, -2.0, -10.0, -11.0] in held
    assert [-6.0] * 4 + [-5.5] * 4 in held
    assert compared().sources == ()


def test_the_content_is_hashed_once() -> None:
    """Of each data set."""
    evaluator = Evaluator(DrawnPipeline(PIPELINE))
    assert evaluator.content(two_folds()) == evaluator.content(two_folds()) == "8 drawn"
