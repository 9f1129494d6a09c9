"""What the page says first: may a model ship, what it broke, and the command that repeats it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

from facecheck.gate.published import WITHIN
from facecheck.report.against import LEAST_P
from facecheck.report.html.tables import Cell, measured_cell
from facecheck.report.standings import OTHERS, Standing, Word, model_of, repeated, repeated_eval, standings
from facecheck.results import wording
from facecheck.results.change import Against, Change
from facecheck.results.measurement import Measurement
from facecheck.results.run import Run
from facecheck.results.signature import ModelSignature
from facecheck.results.verdict import Judgement, Outcome, Verdict

__all__ = ["Case", "ModelCard", "Promise", "cards", "cases_of", "changes_of", "headline", "promises_of"]

_BAD: tuple[Word, ...] = ("failed", "worse than baseline", "incomparable")
_TOLD = ("worse", "incomparable", "better", "undecided", "not worse", "identical", "not measured")
_MANY = 40  # cases of one model that are told in full


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """A model at the top of the page.

    Args:
        model: its signature.
        word: the verdict, in a word.
        limits: how many cases ended how, in words.
        baseline: how many comparisons ended how, in words; why there are none otherwise.
        contract: what identifies it, by name.
        differences: what changed since the baseline, in words.
        function: whether it computes what the baseline's did, in words, empty if nobody compared.
        notes: what the run found about this model, and whether it is a warning.
    """

    model: ModelSignature
    word: Word
    limits: str
    baseline: str
    contract: tuple[tuple[str, str], ...] = ()
    differences: tuple[str, ...] = ()
    function: str = ""
    notes: tuple[tuple[str, bool], ...] = ()

    @property
    def ships(self) -> bool:
        """Whether nothing speaks against it."""
        return self.word not in _BAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Something that failed, or changed since the baseline, told in full.

    Args:
        outcome: in a word.
        title: the metric and its conditions.
        model: name.
        dataset: name, empty if unknown.
        eval: name, empty if unknown.
        facts: heading and text of each line, the important first.
        condition: identity of the corruption, ``clean`` for none.
        metric: name, empty if unknown.
        command: that repeats it, empty if there is none.
    """

    outcome: str
    title: str
    model: str = ""
    dataset: str = ""
    eval: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    condition: str = "clean"
    metric: str = ""
    command: str = ""


def headline(found: Sequence[ModelCard]) -> str:
    """Return the page's first sentence.

    >>> headline([])
    'No model was judged'
    """
    found = [card for card in found if card.model.name != OTHERS]
    bad = [card for card in found if not card.ships]
    good = [card for card in found if card.word == "passed"]
    if not found:
        return "No model was judged"
    if bad:
        names = ", ".join(card.model.name for card in bad[:3]) + (f" and {len(bad) - 3} more" if len(bad) > 3 else "")  # noqa: PLR2004 - three are read at a glance
        return f"{len(bad)} of {len(found)} {_models(len(found))} may not ship: {names}"
    if not good:
        return "Nothing was judged: no promise and no baseline says what is good enough"
    if len(good) < len(found):
        return (
            f"{len(good)} of {len(found)} models {'keeps its' if len(good) == 1 else 'keep their'} promises; "
            + _open([card for card in found if card not in good])
        )
    if len(found) == 1:
        return f"{found[0].model.name} keeps its promises"
    return f"{'Both' if len(found) == 2 else f'All {len(found)}'} models keep their promises"  # noqa: PLR2004 - a word


def _open(cards: Sequence[ModelCard]) -> str:
    """Say of which models nothing can be said."""
    words = dict.fromkeys(card.word for card in cards)
    named = [(word, [card.model.name for card in cards if card.word == word]) for word in words]
    return "; ".join(f"{_joined(names)} {'is' if len(names) == 1 else 'are'} {word}" for word, names in named)


