"""Limits proposed from a run are limits that the run keeps."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from facecheck.gate import judge_all, read_limits
from facecheck.gate.propose import proposed
from facecheck.results.conditions import Conditions
from facecheck.results.measurement import Measurement


def measurement(name: str, value: float, *, model: str = "dlib", noun: str = "blur", **conditions: Any) -> Measurement:  # noqa: ANN401
    """Return a measurement whose interval reaches .02 to both sides."""
    return Measurement(
        eval=noun, name=name, value=value, low=value - 0.02, high=value + 0.02, n=10_000, model=model, dataset="faces",
        conditions=Conditions(**conditions),
    )  # fmt: skip


JUDGED = [
    measurement("accuracy", 0.95, corruption="blur", level=0.0, severity=0, threshold="clean", failures="non-match"),
    measurement("accuracy", 0.90, corruption="blur", level=1.0, severity=1, threshold="clean", failures="non-match"),
    measurement("accuracy", 0.80, corruption="tilt", level=2.5, severity=1, threshold="clean", failures="non-match"),
    measurement("accuracy", 0.70, corruption="blur:2+jpeg:30", level=1.0, severity=1, threshold="clean"),
    measurement("fta", 0.01, corruption="blur", level=1.0, severity=1),
    measurement("levels_before_collapse", 4.0, corruption="blur"),
    measurement("tar_at_far", 0.88, noun="verification", far=0.01, failures="non-match"),
    measurement("accuracy", 0.85, model="mine", corruption="blur", level=1.0, severity=1, threshold="clean"),
]


@pytest.mark.parametrize("any_model", [False, True])
def test_what_is_proposed_is_read_and_kept(tmp_path: Path, any_model: bool) -> None:  # noqa: FBT001 - a parameter of the case
    """The text is a limits' file, each measurement is covered by it, and keeps it."""
    path = tmp_path / "limits.toml"
    path.write_text(proposed(JUDGED, reason="measured today", any_model=any_model), encoding="utf-8")

    limits = read_limits(path)

    verdict = judge_all(JUDGED, limits, sampled=False)
    assert verdict.passed, verdict.reason
    assert all(limit.why == "measured today" for limit in limits)
    assert all((limit.model is None) is any_model for limit in limits)


def test_a_bound_lies_half_way_to_the_end_of_the_interval(tmp_path: Path) -> None:
    """Worse by the whole interval fails; so does a collapse one level earlier."""
    path = tmp_path / "limits.toml"
    path.write_text(proposed(JUDGED, reason="measured today"), encoding="utf-8")
    limits = read_limits(path)
    by_name = {(limit.name, limit.model, limit.where.corruption, limit.where.level): limit.bound for limit in limits}

    assert by_name["accuracy", "dlib", "blur", 0.0] == 0.94
    assert by_name["accuracy", "dlib", "blur", 1.0] == 0.89
    assert by_name["fta", "dlib", "blur", 1.0] == 0.02
    assert by_name["levels_before_collapse", "dlib", "blur", None] == 4


def test_two_comparisons_may_change_sides(tmp_path: Path) -> None:
    """Of few comparisons one is a large fraction: without slack a bound still leaves room for two."""
    few = dataclasses.replace(JUDGED[0], n=100)
    path = tmp_path / "limits.toml"
    path.write_text(proposed([few], reason="measured today", slack=0.0), encoding="utf-8")

    (limit,) = read_limits(path)

    assert limit.kept_by(few.value - 2 / 100)
    assert not limit.kept_by(few.value - 3 / 100)


def test_for_any_model_the_weakest_decides(tmp_path: Path) -> None:
    """A model without limits of its own is held to the weakest of those that were measured."""
    path = tmp_path / "limits.toml"
    path.write_text(proposed(JUDGED, reason="measured today", any_model=True), encoding="utf-8")

    bounds = {(limit.name, limit.where.corruption, limit.where.level): limit.bound for limit in read_limits(path)}

    assert bounds["accuracy", "blur", 1.0] == 0.84
