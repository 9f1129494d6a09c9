"""How batches are computed: several at once, loading overlapped with computing.

An executor does not depend on faces. It is given items and two functions, and yields what they give, in order. So
another one, on other processes or machines, can take the place of :class:`Threads`: it needs functions, items and
results that can be sent there, and no state is shared through the items.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch

from facecheck.embedders.network import usual_batch

__all__ = ["Computed", "Executor", "Item", "Loaded", "Threads", "cores", "counted", "cut"]

Item = TypeVar("Item")
Loaded = TypeVar("Loaded")
Computed = TypeVar("Computed")

_AHEAD = 3  # batches under way for each worker
_MANY = 2**20  # items that are not counted are taken for so many: batches of the usual size
_BATCH_PIXELS = 2**24
_PIXELS = 2**26  # 201 MB of 8-bit RGB; a detector takes some 80 bytes a pixel while it looks


class Executor(Protocol):
    """Takes items through loading and computing, in batches."""

    def run(
        self,
        items: Iterable[Item],
        load: Callable[[list[Item]], Loaded],
        compute: Callable[[Loaded], Computed],
        *,
        device: torch.device,
        weigh: Callable[[Item], int] | None = None,
        count: int | None = None,
    ) -> Iterator[Computed]:
        """Yield what each batch gives, in the items' order.

        Args:
            items: cut into batches; they are asked for as batches are loaded, never all at once.
            load: brings a batch into memory.
            compute: what is done with a loaded batch.
            device: where ``compute`` runs its networks.
            weigh: how many pixels an item takes once it is loaded, None where that is nothing.
            count: how many items there are, where they cannot be counted: by it batches are made of even size.
        """
        ...


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Threads:
    """Threads of this process: loaders ahead of workers.

    On a CPU each worker uses one thread of torch's, because small networks scale better side by side than within
    one batch; a GPU has one worker.

    Args:
        workers: how many batches are computed at once on a CPU.
        batch: items in a batch, None for at most 16 on a CPU and 64 on a GPU.
        batch_pixels: pixels in a batch of more than one item, at most.
        pixels: pixels in all batches under way, unless one item alone has more.
    """

    workers: int
    batch: int | None = None
    batch_pixels: int = _BATCH_PIXELS
    pixels: int = _PIXELS

    def run(
        self,
        items: Iterable[Item],
        load: Callable[[list[Item]], Loaded],
        compute: Callable[[Loaded], Computed],
        *,
        device: torch.device,
        weigh: Callable[[Item], int] | None = None,
        count: int | None = None,
    ) -> Iterator[Computed]:
        """Yield what each batch gives, in the items' order."""
        on_gpu = device.type == "cuda"
        workers = 1 if on_gpu else self.workers
        size = self.size(counted(items, count), device)
        with (
            _pool(2 if on_gpu else workers) as loaders,
            _pool(workers, threads=1 if workers > 1 else torch.get_num_threads()) as computing,
        ):
            started: deque[tuple[int, Future[Computed]]] = deque()
            for batch, weight in cut(items, size, weigh, self.batch_pixels):
                while started and weight + sum(each for each, _ in started) > self.pixels:
                    yield started.popleft()[1].result()
                loading = loaders.submit(load, batch)
                started.append((weight, computing.submit(_then, compute, loading)))
                while len(started) >= _AHEAD * workers:
                    yield started.popleft()[1].result()
            while started:
                yield started.popleft()[1].result()

    def size(self, count: int, device: torch.device) -> int:
        """Return how many of so many items a batch gets, at most."""
        return self.batch or _even(count, 1 if device.type == "cuda" else self.workers, usual_batch(device))


def counted(items: Iterable[object], count: int | None) -> int:
    """Return how many items there are; without a count, of those that have no length many are taken."""
    if count is not None:
        return count
    return len(items) if isinstance(items, Sized) else _MANY


def cut(
    items: Iterable[Item], size: int, weigh: Callable[[Item], int] | None, most: int
) -> Iterator[tuple[list[Item], int]]:
    """Yield batches with their weights: of at most ``size`` items, and of at most ``most`` unless one item has more.

    >>> list(cut([1, 2, 3, 9, 1], 3, lambda item: item, 5))
    [([1, 2], 3), ([3], 3), ([9], 9), ([1], 1)]
    """
    batch: list[Item] = []
    total = 0
    for item in items:
        weight = 0 if weigh is None else weigh(item)
        if batch and (len(batch) == size or total + weight > most):
            yield batch, total
            batch, total = [], 0
        batch.append(item)
        total += weight
    if batch:
        yield batch, total


def _then(compute: Callable[[Loaded], Computed], loading: Future[Loaded]) -> Computed:
    return compute(loading.result())


@contextlib.contextmanager
def _pool(workers: int, *, threads: int | None = None) -> Iterator[ThreadPoolExecutor]:
    """Give a pool that drops what has not begun when the run is interrupted."""
    initialise = None if threads is None else functools.partial(torch.set_num_threads, threads)
    pool = ThreadPoolExecutor(workers, initializer=initialise)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _even(count: int, workers: int, most: int) -> int:
    """Return the size of batches, at most ``most``, that leaves no worker idle while another has two to go.

    >>> _even(72, 2, 16), _even(1000, 2, 16), _even(5, 2, 16)
    (12, 16, 3)
    """
    rounds = max(1, -(-count // (workers * most)))
    return max(1, -(-count // (workers * rounds)))
