"""How fast is it, and where does the time go? Latency at batch 1, throughput at the best batch, by stage."""

import itertools
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from facecheck.datasets import Dataset
from facecheck.evaluation.evaluator import Evaluator
from facecheck.evaluation.timing import (
    STAGES,
    Prepared,
    Seconds,
    images_per_second,
    latency,
    peak_memory_mib,
    reference_seconds,
    rows_of,
    size_of,
    stage,
    throughput,
    worst_difference,
)
from facecheck.models.recognizer import Recognizer
from facecheck.plugin.record import Record

QUESTION = "How fast is it, and where does the time go?"
pytestmark = [pytest.mark.eval("timing", question=QUESTION), pytest.mark.timing, pytest.mark.data("any")]

T = TypeVar("T")
IMAGES = 16
BATCHES = {"cpu": (1, 4, 16), "cuda": (1, 8, 32, 128, 256)}
TOLERANCE = {"fp32": 1e-3, "bf16": 5e-2, "fp16": 5e-2}  # of the largest number of a vector


@pytest.fixture
def prepared(evaluator: Evaluator, recognizer: Recognizer, dataset: Dataset) -> Prepared:
    """Images of the data set in memory, with their faces and crops."""
    return evaluator.prepare(recognizer, dataset, IMAGES)


@pytest.mark.parametrize("part", STAGES)
def test_latency(benchmark: BenchmarkFixture, prepared: Prepared, record: Record, part: str) -> None:
    """One image at a time, as a door's camera sees them, takes no longer than promised."""
    turns = itertools.cycle([stage(part, prepared, [row]) for row in range(len(prepared))])

    def one_image() -> object:
        return next(turns)()

    device = prepared.recognizer.device
    _, seconds, reference = _timed(benchmark, one_image, device, rounds=len(prepared), warmup_rounds=2)
    benchmark.extra_info.update(stage=part, batch=1, **peak_memory_mib(device))
    measured = record.add(latency(seconds, part=part, batch=1))
    record.add_rounds(measured, seconds, reference=reference)

    verdict = record.judge(measured)

    assert verdict.passed, verdict.reason


def test_throughput(benchmark: BenchmarkFixture, prepared: Prepared, record: Record) -> None:
    """At its best batch size it gives the same vectors as one by one, and how many images a second."""
    device = prepared.recognizer.device
    speeds = {batch: images_per_second(prepared, batch) for batch in BATCHES[device.type]}
    best = max(speeds, key=lambda batch: speeds[batch])
    work = stage("all", prepared, rows_of(prepared, best))

    vectors, seconds, _ = _timed(benchmark, work, device, rounds=3, warmup_rounds=0)  # the search has warmed it up
    benchmark.extra_info.update(stage="all", batch=best, **peak_memory_mib(device))
    benchmark.extra_info.update({f"images_per_s_at_{batch}": round(speed, 2) for batch, speed in speeds.items()})
    measured = record.add(throughput(seconds, batch=best))
    for part in STAGES[:-1]:
        each = np.array([1 / images_per_second(prepared, best, part)])
        record.add(latency(each, part=part, batch=best))
    record.add(size_of(prepared.recognizer))

    verdict = record.judge(measured)
    worst = worst_difference(prepared, vectors)

    assert verdict.passed, verdict.reason
    assert worst < TOLERANCE[prepared.recognizer.precision], (
        f"vectors in a batch of {best} differ from those one by one by {worst:.2g} of the largest"
    )


def _timed(
    benchmark: BenchmarkFixture, work: Callable[[], T], device: torch.device, *, rounds: int, warmup_rounds: int
) -> tuple[T, Seconds, Seconds]:
    """Return what the last round gave, the seconds of every round, and those of a reference kernel around it."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    before = reference_seconds(device)
    result = benchmark.pedantic(work, rounds=rounds, warmup_rounds=warmup_rounds)  # type: ignore[no-untyped-call]
    assert benchmark.stats is not None, "pytest-benchmark is disabled: nothing was timed"
    reference = np.concatenate((before, reference_seconds(device)))
    return result, np.array(benchmark.stats.stats.data), reference
