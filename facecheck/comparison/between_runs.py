"""A run against the approved one of its model line, on the same pairs: worse, not worse, better, undecided?

Every metric of every data set and corruption is a case. The difference is paired, and its standard error counts the
covariance of all pairs that share a person. A case is

* identical: every similarity and threshold is equal to the bit,
* worse: there is evidence that more than the margin was lost,
* better: there is evidence of a gain,
* not worse: there is evidence that at most the margin was lost,
* undecided: none of these; more people would be needed,
* incomparable: the pairs, their images or the corruption are not the same.

Evidence is one-sided and corrected over all cases of the run (step-down max-T over people, see
:mod:`facecheck.metrics.family`), so that a whole gate raises a false alarm at the chosen rate.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, cast

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from facecheck.errors import FacecheckError, nearest
from facecheck.gate.baselines import read_baseline
from facecheck.metrics import influence, resolvable
from facecheck.metrics.dyads import Dyads
from facecheck.metrics.family import Family, correlation
from facecheck.metrics.paired import LEAST_VARIANCE, freedom_of, holm, on_curve
from facecheck.metrics.scores import Scores
from facecheck.results.catalogue import METRICS
from facecheck.results.conditions import DEPLOYED, NON_MATCH, Conditions
from facecheck.results.run import Run
from facecheck.results.scored_pairs import ScoredPairs, load_scores
from facecheck.results.signature import Signature

__all__ = ["MARGINS", "Change", "ChangeOutcome", "Flips", "compare_runs", "compare_scores"]

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
ChangeOutcome = Literal["worse", "incomparable", "undecided", "not worse", "better", "identical"]
# What may be lost before it counts as harm, in units of each metric; a repository's limits file may say otherwise.
MARGINS: Mapping[str, float] = {
    "accuracy": 0.002,
    "auc": 0.002,
    "eer": 0.002,
    "tar_at_far": 0.01,
    "comparisons_made": 0.002,
}
_SHOWN = 5  # pairs that changed sides, by name
_FARS = (0.01, 0.001)
_EVIDENCE = ("worse", "better", "not worse")  # in this order of precedence
_MOST_PEOPLE = 1_000_000
_Z_MOST = 37.0  # beyond it the normal's tail is zero in a float


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """Pairs that the two versions judge differently.

    Args:
        negative: that the approved version judged correctly and this one does not.
        positive: the reverse.
        pairs: of all.
        worst: names of both images and the two similarities, those that changed most first.
    """

    negative: int
    positive: int
    pairs: int
    worst: tuple[tuple[str, str, float, float], ...] = ()

    @property
    def negative_rate(self) -> float:
        """Share of all pairs that broke."""
        return self.negative / self.pairs if self.pairs else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One metric under one condition, this run against the baseline.

    Args:
        dataset: name of the data set.
        name: of the metric.
        conditions: that it was measured under.
        outcome: see the module.
        before: value of the baseline.
        after: value of the run.
        gain: improvement, negative for a loss, whatever the metric's direction.
        low: end of the simultaneous interval of the gain.
        high: end of the simultaneous interval of the gain.
        margin: loss that is tolerated.
        p: one-sided probability of so large a loss beyond the margin, corrected over all cases (max-T).
        p_holm: the same, corrected by Holm.
        people: that the pairs concern.
        people_needed: roughly how many would decide, None where it is decided.
        flips: pairs that changed sides, None for metrics over all thresholds.
        reason: why the case is incomparable; empty otherwise.
    """

    dataset: str
    name: str
    conditions: Conditions
    outcome: ChangeOutcome
    before: float = float("nan")
    after: float = float("nan")
    gain: float = 0.0
    low: float = 0.0
    high: float = 0.0
    margin: float = 0.0
    p: float = 1.0
    p_holm: float = 1.0
    people: int = 0
    people_needed: int | None = None
    flips: Flips | None = None
    reason: str = ""


@dataclass(slots=True, kw_only=True, eq=False)
class _Case:
    dataset: str
    name: str
    conditions: Conditions
    before: float
    after: float
    gain: float
    variance: float
    freedom: float
    of_people: Array
    group: int
    margin: float
    people: int
    identical: bool
    flips: Flips | None = None

    @property
    def most(self) -> float:
        """The evidence that as many fair coins as there are pairs that changed sides could show at most."""
        if self.flips is None:
            return _Z_MOST
        return min(_Z_MOST, float(-ndtri(0.5 ** (self.flips.negative + self.flips.positive))))


