"""A run as Markdown: verdicts by hand, names that are markup, and a size that is never exceeded."""

import dataclasses
import re
import shlex
from pathlib import Path

import pytest

from facecheck.cli import main
from facecheck.errors import FacecheckError
from facecheck.report.markdown import COMMENT_BYTES, LEAST_BYTES, MARKER, markdown
from facecheck.report.standings import OTHERS, repeated, standings, worst
from facecheck.results.change import Against, Change, ChangeOutcome, Flips, Slower
from facecheck.results.conditions import DEPLOYED, Conditions
from facecheck.results.measurement import Measurement
from facecheck.results.run import Run
from facecheck.results.signature import Code, DatasetSignature, Machine, ModelSignature, Repository, Signature
from facecheck.results.verdict import Judgement, Limit, Outcome, Verdict

HOSTILE = "<script>alert(1)</script>|`x` ![i](http://evil.example/i.png) @everyone #1\n# title"


def measured(model: str = "dlib", value: float = 0.2, dataset: str = "faces") -> Measurement:
    return Measurement(
        eval="blur",
        name="fnmr",
        value=value,
        low=value - 0.1,
        high=value + 0.1,
        n=50,
        model=model,
        dataset=dataset,
        conditions=DEPLOYED,
    )


def verdict(outcome: Outcome, model: str = "dlib", *, why: str = "a promise", case: str = "") -> Verdict:
    """Return a verdict that rests on one judgement against a limit of 0.05."""
    limit = Limit(eval="blur", name="fnmr", bound=0.05, upper=True, why=why)
    judgement = Judgement(measurement=measured(model), outcome=outcome, reason="r", limit=limit, margin=-0.15)
    return Verdict(
        outcome=outcome, reason="r", judgements=(judgement,), eval="blur", case=case or f"evals/t.py::t[{model}-faces]"
    )


def change(outcome: ChangeOutcome, gain: float = -0.03, corruption: str | None = None, reason: str = "") -> Change:
    at = DEPLOYED | Conditions(corruption=corruption, level=3.0 if corruption else None)
    return Change(
        dataset="lfw",
        name="accuracy",
        conditions=at,
        outcome=outcome,
        before=0.98,
        after=0.98 + gain,
        gain=gain,
        low=gain - 0.01,
        high=gain + 0.01,
        margin=0.002,
        p=0.0004,
        flips=Flips(negative=14, positive=3, pairs=6000, worst=(("Ann/1.jpg", "Bob/1.jpg", 0.1, 0.9),)),
        reason=reason,
    )


def against(*changes: Change, model: str = "dlib", red: tuple[str, ...] = ("worse", "flips")) -> Against:
    return Against(model=model, line=model, baseline="run 1, approved by Eve", red=red, changes=changes)


def run_of(*verdicts: Verdict, models: tuple[str, ...] = ("dlib",), **more: object) -> Run:
    signed = Signature(
        models=tuple(ModelSignature(name=name, spec=name) for name in models),
        datasets=(DatasetSignature(name="faces", spec="faces?part=pairs"),),
        machine=Machine(device="cpu", precision="fp32"),
        code=Code(repository=Repository(commit="0123456789abcdef", dirty=True)),
    )
    judged = tuple(judgement.measurement for verdict in verdicts for judgement in verdict.judgements)
    run = Run(signature=signed, verdicts=verdicts, measurements=judged, started="2026-01-02")
    return dataclasses.replace(run, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("verdicts", "compared", "word"),
    [
        pytest.param([verdict("passed"), verdict("failed")], (), "failed", id="failed"),
        pytest.param([verdict("passed")], (against(change("worse")),), "worse than baseline", id="worse"),
        pytest.param(
            [verdict("passed")], (against(change("worse"), red=()),), "worse than baseline", id="worse, not red"
        ),
        pytest.param([verdict("passed")], (against(change("undecided")),), "passed", id="undecided, not red"),
        pytest.param(
            [verdict("passed")], (against(change("undecided"), red=("undecided",)),), "undecided", id="undecided, red"
        ),
        pytest.param([], (against(change("incomparable")),), "incomparable", id="incomparable"),
        pytest.param([verdict("unjudged")], (against(change("identical")),), "passed", id="identical"),
        pytest.param([verdict("unjudged")], (), "unjudged", id="unjudged"),
        pytest.param([verdict("skipped")], (), "skipped", id="skipped"),
    ],
)
def test_a_model_has_one_word(verdicts: list[Verdict], compared: tuple[Against, ...], word: str) -> None:
    """The worst that applies; the first heading is the run's."""
    run = run_of(*verdicts, against=compared)
    (only,) = standings(run)

    assert only.word == word
    assert markdown(run).startswith(f"## facecheck: {word}\n")


