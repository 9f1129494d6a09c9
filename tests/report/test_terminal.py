"""The text at the end of a run: every line of it, for records worked by hand and for whole sweeps."""

import dataclasses
import itertools
from pathlib import Path

import pytest

from facecheck.report.terminal import table
from facecheck.results.change import Against, Change
from facecheck.results.conditions import ANY, COMPLETED, DEPLOYED, NON_MATCH, Conditions
from facecheck.results.measurement import Measurement
from facecheck.results.run import FailedImage, Failures, Run
from facecheck.results.verdict import Judgement, Limit, Outcome, Verdict
from tests.support.runs import DLIB, EDGEFACE, EVERYTHING, FACENET, MOBILE, XXS, Model, made_run

WORSE = Change(dataset="faces", name="eer", conditions=ANY, outcome="worse", before=0.1, after=0.2, gain=-0.1)


def measured(name: str, value: float, conditions: Conditions = ANY, **about: str) -> Measurement:
    fields = {"eval": "blur", "model": "dlib", "dataset": "faces", **about}
    return Measurement(
        eval=fields["eval"],
        name=name,
        value=value,
        low=value,
        high=value,
        n=100,
        model=fields["model"],
        dataset=fields["dataset"],
        conditions=conditions,
    )


def accuracy(corruption: str, severity: int, value: float, level: float | None = None) -> Measurement:
    at = Conditions(corruption=corruption, level=severity if level is None else level, severity=severity)
    return measured("accuracy", value, at | DEPLOYED)


def lines(*measurements: Measurement, **more: object) -> list[str]:
    run = dataclasses.replace(Run(measurements=measurements), **more)  # type: ignore[arg-type]
    return table(run, folder=Path("reports/a run"))


def failed(model: str, corrupted: str, *images: str) -> Failures:
    """Return failures on the data set; a text with a colon is the reason of an image that cannot be read."""
    named = tuple(FailedImage(name=text.partition(": ")[0], reason=text if ": " in text else "") for text in images)
    return Failures(model=model, dataset="faces", corrupted=corrupted, images=named)


def robustness(*measurements: Measurement) -> list[str]:
    """Return the words of the only row of the only eval."""
    (row,) = (line for line in lines(*measurements) if line.startswith("dlib"))
    return row.split()


def test_headlines_stand_in_a_row_a_model_and_data_set() -> None:
    """A table an eval; columns that nobody fills are left out; fractions have four digits, times one."""
    found = lines(
        measured("accuracy", 0.98765, DEPLOYED, eval="verification"),
        measured("accuracy", 0.9, DEPLOYED | COMPLETED, eval="verification"),
        measured("latency_ms", 41.26, Conditions(stage="all", batch=1), eval="timing"),
        measured("auc", 0.75, NON_MATCH, eval="pose", dataset="strips"),
    )

    assert found == [
        "",
        "verification",
        "model  data set  accuracy",
        "dlib   faces       0.9877",
        "",
        "pose",
        "model  data set  AUC turned",
        "dlib   strips        0.7500",
        "",
        "timing",
        "model  data set  latency ms",
        "dlib   faces           41.3",
    ]


def test_each_eval_has_its_headlines() -> None:
    """Of several attributes the worst ratio; bits and fractions have four digits, ratios two; 80 letters at most."""
    model = "a-model-whose-name-is-as-long-as-forty-odd"
    found = lines(
        *(
            measured(name, value, at, eval=eval_name, model=model)
            for eval_name, name, value, at in (
                ("identification", "identification_rate", 0.5, Conditions(rank=5)),
                ("identification", "identification_rate", 0.9884, Conditions(rank=1)),
                ("identification", "fnir", 0.0671, Conditions(fpir=0.1)),
                ("identification", "fnir", 0.2477, Conditions(fpir=0.01)),
                ("groups", "fnmr_worst_ratio", 1.2, Conditions(group="sex")),
                ("groups", "fnmr_worst_ratio", 1.404, Conditions(group="age_group")),
                ("quality", "edc_area", 0.0223, Conditions(quality="detector")),
                ("calibration", "cllr", 0.1456, Conditions(calibration="platt")),
                ("calibration", "ece", 0.0083, Conditions(calibration="platt")),
                ("templates", "tar_at_far", 0.96, Conditions(far=1e-4)),
            )
        )
    )
    text = " ".join(" ".join(found).split())

    assert "rank 1 FNIR@10% FNIR@1%" in text
    assert "0.9884 0.0671 0.2477" in text
    assert "FNMR ratio" in text
    assert "1.40" in text
    assert "1.20" not in text
    assert "0.1456 0.0083" in text
    assert "TAR@1e-4" in text
    assert max(map(len, found)) <= 80


