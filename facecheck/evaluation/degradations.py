"""A model under corruptions: at one level (:class:`Point`), and over all levels of one (:class:`Sweep`).

Which levels a run goes through depends on the data: of the bundled faces a fixed sample, of the families with many
members, and of variants, the middle and the worst severity; of any other data set, or if everything was asked for,
every level.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from facecheck.alignment.aligners import AlignedBefore
from facecheck.corruptions import CLEAN, CORRUPTIONS, Applied, Corruption, of_family
from facecheck.corruptions.studies import BLUR, FILTERS
from facecheck.datasets import Dataset
from facecheck.evaluation.evaluator import Compared, Evaluator
from facecheck.evaluation.views import View, decided, ranked, separated
from facecheck.metrics.intervals import Estimate
from facecheck.metrics.robustness import (
    DegradedScores,
    Reference,
    accuracy_change,
    collapse_begins,
    corruption_errors,
)
from facecheck.models.recognizer import Recognizer
from facecheck.results.conditions import DEPLOYED, Conditions
from facecheck.results.measurement import Findings, Measured
from facecheck.results.verdict import Limit
from facecheck.specs import spelt_number

__all__ = [
    "OF_THE_STUDIES",
    "SAMPLE",
    "Point",
    "Sweep",
    "at_level",
    "chosen_levels",
    "chosen_points",
    "corruption_error",
    "is_sampled",
    "no_collapse",
    "over_levels",
    "pinned_reference",
    "point_at",
    "sweep_over",
    "why_not_applied",
]

SAMPLE = "faces?part=sample"
# What gives pictures of another size. Not said in the corruptions' own table: runs hash its code, and a line more there
# would make every baseline's degraded pairs incomparable.
_SMALLER = frozenset({"resolution", "study_resolution"})
_SAMPLED = "faces?part=pairs"
_MANY = ("imagenet_c", "outdoors", "occlusion")  # families of which the sample takes the middle and the worst severity
_VARIANTS = ("upscaled",)  # of a corruption that the sample takes whole; treated likewise
OF_THE_STUDIES = frozenset({entry.name for entry in (*BLUR, *FILTERS)} | {"resolution", "square"})


@dataclass(frozen=True, eq=False)
class Point:
    """A data set at one level of a corruption, beside the clean one.

    Args:
        clean: comparisons of clean images; their thresholds are the deployment's.
        degraded: the same comparisons of degraded images.
        applied: the corruption at its level; at level 0 what is degraded is clean.
        severity: position of the level in the corruption's own order, 0 is clean.
    """

    clean: Compared
    degraded: Compared
    applied: Applied
    severity: int

    @property
    def conditions(self) -> Conditions:
        """What sets its measurements apart."""
        # The levels of a composition stand in its identity only: two of the same parts must not be one.
        name = self.applied.identity if self.applied.parts else self.applied.name
        return Conditions(corruption=name, level=self.applied.level, severity=self.severity)

    @property
    def sources(self) -> tuple[str, ...]:
        """The files of the degraded similarities and of the clean thresholds."""
        return tuple(dict.fromkeys((*self.degraded.sources, *self.clean.sources)))

    @property
    def deployed(self) -> View:
        """The degraded comparisons at the thresholds that were chosen on clean images."""
        return View(self.degraded.scores, self.conditions | DEPLOYED, self.clean.own_thresholds, self.sources)

    @property
    def scores(self) -> DegradedScores:
        """The comparisons at the clean threshold."""
        assert self.clean.own_thresholds is not None, self.clean.problem
        return DegradedScores(
            self.severity, self.applied.level, self.degraded.scores, self.clean.own_thresholds.of_pair
        )


@dataclass(frozen=True, eq=False)
class Sweep:
    """All levels of one corruption, the clean one first.

    Args:
        corruption: its name.
        unit: of its levels.
        points: one a level.
    """

    corruption: str
    unit: str
    points: tuple[Point, ...]

    @property
    def scores(self) -> list[DegradedScores]:
        """The comparisons of every level at the clean threshold."""
        return [point.scores for point in self.points]

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the files of scores: those of all levels, and last that of the clean thresholds."""
        clean, *degraded = (point.degraded.sources for point in self.points)
        return tuple(name for names in (*degraded, clean) for name in names)

    @property
    def where(self) -> str:
        """The model and the data set, in words."""
        clean = self.points[0].clean
        return f"{clean.recognizer.name} on {clean.dataset.name}"


