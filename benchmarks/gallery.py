"""A million-face gallery on one machine: seconds and memory, killed half-way and resumed, beside faiss's flat index.

    uv run --with faiss-cpu python -m benchmarks.gallery WORK_FOLDER [--templates 1000000 --probes 10000]

Vectors are made: half of the probes have a noisy template in the gallery, half have none. ``facecheck search`` runs in
a process of its own, three times: whole, killed as soon as half of the gallery is searched, and again, which goes on.
Then faiss's exact inner product of vectors of length 1 answers the same question. Memory is what a process holds
itself, the pages of the memory-mapped gallery apart. Nothing here asserts.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from facecheck.pipeline.executor import cores

TOP = 50
_NOISE = 0.9  # of a probe, where a template has 1: about the cosines that a good network gives
_AT_ONCE = 2**16


class Ran(NamedTuple):
    """What a process took: seconds, GiB that it held, GiB of mapped files, whether it was killed, and its output."""

    seconds: float
    held: float
    mapped: float
    killed: bool
    output: str


def make(folder: Path, templates: int, probes: int, dimensions: int) -> None:
    """Write gallery, probes and who they are, if they are not there."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "gallery.npy").is_file() and len(np.load(folder / "gallery.npy", mmap_mode="r")) == templates:
        return
    shape = (templates, dimensions)
    gallery = np.lib.format.open_memmap(folder / "gallery.npy", mode="w+", dtype=np.float32, shape=shape)
    generator = np.random.default_rng(0)
    for start in range(0, templates, _AT_ONCE):
        count = min(_AT_ONCE, templates - start)
        gallery[start : start + count] = generator.standard_normal((count, dimensions), dtype=np.float32)
    gallery.flush()
    mated = probes // 2
    rows = np.sort(generator.choice(templates, mated, replace=False))
    vectors = generator.standard_normal((probes, dimensions), dtype=np.float32)
    vectors[:mated] = gallery[rows] + _NOISE * generator.exponential(2, (mated, 1)) * vectors[:mated]
    np.save(folder / "probes.npy", vectors.astype(np.float32))
    np.save(folder / "gallery_people.npy", np.arange(templates))
    np.save(folder / "probe_people.npy", np.concatenate((rows, templates + np.arange(probes - mated))))


def ran(command: list[str], *, kill_when: Path | None = None, after: int = 0) -> Ran:
    """Run a process and watch its memory.

    Args:
        command: that is run.
        kill_when: file whose ``done`` is looked at.
        after: templates; the process is killed once so many are done.
    """
    peak = {"RssAnon": 0, "RssFile": 0}
    started, killed = time.perf_counter(), False
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    said: list[str] = []
    reading = threading.Thread(target=lambda: said.append(process.stdout.read() if process.stdout else ""))
    reading.start()
    while process.poll() is None:
        time.sleep(0.05)
        for line in _status(process.pid).splitlines():
            name, _, value = line.partition(":")
            if name in peak:
                peak[name] = max(peak[name], int(value.split()[0]))
        if kill_when is not None and not killed and kill_when.is_file():
            with np.load(kill_when, allow_pickle=False) as kept:
                if int(kept["done"]) >= after:
                    process.send_signal(signal.SIGKILL)
                    killed = True
    reading.join()
    took = time.perf_counter() - started
    return Ran(took, peak["RssAnon"] / 2**20, peak["RssFile"] / 2**20, killed, "".join(said))


def _status(process: int) -> str:
    try:
        return Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return ""


def ours(folder: Path, out: Path) -> list[str]:
    """Return the command that searches."""
    return [
        *(sys.executable, "-m", "facecheck", "search", str(folder / "gallery.npy"), str(folder / "probes.npy")),
        *("--gallery-people", str(folder / "gallery_people.npy"), "--probe-people", str(folder / "probe_people.npy")),
        *("--top", str(TOP), "--out", str(out)),
    ]


