"""Identification, groups, quality and calibration against the baseline: what each pair or search adds to a difference.

Groups, quality and calibration come from the similarities of the clean pairs and what the run kept beside them (labels
and qualities of images, folds); identification from what every search found. Each is a case of the family in
:mod:`facecheck.comparison.between_runs`, with the same outcomes and the same false-alarm rate.

* Identification: the rate at rank 1, and DIR at each FPIR that five non-mated probes or more can exceed. Two searches
  are dependent if they share the person who is searched for or the one who is found in the place of another.
* Groups: FMR and FNMR of the worst group, whichever it is in either version, at each version's own threshold, where
  1 % of all impostors match.
* Quality: the area under error against discard up to 20 %, at the same threshold. Not the relative area that limits
  are about: it rises where a model stops to err on poor images.
* Calibration: Cllr and ECE after Platt's calibration on other people, and minCllr, over what both versions compared.

What cannot be judged soundly is ``undecided`` with the reason: too few people or pairs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from facecheck.comparison.flips import flips_of
from facecheck.errors import FacecheckError
from facecheck.metrics.calibration import cllr, cross_fitted, ece, influence_of_cllr, min_llr, signed_gaps
from facecheck.metrics.curves import curve, fnmr_at_fmr
from facecheck.metrics.groups import FEWEST_GENUINE, FEWEST_IMPOSTORS, FEWEST_PEOPLE, accepted_at_far
from facecheck.metrics.identification import Searches, as_scores, identified
from facecheck.metrics.influence import of_mean, within
from facecheck.metrics.paired import on_curve
from facecheck.metrics.quality import LIMIT, area_at_far, pair_quality
from facecheck.metrics.scores import Scores
from facecheck.results.change import Change, ChangeOutcome, Flips
from facecheck.results.conditions import COMPLETED, NON_MATCH, Conditions
from facecheck.results.evidence import Evidence
from facecheck.results.scored_pairs import ScoredPairs

__all__ = ["COMPARED", "Moved", "moved_by", "unmoved"]

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
Strings = npt.NDArray[np.str_]
_FAR = 0.01
_FPIRS = (0.1, 0.01, 0.001)
_FEWEST_ACCEPTED = 5  # impostors at an FAR, or strangers at an FPIR, as in between_runs
_FEWEST_MATED = 30  # probes of whom a rate is said
_DAMAGED = (LookupError, ValueError, TypeError)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moved:
    """A metric before and after, and how each observation moved it.

    Args:
        name: of the metric.
        conditions: that it is measured under.
        before: value of the baseline.
        after: value of the run.
        moved: ``(n,)`` influence of each observation on ``after - before``; they sum to 0, within each kind if given.
        kinds: ``(n,)`` kind of each observation, None for one kind.
        people: ``(n, 2)`` people of each observation, numbered as in the pairs; None for the pairs themselves.
        concerned: how many people the metric rests on, None for all of the data set.
        flips: decisions that changed, None where the metric is no rate of decisions.
        identical: whether everything that it rests on is equal to the bit.
    """

    name: str
    conditions: Conditions
    before: float
    after: float
    moved: Array
    kinds: Bools | None = None
    people: Numbers | None = None
    concerned: int | None = None
    flips: Flips | None = None
    identical: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Both:
    """One eval of the baseline and of the run, with the clean pairs of both."""

    old: Mapping[str, npt.NDArray[Any]]
    new: Mapping[str, npt.NDArray[Any]]
    before: ScoredPairs
    after: ScoredPairs

    @property
    def scores(self) -> tuple[Scores, Scores]:
        return self.before.scores, self.after.scores

    @property
    def same_scores(self) -> bool:
        return np.array_equal(self.before.scores.similarity, self.after.scores.similarity)

    def unsaid(self, name: str, reason: str, *, at: Conditions | None = None, outcome: ChangeOutcome) -> Change:
        where = at or Conditions()
        return Change(dataset=self.after.dataset, name=name, conditions=where, outcome=outcome, reason=reason)


def moved_by(old: Evidence, new: Evidence, pairs: tuple[ScoredPairs, ScoredPairs]) -> Iterator[Moved | Change]:
    """Yield what an eval's metrics were and are, or why nothing can be said of one.

    Args:
        old: of the baseline.
        new: of the run, of the same eval and data set.
        pairs: clean scores of the baseline and of the run, of the same pairs.

    Raises:
        FacecheckError: evidence that does not fit the pairs.
    """
    compare = _BY_EVAL.get(new.eval, (None, ""))[0]
    if compare is None:
        return
    try:
        yield from compare(_Both(old.arrays, new.arrays, *pairs))
    except _DAMAGED as error:
        raise FacecheckError(f"{new.dataset}: {new.eval} cannot be compared with the baseline: {error}") from error


def unmoved(evidence: Evidence, outcome: ChangeOutcome, reason: str) -> Change:
    """Return the case that stands for an eval of which nothing can be said.

    Args:
        evidence: of the baseline.
        outcome: ``not measured`` or ``incomparable``.
        reason: why.
    """
    name = _BY_EVAL[evidence.eval][1]
    return Change(dataset=evidence.dataset, name=name, conditions=Conditions(), outcome=outcome, reason=reason)


# Identification.


def _identification(both: _Both) -> Iterator[Moved | Change]:
    if not all(np.array_equal(both.old[name], both.new[name]) for name in ("images", "probes", "gallery")):
        reason = "who is enrolled and who is searched for is not as it was"
        yield both.unsaid("identification_rate", reason, outcome="incomparable")
        return
    old, new = _searches(both.old), _searches(both.new)
    same = all(np.array_equal(getattr(old, name), getattr(new, name)) for name in ("mate", "best_other", "ahead"))
    mated = new.mated
    if int(mated.sum()) < _FEWEST_MATED:
        reason = f"{int(mated.sum())} mated probes; {_FEWEST_MATED} are needed"
        yield both.unsaid("identification_rate", reason, outcome="undecided")
        return
    names = _names_of(both.new, new)[mated]
    similarity = old.mate[mated], new.mate[mated]
    was, now = identified(old, rank=1), identified(new, rank=1)
    change = np.zeros(len(new), dtype=np.int64)
    change[mated] = now.astype(np.int64) - was
    yield Moved(
        name="identification_rate",
        conditions=NON_MATCH | Conditions(rank=1),
        before=float(was.mean()),
        after=float(now.mean()),
        moved=of_mean(change[mated].astype(np.float64)),
        people=_people(old, new, change)[mated],
        concerned=len(np.unique(new.probe[mated])),
        flips=flips_of(was, now, names, similarity),
        identical=same,
    )
    strangers = int((~mated).sum())
    for fpir in _FPIRS:
        if fpir < _FEWEST_ACCEPTED / max(1, strangers):
            continue
        yield dataclasses.replace(_at_fpir(old, new, fpir, names), identical=same)
    if _FPIRS[0] < _FEWEST_ACCEPTED / max(1, strangers):
        at = NON_MATCH | Conditions(fpir=_FPIRS[0], rank=1)
        reason = f"{strangers} non-mated probes; {_FEWEST_ACCEPTED / _FPIRS[0]:.0f} are needed"
        yield both.unsaid("dir_at_fpir", reason, at=at, outcome="undecided")


def _at_fpir(old: Searches, new: Searches, fpir: float, names: Strings) -> Moved:
    mated = new.mated
    (was, old_moved), (now, new_moved) = (on_curve(as_scores(each), "tar_at_far", fpir) for each in (old, new))
    (was_right, broke), (is_right, breaks) = (_decisions(each, fpir) for each in (old, new))
    change = np.where(mated, is_right.astype(np.int64) - was_right, broke.astype(np.int64) - breaks)
    return Moved(
        name="dir_at_fpir",
        conditions=NON_MATCH | Conditions(fpir=fpir, rank=1),
        before=was,
        after=now,
        moved=new_moved - old_moved,
        kinds=mated,
        people=_people(old, new, change),
        concerned=len(np.unique(new.probe[mated])),
        flips=flips_of(was_right[mated], is_right[mated], names, (old.mate[mated], new.mate[mated])),
    )


def _decisions(searches: Searches, fpir: float) -> tuple[Bools, Bools]:
    """Return for each search whether its own person is returned, and whether another one is."""
    scores = as_scores(searches)
    strangers = int((~searches.mated).sum())
    threshold = fnmr_at_fmr(curve(scores), fpir, impostors=strangers).threshold
    return scores.matched(threshold), searches.best_other >= threshold


def _people(old: Searches, new: Searches, change: Numbers) -> Numbers:
    """Return the person searched for, and the one who was found in the version that errs: both are what chance drew."""
    return np.stack((new.probe, np.where(change > 0, old.rival, new.rival)), axis=1)


def _searches(arrays: Mapping[str, npt.NDArray[Any]]) -> Searches:
    found = {name: arrays[name].astype(np.int64) for name in ("probe", "rival", "ahead")}
    return Searches(
        **found,
        mated=arrays["mated"].astype(np.bool_),
        mate=arrays["mate"].astype(np.float64),
        best_other=arrays["best_other"].astype(np.float64),
        enrolled=len(arrays["gallery"]),
    )


def _names_of(arrays: Mapping[str, npt.NDArray[Any]], searches: Searches) -> Strings:
    """Return the names of each probe and of its person's first image in the gallery, ``(n, 2)``, empty without one."""
    images, enrolled = arrays["images"].astype(np.str_), arrays["enrolled"].astype(np.int64)
    order = np.argsort(enrolled, kind="stable")
    place = np.minimum(np.searchsorted(enrolled[order], searches.probe), len(order) - 1)
    template = images[arrays["gallery"].astype(np.int64)][order][place]
    return np.stack((images[arrays["probes"].astype(np.int64)], np.where(searches.mated, template, "")), axis=1)


