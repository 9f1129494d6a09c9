"""Measurements of levels put together into sweeps, whoever recorded them and in whatever order."""

import dataclasses
import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecheck.corruptions import CORRUPTIONS
from facecheck.results import wording
from facecheck.results.catalogue import METRICS
from facecheck.results.conditions import ANY, COMPLETED, DEPLOYED, NON_MATCH, RETUNED, Conditions
from facecheck.results.measurement import Measurement
from facecheck.results.sweeps import SweepStep, recorded_sweeps
from facecheck.results.verdict import Limit
from tests.support.runs import DLIB, FACENET, STUDIES, made_run


def measured(conditions: Conditions, value: float = 0.9, *, model: str = "dlib", name: str = "accuracy") -> Measurement:
    return Measurement(
        eval="blur",
        name=name,
        value=value,
        low=value,
        high=value,
        n=9,
        model=model,
        dataset="faces",
        conditions=conditions,
    )


def at(level: float, severity: int | None = None, corruption: str = "blur", more: Conditions = ANY) -> Conditions:
    return Conditions(corruption=corruption, level=level, severity=severity) | more


def test_levels_stand_in_the_order_of_severity() -> None:
    """Pixels of a resolution run downwards; the clean image comes first and is called so."""
    levels = enumerate((0, 128, 96, 64, 48, 32))
    (sweep,) = recorded_sweeps([measured(at(level, severity, "resolution")) for severity, level in levels][::-1])

    assert [step.label for step in sweep.steps] == ["clean", "128", "96", "64", "48", "32"]
    assert [step.severity for step in sweep.steps] == list(range(6))
    assert [step.level for step in sweep.degraded] == [128, 96, 64, 48, 32]


def test_levels_that_were_not_run_leave_a_gap() -> None:
    """A sample runs every second level: severity tells where the others would be."""
    (sweep,) = recorded_sweeps([measured(at(level, level)) for level in (0, 1, 3, 5)])

    assert [step.severity for step in sweep.steps] == [0, 1, 3, 5]


@pytest.mark.parametrize(
    ("corruption", "levels", "order"),
    [
        pytest.param("resolution", (32, 0, 128), [0, 128, 32], id="as-the-table-has-it"),
        pytest.param("of-another-version", (3, 0, 1), [0, 1, 3], id="unknown-by-size"),
        pytest.param("resolution", (32, 0, 128, 200), [0, 200, 128, 32], id="unknown-level-in-its-place"),
    ],
)
def test_levels_without_a_severity_are_ordered(corruption: str, levels: tuple[float, ...], order: list[float]) -> None:
    """Older runs did not record it."""
    (sweep,) = recorded_sweeps([measured(at(level, None, corruption)) for level in levels])

    assert [step.level for step in sweep.steps] == order
    assert [step.severity for step in sweep.steps] == list(range(len(order)))


def test_what_was_measured_once_on_clean_images_belongs_to_every_corruption() -> None:
    """Of the same model and eval; one of its own comes first."""
    found = recorded_sweeps(
        [
            measured(at(0, 0), 0.95),
            measured(at(1, 1), 0.8),
            measured(at(1, 1, "jpeg"), 0.7),
            measured(at(0, 0, "webp"), 0.96),
            measured(at(1, 1, "webp"), 0.6),
            measured(at(1, 1, "jpeg"), 0.5, model="other"),
        ]
    )
    clean = {(s.corruption, s.model): s.at(s.steps[0], "accuracy") for s in found}

    assert {key: m.value if m else None for key, m in clean.items()} == {
        ("blur", "dlib"): 0.95,
        ("jpeg", "dlib"): 0.95,
        ("webp", "dlib"): 0.96,
        ("jpeg", "other"): None,
    }


def test_a_corruption_at_its_clean_level_alone_is_none() -> None:
    """What was measured there still is the clean value of the others."""
    (sweep,) = recorded_sweeps([measured(at(0, 0), 0.95), measured(at(1, 1, "jpeg"), 0.8)])

    assert sweep.corruption == "jpeg"
    assert sweep.change("accuracy") == {SweepStep(1, 1.0): pytest.approx(-0.15)}


def test_a_change_is_taken_against_clean() -> None:
    """Of the same conditions; without a clean value there is none."""
    (sweep,) = recorded_sweeps([measured(at(s, s) | DEPLOYED, 0.9 - 0.1 * s) for s in range(3)])

    assert sweep.change("accuracy", DEPLOYED) == {
        SweepStep(1, 1.0): pytest.approx(-0.1),
        SweepStep(2, 2.0): pytest.approx(-0.2),
    }
    assert sweep.change("accuracy", RETUNED) == {}
    (alone,) = recorded_sweeps([measured(at(1, 1))])
    assert alone.change("accuracy") == {}


