"""The gate: which limit speaks, when it is kept, and the words in which it says so."""

import dataclasses
import math
import os
from pathlib import Path
from typing import Any

import pytest

from facecheck.gate import Limit, LimitsError, absent_evals, judge, judge_all, read_limits, unmatched
from facecheck.results.conditions import Conditions
from facecheck.results.measurement import Measurement

ACCURACY = Measurement(
    eval="verification",
    name="accuracy",
    value=0.98,
    low=0.97,
    high=0.99,
    n=6000,
    model="dlib",
    dataset="lfw",
    conditions=Conditions(threshold="declared", level=2),
)
EER = dataclasses.replace(ACCURACY, name="eer", value=0.02, low=0.01, high=0.03, conditions=Conditions())


def limit(name: str, bound: float, why: str, *, upper: bool, where: dict[str, Any]) -> Limit:
    model, dataset = where.pop("model", None), where.pop("dataset", None)
    at = Conditions(**where)
    return Limit(
        eval="verification", name=name, bound=bound, upper=upper, why=why, model=model, dataset=dataset, where=at
    )


def at_least(bound: float, why: str = "users were told", **where: str | float) -> Limit:
    return limit("accuracy", bound, why, upper=False, where=where)


def at_most(bound: float, why: str = "users were told", **where: str | float) -> Limit:
    return limit("eer", bound, why, upper=True, where=where)


# The file.


def limits_file(folder: Path, text: str) -> Path:
    path = folder / "limits.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_limits_are_read(tmp_path: Path) -> None:
    """Both bounds, with and without where, whole and decimal numbers, in the order of the file."""
    path = limits_file(
        tmp_path,
        """
        [[limit]]
        eval = "verification"
        name = "accuracy"
        at_least = 0.98
        where = { model = "dlib", level = 2 }
        why = "the published number"

        [[limit]]
        eval = "timing"
        name = "latency_ms"
        at_most = 40
        why = "a door opens in time"
        """,
    )
    first, second = read_limits(path)
    assert first == Limit(
        eval="verification",
        name="accuracy",
        bound=0.98,
        upper=False,
        model="dlib",
        where=Conditions(level=2),
        why="the published number",
    )
    assert second == Limit(eval="timing", name="latency_ms", bound=40.0, upper=True, why="a door opens in time")


