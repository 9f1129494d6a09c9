"""One model under one corruption, from clean to worst, put together from a run's measurements.

Severity counts the levels in the corruption's own order, 0 being the clean image: the levels themselves may
run downwards, as the pixels of a resolution do. A clean measurement that was made once for all corruptions of an
eval belongs to each of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from facecheck.corruptions import CORRUPTIONS
from facecheck.results.conditions import ANY, Conditions
from facecheck.results.measurement import Measurement
from facecheck.specs import spelt_number

__all__ = ["RecordedSweep", "SweepStep", "recorded_sweeps"]


class SweepStep(NamedTuple):
    """A place in a sweep: its position from clean (0) to worst, and the corruption's level there."""

    severity: int
    level: float

    @property
    def label(self) -> str:
        """What stands at a graph's tick."""
        return spelt_number(self.level) if self.severity else "clean"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSweep:
    """What was measured of one model on one data set under one corruption.

    Args:
        eval: noun of the eval's file.
        dataset: name of the data set.
        corruption: name of the corruption.
        model: name of the recogniser.
        steps: from clean to worst, the same for every model of the eval and data set.
        points: what was measured at each step.
    """

    eval: str
    dataset: str
    corruption: str
    model: str
    steps: tuple[SweepStep, ...]
    points: Mapping[SweepStep, Sequence[Measurement]]

    @property
    def title(self) -> str:
        """What graphs call the corruption."""
        known = CORRUPTIONS.get(self.corruption)
        return known.title if known else self.corruption.replace("_", " ")

    @property
    def place(self) -> int:
        """Where the corruption stands in their table."""
        return _place(self.corruption)

    @property
    def unit(self) -> str:
        """What a level counts, empty for a corruption that this version does not know."""
        known = CORRUPTIONS.get(self.corruption)
        return known.unit if known else ""

    @property
    def degraded(self) -> tuple[SweepStep, ...]:
        """Every step but the clean one."""
        return tuple(step for step in self.steps if step.severity)

    def at(self, step: SweepStep, name: str, where: Conditions = ANY) -> Measurement | None:
        """Return the measurement of a name at a step, None if there is none.

        Args:
            step: of the sweep.
            name: of the metric.
            where: conditions that must hold.
        """
        return next((m for m in self.points.get(step, ()) if m.name == name and m.conditions.matches(where)), None)

    def line(self, name: str, where: Conditions = ANY) -> dict[SweepStep, Measurement]:
        """Return the measurements of a name at all steps that have it."""
        found = {step: self.at(step, name, where) for step in self.steps}
        return {step: measurement for step, measurement in found.items() if measurement is not None}

    def change(self, name: str, where: Conditions = ANY) -> dict[SweepStep, float]:
        """Return each degraded step's value minus the clean one's; empty without a clean value."""
        line = self.line(name, where)
        clean = next((m.value for step, m in line.items() if not step.severity), None)
        return {} if clean is None else {step: m.value - clean for step, m in line.items() if step.severity}


def recorded_sweeps(measurements: Iterable[Measurement]) -> list[RecordedSweep]:
    """Put the measurements of levels together, by eval, data set, corruption in the order of their table, and model.

    A corruption of which the clean level alone was run is none.
    """
    of_sweep: dict[tuple[str, str, str, str], list[Measurement]] = defaultdict(list)
    for m in measurements:
        if m.conditions.is_swept:
            of_sweep[m.eval, m.dataset, str(m.conditions.corruption), m.model].append(m)
    of_corruption: dict[tuple[str, str, str], list[Measurement]] = defaultdict(list)
    clean: dict[tuple[str, str, str], list[Measurement]] = defaultdict(list)
    for (eval_name, dataset, corruption, model), found in of_sweep.items():
        of_corruption[eval_name, dataset, corruption].extend(found)
        clean[eval_name, dataset, model].extend(m for m in found if not _level(m))
    steps = {key: _steps(key[2], found, has_clean=_any_clean(clean, key)) for key, found in of_corruption.items()}
    return [
        RecordedSweep(
            eval=key[0],
            dataset=key[1],
            corruption=key[2],
            model=key[3],
            steps=steps[key[:3]],
            points=_points(steps[key[:3]], found, clean[key[0], key[1], key[3]]),
        )
        for key, found in sorted(of_sweep.items(), key=lambda item: (*item[0][:2], _place(item[0][2]), *item[0][2:]))
        if any(step.severity for step in steps[key[:3]])
    ]


def _place(corruption: str) -> int:
    known = list(CORRUPTIONS)
    return known.index(corruption) if corruption in known else len(known)


def _any_clean(clean: Mapping[tuple[str, str, str], Sequence[Measurement]], key: tuple[str, str, str]) -> bool:
    return any(found for (eval_name, dataset, _), found in clean.items() if (eval_name, dataset) == key[:2])


def _level(measurement: Measurement) -> float:
    return measurement.conditions.level or 0.0


def _steps(corruption: str, measurements: Sequence[Measurement], *, has_clean: bool) -> tuple[SweepStep, ...]:
    told = {_level(m): m.conditions.severity for m in measurements if _level(m)}
    clean = (SweepStep(0, 0.0),) if has_clean else ()
    severities = [severity for severity in told.values() if severity is not None and severity >= 1]
    if len(set(severities)) == len(told):  # a level that was not run leaves a gap
        return (
            *clean,
            *sorted(SweepStep(int(severity), level) for severity, level in zip(severities, told, strict=True)),
        )
    known = CORRUPTIONS[corruption].levels if corruption in CORRUPTIONS else (0,)
    ranked = sorted(told, reverse=known[-1] < known[1] if len(known) > 2 else False)  # noqa: PLR2004 - a direction
    return (*clean, *(SweepStep(position, level) for position, level in enumerate(ranked, 1)))


def _points(
    steps: Sequence[SweepStep], measurements: Sequence[Measurement], clean: Sequence[Measurement]
) -> dict[SweepStep, list[Measurement]]:
    own = [m for m in measurements if not _level(m)]
    found = {step: [m for m in measurements if _level(m) == step.level] for step in steps if step.severity}
    return {step: found.get(step, [*own, *clean]) for step in steps}
