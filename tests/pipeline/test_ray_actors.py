"""A real local cluster of two actors: equal to a local run to the bit, killed actors, refusals."""

from __future__ import annotations

import dataclasses
import functools
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from facecheck.corruptions import CLEAN, Applied
from facecheck.datasets import open_dataset
from facecheck.detection.selection import FacePolicy
from facecheck.errors import FacecheckError, ModelError
from facecheck.models import Settings, build
from facecheck.pipeline import Pipeline
from facecheck.pipeline.executor import Executor, Threads
from facecheck.pipeline.ray_actors import RayActors
from facecheck.storage.cache import Cache
from tests.pipeline.test_actor import COLOURS
from tests.pipeline.test_pipeline import CPU

pytest.importorskip("ray", reason="Ray is not installed: pip install 'facecheck[ray]'")


@pytest.fixture(scope="module")
def actors() -> Iterator[RayActors]:
    """Two actors of one core each, which take batches of eight."""
    with RayActors(actors=2, batch=8) as made:
        yield made


class Killing:
    """Kills a worker of another executor when its first batch has come.

    Args:
        actors: whose worker is killed.
    """

    def __init__(self, actors: RayActors) -> None:
        self._actors = actors
        self.killed: list[int] = []

    def run(self, items: Iterable[Any], *steps: Callable[[Any], Any], **options: Any) -> Iterator[Any]:  # noqa: ANN401
        """Yield what the actors yield."""
        for batch in self._actors.run(items, *steps, **options):
            if not self.killed:
                self.killed.append(self._actors.processes()[0])
                os.kill(self.killed[0], signal.SIGKILL)
            yield batch


def test_results_equal_the_local_run_to_the_bit_though_a_worker_is_killed(actors: RayActors, tmp_path: Path) -> None:
    """Clean and under a corruption that is placed by landmarks; the cache that the driver writes is a local one's."""
    faces = open_dataset("faces?part=pairs").faces[:30]
    recognizer, glasses = build("facenet-casia-webface", Settings(device=CPU)), Applied.parse("sunglasses:1")
    local, killing = Pipeline(executor=Threads(2, 8)), Killing(actors)
    executor: Executor = killing
    cache = Cache(tmp_path)
    remote = Pipeline(executor=executor, cache=cache)

    for corruption in (CLEAN, glasses):
        expected = local.run(recognizer, faces, corruption=corruption)
        found = remote.run(recognizer, faces, corruption=corruption)

        assert np.isfinite(expected.vectors).all()
        np.testing.assert_array_equal(found.vectors, expected.vectors)
        np.testing.assert_array_equal(found.outcomes, expected.outcomes)
    np.testing.assert_array_equal(remote.detection_scores(recognizer, faces), local.detection_scores(recognizer, faces))
    cache.close()
    assert killing.killed
    assert killing.killed[0] not in actors.processes(), "another worker took its place"
    kept = Cache(tmp_path)
    again = Pipeline(cache=kept, executor=_Idle()).run(recognizer, faces, corruption=glasses)
    kept.close()
    np.testing.assert_array_equal(again.vectors, expected.vectors)


class _Idle:
    def run(self, items: Iterable[object], *_: object, **__: object) -> Iterator[Any]:
        assert list(items) == []
        return iter(())


def _same(items: list[int]) -> list[int]:
    return items


def _slow_first(items: list[int]) -> list[int]:
    if items[0] == 0:
        time.sleep(1)
    return items


def _threads(items: list[int]) -> list[int]:
    return [torch.get_num_threads() for _ in items]


def _deadly(items: list[int], *, folder: Path) -> list[int]:
    """Kill this process over the item whose number a file has."""
    if any((folder / str(item)).exists() for item in items):
        os.kill(os.getpid(), signal.SIGKILL)
    return items


def _wrong(items: list[int]) -> list[int]:
    raise ValueError(f"cannot do {items}")


def _refused(items: list[int]) -> list[int]:
    raise ModelError(f"does not do {items}")


def test_batches_come_in_order_and_those_of_threads(actors: RayActors) -> None:
    """Whoever finishes first; of an iterator too."""
    local = list(Threads(2, 8).run(range(50), _same, _same, device=CPU))

    assert list(actors.run(iter(range(50)), _same, _slow_first, device=CPU, count=50)) == local
    assert list(actors.run(range(0), _same, _same, device=CPU)) == []


def test_items_may_be_made_by_another_run_of_the_same_actors(actors: RayActors) -> None:
    """As images are, whose landmarks are found when their turn comes, while earlier ones are computed."""

    def made() -> Iterator[int]:
        for start in range(0, 96, 32):
            for batch in actors.run(range(start, start + 32), _same, _same, device=CPU):
                yield from batch

    found = list(actors.run(made(), _same, _slow_first, device=CPU))

    assert [item for batch in found for item in batch] == list(range(96))


def test_a_worker_computes_with_one_thread(actors: RayActors) -> None:
    """As the threads of a local run do: the last bits depend on it."""
    assert list(actors.run(range(9), _same, _threads, device=CPU)) == [[1] * 8, [1]]


def test_a_batch_that_kills_every_worker_is_an_error(actors: RayActors, tmp_path: Path) -> None:
    """It names the batch; the workers that come after it go on with other work."""
    (tmp_path / "17").touch()
    deadly = functools.partial(_deadly, folder=tmp_path)

    with pytest.raises(FacecheckError, match=r"3 workers died while they had the batch of .* and 7 more"):
        list(actors.run(range(40), _same, deadly, device=CPU))

    (tmp_path / "17").unlink()
    assert [i for batch in actors.run(range(40), _same, deadly, device=CPU) for i in batch] == list(range(40))


def test_an_error_of_a_worker_reaches_the_caller(actors: RayActors) -> None:
    """One that a user can correct as it is, any other with what led to it there."""
    with pytest.raises(ModelError, match=r"^does not do") as found:
        list(actors.run(range(9), _same, _refused, device=CPU))
    assert type(found.value) is ModelError
    with pytest.raises(ValueError, match="cannot do"):
        list(actors.run(range(9), _same, _wrong, device=CPU))


def test_an_interrupted_run_leaves_the_workers_ready(actors: RayActors) -> None:
    """What was under way is dropped."""
    run = actors.run(range(80), _same, _same, device=CPU)
    assert next(run) == list(range(8))
    run.close()  # type: ignore[attr-defined]

    assert len(list(actors.run(range(80), _same, _same, device=CPU))) == 10


def test_a_worker_that_builds_another_model_is_refused(actors: RayActors) -> None:
    """The specification does not say what was changed in memory."""
    faces = open_dataset("faces?part=pairs").faces[:2]
    changed = dataclasses.replace(build(COLOURS, Settings(device=CPU)), policy=FacePolicy(select="largest"))

    with pytest.raises(FacecheckError, match="a worker does not compute what is computed here: model's policy is "):
        Pipeline(executor=actors).run(changed, faces)


def test_a_cluster_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the address that was asked for."""
    lost = RayActors("127.0.0.1:1", actors=1)
    monkeypatch.setattr(lost.ray, "is_initialized", lambda: False)

    def nobody(**_: object) -> None:
        raise ConnectionError("nobody answers")

    monkeypatch.setattr(lost.ray, "init", nobody)

    with pytest.raises(FacecheckError, match=r"no cluster of Ray at 127\.0\.0\.1:1: nobody answers"):
        list(lost.run([1], _same, _same, device=CPU))