KEYS = "expected eval, name, why, one of at_least and at_most, and perhaps where"
WHOLE = {"eval": '"verification"', "name": '"accuracy"', "at_least": "0.9", "why": '"so"'}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        pytest.param({"eval": None}, KEYS, id="no-eval"),
        pytest.param({"name": None}, KEYS, id="no-name"),
        pytest.param({"why": None}, KEYS, id="no-reason"),
        pytest.param({"at_least": None}, KEYS, id="no-bound"),
        pytest.param({"at_most": "0.95"}, KEYS, id="two-bounds"),
        pytest.param({"models": '"dlib"'}, KEYS, id="unknown-key"),
        pytest.param({"at_least": '"0.9"'}, "at_least must be a number, not '0.9'", id="bound-text"),
        pytest.param({"at_least": "true"}, "at_least must be a number, not True", id="bound-bool"),
        pytest.param({"at_least": "nan"}, "at_least must be a number, not nan", id="bound-nan"),
        pytest.param({"at_least": "-inf"}, "at_least must be a number, not -inf", id="bound-infinite"),
        pytest.param({"at_least": "[0.9]"}, r"at_least must be a number, not \[0.9\]", id="bound-list"),
        pytest.param({"at_least": "1" + "0" * 400}, "at_least must be a number", id="bound-beyond-floats"),
        pytest.param({"name": '"accurracy"'}, "'accurracy' is no measurement's name", id="name-misspelt"),
        pytest.param({"name": '["accuracy"]'}, "is no measurement's name", id="name-list"),
        pytest.param({"where": '"dlib"'}, "where must be a table", id="where-text"),
        pytest.param(
            {"where": "{ modle = 'dlib' }"},
            "'modle' is no condition",
            id="where-misspelt",
        ),
        pytest.param(
            {"where": "{ model = 'dlib', yaw_diference_rad = 0.4 }"},
            r"'yaw_diference_rad' is no condition\. Did you mean yaw_difference_rad",
            id="where-one-of-two-misspelt",
        ),
        pytest.param({"where": "{ Model = 'dlib' }"}, "'Model' is no condition", id="where-in-capitals"),
        pytest.param(
            {"where": "{ level = '2' }"}, "level must be a finite number, not '2'", id="where-text-for-a-number"
        ),
        pytest.param({"eval": "5"}, "eval must be text, not 5", id="eval-number"),
        pytest.param({"eval": '" "'}, "eval must be text, not ' '", id="eval-empty"),
        pytest.param({"why": "[]"}, r"why must be text, not \[\]", id="why-list"),
        pytest.param({"name": '"accurracy"'}, "Did you mean accuracy", id="name-misspelt-guess"),
        pytest.param({"at_least": "98"}, "at_least = 98: accuracy is a fraction, at most 1", id="percent"),
        pytest.param({"where": "{ model = 5 }"}, "model must be text, not 5", id="model-number"),
        pytest.param({"where": "{ dataset = ['a'] }"}, r"dataset must be text, not \['a'\]", id="dataset-list"),
        pytest.param({"where": "{ model = '' }"}, "model must be text, not ''", id="model-empty"),
        pytest.param({"where": "{ far = '0.01' }"}, "far must be a finite number, not '0.01'", id="far-text"),
        pytest.param({"where": "{ far = 1.5 }"}, "far must be a fraction, 0 to 1, not 1.5", id="far-percent"),
        pytest.param({"where": "{ far = nan }"}, "far must be a finite number, not nan", id="far-nan"),
        pytest.param({"where": "{ level = inf }"}, "level must be a finite number, not inf", id="level-infinite"),
        pytest.param({"where": "{ level = -1 }"}, "level must be 0, which is clean, or more", id="level-negative"),
        pytest.param({"where": "{ level = [1] }"}, r"level must be a finite number, not \[1\]", id="level-list"),
        pytest.param({"where": "{ yaw_rad = 45 }"}, "yaw_rad must be radians, at most half a turn", id="degrees"),
        pytest.param({"where": "{ batch = 0 }"}, "batch must be 1 or more, not 0", id="batch-none"),
        pytest.param({"where": "{ fold = 1.5 }"}, "fold must be a whole number, not 1.5", id="fold-half"),
        pytest.param({"where": "{ failures = 'non match' }"}, "Did you mean non-match", id="failures"),
        pytest.param({"where": "{ corruption = 'blurr' }"}, "'blurr' is unknown. Did you mean blur", id="corruption"),
        pytest.param(
            {"where": "{ corruption = 'jpeg', level = 500 }"}, "expected a level that is", id="level-beyond-all"
        ),
        pytest.param(
            {"where": "{ corruption = 'blur:2.0+jpeg:30' }"}, "is spelt 'blur:2.jpeg:30'", id="composition-spelt"
        ),
        pytest.param({"where": "{ threshold = 'claen' }"}, "Did you mean clean", id="where-word-misspelt"),
        pytest.param(
            {"where": "{ qqq = 1 }"},
            r"'qqq' is no condition\. Known: model, ",
            id="where-nothing-near",
        ),
    ],
)
def test_a_malformed_limit_is_refused(tmp_path: Path, change: dict[str, str | None], text: str) -> None:
    """The message names the file, the number of the limit and what is wrong with it."""
    good, bad = ({**WHOLE, **more} for more in ({}, change))
    tables = ("\n".join(f"{key} = {value}" for key, value in each.items() if value) for each in (good, bad))
    path = limits_file(tmp_path, "".join(f"[[limit]]\n{table}\n" for table in tables))
    with pytest.raises(LimitsError, match=text) as caught:
        read_limits(path)
    assert str(caught.value).startswith(f"{path}, limit 2: ")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        pytest.param("", r"expected at least one \[\[limit\]\] table", id="empty"),
        pytest.param("limit = []", r"expected at least one \[\[limit\]\] table", id="empty-list"),
        pytest.param("[limit]\nname = 'eer'", r"expected at least one \[\[limit\]\] table", id="one-bracket"),
        pytest.param("[[limits]]\nname = 'eer'", r"expected at least one \[\[limit\]\] table", id="misspelt"),
        pytest.param("[[limit]\n", "cannot be read as TOML", id="no-toml"),
        pytest.param("limit = [0.9]", "limit", id="a-number-for-a-table"),
        pytest.param("limit = 5", r"limit is 5: expected at least one \[\[limit\]\] table", id="a-number"),
        pytest.param("x = " + "[" * 5000, "cannot be read as TOML", id="nested-and-cut-short"),
        pytest.param("x = " + "[" * 5000 + "]" * 5000, "nested too deeply", id="nested-deeply"),
        pytest.param("x." * 5000 + "y = 1", "limits.toml", id="keys-nested-deeply"),
    ],
)
def test_a_file_without_limits_is_refused(tmp_path: Path, content: str, text: str) -> None:
    """A gate without limits would be green whatever happens."""
    path = limits_file(tmp_path, content)
    with pytest.raises(LimitsError, match=text) as caught:
        read_limits(path)
    assert str(caught.value).startswith(str(path))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """The message names the file."""
    with pytest.raises(LimitsError, match=r"absent\.toml: cannot be read as TOML: .*No such file"):
        read_limits(tmp_path / "absent.toml")


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are no limits."""
    path = tmp_path / "limits.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LimitsError, match="cannot be read as TOML"):
        read_limits(path)


def test_the_committed_limits_can_be_read() -> None:
    """Every promise of the suite has its reason."""
    limits = read_limits(Path(__file__).parents[2] / "evals" / "limits.toml")
    assert all(limit.why for limit in limits)


def test_the_committed_limits_belong_to_a_model_and_a_data_set() -> None:
    """Those that they were measured on; only how long a person waits is promised of every model on every machine."""
    limits = read_limits(Path(__file__).parents[2] / "evals" / "limits.toml")

    assert {limit.eval for limit in limits if limit.model is None or limit.dataset is None} == {"timing"}
    names = {limit.dataset for limit in limits} - {None}
    assert names == {"faces", "faces-sample", "faces-strips", "lfw-pairs", "lfw-pairsDevTest", "eg3d_strips"}


# Which limit speaks.


@pytest.mark.parametrize(
    ("limit", "covered"),
    [
        pytest.param(at_least(0.9), True, id="no-conditions"),
        pytest.param(at_least(0.9, model="dlib"), True, id="model"),
        pytest.param(at_least(0.9, dataset="lfw", threshold="declared"), True, id="dataset-and-condition"),
        pytest.param(at_least(0.9, level=2.0), True, id="a-number-is-a-number"),
        pytest.param(at_least(0.9, model="facenet"), False, id="other-model"),
        pytest.param(at_least(0.9, model="dlib", level=3), False, id="one-of-two-differs"),
        pytest.param(at_least(0.9, corruption="blur"), False, id="a-condition-that-it-lacks"),
        pytest.param(at_most(0.9), False, id="other-name"),
        pytest.param(dataclasses.replace(at_least(0.9), eval="pose"), False, id="other-eval"),
    ],
)
def test_a_limit_covers_what_it_names(limit: Limit, covered: bool) -> None:  # noqa: FBT001 - a table's column
    """Eval and name must be the same, and so must everything under where."""
    assert limit.applies_to(ACCURACY) == covered


@pytest.mark.parametrize(
    ("limits", "promised"),
    [
        pytest.param((at_least(0.1), at_least(0.2, model="dlib")), "0.2", id="the-more-specific-after"),
        pytest.param((at_least(0.2, model="dlib"), at_least(0.1)), "0.2", id="the-more-specific-before"),
        pytest.param((at_least(0.1, model="dlib"), at_least(0.2, dataset="lfw")), "0.2", id="of-equals-the-last"),
        pytest.param(
            (at_least(0.1), at_least(0.2, model="facenet", level=2)), "0.1", id="another-model-s-is-passed-by"
        ),
        pytest.param(
            (at_least(0.1, model="dlib"), at_least(0.2, level=2, dataset="lfw"), at_least(0.3)),
            "0.2",
            id="two-of-three",
        ),
    ],
)
def test_the_most_specific_limit_wins(limits: tuple[Limit, ...], promised: str) -> None:
    """More conditions beat fewer; of equals, the last in the file."""
    assert judge(ACCURACY, limits, sampled=False).reason.endswith(f"promised at least {promised}")


def test_what_no_limit_applies_to_is_unjudged() -> None:
    """The reason says what was measured and what to add; there is no limit and no margin."""
    judgement = judge(ACCURACY, (at_most(0.1), at_least(0.9, model="facenet")), sampled=False)

    assert (judgement.outcome, judgement.limit, judgement.margin) == ("unjudged", None, None)
    assert judgement.reason == (
        "verification, dlib on lfw: accuracy 0.9800 [0.9700, 0.9900] (n = 6000, level 2, declared threshold): no limit "
        "applies, so it is unjudged. Add a [[limit]] to the file of limits; 'facecheck limits' proposes some"
    )


# When it is kept.


@pytest.mark.parametrize(
    ("measurement", "limit", "sampled", "outcome"),
    [
        pytest.param(ACCURACY, at_least(0.975), False, "passed", id="above-at-least"),
        pytest.param(ACCURACY, at_least(0.98), False, "passed", id="exactly-at-least"),
        pytest.param(ACCURACY, at_least(0.985), False, "failed", id="below-though-the-interval-reaches"),
        pytest.param(ACCURACY, at_least(0.985), True, "passed", id="sample-whose-interval-reaches"),
        pytest.param(ACCURACY, at_least(0.9967), True, "passed", id="sample-whose-widened-interval-just-reaches"),
        pytest.param(ACCURACY, at_least(0.9969), True, "failed", id="sample-wholly-below"),
        pytest.param(EER, at_most(0.03), False, "passed", id="below-at-most"),
        pytest.param(EER, at_most(0.02), False, "passed", id="exactly-at-most"),
        pytest.param(EER, at_most(0.015), False, "failed", id="above-though-the-interval-reaches"),
        pytest.param(EER, at_most(0.015), True, "passed", id="sample-whose-interval-reaches-down"),
        pytest.param(EER, at_most(0.0033), True, "passed", id="sample-whose-widened-interval-just-reaches-down"),
        pytest.param(EER, at_most(0.0031), True, "failed", id="sample-wholly-above"),
    ],
)
def test_a_limit_is_kept_or_broken(
    measurement: Measurement,
    limit: Limit,
    sampled: bool,  # noqa: FBT001 - a table's column
    outcome: str,
) -> None:
    """The value decides; of a sample only an interval that is wholly worse breaks the promise."""
    judgement = judge(measurement, (limit,), sampled=sampled)
    assert judgement.outcome == outcome
    assert judgement.limit == limit
    assert judgement.margin is not None
    assert (judgement.margin >= 0) == limit.kept_by(measurement.value)


@pytest.mark.parametrize("sampled", [False, True])
@pytest.mark.parametrize(("measurement", "limit"), [(ACCURACY, at_least(0.0)), (EER, at_most(1.0))])
@pytest.mark.parametrize("bounds", ["none-known", "interval-known"])
def test_nan_keeps_no_promise(measurement: Measurement, limit: Limit, bounds: str, sampled: bool) -> None:  # noqa: FBT001 - a table's column
    """A value that is no number fails even the loosest limit, of a sample too, whatever its interval."""
    unknown = dataclasses.replace(measurement, value=math.nan)
    if bounds == "none-known":
        unknown = dataclasses.replace(unknown, low=math.nan, high=math.nan)
    assert judge(unknown, (limit,), sampled=sampled).outcome == "failed"


# The words.


def test_a_broken_promise_says_by_how_much_and_why_it_was_made() -> None:
    """Model, data set, value, interval, count, conditions, the promise, the miss and its reason."""
    verdict = judge(ACCURACY, (at_least(0.985, why="0.985 is printed on the box"),), sampled=False)
    assert verdict.reason == (
        "dlib on lfw: accuracy 0.9800 [0.9700, 0.9900] (n = 6000, level 2, declared threshold), "
        "promised at least 0.985, missed by 0.0050. The promise: 0.985 is printed on the box"
    )


def test_a_kept_promise_is_said_shortly() -> None:
    """Without a miss and without the reason."""
    assert judge(EER, (at_most(0.03),), sampled=False).reason == (
        "dlib on lfw: eer 0.0200 [0.0100, 0.0300] (n = 6000), promised at most 0.03"
    )


def test_leniency_is_stated() -> None:
    """A sample that passes only by its interval says so, and by how much its value missed."""
    assert judge(EER, (at_most(0.015),), sampled=True).reason == (
        "dlib on lfw: eer 0.0200 [0.0100, 0.0300] (n = 6000), promised at most 0.015, missed by 0.0050; "
        "judged by its interval, widened for fifty cases, since this is a sample"
    )


def test_leniency_that_was_not_needed_is_not_stated() -> None:
    """A sample whose value keeps the promise needs no excuse."""
    assert "sample" not in judge(EER, (at_most(0.03),), sampled=True).reason


def test_a_sample_wholly_worse_states_both() -> None:
    """How it was judged and why the promise was made."""
    reason = judge(EER, (at_most(0.003, why="doors stay shut"),), sampled=True).reason
    assert reason.endswith(
        "missed by 0.0170; judged by its interval, widened for fifty cases, since this is a sample. "
        "The promise: doors stay shut"
    )


# Several at once.


def test_all_must_pass_and_the_reason_names_those_that_do_not() -> None:
    """One broken promise fails the whole, and only it is named."""
    verdict = judge_all([ACCURACY, EER], (at_least(0.9), at_most(0.01)), sampled=False)
    assert not verdict.passed
    assert verdict.reason == judge(EER, (at_most(0.01),), sampled=False).reason


def test_all_passed_are_all_named() -> None:
    """One line each, in order."""
    limits = (at_least(0.9), at_most(0.03))
    verdict = judge_all([ACCURACY, EER], limits, sampled=False)
    assert verdict.passed
    assert verdict.reason.splitlines() == [judge(each, limits, sampled=False).reason for each in (ACCURACY, EER)]


def test_a_failure_decides_before_what_is_unjudged_and_that_before_what_passed() -> None:
    """A case with a broken promise is red although another measurement has none; without one it is unjudged."""
    other = dataclasses.replace(ACCURACY, name="auc")
    failed = judge_all([EER, other], (at_most(0.01),), sampled=False)
    open_ = judge_all([EER, other], (at_most(0.03),), sampled=False)

    assert (failed.outcome, open_.outcome) == ("failed", "unjudged")
    assert [judgement.outcome for judgement in failed.judgements] == ["failed", "unjudged"]
    assert "auc" in open_.reason
    assert "eer" not in open_.reason


def test_a_gate_that_measured_nothing_is_not_green() -> None:
    """Nothing to judge is an error."""
    with pytest.raises(ValueError, match="nothing was measured, so nothing can be judged"):
        judge_all([], (at_least(0.9),), sampled=False)


# Sweeps.

SWEEP = """
[[sweep]]
eval = "corruptions"
name = "accuracy"
where = { model = "dlib" }
why = "measured"
at_least.blur = { 1 = 0.97, "2.5" = 0.9 }
at_least.snow = { 1 = 0.8 }
"""


def test_a_sweep_is_a_limit_for_each_corruption_and_level(tmp_path: Path) -> None:
    """Each number becomes a limit of its own, with the sweep's where and reason."""
    limits = read_limits(limits_file(tmp_path, SWEEP))

    assert [(limit.bound, limit.where) for limit in limits] == [
        (0.97, Conditions(corruption="blur", level=1)),
        (0.9, Conditions(corruption="blur", level=2.5)),
        (0.8, Conditions(corruption="snow", level=1)),
    ]
    assert {(limit.eval, limit.name, limit.model, limit.upper, limit.why) for limit in limits} == {
        ("corruptions", "accuracy", "dlib", False, "measured")
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("{ 1 = 0.8 }", "0.8", r"sweep 1: expected at_least.snow = \{ LEVEL = BOUND", id="no-levels"),
        pytest.param("{ 1 = 0.8 }", "{ worst = 0.8 }", "LEVEL = BOUND", id="no-number"),
        pytest.param("{ 1 = 0.8 }", '{ 1 = "low" }', "at_least must be a number", id="no-bound"),
        pytest.param('at_least.blur = { 1 = 0.97, "2.5" = 0.9 }', "at_least = 0.9", "at_least", id="plain-bound"),
        pytest.param('"2.5"', "2.5", "a level with a point stands in quotes", id="dotted-key"),
        pytest.param('why = "measured"', "", "expected eval, name, why", id="no-reason"),
        pytest.param("[[sweep]]", "[[sweeps]]", "expected at least one", id="misspelt-table"),
        pytest.param("at_least.blur", "at_least.blurr", r"'blurr' is unknown\. Did you mean blur", id="misspelt"),
        pytest.param("{ 1 = 0.8 }", "{ 77 = 0.8 }", "corruption 'snow': expected a level", id="level-beyond-all"),
        pytest.param("{ 1 = 0.8 }", "{}", r"expected at_least.snow = \{ LEVEL = BOUND", id="no-level"),
        pytest.param("{ 1 = 0.8 }", "{ 1" + "0" * 400 + " = 0.8 }", "level must be a finite number", id="infinite"),
    ],
)
def test_a_malformed_sweep_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    """A slip in the file never makes a promise vanish."""
    text = SWEEP.replace(old, new)
    if "at_least = 0.9" in text:
        text = text.replace("at_least.snow = { 1 = 0.8 }", "")

    with pytest.raises(LimitsError, match=message):
        read_limits(limits_file(tmp_path, text))