# Groups.


def _groups(both: _Both) -> Iterator[Moved | Change]:
    known = dict(zip(both.new["attributes"].tolist(), both.new["labels"], strict=True))
    for attribute, before in zip(both.old["attributes"].tolist(), both.old["labels"], strict=True):
        at = NON_MATCH | Conditions(far=_FAR, group=str(attribute))
        after = known.get(attribute)
        if after is None or not np.array_equal(before, after):
            reason = f"the labels {attribute} of the data set are not as they were"
            yield both.unsaid("worst_group_fnmr", reason, at=at, outcome="incomparable")
            continue
        yield from _attribute(both, after[_indices(both.new, both.after, len(after))], at)


def _indices(arrays: Mapping[str, npt.NDArray[Any]], pairs: ScoredPairs, images: int) -> Numbers:
    indices = arrays["indices"].astype(np.int64)
    if indices.shape != (len(pairs.scores), 2) or (indices.size and not 0 <= indices.min() <= indices.max() < images):
        raise ValueError(f"images of pairs {indices.shape} do not fit {len(pairs.scores)} pairs of {images} images")
    return indices


def _attribute(both: _Both, labels: Strings, at: Conditions) -> Iterator[Moved | Change]:
    scores = both.after.scores
    rows = _large_groups(scores, labels)
    impostors = int((~scores.genuine).sum())
    reason = ""
    if len(rows) < 2:  # noqa: PLR2004 - a worst one among others
        reason = (
            f"{len(rows)} groups of {FEWEST_PEOPLE} people, {FEWEST_GENUINE} genuine and {FEWEST_IMPOSTORS} impostor "
            "pairs or more; 2 are needed"
        )
    elif _FEWEST_ACCEPTED / impostors > _FAR:
        reason = f"{impostors} impostor pairs; {_FEWEST_ACCEPTED / _FAR:.0f} are needed"
    for name, genuine in (("worst_group_fmr", False), ("worst_group_fnmr", True)):
        if reason:
            yield both.unsaid(name, reason, at=at, outcome="undecided")
        else:
            of_kind = {group: mine & (scores.genuine == genuine) for group, mine in rows.items()}
            yield _worst(both, of_kind, name, at)


