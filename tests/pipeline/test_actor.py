"""What an actor does, in this process: what is sent to it, what it says of itself, and what it refuses."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import cast

import numpy as np
import PIL.Image
import pytest

from facecheck.corruptions import CLEAN
from facecheck.detection.selection import FacePolicy
from facecheck.errors import DatasetError, FacecheckError, ModelError
from facecheck.faces import ImageSource
from facecheck.faces.decoding import file_digest
from facecheck.models import Settings, build
from facecheck.models.recognizer import Recognizer
from facecheck.pipeline.actor import Actor, Model, Place, differences, standing, step_of
from facecheck.pipeline.outcomes import Result
from facecheck.pipeline.work import Work, embed_batch, load, reference_batch
from tests.pipeline.test_pipeline import CPU, counting
from tests.support.photographs import ASTRONAUT

COLOURS = "tests.plugin.test_suite:colours"
LOAD = functools.partial(load, corruption=CLEAN)


@pytest.fixture(scope="module")
def colours() -> Recognizer:
    """A model with a specification."""
    return build(COLOURS, Settings(device=CPU))


@pytest.fixture
def actor(monkeypatch: pytest.MonkeyPatch) -> Actor:
    """One in this process, which works where it does already."""
    monkeypatch.chdir(Path.cwd())
    return Actor(Place.here())


def _other(items: list[Work], *, embedder: object) -> list[Work]:
    assert embedder
    return items


def work(path: Path) -> Work:
    """Return the work of an image as the driver sends it."""
    source = ImageSource(path, path.name)
    return Work(source, file_digest(source), b"key", b"detection")


def test_a_model_is_named_and_never_sent(colours: Recognizer) -> None:
    """What is sent holds the specification, and no recogniser."""
    step, recognizer = step_of(LOAD, functools.partial(embed_batch, recognizer=colours), CPU)

    assert recognizer is colours
    assert step.model == Model(COLOURS, "colours", on_gpu=False, precision="fp32")
    assert isinstance(step.compute, functools.partial)
    assert step.compute.keywords == {}


def test_a_step_without_a_model_is_sent_as_it_is() -> None:
    """As the search for the landmarks by which corruptions are placed."""
    step, recognizer = step_of(LOAD, reference_batch, CPU)

    assert (step.compute, step.model, recognizer) == (reference_batch, None, None)


def test_a_model_that_was_made_in_memory_is_refused() -> None:
    """Nothing says how another process would make it."""
    with pytest.raises(ModelError, match="counting: was made in memory"):
        step_of(LOAD, functools.partial(embed_batch, recognizer=counting()[0]), CPU)


def test_what_is_neither_plain_nor_a_model_is_refused(colours: Recognizer) -> None:
    """A network must not travel in another argument."""
    with pytest.raises(TypeError, match="a NetworkEmbedder is not sent to workers"):
        step_of(LOAD, functools.partial(_other, embedder=colours.embedder), CPU)


def test_an_actor_answers_as_this_process_does(colours: Recognizer, actor: Actor) -> None:
    """Vectors to the bit, the name in messages, and all that they depend on."""
    step, _ = step_of(LOAD, functools.partial(embed_batch, recognizer=colours), CPU)

    there = actor.prepare(step.model)
    done, results = cast("tuple[list[Work], list[Result]]", actor.work([work(ASTRONAUT)], step))

    (expected,) = embed_batch(LOAD([work(ASTRONAUT)]), recognizer=colours)[1]
    assert differences(standing(colours), there) == ""
    np.testing.assert_array_equal(results[0].vector, expected.vector)
    assert done[0].image is None


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"policy": FacePolicy(select="largest")}, "model's policy"),
        ({"origin": "other weights"}, "model's origin"),
        ({"precision": "bf16"}, "model's precision"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_model_that_was_changed_in_memory_differs(
    colours: Recognizer, actor: Actor, change: dict[str, object], part: str
) -> None:
    """It keeps its specification, which does not say the change."""
    changed = dataclasses.replace(colours, **change)  # type: ignore[arg-type]

    there = actor.prepare(Model.of(colours))

    assert differences(standing(changed), there).startswith(f"{part} is ")


def test_other_libraries_and_other_code_differ(colours: Recognizer) -> None:
    """Both values are shown."""
    here = standing(colours)
    there = {**here, "version of torch": "1.0", "code of facecheck": "0123"}

    assert "version of torch is " in differences(here, there)
    assert differences(here, there).endswith("and 0123 there")


def test_an_image_that_a_worker_lacks_is_an_error_and_not_unreadable(tmp_path: Path, actor: Actor) -> None:
    """Counted as unreadable it would change the results: the driver has read it."""
    path = tmp_path / "face.png"
    PIL.Image.new("RGB", (8, 8)).save(path)
    sent = work(path)
    path.unlink()
    step, _ = step_of(LOAD, reference_batch, CPU)

    with pytest.raises(DatasetError, match=r"face\.png: .* has no such image, or another one"):
        actor.work([sent], step)


def test_another_image_at_the_same_path_is_an_error(tmp_path: Path, actor: Actor) -> None:
    """As on a machine with another version of the data set."""
    path = tmp_path / "face.png"
    PIL.Image.new("RGB", (8, 8)).save(path)
    sent = work(path)
    PIL.Image.new("RGB", (8, 8), (9, 9, 9)).save(path)
    step, _ = step_of(LOAD, reference_batch, CPU)

    with pytest.raises(DatasetError, match="or another one"):
        actor.work([sent], step)


def test_an_image_that_nobody_can_decode_is_unreadable_there_too(tmp_path: Path, actor: Actor) -> None:
    """The same bytes are the same failure."""
    path = tmp_path / "face.png"
    path.write_bytes(b"no picture")
    step, _ = step_of(LOAD, reference_batch, CPU)

    (done,) = cast("list[Work]", actor.work([work(path)], step))

    assert done.unreadable


def test_a_folder_that_the_machine_lacks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Specifications and paths may be relative to it."""
    monkeypatch.chdir(Path.cwd())
    place = dataclasses.replace(Place.here(), folder=str(tmp_path / "gone"))

    with pytest.raises(FacecheckError, match=r"has no folder .*gone, in which this run works"):
        Actor(place).prepare(None)


def test_a_model_that_cannot_be_built_there_says_where(actor: Actor) -> None:
    """Its files may lie on one machine only."""
    with pytest.raises(ModelError, match=r"no weights today.* a worker builds the model from its specification"):
        actor.prepare(Model("tests.plugin.test_suite:failing", "failing", on_gpu=False, precision="fp32"))