def test_what_a_measurement_does_not_say_does_not_hold() -> None:
    """For sweeps as for limits: a condition that is asked for and absent is no match, nor is another value."""
    steps = [
        measured(at(1, 1, more=Conditions(threshold="clean"))),
        measured(at(1, 1, more=Conditions(threshold="clean", failures="left out"))),
    ]
    (sweep,) = recorded_sweeps(steps)
    limit = Limit(eval="blur", name="accuracy", bound=0.5, upper=False, why="", where=DEPLOYED)

    assert sweep.at(SweepStep(1, 1.0), "accuracy", DEPLOYED) is None
    assert not any(limit.applies_to(step) for step in steps)


def test_corruptions_stand_in_the_order_of_their_table() -> None:
    """Not of their names; those of another version come last, under their own name."""
    names = ["zebra_stripes", *list(CORRUPTIONS)[::-1]]
    found = recorded_sweeps([measured(at(1, 1, name)) for name in names])

    assert [sweep.corruption for sweep in found] == [*CORRUPTIONS, "zebra_stripes"]
    assert (found[-1].title, found[-1].unit, found[-1].place) == ("zebra stripes", "", len(CORRUPTIONS))
    assert (found[0].title, found[0].unit) == (CORRUPTIONS["blur"].title, CORRUPTIONS["blur"].unit)


def test_what_is_no_level_is_no_sweep() -> None:
    """Verification, errors of a whole corruption, and a level of no corruption."""
    others = [ANY, Conditions(corruption="blur"), Conditions(level=2.0)]

    assert not any(conditions.is_swept for conditions in others)
    assert recorded_sweeps([measured(conditions) for conditions in others]) == []


@functools.cache
def recorded() -> tuple[Measurement, ...]:
    run = made_run([DLIB, FACENET], {"blur": {"blur": (0, 1, 3)}, "resolution": STUDIES["resolution"]})
    return tuple(m for m in run.run.measurements if m.name in {"accuracy", "eer"})


@given(seed=st.integers(0, 1000))
def test_the_order_of_measurements_does_not_matter(seed: int) -> None:
    """Cases end in any order under xdist."""
    found = recorded()
    shuffled = [found[i] for i in np.random.default_rng(seed).permutation(len(found))]

    for one, other in zip(recorded_sweeps(found), recorded_sweeps(shuffled), strict=True):
        assert (one.model, one.corruption, one.steps) == (other.model, other.corruption, other.steps)
        for name, where in (("accuracy", DEPLOYED), ("accuracy", RETUNED), ("eer", NON_MATCH)):
            assert one.line(name, where) == other.line(name, where)


# The words of measurements.


@pytest.mark.parametrize(
    ("name", "conditions", "title"),
    [
        pytest.param("accuracy", ANY, "accuracy", id="bare"),
        pytest.param("accuracy", Conditions(threshold="declared"), "accuracy, declared threshold", id="threshold"),
        pytest.param("fnmr", COMPLETED, "false non-match rate, completed only", id="completed"),
        pytest.param("fnmr", NON_MATCH, "false non-match rate", id="usual"),
        pytest.param("tar_at_far", Conditions(far=0.001), "TAR at FAR 0.001", id="far"),
        pytest.param("accuracy", at(3, 3), "accuracy, blur 3", id="corrupted"),
        pytest.param("ce", Conditions(corruption="fog"), f"{METRICS['ce'].title}, fog", id="whole-corruption"),
        pytest.param(
            "fnmr", Conditions(yaw_difference_rad=0.4), "false non-match rate, yaw difference 0.4 rad", id="yaw"
        ),
        pytest.param(
            "latency_ms", Conditions(stage="all", batch=1), "latency at batch 1, all stages, batch 1", id="stage"
        ),
        pytest.param("from_the_future", Conditions(fold=3), "from the future, fold 3", id="unknown"),
    ],
)
def test_measurements_are_called_by_their_metric_and_conditions(name: str, conditions: Conditions, title: str) -> None:
    """What is usual is not said, and what this version does not know stands for itself."""
    assert wording.title(name, conditions) == title


def test_different_measurements_are_called_differently() -> None:
    """No two measurements of one model and eval share a title: a table would mix them."""
    run = made_run([DLIB], STUDIES)
    titles = [(m.eval, wording.title(m.name, m.conditions)) for m in run.run.measurements]

    assert len(set(titles)) == len(titles)
    assert wording.capital("") == ""
    assert dataclasses.is_dataclass(wording.metric("from_the_future"))
