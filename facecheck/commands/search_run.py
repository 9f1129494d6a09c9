"""What ``facecheck search`` does: files of vectors to matches and rates, and progress that survives."""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from facecheck import plots
from facecheck.errors import FacecheckError, printable
from facecheck.evaluation.identification import Searched, closed_set, open_set
from facecheck.metrics.gallery import Found, Progress, Templates, search_gallery
from facecheck.results.measurement import Measured
from facecheck.storage.files import opened_regular, write_text, writing

__all__ = ["search"]

Rows = npt.NDArray[np.int64]
_SAVED_EVERY_S = 5.0
_MOST_NAMES = 2**31  # bytes of a file of names
_MOST_PROGRESS = 2**34  # bytes of what was found so far
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, MemoryError)


def search(options: argparse.Namespace) -> None:
    """Search, print the rates and write them, with the matches of every probe.

    Args:
        options: of the command.

    Raises:
        FacecheckError: a file that cannot be used, or progress of another search.
    """
    probes, gallery = _templates(options)
    options.out.mkdir(exist_ok=True)
    store = _Kept(options.out / "progress.npz", len(gallery.vectors))
    started = time.perf_counter()
    try:
        found = search_gallery(probes, gallery, distance=options.distance, top=options.top, store=store)
    except ValueError as error:
        hint = f"; {store.path} is what was found so far: remove it to begin again" if store.path.exists() else ""
        raise FacecheckError(f"{options.probes} in {options.gallery}: {error}{hint}") from error
    print(
        f"{len(probes.vectors):,} probes in {len(gallery.vectors):,} templates: {time.perf_counter() - started:.1f} s"
    )
    _write(options, found)


# What is read.


def _templates(options: argparse.Namespace) -> tuple[Templates, Templates]:
    """Return probes and gallery."""
    files = ((options.probes, options.probe_people), (options.gallery, options.gallery_people))
    vectors, people = [_mapped(path) for path, _ in files], [_people(path) for _, path in files]
    for (path, names), rows, who in zip(files, vectors, people, strict=True):
        if rows.ndim != 2 or rows.dtype not in (np.float32, np.float16):  # noqa: PLR2004 - rows of vectors
            shape = " x ".join(map(str, rows.shape))
            raise FacecheckError(f"{path}: {shape} of {rows.dtype}, expected rows of float32 or float16")
        if len(who) != len(rows):
            raise FacecheckError(f"{names}: {len(who)} people, expected one for each of the {len(rows)} rows of {path}")
    searched, enrolled = people
    if isinstance(searched, list) != isinstance(enrolled, list):
        raise FacecheckError(
            f"{files[0][1]} and {files[1][1]}: expected numbers in both or names in both, not one of each"
        )
    numbers: dict[str, int] = {}
    return Templates(vectors[0], _numbered(searched, numbers)), Templates(vectors[1], _numbered(enrolled, numbers))


def _numbered(people: Rows | list[str], numbers: dict[str, int]) -> Rows:
    """Return a number for each name, the same for the same name; numbers as they are."""
    if not isinstance(people, list):
        return people
    return np.array([numbers.setdefault(name, len(numbers)) for name in people], dtype=np.int64)


def _mapped(path: Path) -> npt.NDArray[Any]:
    """Return the array of a file, memory-mapped; nothing is unpickled."""
    try:
        with opened_regular(path) as stream:
            np.lib.format.read_magic(stream)
        return np.lib.format.open_memmap(path, mode="r")
    except _UNREADABLE as error:
        raise FacecheckError(f"{path}: expected a .npy file of numbers, as numpy.save writes it: {error}") from error


def _people(path: Path) -> Rows | list[str]:
    """Return who each row shows: numbers as an array, or names as a list."""
    if path.suffix.lower() == ".npy":
        numbers = _mapped(path)
        if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
            raise FacecheckError(f"{path}: expected one whole number a row, not {numbers.ndim}-d {numbers.dtype}")
        if numbers.dtype.kind == "u" and len(numbers) and int(numbers.max()) > np.iinfo(np.int64).max:
            raise FacecheckError(f"{path}: a number of {int(numbers.max())} is larger than 64 bits with a sign hold")
        return np.asarray(numbers, dtype=np.int64)
    try:
        with opened_regular(path, most=_MOST_NAMES) as stream:
            names = stream.read().decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FacecheckError(f"{path}: expected a text file with a name a line: {error}") from error
    empty = next((number for number, name in enumerate(names, start=1) if not name.strip()), None)
    if empty is not None:
        raise FacecheckError(f"{path}, line {empty}: no name, expected one a line")
    return [name.strip() for name in names]


