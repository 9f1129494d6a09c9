"""Which pictures of a set are compared: genuine and impostor pairs in folds that share nobody.

Pairs are hard on purpose. Genuine pairs join a pose to another, or to another light, expression, look or height
of the camera. Half of the impostor pairs join people of the same sex and neighbouring skin tones, and every
sibling meets the person they resemble.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from facecheck.synthesis.streams import Aspect, stream

__all__ = ["FOLDS", "Face", "draw_protocol", "faces_of"]

FOLDS: Final = 8
_GENUINE_PER_PERSON: Final = 32
_IMPOSTOR_PER_GENUINE: Final = 1.25
_SIBLING_PAIRS: Final = 6  # per pair of siblings; dlib takes siblings for one person so often that 20 hide all else


@dataclass(frozen=True, order=True, slots=True)
class Face:
    """One face of a manifest: a file, its tile (0 if it has one only), whose it is, and what kind of picture."""

    file: str
    tile: int
    subject: str
    kind: str
    yaw_rad: float


def faces_of(manifest: dict[str, Any]) -> dict[str, list[Face]]:
    """Faces of a manifest by subject, in the manifest's order."""
    found: dict[str, list[Face]] = {}
    for image in manifest["images"]:
        for tile, conditions in enumerate(image["tiles"]):
            face = Face(image["file"], tile, image["subject"], image["kind"], conditions["yaw_rad"])
            found.setdefault(face.subject, []).append(face)
    return found


def _family(subject: str) -> str:
    """Siblings share the name of the person they resemble: ``p00012s1`` -> ``p00012``."""
    return subject.partition("s")[0]


def _deal_families(manifest: dict[str, Any]) -> list[list[str]]:
    """Folds of subjects: families stay together, and each fold gets both sexes of every age and tone in turn."""
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


def _draw_genuine(faces: Sequence[Face], rng: np.random.Generator) -> list[tuple[Face, Face]]:
    """Pairs of one person, no two alike, fewest between neighbouring tiles of the strip."""
    pairs, weights = [], []
    for first, face in enumerate(faces):
        for other in faces[first + 1 :]:
            same_strip = face.kind == other.kind == "strip"
            turned = abs(face.yaw_rad - other.yaw_rad)
            pairs.append((face, other))
            weights.append(min(turned, 0.8) if same_strip else 1.0)
    chance = np.array(weights) / np.sum(weights)
    chosen = rng.choice(len(pairs), min(_GENUINE_PER_PERSON, len(pairs)), replace=False, p=chance)
    return [pairs[number] for number in sorted(chosen)]


def _likeness(people: dict[str, Any], subject: str, other: str) -> float:
    """How much a stranger resembles somebody at a glance: chance of being drawn as an impostor."""
    here, there = people[subject]["labels"], people[other]["labels"]
    return float((1 + 3 * (here["sex"] == there["sex"])) * (1 + 2 * (here["skin_tone"] == there["skin_tone"])))


def _any_pair(faces: dict[str, list[Face]], subjects: tuple[str, str], rng: np.random.Generator) -> tuple[Face, Face]:
    first, second = (faces[subject][int(rng.integers(len(faces[subject])))] for subject in subjects)
    return (first, second) if first < second else (second, first)


def _draw_impostors(
    manifest: dict[str, Any], faces: dict[str, list[Face]], fold: Sequence[str], count: int, rng: np.random.Generator
) -> list[tuple[Face, Face]]:
    """Pairs of different people of a fold, no two alike: siblings first, then strangers by likeness."""
    people = manifest["people"]
    couples = [(a, b) for number, a in enumerate(fold) for b in fold[number + 1 :]]
    siblings = [couple for couple in couples if _family(couple[0]) == _family(couple[1])]
    drawn: dict[tuple[Face, Face], None] = {}
    for couple in siblings:
        wanted = len(drawn) + _SIBLING_PAIRS
        while len(drawn) < wanted:
            drawn[_any_pair(faces, couple, rng)] = None
    strangers = [couple for couple in couples if couple not in siblings]
    chance = np.array([_likeness(people, *couple) for couple in strangers])
    while len(drawn) < count:
        drawn[_any_pair(faces, strangers[int(rng.choice(len(strangers), p=chance / chance.sum()))], rng)] = None
    return list(drawn)


def _reference(face: Face) -> dict[str, Any]:
    return {"file": face.file, "tile": face.tile} if face.kind == "strip" else {"file": face.file}


def draw_protocol(manifest: dict[str, Any]) -> dict[str, Any]:
    """The protocol of a set: ``folds``, each with its subjects and its genuine and impostor pairs.

    A pair names two faces, each ``{"file": ..}`` or, in a strip, ``{"file": .., "tile": ..}`` with tiles counted
    from 0 at the left. Drawn from a fixed seed: the same manifest gives the same protocol.
    """
    faces = faces_of(manifest)
    folds = []
    for number, subjects in enumerate(_deal_families(manifest)):
        rng = stream(Aspect.PROTOCOL, number)
        genuine = [pair for subject in subjects for pair in _draw_genuine(faces[subject], rng)]
        impostor = _draw_impostors(manifest, faces, subjects, int(len(genuine) * _IMPOSTOR_PER_GENUINE), rng)
        folds.append(
            {
                "subjects": sorted(subjects),
                "genuine": [[_reference(face) for face in pair] for pair in genuine],
                "impostor": [[_reference(face) for face in pair] for pair in impostor],
            }
        )
    return {"folds": folds}