def test_a_corruption_costs_what_its_levels_cost() -> None:
    """Clean 0.9; the drops 0.1 and 0.3 have the mean 0.2; the worst level is named with its value."""
    row = robustness(accuracy("blur", 0, 0.9), accuracy("blur", 1, 0.8), accuracy("blur", 2, 0.6))

    assert row == ["dlib", "faces", "1", "0.9000", "0.2000", "0.6000", "blur", "2"]


def test_each_corruption_counts_once_however_many_levels_it_has() -> None:
    """Mean drops 0.2 of two levels and 0.4 of one make 0.3."""
    row = robustness(
        *(accuracy("blur", severity, value) for severity, value in enumerate((0.9, 0.8, 0.6))),
        accuracy("fog", 0, 0.9),
        accuracy("fog", 1, 0.5),
    )

    assert row == ["dlib", "faces", "2", "0.9000", "0.3000", "0.5000", "fog", "1"]


def test_the_worst_level_of_a_downward_scale_is_named_by_its_level() -> None:
    """Resolution counts pixels: the level stands in the text, not the severity."""
    row = robustness(accuracy("resolution", 0, 0.9, 0.0), accuracy("resolution", 1, 0.7, 32.0))

    assert row[-2:] == ["resolution", "32"]


@pytest.mark.parametrize(
    ("survived", "told"),
    [
        pytest.param(2.0, "never", id="all-levels"),
        pytest.param(1.0, "blur 2", id="at-the-worst"),
        pytest.param(0.0, "blur 1", id="at-once"),
    ],
)
def test_the_level_at_which_distances_collapse_is_named(survived: float, told: str) -> None:
    """The first level after those that were survived."""
    sweep = [accuracy("blur", severity, value) for severity, value in enumerate((0.9, 0.8, 0.6))]
    found = lines(*sweep, measured("levels_before_collapse", survived, Conditions(corruption="blur")))

    assert found[-2].endswith("collapses")
    assert found[-1].endswith(f"  {told}")


def test_many_collapses_are_counted() -> None:
    """Two by name, the rest in number."""
    found = lines(
        *(accuracy(name, severity, 0.9) for name in ("blur", "fog", "snow", "frost") for severity in (0, 1)),
        *(
            measured("levels_before_collapse", 0.0, Conditions(corruption=name))
            for name in ("blur", "fog", "snow", "frost")
        ),
    )

    assert [line.split("  ")[-1].strip() for line in found[-2:]] == ["blur 1, snow 1", "and 2 more"]


def test_the_mean_corruption_error_stands_beside_its_eval() -> None:
    """Of the same model, eval and data set only."""
    found = lines(
        accuracy("fog", 0, 0.9),
        accuracy("fog", 1, 0.8),
        measured("mce", 0.871),
        measured("mce", 0.5, dataset="others"),
        measured("mce", 0.6, model="other"),
    )
    row = next(line for line in found if line.startswith("dlib   faces"))

    assert row.split() == ["dlib", "faces", "1", "0.9000", "0.1000", "0.87", "0.8000", "fog", "1"]


@pytest.mark.parametrize("models", [[DLIB, FACENET], [DLIB, FACENET, EDGEFACE, XXS, MOBILE]], ids=len)
def test_sweeps_of_every_corruption_stay_readable(models: list[Model]) -> None:
    """Thirty-three corruptions: a table an eval with a row a model, no line wider than a terminal."""
    run = made_run(models, EVERYTHING).run
    found = table(run, folder=Path())
    headed = [above for above, line in itertools.pairwise(found) if line.startswith("model  ")]

    assert max(map(len, found)) <= 80
    assert headed[:2] == ["verification", "timing"]
    assert len(headed) == 2 + len(EVERYTHING)
    for name in EVERYTHING:
        assert sum(line == name or line.startswith(f"{name}:") for line in found) == 1
    assert all(sum(line.startswith(f"{model.name} ") for line in found) == len(headed) for model in models)