def _joined(names: Sequence[str]) -> str:
    if len(names) > 3:  # noqa: PLR2004 - three are read at a glance
        names = [*names[:3], f"{len(names) - 3} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _models(count: int) -> str:
    return "model" if count == 1 else "models"


# Cards.


def cards(run: Run) -> list[ModelCard]:
    """Return every model with its verdict, the worst first."""
    against = {each.model: each for each in run.against}
    signed = {each.model: run.signature.model(each.model) or ModelSignature(name=each.model) for each in standings(run)}
    return [_card(run, each, signed[each.model], against.get(each.model)) for each in standings(run)]


def _card(run: Run, standing: Standing, model: ModelSignature, against: Against | None) -> ModelCard:
    told = [f"{standing.cases[outcome]} {outcome}" for outcome in get_args(Outcome) if standing.cases.get(outcome)]
    differences = () if against is None else against.differences
    own = tuple(f"{model.name}{mark}" for mark in (" ", ":", ","))
    return ModelCard(
        model=model,
        word=standing.word,
        limits=", ".join(told) or "no case",
        baseline=_baseline(against),
        contract=tuple(_contract(model)),
        differences=tuple(f"{each.key}: {each.before} → {each.after}" for each in differences),
        function=_function(against),
        notes=tuple((note, WITHIN not in note) for note in run.notes if note.startswith(own)),
    )


def _baseline(against: Against | None) -> str:
    if against is None:
        return "no baseline"
    counts = Counter(change.outcome for change in against.changes)
    told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in _TOLD if counts[outcome])  # type: ignore[index]
    slower = sum(each.outcome == "worse" for each in against.timings)
    return f"{told or 'nothing in common'}{f', {slower} slower' if slower else ''}; against {against.baseline}"


def _function(against: Against | None) -> str:
    function = None if against is None else against.function
    if function is None:
        return ""
    apart = "" if function.apart is None else f"{function.apart:.2g} of the largest number"
    told = {
        "identical": "identical function: the same vectors to the bit on fixed crops",
        "same": f"same function within {apart}",
        "another": f"another function: {function.reason or f'vectors differ by up to {apart}'}",
        "unknown": f"whether it is the same function is unknown: {function.reason}",
    }
    return told[function.verdict]


def _contract(model: ModelSignature) -> Iterator[tuple[str, str]]:
    yield "specification", model.spec
    for name in ("detector", "policy", "aligner", "device", "precision", "fingerprint"):
        yield name, str(getattr(model, name))
    for name, value in model.contract.items():
        yield name.replace("_", " "), ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    if model.line:
        yield "line", model.line


# What failed.


def cases_of(run: Run) -> tuple[list[Case], int]:
    """Return the failed cases, those of clean images first, and how many more there are."""
    found = [case for verdict in run.verdicts if verdict.outcome == "failed" for case in _failed(run, verdict)]
    found.sort(key=lambda case: (case.condition != "clean", case.eval != "verification"))
    told: Counter[str] = Counter()
    kept = []
    for case in found:
        told[case.model] += 1
        if told[case.model] <= _MANY:
            kept.append(case)
    return kept, len(found) - len(kept)


def _failed(run: Run, verdict: Verdict) -> Iterator[Case]:
    failed = [judgement for judgement in verdict.judgements if judgement.outcome == "failed"]
    if not failed:
        yield Case(
            outcome="failed",
            title=verdict.case.rpartition("::")[2] or verdict.case,
            model=model_of(verdict, run),
            eval=verdict.eval,
            facts=(("why", verdict.reason),),
            command=repeated(verdict, run),
        )
    for judgement in sorted(failed, key=lambda each: each.margin or 0.0):
        measurement = judgement.measurement
        yield Case(
            outcome="failed",
            title=wording.capital(wording.title(measurement.name, measurement.conditions)),
            model=measurement.model,
            dataset=measurement.dataset,
            eval=measurement.eval,
            facts=tuple(_facts(judgement, _change_of(run, measurement))),
            metric=measurement.name,
            condition=measurement.conditions.corrupted,
            command=repeated(verdict, run),
        )


def _change_of(run: Run, m: Measurement) -> Change | None:
    """Return what became of a measurement since the baseline, None if it was not compared."""
    mine = (c for each in run.against if each.model == m.model for c in each.changes)
    same = [
        c for c in mine if (c.dataset, c.name, c.conditions.without("reference")) == (m.dataset, m.name, m.conditions)
    ]
    return next((c for c in same if c.before is not None), None)


def _facts(judgement: Judgement, change: Change | None) -> Iterator[tuple[str, str]]:
    m, limit = judgement.measurement, judgement.limit
    if limit is not None:
        bound = wording.value(m.name, limit.bound)
        yield "promised", f"{'at most' if limit.upper else 'at least'} {bound}"
    yield "baseline", "this case was not compared with one" if change is None else _was(change)
    yield "measured", f"{wording.value(m.name, m.value)} {interval(m)}, n = {m.n}"
    if change is not None:
        yield "gain on the baseline", _gain(change)
        yield "p of harm", _p_of_harm(change)
    if judgement.margin is not None:
        missed = wording.value(m.name, abs(judgement.margin))
        yield "missed by", f"{missed}{_doubt(judgement)}"
    if limit is None:
        yield "why", judgement.reason
    elif limit.why:
        yield "reason for the promise", limit.why


