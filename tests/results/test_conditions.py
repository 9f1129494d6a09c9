"""Conditions mean the same to everything that asks for them: limits, sweeps, comparison and messages."""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecheck.corruptions import CLEAN, Applied
from facecheck.errors import FacecheckError
from facecheck.evaluation.degradations import Point
from facecheck.gate import judge
from facecheck.results.conditions import ANY, DEPLOYED, RETUNED, Conditions
from facecheck.results.measurement import Measurement, Measurements
from facecheck.results.sweeps import RecordedSweep, SweepStep
from facecheck.results.verdict import Limit

# Few values of each, so that two that are generated often have some in common.
VALUES: dict[str, tuple[Any, ...]] = {
    "corruption": ("blur", "blur:2+jpeg:30"),
    "level": (0.0, 2.1234567),
    "severity": (0, 3),
    "threshold": ("clean", "retuned", "declared"),
    "failures": ("non-match", "left out"),
    "far": (0.001, 0.1),
    "yaw_rad": (-0.4, 0.0),
    "yaw_difference_rad": (0.0, 0.8),
    "fold": (0, 9),
    "stage": ("all", "embed"),
    "batch": (1, 32),
    "reference": ("dlib",),
    "group": ("young",),
    "other_group": ("old",),
    "rank": (1, 10),
    "fpir": (0.001, 0.1),
    "quality": ("detector", "norm"),
    "discarded": (0.0, 0.2),
    "calibration": ("none", "platt", "isotonic"),
    "probability": (0.0, 0.97),
    "recipe": ("flip+kept+score", "plain+unit+none"),
    "gallery": ("G1", "G2"),
    "sweep": ("blur", "all corruptions"),
    "levels": (5, 66),
}
NAMES = [field.name for field in dataclasses.fields(Conditions)]
WHOLE = Conditions(**{name: values[0] for name, values in VALUES.items()})

some = st.builds(Conditions, **{name: st.none() | st.sampled_from(values) for name, values in VALUES.items()})
asked = some.flatmap(
    lambda at: st.tuples(st.just(at), st.sets(st.sampled_from(NAMES)).map(lambda gone: at.without(*gone)) | some)
)


def measured(conditions: Conditions, value: float = 0.9) -> Measurement:
    return Measurement(
        eval="blur",
        name="accuracy",
        value=value,
        low=0.8,
        high=1.0,
        n=100,
        model="dlib",
        dataset="faces",
        conditions=conditions,
    )


def promise(where: Conditions, bound: float = 0.5) -> Limit:
    return Limit(eval="blur", name="accuracy", bound=bound, upper=False, why="it is printed on the box", where=where)


# One match.


@given(asked)
def test_limits_sweeps_and_measurements_match_alike(both: tuple[Conditions, Conditions]) -> None:
    """Whatever is asked for must be given with that value: a condition that is absent holds for none of them."""
    at, where = both
    found, step = measured(at), SweepStep(1, 1.0)
    sweep = RecordedSweep(
        eval="blur", dataset="faces", corruption="blur", model="dlib", steps=(step,), points={step: (found,)}
    )
    answers = {
        "Conditions.matches": at.matches(where),
        "Limit.applies_to": promise(where).applies_to(found),
        "RecordedSweep.at": sweep.at(step, "accuracy", where) is not None,
        "RecordedSweep.line": bool(sweep.line("accuracy", where)),
        "Measurements.named": bool(Measurements((found,)).named("accuracy", where=where)),
    }

    assert answers == dict.fromkeys(answers, where.as_json().items() <= at.as_json().items())


@pytest.mark.parametrize("name", NAMES)
def test_a_condition_that_is_missing_does_not_match(name: str) -> None:
    """Of every condition: asked for alone, it holds where it is given and not where it is absent or another."""
    alone = Conditions(**{name: VALUES[name][0]})

    assert WHOLE.matches(alone)
    assert not WHOLE.without(name).matches(alone)
    for other in VALUES[name][1:]:
        assert not dataclasses.replace(WHOLE, **{name: other}).matches(alone)
    assert WHOLE.without(name).matches(ANY)


@given(some, some)
def test_of_two_that_are_joined_the_second_takes_precedence(first: Conditions, second: Conditions) -> None:
    """The conditions of both hold, but for those of the first that the second gives otherwise."""
    assert (first | second).as_json() == {**first.as_json(), **second.as_json()}
    assert (first | second).matches(second)


# One identity of a corruption.


