"""1:N on any labelled set of faces: a seeded split into gallery and probes, and what the searches measure.

Where the data set has a published split, faces labelled ``role``, it is taken: every gallery picture is enrolled, each
distractor as a person of its own, and the probes are searched. Else half of the people who have several images are
enrolled with one image each; their other images are the mated probes, and the images of everybody else are the
non-mated ones. That split depends on the names and the seed alone, so that every model is asked the same.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facecheck.embedders.distances import distances_between_all
from facecheck.evaluation.evaluator import Compared
from facecheck.faces import Face
from facecheck.metrics import intervals, resolvable
from facecheck.metrics.gallery import Templates, search_gallery
from facecheck.metrics.identification import Searches, fnir_at_fpir, identified, missed, search
from facecheck.metrics.intervals import Estimate
from facecheck.pipeline.outcomes import Outcome
from facecheck.results.conditions import NON_MATCH, Conditions
from facecheck.results.evidence import Evidence
from facecheck.results.measurement import Findings, Measured

__all__ = [
    "JUDGED_FPIRS",
    "JUDGED_RANKS",
    "Searched",
    "Split",
    "closed_set",
    "open_set",
    "resolved_fpirs",
    "searched",
    "split_gallery",
]

Rows = npt.NDArray[np.int64]
JUDGED_RANKS = (1, 5, 10)
JUDGED_FPIRS = (0.1, 0.01, 0.001)
_SEED = 12
_ROLE, _ROLES = "role", ("gallery", "distractor", "probe")  # as readers of published splits label faces
_RANKS = 20  # of the curve that is recorded
_FPIRS = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)  # of the DET curve
_FEWEST = 2  # enrolled people
_MANY = 2**27  # comparisons from which matrix products do them: minutes otherwise
_AT_ONCE = 2**22  # numbers of vectors that are held while a portion of probes is searched


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Which faces are enrolled and which are searched for, as rows of the faces.

    Args:
        gallery: ``(g,)`` one face of each enrolled person, or all that a published split enrols.
        probes: ``(n,)`` of a seeded split the mated ones first.
        published: whether the data set says who is enrolled.
    """

    gallery: Rows
    probes: Rows
    published: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Searched:
    """What one model's searches found, or why there are none.

    Args:
        searches: None if the data set allows none.
        problem: why.
        notes: what a reader of the results should know.
        evidence: what later runs are compared with.
    """

    searches: Searches | None
    problem: str = ""
    notes: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()