LIMIT = """
[[limit]]
eval = "verification"
name = "accuracy"
at_least = 0.9
why = "so"
"""


@pytest.mark.parametrize(
    ("more", "message"),
    [
        pytest.param(SWEEP.replace("[[sweep]]", "[sweep]"), r"sweep is one table: .* two brackets", id="one-bracket"),
        pytest.param("", "sweep is 5: expected", id="sweep-number"),
        pytest.param(
            '[[sweep]]\neval = "blur"\nname = "accuracy"\nwhy = "so"\n', "sweep 1: holds no bound", id="no-bounds"
        ),
        pytest.param(
            '[[sweep]]\neval = "blur"\nname = "accuracy"\nwhy = "so"\nat_least = {}\n',
            "sweep 1: holds no bound",
            id="empty-bounds",
        ),
    ],
)
def test_a_sweep_beside_limits_is_never_dropped_in_silence(tmp_path: Path, more: str, message: str) -> None:
    """Whatever is wrong with it."""
    text = LIMIT + more if more else "sweep = 5\n" + LIMIT

    with pytest.raises(LimitsError, match=message):
        read_limits(limits_file(tmp_path, text))


def test_a_limit_in_one_bracket_beside_sweeps_is_refused(tmp_path: Path) -> None:
    """The reverse."""
    with pytest.raises(LimitsError, match="limit is one table"):
        read_limits(limits_file(tmp_path, LIMIT.replace("[[limit]]", "[limit]") + SWEEP))


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    """As Windows' editors save it, with their line ends."""
    path = tmp_path / "limits.toml"
    path.write_bytes(b"\xef\xbb\xbf" + LIMIT.replace("\n", "\r\n").encode())

    assert read_limits(path)[0].why == "so"


