"""The pairs of a set: genuine and impostor pairs in identity-disjoint folds.

Pairs are hard on purpose, but only of faces that every detector should find: heads turned further than 0.6 rad are
compared in the pose strips only. The pictures of a genuine pair differ in yaw, light, expression, look or height of
the camera. Half of the impostor pairs are of people of the same sex and similar skin tones, and every sibling is
compared with the person they resemble.

The first pairs of each fold are its *sample*: equally many genuine and impostor pairs over few pictures, three
pictures each of one person from every cell of sex, age group and skin tone. The sample is for frequent measurements,
such as every level of every corruption.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from facecheck.generate.synthesis.streams import Aspect, stream

__all__ = ["FOLDS", "Face", "draw_protocol", "faces_of"]

FOLDS: Final = 8
WIDEST_YAW_RAD: Final = 0.6
_GENUINE_PER_PERSON: Final = 46
_IMPOSTORS_PER_FOLD: Final = 424
_SIBLING_PAIRS: Final = 8  # per pair of siblings; with 20, errors of dlib on siblings would dominate the results
_SAMPLED_PEOPLE: Final = 3  # of each fold
_NEUTRAL: Final = ("strip",)
_MOVED: Final = ("pitch", "smile", "laugh", "frown", "speak", "surprise")


@dataclass(frozen=True, order=True, slots=True)
class Face:
    """One face of a manifest: file, tile (0 if the file has only one), subject, and kind of picture."""

    file: str
    tile: int
    subject: str
    kind: str
    yaw_rad: float


_Couple: TypeAlias = tuple[Face, Face]


def faces_of(manifest: dict[str, Any]) -> dict[str, list[Face]]:
    """Faces of a manifest that are compared, by subject, in the order of the manifest."""
    found: dict[str, list[Face]] = {}
    for image in manifest["images"]:
        for tile, conditions in enumerate(image["tiles"]):
            face = Face(image["file"], tile, image["subject"], image["kind"], conditions["yaw_rad"])
            if abs(face.yaw_rad) <= WIDEST_YAW_RAD:
                found.setdefault(face.subject, []).append(face)
    return found


def _family(subject: str) -> str:
    """The common name of siblings: ``p00012s1`` -> ``p00012``."""
    return subject.partition("s")[0]


def _deal_families(manifest: dict[str, Any]) -> list[list[str]]:
    """Folds of subjects: families are in one fold, and sexes, ages and skin tones are spread over the folds."""
    families: dict[str, list[str]] = {}
    for subject in manifest["people"]:
        families.setdefault(_family(subject), []).append(subject)

    def order(family: str) -> tuple[int, str, str, str]:
        labels = manifest["people"][families[family][0]]["labels"]
        return -len(families[family]), labels["sex"], labels["skin_tone"], family

    folds: list[list[str]] = [[] for _ in range(FOLDS)]
    for family in sorted(families, key=order):
        min(folds, key=len).extend(families[family])
    return folds


def _draw_genuine(faces: Sequence[Face], rng: np.random.Generator) -> list[_Couple]:
    """Distinct pairs of one person, with fewest pairs of neighbouring tiles of the strip."""
    pairs, weights = [], []
    for face, other in itertools.combinations(faces, 2):
        same_strip = face.kind == other.kind == "strip"
        pairs.append((min(face, other), max(face, other)))
        weights.append(min(abs(face.yaw_rad - other.yaw_rad), 0.8) if same_strip else 1.0)
    chance = np.array(weights) / np.sum(weights)
    chosen = rng.choice(len(pairs), min(_GENUINE_PER_PERSON, len(pairs)), replace=False, p=chance)
    return [pairs[number] for number in sorted(chosen)]


def _likeness(people: dict[str, Any], subject: str, other: str) -> float:
    """Similarity by labels of two unrelated people, which weights the draw of impostor pairs."""
    here, there = people[subject]["labels"], people[other]["labels"]
    return float((1 + 3 * (here["sex"] == there["sex"])) * (1 + 2 * (here["skin_tone"] == there["skin_tone"])))


def _any_pair(faces: dict[str, list[Face]], subjects: tuple[str, str], rng: np.random.Generator) -> _Couple:
    first, second = (faces[subject][int(rng.integers(len(faces[subject])))] for subject in subjects)
    return (first, second) if first < second else (second, first)


def _draw_impostors(
    people: dict[str, Any],
    faces: dict[str, list[Face]],
    sizes: tuple[int, int],
    rng: np.random.Generator,
) -> list[_Couple]:
    """Distinct impostor pairs; ``sizes`` gives the number per pair of siblings, and the total."""
    couples = list(itertools.combinations(faces, 2))
    siblings = [couple for couple in couples if _family(couple[0]) == _family(couple[1])]
    drawn: dict[_Couple, None] = {}
    for couple in siblings:
        wanted = len(drawn) + sizes[0]
        while len(drawn) < wanted:
            drawn[_any_pair(faces, couple, rng)] = None
    unrelated = [couple for couple in couples if couple not in siblings]
    chance = np.array([_likeness(people, *couple) for couple in unrelated])
    while len(drawn) < sizes[1]:
        drawn[_any_pair(faces, unrelated[int(rng.choice(len(unrelated), p=chance / chance.sum()))], rng)] = None
    return list(drawn)


def _cell(people: dict[str, Any], subject: str) -> tuple[str, ...]:
    return tuple(people[subject]["labels"].values())


def _sampled_people(people: dict[str, Any], folds: Sequence[Sequence[str]]) -> list[list[str]]:
    """People of each fold, each from the cell of labels that was used least so far."""
    taken: dict[tuple[str, ...], int] = {}
    sampled: list[list[str]] = [[] for _ in folds]
    for _ in range(_SAMPLED_PEOPLE):
        for fold, chosen in zip(folds, sampled, strict=True):
            free = [subject for subject in fold if subject not in chosen]
            rarest = min(free, key=lambda subject: (taken.get(_cell(people, subject), 0), fold.index(subject)))
            taken[_cell(people, rarest)] = taken.get(_cell(people, rarest), 0) + 1
            chosen.append(rarest)
    return sampled


def _sampled_faces(faces: Sequence[Face], rng: np.random.Generator) -> list[Face]:
    """Three pictures of a person: a turned head, another expression or pitch, and another look or light."""
    turned = [face for face in faces if face.kind in _NEUTRAL and face.yaw_rad]
    moved = [face for face in faces if face.kind in _MOVED]
    other = [face for face in faces if face.kind not in (*_NEUTRAL, *_MOVED)]
    return [kind[int(rng.integers(len(kind)))] for kind in (turned, moved, other)]


def _draw_sample(
    people: dict[str, Any], faces: dict[str, list[Face]], subjects: Sequence[str], rng: np.random.Generator
) -> tuple[list[_Couple], list[_Couple]]:
    """Genuine and impostor pairs of a fold's sample, equally many of both."""
    few = {subject: _sampled_faces(faces[subject], rng) for subject in subjects}
    genuine = [(min(pair), max(pair)) for subject in subjects for pair in itertools.combinations(few[subject], 2)]
    return genuine, _draw_impostors(people, few, (1, len(genuine)), rng)