def split_gallery(faces: Sequence[Face], *, generator: np.random.Generator) -> Split:
    """Return the published split of faces into gallery and probes, or a seeded one.

    Args:
        faces: m faces of labelled people.
        generator: chooses who is enrolled, and with which image.

    Raises:
        ValueError: fewer than four people with several images, or a published split without a gallery or probes.
    """
    roles = np.array([dict(face.groups).get(_ROLE, "") for face in faces])
    if np.isin(roles, _ROLES).any():
        return _published(roles)
    rows: dict[str, list[int]] = defaultdict(list)
    for row in sorted(range(len(faces)), key=lambda row: faces[row].source.name):
        rows[faces[row].subject].append(row)
    several = sorted(subject for subject, mine in rows.items() if len(mine) > 1)
    if len(several) < 2 * _FEWEST:
        raise ValueError(
            f"{len(several)} people with several images: half of them are enrolled, and a gallery needs {_FEWEST}"
        )
    enrolled = sorted(generator.permutation(several)[: len(several) // 2].tolist())
    chosen = [rows[subject][int(generator.integers(len(rows[subject])))] for subject in enrolled]
    in_gallery = set(chosen)
    mated = [row for subject in enrolled for row in rows[subject] if row not in in_gallery]
    others = [row for subject in sorted(set(rows) - set(enrolled)) for row in rows[subject]]
    return Split(np.array(chosen, dtype=np.int64), np.array([*mated, *others], dtype=np.int64))


def _published(roles: npt.NDArray[np.str_]) -> Split:
    """Return the split that faces are labelled with; a face of no role takes no part."""
    enrolled, probes = np.isin(roles, _ROLES[:2]), roles == _ROLES[2]
    if not (roles == _ROLES[0]).any() or not probes.any():
        raise ValueError(
            f"its faces have roles, {int(enrolled.sum())} gallery pictures or distractors and {int(probes.sum())} "
            "probes: a search needs both"
        )
    return Split(np.flatnonzero(enrolled), np.flatnonzero(probes), published=True)


@functools.lru_cache(maxsize=4)  # every case asks; a Compared is one object a run
def searched(compared: Compared) -> Searched:
    """Return what the probes of a data set find, failures to acquire and to enrol as misses."""
    dataset, embedded = compared.dataset, compared.embedded
    if not dataset.people_known:
        return Searched(None, f"{dataset.name} labels pairs only: whether other images show one person is not known")
    try:
        split = split_gallery(dataset.faces, generator=np.random.default_rng(_SEED))
    except ValueError as error:
        return Searched(None, f"{dataset.name}: {error}")
    who = np.unique([face.subject for face in dataset.faces], return_inverse=True)[1].astype(np.int64)
    ok = embedded.outcomes == Outcome.EMBEDDED
    few = len(split.probes) * len(split.gallery) < _MANY
    found = (_one_by_one if few else _by_products)(compared, split, who, ok)
    centred = compared.recognizer.contract.centre != "none"
    note = f"{compared.recognizer.name}: the mean of folds is not subtracted in identification: a gallery has no folds"
    notes = (_sizes(found, split), *([note] if centred else ()))
    return Searched(found, notes=notes, evidence=(_kept(compared, split, found),))


def _one_by_one(compared: Compared, split: Split, who: Rows, ok: npt.NDArray[np.bool_]) -> Searches:
    """Search with every similarity in float64, a portion of probes at a time."""
    vectors, distance = compared.embedded.vectors, compared.recognizer.contract.distance
    gallery = vectors[split.gallery]
    portions = np.array_split(split.probes, max(1, gallery.size * len(split.probes) // _AT_ONCE))
    return Searches.joined(
        search(
            np.where(
                ok[rows][:, None] & ok[split.gallery],
                -distances_between_all(vectors[rows], gallery, distance=distance),
                -np.inf,
            ),
            who[rows],
            who[split.gallery],
        )
        for rows in portions
    )


def _by_products(compared: Compared, split: Split, who: Rows, ok: npt.NDArray[np.bool_]) -> Searches:
    """Search a large gallery; ranks beyond the templates that are found are none."""
    vectors = np.where(ok[:, None], compared.embedded.vectors, np.float32(np.nan))
    probes, gallery = (Templates(vectors[rows], who[rows]) for rows in (split.probes, split.gallery))
    return search_gallery(probes, gallery, distance=compared.recognizer.contract.distance).searches


def _kept(compared: Compared, split: Split, found: Searches) -> Evidence:
    """Return what each search found; people are numbered as in the data set's pairs, and by whom they are enrolled."""
    faces = compared.dataset.faces
    numbers: dict[str, int] = {}
    of_face = np.array([numbers.setdefault(face.subject, len(numbers)) for face in faces], dtype=np.int64)
    subjects = np.unique([face.subject for face in faces])  # in the order in which searches number them
    as_in_pairs = np.array([numbers[subject] for subject in subjects.tolist()])
    arrays = {
        "images": np.array([face.source.name for face in faces]),
        "probes": split.probes,
        "gallery": split.gallery,
        "enrolled": of_face[split.gallery],
        "probe": as_in_pairs[found.probe],
        "rival": as_in_pairs[found.rival],
        "mated": found.mated,
        "mate": found.mate,
        "best_other": found.best_other,
        "ahead": found.ahead,
    }
    return Evidence(eval="identification", model=compared.recognizer.name, dataset=compared.dataset.name, arrays=arrays)


def closed_set(found: Searched) -> Findings:
    """Measure the identification rate at ranks 1 to 20, over the mated probes."""
    searches = _of(found)
    people = searches.probe[searches.mated]
    ranks = [rank for rank in range(1, _RANKS + 1) if rank <= searches.enrolled]
    measured = tuple(
        Measured(
            name="identification_rate",
            estimate=intervals.proportion(identified(searches, rank=rank), people),
            conditions=NON_MATCH | Conditions(rank=rank),
        )
        for rank in ranks
    )
    return Findings(measured, found.notes, evidence=found.evidence)


def open_set(found: Searched) -> Findings:
    """Measure FNIR, DIR and the threshold at every FPIR that the non-mated probes can show.

    The intervals are by person searched for; the threshold is taken as fixed.
    """
    searches = _of(found)
    return Findings(tuple(_open(searches)))


def _open(searches: Searches) -> Iterator[Measured]:
    people, others = searches.probe[searches.mated], int((~searches.mated).sum())
    for fpir in _FPIRS:
        if not resolvable(others, fpir):
            continue
        point = fnir_at_fpir(searches, fpir)
        at = NON_MATCH | Conditions(fpir=fpir, rank=1)
        fnir = intervals.proportion(missed(searches, point.threshold), people)
        yield Measured(name="fnir", estimate=fnir, conditions=at)
        dir_ = Estimate(1 - fnir.value, 1 - fnir.high, 1 - fnir.low, fnir.n)
        yield Measured(name="dir_at_fpir", estimate=dir_, conditions=at)
        if np.isfinite(point.threshold):
            distance = Estimate(-point.threshold, -point.threshold, -point.threshold, others)
            yield Measured(name="search_threshold_distance", estimate=distance, conditions=at)


def resolved_fpirs(found: Searched) -> tuple[float, ...]:
    """Return the FPIRs of 0.1, 0.01 and 0.001 for which there are enough non-mated probes to keep a limit, 30/fpir."""
    others = int((~_of(found).mated).sum())
    return tuple(fpir for fpir in JUDGED_FPIRS if resolvable(others, fpir, for_gate=True))


def _of(found: Searched) -> Searches:
    assert found.searches is not None, found.problem
    return found.searches


def _sizes(searches: Searches, split: Split) -> str:
    mated = int(searches.mated.sum())
    images = f"{len(split.gallery)} images, the published split" if split.published else "one image each"
    return (
        f"identification: {searches.enrolled} people enrolled with {images}, {mated} mated and "
        f"{len(searches) - mated} non-mated probes"
    )
