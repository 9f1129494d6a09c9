"""The set of faces that ships with facecheck (``fixtures/faces``): its people, and how it is made.

72 people, three per cell of sex x age group x skin tone. In every second cell, with one exception, the third person is
a sibling of the first. Each has a strip of nine tiles (yaw -0.8 to 0.8 rad) and six further pictures.
``manifest.json`` lists every file with its hashes and parameters, ``protocol.json`` the pairs to be compared.

The people were chosen by `synthesis.selection.choose_people(range(700), 3)`; the result is stored here so that the
set does not depend on that search.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from tqdm import tqdm

from facecheck.generate.synthesis.arrays import Pixels
from facecheck.generate.synthesis.conditions import Kind
from facecheck.generate.synthesis.generate import (
    GENERATOR_VERSION,
    Job,
    encode,
    further_conditions,
    image_record,
    person_record,
    shoot,
    strip_conditions,
    strip_yaws,
    write_atomically,
    write_json,
)
from facecheck.generate.synthesis.person import Person, draw_person, draw_sibling
from facecheck.generate.synthesis.protocol import draw_protocol
from facecheck.generate.synthesis.studio import Studio

__all__ = [
    "BUNDLED_KEYS",
    "TILE_PX",
    "bundled_jobs",
    "bundled_people",
    "make_bundled_set",
    "over_people",
    "pixels_sha256",
]

Result = TypeVar("Result")

TILE_PX: Final = 160
TILES: Final = 9
START_RAD: Final = -0.8
STEP_RAD: Final = 0.2
QUALITY: Final = 88
COMMAND: Final = "facecheck generate faces --bundled fixtures/faces"

# In rounds over the 24 cells: two unrelated people per cell, then a third for every second cell.
_FIRST: Final = (
    27, 256, 70, 367, 422, 402, 277, 304, 552, 149, 265, 624,
    81, 148, 347, 433, 322, 169, 257, 11, 348, 531, 14, 686,
)  # fmt: skip
_SECOND: Final = (
    593, 91, 542, 300, 389, 183, 454, 37, 54, 100, 132, 104,
    621, 664, 391, 441, 372, 630, 509, 211, 651, 608, 472, 482,
)  # fmt: skip
_THIRD: Final = (
    452, 230, 689, 337, 270, 97, 83, 121, 555, 505, 529, 120,
    63, 23, 24, 313, 388, 305, 102, 286, 656, 614, 548, 25,
)  # fmt: skip

_NO_SIBLING: Final = 367  # tied hair makes the siblings' heads look like cones; the cell has a third unrelated person

BUNDLED_KEYS: Final[tuple[tuple[int, int], ...]] = (
    *((seed, 0) for seed in _FIRST),
    *((seed, 0) for seed in _SECOND),
    *((seed, 0) for seed in _THIRD[::2]),
    *((seed, 1) for seed in _FIRST[1::2] if seed != _NO_SIBLING),
    (_THIRD[_FIRST.index(_NO_SIBLING)], 0),
)


def _further_kinds(number: int) -> tuple[Kind, ...]:
    """Kinds of the six further pictures of the person at ``number``; the expressions alternate."""
    mouths: tuple[tuple[Kind, Kind], ...] = (("smile", "laugh"), ("frown", "laugh"), ("smile", "speak"))
    return ("light", "pitch", "glasses", *mouths[number % len(mouths)], "restyle")


def bundled_people() -> list[Person]:
    """The people of the set, in order."""
    return [draw_sibling(seed, sibling) if sibling else draw_person(seed) for seed, sibling in BUNDLED_KEYS]


def bundled_jobs(out: Path, person: Person, number: int) -> list[Job]:
    """Files of one person: a strip, then the further pictures."""
    tiles = strip_conditions(person, strip_yaws(TILES, START_RAD, STEP_RAD))
    folder = out / person.name
    jobs = [Job(path=folder / "strip.webp", person=person, kind="strip", conditions=tiles)]
    for kind in _further_kinds(number):
        conditions = (further_conditions(person, kind),)
        jobs.append(Job(path=folder / f"{kind}.webp", person=person, kind=kind, conditions=conditions))
    return jobs


def pixels_sha256(pixels: Pixels) -> str:
    """Hash of a picture before it is compressed: its RGB bytes, row by row."""
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def _unfinished(out: Path) -> Path:
    return out / ".unfinished"


def _make_person(out: Path, number: int) -> None:
    """Make one person's files and, at the end, a note with the hashes of their pixels, which marks them as finished."""
    person = bundled_people()[number]
    note = _unfinished(out) / f"{person.name}.json"
    if note.exists():
        return
    studio, hashes = Studio(person), {}
    for job in bundled_jobs(out, person, number):
        pixels = shoot(studio, job, size=TILE_PX)
        write_atomically(job.path, encode(pixels, job.path.suffix, QUALITY))
        hashes[job.path.relative_to(out).as_posix()] = pixels_sha256(pixels)
    write_json(note, hashes)


def over_people(work: Callable[[int], Result], numbers: Sequence[int], *, workers: int, progress: bool) -> list[Result]:
    """Results of ``work(number)`` for each person, in order, computed by ``workers`` processes."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        done = pool.map(work, numbers)
        return list(tqdm(done, total=len(numbers), desc="people", unit="person", disable=not progress))


def _manifest(out: Path, people: list[Person], jobs: list[Job]) -> dict[str, Any]:
    hashes: dict[str, str] = {}
    for person in people:
        hashes |= json.loads((_unfinished(out) / f"{person.name}.json").read_text(encoding="utf-8"))
    images = [image_record(job, out) for job in jobs]
    return {
        "generator_version": GENERATOR_VERSION,
        "command": COMMAND,
        "tile_px": TILE_PX,
        "strip": {"tiles": TILES, "start": START_RAD, "step": STEP_RAD},
        "licence": "made by facecheck's generator out of CC0 assets; no photograph, nobody's likeness",
        "people": {person.name: person_record(person) for person in people},
        "images": [image | {"pixels_sha256": hashes[image["file"]]} for image in images],
    }


def make_bundled_set(out: Path, *, workers: int, progress: bool = True) -> None:
    """Make the bundled set with its manifest and protocol; people finished by an interrupted run are kept.

    Args:
        out: output folder.
        workers: number of processes; the work takes 20 minutes of CPU time.
        progress: whether to show a progress bar.
    """
    people = bundled_people()
    over_people(partial(_make_person, out), range(len(people)), workers=workers, progress=progress)
    jobs = [job for number, person in enumerate(people) for job in bundled_jobs(out, person, number)]
    manifest = _manifest(out, people, jobs)
    write_json(out / "manifest.json", manifest)
    write_json(out / "protocol.json", draw_protocol(json.loads(json.dumps(manifest, sort_keys=True))))
    shutil.rmtree(_unfinished(out))
