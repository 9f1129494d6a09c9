"""How fast is it, and where does the time go? Latency at batch 1, throughput at the best batch, by stage."""

import itertools
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from facecheck.datasets import Dataset
from facecheck.evaluation.timing import STAGES, Prepared, model_size, peak_memory_mib, stage
from facecheck.metrics.intervals import Estimate
from facecheck.models.recognizer import Recognizer
from fixtures.bench import Bench
from fixtures.recorder import CaseRecord

pytestmark = [pytest.mark.timing, pytest.mark.data("any")]

T = TypeVar("T")
Seconds = npt.NDArray[np.float64]
IMAGES = 16
BATCHES = {"cpu": (1, 4, 16), "cuda": (1, 8, 32, 128, 256)}


@pytest.fixture
def prepared(bench: Bench, recognizer: Recognizer, dataset: Dataset) -> Prepared:
    """Images of the data set in memory, with their faces and crops."""
    return bench.prepare(recognizer, dataset, IMAGES)


@pytest.mark.parametrize("part", STAGES)
def test_latency(benchmark: BenchmarkFixture, prepared: Prepared, record: CaseRecord, part: str) -> None:
    """One image at a time, as a door's camera sees them, takes no longer than promised."""
    turns = itertools.cycle([stage(part, prepared, [row]) for row in range(len(prepared))])

    def one_image() -> object:
        return next(turns)()

    device = prepared.recognizer.device
    _, seconds = _timed(benchmark, one_image, device, rounds=len(prepared), warmup_rounds=2)

    milliseconds = 1000 * seconds
    benchmark.extra_info.update(stage=part, batch=1, **peak_memory_mib(device))
    measured = record.add("latency_ms", _spread(milliseconds), {"stage": part, "batch": 1})

    verdict = record.judge(measured)

    assert verdict.passed, verdict.reason


def test_throughput(benchmark: BenchmarkFixture, prepared: Prepared, record: CaseRecord) -> None:
    """At its best batch size it gives the same vectors as one by one, and how many images a second."""
    device = prepared.recognizer.device
    speeds = {batch: _images_per_second(prepared, batch) for batch in BATCHES[device.type]}
    best = max(speeds, key=lambda batch: speeds[batch])
    work = stage("all", prepared, _rows(prepared, best))

    vectors, seconds = _timed(benchmark, work, device, rounds=3, warmup_rounds=0)  # the search has warmed it up

    benchmark.extra_info.update(stage="all", batch=best, **peak_memory_mib(device))
    benchmark.extra_info.update({f"images_per_s_at_{batch}": round(speed, 2) for batch, speed in speeds.items()})
    measured = record.add("throughput_per_s", _spread(best / seconds), {"batch": best})
    for part in STAGES[:-1]:
        each = 1000 / _images_per_second(prepared, best, part)
        record.add("latency_ms", _spread(np.array([each])), {"stage": part, "batch": best})
    one_by_one = np.concatenate(
        [prepared.recognizer.embed(prepared.crops[row : row + 1]) for row in _rows(prepared, best)]
    )
    tolerance = 1e-3 if prepared.recognizer.precision == "fp32" else 5e-2
    worst = float(np.abs(vectors - one_by_one).max() / np.abs(one_by_one).max())
    size = model_size(prepared.recognizer)
    if size is not None:
        record.add("model_size_mb", Estimate(size.megabytes, size.megabytes, size.megabytes, 1))
        benchmark.extra_info.update(parameters=size.parameters, model_size_mb=round(size.megabytes, 3))
    verdict = record.judge(measured)

    assert verdict.passed, verdict.reason
    assert worst < tolerance, f"vectors in a batch of {best} differ from those one by one by {worst:.2g} of the largest"


def _timed(
    benchmark: BenchmarkFixture, work: Callable[[], T], device: torch.device, *, rounds: int, warmup_rounds: int
) -> tuple[T, Seconds]:
    """Return what the last round gave and the seconds of every round."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    result = benchmark.pedantic(work, rounds=rounds, warmup_rounds=warmup_rounds)  # type: ignore[no-untyped-call]
    assert benchmark.stats is not None, "pytest-benchmark is disabled: nothing was timed"
    return result, np.array(benchmark.stats.stats.data)


def _rows(prepared: Prepared, batch: int) -> list[int]:
    return [row % len(prepared) for row in range(batch)]


def _images_per_second(prepared: Prepared, batch: int, part: str = "all") -> float:
    work = stage(part, prepared, _rows(prepared, batch))
    work()
    started = time.perf_counter()
    work()
    return batch / (time.perf_counter() - started)


def _spread(values: Seconds) -> Estimate:
    """Give the median with the middle 95 % of what was measured: the spread, not an error of the mean."""
    low, middle, high = np.percentile(values, [2.5, 50, 97.5])
    return Estimate(float(middle), float(low), float(high), len(values))
