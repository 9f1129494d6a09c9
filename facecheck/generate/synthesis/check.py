"""Check that the committed set follows from its seeds: every picture is rendered again and compared.

On the machine that made the set, and on machines with the same numpy results, pixels before compression have the
hashes of the manifest. Elsewhere last bits may differ, so the picture is compared with the decompressed file: the
difference is that of the compression, and little more.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from facecheck.generate.synthesis.arrays import Pixels
from facecheck.generate.synthesis.bundled_set import (
    BUNDLED_KEYS,
    TILE_PX,
    bundled_jobs,
    bundled_people,
    over_people,
    pixels_sha256,
)
from facecheck.generate.synthesis.generate import GENERATOR_VERSION, shoot
from facecheck.generate.synthesis.studio import Studio

__all__ = ["TOLERANCE_LEVELS", "Comparison", "check_bundled_set", "compare_person"]

TOLERANCE_LEVELS: Final = 4.0  # of 255, mean over a picture; compression alone takes up to 3.3


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A file of the set compared with the same picture rendered again.

    Attributes:
        file: its name within the set.
        same_pixels: whether the pixels before compression have the manifest's hash.
        difference_levels: mean difference to the file's pixels after decompression, in levels of 255.
    """

    file: str
    same_pixels: bool
    difference_levels: float

    @property
    def passed(self) -> bool:
        """Whether the pictures are equal within the tolerance."""
        return self.difference_levels <= TOLERANCE_LEVELS


def _difference(made: Pixels, path: Path) -> float:
    """Mean difference in levels; infinite if the file is missing, unreadable or has another size."""
    try:
        with Image.open(path, formats=["WEBP"]) as opened:
            kept = np.asarray(opened.convert("RGB"), np.float64)
    except OSError:
        return float("inf")
    return float(np.abs(made - kept).mean()) if kept.shape == made.shape else float("inf")


def compare_person(folder: Path, number: int, *, files: Sequence[str] | None = None) -> list[Comparison]:
    """Render one person's pictures again, in reverse order, and compare them with the set.

    Args:
        folder: of the set.
        number: position of the person in the set.
        files: only these files; all by default.

    Raises:
        ValueError: the manifest is of another version of the generator.
    """
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    if manifest["generator_version"] != GENERATOR_VERSION:
        raise ValueError(
            f"{folder} was made by version {manifest['generator_version']} of the generator, this is version "
            f"{GENERATOR_VERSION}: make the set again with {manifest['command']}"
        )
    expected = {image["file"]: image["pixels_sha256"] for image in manifest["images"]}
    person = bundled_people()[number]
    studio = Studio(person)
    compared = []
    for job in reversed(bundled_jobs(folder, person, number)):
        name = job.path.relative_to(folder).as_posix()
        if files is None or name in files:
            pixels = shoot(studio, job, size=TILE_PX)
            same = pixels_sha256(pixels) == expected.get(name)
            compared.append(Comparison(file=name, same_pixels=same, difference_levels=_difference(pixels, job.path)))
    return compared


def check_bundled_set(folder: Path, *, workers: int, progress: bool = True) -> list[Comparison]:
    """Render the whole set again and compare every file (20 minutes of CPU time, shared by ``workers`` processes)."""
    everybody = range(len(BUNDLED_KEYS))
    found = over_people(partial(compare_person, folder), everybody, workers=workers, progress=progress)
    return [comparison for person in found for comparison in person]
