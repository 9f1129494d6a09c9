"""Marks by hand-worked tests, pairs that are not the same, and runs as the suite leaves them."""

import csv
import dataclasses
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from facecheck.comparison import Row, Table, answers, compare, lines, markdown, write
from facecheck.comparison.text import spreadsheet
from facecheck.metrics.scores import Scores
from facecheck.results.conditions import COMPLETED, DEPLOYED, NON_MATCH, Conditions
from facecheck.results.measurement import Measurement
from facecheck.results.run import Run
from facecheck.results.scored_pairs import ScoredPairs, load_scores
from facecheck.results.signature import ModelSignature, Signature
from tests.support.runs import DLIB, EDGEFACE, FACENET, MOBILE, STUDIES, Model, made_run, people

COUNT = 40
WHO = np.stack((np.arange(COUNT), np.where(np.arange(COUNT) < COUNT // 2, np.arange(COUNT), np.arange(COUNT) + 1)), 1)


def answered(model: str, wrong: Sequence[int], **changes: str) -> ScoredPairs:
    """Return the scores of twenty genuine pairs, then twenty impostor pairs, at threshold 0.5; some judged wrongly."""
    right = np.where(WHO[:, 0] == WHO[:, 1], 0.9, 0.1)
    similarity = np.where(np.isin(np.arange(COUNT), wrong), 1 - right, right)
    title = {"model": model, "dataset": "faces", "kind": "lfw", "digest": "abc", "condition": "clean", **changes}
    made = ScoredPairs(
        **title,
        scores=Scores(similarity, WHO),
        thresholds=np.full(COUNT, 0.5),
        yaw_difference_rad=np.full(COUNT, np.nan),
        names=np.array([[f"a{i}", f"b{i}"] for i in range(COUNT)]),
    )
    return dataclasses.replace(made, name=made.file_name)


def measured(scored: ScoredPairs, name: str = "accuracy", conditions: Conditions = DEPLOYED) -> Measurement:
    """Return what the suite would record of those scores."""
    genuine, matched = scored.scores.genuine, scored.scores.similarity >= scored.thresholds
    hits = {"accuracy": matched == genuine, "fmr": matched[~genuine], "fnmr": ~matched[genuine]}[name]
    value = float(hits.mean())
    return Measurement(
        eval="verification",
        name=name,
        value=value,
        low=value - 0.01,
        high=value + 0.01,
        n=len(hits),
        model=scored.model,
        dataset=scored.dataset,
        conditions=conditions,
        scores=(scored.name,),
    )


def recorded(*measurements: Measurement, **thresholds: float) -> Run:
    """Return a run whose models declare these thresholds."""
    models = tuple(ModelSignature(name=name, contract={"threshold": value}) for name, value in thresholds.items())
    return Run(signature=Signature(models=models), measurements=measurements)


def only(tables: Sequence[Table]) -> Row:
    """Return the only row of the only table."""
    (table,) = tables
    (row,) = table.rows
    return row


def contest(*wrong: Sequence[int]) -> Row:
    """Compare the accuracy of models a, b, c ... that judge these pairs wrongly."""
    scored = [answered(model, each) for model, each in zip("abcd", wrong, strict=False)]
    return only(compare(recorded(*map(measured, scored)), scored))


# Marks.


def test_the_best_is_marked_where_the_test_separates_it() -> None:
    """Six pairs that only one model judges rightly: p is that of six coins, 2/64, alone in its table."""
    row = contest([0], [0, 1, 2, 3, 4, 5, 6])

    assert (row.best, row.separated) == ("a", True)
    (rival,) = row.rivals
    assert rival.counts is not None
    assert (rival.model, rival.counts.only_first, rival.counts.only_second) == ("b", 6, 0)
    assert rival.p == pytest.approx(2 / 64)
    assert rival.lead is not None
    assert rival.lead.value == pytest.approx(6 / COUNT)
    assert rival.lead.low > 0


def test_five_pairs_separate_nothing() -> None:
    """However they fall: 2/32 is more than 0.05, and nothing is marked."""
    row = contest([0], [0, 1, 2, 3, 4, 5])

    assert row.hardest is not None
    assert row.hardest.p == pytest.approx(2 / 32)
    assert not row.separated


def test_equal_models_are_not_separated() -> None:
    """The same answers, and as many wrong ones on other pairs."""
    assert not contest([1, 2], [1, 2]).separated
    assert not contest([1, 2], [3, 4]).separated


def test_all_tests_of_a_table_share_one_chance_of_a_false_mark() -> None:
    """The six pairs that mark alone do not beside a second metric's test: Holm doubles their p."""
    scored = [answered("a", [0]), answered("b", [0, 1, 2, 3, 4, 5, 6])]
    both = [measured(each, name) for name in ("accuracy", "fmr") for each in scored]
    (table,) = compare(recorded(*both), scored)

    assert [row.label for row in table.rows] == ["accuracy, clean threshold", "false match rate, clean threshold"]
    assert [row.rivals[0].p for row in table.rows] == [pytest.approx(4 / 64), 1.0]
    assert not any(row.separated for row in table.rows)


def test_the_best_must_be_told_from_every_other_model() -> None:
    """The best is told from b by nine pairs, but not from the worse c, which errs elsewhere: no mark."""
    nine = list(range(1, 10))
    pair, three = contest([0], [0, *nine]), contest([0, *range(20, 28)], [0, *range(20, 28), *nine], range(1, 18))

    assert pair.separated
    assert three.best == "a"
    told = {rival.model: rival.p for rival in three.rivals}
    assert told["b"] == pytest.approx(2 * 2 / 2**9)
    assert told["c"] is not None
    assert 0.05 < told["c"] < binomtest(9, 26).pvalue
    assert three.hardest is not None
    assert three.hardest.model == "c"
    assert not three.separated


def test_lower_is_better_where_the_metric_says_so() -> None:
    """The lower false match rate wins, counted on impostor pairs only; its lead is positive."""
    scored = [answered("a", [0, 1, 2]), answered("b", range(20, 30))]
    row = only(compare(recorded(*(measured(each, "fmr") for each in scored)), scored))

    assert (row.best, row.separated) == ("a", True)
    assert row.rivals[0].counts is not None
    assert row.rivals[0].counts[:2] == (10, 0)
    assert row.rivals[0].lead is not None
    assert row.rivals[0].lead.value == pytest.approx(0.5)


def test_a_lead_that_rests_on_two_people_is_not_marked() -> None:
    """Twenty pairs of two people out of four: McNemar's counts are 20 to 0, and still nothing is marked."""
    who = np.stack((np.repeat([0, 1, 2, 3], 10), np.repeat([0, 1, 2, 3], 10)), 1)
    first, second = (answered(model, ()) for model in "ab")
    right = [np.full(COUNT, 0.9), np.where(who[:, 0] < 2, 0.1, 0.9)]
    scored = [
        dataclasses.replace(each, scores=Scores(similarity, who))
        for each, similarity in zip((first, second), right, strict=True)
    ]
    row = only(compare(recorded(*map(measured, scored)), scored))

    assert row.rivals[0].counts is not None
    assert row.rivals[0].counts[:2] == (20, 0)
    assert row.rivals[0].p is not None
    assert row.rivals[0].p > 0.05
    assert not row.separated


def test_pairs_of_one_person_have_no_test() -> None:
    """Nothing can be said of the next person: values stand side by side without a lead."""
    who = np.zeros((COUNT, 2), dtype=np.int64)
    scored = [
        dataclasses.replace(answered(model, wrong), scores=Scores(answered(model, wrong).scores.similarity, who))
        for model, wrong in (("a", ()), ("b", range(10)))
    ]
    row = only(compare(recorded(*map(measured, scored)), scored))

    assert [(rival.model, rival.p, rival.lead) for rival in row.rivals] == [("b", None, None)]
    assert not row.separated


def test_order_changes_nothing() -> None:
    """Neither of the models in the record nor of the files of scores."""
    run = made_run([DLIB, FACENET, EDGEFACE], {"blur": STUDIES["blur"]})
    measurements = sorted(run.run.measurements, key=lambda m: m.model, reverse=True)
    turned = dataclasses.replace(run.run, measurements=tuple(measurements))

    assert compare(turned, run.scored[::-1]) == compare(run.run, run.scored)


# Pairs that are not the same.


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(lambda s: dataclasses.replace(s, digest="other"), id="digest"),
        pytest.param(lambda s: dataclasses.replace(s, names=s.names[::-1]), id="images"),
        pytest.param(lambda s: dataclasses.replace(s, scores=Scores(s.scores.similarity, WHO + 7)), id="people"),
    ],
)
def test_a_model_with_other_pairs_is_incomparable_by_name(changed: object) -> None:
    """It is left out of the test, whatever its values, and the reason names it and the others."""
    assert callable(changed)
    scored = [answered("a", range(7)), answered("b", [0]), changed(answered("c", ()))]
    tables = compare(recorded(*map(measured, scored)), scored)

    assert only(tables).best == "b"
    assert [rival.model for rival in only(tables).rivals] == ["a"]
    assert tables[0].incomparable == {"c": "answered other pairs than a and b"}
    assert "Not compared: c, because answered other pairs than a and b." in markdown(tables)
    assert "not compared in verification on faces: c: answered other pairs than a and b" in lines(tables)


@pytest.mark.parametrize("at_once", [1, 7, 2**16])
def test_every_name_counts_in_whatever_portion(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What identifies pairs is one hash of all of their names, however many are looked at at once."""
    scored = answered("dlib", [])
    names = [repr(scored.names.shape), *scored.names.ravel().tolist(), scored.digest]
    whole = hashlib.sha256("\0".join(names).encode())
    whole.update(scored.scores.who.tobytes())
    whole.update(scored.yaw_difference_rad.tobytes())
    monkeypatch.setattr(answers, "_AT_ONCE", at_once)

    assert answers._identity(scored) == whole.hexdigest()


def test_two_models_on_other_pairs_are_not_compared_at_all() -> None:
    """Both values stand in the table; there is no best."""
    scored = [answered("a", range(7)), answered("b", [0], digest="other")]
    tables = compare(recorded(*map(measured, scored)), scored)

    assert (only(tables).best, only(tables).rivals, only(tables).separated) == ("", (), False)
    assert tables[0].incomparable == {"b": "answered other pairs than a"}


def test_a_model_without_scores_is_named() -> None:
    """The others are compared."""
    scored = [answered("a", range(7)), answered("b", [0]), answered("c", ())]
    tables = compare(recorded(*map(measured, scored)), scored[:2])

    assert only(tables).best == "b"
    assert tables[0].incomparable == {"c": "the run kept no scores of it"}

    # A number that never rested on scores, such as those of an update, is not missed.
    none = dataclasses.replace(measured(scored[2]), scores=())
    tables = compare(recorded(*map(measured, scored[:2]), none), scored[:2])
    assert only(tables).best == "b"
    assert not tables[0].incomparable


def test_what_is_left_of_failures_is_not_compared() -> None:
    """Each model fails on other pairs: on completed comparisons there is no mark and no excuse."""
    scored = [answered("a", range(7)), answered("b", [0])]
    completed = DEPLOYED | COMPLETED
    tables = compare(recorded(*(measured(each, conditions=completed) for each in scored)), scored)

    assert only(tables).rivals == ()
    assert tables[0].incomparable == {}


def test_one_model_has_no_rival(tmp_path: Path) -> None:
    """No table, no line, no file."""
    run = made_run([DLIB], STUDIES)
    tables = compare(run.run, run.scored)

    assert tables == ()
    assert lines(tables) == []
    assert write(tables, tmp_path) == []
    assert list(tmp_path.iterdir()) == []


# Which answers stand behind a measurement.


def test_degraded_pairs_are_judged_at_the_clean_threshold() -> None:
    """And at their own where the measurement says so: both are recomputed, and so are tested."""
    run = made_run([DLIB, FACENET], {"blur": STUDIES["blur"]}, pairs=people(60))
    tables = {table.title: table for table in compare(run.run, run.scored) if table.eval == "blur"}

    assert [row.label for row in tables["accuracy, clean threshold"].rows] == [
        "clean",
        *(f"blur {r}" for r in range(1, 6)),
    ]
    for title in ("accuracy, clean threshold", "accuracy, retuned threshold", "false match rate, clean threshold"):
        assert all(len(row.rivals) == 1 for row in tables[title].rows)
        assert tables[title].incomparable == {}
    worst = tables["false match rate, clean threshold"].rows[-1]
    assert (worst.best, worst.separated) == ("dlib", True)  # the other one collapses


@pytest.mark.parametrize("level", [2.1234567, 1e-7, 0.1 + 0.2, 123456789.5])
def test_a_level_of_many_digits_finds_its_own_scores(level: float) -> None:
    """However a level is written, its measurement names the file that it came from."""
    run = made_run([DLIB, FACENET], {"blur": {"blur": (0, level)}})
    (table,) = (t for t in compare(run.run, run.scored) if (t.eval, t.title) == ("blur", "accuracy, clean threshold"))

    assert [len(row.rivals) for row in table.rows] == [1, 1]
    assert table.incomparable == {}


def test_a_composition_is_found_by_its_name() -> None:
    """Its levels stand in it."""
    scored = [
        each
        for model, wrong in (("a", [0]), ("b", range(8)))
        for each in (answered(model, ()), answered(model, wrong, condition="blur:2+jpeg:30"))
    ]
    at = Conditions(corruption="blur:2+jpeg:30", level=1, severity=1) | DEPLOYED
    tables = compare(recorded(*(measured(each, conditions=at) for each in scored[1::2])), scored)

    assert (only(tables).best, only(tables).separated) == ("a", True)


def test_the_declared_threshold_is_taken_from_the_record() -> None:
    """The scores hold thresholds of their own; the declared one is what the model's contract says."""
    scored = [answered("a", [0]), answered("b", range(8))]
    declared = NON_MATCH | Conditions(threshold="declared")
    at = [measured(each, conditions=declared) for each in scored]
    moved = [dataclasses.replace(each, thresholds=np.full(COUNT, 0.99)) for each in scored]

    assert only(compare(recorded(*at, a=-0.5, b=-0.5), moved)).separated
    assert only(compare(recorded(*at), moved)).rivals == ()


def test_fnmr_by_yaw_is_tested_on_the_pairs_of_that_yaw() -> None:
    """Eight of ten genuine pairs of the second step set the models apart; in the first step they agree."""
    yaw = np.where(np.arange(COUNT) < 10, 0.2, 0.4)
    scored = [
        dataclasses.replace(answered(model, wrong), yaw_difference_rad=yaw)
        for model, wrong in (("a", ()), ("b", range(10, 18)))
    ]
    found = []
    for each in scored:
        missed = (each.scores.similarity < 0.5) & each.scores.genuine
        for step in (0.2, 0.4):
            rows = each.scores.genuine & (yaw == step)
            m = measured(each, "fnmr", NON_MATCH | Conditions(threshold="clean", yaw_difference_rad=step))
            found.append(dataclasses.replace(m, value=float(missed[rows].mean()), n=int(rows.sum())))
    (table,) = compare(recorded(*found), scored)

    assert [row.rivals[0].counts[:2] for row in table.rows if row.rivals[0].counts] == [(0, 0), (8, 0)]
    assert [row.separated for row in table.rows] == [False, True]


def test_curves_have_a_lead_and_a_mark() -> None:
    """AUC, EER and TAR are tested by identity as well, without counts of pairs."""
    strong, weak = Model(name="strong", apart=0.6), Model(name="weak", apart=0.3)
    run = made_run([weak, strong], {}, pairs=people(80))
    (table,) = (table for table in compare(run.run, run.scored) if table.eval == "verification")
    rows = {row.label: row for row in table.rows}

    for label in ("area under the ROC", "equal error rate", "TAR at FAR 0.1"):
        (rival,) = rows[label].rivals
        assert (rows[label].best, rival.model, rival.counts, rows[label].separated) == ("strong", "weak", None, True)
        assert rival.lead is not None
        assert 0 < rival.lead.low <= rival.lead.value
    cells = {m.model: m.value for m in rows["equal error rate"].cells.values()}
    lead = rows["equal error rate"].rivals[0].lead
    assert lead is not None
    assert lead.value == pytest.approx(cells["weak"] - cells["strong"])


# In words.

THREE = (DLIB, FACENET, MOBILE)


def test_the_page_holds_a_table_an_eval_with_its_marks(tmp_path: Path) -> None:
    """Read back from a run's folder: every row has a cell a model, marked cells are those that tests separate."""
    folder = made_run(THREE, STUDIES).write(tmp_path / "run")
    tables = compare(Run.read(folder), load_scores(folder))
    page, sheet = write(tables, folder)
    text = page.read_text(encoding="utf-8")

    assert (page.name, sheet.name) == ("comparison.md", "comparison.csv")
    assert [line for line in text.splitlines() if line.startswith("## ")][:2] == [
        "## verification on faces",
        "## timing on faces",
    ]
    marked = sum(row.separated for table in tables for row in table.rows)
    assert marked > 5
    assert text.count("**") - 2 == 2 * marked  # the page's own words hold one
    width = {line.count("|") for line in text.splitlines() if line.startswith("|") and "blur 3" in line}
    assert width == {1 + 1 + len(THREE) + 2, 1 + 1 + len(THREE)}  # with and without a test


def test_the_spreadsheet_holds_every_value_and_test() -> None:
    """A line a model; the counts of the test against the best, and the conditions as JSON."""
    scored = [answered("a", [0]), answered("b", [0, 1, 2, 3, 4, 5, 6])]
    tables = compare(recorded(*map(measured, scored)), scored)
    best, other = csv.DictReader(io.StringIO(spreadsheet(tables)))

    assert (best["model"], best["value"], best["separated"], best["p_holm"]) == ("a", "0.975", "True", "")
    assert (other["model"], other["best"], other["separated"]) == ("b", "a", "")
    assert (other["right_only_best"], other["right_only_this"], other["p_holm"]) == ("6", "0", "0.03125")
    assert float(other["lead"]) == pytest.approx(0.15)
    assert json.loads(best["conditions"]) == DEPLOYED.as_json()


def test_the_terminal_lists_few_rows_and_counts_many() -> None:
    """Verification row by row, a sweep in one line that adds up; no line for what was not tested."""
    run = made_run([DLIB, FACENET], STUDIES, pairs=people(60))
    tables = compare(run.run, run.scored)
    found = lines(tables)
    blur = next(line for line in found if line.startswith("blur on faces"))
    rows = next(t for t in tables if (t.eval, t.title) == ("blur", "accuracy, clean threshold")).rows
    best = [row.best for row in rows if row.separated]

    told = " ".join(map(str.strip, found[found.index(blur) :]))[: len(blur) + 100]

    assert len(found) <= 20
    assert max(map(len, found)) <= 80
    assert "a paired test by identity" in found[0]
    assert any(line.startswith("accuracy, clean threshold") and "0." in line for line in found)
    assert "of 6 conditions" in told
    assert f"none distinguished in {6 - len(best)}" in told
    assert all(f"{model} best in {best.count(model)}" in told for model in set(best))
    assert not any("latency" in line or "precision" in line for line in found)


def test_a_lead_that_does_not_fit_stands_below_the_table() -> None:
    """Five models with long names: no line is wider than 80; only what the test distinguishes is told."""
    names = [f"edgeface-of-our-{name}" for name in ("north", "south", "east", "west")]
    scored = [answered("the-best", ()), *(answered(name, range(8)) for name in names)]
    found = lines(compare(recorded(*map(measured, scored)), scored))
    told = " ".join(map(str.strip, found))

    assert max(map(len, found)) <= 80
    assert "1.0000*" in told
    assert "accuracy, clean threshold: the-best +0.2000 [" in told
    assert "distinguishes no best model" not in told


def test_a_mark_is_seen_in_the_terminal() -> None:
    """A star behind the best value, none behind the other, p as it was corrected."""
    scored = [answered("a", [0]), answered("b", [0, 1, 2, 3, 4, 5, 6])]
    *_, head, row = lines(compare(recorded(*map(measured, scored)), scored))

    assert head.split() == ["verification", "on", "faces", "a", "b"]
    assert row.split()[3:6] == ["0.9750*", "0.8250", "a"]
    assert row.endswith("p 0.031")


def test_names_do_not_break_the_page() -> None:
    """A bar or a line break in a model's name stays within its cell."""
    scored = [answered("a|b\n## c", [0]), answered("d\\", range(8))]
    page = markdown(compare(recorded(*map(measured, scored)), scored))
    table = [line for line in page.splitlines() if line.startswith("|")]

    assert table[0] == r"|  | a\|b ## c | d\\ | lead of the best | p (Holm) |"
    assert len(table) == 3
    assert "\n## c" not in page