def _doubt(judgement: Judgement) -> str:
    """Say whether chance alone may have done it: the promise lies within the interval."""
    m, limit = judgement.measurement, judgement.limit
    if limit is None or not m.low <= limit.bound <= m.high:
        return "; the whole interval lies beyond the promise"
    return "; the promise lies within the interval of the measurement"


def interval(m: Measurement) -> str:
    """Return the 95 % interval as text."""
    return f"[{wording.value(m.name, m.low)}, {wording.value(m.name, m.high)}]"


# What changed since the baseline.


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One promise and how it was kept, a row of a table."""

    model: str
    dataset: str
    eval: str
    title: str
    promised: str
    measured: Cell
    outcome: str


def promises_of(run: Run) -> list[Promise]:
    """Return every judged measurement with what was promised, in the order of the run; some have no promise."""
    return [
        Promise(
            model=m.model,
            dataset=m.dataset,
            eval=m.eval,
            title=wording.title(m.name, m.conditions),
            promised=""
            if limit is None
            else f"{'at most' if limit.upper else 'at least'} {wording.value(m.name, limit.bound)}",
            measured=measured_cell(m),
            outcome=judgement.outcome,
        )
        for verdict in run.verdicts
        for judgement in verdict.judgements
        for m, limit in [(judgement.measurement, judgement.limit)]
    ]


def changes_of(
    run: Run, against: Against, outcomes: Sequence[str], *, yardstick: str = "baseline"
) -> tuple[list[Case], int]:
    """Return the changes of these outcomes, the largest first, and how many more there are.

    Args:
        run: that is told.
        against: one model's comparison.
        outcomes: that are wanted.
        yardstick: what the model is compared with, in a word or two.
    """
    found = sorted(
        (change for change in against.changes if change.outcome in outcomes),
        key=lambda change: (outcomes.index(change.outcome), change.conditions.is_swept, -abs(change.gain)),
    )
    told = [_changed(run, against, change, yardstick) for change in found[:_MANY]]
    return told, max(0, len(found) - _MANY)


def _changed(run: Run, against: Against, change: Change, yardstick: str) -> Case:
    eval_name = _eval_of(run, against.model, change)
    return Case(
        outcome=change.outcome,
        title=wording.capital(wording.title(change.name, change.conditions)),
        model=against.model,
        dataset=change.dataset,
        eval=eval_name,
        facts=tuple(_compared(change, yardstick)),
        metric=change.name,
        condition=change.conditions.corrupted,
        command=repeated_eval(run, eval_name, model=against.model, dataset=change.dataset),
    )


def _eval_of(run: Run, model: str, change: Change) -> str:
    """Return the eval that measured what changed, empty if none did: a mean over levels is measured by several."""
    at = change.conditions.without("reference")
    mine = [m for m in run.measurements if (m.model, m.dataset) == (model, change.dataset)]
    same = [m for m in mine if m.name == change.name and m.conditions.matches(at.without("threshold"))]
    level = [m for m in mine if at.corruption and m.conditions.corrupted == at.corrupted]
    clean = [m for m in mine if not at.corruption and m.eval == "verification" and at.levels is None]
    return next((m.eval for m in (*same, *level, *clean)), "")


def _was(change: Change) -> str:
    return "none" if change.before is None else wording.value(change.name, change.before)


def _gain(change: Change) -> str:
    return f"{change.gain:+.4f} [{change.low:+.4f}, {change.high:+.4f}], over all cases together"


def _p_of_harm(change: Change) -> str:
    floor = "≤ " if change.p <= LEAST_P else ""
    return f"{floor}{change.p:.2g} over all cases (Holm: {change.p_holm:.2g})"


def _compared(change: Change, yardstick: str) -> Iterator[tuple[str, str]]:
    if change.before is None or change.after is None or change.outcome == "incomparable":
        yield "why", change.reason
        return
    before, after = _was(change), wording.value(change.name, change.after)
    yield yardstick, before
    yield "measured", after
    yield "gain", _gain(change)
    yield "tolerated loss", f"{change.margin:g}"
    if change.outcome != "better":
        yield "p of harm", _p_of_harm(change)
    yield "people", str(change.people)
    if change.people_needed is not None and change.outcome == "undecided":
        yield "would decide", f"some {change.people_needed} people like these"
    if change.flips is not None:
        flips = change.flips
        how = "before and are not now" if change.conditions.levels is None else "at more levels before"
        broken = f"{flips.negative} of {flips.pairs} were judged correctly {how}"
        yield "pairs that changed sides", f"{broken}, {flips.positive} the reverse"