def is_sampled(dataset: Dataset, *, full: bool) -> bool:
    """Whether a run sweeps over the fixed sample in the place of this data set."""
    return dataset.spec == _SAMPLED and not full


def chosen_levels(entry: Corruption, *, sampled: bool) -> list[tuple[int, float]]:
    """Return the severities and levels that a run goes through; the clean and the worst are always among them."""
    every = list(enumerate(entry.levels))
    if not sampled or not (entry.family in _MANY or entry.name in _VARIANTS):
        return every
    return [every[0], every[len(every) // 2], every[-1]]


def chosen_points(
    families: Iterable[str], *, sampled: bool, more: Sequence[Applied] = ()
) -> list[tuple[int, Applied, Corruption | None]]:
    """Return severity, corruption and table entry of every level that a run goes through.

    Args:
        families: of corruptions.
        sampled: whether the sample's levels are enough.
        more: corruptions that were asked for in addition, which may be compositions and then have no entry.
    """
    points: list[tuple[int, Applied, Corruption | None]] = [
        (severity, Applied(entry.name, level), entry)
        for family in families
        for entry in of_family(family)
        for severity, level in chosen_levels(entry, sampled=sampled)
    ]
    known = {applied.identity for _, applied, _ in points}
    return [*points, *((_severity(each), each, None) for each in more if each.identity not in known)]


def _severity(applied: Applied) -> int:
    """Return a level's position in its corruption's own order.

    Of a level between two of the table it is the milder one's, at least 1.
    """
    levels = CORRUPTIONS[applied.name].levels[1:] if not applied.parts else ()
    passed = [place for place, level in enumerate(levels, 1) if (applied.level - level) * (levels[-1] - levels[0]) >= 0]
    return max(passed, default=1)


def why_not_applied(recognizer: Recognizer, applied: Iterable[Applied]) -> str:
    """Say why a model cannot be judged under corruptions, empty if it can.

    Args:
        recognizer: the model.
        applied: what its pictures are degraded by.
    """
    if not isinstance(recognizer.aligner, AlignedBefore):
        return ""
    smaller = next((step.name for each in applied for step in each.steps if step.level and step.name in _SMALLER), "")
    if not smaller:
        return ""
    return (
        f"{recognizer.name} is given crops that were cut before, and {smaller} makes them smaller than its network "
        "takes; upscaled brings them back to size"
    )


def point_at(evaluator: Evaluator, recognizer: Recognizer, dataset: Dataset, severity: int, applied: Applied) -> Point:
    """Return the model on one level of one corruption."""
    clean, degraded = evaluator.compare(recognizer, dataset), evaluator.compare(recognizer, dataset, applied)
    return Point(clean, degraded, applied, severity)


def sweep_over(
    evaluator: Evaluator,
    recognizer: Recognizer,
    dataset: Dataset,
    entry: Corruption,
    levels: Iterable[tuple[int, float]],
) -> Sweep:
    """Return the model on several levels of one corruption."""
    points = [
        point_at(evaluator, recognizer, dataset, severity, Applied(entry.name, level)) for severity, level in levels
    ]
    return Sweep(entry.name, entry.unit, tuple(points))


def at_level(point: Point) -> Findings:
    """Measure everything at one level.

    Both views of failures, as non-matches and left out; both thresholds, the one chosen on clean images (the
    deployment) and the one chosen again on degraded ones (how separable they still are).
    """
    assert point.clean.own_thresholds is not None, point.clean.problem
    degraded, at = point.degraded, point.conditions
    views = [point.deployed]
    if degraded.own_thresholds is not None:
        retuned = degraded.view("retuned")
        views.append(View(retuned.scores, at | retuned.conditions, retuned.thresholds, retuned.sources))
    if degraded.scores.made.any():
        views += [view.completed() for view in views]
    everyone = View(degraded.scores, at | degraded.view().conditions, None, degraded.sources)
    found = Findings.joined([*map(decided, views), _under(at, degraded.ranked)])
    if not degraded.scores.made.all():
        found += ranked(everyone.completed())
    found += separated(everyone.completed())
    return found + _under(at, degraded.acquired()) + _improvement(point)


def _under(at: Conditions, found: Findings) -> Findings:
    """Return what was measured without knowing of the level."""
    measured = tuple(
        Measured(name=m.name, estimate=m.estimate, conditions=at | m.conditions, scores=m.scores)
        for m in found.measured
    )
    return Findings(measured, found.notes, found.failures)


def _improvement(point: Point) -> Findings:
    """Report a corruption that helps: it points at a fault of the clean pipeline, or at chance."""
    if not point.severity:
        return Findings()
    clean = Point(point.clean, point.clean, CLEAN, 0)
    change = accuracy_change(clean.scores, point.scores)
    measured = Measured(name="accuracy_change", estimate=change, conditions=point.conditions, scores=point.sources)
    if change.low <= 0:
        return Findings((measured,))
    note = (
        f"{point.clean.recognizer.name} on {point.clean.dataset.name}: {point.applied.identity} raises the accuracy by "
        f"{change.value:.4f} [{change.low:.4f}, {change.high:.4f}] over clean images: look for a fault in the clean "
        "pipeline"
    )
    return Findings((measured,), (note,))


def over_levels(sweep: Sweep) -> Findings:
    """Measure how many levels the distances stay apart, and the mean change of the accuracy."""
    clean, *degraded = sweep.scores
    begins = collapse_begins(sweep.scores)
    at = Conditions(corruption=sweep.corruption)
    sources = sweep.sources
    whole = sweep.points[-1].severity
    survived = float(whole if begins is None else begins.severity - 1)
    levels = Estimate(survived, survived, survived, len(clean.scores))
    notes = () if begins is None else (_collapse_note(sweep, begins.level),)
    measured = (
        Measured(name="accuracy_change", estimate=accuracy_change(clean, *degraded), conditions=at, scores=sources),
        Measured(name="levels_before_collapse", estimate=levels, conditions=at, scores=sources),
    )
    return Findings(measured, notes)


def _collapse_note(sweep: Sweep, level: float) -> str:
    return (
        f"{sweep.where}: distances collapse under {sweep.corruption} from {spelt_number(level)} ({sweep.unit}): "
        "impostor pairs come to look alike while genuine pairs still match"
    )


def no_collapse(sweep: Sweep, *, eval_name: str) -> Limit:
    """Return the promise that distances stay apart at every level; a limit in the file states where they do not."""
    return Limit(
        eval=eval_name,
        name="levels_before_collapse",
        bound=sweep.points[-1].severity,
        upper=False,
        why="genuine and impostor distances that shrink together make every threshold worthless; a level at which that "
        "is known is stated in the file of limits",
    )


def corruption_error(sweeps: Mapping[str, Sweep], reference: Reference) -> Findings:
    """Measure the corruption error of each corruption and their mean, against a reference model.

    Raises:
        ValueError: the reference lacks a level, or it makes no error anywhere.
    """
    errors = corruption_errors({name: sweep.scores[1:] for name, sweep in sweeps.items()}, reference)
    at = Conditions(reference=reference.model)
    single = (
        Measured(name="ce", estimate=errors[name], conditions=at | Conditions(corruption=name), scores=sweep.sources)
        for name, sweep in sweeps.items()
        if name in errors
    )
    degraded = [name for sweep in sweeps.values() for name in sweep.sources[:-1]]
    clean = [name for sweep in sweeps.values() for name in sweep.sources[-1:]]
    mean = Measured(name="mce", estimate=errors["mce"], conditions=at, scores=tuple(dict.fromkeys(degraded + clean)))
    return Findings((*single, mean))


def pinned_reference(file: Path, dataset: Dataset) -> Reference:
    """Return the errors of the reference model on these pairs, as ``evals/reference.json`` has them.

    They are pinned, so that a number of last year means what a number of this year means, whatever models a run
    judges. ``benchmarks/pin_reference.py`` writes them. Of pairs that the file does not know there are none.
    """
    pinned = json.loads(file.read_text(encoding="utf-8"))
    known = pinned["errors"].get(dataset.digest, {})
    errors = {name: {float(level): float(error) for level, error in levels.items()} for name, levels in known.items()}
    return Reference(str(pinned["model"]), errors)
