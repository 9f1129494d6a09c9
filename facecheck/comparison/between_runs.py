"""A run against the approved one of its model line, on the same pairs: worse, not worse, better, undecided?

Every metric of every data set and corruption is a case, and so is the mean accuracy over the levels of each sweep (see
:mod:`facecheck.comparison.over_levels`). The difference is paired, and its standard error counts the
covariance of all pairs that share a person. A case is

* identical: every similarity and threshold is equal to the bit,
* worse: there is evidence that more than the margin was lost,
* better: there is evidence of a gain,
* not worse: there is evidence that at most the margin was lost, or the scores differ by rounding only,
* undecided: none of these; more people would be needed,
* incomparable: the pairs, their images or the corruption are not the same, or the policy changed beside other parts,
* not measured: the baseline has it, the run did not ask for it.

Evidence is one-sided and corrected over all cases of the run (step-down max-T over people, see
:mod:`facecheck.metrics.family`), so that a whole gate raises a false alarm at the chosen rate.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, betaincinv, ndtr, ndtri, stdtr, stdtrit

from facecheck.comparison.by_eval import COMPARED, Moved, moved_by, unmoved
from facecheck.comparison.differences import Refuse, other_pairs
from facecheck.comparison.flips import flips_of
from facecheck.comparison.over_levels import conditions_of, share_correct, shares_flipped, sweeps_of
from facecheck.gate.margins import Margins
from facecheck.metrics import influence
from facecheck.metrics.dyads import Dyads
from facecheck.metrics.family import Family, correlation
from facecheck.metrics.paired import LEAST_VARIANCE, freedom_of, holm, on_curve
from facecheck.metrics.scores import Scores
from facecheck.metrics.separation import dprime
from facecheck.results.catalogue import METRICS
from facecheck.results.change import Change, ChangeOutcome, Flips
from facecheck.results.conditions import ANY, COMPLETED, DEPLOYED, NON_MATCH, Conditions
from facecheck.results.evidence import Evidence
from facecheck.results.scored_pairs import ScoredPairs

__all__ = ["compare_scores"]

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_Both = tuple[ScoredPairs, ScoredPairs]
DEFAULT = Margins()
_FARS = (0.01, 0.001)
_FEWEST_ACCEPTED = 5  # impostors at an FAR: fewer set a threshold whose chance no normal describes, least in ties
_ROUNDING = (
    1e-3  # of the spread of the scores: other batches, with detection run again, change .6e-3 (docs/gate-power.md)
)
_FEWEST = 2  # comparisons of a kind that have a spread
_EVIDENCE = ("worse", "better", "not worse")  # in this order of precedence
_MOST_PEOPLE = 1_000_000
_Z_MOST = 37.0  # beyond it the normal's tail is zero in a float


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
    numeric: bool = False
    flips: Flips | None = None
    told: Flips | None = None  # pairs that are shown, where they bound no evidence

    @property
    def same(self) -> bool:
        """Whether the scores are those of the same model but for rounding: no sample of people is needed to say so."""
        return self.numeric and abs(self.gain) <= self.margin

    @property
    def most(self) -> float:
        """The evidence that as many fair coins as there are pairs that changed sides could show at most."""
        if self.flips is None:
            return _Z_MOST
        return min(_Z_MOST, float(-ndtri(0.5 ** (self.flips.negative + self.flips.positive))))

    @property
    def of_few(self) -> float:
        """The evidence that at most the margin was lost which few broken pairs give, of as many trials as people.

        Between a few pairs there is hardly any spread to estimate: Student's t says nothing there.
        """
        if self.flips is None or not self.margin > 0:
            return -_Z_MOST
        tail = float(bdtr(self.flips.negative, self.trials, min(1.0, self.margin)))
        return float(np.clip(-ndtri(tail), -_Z_MOST, _Z_MOST))

    @property
    def trials(self) -> int:
        """How many pairs count as independent at least."""
        return self.people if self.flips is None else min(self.people, self.flips.pairs)

    def bounded(self, low: float, high: float, tail: float) -> tuple[float, float]:
        """Return an interval that is no wider than the counts of pairs that changed sides allow."""
        if self.flips is None:
            return low, high
        return (
            max(low, -_largest_share(self.flips.negative, self.trials, tail)),
            min(high, _largest_share(self.flips.positive, self.trials, tail)),
        )


class _MakeCase(Protocol):
    """Makes a case out of a metric's values before and after, and of how each pair moved it."""

    def __call__(
        self, name: str, where: Conditions, values: tuple[float, float], moved: Array, kinds: Bools | None = None
    ) -> _Case: ...


