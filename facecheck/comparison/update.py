"""May a new model replace the old one in production? Old gallery, thresholds, people; and twins of one network.

Templates of two versions are vectors of two spaces. The matrix old-old, new-old, new-new compares the first image of
each pair as gallery with the second as probe: new probes against the old gallery are compatible if no paired test by
identity finds harm beyond the margins. Distances of two versions have two scales: the threshold that keeps a false
match rate is found on the new scores, with an interval from resampled people.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from facecheck.comparison.between_runs import compare_scores
from facecheck.datasets import Dataset
from facecheck.embedders.distances import distance_between
from facecheck.evaluation.evaluator import Compared
from facecheck.evaluation.views import View, decided, ranked
from facecheck.faces.columns import names_of
from facecheck.gate.margins import Margins
from facecheck.metrics import curve, fnmr_at_fmr, resolvable
from facecheck.metrics.intervals import Estimate
from facecheck.metrics.scores import Scores
from facecheck.metrics.thresholds import PairThresholds
from facecheck.pipeline.outcomes import Outcome
from facecheck.results.change import Against, Change
from facecheck.results.conditions import DEPLOYED, NON_MATCH, Conditions
from facecheck.results.measurement import Findings, Measured
from facecheck.results.scored_pairs import ScoredPairs
from facecheck.results.verdict import Limit

__all__ = ["TWINS", "Migrated", "TwinLimits", "TwinPrecision", "Update", "twin_limits"]

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
TwinPrecision = Literal["fp32", "bf16", "fp16", "int8"]
_RATES = (0.01, 0.001)
_DRAWS, _SEED = 400, 20_261_127
_SHOWN = 5
_NEAR = 0.1  # share of the pairs that lie nearest to the threshold


@dataclass(frozen=True, slots=True)
class TwinLimits:
    """What twins of a precision may differ by.

    Args:
        cosine: smallest between two vectors of one image.
        flips: largest share of decisions that differ.
    """

    cosine: float
    flips: float


# Measured (docs/update.md): sound twins lie well within; swapped channels, at most .966, outside.
TWINS: Mapping[TwinPrecision, TwinLimits] = {
    "fp32": TwinLimits(0.99999, 0.001),
    "fp16": TwinLimits(0.9999, 0.005),
    "bf16": TwinLimits(0.998, 0.01),
    "int8": TwinLimits(0.97, 0.02),
}


def twin_limits(precision: TwinPrecision) -> tuple[Limit, ...]:
    """Return the promises of a sound export or quantisation; those of a file of limits take precedence."""
    promised = TWINS[precision]
    why = f"what sound twins in {precision} hold, and others do not: docs/update.md"
    return (
        Limit(eval="update", name="twin_cosine_min", bound=promised.cosine, upper=False, why=why),
        Limit(eval="update", name="decisions_flipped", bound=promised.flips, upper=True, why=why),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """A false match rate that is kept, and the threshold that keeps it.

    Args:
        fmr: the rate.
        source: where the rate comes from, such as ``declared threshold``.
        old_threshold: distance at which the old model has it.
        threshold: distance at which the new model has it, with its interval.
        old_fnmr: of the old model there.
        fnmr: of the new model at its threshold, with its interval.
    """

    fmr: float
    source: str
    old_threshold: float
    threshold: Estimate
    old_fnmr: float
    fnmr: Estimate


@dataclass(frozen=True, eq=False)
class Update:
    """An old and a new model on the same clean pairs.

    Args:
        old: the model in production.
        new: the one that is to replace it.
        margins: tolerated losses.
        false_alarms: chance of calling a compatible model incompatible.
    """

    old: Compared
    new: Compared
    margins: Margins
    false_alarms: float = 0.01

    @property
    def dataset(self) -> Dataset:
        """What both were judged on."""
        return self.new.dataset

    @property
    def problem(self) -> str:
        """Why new vectors cannot be compared with old ones at all, empty if they can."""
        lengths = [each.embedded.vectors.shape[1] for each in (self.old, self.new)]
        distances = [each.recognizer.contract.distance for each in (self.old, self.new)]
        if lengths[0] != lengths[1]:
            return f"the old model's vectors hold {lengths[0]} numbers, the new one's {lengths[1]}"
        if distances[0] != distances[1]:
            return f"the old model's distance is {distances[0]}, the new one's {distances[1]}"
        if "folds" in (self.old.recognizer.contract.centre, self.new.recognizer.contract.centre):
            return "centre=folds is of one model's own vectors: other vectors have another mean"
        return ""

    @functools.cached_property
    def mixed(self) -> Scores:
        """The similarity of each pair's second image, embedded anew, to the first in the old gallery."""
        pairs = self.dataset.pairs
        gallery, probe = pairs.indices[:, 0], pairs.indices[:, 1]
        old, new = self.old.embedded, self.new.embedded
        distance = distance_between(
            old.vectors[gallery], new.vectors[probe], distance=self.new.recognizer.contract.distance
        )
        made = (old.outcomes[gallery] == Outcome.EMBEDDED) & (new.outcomes[probe] == Outcome.EMBEDDED)
        return Scores(np.where(made, -distance, -np.inf), pairs.who)

    # May new probes be compared with the old gallery?

    def matrix(self) -> Findings:
        """Return accuracy, AUC, EER and TAR of old-old, new-old and new-new, at thresholds chosen on other people."""
        found = Findings()
        for name, scores, thresholds in self._cells():
            at = Conditions(reference=name)
            found += decided(View(scores, DEPLOYED | at, thresholds)).named("accuracy", "fmr", "fnmr")
            found += ranked(View(scores, NON_MATCH | at)).named("auc", "eer", "tar_at_far")
        return found

    def _cells(self) -> Iterator[tuple[str, Scores, PairThresholds]]:
        for name, compared in (("old-old", self.old), ("new-new", self.new)):
            if compared.own_thresholds is not None:
                yield name, compared.scores, compared.own_thresholds
        if not self.problem:
            scores = self.mixed
            yield "new-old", scores, self._fitted(scores)

    def _fitted(self, scores: Scores) -> PairThresholds:
        folds = self.dataset.pairs.folds
        assert folds is not None, "updates are judged on pairs in folds"
        return PairThresholds.cross_fitted(scores, folds)

    @functools.cached_property
    def against_old_gallery(self) -> Against:
        """New-old beside old-old, pair by pair: any harm beyond the margins makes them incompatible."""
        scores = self.mixed
        changes = compare_scores(
            [self._scored(self.old.scores, self.old.own_thresholds)],
            [self._scored(scores, self._fitted(scores))],
            margins=self.margins,
            false_alarms=self.false_alarms,
        )
        return self._against(changes, f"old probes of {self.old.recognizer.name}, both in its gallery")

    def against_old(self) -> Against:
        """Compare new-new with old-old, pair by pair."""
        changes = compare_scores(
            [self._scored(self.old.scores, self.old.own_thresholds)],
            [self._scored(self.new.scores, self.new.own_thresholds)],
            margins=self.margins,
            false_alarms=self.false_alarms,
        )
        return self._against(changes, f"the old {self.old.recognizer.name}")

    def _against(self, changes: tuple[Change, ...], baseline: str) -> Against:
        name = self.new.recognizer.name
        return Against(model=name, line=name, baseline=baseline, red=("worse",), changes=changes)

    def _scored(self, scores: Scores, thresholds: PairThresholds | None) -> ScoredPairs:
        assert thresholds is not None, "updates are judged on pairs in folds"
        pairs = self.dataset.pairs
        names = np.array(names_of(pairs.faces))[pairs.indices]
        return ScoredPairs(
            model=self.new.recognizer.name,
            dataset=self.dataset.name,
            kind=self.dataset.kind,
            digest=self.dataset.digest,
            condition="clean",
            scores=scores,
            thresholds=thresholds.of_pair,
            yaw_difference_rad=pairs.yaw_difference_rad,
            names=names,
        )

    # Which threshold keeps the false matches that we had?

    def migrated(self) -> tuple[list[Migrated], list[str]]:
        """Return the thresholds that keep the FMR of the old declared threshold, 1e-2 and 1e-3; and what cannot be."""
        impostors = int((~self.old.scores.genuine).sum())
        wanted: list[tuple[str, float]] = [(f"FMR {rate:g}", rate) for rate in _RATES]
        declared = self.old.recognizer.contract.threshold
        if declared is not None:
            matched = self.old.scores.matched(-declared)
            wanted.insert(0, ("declared threshold", float(matched[~self.old.scores.genuine].mean())))
        found, notes = [], []
        for source, rate in wanted:
            if not resolvable(impostors, rate) or rate >= 1:
                notes.append(f"{source}: {impostors} impostor pairs cannot show an FMR of {rate:g}")
                continue
            was = fnmr_at_fmr(curve(self.old.scores), rate, impostors=impostors)
            old = float(declared) if source.startswith("declared") and declared is not None else -was.threshold
            old_fnmr = 1 - float(self.old.scores.matched(-old)[self.old.scores.genuine].mean())
            threshold, fnmr = _moved(self.new.scores, rate)
            found.append(
                Migrated(fmr=rate, source=source, old_threshold=old, threshold=threshold, old_fnmr=old_fnmr, fnmr=fnmr)
            )
        return found, notes

    def migrated_findings(self) -> Findings:
        """Return the same as measurements, with what cannot be had as notes."""
        found, notes = self.migrated()
        measured = [
            Measured(
                name=name, estimate=estimate, conditions=NON_MATCH | Conditions(far=each.fmr, reference=each.source)
            )
            for each in found
            for name, estimate in (("migrated_threshold_distance", each.threshold), ("migrated_fnmr", each.fnmr))
        ]
        return Findings(tuple(measured), notes=tuple(notes))

    # For whom did it get worse?

    def worst_people(self) -> list[tuple[str, int, int]]:
        """Return the people of whom most genuine pairs were accepted before and are not now, with both counts."""
        lost = self._lost()
        pairs = self.dataset.pairs
        subjects = [pairs.faces[row].subject for row in pairs.indices[:, 0]]
        of_person = Counter(subjects[row] for row in np.flatnonzero(lost))
        whole = Counter(subjects[row] for row in np.flatnonzero(self.new.scores.genuine))
        return [(person, count, whole[person]) for person, count in of_person.most_common(_SHOWN)]

    def by_group(self) -> list[tuple[str, int, int]]:
        """Return for each group that the data name how many genuine pairs of it were lost, and of how many."""
        lost, genuine, pairs = self._lost(), self.new.scores.genuine, self.dataset.pairs
        counts: dict[str, list[int]] = {}
        for row in np.flatnonzero(genuine):
            for kind, label in pairs.faces[pairs.indices[row, 0]].groups:
                count = counts.setdefault(f"{kind} {label}", [0, 0])
                count[0] += int(lost[row])
                count[1] += 1
        return sorted(((name, lost_, whole) for name, (lost_, whole) in counts.items()), key=lambda g: -g[1] / g[2])

    def _lost(self) -> Bools:
        assert self.old.own_thresholds is not None, "updates are judged on pairs in folds"
        assert self.new.own_thresholds is not None, "updates are judged on pairs in folds"
        was = self.old.scores.matched(self.old.own_thresholds.of_pair)
        now = self.new.scores.matched(self.new.own_thresholds.of_pair)
        return np.asarray(was & ~now & self.new.scores.genuine)

    # Are they twins, the same network in another form?

    def twin(self) -> Findings:
        """Return the smallest cosine of twin vectors, the shift of scores near the threshold, and flipped decisions."""
        old, new = self.old, self.new
        both = (old.embedded.outcomes == Outcome.EMBEDDED) & (new.embedded.outcomes == Outcome.EMBEDDED)
        cosines = 1 - distance_between(old.embedded.vectors[both], new.embedded.vectors[both], distance="cosine")
        worst = int(np.argmin(cosines))
        assert old.own_thresholds is not None, "updates are judged on pairs in folds"
        thresholds = old.own_thresholds.of_pair
        made = old.scores.made & new.scores.made
        shift = np.abs(new.scores.similarity[made] - old.scores.similarity[made])
        apart = np.abs(old.scores.similarity[made] - thresholds[made])
        near = shift[np.argsort(apart, kind="stable")[: max(1, int(_NEAR * len(apart)))]]
        flipped = float((old.scores.matched(thresholds) != new.scores.matched(thresholds)).mean())
        faces = [face.source.name for face, ok in zip(self.dataset.faces, both, strict=True) if ok]
        values = (
            ("twin_cosine_min", float(cosines[worst]), len(cosines)),
            ("score_shift_mean", float(near.mean()), len(near)),
            ("score_shift_max", float(near.max()), len(near)),
            ("decisions_flipped", flipped, len(old.scores)),
        )
        return Findings(
            tuple(Measured(name=name, estimate=Estimate(value, value, value, n)) for name, value, n in values),
            notes=(f"twins differ most for {faces[worst]}: cosine {cosines[worst]:.6f}",),
        )