def test_what_failed_stands_first_and_what_is_red_before_what_is_not() -> None:
    """Promises that were missed, errors with the case's name, then the comparison; twelve at most."""
    judged = measured("eer", 0.2, NON_MATCH, eval="verification")
    limit = Limit(eval="verification", name="eer", bound=0.1, upper=True, why="w")
    missed = Judgement(measurement=judged, outcome="failed", reason=f"eer of {'x' * 90} missed by 0.1", limit=limit)
    verdicts = (
        Verdict(outcome="passed", reason=""),
        Verdict.of([missed]),
        Verdict(outcome="failed", reason="\nBoom\nat once", case="evals/t.py::t[a]"),
    )
    green = Against(model="g", line="l", baseline="run 1", red=("worse",))
    red = dataclasses.replace(green, model="r", changes=(WORSE,))
    found = lines(judged, verdicts=verdicts, against=(green, red))

    assert found[:3] == ["FAILED: eer of", f"  {'x' * 90}", "  missed by 0.1"]
    assert found[3] == "FAILED: evals/t.py::t[a]: Boom"
    assert found[4] == "r against run 1: 1 worse"
    assert found.index("RED: r against its baseline: 1 worse") < found.index("g against run 1: nothing in common")
    assert found.index("g against run 1: nothing in common") < found.index("verification")
    assert found[-1] == "1 passed, 2 failed"
    assert "  ... and 8 more; results.json has them" in lines(verdicts=verdicts[2:] * 20)


def test_notes_stand_under_the_table_and_before_the_failures() -> None:
    """In their order, each on a line."""
    found = lines(
        measured("accuracy", 0.9, DEPLOYED, eval="verification"),
        notes=("first", "second"),
        failures=(failed("dlib", "clean", "a.jpg"),),
    )

    assert found[4:] == [
        "note: first",
        "note: second",
        "no face, or not readable, for dlib on faces, clean (1): a.jpg",
    ]


def test_failures_are_named_on_clean_images_and_counted_under_corruptions() -> None:
    """Hundreds of conditions make one line a model; images that cannot be read come first."""
    found = lines(
        failures=(
            failed("dlib", "clean", "b", "a", "c: cannot be read", "d", "e", "f"),
            failed("dlib", "blur:4", "a", "b"),
            failed("dlib", "blur:5", "a", "b", "c"),
            failed("facenet", "fog:1", "a"),
        )
    )

    assert found == [
        "no face, or not readable, for dlib on faces, clean (6): c: cannot be read; b; a;",
        "  d; e; and 1 more",
        "no face, or not readable, for dlib on faces under 2 conditions, most under",
        "  blur:5 (3); results.json names them",
        "no face, or not readable, for facenet on faces under fog:1 (1); results.json",
        "  names them",
    ]


def test_verdicts_are_counted_and_skips_explained() -> None:
    """Equal reasons once, with their number."""
    ended: list[tuple[Outcome, str]] = [
        ("passed", ""),
        ("skipped", "Skipped: no folds"),
        ("skipped", "Skipped: no folds"),
        ("unjudged", "no limit applies"),
    ]
    verdicts = tuple(Verdict(outcome=outcome, reason=reason) for outcome, reason in ended)

    assert lines(verdicts=verdicts) == [
        "skipped (2): no folds",
        "unjudged (1): no limit applies. To propose some from this run:",
        "  facecheck limits 'reports/a run' --why REASON",
        "1 passed, 1 unjudged, 2 skipped",
    ]


def test_unjudged_cases_are_named_by_model_and_data_set() -> None:
    """Five at most."""
    them = [measured("fta", 0.1, model=f"m{number}") for number in range(7)]
    judgements = [Judgement(measurement=each, outcome="unjudged", reason="no limit applies") for each in them]
    verdicts = tuple(Verdict.of([judgement]) for judgement in judgements)

    *told, command, _ = lines(verdicts=verdicts)

    names = ", ".join(f"m{number} on faces" for number in range(5))
    assert " ".join(map(str.strip, told)).startswith(f"unjudged (7), {names} and 2 more: no limit applies. To propose")
    assert command.startswith("  facecheck limits ")