def compare_scores(
    before: Iterable[ScoredPairs],
    after: Iterable[ScoredPairs],
    *,
    evidence: tuple[Sequence[Evidence], Sequence[Evidence]] = ((), ()),
    margins: Margins = DEFAULT,
    false_alarms: float = 0.01,
    refuse: Refuse = other_pairs,
) -> tuple[Change, ...]:
    """Compare the scores of one model line: the baseline's and a run's.

    Args:
        before: of the baseline.
        after: of the run, all of one model.
        evidence: of the baseline and of the run, for the evals that rest on more than the similarities of pairs.
        margins: tolerated losses.
        false_alarms: chance of calling any sound case worse, over all cases together.
        refuse: says why two files of scores cannot be compared, empty if they can.
    """
    approved = {(each.dataset, each.condition): each for each in before}
    measured = {(each.dataset, each.condition): each for each in after}
    refused: list[Change] = []
    cases: list[_Case] = []
    people: dict[str, tuple[int, Dyads]] = {}
    compared: dict[str, dict[str, _Both]] = {}
    for key, old in approved.items():
        new = measured.get(key)
        reason = "the run did not measure it" if new is None else refuse(old, new)
        if new is None or reason:
            outcome: ChangeOutcome = "not measured" if new is None else "incomparable"
            at = Conditions.of_corrupted(old.condition)
            refused.append(Change(dataset=old.dataset, name="accuracy", conditions=at, outcome=outcome, reason=reason))
            continue
        if new.dataset not in people:
            people[new.dataset] = (len(people), Dyads.of(new.scores.who))
        clean = approved.get((new.dataset, "clean")), measured.get((new.dataset, "clean"))
        cases += _cases(old, new, clean, people[new.dataset], margins)
        compared.setdefault(new.dataset, {})[new.condition] = (old, new)
    for dataset, both in compared.items():
        cases += _pooled_cases(both, people[dataset], margins)
    for found, of_eval in _of_evals(evidence, compared, refused):
        if isinstance(found, Change):
            refused.append(found)
        elif of_eval is not None:
            cases.append(_case_of(found, of_eval, people[of_eval[1].dataset], margins))
    return (*_judged(cases, false_alarms), *refused)


def _of_evals(
    evidence: tuple[Sequence[Evidence], Sequence[Evidence]],
    compared: Mapping[str, Mapping[str, _Both]],
    refused: Sequence[Change],
) -> Iterator[tuple[Moved | Change, _Both | None]]:
    """Yield what the evals with evidence of their own measured before and after, with the clean pairs of both."""
    measured = {(each.dataset, each.eval): each for each in evidence[1]}
    of_clean = {change.dataset: change for change in refused if change.conditions.corrupted == "clean"}
    for old in evidence[0]:
        if old.eval not in COMPARED:
            continue
        new, both = measured.get((old.dataset, old.eval)), compared.get(old.dataset, {}).get("clean")
        if new is None:
            yield unmoved(old, "not measured", "the run did not measure it"), None
        elif both is None:
            why = of_clean.get(old.dataset)
            yield unmoved(old, "incomparable", why.reason if why else "there are no clean pairs beside it"), None
        else:
            for found in moved_by(old, new, both):
                yield found, both


