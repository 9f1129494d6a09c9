"""Degradations: which levels a run takes, and what is measured at one level and over all, by hand."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from facecheck.alignment.aligners import AlignedBefore
from facecheck.corruptions import CORRUPTIONS, Applied
from facecheck.datasets import Dataset
from facecheck.evaluation.degradations import (
    Point,
    Sweep,
    at_level,
    chosen_levels,
    chosen_points,
    corruption_error,
    is_sampled,
    no_collapse,
    over_levels,
    pinned_reference,
    point_at,
    sweep_over,
    why_not_applied,
)
from facecheck.evaluation.evaluator import Evaluator
from facecheck.metrics.robustness import Reference
from facecheck.results.conditions import DEPLOYED, RETUNED, Conditions
from facecheck.results.measurement import Findings
from tests.support.drawn import LINE, DrawnPipeline, drawn_dataset, drawn_recognizer, two_folds

NAN = float("nan")
# At blur 1 the genuine pair of a is at 7, beyond the clean threshold of 6; at blur 2 one image of a is not found.
PLACES = {
    "clean": LINE,
    "blur:1": (0.0, 7.0, 10.0, 17.0, *LINE[4:]),
    "blur:2": (0.0, NAN, *LINE[2:]),
}


def point(applied: Applied, severity: int) -> Point:
    return point_at(Evaluator(DrawnPipeline(PLACES)), drawn_recognizer(), two_folds(), severity, applied)


def value(found: Findings, name: str, at: Conditions) -> float:
    (measured,) = [m for m in found.measured if m.name == name and m.conditions == at]
    return measured.estimate.value


# Levels.


@pytest.mark.parametrize(
    ("spec", "full", "sampled"),
    [("faces?part=pairs", False, True), ("faces?part=pairs", True, False), ("lfw:x", False, False)],
)
def test_only_the_bundled_pairs_are_sampled(spec: str, *, full: bool, sampled: bool) -> None:
    """And they are not where everything was asked for."""
    assert is_sampled(two_folds(spec=spec), full=full) == sampled


@pytest.mark.parametrize(
    ("name", "sampled", "expected"),
    [
        pytest.param("blur", False, [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 5)], id="every"),
        pytest.param("blur", True, [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 5)], id="a-small-family-whole"),
        pytest.param("upscaled", True, [0, 3, 5], id="a-variant"),
        pytest.param("gaussian_noise", True, [0, 3, 5], id="a-large-family"),
    ],
)
def test_levels_of_a_sample(name: str, sampled: bool, expected: list[object]) -> None:  # noqa: FBT001 - a case
    """Of large families and of variants clean, the middle and the worst; of the others all."""
    levels = chosen_levels(CORRUPTIONS[name], sampled=sampled)
    assert levels == expected or [severity for severity, _ in levels] == expected


def test_points_of_a_family_and_those_asked_for() -> None:
    """What the family has already is not run twice; a level between two is at the milder one's severity."""
    more = [Applied.parse(text) for text in ("blur:3", "blur:2.5", "blur:0.5", "blur:9", "blur:2+jpeg:30")]

    found = chosen_points(["blur"], sampled=True, more=more)

    assert [(severity, applied.identity) for severity, applied, _ in found[1:]] == [
        (1, "blur:1"),
        (2, "blur:2"),
        (3, "blur:3"),
        (4, "blur:4"),
        (5, "blur:5"),
        (2, "blur:2.5"),
        (1, "blur:0.5"),
        (5, "blur:9"),
        (1, "blur:2+jpeg:30"),
    ]
    assert [entry is None for _, _, entry in found] == [False] * 6 + [True] * 4


def test_severity_where_lower_levels_are_worse() -> None:
    """Resolution falls: 100 px is milder than 96, so that it is at the severity of 128."""
    found = chosen_points([], sampled=False, more=[Applied("resolution", 100.0), Applied("resolution", 32.0)])
    assert [severity for severity, _, _ in found] == [1, 5]


# One level.


def test_a_point_is_judged_at_the_clean_threshold() -> None:
    """6 for the first fold: a's pair at 7 and b's at 7 are rejected, impostor pairs stay at 10."""
    found = at_level(point(Applied("blur", 1.0), 1))
    at = Conditions(corruption="blur", level=1, severity=1)

    assert value(found, "fnmr", at | DEPLOYED) == 0.5
    assert value(found, "fmr", at | DEPLOYED) == 0.0
    assert value(found, "accuracy", at | DEPLOYED) == 0.75
    assert value(found, "accuracy_change", at) == -0.25
    assert found.notes == ()