def test_the_worst_model_comes_first_and_names_the_run() -> None:
    """A case that ended before a model was known is counted too, last."""
    broken = Verdict(outcome="failed", reason="Boom", eval="blur", case="evals/t.py::t[other-faces]")
    run = run_of(verdict("passed"), verdict("unjudged", "mine"), broken, models=("dlib", "mine"))
    found = standings(run)

    assert [(each.model, each.word) for each in found] == [("mine", "unjudged"), ("dlib", "passed"), (OTHERS, "failed")]
    assert worst(found) == "failed"
    assert "- `evals/t.py::t[other-faces]`: Boom" in markdown(run)


def test_a_case_without_judgements_belongs_to_the_longest_specification_in_its_name() -> None:
    """``mine:build?a=1`` and ``mine:build`` are two models."""
    models = tuple(ModelSignature(name=name, spec=spec) for name, spec in (("a", "m:b"), ("b", "m:b?x=1")))
    skipped = [Verdict(outcome="skipped", reason="", case=f"t[{spec}-faces]") for spec in ("m:b", "m:b?x=1")]
    run = Run(signature=Signature(models=models), verdicts=tuple(skipped))

    assert {each.model: dict(each.cases) for each in standings(run)} == {"a": {"skipped": 1}, "b": {"skipped": 1}}


def test_losses_stand_with_difference_interval_p_and_margin() -> None:
    """Clean first, then the largest loss; pairs that changed sides are counted and not named."""
    slow = Slower(dataset="lfw", conditions=Conditions(batch=1), outcome="worse", ratio=1.5, p=0.001, margin=0.1)
    compared = dataclasses.replace(
        against(change("worse", -0.05, "blur"), change("worse"), change("better", 0.02)), timings=(slow,)
    )
    text = markdown(run_of(verdict("passed"), against=(compared,)))
    rows = [line for line in text.splitlines() if line.startswith("| `dlib` | `lfw` |")]

    assert rows[0] == (
        "| `dlib` | `lfw` | `accuracy, clean threshold` | 0.9800 | 0.9500 | -0.0300 [-0.0400, -0.0200] | 0.0004 "
        "| 0.002 | 14 of 6000 broke, 3 the reverse |"
    )
    assert "`accuracy, blur 3, clean threshold`" in rows[1]
    assert "+0.0200 [+0.0100, +0.0300] | 14 of" in rows[2]
    assert "| `dlib` | `lfw, batch 1` | 1.50 x | 0.001 | 0.1 |" in text
    assert "| `dlib` | **worse than baseline** | 1 |  | 2 + 1 slower |" in text
    assert "Ann" not in text
    assert [line for line in text.splitlines() if line.startswith("### ")] == [
        "### What got worse since the baseline",
        "### What got slower",
        "### What got better",
        "### Compared with",
    ]


def test_a_broken_promise_stands_with_its_limit_and_the_command_that_repeats_it() -> None:
    """As the shell takes it: the case, the model, the data; the bundled faces are asked for as a whole."""
    run = run_of(verdict("failed"))
    text = markdown(run, link="https://ci.example/run/1?x=%20")

    assert (
        "| `dlib` | `faces` | `blur: false non-match rate, clean threshold` | 0.2000 [0.1000, 0.3000] "
        "| at most 0.0500 | 0.1500 | a promise |"
    ) in text
    assert "\n```sh\npytest 'evals/t.py::t[dlib-faces]' --facecheck-models=dlib --facecheck-datasets=faces\n```" in text
    assert (
        "commit `0123456789ab` with changes, on `cpu`. All of it: [the page](https://ci.example/run/1?x=%20)." in text
    )


def test_the_command_names_sample_device_and_precision_where_they_are_not_the_usual_ones() -> None:
    """A sample of 100 on a GPU in bf16; a specification with spaces is one word."""
    data = DatasetSignature(name="faces", spec="lfw:/a b?pairs=p", sampled=True, comparisons=100)
    run = run_of(verdict("failed"))
    signed = dataclasses.replace(run.signature, datasets=(data,), machine=Machine(device="H100", precision="bf16"))
    words = shlex.split(repeated(run.verdicts[0], dataclasses.replace(run, signature=signed)))

    assert words[2:] == [
        "--facecheck-models=dlib",
        "--facecheck-datasets=lfw:/a b?pairs=p",
        "--facecheck-sample=100",
        "--facecheck-device=cuda",
        "--facecheck-precision=bf16",
    ]