def _case_of(found: Moved, both: _Both, people: tuple[int, Dyads], margins: Margins) -> _Case:
    """Return the case of an eval that has people of its own, or those of the pairs."""
    old, new = both
    group, of_pairs = people
    dyads = of_pairs if found.people is None else Dyads.of(found.people)
    numeric = _differs_by_noise(old.scores, new.scores)
    case = _maker(new, ANY, (group, dyads), margins, identical=found.identical, numeric=numeric)
    made = case(found.name, found.conditions, (found.before, found.after), found.moved, found.kinds)
    of_people = made.of_people
    if found.people is not None:  # in the order of the people of the pairs, so that cases can be correlated
        known = np.unique(new.scores.who)
        mine = np.unique(found.people)
        of_people = np.zeros(len(known))
        both_know = np.isin(mine, known)
        of_people[np.searchsorted(known, mine[both_know])] = made.of_people[both_know]
    return dataclasses.replace(made, of_people=of_people, flips=found.flips, people=found.concerned or of_pairs.count)


def _cases(
    old: ScoredPairs,
    new: ScoredPairs,
    clean: tuple[ScoredPairs | None, ScoredPairs | None],
    people: tuple[int, Dyads],
    margins: Margins,
) -> Iterator[_Case]:
    genuine = new.scores.genuine
    at = Conditions.of_corrupted(new.condition)
    identical = np.array_equal(old.scores.similarity, new.scores.similarity)
    case = _maker(new, at, people, margins, identical=identical, numeric=_differs_by_noise(old.scores, new.scores))
    before, after = clean
    if before is not None and after is not None:
        yield from _decided_cases(old, new, (before.thresholds, after.thresholds), case)
    was_made, is_made = (each.scores.made.astype(np.float64) for each in (old, new))
    shares = (float(was_made.mean()), float(is_made.mean()))
    made = case("comparisons_made", Conditions(), shares, influence.of_mean(is_made - was_made))
    yield dataclasses.replace(made, identical=np.array_equal(was_made, is_made))
    if genuine.any() and not genuine.all():
        yield from _ranked_cases(old.scores, new.scores, at, case)
        if not at.is_swept:
            yield from _separated_cases(old.scores, new.scores, case)


def _pooled_cases(compared: Mapping[str, _Both], people: tuple[int, Dyads], margins: Margins) -> Iterator[_Case]:
    """Yield the mean accuracy over the levels of each sweep, at each version's own clean thresholds."""
    if "clean" not in compared:
        return
    theirs, ours = (each.thresholds for each in compared["clean"])
    genuine = compared["clean"][1].scores.genuine
    for sweep, levels in sweeps_of([name for name in compared if name != "clean"]).items():
        before, after = zip(*(compared[level] for level in levels), strict=True)
        was, now = share_correct(before, theirs), share_correct(after, ours)
        pairs = [(old.scores, new.scores) for old, new in zip(before, after, strict=True)]
        same = np.array_equal(theirs, ours) and all(np.array_equal(a.similarity, b.similarity) for a, b in pairs)
        numeric = all(_differs_by_noise(a, b) for a, b in pairs)
        case = _maker(after[0], ANY, people, margins, identical=same, numeric=numeric)
        where = conditions_of(sweep, len(levels))
        values = (float(was.mean()), float(now.mean()))
        made = case("accuracy_over_levels", where, values, influence.of_mean(now - was, genuine), genuine)
        yield dataclasses.replace(made, flips=shares_flipped(was, now, after[0]))


def _maker(
    new: ScoredPairs,
    at: Conditions,
    people: tuple[int, Dyads],
    margins: Margins,
    *,
    identical: bool,
    numeric: bool,
) -> _MakeCase:
    group, dyads = people

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
            margin=margins.of(new.model, new.dataset, name, at | where),
            people=dyads.count,
            identical=identical,
            numeric=numeric,
        )

    return case


