"""A million images and ten million pairs: seconds and peak memory of opening, digesting, embedding and scoring them.

    uv run python benchmarks/million.py WORK_FOLDER [--images 1000000 --pairs 10000000] [--before CHECKOUT]

The images are hard links of a few bundled faces, a folder a person; the list names a label for each pair. So the images
have few different contents, of which each is embedded once: what is measured is everything that grows with the number
of files and pairs. Each measurement is one process, whose memory is the largest that it had by the end of each step.
``--before`` measures another checkout of facecheck as well, on a list of a tenth of the size.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

FACES = Path(__file__).parents[1] / "fixtures" / "faces"
_A_PERSON = 1000  # images
_TOGETHER = 100  # people who are compared with each other: the list can be dealt into folds
_ORIGINALS = 64  # a file has at most 65,000 links on ext4
_AT_ONCE = 500_000  # pairs that are written at once
_BEFORE = 10  # the older checkout gets a list of this part


def make(folder: Path, images: int, pairs: int) -> str:
    """Make links and a list, if they are not there, and return the specification."""
    listed = folder / f"pairs-{images}-{pairs}.csv"
    root = folder / f"images-{images}"
    if not root.is_dir():
        originals = folder / "originals"
        originals.mkdir(parents=True, exist_ok=True)
        names = [originals / f"{number}.webp" for number in range(_ORIGINALS)]
        for path, source in zip(names, sorted(FACES.glob("*/smile.webp"))[: len(names)], strict=False):
            shutil.copyfile(source, path)
        there = itertools.cycle(path for path in names if path.is_file())
        for person in range(images // _A_PERSON):
            (root / f"p{person:04d}").mkdir(parents=True)
            for number in range(_A_PERSON):
                os.link(next(there), root / f"p{person:04d}" / f"{number:03d}.webp")
    if not listed.is_file():
        with listed.open("w", encoding="utf-8") as stream:
            stream.write("image1,image2,label\n")
            stream.writelines(_rows(images // _A_PERSON, pairs))
    return f"pairs:{listed}?root={root}"


def _rows(people: int, pairs: int) -> Iterator[str]:
    generator = np.random.default_rng(0)
    for start in range(0, pairs, _AT_ONCE):
        count = min(_AT_ONCE, pairs - start)
        genuine = generator.integers(0, 2, count) == 1
        first = generator.integers(0, people, count)
        among = np.minimum(_TOGETHER, people - first // _TOGETHER * _TOGETHER)
        other = first // _TOGETHER * _TOGETHER + (first % _TOGETHER + generator.integers(1, among)) % among
        second = np.where(genuine, first, other)
        one = generator.integers(0, _A_PERSON, count)
        two = np.where(genuine, (one + generator.integers(1, _A_PERSON, count)) % _A_PERSON, one)
        for a, b, c, d, same in zip(*(each.tolist() for each in (first, one, second, two, genuine)), strict=True):
            yield f"p{a:04d}/{b:03d}.webp,p{c:04d}/{d:03d}.webp,{int(same)}\n"


def measure(spec: str, *, embed: bool) -> Iterator[tuple[str, float, float, float]]:
    """Yield what was done, its seconds, those of CPU, and the peak in GiB; any version of facecheck can be asked."""
    clock = time.perf_counter(), time.process_time()

    import torch  # noqa: PLC0415 - of the child process only

    import facecheck  # noqa: PLC0415
    from facecheck.datasets import open_dataset  # noqa: PLC0415
    from facecheck.evaluation.scoring import score  # noqa: PLC0415
    from facecheck.models import Settings, build  # noqa: PLC0415
    from facecheck.pipeline import Pipeline  # noqa: PLC0415

    def done(what: str) -> tuple[str, float, float, float]:
        nonlocal clock
        (wall, cpu), clock = clock, (time.perf_counter(), time.process_time())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        return what, clock[0] - wall, clock[1] - cpu, peak

    yield done(f"imported {Path(facecheck.__file__).parent}")
    dataset = open_dataset(spec)
    yield done(f"opened: {len(dataset.pairs)} pairs, {len(dataset.faces)} images")
    digest = dataset.digest
    yield done(f"digested: {digest[:12]}")
    sample = dataset.sample(len(dataset.pairs) // 10)
    yield done(f"sampled: {len(sample.pairs)} pairs, {sample.digest[:12]}")
    if embed:
        pipeline = Pipeline()
        recognizer = build("dlib", Settings(device=torch.device("cpu")))
        embedded = pipeline.run(recognizer, dataset.faces)
        yield done(f"embedded: {(embedded.outcomes == 0).mean():.3f} of the images have a vector")
        content = pipeline.content_digest(dataset.faces)
        yield done(f"digest of all images: {content[:12]}")
        scores = score(embedded, dataset.pairs, distance="euclidean")
        yield done(f"scored: mean {scores.similarity[scores.made].mean():.6f}")


def _run(title: str, spec: str, checkout: Path | None, *, embed: bool) -> None:
    print(f"{title}: {spec}")
    environment = os.environ | ({} if checkout is None else {"PYTHONPATH": str(checkout)})
    command = [sys.executable, __file__, "--measure", spec, *(["--embed"] if embed else [])]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            what, seconds, cpu, peak = json.loads(line)
            load = os.getloadavg()[0]
            print(f"  {seconds:7.1f} s, CPU {cpu:6.1f} s  peak {peak:5.2f} GiB  load {load:4.1f}  {what}", flush=True)


def main() -> int:
    """Print seconds and peaks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="for the images and lists; they stay")
    parser.add_argument("--images", type=int, default=10**6)
    parser.add_argument("--pairs", type=int, default=10**7)
    parser.add_argument("--before", type=Path, help="another checkout of facecheck")
    parser.add_argument("--embed", action="store_true", help="also run dlib over the images and score the pairs")
    parser.add_argument("--measure", metavar="SPEC", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        for done in measure(options.measure, embed=options.embed):
            print(json.dumps(done), flush=True)
        return 0
    if options.folder is None:
        parser.error("a folder for images and lists")
    load = os.getloadavg()[0]
    print(f"load of the machine at the start: {load:.1f} on {os.cpu_count()} cores")
    if options.before is not None:
        small = make(options.folder, options.images // _BEFORE, options.pairs // _BEFORE)
        _run("before", small, options.before, embed=options.embed)
        _run("after, the same list", small, None, embed=options.embed)
    _run("after", make(options.folder, options.images, options.pairs), None, embed=options.embed)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