def _moved(scores: Scores, rate: float) -> tuple[Estimate, Estimate]:
    """Return the threshold, a distance, and FNMR at a rate, with percentiles over resampled people."""
    impostors = int((~scores.genuine).sum())
    point = fnmr_at_fmr(curve(scores), rate, impostors=impostors)
    generator = np.random.default_rng(_SEED)
    people, sides = np.unique(scores.who, return_inverse=True)
    sides = sides.reshape(scores.who.shape)
    order = np.argsort(-scores.similarity[~scores.genuine], kind="stable")
    ranked_scores = scores.similarity[~scores.genuine][order]
    drawn = []
    for _ in range(_DRAWS):
        times = np.bincount(generator.integers(0, len(people), len(people)), minlength=len(people))
        weight = np.where(scores.genuine, times[sides[:, 0]], times[sides[:, 0]] * times[sides[:, 1]])
        of_impostors, of_genuine = weight[~scores.genuine][order], weight[scores.genuine]
        if not of_impostors.sum() or not of_genuine.sum():
            continue
        share = np.cumsum(of_impostors) / of_impostors.sum()
        threshold = ranked_scores[min(int(np.searchsorted(share, rate, side="right")), len(ranked_scores) - 1)]
        rejected = scores.similarity[scores.genuine] <= threshold
        drawn.append((-threshold, float((rejected * of_genuine).sum() / of_genuine.sum())))
    low, high = np.percentile(np.array(drawn), [2.5, 97.5], axis=0)
    value = -point.threshold
    return (
        Estimate(value, float(min(low[0], value)), float(max(high[0], value)), len(scores)),
        Estimate(
            point.fnmr, float(min(low[1], point.fnmr)), float(max(high[1], point.fnmr)), int(scores.genuine.sum())
        ),
    )
