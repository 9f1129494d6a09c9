"""Tables of models against metrics or conditions, with what sets the best apart from each of the others.

The best of a row is marked where a paired test by identity separates it from *every* other model that answered the same
pairs, after Holm's correction over all tests of the table. Its lead over the rival that is hardest to tell from it
stands beside it, with its interval by identity.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from facecheck.comparison.answers import Answers, Judged, counts_right_answers
from facecheck.metrics.dyads import Dyads
from facecheck.metrics.intervals import Estimate
from facecheck.metrics.paired import Difference, McNemar, curve_difference, difference, holm, mcnemar
from facecheck.results import wording
from facecheck.results.conditions import ANY, DEPLOYED, RETUNED, Conditions
from facecheck.results.measurement import Measurement
from facecheck.results.run import Run
from facecheck.results.scored_pairs import ScoredPairs
from facecheck.results.sweeps import RecordedSweep, SweepStep, recorded_sweeps

__all__ = ["Rival", "Row", "Table", "compare"]

Cells = dict[str, Measurement]
_LEVEL = 0.05
_RANKS = (None, 1, 5, 10)
# Of no use side by side: shares' complements and counts, thresholds, and distances that each model measures in its own
# way.
_LEFT_OUT = frozenset(
    {
        *("recall", "tp", "fn", "fp", "tn", "threshold_distance", "eer_threshold_distance"),
        *("genuine_distance_mean", "impostor_distance_mean", "search_threshold_distance"),
        *("fnir", "fnmr_after_discard", "edc_area", "genuine_share"),
    }
)
_SWEPT: tuple[tuple[str, Conditions], ...] = (
    ("accuracy", DEPLOYED),
    ("accuracy", RETUNED),
    ("fmr", DEPLOYED),
    ("fnmr", DEPLOYED),
    ("eer", ANY),
    ("detection_rate", ANY),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A model that the best was tested against.

    Args:
        model: its name.
        counts: pairs that the best alone judges correctly, and the model alone; None for metrics of curves.
        p: of the test by identity, after Holm's correction over the table; None without a test.
        lead: by how much the best is better, as a positive fraction, with its interval by identity.
    """

    model: str
    counts: McNemar | None
    p: float | None
    lead: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One metric under one condition, of every model.

    Args:
        label: in words.
        cells: what was measured, by model.
        best: the best of those that were compared, empty if nothing was.
        rivals: the others that were compared.
    """

    label: str
    cells: Mapping[str, Measurement]
    best: str = ""
    rivals: tuple[Rival, ...] = ()

    @property
    def separated(self) -> bool:
        """Whether the tests tell the best from every other model that was compared."""
        return bool(self.rivals) and all(rival.p is not None and rival.p < _LEVEL for rival in self.rivals)

    @property
    def hardest(self) -> Rival | None:
        """The rival that is hardest to tell from the best."""
        return max(self.rivals, key=_closeness, default=None)


def _closeness(rival: Rival) -> tuple[float, float]:
    return (1.0 if rival.p is None else rival.p, -rival.lead.value if rival.lead else 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One eval on one data set.

    Args:
        eval: noun of the eval's file.
        dataset: name of the data set.
        title: what the rows have in common, empty if nothing.
        models: the columns.
        rows: metrics, or conditions of a sweep.
        incomparable: why models were left out of tests, by name.
    """

    eval: str
    dataset: str
    title: str
    models: tuple[str, ...]
    rows: tuple[Row, ...]
    incomparable: Mapping[str, str]


def compare(run: Run, scored: Iterable[ScoredPairs]) -> tuple[Table, ...]:
    """Compare the models of a run, eval by eval; nothing for one model.

    Args:
        run: whose models are compared.
        scored: of the same run; what is missing is not tested.
    """
    if len({m.model for m in run.measurements}) < 2:  # noqa: PLR2004 - one has no rival
        return ()
    return tuple(_tables(run.measurements, Answers(scored, run.signature)))


def _tables(measurements: Sequence[Measurement], answers: Answers) -> Iterator[Table]:
    plain: dict[tuple[str, str], dict[str, Cells]] = defaultdict(dict)
    for m in measurements:
        if _is_told(m):
            cells = plain[m.eval, m.dataset].setdefault(wording.title(m.name, m.conditions), {})
            cells.setdefault(m.model, m)
    of_eval: dict[tuple[str, str], list[RecordedSweep]] = defaultdict(list)
    for sweep in recorded_sweeps(measurements):
        of_eval[sweep.eval, sweep.dataset].append(sweep)
    for key in dict.fromkeys((m.eval, m.dataset) for m in measurements):
        if key in plain:
            yield from _table(key, "", plain[key], answers)
        for name, where in _SWEPT if key in of_eval else ():
            yield from _table(key, wording.title(name, where), _conditions(of_eval[key], name, where), answers)