@given(st.just(0) | st.integers(1, 100) | st.floats(0.1, 100))
def test_a_level_is_written_in_one_way(level: float) -> None:
    """What a measurement says of its corruption is what its file of scores is titled, to the last digit."""
    applied = Applied("blur", level)
    at = Conditions(corruption="blur", level=level)

    assert at.corrupted == applied.identity
    assert Applied.parse(at.corrupted).identity == applied.identity
    assert Conditions.of_json(json.loads(json.dumps(at.as_json()))).corrupted == applied.identity


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        pytest.param("clean", 0, id="clean"),
        pytest.param("blur:2.1234567", 2, id="many-digits"),
        pytest.param("blur:0.30000000000000004", 1, id="as-many-as-a-float-has"),
        pytest.param("blur:2.1234567+jpeg:30", 1, id="composition"),
    ],
)
def test_a_point_of_a_sweep_is_found_by_its_corruption(text: str, severity: int) -> None:
    """Single or composed, the conditions that a sweep records give the corruption back."""
    applied = CLEAN if text == "clean" else Applied.parse(text)
    point = Point(None, None, applied, severity)  # type: ignore[arg-type]  # conditions need none

    assert point.conditions.corrupted == applied.identity == text


# One wording.


def test_a_broken_promise_words_conditions_as_all_others_do() -> None:
    """A person reads the corruption with its level, not a list of keys."""
    at = Conditions(corruption="blur", level=3, severity=3) | DEPLOYED
    judgement = judge(measured(at), (promise(ANY, bound=0.95),), sampled=False)

    assert judgement.outcome == "failed"
    assert at.in_words() == "blur 3, clean threshold"
    assert "(n = 100, blur 3, clean threshold), promised at least 0.95" in judgement.reason
    assert not [word for word in ("corruption", "severity", "3.0", "non-match") if word in judgement.reason]


@given(some)
def test_verdicts_quote_the_words_of_conditions(at: Conditions) -> None:
    """Of any measurement, whether it failed or nobody has promised anything."""
    for limits in ((promise(ANY, bound=0.95),), ()):
        assert (
            f"(n = 100{', ' if at.in_words() else ''}{at.in_words()})"
            in judge(measured(at), limits, sampled=False).reason
        )


# One form in JSON.


@given(some)
def test_conditions_come_back_from_json(at: Conditions) -> None:
    """Equal, with equal hashes and as many; what is not given is not written."""
    back = Conditions.of_json(json.loads(json.dumps(at.as_json())))

    assert (back, hash(back), len(back)) == (at, hash(at), len(at.as_json()))
    assert None not in at.as_json().values()


def test_a_number_has_one_form() -> None:
    """A whole level of a limits' file is the level that a sweep measured; a severity stays whole."""
    read = Conditions.of_json({"level": 3, "severity": 3.0})

    assert read == Conditions(level=3.0, severity=3)
    assert json.dumps(read.as_json()) == '{"level": 3.0, "severity": 3}'


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        pytest.param(
            {"yaw_diference_rad": 0.4}, r"'yaw_diference_rad' is no condition\. Did you mean yaw_d", id="name"
        ),
        pytest.param({"Level": 1}, r"'Level' is no condition\. Did you mean level", id="name-in-capitals"),
        pytest.param({"qqq": 1}, r"'qqq' is no condition\. Known: corruption, level", id="name-like-none"),
        pytest.param({"model": "dlib"}, "'model' is no condition", id="a-measurement-s-own-field"),
        pytest.param({"threshold": "cleen"}, r"threshold 'cleen' is unknown\. Did you mean clean\?", id="word"),
        pytest.param({"failures": "non-matches"}, r"'non-matches' is unknown\. Did you mean non-match\?", id="view"),
        pytest.param({"threshold": 0.6}, r"threshold 0\.6 is unknown\. Known: clean, ", id="word-a-number"),
        pytest.param({"threshold": ["clean"]}, r"threshold \['clean'\] is unknown", id="word-a-list"),
        pytest.param({"corruption": 3}, "corruption must be text, not 3", id="text-a-number"),
        pytest.param({"stage": ""}, "stage must be text, not ''", id="text-empty"),
        pytest.param({"level": "2"}, "level must be a finite number, not '2'", id="number-a-text"),
        pytest.param({"level": True}, "level must be a finite number, not True", id="number-a-bool"),
        pytest.param({"far": float("nan")}, "far must be a finite number, not nan", id="nan"),
        pytest.param({"yaw_rad": float("inf")}, "yaw_rad must be a finite number, not inf", id="infinite"),
        pytest.param({"fold": 1.5}, r"fold must be a whole number, not 1\.5", id="half-a-fold"),
    ],
)
def test_what_no_measurement_could_have_is_refused(entry: dict[str, object], message: str) -> None:
    """With the nearest name or word: a limit that matches nothing would promise nothing."""
    with pytest.raises(FacecheckError, match=message):
        Conditions.of_json(entry)


def test_names_beside_the_conditions_are_left_out_and_suggested() -> None:
    """A limits' file gives model and data set in the same table."""
    entry = {"model": "dlib", "threshold": "retuned", "failures": "non-match"}

    assert Conditions.of_json(entry, beside=("model", "dataset")) == RETUNED
    with pytest.raises(FacecheckError, match="Did you mean model"):
        Conditions.of_json({"modle": "dlib"}, beside=("model", "dataset"))