class _MakeCase(Protocol):
    """Makes a case out of a metric's values before and after, and of how each pair moved it."""

    def __call__(
        self, name: str, where: Conditions, values: tuple[float, float], moved: Array, kinds: Bools | None = None
    ) -> _Case: ...


def compare_runs(
    before: Path, after: Path, *, model: str | None = None, against: str | None = None, false_alarms: float = 0.01
) -> dict[tuple[str, str], tuple[Change, ...]]:
    """Compare the models of two finished runs on the pairs that both judged.

    Args:
        before: folder of the run, or of the baseline, that is the yardstick.
        after: folder of the other.
        model: of ``after``; by default every model that both have, or the only one of each.
        against: of ``before``, the same name by default.
        false_alarms: chance of calling any sound case worse, over all cases of a model.

    Raises:
        FacecheckError: no run there, damaged scores, or no model to compare.
    """
    (earlier, approved), (later, measured) = _kept(before), _kept(after)
    old, new = ([signed.name for signed in each.models] for each in (earlier, later))
    couples = _couples(old, new, model, against)
    return {
        (theirs, ours): compare_scores(
            [each for each in approved if each.model == theirs],
            [each for each in measured if each.model == ours],
            false_alarms=false_alarms,
            corruptions=(earlier.code.of_corruptions, later.code.of_corruptions),
        )
        for theirs, ours in couples
    }


def _kept(folder: Path) -> tuple[Signature, list[ScoredPairs]]:
    """Return the signature of a run, or of a baseline, and its scores."""
    baseline = read_baseline(folder.parent, folder.name)
    if baseline is not None:
        return baseline.signature, list(baseline.scored())
    run = Run.read(folder)
    return run.signature, list(load_scores(folder, hashes=run.scores))


def _couples(old: Sequence[str], new: Sequence[str], model: str | None, against: str | None) -> list[tuple[str, str]]:
    for name, known, where in ((model, new, "the second run"), (against, old, "the first run")):
        if name is not None and name not in known:
            raise FacecheckError(f"{name!r} is no model of {where}. {nearest(name, known)}")
    if model is not None or against is not None:
        ours = model if model is not None else against if against in new else new[0] if len(new) == 1 else None
        theirs = against if against is not None else ours if ours in old else old[0] if len(old) == 1 else None
        if ours is None or theirs is None:
            raise FacecheckError("which models? Give both --model and --against: the runs have several")
        return [(theirs, ours)]
    both = [(name, name) for name in old if name in new]
    if not both and len(old) == len(new) == 1:
        both = [(old[0], new[0])]
    if not both:
        raise FacecheckError(
            f"the runs have no model in common ({', '.join(old)}; {', '.join(new)}): say --model NEW --against OLD"
        )
    return both


def compare_scores(
    before: Iterable[ScoredPairs],
    after: Iterable[ScoredPairs],
    *,
    margins: Mapping[str, float] = MARGINS,
    false_alarms: float = 0.01,
    corruptions: tuple[str, str] = ("", ""),
) -> tuple[Change, ...]:
    """Compare the scores of one model line: the baseline's and a run's.

    Args:
        before: of the baseline.
        after: of the run.
        margins: tolerated loss by metric; a metric that is not named has none.
        false_alarms: chance of calling any sound case worse, over all cases together.
        corruptions: what identifies the code of the corruptions, of the baseline and of the run.
    """
    approved = {(each.dataset, each.condition): each for each in before}
    measured = {(each.dataset, each.condition): each for each in after}
    refused: list[Change] = []
    cases: list[_Case] = []
    people: dict[str, tuple[int, Dyads]] = {}
    for key, old in approved.items():
        new = measured.get(key)
        reason = "the run did not measure it" if new is None else _incomparable(old, new, corruptions)
        if new is None or reason:
            at = Conditions.of_corrupted(old.condition)
            refused.append(
                Change(dataset=old.dataset, name="accuracy", conditions=at, outcome="incomparable", reason=reason)
            )
            continue
        if new.dataset not in people:
            people[new.dataset] = (len(people), Dyads.of(new.scores.who))
        clean = approved.get((new.dataset, "clean")), measured.get((new.dataset, "clean"))
        cases += _cases(old, new, clean, people[new.dataset], margins)
    return (*_judged(cases, false_alarms), *refused)


