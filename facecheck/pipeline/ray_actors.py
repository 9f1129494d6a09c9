"""Batches computed by actors of Ray, on this machine or on others, with the answers of threads of this process.

Batches are cut as threads of this machine would cut them, however many actors there are, and on a CPU an actor
computes with one thread, as each of the threads does: the last bits of a vector depend on both. A batch whose actor
died is given to another one. Only this process writes the cache: what comes back of an image are a few thousand
bytes, and a file of SQLite cannot be shared between machines.

Ray transports by pickle, and whoever reaches a cluster can run code on it: a cluster is to be trusted as a machine is.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import torch

from facecheck.errors import FacecheckError
from facecheck.pipeline.actor import Actor, Model, Place, Step, differences, standing, step_of
from facecheck.pipeline.executor import Computed, Item, Loaded, Threads, cores, counted, cut

__all__ = ["RayActors"]

_AHEAD = 3  # batches under way for each actor: one is computed, one is loaded, one is on its way
_WINDOW = 4  # times as many may wait for an earlier one
_ATTEMPTS = 3  # of a batch whose actor dies, and of making an actor
_PATIENCE_S = 300.0  # for an actor, where none computes
_STORE_BYTES = 2**28  # of a local cluster: batches carry no pixels


@dataclass(slots=True, eq=False)
class _Slot:
    """The place of an actor, which another one takes when it dies."""

    actor: Any
    prepared: set[Model | None] = field(default_factory=set)
    deaths: int = 0

    def replace(self, actor: Any) -> None:  # noqa: ANN401 - Ray makes its types while it runs
        self.actor, self.prepared = actor, set()


@dataclass(frozen=True, slots=True)
class _Batch:
    number: int
    items: list[Any]
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class _Sent:
    """A batch under way, or, without one, an actor that gets ready."""

    batch: _Batch | None
    slot: _Slot
    actor: Any


class RayActors:
    """Actors of Ray as an executor; they are started at the first run and ended with the executor.

    Args:
        address: of a cluster, such as ``auto`` or ``10.0.0.1:6379``; empty for a local one that is started and ended.
        actors: how many; as many as the cluster has cores, or GPUs for networks on a GPU, by default.
        batch: items in a batch; as threads of this machine by default.

    Raises:
        FacecheckError: Ray is not installed.
    """

    def __init__(self, address: str = "", *, actors: int | None = None, batch: int | None = None) -> None:
        self.ray = _imported()
        self._address = address
        self._actors = actors
        self._threads = Threads(cores(), batch)
        self._slots: dict[bool, list[_Slot]] = {}
        self._ours = False

    def __enter__(self) -> Self:
        """Return the executor itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the actors."""
        self.close()

    def close(self) -> None:
        """End the actors, and a cluster that was started for them."""
        for slot in (slot for slots in self._slots.values() for slot in slots):
            self.end(slot.actor)
        self._slots.clear()
        if self._ours:
            self.ray.shutdown()
            self._ours = False

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
        """Yield what each batch gives, in the items' order; what comes back are copies.

        Raises:
            FacecheckError: no cluster, a model that a worker does not build as it is here, an image that it cannot
                reach, or workers that die again and again.
        """
        step, recognizer = step_of(load, compute, device)
        size = self._threads.size(counted(items, count), device)
        batches = (batch for batch, _ in cut(items, size, weigh, self._threads.batch_pixels))
        yield from _Deal(self, step, standing(recognizer), batches).results()

    def slots(self, *, on_gpu: bool) -> list[_Slot]:
        """Return the places of actors; they are made at the first call."""
        if on_gpu not in self._slots:
            self._connect()
            self._slots[on_gpu] = [_Slot(self.start(on_gpu=on_gpu)) for _ in range(self._count(on_gpu=on_gpu))]
        return self._slots[on_gpu]

    def processes(self) -> list[int]:
        """Return the processes of the actors that compute on a CPU; they are started at the first call."""
        asked = [slot.actor.process.remote() for slot in self.slots(on_gpu=False)]
        return [int(process) for process in self.ray.get(asked)]

    def start(self, *, on_gpu: bool) -> Any:  # noqa: ANN401 - Ray makes its types while it runs
        """Return a new actor."""
        kind = self.ray.remote(Actor).options(
            num_cpus=1, num_gpus=int(on_gpu), max_concurrency=2, scheduling_strategy="SPREAD"
        )
        return kind.remote(Place.here())

    def end(self, actor: Any) -> None:  # noqa: ANN401
        """End an actor, perhaps one that died already."""
        with contextlib.suppress(self.ray.exceptions.RayError, ValueError):
            self.ray.kill(actor)

    def resources(self) -> str:
        """Return what the cluster has, in words."""
        return ", ".join(f"{name} {amount:g}" for name, amount in sorted(self.ray.cluster_resources().items()))

    def _connect(self) -> None:
        if self.ray.is_initialized():  # by who uses the library: it is theirs to end
            return
        local = {
            "address": "local",
            "num_cpus": max(cores(), self._actors or 0),
            "include_dashboard": False,
            "object_store_memory": _STORE_BYTES,
        }
        try:
            self.ray.init(
                **({"address": self._address} if self._address else local),
                log_to_driver=False,
                configure_logging=False,
            )
        except (OSError, RuntimeError, ValueError) as error:
            raise FacecheckError(f"no cluster of Ray at {self._address or 'this machine'}: {error}") from error
        self._ours = True

    def _count(self, *, on_gpu: bool) -> int:
        there = int(self.ray.cluster_resources().get("GPU" if on_gpu else "CPU", 0))
        if not there:
            raise FacecheckError(f"the cluster of Ray has no {'GPU' if on_gpu else 'CPU'}: {self.resources()}")
        return self._actors or there


def _imported() -> Any:  # noqa: ANN401 - an extra, without types where it is not installed
    """Import Ray, told to send nothing to its authors, to leave uv alone, and to print no error a second time.

    Under ``uv run`` Ray would otherwise pack the working directory and make an environment of its own for workers. It
    reads whether to do so once, while it is imported, which somebody else may have done before.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")
    try:
        import ray  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise FacecheckError(f"Ray is not installed: pip install 'facecheck[ray]' ({error})") from error
    if os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] == "0":
        ray._private.ray_constants.RAY_ENABLE_UV_RUN_RUNTIME_ENV = False  # noqa: SLF001 - no public way is left then
    return ray


