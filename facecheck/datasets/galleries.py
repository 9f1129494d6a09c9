"""Published sets of gallery and probe: TinyFace at low resolution, SCface at three distances.

Each face has the label ``role``: ``gallery``, ``probe`` or ``distractor``. The pairs compare each probe with the
gallery pictures of its person, and with as many of other people of its fold; people are dealt into folds, and others
are chosen, by a fixed seed. TinyFace's distractors show people who are not searched: nobody is known of them, and each
counts as a person of its own.

Source: Cheng, Zhu and Gong, Low-resolution face recognition, ACCV 2018; Grgic, Delac and Grgic, SCface - surveillance
cameras face database, Multimedia Tools and Applications 2011.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from facecheck.datasets.dataset import Dataset, image_files
from facecheck.datasets.matlab import read_matlab
from facecheck.datasets.places import existing_folder, exists
from facecheck.errors import DatasetError, nearest
from facecheck.faces import Face, ImageSource, Pairs
from facecheck.specs import Spec

__all__ = ["SCFACE_DISTANCES", "read_scface", "read_tinyface"]

_SEED = 12
_FOLDS = 10
_SAFE = re.compile(r"[^/\\\0]{1,200}")
SCFACE_DISTANCES = ("1", "2", "3")
_METRES = {"1": "4.20 m", "2": "2.60 m", "3": "1.00 m"}
_SURVEILLANCE = re.compile(r"([0-9]{3})_cam([1-5])_([123])\.jpe?g", re.IGNORECASE)
_FRONTAL = re.compile(r"([0-9]{3})_frontal\.jpe?g", re.IGNORECASE)


# TinyFace.


def read_tinyface(spec: Spec) -> Dataset:
    """Open ``pairs:FOLDER?layout=tinyface``; ``distractors=yes`` adds the gallery's distractors as faces.

    The folder is ``Testing_Set``, or the one that holds it.

    Raises:
        DatasetError: no such folder, lists that do not agree with each other, a missing image.
    """
    given = existing_folder(spec)
    folder = given / "Testing_Set" if exists(given / "Testing_Set", folder=True) else given
    wanted = spec.options.get("distractors", "no")
    if wanted not in ("yes", "no"):
        raise DatasetError(f"{spec.text}: distractors={wanted}: expected yes or no")
    gallery = list(_listed(folder, "gallery_match_img_ID_pairs.mat", "gallery", "Gallery_Match"))
    probes = list(_listed(folder, "probe_img_ID_pairs.mat", "probe", "Probe"))
    distractors = list(_distractors(folder / "Gallery_Distractor")) if wanted == "yes" else []
    pairs, notes = _searched(spec, gallery, probes, distractors)
    return Dataset(
        name="tinyface",
        kind="pairs",
        spec=spec.text,
        pairs=pairs,
        protocol=f"TinyFace, {len(probes)} probes, {len(gallery)} gallery pictures, {len(distractors)} distractors",
        notes=notes,
    )


def _listed(folder: Path, file: str, kind: str, images: str) -> Iterator[Face]:
    """Yield the faces of one list: names in a cell, people in a column."""
    path = folder / file
    if not exists(path, folder=False):
        raise DatasetError(f"{path}: missing; expected TinyFace's Testing_Set with {file} and {images}/")
    found = read_matlab(path)
    names, people = found.get(f"{kind}_set"), found.get(f"{kind}_ids")
    if not isinstance(names, tuple) or not isinstance(people, np.ndarray) or len(names) != len(people):
        raise DatasetError(f"{path}: expected {kind}_set, a cell of names, and as many numbers in {kind}_ids")
    for row, (name, person) in enumerate(zip(names, people.tolist(), strict=True), 1):
        if not _SAFE.fullmatch(name) or name in (".", ".."):
            raise DatasetError(f"{path}, row {row}: {name!a} points outside {folder / images}; expected a file's name")
        image = folder / images / name
        if not exists(image, folder=False):
            raise DatasetError(f"{path}, row {row}: {name!a}: no such image in {folder / images}")
        yield Face(source=ImageSource(image, f"{images}/{name}"), subject=str(person), groups=(("role", kind),))


def _distractors(folder: Path) -> Iterator[Face]:
    if not exists(folder, folder=True):
        raise DatasetError(f"{folder}: missing; leave distractors out, or unpack them there")
    for path in image_files(folder):
        name = f"{folder.name}/{path.name}"
        yield Face(source=ImageSource(path, name), subject=name, groups=(("role", "distractor"),))


# SCface.


def read_scface(spec: Spec) -> Dataset:
    """Open ``pairs:FOLDER?layout=scface&distance=1``: 4.20 m, 2.60 m or 1.00 m, all three without a distance.

    Gallery are the frontal mug shots, probes the pictures of the cameras 1 to 5.

    Raises:
        DatasetError: no such folder or distance, no mug shots, no pictures of that distance.
    """
    folder = existing_folder(spec)
    distance = spec.options.get("distance")
    if distance is not None and distance not in SCFACE_DISTANCES:
        raise DatasetError(f"{spec.text}: distance {distance!r} is unknown. {nearest(distance, SCFACE_DISTANCES)}")
    gallery = list(_mugshots(folder))
    probes = list(_surveillance(folder, distance))
    pairs, notes = _searched(spec, gallery, probes, [])
    return Dataset(
        name="scface" if distance is None else f"scface-d{distance}",
        kind="pairs",
        spec=spec.text,
        pairs=pairs,
        protocol=f"SCface, {_METRES.get(distance or '', 'three distances')}, cameras 1 to 5, {len(probes)} probes",
        notes=notes,
    )


def _mugshots(folder: Path) -> Iterator[Face]:
    names = ("mugshot_frontal_cropped_all", "mugshot_frontal_original_all")
    place = next((folder / name for name in names if exists(folder / name, folder=True)), None)
    if place is None:
        raise DatasetError(f"{folder}: expected SCface's folder with {' or '.join(names)}")
    for path in image_files(place):
        found = _FRONTAL.fullmatch(path.name)
        if found:
            source = ImageSource(path, f"{place.name}/{path.name}")
            yield Face(source=source, subject=found[1], groups=(("role", "gallery"),))


def _surveillance(folder: Path, distance: str | None) -> Iterator[Face]:
    """Yield the pictures of the visible cameras, out of the one folder of all or the folders by distance and camera."""
    whole = folder / "surveillance_cameras_all"
    places = (
        [whole]
        if exists(whole, folder=True)
        else [
            folder / f"surveillance_cameras_distance_{number}" / f"cam_{camera}"
            for number in SCFACE_DISTANCES
            for camera in range(1, 6)
            if distance in (None, number)
        ]
    )
    for place in places:
        if not exists(place, folder=True):
            raise DatasetError(f"{place}: missing; expected SCface's pictures there, or in {whole}")
        for path in image_files(place):
            found = _SURVEILLANCE.fullmatch(path.name)
            if found and distance in (None, found[3]):
                labels = (("role", "probe"), ("camera", found[2]), ("distance", found[3]))
                source = ImageSource(path, path.relative_to(folder).as_posix())
                yield Face(source=source, subject=found[1], groups=labels)


# Pairs.


def _searched(
    spec: Spec, gallery: Sequence[Face], probes: Sequence[Face], distractors: Sequence[Face]
) -> tuple[Pairs, tuple[str, ...]]:
    """Return each probe with the gallery pictures of its person, and with as many of others."""
    mates: dict[str, list[int]] = defaultdict(list)
    for number, face in enumerate(gallery):
        mates[face.subject].append(number)
    if len(mates) < 2 or not any(face.subject in mates for face in probes):  # noqa: PLR2004 - somebody else
        raise DatasetError(
            f"{spec.text}: {len(mates)} people in the gallery and {len(probes)} probes: expected probes of people in "
            "the gallery, which has two at least"
        )
    generator = np.random.default_rng(_SEED)
    people = sorted({face.subject for face in (*gallery, *probes)}, key=lambda person: (person not in mates, person))
    count = min(_FOLDS, len(mates) // 2)
    # Those in the gallery come first, so that each fold has as many of them, two at least.
    ranks = [*generator.permutation(len(mates)), *range(len(mates), len(people))]
    fold_of = {person: int(rank) % count for person, rank in zip(people, ranks, strict=True)}
    fold_of_row = np.array([fold_of[face.subject] for face in gallery])
    who = np.array([face.subject for face in gallery])
    rows: list[tuple[int, int]] = []
    for number, probe in enumerate(probes, len(gallery)):
        mine = mates.get(probe.subject, [])
        others = np.flatnonzero((who != probe.subject) & (fold_of_row == fold_of[probe.subject]))
        chosen = generator.choice(others, min(max(1, len(mine)), len(others)), replace=False)
        rows += [(number, other) for other in (*mine, *chosen.tolist())]
    folds = np.array([fold_of[probes[number - len(gallery)].subject] for number, _ in rows], dtype=np.int64)
    several = len(np.unique(folds)) > 1
    pairs = Pairs((*gallery, *probes, *distractors), np.array(rows, dtype=np.int64), folds if several else None)
    alone = len({face.subject for face in probes} - mates.keys())
    note = f"{alone} people have probes and are not in the gallery: they are compared with others only"
    return pairs, (note,) if alone else ()