def _incomparable(old: ScoredPairs, new: ScoredPairs, corruptions: tuple[str, str]) -> str:
    if old.digest != new.digest:
        return f"the pairs or images changed: baseline {old.digest[:12]}, run {new.digest[:12]}"
    if not (np.array_equal(old.names, new.names) and np.array_equal(old.scores.who, new.scores.who)):
        return "the pairs changed although the data set's digest did not"
    if new.condition != "clean" and corruptions[0] != corruptions[1]:
        known = " and ".join(code[:12] or "unknown" for code in corruptions)
        return f"the code of the corruptions changed: baseline and run have {known}"
    return ""


def _cases(
    old: ScoredPairs,
    new: ScoredPairs,
    clean: tuple[ScoredPairs | None, ScoredPairs | None],
    people: tuple[int, Dyads],
    margins: Mapping[str, float],
) -> Iterator[_Case]:
    group, dyads = people
    genuine = new.scores.genuine
    at = Conditions.of_corrupted(new.condition)
    identical = np.array_equal(old.scores.similarity, new.scores.similarity)

    def case(
        name: str,
        where: Conditions,
        values: tuple[float, float],
        moved: Array,
        kinds: Bools | None = None,
    ) -> _Case:
        sign = -1.0 if METRICS[name].better == "lower" else 1.0
        spread = dyads.spread(moved, kinds, least=LEAST_VARIANCE)
        return _Case(
            dataset=new.dataset,
            name=name,
            conditions=at | where,
            before=values[0],
            after=values[1],
            gain=sign * (values[1] - values[0]),
            variance=spread.variance,
            freedom=freedom_of(name, spread),
            of_people=sign * dyads.per_person(moved),
            group=group,
            margin=margins.get(name, 0.0),
            people=dyads.count,
            identical=identical,
        )

    before, after = clean
    if before is not None and after is not None:
        yield from _decided_cases(old, new, (before.thresholds, after.thresholds), case)
    was_made, is_made = (each.scores.made.astype(np.float64) for each in (old, new))
    shares = (float(was_made.mean()), float(is_made.mean()))
    made = case("comparisons_made", Conditions(), shares, influence.of_mean(is_made - was_made))
    yield dataclasses.replace(made, identical=np.array_equal(was_made, is_made))
    if genuine.any() and not genuine.all():
        yield from _ranked_cases(old.scores, new.scores, at, case)


def _decided_cases(
    old: ScoredPairs, new: ScoredPairs, thresholds: tuple[Array, Array], case: _MakeCase
) -> Iterator[_Case]:
    """Yield the accuracy at the run's own clean thresholds, and at those that the baseline's users run with."""
    genuine, (theirs, ours) = new.scores.genuine, thresholds
    was_right = old.scores.matched(theirs) == genuine
    for chosen, where in ((ours, DEPLOYED), (theirs, NON_MATCH | Conditions(reference="approved threshold"))):
        is_right = new.scores.matched(chosen) == genuine
        apart = is_right.astype(np.float64) - was_right
        rates = (float(was_right.mean()), float(is_right.mean()))
        made = case("accuracy", where, rates, influence.of_mean(apart, genuine), genuine)
        same = np.array_equal(old.scores.similarity, new.scores.similarity) and np.array_equal(chosen, theirs)
        yield dataclasses.replace(made, identical=same, flips=_flips(was_right, is_right, old, new))


def _ranked_cases(old: Scores, new: Scores, at: Conditions, case: _MakeCase) -> Iterator[_Case]:
    impostors = int((~new.genuine).sum())
    fars = [far for far in _FARS if resolvable(impostors, far) and not at.is_swept]
    for name, far in (("auc", None), ("eer", None), *(("tar_at_far", far) for far in fars)):
        (was, old_influence), (now, new_influence) = (on_curve(each, name, far) for each in (old, new))
        where = NON_MATCH if far is None else NON_MATCH | Conditions(far=far)
        yield case(name, where, (was, now), new_influence - old_influence, new.genuine)


