"""The set of faces that ships with facecheck (``fixtures/faces``): who is in it and how it is made.

72 people: three to a cell of sex x age group x skin tone, where in every other cell the third is a sibling of the
first. Each has a strip of nine tiles (yaw -0.8 to 0.8 rad) and six further pictures. ``manifest.json`` lists every
file with its hash and parameters, ``protocol.json`` the pairs to be compared.

The people were chosen by `facecheck.synthesis.selection.choose_people(range(700), 3)`; the result stands here so
that the set does not depend on that search.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from facecheck.synthesis.conditions import Kind
from facecheck.synthesis.generate import (
    GENERATOR_VERSION,
    Job,
    further_conditions,
    image_record,
    make_files,
    person_record,
    strip_conditions,
    strip_yaws,
    write_json,
)
from facecheck.synthesis.person import Person, draw_person, draw_sibling
from facecheck.synthesis.protocol import draw_protocol

__all__ = ["EMBEDDED_KEYS", "embedded_jobs", "embedded_people", "make_embedded_set"]

TILE_PX: Final = 160
TILES: Final = 9
START_RAD: Final = -0.8
STEP_RAD: Final = 0.2
QUALITY: Final = 88
COMMAND: Final = "facecheck generate faces --embedded fixtures/faces"

# In rounds over the 24 cells: two unrelated people per cell, then a third for every other cell.
_FIRST: Final = (
    27, 256, 70, 367, 422, 402, 277, 304, 552, 100, 265, 447,
    692, 664, 51, 554, 437, 169, 257, 600, 348, 274, 14, 25,
)  # fmt: skip
_SECOND: Final = (
    503, 114, 138, 199, 421, 183, 83, 569, 428, 505, 676, 334,
    460, 659, 391, 434, 192, 630, 425, 489, 651, 614, 472, 355,
)  # fmt: skip
_THIRD: Final = (571, 383, 105, 673, 363, 181, 642, 392, 360, 95, 543, 104, 539, 221, 24, 283, 328, 305, 509, 22, 207, 608, 143, 586)  # fmt: skip  # noqa: E501

EMBEDDED_KEYS: Final[tuple[tuple[int, int], ...]] = (
    *((seed, 0) for seed in _FIRST),
    *((seed, 0) for seed in _SECOND),
    *((seed, 0) for seed in _THIRD[::2]),
    *((seed, 1) for seed in _FIRST[1::2]),
)


def _further_kinds(number: int) -> tuple[Kind, ...]:
    """Kinds of the six further pictures of the person at ``number``: mouths close, part or open in turn."""
    mouths: tuple[tuple[Kind, Kind], ...] = (("smile", "laugh"), ("frown", "laugh"), ("smile", "speak"))
    return ("light", "pitch", "glasses", *mouths[number % len(mouths)], "restyle")


def embedded_people() -> list[Person]:
    """The people of the set, in its order."""
    return [draw_sibling(seed, sibling) if sibling else draw_person(seed) for seed, sibling in EMBEDDED_KEYS]


def embedded_jobs(out: Path, person: Person, number: int) -> list[Job]:
    """Files of one person: a strip, then the further pictures."""
    tiles = strip_conditions(person, strip_yaws(TILES, START_RAD, STEP_RAD))
    folder = out / person.name
    jobs = [Job(path=folder / "strip.webp", person=person, kind="strip", conditions=tiles)]
    for kind in _further_kinds(number):
        conditions = (further_conditions(person, kind),)
        jobs.append(Job(path=folder / f"{kind}.webp", person=person, kind=kind, conditions=conditions))
    return jobs


def _manifest(out: Path, people: list[Person], jobs: list[Job]) -> dict[str, Any]:
    return {
        "generator_version": GENERATOR_VERSION,
        "command": COMMAND,
        "tile_px": TILE_PX,
        "strip": {"tiles": TILES, "start": START_RAD, "step": STEP_RAD},
        "licence": "made by facecheck's generator out of CC0 assets; no photograph, nobody's likeness",
        "people": {person.name: person_record(person) for person in people},
        "images": [image_record(job, out) for job in jobs],
    }


def make_embedded_set(out: Path, *, progress: bool = True) -> None:
    """Make the embedded set, or what is missing of it, and its manifest and protocol (20 minutes on one free core)."""
    people = embedded_people()
    jobs = [job for number, person in enumerate(people) for job in embedded_jobs(out, person, number)]
    make_files(jobs, size=TILE_PX, quality=QUALITY, progress=progress)
    manifest = _manifest(out, people, jobs)
    write_json(out / "manifest.json", manifest)
    write_json(out / "protocol.json", draw_protocol(json.loads(json.dumps(manifest))))