def test_a_threshold_chosen_again_separates_them() -> None:
    """Of the second fold, from 7, 7, 10, 10: 8.5 accepts 1 and 2; the first fold keeps 6. Two of eight are wrong."""
    at = Conditions(corruption="blur", level=1, severity=1) | RETUNED
    found = at_level(point(Applied("blur", 1.0), 1))

    assert value(found, "threshold_distance", at) == (6 + 8.5) / 2
    assert value(found, "accuracy", at) == 0.75


def test_both_views_of_failures() -> None:
    """One genuine and one impostor pair fail: an FNMR of 1/4, of 0 among the completed, who are 3 and 3."""
    found = at_level(point(Applied("blur", 2.0), 2))
    at = Conditions(corruption="blur", level=2, severity=2)
    completed = Conditions(failures="left out")

    assert value(found, "fnmr", at | DEPLOYED) == 0.25
    assert value(found, "fnmr", at | DEPLOYED | completed) == 0.0
    assert value(found, "auc", at | Conditions(failures="non-match")) == (3 * 4 + 0.5) / 16
    assert value(found, "auc", at | completed) == 1.0
    assert value(found, "genuine_distance_mean", at | completed) == pytest.approx((1 + 1 + 2) / 3)
    assert value(found, "fta", at) == 0.125
    assert found.failures == (("blur:2", "a/1", ""),)


def test_no_change_is_measured_of_clean_images() -> None:
    """Severity 0 has nothing to change from."""
    assert at_level(point(Applied("blur", 0.0), 0)).named("accuracy_change").measured == ()


def test_a_composition_is_named_by_its_identity() -> None:
    """Two compositions of the same parts at other levels are two conditions."""
    applied = Applied.parse("blur:2+jpeg:30")
    pipeline = DrawnPipeline({**PLACES, applied.identity: LINE})
    made = point_at(Evaluator(pipeline), drawn_recognizer(), two_folds(), 1, applied)

    assert made.conditions == Conditions(corruption="blur:2+jpeg:30", level=1, severity=1)


# Many people.

MANY = 40


def crowd() -> Dataset:
    """Return forty people with a genuine pair and an impostor pair with the next one each, in two folds."""
    genuine = [(2 * k, 2 * k + 1) for k in range(MANY)]
    impostor = [(2 * k, (2 * k + 2) % (2 * MANY)) for k in range(MANY)]
    subjects = [f"p{k}" for k in range(MANY) for _ in range(2)]
    return drawn_dataset(subjects, [*genuine, *impostor], folds=[k % 2 for k in range(MANY)] * 2)


def crowd_at(scale: float, *, apart: float = 1.0) -> list[float]:
    """Return places, there and back, a person every 100, the second image ``apart`` from the first, times ``scale``."""
    return [
        scale * (100 * min(k, MANY - k) + (apart if second else 0)) for k in range(MANY) for second in (False, True)
    ]


def crowd_sweep(places: dict[str, list[float]], levels: list[tuple[int, float]]) -> Sweep:
    evaluator = Evaluator(DrawnPipeline(places))
    return sweep_over(evaluator, drawn_recognizer(), crowd(), CORRUPTIONS["blur"], levels)


LEVELS = [(0, 0.0), (1, 1.0), (2, 2.0)]


def crowd_points(*, worst: list[float], middle: list[float] | None = None) -> Sweep:
    clean = crowd_at(1.0)
    places = {"clean": clean, "blur:0": clean, "blur:1": middle or clean, "blur:2": worst}
    return crowd_sweep(places, LEVELS)


def test_distances_that_shrink_together_collapse() -> None:
    """At level 2 every impostor pair matches: one level survives, and the mean accuracy falls by (0 + 1/2) / 2."""
    sweep = crowd_points(worst=crowd_at(0.001))
    found = over_levels(sweep)
    at = Conditions(corruption="blur")

    assert value(found, "levels_before_collapse", at) == 1
    assert value(found, "accuracy_change", at) == -0.25
    (note,) = found.notes
    assert note.startswith("drawn on drawn: distances collapse under blur from 2 (Gaussian radius, px)")


def test_rejected_genuine_pairs_are_no_collapse() -> None:
    """Genuine pairs drift to 99, beyond every threshold: the accuracy halves, but impostors stay apart."""
    found = over_levels(crowd_points(worst=crowd_at(1.0, apart=99.0)))

    assert value(found, "levels_before_collapse", Conditions(corruption="blur")) == 2
    assert value(found, "accuracy_change", Conditions(corruption="blur")) == -0.25
    assert found.notes == ()


def test_no_collapse_is_a_lower_bound_on_all_levels() -> None:
    """Surviving the worst severity keeps the promise, one less breaks it."""
    limit = no_collapse(crowd_points(worst=crowd_at(1.0)), eval_name="blur")

    assert (limit.eval, limit.name, limit.bound, limit.upper) == ("blur", "levels_before_collapse", 2, False)
    assert limit.kept_by(2)
    assert not limit.kept_by(1)