def _differs_by_noise(old: Scores, new: Scores) -> bool:
    """Whether every similarity is that of before but for what another machine or batch size does to it."""
    made = new.made
    if not np.array_equal(old.made, made) or not made.any():
        return False
    apart = float(np.abs(old.similarity[made] - new.similarity[made]).max())
    return bool(apart <= _ROUNDING * old.similarity[made].std())


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
        flips = flips_of(was_right, is_right, new.names, (old.scores.similarity, new.scores.similarity))
        yield dataclasses.replace(made, identical=same, flips=flips)
        if where is DEPLOYED and new.condition == "clean":
            broke = (was_right & ~is_right).astype(np.float64)
            rate = float(broke.mean())
            flipped = case("negative_flip_rate", where, (0.0, rate), influence.of_mean(broke, genuine), genuine)
            yield dataclasses.replace(flipped, identical=same, told=flips)


def _ranked_cases(old: Scores, new: Scores, at: Conditions, case: _MakeCase) -> Iterator[_Case]:
    impostors = int((~new.genuine).sum())
    fars = [far for far in _FARS if far >= _FEWEST_ACCEPTED / impostors and not at.is_swept]
    for name, far in (("auc", None), ("eer", None), *(("tar_at_far", far) for far in fars)):
        (was, old_influence), (now, new_influence) = (on_curve(each, name, far) for each in (old, new))
        where = NON_MATCH if far is None else NON_MATCH | Conditions(far=far)
        yield case(name, where, (was, now), new_influence - old_influence, new.genuine)


def _separated_cases(old: Scores, new: Scores, case: _MakeCase) -> Iterator[_Case]:
    """Yield how far the distances of both kinds lie apart, over the comparisons that both versions made."""
    rows = old.made & new.made
    genuine = new.genuine[rows]
    if min(genuine.sum(), (~genuine).sum()) < _FEWEST:
        return
    was, now = old.similarity[rows], new.similarity[rows]
    if not all(part.std() > 0 for values in (was, now) for part in (values[genuine], values[~genuine])):
        return
    moved = np.zeros(len(new))
    moved[rows] = influence.of_dprime(now, genuine) - influence.of_dprime(was, genuine)
    values = (dprime(Scores(was, old.who[rows])), dprime(Scores(now, new.who[rows])))
    yield case("dprime", COMPLETED, values, moved, new.genuine)


# Evidence over all cases.


def _judged(cases: Sequence[_Case], false_alarms: float) -> Iterator[Change]:
    open_cases = [case for case in cases if not (case.identical or case.same) and case.variance > 0]
    if not open_cases:
        yield from (_settled(case, false_alarms) for case in cases)
        return
    family = Family(_related(open_cases))
    tails: dict[str, list[float]] = {
        "worse": [min(_z(-(case.gain + case.margin), case), case.most) for case in open_cases],
        "better": [min(_z(case.gain, case), case.most) for case in open_cases],
        "not worse": [max(_z(case.gain + case.margin, case), case.of_few) for case in open_cases],
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
    if case.same:
        return dataclasses.replace(_change(case, "not worse"), low=case.gain, high=case.gain)
    # The largest share that as many people may hide without one of them showing it.
    doubt = 1 - rate ** (1 / case.people)
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
    low, high = case.bounded(case.gain - half, case.gain + half, float(ndtr(-reach)))
    return dataclasses.replace(
        found,
        low=max(-_most(case), low),
        high=min(_most(case), high),
        p=p["worse"],
        p_holm=p_holm,
        people_needed=needed,
    )


def _largest_share(count: int, trials: int, tail: float) -> float:
    """Return the largest share under which so few of the trials are no surprise (Clopper and Pearson, 1934)."""
    return 1.0 if count >= trials else float(betaincinv(count + 1, trials - count, 1 - tail))


def _most(case: _Case) -> float:
    """Return the largest gain that there can be."""
    return 1.0 if METRICS[case.name].unit == "fraction" else np.inf


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
        flips=case.flips or case.told,
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
