"""Write faces to a folder: strips, matched and mismatched folders, or single pictures with a manifest.

A run first plans all files, then makes those that do not exist yet. Files are written atomically, so an interrupted
run can be continued. ``generation.json`` records the settings of the folder; a run with other settings is refused, so
that a folder never mixes faces of different settings.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np
from PIL import Image
from tqdm import tqdm

from facecheck.generate.synthesis.arrays import Pixels
from facecheck.generate.synthesis.conditions import KINDS, Conditions, Kind, draw_conditions
from facecheck.generate.synthesis.person import Person, draw_person, draw_sibling
from facecheck.generate.synthesis.studio import SMALLEST_SIZE, Studio
from facecheck.generate.synthesis.style import draw_style
from facecheck.storage.files import writing

__all__ = [
    "GENERATOR_VERSION",
    "LAYOUTS",
    "Job",
    "Layout",
    "encode",
    "generate_faces",
    "image_record",
    "neutral_conditions",
    "shoot",
    "strip_conditions",
    "strip_yaws",
    "write_atomically",
]

Layout: TypeAlias = Literal["strips", "folders", "manifest"]
ImageFormat: TypeAlias = Literal["png", "jpeg", "webp"]

LAYOUTS: Final[tuple[Layout, ...]] = get_args(Layout)
GENERATOR_VERSION: Final = 2  # raise it whenever a seed's pixels change
SETTINGS_FILE: Final = "generation.json"
_SUFFIXES: Final[dict[ImageFormat, str]] = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
_FURTHER_KINDS: Final[tuple[Kind, ...]] = ("light", "pitch", "glasses", "smile", "laugh", "frown", "restyle")
_FEWEST_FOR_FOLDERS: Final = 3  # one matched person and a mismatched pair


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One file to be made: a person under one or more conditions, side by side."""

    path: Path
    person: Person
    kind: Kind | Literal["neutral", "strip"]
    conditions: tuple[Conditions, ...]


def strip_yaws(tiles: int, start: float, step: float) -> tuple[float, ...]:
    """Yaws in rad of a strip's tiles, from left to right.

    >>> strip_yaws(5, -0.8, 0.4)
    (-0.8, -0.4, 0.0, 0.4, 0.8)
    """
    return tuple(round(start + tile * step, 6) + 0.0 for tile in range(tiles))


def neutral_conditions(person: Person) -> Conditions:
    """A frontal picture with a neutral expression in soft light, with a background that depends on the person."""
    seed = 1000 * person.seed + person.sibling
    return Conditions(light_seed=seed, background_seed=seed, noise_seed=seed)


def strip_conditions(person: Person, yaws: Sequence[float]) -> tuple[Conditions, ...]:
    """Conditions of a strip's tiles, which differ only in yaw and sensor noise."""
    usual = neutral_conditions(person)
    return tuple(
        replace(usual, yaw_rad=yaw, noise_seed=usual.noise_seed + tile * 1_000_003) for tile, yaw in enumerate(yaws)
    )


def further_conditions(person: Person, kind: Kind) -> Conditions:
    """A further picture of a person; the kind "glasses" removes the glasses of people who wear glasses."""
    drawn = draw_conditions(kind, *person.key)
    if kind != "glasses":
        return drawn
    return replace(drawn, glasses=not draw_style(person, 0).wears_glasses)


def encode(picture: Pixels, suffix: str, quality: int) -> bytes:
    """Bytes of a picture ``(h, w, 3)`` in the format of a file name's suffix; PNG ignores ``quality``."""
    buffer = io.BytesIO()
    name = {".png": "PNG", ".jpg": "JPEG", ".webp": "WEBP"}[suffix]
    options = {"WEBP": {"quality": quality, "method": 6}, "JPEG": {"quality": quality, "optimize": True}}
    Image.fromarray(picture).save(buffer, name, **options.get(name, {}))
    return buffer.getvalue()


def shoot(studio: Studio, job: Job, *, size: int) -> Pixels:
    """Picture ``(size, tiles * size, 3)`` of a job: its tiles side by side."""
    return np.concatenate([studio.take(conditions, size=size) for conditions in job.conditions], axis=1)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as stream:
        stream.write(content)