class _Kept:
    """A file with what was found so far, so that an interrupted search goes on.

    Args:
        path: of the file.
        whole: templates of the gallery.
    """

    def __init__(self, path: Path, whole: int) -> None:
        self.path = path
        self._whole = whole
        self._saved = time.perf_counter()

    def load(self) -> Progress | None:

        if not self.path.exists():
            return None
        try:
            with opened_regular(self.path, most=_MOST_PROGRESS) as stream, np.load(stream, allow_pickle=False) as kept:
                similarity = np.asarray(kept["similarity"], dtype=np.float64)
                rows = np.asarray(kept["rows"], dtype=np.int64)
                found = Progress(int(kept["done"]), similarity, rows, str(kept["digest"]))
        except _UNREADABLE as error:
            raise FacecheckError(
                f"{self.path}: not what an interrupted search left: {error}; remove it to begin again"
            ) from error
        print(f"an earlier search was interrupted: going on after {found.done:,} of {self._whole:,} templates")
        return found

    def save(self, progress: Progress) -> None:
        """Write the file, seldom enough to cost nothing."""
        if sys.stderr.isatty():
            print(f"\r{progress.done:,} of {self._whole:,} templates", end="", file=sys.stderr, flush=True)
        if time.perf_counter() - self._saved < _SAVED_EVERY_S:
            return
        with writing(self.path) as stream:
            np.savez(
                stream,
                done=np.array(progress.done),
                similarity=progress.similarity,
                rows=progress.rows,
                digest=np.array(progress.digest),
            )
        self._saved = time.perf_counter()


# What is written.


def _write(options: argparse.Namespace, found: Found) -> None:
    """Print the rates, write them with the matches and two graphs, and remove what was found on the way."""
    searches = found.searches
    mated = int(searches.mated.sum())
    content = io.BytesIO()
    np.savez(content, similarity=found.similarity, rows=found.rows)
    with writing(options.out / "matches.npz") as stream:
        stream.write(content.getbuffer())
    print(f"{searches.enrolled:,} people enrolled, {mated:,} mated and {len(searches) - mated:,} non-mated probes")
    measured: list[Measured] = []
    if mated:
        ranks = closed_set(Searched(searches)).measured
        measured += [each for each in ranks if (each.conditions.rank or 0) <= options.top]
        measured += open_set(Searched(searches)).measured
    for line in _told(measured):
        print(line)
    summary = {
        "gallery": str(options.gallery),
        "probes": str(options.probes),
        "distance": options.distance,
        "top": options.top,
        "enrolled": searches.enrolled,
        "mated": mated,
        "non_mated": len(searches) - mated,
        "measurements": [
            {"name": each.name, **each.estimate._asdict(), "conditions": each.conditions.as_json()} for each in measured
        ],
    }
    write_text(options.out / "search.json", json.dumps(summary, indent=1) + "\n")
    if measured:
        _draw(options.out, measured, f"{options.probes.stem} in {options.gallery.stem}")
    (options.out / "progress.npz").unlink(missing_ok=True)
    print(printable(f"results in {options.out}"))


def _told(measured: Sequence[Measured]) -> list[str]:
    """Return the rates that are asked for most, in lines."""
    lines = []
    for each in measured:
        value, low, high, _ = each.estimate
        rate = f"{value:.4f} [{low:.4f}, {high:.4f}]"
        if each.name == "identification_rate" and each.conditions.rank in (1, 5, 10, 20):
            lines.append(f"  rank {each.conditions.rank}: {rate}")
        elif each.name == "fnir":
            lines.append(f"  FNIR at FPIR {each.conditions.fpir:g}: {rate}")
    return lines


def _draw(folder: Path, measured: Sequence[Measured], name: str) -> None:

    ranks = {
        int(each.conditions.rank): each.estimate
        for each in measured
        if each.name == "identification_rate" and each.conditions.rank is not None
    }
    fnir = {
        each.conditions.fpir: each.estimate
        for each in measured
        if each.name == "fnir" and each.conditions.fpir is not None
    }
    drawn = [("cmc.png", plots.cmc("CMC", {name: ranks}))]
    if fnir:
        drawn.append(("det.png", plots.det_of_points("Searches", {name: fnir})))
    for file, figure in drawn:
        with writing(folder / file) as stream:
            figure.savefig(stream, format="png", dpi=110)