class _Deal:
    """One run's batches on their way to actors and back.

    Args:
        actors: that compute.
        step: what is done.
        here: what has to be the same there.
        batches: in their order.
    """

    def __init__(self, actors: RayActors, step: Step, here: dict[str, str], batches: Iterator[list[Any]]) -> None:
        self._actors, self._step, self._here = actors, step, here
        self._ray = actors.ray
        self._fresh = enumerate(batches)
        self._waiting: deque[_Batch] = deque()
        self._under_way: dict[Any, _Sent] = {}
        self._done: dict[int, Any] = {}
        self._next = 0

    def results(self) -> Iterator[Any]:
        """Yield what batches give, in their order."""
        try:
            while self._is_more():
                self._send()
                self._take()
                while self._next in self._done:
                    yield self._done.pop(self._next)
                    self._next += 1
        finally:
            self._forget()

    def _is_more(self) -> bool:
        """Whether a batch waits or is computed; one that is not cut yet waits from now on."""
        if not self._waiting:
            self._waiting.extend(_Batch(*fresh) for fresh in [next(self._fresh, None)] if fresh is not None)
        return bool(self._waiting) or any(sent.batch is not None for sent in self._under_way.values())

    def _send(self) -> None:
        """Give each actor its share of the work: the first batches are spread over all of them."""
        slots = self._actors.slots(on_gpu=self._step.on_gpu)
        under_way = Counter(id(sent.actor) for sent in self._under_way.values())
        for slot in slots:
            if self._step.model not in slot.prepared and not under_way[id(slot.actor)]:
                self._note(slot.actor.prepare.remote(self._step.model), None, slot)
        for turn in range(_AHEAD):
            for slot in slots:
                # Cutting the next batch may have run others, in which an actor died.
                if (
                    self._has_next(len(slots))
                    and self._step.model in slot.prepared
                    and under_way[id(slot.actor)] <= turn
                ):
                    batch = self._waiting.popleft()
                    under_way[id(slot.actor)] += 1
                    self._note(slot.actor.work.remote(batch.items, self._step), batch, slot)

    def _has_next(self, slots: int) -> bool:
        """Whether a batch can be sent: not too many wait for an earlier one, unless it was sent before."""
        if not self._is_more() or not self._waiting:
            return False
        return self._waiting[0].attempt > 1 or len(self._done) + len(self._under_way) < _WINDOW * _AHEAD * slots

    def _note(self, reference: Any, batch: _Batch | None, slot: _Slot) -> None:  # noqa: ANN401
        self._under_way[reference] = _Sent(batch, slot, slot.actor)

    def _take(self) -> None:
        """Wait for one answer."""
        computing = any(sent.batch is not None for sent in self._under_way.values())
        answered, _ = self._ray.wait(list(self._under_way), num_returns=1, timeout=None if computing else _PATIENCE_S)
        if not answered:
            raise FacecheckError(
                f"no worker was ready within {_PATIENCE_S:.0f} s: the cluster of Ray has {self._actors.resources()}, "
                f"and a worker takes one {'GPU' if self._step.on_gpu else 'CPU'}"
            )
        sent = self._under_way.pop(answered[0])
        errors = self._ray.exceptions
        try:
            answer = self._ray.get(answered[0])
        except errors.RayTaskError as error:
            if isinstance(error.cause, FacecheckError):
                raise error.cause from None
            raise
        except errors.RayError as error:
            self._lose(sent, error)
        else:
            self._keep(sent, answer)

    def _keep(self, sent: _Sent, answer: Any) -> None:  # noqa: ANN401
        if sent.batch is not None:
            self._done[sent.batch.number] = answer
            return
        different = differences(self._here, answer)
        if different:
            raise FacecheckError(
                f"a worker does not compute what is computed here: {different}. It builds the model from its "
                "specification, so that this has to say everything: a model that was changed in memory, other files, "
                "other versions or another device there are refused"
            )
        if sent.actor is sent.slot.actor:
            sent.slot.prepared.add(self._step.model)

    def _lose(self, sent: _Sent, error: Exception) -> None:
        """Give a lost batch to the next actor, and the place of the actor that died to a new one."""
        if sent.batch is not None:
            batch = sent.batch
            if batch.attempt >= _ATTEMPTS:
                raise FacecheckError(
                    f"{batch.attempt} workers died while they had the batch of {_described(batch.items)}: too little "
                    f"memory, perhaps. The last one: {_first_line(error)}"
                ) from error
            self._waiting.appendleft(_Batch(batch.number, batch.items, batch.attempt + 1))
        if sent.actor is not sent.slot.actor:
            return  # another batch of the same actor was lost before
        sent.slot.deaths += sent.batch is None
        if sent.slot.deaths >= _ATTEMPTS:
            raise FacecheckError(
                f"{sent.slot.deaths} workers died one after another while they built the model: {_first_line(error)}"
            ) from error
        self._actors.end(sent.actor)
        sent.slot.replace(self._actors.start(on_gpu=self._step.on_gpu))

    def _forget(self) -> None:
        """Drop what is under way: the run was interrupted, or only actors that it does not need get ready."""
        for reference in self._under_way:
            with contextlib.suppress(self._ray.exceptions.RayError, ValueError):
                self._ray.cancel(reference)
        self._under_way.clear()


def _described(items: list[Any]) -> str:
    """Name a batch by its first item."""
    source = getattr(items[0], "source", items[0])
    return f"{getattr(source, 'name', source)} and {len(items) - 1} more"


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
