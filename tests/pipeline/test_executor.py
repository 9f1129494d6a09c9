"""Threads: order, sizes of batches, and what an error or an interruption leaves."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from facecheck.pipeline.executor import Executor, Threads

CPU = torch.device("cpu")


@given(count=st.integers(0, 60), workers=st.integers(1, 4), batch=st.none() | st.integers(1, 9))
def test_each_item_comes_back_once_and_in_order(count: int, workers: int, batch: int | None) -> None:
    """However batches are cut and whoever finishes first."""
    executor: Executor = Threads(workers, batch)

    done = executor.run(range(count), lambda items: [10 * item for item in items], lambda tens: tens, device=CPU)

    batches = list(done)
    assert [ten for tens in batches for ten in tens] == [10 * item for item in range(count)]
    assert batch is None or all(len(tens) <= batch for tens in batches)


@given(count=st.integers(0, 60), workers=st.integers(1, 4), told=st.booleans())
def test_items_are_asked_for_as_batches_go(count: int, workers: int, told: bool) -> None:  # noqa: FBT001 - drawn
    """Of an iterator no more items exist than are under way; told how many, it is cut as a list is."""
    asked = [0]

    def items() -> Iterator[int]:
        for item in range(count):
            asked[0] += 1
            yield item

    executor, most, done = Threads(workers), 0, []
    batches = executor.run(items(), lambda i: i, lambda i: i, device=CPU, count=count if told else None)
    for batch in batches:
        done.append(batch)
        most = max(most, asked[0] - sum(map(len, done[:-1])))

    assert [item for batch in done for item in batch] == list(range(count))
    largest = max(map(len, done), default=0)
    assert most <= 3 * workers * largest + 1
    if told:
        assert done == list(executor.run(range(count), lambda i: i, lambda i: i, device=CPU))


def test_workers_use_one_thread_of_torch_each() -> None:
    """Side by side they would otherwise compete for the cores."""
    found = list(Threads(2, 1).run([0, 1, 2], lambda items: items, lambda _: torch.get_num_threads(), device=CPU))

    assert found == [1, 1, 1]


@pytest.mark.parametrize("failing", ["load", "compute"])
def test_an_error_reaches_the_caller_and_ends_the_rest(failing: str) -> None:
    """Batches that have not begun are dropped."""
    begun: list[str] = []

    def step(items: list[int], name: str) -> list[int]:
        begun.append(name)
        if name == failing and items == [0]:
            raise ValueError(name)
        return items

    executor = Threads(1, 1)
    with pytest.raises(ValueError, match=failing):
        list(executor.run(range(100), lambda i: step(i, "load"), lambda i: step(i, "compute"), device=CPU))

    assert len(begun) < 20


@given(
    weights=st.lists(st.integers(0, 12), max_size=40),
    workers=st.integers(1, 3),
    batch_pixels=st.integers(1, 12),
    pixels=st.integers(1, 24),
)
def test_what_is_under_way_is_bounded_by_pixels(
    weights: list[int], workers: int, batch_pixels: int, pixels: int
) -> None:
    """Loaded batches together hold at most so many, unless one item alone has more; each item comes once, in order."""
    lock = threading.Lock()
    held, most = [0], [0]

    def load(items: list[tuple[int, int]]) -> list[tuple[int, int]]:
        weight = sum(weight for _, weight in items)
        assert len(items) == 1 or weight <= batch_pixels
        with lock:
            held[0] += weight
            most[0] = max(most[0], held[0])
        return items

    def compute(items: list[tuple[int, int]]) -> list[tuple[int, int]]:
        with lock:
            held[0] -= sum(weight for _, weight in items)
        return items

    executor = Threads(workers, batch_pixels=batch_pixels, pixels=pixels)
    items = list(enumerate(weights))

    done = list(executor.run(items, load, compute, device=CPU, weigh=lambda item: item[1]))

    assert [item for batch in done for item in batch] == items
    assert most[0] <= max(pixels, batch_pixels, max(weights, default=0))
