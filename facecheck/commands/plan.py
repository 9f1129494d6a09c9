"""``facecheck plan``: what many images on many machines take, from rates that were measured or are given by hand.

Nothing is run and no image is looked at. Each rate stands beside where it comes from; the size of the cache is that of
a small one that is written for it.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from facecheck.errors import FacecheckError, printable

if TYPE_CHECKING:
    from facecheck.results.measurement import Measurement
    from facecheck.results.run import Run

__all__ = ["add_arguments", "run"]

_MOST = 10**15  # of any number that is asked for
_KEPT = 2000  # entries of the small cache
_SPARE = 1.25  # room in a cache, as a share of what it will hold


class _Rate(NamedTuple):
    """How fast one unit is.

    Args:
        per_s: images a second.
        units: of which all machines have so many.
        of: what a unit is.
        source: where the rate comes from.
    """

    per_s: float
    units: int
    of: str
    source: str


def add_arguments(plan: argparse.ArgumentParser) -> None:
    """Declare what ``facecheck plan`` takes."""
    plan.add_argument("--images", type=_count, required=True, help="how many different ones")
    plan.add_argument("--machines", type=_count, default=1, help="1 by default")
    plan.add_argument("--gpus", type=_count, help="of each machine; without it networks run on CPUs")
    plan.add_argument("--conditions", type=_count, default=1, help="clean and each level of a corruption; 1 by default")
    plan.add_argument("--dimensions", type=_count, default=512, help="numbers in a vector, 512 by default")
    plan.add_argument("--run", type=Path, dest="folder", help="of which the measured rates are taken: reports/latest")
    plan.add_argument("--rate", type=_rate, help="images a second of one GPU, or of one machine without: an assumption")
    plan.set_defaults(run=run)


def _count(given: str) -> int:
    if not (given.isascii() and given.isdigit() and 1 <= int(given[:20]) <= _MOST and len(given) <= 16):  # noqa: PLR2004
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 to {_MOST:g}, not {given[:30]!r}")
    return int(given)


def _rate(given: str) -> float:
    try:
        rate = float(given)
    except ValueError:
        rate = math.nan
    if not 0 < rate <= _MOST:
        raise argparse.ArgumentTypeError(f"expected images a second, more than 0, not {given[:30]!r}")
    return rate


def run(options: argparse.Namespace) -> int:
    """Print the plan."""
    rates = [*_assumed(options), *_measured(options)]
    if not rates:
        raise FacecheckError(
            "no rate: give --run with a run that has timings (pytest evals/test_timing.py), or an assumed --rate"
        )
    print(_told(options, rates))
    return 0


def _assumed(options: argparse.Namespace) -> list[_Rate]:
    if options.rate is None:
        return []
    units = options.machines * (options.gpus or 1)
    return [_Rate(options.rate, units, "GPU" if options.gpus else "machine", "given by hand: assumed, not measured")]


def _measured(options: argparse.Namespace) -> list[_Rate]:
    """Return the rate of each model of a run."""
    if options.folder is None:
        return []
    from facecheck.results.run import Run  # noqa: PLC0415 - a plan from an assumption needs none of it

    found = Run.read(options.folder)
    machine = found.signature.machine
    on_cpu = machine.device == "cpu"
    units = options.machines * (1 if on_cpu else options.gpus or 1)
    of = f"machine: {machine.cores} cores, {machine.processor}" if on_cpu else f"GPU: {machine.device}"
    return [_Rate(per_s, units, printable(of), printable(source)) for per_s, source in _rates(found)]


def _rates(found: Run) -> list[tuple[float, str]]:
    """Return images a second and where they come from: the throughput, or by default the time of each worker."""
    timed = {each.model: each for each in found.measurements if each.name == "throughput_per_s"}
    clean = {
        each.model: each
        for each in found.measurements
        if each.name == "time_per_image_ms" and each.conditions.corruption in (None, "clean") and each.value > 0
    }
    rates = [(each.value, f"{_where(each, found)}, batch {each.conditions.batch}") for each in timed.values()]
    workers = found.signature.machine.cores or 1 if found.signature.machine.device == "cpu" else 1
    others = [each for model, each in clean.items() if model not in timed]
    return rates + [(1000 * workers / each.value, f"{_where(each, found)}, {workers} worker(s)") for each in others]


def _where(measured: Measurement, found: Run) -> str:
    return f"{measured.model} on {measured.dataset}, {found.signature.machine.precision}, run {found.id}"


def _told(options: argparse.Namespace, rates: Sequence[_Rate]) -> str:
    images, work = options.images, options.images * options.conditions
    kept, recalled = _small_cache(options.dimensions)
    shards = options.machines * (options.gpus or 1)
    each = -(-work * kept // shards)
    allowed = math.ceil(work * kept * _SPARE / 2**30)
    batch = 64 if options.gpus else 16
    plan = [
        ("images", f"{images:,}", "given"),
        ("conditions", f"{options.conditions:,}", "given: clean, and each level of a corruption"),
        ("machines", f"{options.machines:,}", "given"),
        ("GPUs of each", f"{options.gpus or 0}", "given"),
        ("embeddings of a model", f"{work:,}", "images x conditions"),
        ("shards", f"{shards:,}", f"a GPU or a machine each: --facecheck-shard 1/{shards} to {shards}/{shards}"),
        ("images of a shard", f"{-(-images // shards):,}", f"{-(-images // shards // batch):,} batches of {batch}"),
        ("cache of an embedding", f"{kept:,.0f} bytes", f"measured here: {options.dimensions} numbers, one face found"),
        ("cache of a shard", _size(each), f"--facecheck-cache-size {math.ceil(each * _SPARE / 2**30)}"),
        (
            "cache of the last run",
            _size(work * kept),
            f"--facecheck-cache-size {allowed}; the shards' need as much again",
        ),
        ("vectors in memory", _size(4 * images * options.dimensions), "of one condition, in the last run"),
        ("last run, from the cache", _hours(work / recalled), f"measured here: {recalled:,.0f} a second, one process"),
    ]
    times = [
        (f"{rate.per_s:,.1f}", f"{rate.units:,}", _hours(work / rate.per_s / rate.units), rate.of, rate.source)
        for rate in rates
    ]
    head = ("images/s of one", "of these", "all shards", "one is a", "where the rate comes from")
    return (
        f"{_table(plan)}\n\n{_table([head, *times])}\n\n"
        "Rates are of detection, alignment and embedding, of images in memory: reading and decoding are not in them,\n"
        "and bound a fast GPU first. All machines are taken to be as fast as the one that was measured. The last run\n"
        "reads each image once more, for its hash."
    )


def _small_cache(dimensions: int) -> tuple[float, float]:
    """Return bytes an embedding takes in a cache with its detections, and how many a second are read from one."""
    import numpy as np  # noqa: PLC0415 - torch comes with these, and --help should not wait for it

    from facecheck.detection.detector import Detections  # noqa: PLC0415
    from facecheck.pipeline.outcomes import Detected, Outcome, Result  # noqa: PLC0415
    from facecheck.storage.cache import Cache, key  # noqa: PLC0415

    found = Detections.of_boxes([[0, 0, 1, 1]], [1.0])
    detected = Detected(found, 1.0).arrays()
    embedded = Result(Outcome.EMBEDDED, np.zeros(dimensions, dtype=np.float32)).arrays()
    keys = [key(str(number)) for number in range(_KEPT)]
    with tempfile.TemporaryDirectory(prefix="facecheck-plan-") as folder:
        cache = Cache(Path(folder))
        empty = cache.size_bytes()
        cache.put(dict.fromkeys(keys, embedded) | {key("detected", each): detected for each in keys})
        size = cache.size_bytes() - empty
        seconds = []
        for _ in range(3):
            started = time.perf_counter()
            recalled = [Result.of_arrays(arrays) for arrays in cache.get(keys).values()]
            seconds.append(time.perf_counter() - started)
        cache.close()
    return size / _KEPT, len(recalled) / min(seconds)


def _size(count: float) -> str:
    """Write bytes.

    >>> _size(3 * 2**40), _size(5000)
    ('3.0 TiB', '4.9 KiB')
    """
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:  # noqa: PLR2004
            return f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:,.1f} TiB"


def _hours(seconds: float) -> str:
    """Write a time.

    >>> _hours(90), _hours(1800), _hours(10800), _hours(86400 * 10)
    ('90 s', '30 min', '3.0 h', '10.0 days')
    """
    for unit, seconds_each, most in (("s", 1, 120), ("min", 60, 7200)):
        if seconds < most:
            return f"{seconds / seconds_each:.0f} {unit}"
    return f"{seconds / 3600:,.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:,.1f} days"


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows in columns.

    >>> print(_table([("a", "bb"), ("aaa", "b")]))
    a    bb
    aaa  b
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in padded)
