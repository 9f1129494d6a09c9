"""Shards: parts that do not overlap, and batches as one run over all images would make them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecheck.corruptions import CLEAN, Applied
from facecheck.datasets import open_dataset
from facecheck.errors import FacecheckError
from facecheck.faces import Face, ImageSource
from facecheck.models import Settings, build
from facecheck.pipeline import Pipeline
from facecheck.pipeline.executor import Threads
from facecheck.pipeline.shards import Shard
from facecheck.storage.cache import Cache
from facecheck.storage.joining import join
from tests.pipeline.test_pipeline import CPU


def faces_of(count: int) -> list[Face]:
    return [Face(source=ImageSource(Path(f"{number}.png"), str(number)), subject="x") for number in range(count)]


@pytest.mark.parametrize(
    "text",
    ["0/4", "5/4", "x", "", "3", "3/", "/4", "0/0", "-1/4", "1/-4", "1.5/4", "1/4/2", " 1/4", "1/9999999"],
)
def test_what_is_no_shard_is_refused(text: str) -> None:
    """With the form that was expected."""
    with pytest.raises(FacecheckError, match="expected NUMBER/COUNT such as 3/16"):
        Shard.parse(text)


@pytest.mark.parametrize("text", ["1/1", "1/4", "4/4", "16/16"])
def test_a_shard_is_spelt_as_it_was_read(text: str) -> None:
    """From the first to the last."""
    assert str(Shard.parse(text)) == text


@given(images=st.integers(0, 90), count=st.integers(1, 9), batch=st.integers(1, 20))
def test_shards_are_all_images_once_and_of_one_size(images: int, count: int, batch: int) -> None:
    """To one batch; a face whose image comes again comes with it."""
    faces = faces_of(images)

    parts = [Shard(number, count).part(faces + faces, batch) for number in range(1, count + 1)]

    sizes = [len(part) // 2 for part in parts]
    assert sorted(face.source.name for part in parts for face in part) == sorted(face.source.name for face in 2 * faces)
    assert max(sizes) - min(sizes) <= batch


@given(images=st.integers(1, 90), count=st.integers(1, 9), workers=st.integers(1, 4))
def test_batches_of_shards_are_those_of_one_run(images: int, count: int, workers: int) -> None:
    """The same images together: the last bits of a vector depend on what shares its batch."""
    faces = faces_of(images)
    threads = Threads(workers)
    size = threads.size(images, CPU)

    def batches(some: list[Face], executor: Threads) -> set[tuple[str, ...]]:
        found = executor.run(some, lambda items: items, lambda items: items, device=CPU)
        return {tuple(face.source.name for face in each) for each in found}

    parts = [Shard(number, count).part(faces, size) for number in range(1, count + 1)]

    assert set.union(*(batches(part, Threads(workers, size)) for part in parts)) == batches(faces, threads)


class Idle:
    """An executor of a run that must have nothing to do."""

    def run(self, items: Iterable[object], *_: object, **__: object) -> Iterator[NoReturn]:
        """Refuse any item."""
        assert list(items) == []
        return iter(())


def test_shards_joined_are_the_local_run_to_the_bit_and_compute_nothing_again(tmp_path: Path) -> None:
    """Clean and under a corruption that is placed by landmarks: two shards with a cache each, joined into a third."""
    faces = open_dataset("faces?part=pairs").faces[:22]
    recognizer, glasses = build("facenet-casia-webface", Settings(device=CPU)), Applied.parse("sunglasses:1")
    conditions = [CLEAN, glasses]
    threads = Threads(2, 8)
    local = Pipeline(executor=threads)
    expected = [local.run(recognizer, faces, corruption=each) for each in conditions]
    for number in (1, 2):
        cache = Cache(tmp_path / str(number))
        part = Shard(number, 2).part(faces, threads.size(len(faces), CPU))
        for each in conditions:
            Pipeline(cache=cache, executor=threads).run(recognizer, part, corruption=each)
        cache.close()
    joined = Cache(tmp_path / "joined")
    join(joined, [tmp_path / "1", tmp_path / "2"])
    last = Pipeline(cache=joined, executor=Idle())

    found = [last.run(recognizer, faces, corruption=each) for each in conditions]

    joined.close()
    assert np.isfinite(expected[1].vectors).all()
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.vectors, other.vectors)
        np.testing.assert_array_equal(one.outcomes, other.outcomes)