def test_a_corruption_that_helps_is_noted() -> None:
    """Clean genuine pairs of half the people are rejected, of the degraded ones none: look for a fault."""
    broken = crowd_at(1.0)
    for person in range(MANY // 2):
        broken[2 * person + 1] = broken[2 * person] + 1000
    places = {"clean": broken, "blur:1": crowd_at(1.0)}
    helped = crowd_sweep(places, [(1, 1.0)]).points[0]

    found = at_level(helped)

    assert value(found, "accuracy_change", helped.conditions) == 0.25
    (note,) = found.notes
    assert "blur:1 raises the accuracy by 0.2500" in note
    assert "look for a fault in the clean pipeline" in note


# Corruption error.


def test_corruption_errors_by_hand() -> None:
    """Wrong: 1/4 at blur 1 and 1/4 at blur 2 over the reference's 1/2 + 1/2; none of jpeg: CE 0.5 and 0, mCE 0.25."""
    pipeline = DrawnPipeline({**PLACES, "blur:2": PLACES["blur:1"], "jpeg:30": LINE})
    evaluator, recognizer, dataset = Evaluator(pipeline), drawn_recognizer(), two_folds()
    levels = {"blur": [(0, 0.0), (1, 1.0), (2, 2.0)], "jpeg": [(0, 0.0), (1, 30.0)]}
    pipeline.places = {**pipeline.places, "blur:0": LINE, "jpeg:0": LINE}
    sweeps = {
        name: sweep_over(evaluator, recognizer, dataset, CORRUPTIONS[name], chosen) for name, chosen in levels.items()
    }
    reference = Reference("pinned", {"blur": {1.0: 0.25, 2.0: 0.75}, "jpeg": {30.0: 0.5}})

    found = corruption_error(sweeps, reference)

    at = Conditions(reference="pinned")
    assert value(found, "ce", at | Conditions(corruption="blur")) == pytest.approx(0.5)
    assert value(found, "ce", at | Conditions(corruption="jpeg")) == 0.0
    assert value(found, "mce", at) == pytest.approx(0.25)
    with pytest.raises(ValueError, match=r"pinned has no error for jpeg at \[30\.0\]"):
        corruption_error(sweeps, Reference("pinned", {"blur": {1.0: 0.25, 2.0: 0.75}}))


def test_the_pinned_reference_is_of_these_pairs(tmp_path: Path) -> None:
    """Levels become numbers; of pairs that the file does not know there are no errors."""
    file = tmp_path / "reference.json"
    errors = {two_folds().digest: {"blur": {"1": 0.25, "2.5": 0.5}}}
    file.write_text(json.dumps({"model": "dlib", "errors": errors}), encoding="utf-8")

    assert pinned_reference(file, two_folds()) == Reference("dlib", {"blur": {1.0: 0.25, 2.5: 0.5}})
    assert pinned_reference(file, crowd()) == Reference("dlib", {})


def test_sources_name_levels_first_and_the_clean_thresholds_last(tmp_path: Path) -> None:
    """The first file holds the similarities, the last the thresholds; at level 0 they are one."""
    evaluator = Evaluator(DrawnPipeline({**PLACES, "blur:0": LINE}), folder=tmp_path)
    sweep = sweep_over(evaluator, drawn_recognizer(), two_folds(), CORRUPTIONS["blur"], LEVELS)
    clean, *degraded = (each.degraded.source for each in sweep.points)

    assert sweep.sources == (*degraded, clean)
    assert sweep.points[1].sources == (degraded[0], clean)
    assert sweep.points[0].sources == (clean,)
    assert np.unique([clean, *degraded]).size == 3


@pytest.mark.parametrize(
    ("applied", "expected"),
    [
        (["resolution:0"], ""),
        (["blur:3", "upscaled:48"], ""),
        (["blur:3", "resolution:48"], "resolution makes them smaller"),
        (["blur:3+study_resolution:48"], "study_resolution makes them smaller"),
    ],
)
def test_crops_that_were_cut_before_cannot_become_smaller(applied: list[str], expected: str) -> None:
    """A model that aligns whole pictures is judged under all of them."""
    given = [Applied.parse(each) if not each.endswith(":0") else Applied(each[:-2], 0) for each in applied]
    usual = drawn_recognizer()
    before = dataclasses.replace(usual, aligner=AlignedBefore(usual.aligner))

    assert why_not_applied(usual, given) == ""
    told = why_not_applied(before, given)
    assert expected in told
    assert bool(told) == bool(expected)