def _is_told(measurement: Measurement) -> bool:
    """Whether a measurement has a row: no fold, no pair of groups, and of a curve of ranks three."""
    at = measurement.conditions
    of_many = at.is_swept or at.fold is not None or at.other_group is not None or at.rank not in _RANKS
    return not of_many and measurement.name not in _LEFT_OUT


def _conditions(swept: Sequence[RecordedSweep], name: str, where: Conditions) -> dict[str, Cells]:
    """Return the cells of each corruption's levels; the clean images, which all corruptions share, come once."""
    rows: dict[str, Cells] = {}
    for sweep in swept:
        for step, measurement in sweep.line(name, where).items():
            rows.setdefault(_condition(sweep, step), {}).setdefault(sweep.model, measurement)
    return rows


def _condition(sweep: RecordedSweep, step: SweepStep) -> str:
    return f"{sweep.corruption} {step.label}" if step.severity else "clean"


def _table(key: tuple[str, str], title: str, rows: Mapping[str, Cells], answers: Answers) -> Iterator[Table]:
    models = tuple(sorted({model for cells in rows.values() for model in cells}))
    if len(models) < 2:  # noqa: PLR2004 - one has no rival
        return
    incomparable: dict[str, str] = {}
    judged = [_row(label, cells, answers, incomparable) for label, cells in rows.items()]
    yield Table(
        eval=key[0],
        dataset=key[1],
        title=title,
        models=models,
        rows=_corrected(judged),
        incomparable=dict(sorted(incomparable.items())),
    )


def _row(label: str, cells: Cells, answers: Answers, incomparable: dict[str, str]) -> Row:
    behind = {model: answers.behind(measurement) for model, measurement in sorted(cells.items())}
    same = _on_the_same_pairs(behind)
    for model in sorted(cells.keys() - same.keys()):
        if behind[model] is not None:
            incomparable.setdefault(model, f"answered other pairs than {' and '.join(same)}")
        elif cells[model].scores and counts_right_answers(cells[model]):
            incomparable.setdefault(model, "the run kept no scores of it")
    if len(same) < 2:  # noqa: PLR2004 - one has no rival
        return Row(label=label, cells=cells)
    lower = wording.metric(next(iter(cells.values())).name).better == "lower"
    ranked = sorted(same, key=lambda model: cells[model].value if lower else -cells[model].value)
    return Row(label=label, cells=cells, best=ranked[0], rivals=_rivals(ranked, cells, same))


def _on_the_same_pairs(behind: Mapping[str, Judged | None]) -> dict[str, Judged]:
    """Return the largest group of models that answered the same pairs; of equals, the first."""
    groups: dict[str, dict[str, Judged]] = defaultdict(dict)
    for model, judged in behind.items():
        if judged is not None:
            groups[judged.pairs][model] = judged
    return max(groups.values(), key=len, default={})


def _rivals(ranked: Sequence[str], cells: Cells, judged: Mapping[str, Judged]) -> tuple[Rival, ...]:
    best = judged[ranked[0]]
    dyads = Dyads.of(best.scores.who) if len(best.scores) > 1 else None
    if dyads is None or dyads.count < 2:  # noqa: PLR2004 - no test over one
        return tuple(Rival(model=model, counts=None, p=None, lead=None) for model in ranked[1:])
    return tuple(_rival(cells[ranked[0]], best, model, judged[model], dyads) for model in ranked[1:])


def _rival(measurement: Measurement, best: Judged, model: str, other: Judged, dyads: Dyads) -> Rival:
    if best.right is not None and other.right is not None:
        found = difference(best.right, other.right, best.scores.who, dyads=dyads)
        return Rival(model=model, counts=mcnemar(best.right, other.right), p=found.p, lead=found.lead)
    at = measurement.conditions
    found = curve_difference(best.scores, other.scores, metric=measurement.name, far=at.far, dyads=dyads)
    lower = wording.metric(measurement.name).better == "lower"
    return Rival(model=model, counts=None, p=found.p, lead=_turned(found) if lower else found.lead)


def _turned(found: Difference) -> Estimate:
    """Return the lead where lower is better."""
    return Estimate(-found.lead.value, -found.lead.high, -found.lead.low, found.lead.n)


def _corrected(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Correct all tests of a table together."""
    raw = [rival.p for row in rows for rival in row.rivals if rival.p is not None]
    corrected = iter(holm(raw).tolist())
    return tuple(
        dataclasses.replace(
            row,
            rivals=tuple(
                rival if rival.p is None else dataclasses.replace(rival, p=next(corrected)) for rival in row.rivals
            ),
        )
        for row in rows
    )
