"""Groups of people at one global threshold: what the eval measures, attribute by attribute."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from facecheck.evaluation.evaluator import Compared
from facecheck.faces import Pairs
from facecheck.faces.columns import have_groups
from facecheck.metrics import curve, fnmr_at_fmr, resolvable
from facecheck.metrics.dyads import Dyads
from facecheck.metrics.groups import GroupRates, garbe, inequity_ratio, rates_by_group, worst_over_geometric_mean
from facecheck.metrics.intervals import Estimate, around
from facecheck.metrics.scores import Scores
from facecheck.results.conditions import NON_MATCH, Conditions
from facecheck.results.evidence import Evidence
from facecheck.results.measurement import Findings, Measured

__all__ = ["FAR", "by_group", "labels_of", "why_no_groups"]

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.str_]
FAR = 0.01
_STEP = 1e-6  # of a rate, for slopes
_AT = NON_MATCH | Conditions(far=FAR)


def why_no_groups(compared: Compared) -> str:
    """Say why groups cannot be compared, empty if they can."""
    impostors = int((~compared.scores.genuine).sum())
    if not resolvable(impostors, FAR, for_gate=True):
        return f"{impostors} impostor pairs: one threshold at FAR {FAR:g} for everybody needs {30 / FAR:.0f}"
    return "" if compared.scores.genuine.any() else "no genuine pairs"


def labels_of(pairs: Pairs) -> Mapping[str, Labels]:
    """Return the label of both images of every pair, ``(n, 2)``, by attribute; empty where an image has none."""
    if not have_groups(pairs.faces):
        return {}
    known = sorted({name for face in pairs.faces for name, _ in face.groups})
    of_face = [dict(face.groups) for face in pairs.faces]
    return {name: np.array([each.get(name, "") for each in of_face])[pairs.indices] for name in known}


def by_group(compared: Compared) -> Findings:
    """Measure FMR and FNMR of every group and pair of groups, and how far they lie apart.

    The threshold is the one at which 1 % of all impostor pairs match, one for everybody. It is chosen on the same
    pairs, and taken as fixed in the intervals.
    """
    scores = compared.scores
    impostors = int((~scores.genuine).sum())
    threshold = fnmr_at_fmr(curve(scores), FAR, impostors=impostors).threshold
    found = Findings.joined(
        _attribute(name, labels, scores, threshold, compared.sources)
        for name, labels in labels_of(compared.dataset.pairs).items()
    )
    where = f"{compared.recognizer.name} on {compared.dataset.name}"
    return Findings(found.measured, tuple(f"{where}: {note}" for note in found.notes), evidence=(_kept(compared),))


def _kept(compared: Compared) -> Evidence:
    """Return the labels of every image, and which images each pair compares."""
    pairs = compared.dataset.pairs
    of_face = [dict(face.groups) for face in pairs.faces]
    names = sorted({name for groups in of_face for name in groups})
    arrays = {
        "attributes": np.array(names),
        "labels": np.array([[groups.get(name, "") for groups in of_face] for name in names]),
        "indices": pairs.indices.astype(np.int32),
    }
    return Evidence(eval="groups", model=compared.recognizer.name, dataset=compared.dataset.name, arrays=arrays)


def _attribute(name: str, labels: Labels, scores: Scores, threshold: float, sources: tuple[str, ...]) -> Findings:
    rates = rates_by_group(scores, labels, threshold)

    def measured(metric: str, estimate: Estimate, group: str, other: str | None = None) -> Measured:
        at = _AT | Conditions(group=group, other_group=other)
        return Measured(name=metric, estimate=estimate, conditions=at, scores=sources)

    found = [measured("group_fnmr", e, f"{name}={group}") for group, e in rates.fnmr.items()]
    found += [measured("group_fmr", e, f"{name}={group}") for group, e in rates.fmr.items()]
    found += [measured("group_fmr", e, f"{name}={one}", f"{name}={other}") for (one, other), e in rates.between.items()]
    notes = [f"{name}: {reason}, so nothing is said of the group" for reason in rates.refused.values()]
    apart, undefined = _indices(rates, labels, scores, threshold)
    found += [measured(metric, e, name) for metric, e in apart.items()]
    notes += [f"{name}: {reason}" for reason in undefined]
    return Findings(tuple(found), tuple(notes))


# How far rates lie apart.


def _indices(
    rates: GroupRates, labels: Labels, scores: Scores, threshold: float
) -> tuple[dict[str, Estimate], list[str]]:
    """Return the indices with their intervals, and why others are undefined."""
    names = tuple(rates.fmr)
    fmr, fnmr = ([found[group].value for group in names] for found in (rates.fmr, rates.fnmr))
    k = len(names)
    functions: dict[str, Callable[[Array], float]] = {
        "fmr_worst_ratio": lambda each: float(np.log(worst_over_geometric_mean(each[:k]))),
        "fnmr_worst_ratio": lambda each: float(np.log(worst_over_geometric_mean(each[k:]))),
        "inequity_ratio": lambda each: float(np.log(inequity_ratio(each[:k], each[k:]))),
        "garbe": lambda each: garbe(each[:k], each[k:]),
    }
    found: dict[str, Estimate] = {}
    undefined: list[str] = []
    rows = _rows(names, labels, scores, threshold)
    for metric, function in functions.items():
        try:
            estimate = _by_slopes(function, np.array([*fmr, *fnmr]), rows, scores)
        except ValueError as error:
            without = dict.fromkeys(g for each in (rates.fmr, rates.fnmr) for g, e in each.items() if not e.value)
            undefined.append(f"{metric}: {error}" + (f" ({', '.join(without)})" if without else ""))
            continue
        found[metric] = _bounded(estimate) if metric == "garbe" else _exponents(estimate)
    return found, undefined


def _rows(
    names: tuple[str, ...], labels: Labels, scores: Scores, threshold: float
) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]]:
    """Return the pairs behind each rate, FMR of every group and then FNMR, and which of them are errors."""
    matched, genuine = scores.matched(threshold), scores.genuine
    found = []
    for kind, wrong in ((~genuine, matched), (genuine, ~matched)):
        for name in names:
            rows = np.flatnonzero(kind & (labels == name).all(axis=1))
            found.append((rows, wrong[rows]))
    return found


def _by_slopes(
    function: Callable[[Array], float],
    rates: Array,
    rows: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]],
    scores: Scores,
) -> Estimate:
    """Return a function of rates with an interval by identity: each pair moves it by its rate's slope."""
    value = function(rates)
    influence = np.zeros(len(scores))
    for number, (mine, wrong) in enumerate(rows):
        influence[mine] += _slope(function, rates, number) * (wrong - rates[number]) / max(1, len(mine))
    used = np.concatenate([mine for mine, _ in rows])
    spread = Dyads.of(scores.who[used]).spread(influence[used], scores.genuine[used])
    return around(value, spread, len(used))


def _slope(function: Callable[[Array], float], rates: Array, number: int) -> float:
    step = np.zeros(len(rates))
    step[number] = min(_STEP, rates[number] / 2) if rates[number] > 0 else _STEP
    low, high = np.clip(rates - step, 0.0, 1.0), np.clip(rates + step, 0.0, 1.0)
    return (function(high) - function(low)) / float(high[number] - low[number])


def _exponents(log: Estimate) -> Estimate:
    """Return the interval of a ratio from that of its logarithm; a ratio of worst to others is 1 at least."""
    value, low, high = np.exp([log.value, log.low, min(log.high, 700.0)]).tolist()
    return Estimate(value, min(value, max(1.0, low)), high, log.n)


def _bounded(found: Estimate) -> Estimate:
    return Estimate(found.value, max(0.0, found.low), min(1.0, found.high), found.n)