def test_the_command_of_a_case_that_was_not_judged_names_all_data_sets() -> None:
    """Without its own it would not be found."""
    broken = Verdict(outcome="failed", reason="Boom", case="evals/t.py::t[dlib-mine]")
    run = run_of(broken)
    data = (*run.signature.datasets, DatasetSignature(name="mine", spec="folders:/mine"))
    run = dataclasses.replace(run, signature=dataclasses.replace(run.signature, datasets=data))

    assert shlex.split(repeated(broken, run))[2:] == [
        "--facecheck-models=dlib",
        "--facecheck-datasets=faces",
        "--facecheck-datasets=folders:/mine",
    ]


def hostile_run() -> Run:
    """Return a run in which every name and sentence is markup."""
    failing = verdict("failed", HOSTILE, why=HOSTILE, case=f"evals/t.py::t[{HOSTILE}]")
    broken = Verdict(outcome="failed", reason=HOSTILE, case=HOSTILE)
    compared = dataclasses.replace(
        against(
            dataclasses.replace(change("worse"), dataset=HOSTILE), change("incomparable", reason=HOSTILE), model=HOSTILE
        ),
        baseline=HOSTILE,
    )
    return run_of(failing, broken, models=(HOSTILE,), against=(compared,), notes=(HOSTILE, "www.evil.example \x1b[31m"))


def test_hostile_names_are_no_markup() -> None:
    """Outside of code there is no tag, image, link, mention or heading; no table has an odd column."""
    text = markdown(hostile_run(), comment=True)
    fences = re.sub(r"^(`{3,}).*?^\1$", "", text.removeprefix(MARKER), flags=re.DOTALL | re.MULTILINE)
    prose = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "CODE", fences)

    assert not re.search(r"(?<!\\)<", prose)
    assert not re.search(r"(?<!\\)\]\(|@\w|#\d|\w://\w|www\.", prose)
    assert {line for line in text.splitlines() if line.startswith("# ")} == set()
    tables = re.findall(r"(?:^\|.*\|\n)+", prose, flags=re.MULTILINE)
    assert len(tables) == 3
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1
    text.encode()


@pytest.mark.parametrize("name", ["a|b", "a\\|@b", "a\\\\|@b", "`|`", "\\", "|", " "])
def test_a_bar_in_a_name_ends_no_cell(name: str) -> None:
    """As GitHub splits rows: a backslash takes the sign after it along, also in code."""
    text = markdown(run_of(verdict("failed", name), models=(name,)))
    head, _, *rows = re.findall(r"^\|.*\|$", text, flags=re.MULTILINE)

    cells = [len(re.findall(r"\|", re.sub(r"\\[!-/:-@\[-`{-~]", "", row))) for row in (head, rows[0])]
    assert cells[0] == cells[1] == 10
    assert "@b" not in re.sub(r"(`+).*?\1", "", text.partition("### Each failed case")[0])


@pytest.mark.parametrize("most", [LEAST_BYTES, 20_000, COMMENT_BYTES])
def test_the_size_is_never_exceeded_and_what_is_cut_is_counted(most: int) -> None:
    """A thousand models that fail, each a thousand times worse: shown and counted add up."""
    names = tuple(f"{n}-" + "é" * 300 for n in range(1000))
    fails = [verdict("failed", name, why="w" * 1000) for name in names]
    compared = tuple(against(change("worse", reason="r" * 1000), model=name) for name in names)
    text = markdown(
        run_of(*fails, models=names, against=compared, notes=("n" * 5000,) * 50), most_bytes=most, comment=True
    )

    assert len(text.encode()) <= most
    assert len(text.encode()) > most * 0.8 or most > 50_000
    table = text.partition("### ")[0]
    shown = len([line for line in table.splitlines() if line.startswith("| `")])
    assert f"{1000 - shown} more models in the page." in table
    assert "50 more notes in the page." in text or text.count("\n- nnn") > 0


def test_too_little_room_and_a_link_that_is_none_are_refused() -> None:
    """A link of another scheme, or one that ends the parenthesis, is no address."""
    with pytest.raises(FacecheckError, match="expected 8192 or more"):
        markdown(Run(), most_bytes=100)
    for link in ("javascript:alert(1)", "https://a.example/)[x](", "https://a b", "https://" + "a" * 600):
        with pytest.raises(FacecheckError, match="expected an address"):
            markdown(Run(), link=link)


def test_the_command_prints_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The comment begins with the marker; options without --markdown are refused."""
    hostile_run().write(tmp_path)
    before = [path.name for path in tmp_path.iterdir()]

    assert main(["report", str(tmp_path), "--markdown", "--comment", "--link", "https://a.example/"]) == 0
    assert capsys.readouterr().out.startswith(f"{MARKER}\n## facecheck: failed\n")
    assert [path.name for path in tmp_path.iterdir()] == before
    assert main(["report", str(tmp_path), "--comment"]) == 2
    assert "go with --markdown" in capsys.readouterr().err