def _flips(was_right: Bools, is_right: Bools, old: ScoredPairs, new: ScoredPairs) -> Flips:
    broken = np.flatnonzero(was_right & ~is_right)
    with np.errstate(invalid="ignore"):
        apart = np.nan_to_num(np.abs(new.scores.similarity - old.scores.similarity)[broken], nan=0.0)
    worst = broken[np.argsort(-apart, kind="stable")[:_SHOWN]]
    return Flips(
        negative=len(broken),
        positive=int((~was_right & is_right).sum()),
        pairs=len(was_right),
        worst=tuple(
            (
                str(new.names[row, 0]),
                str(new.names[row, 1]),
                float(old.scores.similarity[row]),
                float(new.scores.similarity[row]),
            )
            for row in worst
        ),
    )


# Evidence over all cases.


def _judged(cases: Sequence[_Case], false_alarms: float) -> Iterator[Change]:
    open_cases = [case for case in cases if not case.identical and case.variance > 0]
    if not open_cases:
        yield from (_settled(case, false_alarms) for case in cases)
        return
    family = Family(_related(open_cases))
    tails: dict[str, list[float]] = {
        "worse": [min(_z(-(case.gain + case.margin), case), case.most) for case in open_cases],
        "better": [min(_z(case.gain, case), case.most) for case in open_cases],
        "not worse": [_z(case.gain + case.margin, case) for case in open_cases],
    }
    p = {name: family.adjusted(np.array(z)).tolist() for name, z in tails.items()}
    by_holm = holm([float(ndtr(-z)) for z in tails["worse"]]).tolist()
    reach = family.reach(false_alarms)
    decided = {
        id(case): _decided(case, {name: p[name][row] for name in p}, by_holm[row], reach, false_alarms)
        for row, case in enumerate(open_cases)
    }
    yield from (decided.get(id(case)) or _settled(case, false_alarms) for case in cases)


def _settled(case: _Case, rate: float) -> Change:
    """Return a case without any difference between pairs, or with the same one in all: people alone bound it."""
    if case.identical:
        return _change(case, "identical")
    doubt = 1 - rate ** (
        1 / case.people
    )  # the largest share that as many people may hide without one of them showing it
    low, high = max(-1.0, case.gain - doubt), min(1.0, case.gain + doubt)
    outcome: ChangeOutcome = "undecided"
    if high < -case.margin:
        outcome = "worse"
    elif low > -case.margin:
        outcome = "better" if low > 0 else "not worse"
    p = 0.5**case.people if case.gain < -case.margin else 1.0
    return dataclasses.replace(_change(case, outcome), low=low, high=high, p=p, p_holm=p)


def _decided(case: _Case, p: Mapping[str, float], p_holm: float, reach: float, rate: float) -> Change:
    half = float(stdtrit(case.freedom, float(ndtr(reach))) * np.sqrt(case.variance))
    outcome = next((name for name in _EVIDENCE if p[name] <= rate), "undecided")
    needed = None
    if outcome == "undecided":
        needed = _needed(case, half)
    found = _change(case, cast("ChangeOutcome", outcome))
    return dataclasses.replace(
        found,
        low=max(-1.0, case.gain - half),
        high=min(1.0, case.gain + half),
        p=p["worse"],
        p_holm=p_holm,
        people_needed=needed,
    )


def _needed(case: _Case, half: float) -> int | None:
    """Return how many people would decide if the gain stayed as it is, None where no realistic number would."""
    room = max(abs(case.gain + case.margin), case.margin / 2)
    needed = case.people * (half / room) ** 2 if room > 0 else np.inf
    return int(np.ceil(needed)) if needed <= _MOST_PEOPLE else None


def _change(case: _Case, outcome: ChangeOutcome) -> Change:
    return Change(
        dataset=case.dataset,
        name=case.name,
        conditions=case.conditions,
        outcome=outcome,
        before=case.before,
        after=case.after,
        gain=case.gain,
        margin=case.margin,
        people=case.people,
        flips=case.flips,
    )


def _z(gain: float, case: _Case) -> float:
    """Return the normal score with the tail probability that t has at a gain."""
    tail = float(stdtr(case.freedom, -gain / np.sqrt(case.variance)))
    return float(np.clip(-ndtri(tail), -_Z_MOST, _Z_MOST))


def _related(cases: Sequence[_Case]) -> Array:
    """Return the correlation of the cases: those of one data set share its people, others share none."""
    whole = np.eye(len(cases))
    for group in {case.group for case in cases}:
        rows = [row for row, case in enumerate(cases) if case.group == group]
        whole[np.ix_(rows, rows)] = correlation(np.stack([cases[row].of_people for row in rows], axis=1))
    return whole