def search_with_faiss(folder: Path) -> None:
    """Search with faiss, in this process, and write what it found."""
    faiss = importlib.import_module("faiss")
    started = time.perf_counter()
    gallery, probes = np.load(folder / "gallery.npy", mmap_mode="r"), np.load(folder / "probes.npy")
    faiss.omp_set_num_threads(cores())
    index = faiss.IndexFlatIP(gallery.shape[1])
    for start in range(0, len(gallery), _AT_ONCE):
        portion = np.array(gallery[start : start + _AT_ONCE])
        faiss.normalize_L2(portion)
        index.add(portion)
    faiss.normalize_L2(probes)
    added = time.perf_counter()
    similarity, rows = index.search(probes, TOP)
    print(f"faiss {faiss.__version__}: {time.perf_counter() - added:.1f} s of search, {added - started:.1f} s before")
    np.savez(folder / "faiss.npz", similarity=similarity, rows=rows)


def plain(folder: Path) -> float:
    """Return the seconds that the plain matrix product of all pairs takes, by that of a part."""
    torch.set_num_threads(cores())
    gallery, probes = np.load(folder / "gallery.npy", mmap_mode="r"), np.load(folder / "probes.npy")
    left, right = torch.from_numpy(probes[:2048]), torch.from_numpy(np.array(gallery[:16384]))
    out = torch.empty(len(left), len(right))
    found = []
    for _ in range(4):
        started = time.perf_counter()
        torch.mm(left, right.T, out=out)
        found.append(time.perf_counter() - started)
    return float(np.median(found)) / out.numel() * len(gallery) * len(probes)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--templates", type=int, default=1_000_000)
    parser.add_argument("--probes", type=int, default=10_000)
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--only-faiss", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.only_faiss:
        search_with_faiss(asked.folder)
        return
    make(asked.folder, asked.templates, asked.probes, asked.dimensions)
    print(f"{asked.probes:,} probes, {asked.templates:,} templates of {asked.dimensions} numbers, {cores()} cores")
    for name in ("whole", "killed"):
        for path in sorted((asked.folder / name).glob("*")):
            path.unlink()
    before = plain(asked.folder)
    whole = ran(ours(asked.folder, asked.folder / "whole"))
    print(f"facecheck search: {_told(whole)}\n{whole.output}")
    after = plain(asked.folder)
    print(f"the plain product alone: {before:.1f} s before, {after:.1f} s after")
    half = asked.templates // 2
    killed = ran(
        ours(asked.folder, asked.folder / "killed"), kill_when=asked.folder / "killed/progress.npz", after=half
    )
    print(f"killed half-way ({killed.killed}): {_told(killed)}\n{killed.output}")
    again = ran(ours(asked.folder, asked.folder / "killed"))
    print(f"and again: {_told(again)}\n{again.output}")
    kept = [(asked.folder / name / "matches.npz").read_bytes() for name in ("whole", "killed")]
    print(f"the resumed answers are those of the whole run, byte by byte: {kept[0] == kept[1]}")
    theirs = ran([sys.executable, "-m", "benchmarks.gallery", str(asked.folder), "--only-faiss"])
    print(f"faiss: {_told(theirs)}\n{theirs.output}")
    if (asked.folder / "faiss.npz").is_file():
        _compare(asked.folder)


def _told(process: Ran) -> str:
    return f"{process.seconds:.1f} s with start, {process.held:.2f} GiB held, {process.mapped:.2f} GiB of files mapped"


def _compare(folder: Path) -> None:
    with np.load(folder / "whole" / "matches.npz") as mine, np.load(folder / "faiss.npz") as faiss:
        rows, similarity, theirs = mine["rows"], mine["similarity"], faiss["rows"]
        same = (rows == theirs).all(axis=1)
        sets = (np.sort(rows, axis=1) == np.sort(theirs, axis=1)).all(axis=1)
        apart = np.abs(similarity + 1 - faiss["similarity"]).max()
    print(
        f"the same {TOP} in the same order for {same.sum():,} of {len(same):,} probes, the same {TOP} for "
        f"{sets.sum():,}; largest difference of a cosine {apart:.1e}"
    )
    if not same.all():
        row, place = (int(found[0]) for found in np.nonzero(rows != theirs))
        gap = float(similarity[row, place] - similarity[row, min(place + 1, TOP - 1)])
        print(f"the first that differs: probe {row}, place {place}, where the next cosine is {gap:.1e} less")


if __name__ == "__main__":
    main()
