"""Ray and shards against the local run: equal results, a killed worker, and wall times, in one run.

(a) the local run: threads of this process, one a core;
(b) actors of a local cluster of Ray: 1, 2 and 4 of them, started and with the model built before the clock starts;
(c) two actors, of which one is killed (``kill -9``) when half of the images are done;
(d) shards, one after the other with a cache each, then joined, then a last run that finds everything.

    uv run python benchmarks/scale_out.py FOLDER_OF_IMAGES --images 400

Every way starts from an empty cache in a temporary folder, every image is embedded clean and under one corruption, and
the vectors are compared with those of the local run, to the bit. Ratios are to the local run of the same round; above
1 is faster. More actors than cores cannot be faster: the number of cores is printed.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from facecheck.corruptions import CLEAN, Applied
from facecheck.faces import Face, ImageSource
from facecheck.models import Settings, build
from facecheck.models.recognizer import Recognizer
from facecheck.pipeline import Pipeline, cores
from facecheck.pipeline.executor import Executor
from facecheck.pipeline.outcomes import Embedded
from facecheck.pipeline.ray_actors import RayActors
from facecheck.pipeline.shards import Shard, fill
from facecheck.storage.cache import Cache
from facecheck.storage.joining import join

_CONDITIONS = (CLEAN, Applied.parse("sunglasses:50"))


class Killing:
    """Kills a worker of Ray when half of the items of its first run have come back.

    Args:
        actors: whose worker is killed.
        half: items after which it is.
    """

    def __init__(self, actors: RayActors, half: int) -> None:
        self._actors, self._half, self._come = actors, half, 0
        self.killed: int | None = None

    def run(self, items: Iterable[Any], *steps: Callable[[Any], Any], **options: Any) -> Iterator[Any]:  # noqa: ANN401
        """Yield what the actors yield."""
        for answer in self._actors.run(items, *steps, **options):
            self._come += len(answer[0] if isinstance(answer, tuple) else answer)
            if self.killed is None and self._come >= self._half:
                self.killed = self._actors.processes()[0]
                os.kill(self.killed, signal.SIGKILL)
            yield answer


class Idle:
    """An executor of a run that finds everything in its cache."""

    def run(self, items: Iterable[Any], *_: object, **__: object) -> Iterator[Any]:
        """Refuse any item."""
        left = list(items)
        assert not left, f"{len(left)} images were to be computed again"
        return iter(())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of .jpg images, searched recursively")
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="facenet-casia-webface")
    parser.add_argument("--actors", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--shards", type=int, default=2)
    options = parser.parse_args()
    paths = sorted(options.folder.rglob("*.jpg"))[: options.images]
    if not paths:
        parser.error(f"{options.folder}: no .jpg images")
    faces = tuple(Face(source=ImageSource(path, path.name), subject=path.parent.name) for path in paths)
    recognizer = build(options.model, Settings(device=torch.device("cpu")))
    _ = recognizer.identity  # the probe is no part of any way
    Pipeline().run(recognizer, faces[:32], corruption=_CONDITIONS[-1])  # nor is what is loaded at the first image
    print(f"{len(faces)} images x {len(_CONDITIONS)} conditions, {options.model}, {cores()} cores of this machine")
    measured: dict[str, list[float]] = {}
    for _round in range(options.rounds):
        for name, seconds in _round_of(recognizer, faces, options):
            measured.setdefault(name, []).append(seconds)
    local = measured["local, threads"]
    for name, times in measured.items():
        ratios = [ours / theirs for ours, theirs in zip(local, times, strict=True)]
        print(
            f"{name:34} {statistics.median(times):7.1f} s ({min(times):.1f} to {max(times):.1f})   "
            f"local / this {statistics.median(ratios):5.2f}"
        )


def _round_of(
    recognizer: Recognizer, faces: tuple[Face, ...], options: argparse.Namespace
) -> Iterator[tuple[str, float]]:
    expected, seconds = _timed(recognizer, faces, None)
    yield "local, threads", seconds
    for count in options.actors:
        with RayActors(actors=count) as actors:
            _warm(actors, recognizer, faces)
            found, seconds = _timed(recognizer, faces, actors)
            yield f"Ray, {count} actor(s){_verdict(found, expected)}", seconds
    with RayActors(actors=2) as actors:
        _warm(actors, recognizer, faces)
        killing = Killing(actors, len(faces) // 2)
        found, seconds = _timed(recognizer, faces, killing)
        assert killing.killed is not None
        assert killing.killed not in actors.processes()
        yield f"Ray, 2, one killed{_verdict(found, expected)}", seconds
    yield from _sharded(recognizer, faces, options.shards, expected)


def _timed(recognizer: Recognizer, faces: tuple[Face, ...], executor: Executor | None) -> tuple[list[Embedded], float]:
    """Return what each condition gives, and the wall time, from an empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(Path(folder))
        pipeline = Pipeline(cache=cache, executor=executor)
        started = time.perf_counter()
        found = [pipeline.run(recognizer, faces, corruption=each) for each in _CONDITIONS]
        seconds = time.perf_counter() - started
        cache.close()
    return found, seconds


def _warm(actors: RayActors, recognizer: Recognizer, faces: Sequence[Face]) -> None:
    """Start the actors and build the model in each, as it is built here before the clock starts."""
    Pipeline(executor=actors).run(recognizer, faces[: 16 * len(actors.processes())], corruption=_CONDITIONS[-1])


def _sharded(
    recognizer: Recognizer, faces: tuple[Face, ...], count: int, expected: list[Embedded]
) -> Iterator[tuple[str, float]]:
    with tempfile.TemporaryDirectory() as place:
        folders = [Path(place, str(number)) for number in range(1, count + 1)]
        slowest, total = 0.0, 0.0
        for number, folder in enumerate(folders, 1):
            started = time.perf_counter()
            cache = Cache(folder)
            for each in _CONDITIONS:
                fill(recognizer, faces, each, shard=Shard(number, count), cache=cache)
            cache.close()
            seconds = time.perf_counter() - started
            slowest, total = max(slowest, seconds), total + seconds
        started = time.perf_counter()
        joined = Cache(Path(place, "joined"))
        join(joined, folders)
        join_s = time.perf_counter() - started
        started = time.perf_counter()
        last = Pipeline(cache=joined, executor=Idle())
        found = [last.run(recognizer, faces, corruption=each) for each in _CONDITIONS]
        last_s = time.perf_counter() - started
        joined.close()
    yield f"{count} shards, one after another", total
    yield f"{count} shards, the slowest alone", slowest
    yield "joining their caches", join_s
    yield f"last run, nothing computed{_verdict(found, expected)}", last_s
    yield f"{count} machines: slowest, join, last", slowest + join_s + last_s


def _verdict(found: Sequence[Embedded], expected: Sequence[Embedded]) -> str:
    """Say whether all vectors and outcomes are the local run's; if not, by how much they differ."""
    for one, other in zip(found, expected, strict=True):
        if not np.array_equal(one.outcomes, other.outcomes):
            return ", OTHER OUTCOMES"
        if not np.array_equal(one.vectors, other.vectors, equal_nan=True):
            return f", DIFFERS by {np.nanmax(np.abs(one.vectors - other.vectors)):.1e}"
    return ", equal"


if __name__ == "__main__":
    main()
