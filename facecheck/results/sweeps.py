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
from facecheck.results.run import Measurement

__all__ = ["DEPLOYED", "RETUNED", "Step", "Sweep", "holds", "is_swept", "sweeps"]

DEPLOYED: Mapping[str, str | float] = {"threshold": "clean", "failures": "non-match"}
RETUNED: Mapping[str, str | float] = {"threshold": "retuned", "failures": "non-match"}


class Step(NamedTuple):
    """A place in a sweep: its position from clean (0) to worst, and the corruption's level there."""

    severity: int
    level: float

    @property
    def label(self) -> str:
        """What stands at a graph's tick."""
        return f"{self.level:g}" if self.severity else "clean"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
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
    steps: tuple[Step, ...]
    points: Mapping[Step, Sequence[Measurement]]

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
    def degraded(self) -> tuple[Step, ...]:
        """Every step but the clean one."""
        return tuple(step for step in self.steps if step.severity)

    def at(self, step: Step, name: str, where: Mapping[str, str | float]) -> Measurement | None:
        """Return the measurement of a name at a step, None if there is none.

        Args:
            step: of the sweep.
            name: of the metric.
            where: conditions that must not be contradicted.
        """
        return next((m for m in self.points.get(step, ()) if m.name == name and holds(m, where)), None)

    def line(self, name: str, where: Mapping[str, str | float]) -> dict[Step, Measurement]:
        """Return the measurements of a name at all steps that have it."""
        found = {step: self.at(step, name, where) for step in self.steps}
        return {step: measurement for step, measurement in found.items() if measurement is not None}

    def change(self, name: str, where: Mapping[str, str | float]) -> dict[Step, float]:
        """Return by how much each degraded step's value exceeds the clean one's; empty without a clean value."""
        line = self.line(name, where)
        clean = next((m.value for step, m in line.items() if not step.severity), None)
        return {} if clean is None else {step: m.value - clean for step, m in line.items() if step.severity}


def holds(measurement: Measurement, where: Mapping[str, str | float]) -> bool:
    """Say whether a measurement's conditions contradict none of these; what it does not say, it does not contradict."""
    return all(measurement.conditions.get(key, value) == value for key, value in where.items())


def is_swept(measurement: Measurement) -> bool:
    """Say whether a measurement is of one level of a corruption."""
    level = measurement.conditions.get("level")
    return "corruption" in measurement.conditions and isinstance(level, int | float)


def sweeps(measurements: Iterable[Measurement]) -> list[Sweep]:
    """Put the measurements of levels together, by eval, data set, corruption in the order of their table, and model.

    A corruption of which the clean level alone was run is none.
    """
    of_sweep: dict[tuple[str, str, str, str], list[Measurement]] = defaultdict(list)
    for m in measurements:
        if is_swept(m):
            of_sweep[m.eval, m.dataset, str(m.conditions["corruption"]), m.model].append(m)
    of_corruption: dict[tuple[str, str, str], list[Measurement]] = defaultdict(list)
    clean: dict[tuple[str, str, str], list[Measurement]] = defaultdict(list)
    for (eval_name, dataset, corruption, model), found in of_sweep.items():
        of_corruption[eval_name, dataset, corruption].extend(found)
        clean[eval_name, dataset, model].extend(m for m in found if not _level(m))
    steps = {key: _steps(key[2], found, has_clean=_any_clean(clean, key)) for key, found in of_corruption.items()}
    return [
        Sweep(
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
    return float(measurement.conditions["level"])


def _steps(corruption: str, measurements: Sequence[Measurement], *, has_clean: bool) -> tuple[Step, ...]:
    told = {_level(m): m.conditions.get("severity") for m in measurements if _level(m)}
    clean = (Step(0, 0.0),) if has_clean else ()
    severities = [severity for severity in told.values() if isinstance(severity, int | float) and severity >= 1]
    if len(set(severities)) == len(told):  # a level that was not run leaves a gap
        return (*clean, *sorted(Step(int(severity), level) for severity, level in zip(severities, told, strict=True)))
    known = CORRUPTIONS[corruption].levels if corruption in CORRUPTIONS else (0,)
    ranked = sorted(told, reverse=known[-1] < known[1] if len(known) > 2 else False)  # noqa: PLR2004 - a direction
    return (*clean, *(Step(position, level) for position, level in enumerate(ranked, 1)))


def _points(
    steps: Sequence[Step], measurements: Sequence[Measurement], clean: Sequence[Measurement]
) -> dict[Step, list[Measurement]]:
    own = [m for m in measurements if not _level(m)]
    found = {step: [m for m in measurements if _level(m) == step.level] for step in steps if step.severity}
    return {step: found.get(step, [*own, *clean]) for step in steps}