def write_json(path: Path, value: object) -> None:
    """Write indented JSON with sorted keys, so that people and diffs can read it."""
    write_atomically(path, (json.dumps(value, indent=1, sort_keys=True) + "\n").encode())


def image_record(job: Job, root: Path) -> dict[str, Any]:
    """The manifest's entry of a file: its hash, the subject, and the conditions of each tile."""
    return {
        "file": job.path.relative_to(root).as_posix(),
        "sha256": hashlib.sha256(job.path.read_bytes()).hexdigest(),
        "subject": job.person.name,
        "kind": job.kind,
        "tiles": [asdict(conditions) for conditions in job.conditions],
    }


def person_record(person: Person) -> dict[str, Any]:
    """The manifest's entry of a person: labels and all parameters."""
    parameters = asdict(person) | {"shape": {axis: round(value, 6) for axis, value in person.shape if value}}
    return {"labels": person.labels, "parameters": parameters}


def _make_files(jobs: Sequence[Job], *, size: int, quality: int, progress: bool) -> None:
    """Make the files that do not exist yet."""
    waiting = [job for job in jobs if not job.path.exists()]
    bar = tqdm(waiting, desc="faces", unit="file", disable=not progress)
    studio, sitter = None, None
    for job in bar:
        if job.path.exists():  # another process has made it in the meantime
            continue
        if studio is None or job.person != sitter:
            studio, sitter = Studio(job.person), job.person
        write_atomically(job.path, encode(shoot(studio, job, size=size), job.path.suffix, quality))


def _people(seeds: Sequence[int], siblings: int) -> list[Person]:
    people = []
    for seed in seeds:
        people.append(draw_person(seed))
        people.extend(draw_sibling(seed, sibling) for sibling in range(1, siblings + 1))
    return people


def _plan_strips(out: Path, people: Sequence[Person], yaws: Sequence[float], suffix: str) -> list[Job]:
    return [
        Job(
            path=out / f"{person.name}{suffix}",
            person=person,
            kind="strip",
            conditions=strip_conditions(person, yaws),
        )
        for person in people
    ]


def _single(path: Path, person: Person, kind: Kind | None) -> Job:
    conditions = neutral_conditions(person) if kind is None else further_conditions(person, kind)
    return Job(path=path, person=person, kind=kind or "neutral", conditions=(conditions,))