def _large_groups(scores: Scores, labels: Strings) -> dict[str, Bools]:
    """Return the pairs within each group of which something can be said."""
    found = {}
    for group in sorted(set(labels.ravel().tolist()) - {""}):
        inside = (labels == group).all(axis=1)
        genuine = int((inside & scores.genuine).sum())
        people = len(np.unique(scores.who[labels == group]))
        enough = people >= FEWEST_PEOPLE and genuine >= FEWEST_GENUINE
        if enough and int(inside.sum()) - genuine >= FEWEST_IMPOSTORS:
            found[group] = inside
    return found


def _worst(both: _Both, rows: Mapping[str, Bools], name: str, at: Conditions) -> Moved:
    """Return the rate of the worst group of each version; of equal ones the first by name."""
    of_genuine = name == "worst_group_fnmr"
    worst = []
    for scores in both.scores:
        rates = {}
        for group, mine in rows.items():
            share, moved = accepted_at_far(scores, mine, _FAR)
            rates[group] = (1 - share, -moved) if of_genuine else (share, moved)
        group = max(rates, key=lambda each: rates[each][0])
        worst.append((group, *rates[group]))
    (then, before, old_moved), (now, after, new_moved) = worst
    flips = _flips_within(both, rows[now], of_genuine=of_genuine) if then == now else None
    concerned = min(len(np.unique(both.after.scores.who[rows[group]])) for group in (then, now))
    return Moved(
        name=name,
        conditions=at,
        before=before,
        after=after,
        moved=new_moved - old_moved,
        kinds=both.after.scores.genuine,
        concerned=concerned,
        flips=flips,
        identical=both.same_scores,
    )