def test_utf_16_is_called_so(tmp_path: Path) -> None:
    """What it is, and what to do."""
    path = tmp_path / "limits.toml"
    path.write_bytes(LIMIT.encode("utf-16"))

    with pytest.raises(LimitsError, match="it is UTF-16: save it as UTF-8"):
        read_limits(path)


def test_a_pipe_is_no_file_of_limits(tmp_path: Path) -> None:
    """Nobody may ever write into it."""
    os.mkfifo(tmp_path / "limits.toml")

    with pytest.raises(LimitsError, match="no regular file"):
        read_limits(tmp_path / "limits.toml")


def test_a_corruption_of_a_team_s_own_is_accepted(tmp_path: Path) -> None:
    """Its eval may measure what facecheck does not know; a composition is spelt as results spell it."""
    for name in ("acid_rain", "blur:2+jpeg:30"):
        text = LIMIT + f'where = {{ corruption = "{name}" }}\n'
        assert read_limits(limits_file(tmp_path, text))[0].where == Conditions(corruption=name)


# Limits that applied to nothing.


def test_limits_that_applied_to_nothing_are_said() -> None:
    """Of the evals that ran: those of other models and data sets in number and by their names, the rest in words."""
    limits = (
        at_least(0.9),
        at_least(0.9, model="dlbi"),
        at_least(0.9, model="dlbi", dataset="faces"),
        at_least(0.9, dataset="cfp"),
        at_least(0.9, model="dlib", level=3),
        dataclasses.replace(at_least(0.9), eval="pose"),
    )

    assert unmatched(limits, [ACCURACY, EER]) == (
        "4 of 5 limits of these evals applied to nothing: 2 for other models (dlbi: 2); 1 for other data sets "
        "(cfp: 1); verification accuracy (model dlib, level 3.0)"
    )
    assert unmatched(limits[:1], [ACCURACY]) == ""
    assert unmatched(limits, []) == ""


def test_evals_that_are_not_there_are_named_with_the_nearest() -> None:
    """One sentence each."""
    limits = (at_least(0.9), *[dataclasses.replace(at_least(0.9), eval="verificaton")] * 2)
    removed = dataclasses.replace(at_least(0.9), eval="resolution")

    assert list(absent_evals(limits, {"verification", "pose"})) == [
        ("eval 'verificaton' of 2 limits is not here. Did you mean verification? Known: pose, verification.", True)
    ]
    assert [nearly for _, nearly in absent_evals([removed], {"verification", "pose"})] == [False]
