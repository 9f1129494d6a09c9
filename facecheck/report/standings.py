"""What a run says of each of its models, in one word and in counts: the first thing that a person reads."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from facecheck.errors import printable
from facecheck.results.change import Against
from facecheck.results.run import Run
from facecheck.results.verdict import Verdict

__all__ = ["OTHERS", "Standing", "Word", "model_of", "repeated", "repeated_eval", "standings", "worst"]

Word = Literal["failed", "worse than baseline", "incomparable", "undecided", "unjudged", "passed", "skipped"]
OTHERS = "(no model)"  # cases that ended before a model was known
_WORDS: tuple[Word, ...] = get_args(Word)
_IN_BRACKETS = re.compile(r"\[(.*)\]\Z", re.DOTALL)
_DEFAULTS = ("cpu", "fp32")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What became of a model in a run.

    Args:
        model: its name.
        word: its verdict: ``passed`` where a promise or the comparison was kept and nothing that is red happened.
        cases: how many ended how.
        changes: how many metrics became what since the baseline; empty without one.
        slower: timings that are worse than the baseline's.
        has_baseline: whether it was compared with one.
    """

    model: str
    word: Word
    cases: Mapping[str, int]
    changes: Mapping[str, int]
    slower: int = 0
    has_baseline: bool = False


def standings(run: Run) -> tuple[Standing, ...]:
    """Return the standing of each model of a run, the worst first.

    Args:
        run: that is finished.

    >>> from facecheck.results.signature import ModelSignature, Signature
    >>> verdict = Verdict(outcome="passed", reason="", eval="blur", case="evals/test_x.py::test_y[dlib-faces]")
    >>> run = Run(signature=Signature(models=(ModelSignature(name="dlib", spec="dlib"),)), verdicts=(verdict,))
    >>> [(each.model, each.word) for each in standings(run)]
    [('dlib', 'passed')]
    """
    cases: dict[str, Counter[str]] = {model.name: Counter() for model in run.signature.models}
    for verdict in run.verdicts:
        cases.setdefault(model_of(verdict, run), Counter())[verdict.outcome] += 1
    against = {each.model: each for each in run.against}
    for model in against:
        cases.setdefault(model, Counter())
    made = [_standing(model, counted, against.get(model)) for model, counted in cases.items()]
    return tuple(sorted(made, key=lambda each: (each.model == OTHERS, _WORDS.index(each.word))))


def worst(made: tuple[Standing, ...]) -> Word:
    """Return the word for a whole run: that of its worst model, ``skipped`` where nothing was done."""
    judged = [each.word for each in made if each.word != "skipped"]
    return min(judged, key=_WORDS.index, default="skipped")


def _standing(model: str, cases: Counter[str], against: Against | None) -> Standing:
    changes = Counter[str](change.outcome for change in against.changes) if against else Counter[str]()
    slower = sum(each.outcome == "worse" for each in against.timings) if against else 0
    return Standing(
        model=model,
        word=next(_words(cases, against), "skipped"),
        cases=dict(cases),
        changes=dict(changes),
        slower=slower,
        has_baseline=against is not None,
    )


def _words(cases: Counter[str], against: Against | None) -> Iterator[Word]:
    """Yield what applies, the worst first; of the comparison only what makes the run red, and evidence of harm."""
    red = {change.outcome for change in against.harms} if against else set[str]()
    seen = {change.outcome for change in against.changes} if against else set[str]()
    slower = bool(against and against.delays)
    applies: tuple[tuple[bool, Word], ...] = (
        (cases["failed"] > 0, "failed"),
        ("worse" in seen or slower, "worse than baseline"),
        ("incomparable" in red, "incomparable"),
        ("undecided" in red, "undecided"),
        (cases["passed"] > 0 or not seen.isdisjoint({"better", "not worse", "identical"}), "passed"),
        ("incomparable" in seen, "incomparable"),
        ("undecided" in seen, "undecided"),
        (cases["unjudged"] > 0, "unjudged"),
    )
    yield from (word for does, word in applies if does)


def model_of(verdict: Verdict, run: Run) -> str:
    """Return the name of the model that a case was about, :data:`OTHERS` where that is not known.

    Args:
        verdict: on the case.
        run: that the case belongs to.
    """
    for judgement in verdict.judgements:
        return judgement.measurement.model
    found = _IN_BRACKETS.search(verdict.case)
    parts = f"-{found[1]}-" if found else ""
    for model in sorted(run.signature.models, key=lambda model: -len(model.spec)):
        if model.spec and f"-{model.spec}-" in parts:
            return model.name
    return OTHERS


def repeated(verdict: Verdict, run: Run) -> str:
    """Return the command that repeats one case alone, as a line of a shell.

    Args:
        verdict: on the case.
        run: that the case belongs to, whose models and data sets it names.

    >>> verdict = Verdict(outcome="failed", reason="", eval="blur", case="evals/test_x.py::test_y[dlib-faces]")
    >>> repeated(verdict, Run())
    "pytest 'evals/test_x.py::test_y[dlib-faces]'"
    """
    names = {judgement.measurement.dataset for judgement in verdict.judgements}
    return _spoken(["pytest", verdict.case, *_as_asked(run, model_of(verdict, run), names)])


def repeated_eval(run: Run, eval_name: str, *, model: str, dataset: str) -> str:
    """Return the command that repeats one eval on a model, empty where the eval is not known.

    Args:
        run: that is repeated.
        eval_name: of the eval.
        model: name.
        dataset: name.
    """
    if not eval_name:
        return ""
    return _spoken(["pytest", "evals/", f"--facecheck-evals={eval_name}", *_as_asked(run, model, {dataset})])


def _as_asked(run: Run, model: str, names: Collection[str]) -> Iterator[str]:
    """Yield the options under which a case was run: those that were given, and what the signature says of others."""
    yield from (f"--facecheck-models={each.spec}" for each in run.signature.models if each.spec and each.name == model)
    # A case that ended before it was judged names no data set: with all of them it is there.
    datasets = [each for each in run.signature.datasets if each.spec and (not names or each.name in names)]
    # Sweeps take a sample of the bundled faces by themselves, where all of them are asked for.
    specs = ["faces" if each.spec.startswith("faces?") else each.spec for each in datasets]
    given = run.options.get("datasets")
    yield from (f"--facecheck-datasets={spec}" for spec in ([given] if given else dict.fromkeys(specs)))
    yield from [f"--facecheck-sample={each.comparisons}" for each in datasets if each.sampled][:1]
    for name, value in run.options.items():
        if name != "datasets":
            yield f"--facecheck-{name.replace('_', '-')}{f'={value}' if value else ''}"
    yield from _of_the_machine(run)


def _spoken(words: Iterable[str]) -> str:
    return " ".join(shlex.quote(printable(word)) for word in words)


def _of_the_machine(run: Run) -> Iterator[str]:
    """Yield device and precision where they are not what every machine has."""
    machine = run.signature.machine
    if machine.device not in ("", _DEFAULTS[0]):
        yield "--facecheck-device=cuda"
    if machine.precision not in ("", _DEFAULTS[1]):
        yield f"--facecheck-precision={machine.precision}"
