"""FNMR at low FARs over every pair of a data set's images: what a list of pairs is too short for."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from facecheck.evaluation.evaluator import Compared
from facecheck.metrics import resolvable
from facecheck.metrics.all_pairs import AllPairs, all_pairs, fnmr_estimate
from facecheck.metrics.curves import Curve, fnmr_at_fmr
from facecheck.pipeline.outcomes import Outcome
from facecheck.results.conditions import NON_MATCH, Conditions
from facecheck.results.measurement import Findings, Measured

__all__ = ["JUDGED_FARS", "Counted", "at_low_fars", "counted", "judged_fars"]

_FARS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
JUDGED_FARS = (1e-3, 1e-4, 1e-5, 1e-6)
_NAMED = 3


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """All pairs of a data set as one model judges them, or why there are none.

    Args:
        pairs: None if the data set allows none.
        names: of the images, whose rows the pairs name.
        problem: why there are none.
        notes: what a reader of the results should know.
    """

    pairs: AllPairs | None
    names: tuple[str, ...] = ()
    problem: str = ""
    notes: tuple[str, ...] = ()


@functools.lru_cache(maxsize=4)  # every case asks; a Compared is one object a run
def counted(compared: Compared) -> Counted:
    """Return all pairs of a data set's images; one that gave no vector matches nobody."""
    dataset, embedded = compared.dataset, compared.embedded
    if not dataset.people_known:
        return Counted(
            None, problem=f"{dataset.name} labels pairs only: whether other images show one person is not known"
        )
    who = np.unique([face.subject for face in dataset.faces], return_inverse=True)[1]
    vectors = np.where((embedded.outcomes == Outcome.EMBEDDED)[:, None], embedded.vectors, np.float32(np.nan))
    try:
        found = all_pairs(vectors, who.astype(np.int64), distance=compared.recognizer.contract.distance)
    except ValueError as error:
        return Counted(None, problem=f"{dataset.name}: {error}")
    centred = compared.recognizer.contract.centre != "none"
    note = f"{compared.recognizer.name}: the mean of folds is not subtracted from all pairs: they have no folds"
    return Counted(
        found,
        tuple(face.source.name for face in dataset.faces),
        notes=(note,) if centred else (),
    )


def at_low_fars(found: Counted) -> Findings:
    """Measure the FNMR at every FAR down to 1e-7 that the pairs can show, and name who makes the false matches."""
    pairs = _of(found)
    count = (
        f"all pairs: {pairs.genuines:,} genuine and {pairs.impostors:,} impostor pairs of {len(pairs.images):,} people"
    )
    points = pairs.curve()
    able = [far for far in _FARS if resolvable(pairs.impostors, far)]
    kept = [far for far in able if fnmr_at_fmr(points, far, impostors=pairs.impostors).threshold >= pairs.floor]
    left_out = ", ".join(f"{far:g}" for far in able if far not in kept)
    untold = f"all pairs: FAR {left_out} is not measured: its matches were counted, and not kept" if left_out else ""
    notes = (count, *_most_alike(found, pairs), *filter(None, [untold]), *found.notes)
    return Findings(tuple(_rates(pairs, points, kept)), notes)


def _rates(pairs: AllPairs, points: Curve, fars: Sequence[float]) -> Iterator[Measured]:
    for far in fars:
        point, estimate = fnmr_estimate(pairs, far, points=points)
        at = NON_MATCH | Conditions(far=far)
        yield Measured(name="fnmr_at_far", estimate=estimate, conditions=at)
        if np.isfinite(point.threshold):
            distance = estimate._replace(value=-point.threshold, low=-point.threshold, high=-point.threshold)
            yield Measured(name="threshold_distance", estimate=distance, conditions=at)


def _most_alike(found: Counted, pairs: AllPairs) -> Iterator[str]:
    """Say which impostor pairs are most alike: often they are one person under two names."""
    named = ", ".join(
        f"{found.names[one]} and {found.names[other]} ({-similarity:.3f})"
        for (one, other), similarity in zip(
            pairs.tail_pairs[:_NAMED].tolist(), pairs.tail[:_NAMED].tolist(), strict=True
        )
    )
    if named:
        yield f"all pairs: the impostors most alike, by distance: {named}. Do these show two people?"


def judged_fars(found: Counted) -> tuple[float, ...]:
    """Return the FARs of 1e-3 to 1e-6 for which there are enough impostor pairs to keep a limit, 30/FAR."""
    return tuple(far for far in JUDGED_FARS if resolvable(_of(found).impostors, far, for_gate=True))


def _of(found: Counted) -> AllPairs:
    assert found.pairs is not None, found.problem
    return found.pairs
