"""From measurements to a verdict: what decides it, and by how much each promise was kept or missed."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecheck.gate import Limit, judge, judge_all, limit_for
from facecheck.results.measurement import Measurement
from facecheck.results.verdict import Verdict

VALUE = 0.75
MEASURED = Measurement(
    eval="verification", name="accuracy", value=VALUE, low=0.625, high=0.875, n=80, model="dlib", dataset="faces"
)
KEPT, BROKEN = 0.5, 1.0  # bounds of at_least
RANK = ("failed", "unjudged", "passed")  # what decides, first


def promise(bound: float, *, name: str = "accuracy", upper: bool = False) -> Limit:
    return Limit(eval="verification", name=name, bound=bound, upper=upper, why="it is printed on the box")


def case(outcome: str, number: int) -> tuple[Measurement, tuple[Limit, ...]]:
    """Return a measurement of a model of its own that comes out like this, with its limit."""
    measurement = dataclasses.replace(MEASURED, model=f"m{number}")
    bound = {"failed": BROKEN, "passed": KEPT}.get(outcome)
    limits = () if bound is None else (dataclasses.replace(promise(bound), model=measurement.model),)
    return measurement, limits


@given(st.lists(st.sampled_from(RANK), min_size=1, max_size=6))
def test_failed_decides_before_unjudged_and_that_before_passed(outcomes: list[str]) -> None:
    """In whatever order and number: the reason has a line for each that decided, and all judgements are kept."""
    cases = [case(outcome, number) for number, outcome in enumerate(outcomes)]
    limits = [limit for _, found in cases for limit in found]
    verdict = judge_all([measurement for measurement, _ in cases], limits, sampled=False)
    expected = min(outcomes, key=RANK.index)

    assert verdict.outcome == expected
    assert verdict.passed == (expected == "passed")
    assert [judgement.outcome for judgement in verdict.judgements] == outcomes
    deciding = [f"m{number} on faces" for number, outcome in enumerate(outcomes) if outcome == expected]
    assert [any(model in line for model in deciding) for line in verdict.reason.splitlines()] == [True] * len(deciding)


def test_a_verdict_on_nothing_is_not_green() -> None:
    """Nobody has judged, so nobody has been satisfied."""
    assert Verdict.of(()).outcome == "unjudged"
    assert not Verdict.of(()).passed


@pytest.mark.parametrize(
    ("bound", "upper", "outcome", "margin"),
    [
        pytest.param(0.5, False, "passed", 0.25, id="above-at-least"),
        pytest.param(0.75, False, "passed", 0.0, id="exactly-at-least"),
        pytest.param(1.0, False, "failed", -0.25, id="below-at-least"),
        pytest.param(1.0, True, "passed", 0.25, id="below-at-most"),
        pytest.param(0.75, True, "passed", 0.0, id="exactly-at-most"),
        pytest.param(0.5, True, "failed", -0.25, id="above-at-most"),
    ],
)
def test_a_margin_is_negative_where_the_promise_is_broken(
    bound: float,
    upper: bool,  # noqa: FBT001 - a table's column
    outcome: str,
    margin: float,
) -> None:
    """The distance from the bound, whichever way is better; the judgement carries limit and measurement."""
    limit = promise(bound, upper=upper)
    judgement = judge(MEASURED, (limit,), sampled=False)

    assert (judgement.outcome, judgement.margin) == (outcome, margin)
    assert (judgement.limit, judgement.measurement) == (limit, MEASURED)


@pytest.mark.parametrize("upper", [False, True])
def test_a_sample_that_is_let_through_still_shows_its_miss(upper: bool) -> None:  # noqa: FBT001 - both directions
    """Its interval decides the outcome, the value the margin."""
    judgement = judge(MEASURED, (promise(0.6875 if upper else 0.8125, upper=upper),), sampled=True)

    assert (judgement.outcome, judgement.margin) == ("passed", -0.0625)
    assert "missed by 0.0625" in judgement.reason


def test_a_value_that_is_no_number_has_no_margin() -> None:
    """It fails, and results.json, which holds no NaN, can still be written."""
    judgement = judge(dataclasses.replace(MEASURED, value=math.nan), (promise(0.0),), sampled=False)

    assert (judgement.outcome, judgement.margin) == ("failed", None)


def test_without_a_limit_nothing_is_judged() -> None:
    """Neither is by another metric's limit: there is no limit, no margin, and the reason says what to do."""
    others = (promise(BROKEN, name="auc"), dataclasses.replace(promise(BROKEN), dataset="lfw"))
    judgement = judge(MEASURED, others, sampled=True)

    assert limit_for(MEASURED, others) is None
    assert (judgement.outcome, judgement.limit, judgement.margin) == ("unjudged", None, None)
    assert judgement.reason.startswith("verification, dlib on faces: accuracy 0.7500")
    assert "facecheck limits" in judgement.reason