def _flips_within(both: _Both, rows: Bools, *, of_genuine: bool) -> Flips:
    right = []
    for scores in both.scores:
        threshold = fnmr_at_fmr(curve(scores), _FAR, impostors=int((~scores.genuine).sum())).threshold
        right.append(scores.matched(threshold)[rows] == of_genuine)
    similarity = tuple(scores.similarity[rows] for scores in both.scores)
    return flips_of(right[0], right[1], both.after.names[rows], (similarity[0], similarity[1]))


# Quality.


def _quality(both: _Both) -> Iterator[Moved | Change]:
    known = dict(zip(both.new["names"].tolist(), both.new["qualities"], strict=True))
    impostors = int((~both.after.scores.genuine).sum())
    for name, before in zip(both.old["names"].tolist(), both.old["qualities"], strict=True):
        at = COMPLETED | Conditions(far=_FAR, quality=str(name), discarded=LIMIT)
        after = known.get(name)
        made = [bool((scores.genuine & scores.made).any()) for scores in both.scores]
        if after is None:
            yield both.unsaid("edc_area", f"the run has no quality {name}", at=at, outcome="not measured")
        elif name == "column" and not np.array_equal(before, after):
            reason = "the column quality of the labels is not as it was"
            yield both.unsaid("edc_area", reason, at=at, outcome="incomparable")
        elif _FEWEST_ACCEPTED / max(1, impostors) > _FAR or not all(made):
            reason = f"{impostors} impostor pairs; {_FEWEST_ACCEPTED / _FAR:.0f} are needed, and genuine comparisons"
            yield both.unsaid("edc_area", reason, at=at, outcome="undecided")
        else:
            yield _areas(both, (before, after), at)


def _areas(both: _Both, qualities: tuple[Array, Array], at: Conditions) -> Moved:
    found = []
    for scores, quality, arrays in zip(both.scores, qualities, (both.old, both.new), strict=True):
        of_pair = pair_quality(quality.astype(np.float64), _indices(arrays, both.after, len(quality)))
        found.append(area_at_far(scores, of_pair, _FAR))
    (before, old_moved), (after, new_moved) = found
    return Moved(
        name="edc_area",
        conditions=at,
        before=before,
        after=after,
        moved=new_moved - old_moved,
        kinds=both.after.scores.genuine,
        identical=both.same_scores and np.array_equal(*qualities),
    )


# Calibration.


def _calibration(both: _Both) -> Iterator[Moved | Change]:
    folds = both.new["folds"].astype(np.int64)
    if not np.array_equal(both.old["folds"], folds):
        yield both.unsaid("cllr", "the folds of the data set are not as they were", outcome="incomparable")
        return
    old, new = both.scores
    rows = old.made & new.made
    if len(folds) != len(rows):
        raise ValueError(f"{len(folds)} folds of {len(rows)} pairs")
    genuine = new.genuine[rows]
    at = COMPLETED | Conditions(calibration="platt")
    if min(_fewest(genuine[folds[rows] != fold]) for fold in np.unique(folds)) < FEWEST_GENUINE:
        reason = f"fewer than {FEWEST_GENUINE} comparisons of a kind to fit a calibration on, in the folds of others"
        yield both.unsaid("cllr", reason, at=at, outcome="undecided")
        return
    measured = [_calibrated(scores.take(rows), folds[rows]) for scores in (old, new)]
    for name, (was, old_moved) in measured[0].items():
        now, new_moved = measured[1][name]
        moved = np.zeros(len(rows))
        moved[rows] = new_moved - old_moved
        yield Moved(
            name=name,
            conditions=COMPLETED if name == "cllr_min" else at,
            before=was,
            after=now,
            moved=moved,
            kinds=new.genuine,
            identical=both.same_scores,
        )


def _fewest(genuine: Bools) -> int:
    return int(min(genuine.sum(), (~genuine).sum()))


def _calibrated(scores: Scores, folds: Numbers) -> dict[str, tuple[float, Array]]:
    genuine = scores.genuine
    probability, ratio = cross_fitted(scores, folds, "platt")
    best = min_llr(scores)
    gaps = within(signed_gaps(probability, genuine), genuine) / len(genuine)
    return {
        "cllr": (cllr(ratio, genuine), influence_of_cllr(ratio, genuine)),
        "cllr_min": (cllr(best, genuine), influence_of_cllr(best, genuine)),
        "ece": (ece(probability, genuine), gaps),
    }


# By eval: what compares it, and the metric that stands for it where nothing can be said.
_BY_EVAL: Mapping[str, tuple[Callable[[_Both], Iterator[Moved | Change]], str]] = MappingProxyType(
    {
        "identification": (_identification, "identification_rate"),
        "groups": (_groups, "worst_group_fnmr"),
        "quality": (_quality, "edc_area"),
        "calibration": (_calibration, "cllr"),
    }
)
COMPARED = tuple(_BY_EVAL)
