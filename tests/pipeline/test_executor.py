"""Threads: order, sizes of batches, and what an error or an interruption leaves."""

from __future__ import annotations

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