def _plan_folders(out: Path, people: Sequence[Person], kinds: Sequence[Kind], suffix: str) -> list[Job]:
    """Use a third of the people, at least one, for matched pairs, and the others for mismatched pairs."""
    matched = max(1, len(people) // 3)
    jobs = []
    for number, person in enumerate(people[:matched]):
        folder = out / "matched_faces" / person.name
        kind = kinds[number % len(kinds)]
        jobs += [
            _single(folder / f"0_neutral{suffix}", person, None),
            _single(folder / f"1_{kind}{suffix}", person, kind),
        ]
    for person in people[matched:]:
        jobs.append(_single(out / "mismatched_faces" / person.name / f"0_neutral{suffix}", person, None))
    return jobs


def _plan_singles(out: Path, people: Sequence[Person], kinds: Sequence[Kind], suffix: str) -> list[Job]:
    jobs = []
    for person in people:
        folder = out / "images" / person.name
        jobs.append(_single(folder / f"neutral{suffix}", person, None))
        jobs.extend(_single(folder / f"{kind}{suffix}", person, kind) for kind in kinds)
    return jobs


def _check(seeds: Sequence[int], layout: str, tiles: int, kinds: Iterable[str], size: int) -> None:
    problems: list[tuple[Callable[[], bool], str]] = [
        (lambda: not seeds, "no seeds: give at least one, e.g. seeds=range(10)"),
        (lambda: len(set(seeds)) < len(seeds), "a seed is given twice: one seed is one person"),
        (lambda: layout not in LAYOUTS, f"unknown layout {layout!r}; known are {', '.join(LAYOUTS)}"),
        (lambda: layout == "strips" and tiles < 2, f"a strip needs at least 2 tiles, got {tiles}"),
        (lambda: not set(kinds) <= set(KINDS), f"unknown kinds in {sorted(kinds)}; known are {', '.join(KINDS)}"),
        (lambda: size < SMALLEST_SIZE, f"pictures must be at least {SMALLEST_SIZE} px wide, got {size}"),
    ]
    for found, message in problems:
        if found():
            raise ValueError(message)


def _claim(out: Path, settings: dict[str, Any]) -> None:
    """Record the settings of a folder, or refuse a folder that was made with other settings."""
    path = out / SETTINGS_FILE
    if not path.exists():
        write_json(path, settings)
        return
    try:
        earlier = json.loads(path.read_text(encoding="utf-8"))
        differing = [key for key in settings if earlier.get(key) != settings[key]]
    except (ValueError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path}: cannot be read as a JSON object ({error}): choose another folder") from error
    if differing:
        key = differing[0]
        raise ValueError(
            f"{out} was made with {key}={earlier.get(key)!r}, not {settings[key]!r}: choose another folder, "
            "or use the earlier settings to continue"
        )


def generate_faces(  # noqa: PLR0913 - one place where a whole set is described
    out: Path,
    *,
    seeds: Sequence[int],
    siblings: int = 0,
    layout: Layout = "strips",
    tiles: int = 9,
    start_rad: float = -0.8,
    step_rad: float = 0.2,
    kinds: Sequence[Kind] = _FURTHER_KINDS,
    size: int = 256,
    image_format: ImageFormat = "png",
    quality: int = 90,
    progress: bool = True,
) -> list[Path]:
    """Make faces of the people of ``seeds`` and write them to a folder.

    Args:
        out: folder; finished files in it are kept.
        seeds: one person per seed.
        siblings: number of siblings (hard impostors) per seed.
        layout: "strips" (``<name>.png`` of square tiles side by side with ``<name>.json``), "folders"
            (``matched_faces/<person>/``, ``mismatched_faces/<person>/``), or "manifest" (``images/<person>/`` and
            ``manifest.json`` with every parameter).
        tiles: number of tiles of a strip.
        start_rad: yaw of the first tile of a strip, at the left.
        step_rad: difference of yaw between neighbouring tiles.
        kinds: further pictures of each person, for folders and manifests.
        size: of a picture or tile, px.
        image_format: PNG keeps every pixel.
        quality: of JPEG and WebP, 1 to 100.
        progress: whether to show a progress bar.

    Returns:
        The image files, in the order of the people.

    Raises:
        ValueError: an invalid argument, or a folder that was made with other settings.
    """
    _check(seeds, layout, tiles, kinds, size)
    people = _people(seeds, siblings)
    suffix = _SUFFIXES[image_format]
    if layout == "strips":
        jobs = _plan_strips(out, people, strip_yaws(tiles, start_rad, step_rad), suffix)
    elif layout == "folders":
        if len(people) < _FEWEST_FOR_FOLDERS:
            raise ValueError(f"folders need at least {_FEWEST_FOR_FOLDERS} people, got {len(people)}")
        jobs = _plan_folders(out, people, kinds, suffix)
    else:
        jobs = _plan_singles(out, people, kinds, suffix)
    settings = {"generator_version": GENERATOR_VERSION, "layout": layout, "size": size, "quality": quality}
    turn = {"tiles": tiles, "start": start_rad, "step": step_rad}
    _claim(out, settings | {"format": image_format} | (turn if layout == "strips" else {"kinds": sorted(kinds)}))
    if layout == "strips":
        for job in jobs:  # first, so that no strip exists without its yaws
            write_json(job.path.with_suffix(".json"), turn)
    _make_files(jobs, size=size, quality=quality, progress=progress)
    if layout == "manifest":
        write_json(
            out / "manifest.json",
            {
                **settings,
                "people": {person.name: person_record(person) for person in people},
                "images": [image_record(job, out) for job in jobs],
            },
        )
    return [job.path for job in jobs]
