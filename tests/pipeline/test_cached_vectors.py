"""Vectors of listed images out of the cache: the same numbers, nothing computed twice, damage left out."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from facecheck.datasets.ijb import read_ijb
from facecheck.errors import ModelError
from facecheck.faces.columns import Faces
from facecheck.models import Settings
from facecheck.pipeline import Pipeline
from facecheck.pipeline import listed as module
from facecheck.pipeline.listed import listed_vectors
from facecheck.storage.cache import Cache
from tests.plugin.test_suite import colours
from tests.support.ijb import written_ijb


def faces_of(folder: Path) -> tuple[Faces, np.ndarray]:
    """Return the images of a set as faces, and their points."""
    found = read_ijb(folder)
    return Faces(found.images, found.names, ["x"], np.zeros(len(found.names), dtype=np.int32)), found.points


def test_what_is_cached_is_not_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal to the bit; after the change of one picture, only that one is computed."""
    recognizer, (faces, points) = colours(Settings(device=torch.device("cpu"))), faces_of(written_ijb(tmp_path / "ijb"))
    asked: list[int] = []
    computed = module._computed

    def counted(*given: object, **options: object) -> object:
        asked.append(len(given[2]))  # type: ignore[arg-type]
        return computed(*given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_computed", counted)
    monkeypatch.setattr(module, "_AT_ONCE", 50)
    cache = Cache(tmp_path / "cache")
    first = Pipeline(cache=cache).listed(recognizer, faces, points)
    second = Pipeline(cache=cache).listed(recognizer, faces, points)
    assert asked == [50, 50, 50, 30, 0, 0, 0, 0]

    PIL.Image.new("RGB", (112, 112), (201, 9, 90)).save(faces.root / faces.files[7])
    third = Pipeline(cache=cache).listed(recognizer, faces, points)
    cache.close()
    direct = listed_vectors(recognizer, faces.root, faces.files, points)

    assert sum(asked) - 180 == 1 + 180  # the picture, and the call without a cache
    assert np.array_equal(first.plain, second.plain)
    assert np.array_equal(first.mirrored, second.mirrored)
    assert np.array_equal(third.plain, direct.plain)
    assert not np.array_equal(first.plain[7], third.plain[7])
    assert first.raw


def test_other_points_are_other_vectors(tmp_path: Path) -> None:
    """The key holds them."""
    recognizer, (faces, points) = colours(Settings(device=torch.device("cpu"))), faces_of(written_ijb(tmp_path / "ijb"))
    cache = Cache(tmp_path / "cache")
    first = Pipeline(cache=cache).listed(recognizer, faces, points)
    moved = Pipeline(cache=cache).listed(recognizer, faces, points + np.float32(40))
    cache.close()

    assert not np.array_equal(first.plain, moved.plain)


def test_pictures_that_cannot_be_read_are_named_and_none_at_all_is_an_error(tmp_path: Path) -> None:
    """A missing file, and one that is no picture; each has its reason, and its vectors are NaN."""
    recognizer, (faces, points) = colours(Settings(device=torch.device("cpu"))), faces_of(written_ijb(tmp_path / "ijb"))
    (faces.root / faces.files[0]).unlink()
    (faces.root / faces.files[1]).write_bytes(b"no picture")

    found = Pipeline().listed(recognizer, faces, points)
    assert found.unreadable.keys() == {faces.files[0], faces.files[1]}
    assert np.isnan(found.plain[:2]).all()
    assert np.isfinite(found.plain[2:]).all()

    for name in faces.files[2:]:
        (faces.root / name).write_bytes(b"no picture")
    with pytest.raises(ModelError, match="none of 180 images can be read"):
        Pipeline().listed(recognizer, faces, points)


def test_threads_of_this_process_compute_them_whatever_computes_the_rest(tmp_path: Path) -> None:
    """Their steps hold the network, which is not sent to workers of Ray."""

    class Remote:
        def run(self, *_: object, **__: object) -> object:
            raise AssertionError("nothing is to be sent")

    recognizer, (faces, points) = colours(Settings(device=torch.device("cpu"))), faces_of(written_ijb(tmp_path / "ijb"))

    found = Pipeline(executor=Remote()).listed(recognizer, faces, points)  # type: ignore[arg-type]

    assert np.array_equal(found.plain, listed_vectors(recognizer, faces.root, faces.files, points).plain)