def _reference(face: Face) -> dict[str, Any]:
    return {"file": face.file, "tile": face.tile} if face.kind == "strip" else {"file": face.file}


def _references(sample: Sequence[_Couple], rest: Sequence[_Couple]) -> list[list[dict[str, Any]]]:
    """The sample, then the rest without pairs of the sample."""
    return [[_reference(face) for face in pair] for pair in dict.fromkeys((*sample, *rest))]


def draw_protocol(manifest: dict[str, Any]) -> dict[str, Any]:
    """Draw the protocol of a set: ``folds``, each with its subjects and its genuine and impostor pairs.

    A pair names two faces, each ``{"file": ..}`` or, in a strip, ``{"file": .., "tile": ..}`` with tiles counted
    from 0 at the left. ``sample`` is the number of pairs at the start of each list that are the fold's sample. The
    seed is fixed: the same manifest gives the same protocol.
    """
    people, faces = manifest["people"], faces_of(manifest)
    dealt = _deal_families(manifest)
    folds = []
    for number, (subjects, sampled) in enumerate(zip(dealt, _sampled_people(people, dealt), strict=True)):
        rng = stream(Aspect.PROTOCOL, number)
        mine = {subject: faces[subject] for subject in subjects}
        few_genuine, few_impostor = _draw_sample(people, mine, sampled, rng)
        genuine = [pair for subject in subjects for pair in _draw_genuine(mine[subject], rng)]
        impostor = _draw_impostors(people, mine, (_SIBLING_PAIRS, _IMPOSTORS_PER_FOLD), rng)
        folds.append(
            {
                "subjects": sorted(subjects),
                "sample": {"genuine": len(few_genuine), "impostor": len(few_impostor)},
                "genuine": _references(few_genuine, genuine),
                "impostor": _references(few_impostor, impostor),
            }
        )
    return {"folds": folds}
