"""Qualities of images: where they come from, and the error against discard of drawn pairs."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from facecheck.datasets import Dataset
from facecheck.errors import FacecheckError
from facecheck.evaluation.evaluator import Evaluator
from facecheck.evaluation.qualities import error_against_discard, image_function, qualities_of
from facecheck.faces import Face, Image, ImageSource, Pairs
from facecheck.models import Settings, torch_recognizer
from facecheck.pipeline import Pipeline
from tests.pipeline.test_pipeline import BrightDetector
from tests.support.drawn import DrawnPipeline, drawn_dataset, drawn_recognizer


def brightness(image: Image) -> float:
    """Return a quality of the tests."""
    return float(image.mean())


def broken(image: Image) -> float:
    raise ZeroDivisionError(image.shape)


NO_FUNCTION = 3


class MeanColour(torch.nn.Module):
    """A network whose vector is the mean colour."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.mean((2, 3))


@pytest.fixture
def photographs(tmp_path: Path) -> Dataset:
    """Four pictures of two people; in the third, which is black, no face is found."""
    faces = []
    for number, level in enumerate((100, 200, 0, 150)):
        path = tmp_path / f"{number}.png"
        PIL.Image.fromarray(np.full((32, 32, 3), level, dtype=np.uint8)).save(path)
        faces.append(Face(source=ImageSource(path, path.name), subject="ab"[number // 2], quality=float(number)))
    pairs = Pairs(tuple(faces), np.array([[0, 1], [2, 3], [0, 3]]), np.zeros(3, dtype=np.int64))
    return Dataset(name="drawn", kind="pairs", spec="pairs:x", pairs=pairs, protocol="three")


def test_detector_norm_column_and_a_function(photographs: Dataset) -> None:
    """The detector's score of the chosen face; the length of a vector that is not scaled; -inf without a face."""
    recognizer = torch_recognizer(
        "mean", MeanColour(), Settings(device=torch.device("cpu")), l2=False, detector=BrightDetector()
    )
    evaluator = Evaluator(Pipeline(workers=1))
    found = qualities_of(
        evaluator, evaluator.compare(recognizer, photographs), own="tests.evaluation.test_qualities:brightness"
    )

    assert set(found) == {"detector", "norm", "column", "tests.evaluation.test_qualities:brightness"}
    assert np.isfinite(found["detector"]).tolist() == [True, True, False, True]
    assert found["tests.evaluation.test_qualities:brightness"].tolist() == [100, 200, -np.inf, 150]
    assert found["column"].tolist() == [0, 1, -np.inf, 3]
    vectors = evaluator.compare(recognizer, photographs).embedded.vectors
    assert found["norm"][3] == pytest.approx(float((vectors[3].astype(float) ** 2).sum()) ** 0.5)
    assert found["norm"][2] == -np.inf


def test_a_model_of_unit_vectors_has_no_norm_and_unknown_qualities_are_left_out(photographs: Dataset) -> None:
    """A length that is always one says nothing; a column with a gap is none."""
    faces = tuple(dataclasses.replace(face, quality=None) for face in photographs.faces)
    pairs = dataclasses.replace(photographs.pairs, faces=faces)
    recognizer = torch_recognizer(
        "mean", MeanColour(), Settings(device=torch.device("cpu")), l2=True, detector=BrightDetector()
    )
    evaluator = Evaluator(Pipeline(workers=1))
    compared = evaluator.compare(recognizer, dataclasses.replace(photographs, pairs=pairs))

    assert set(qualities_of(evaluator, compared)) == {"detector"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("no_such_module:f", "No module named 'no_such_module'", id="module"),
        pytest.param("tests.evaluation.test_qualities:gone", "no attribute 'gone'", id="name"),
        pytest.param("tests.evaluation.test_qualities:NO_FUNCTION", "expected a function", id="number"),
        pytest.param("../evil.py:f", "expected package.module:function", id="path"),
    ],
)
def test_what_is_no_function_is_refused(text: str, message: str) -> None:
    """Before any image is read."""
    with pytest.raises(FacecheckError, match=message):
        image_function(text)


def test_a_function_that_fails_is_named(photographs: Dataset) -> None:
    """A function of the user's own may raise anything."""
    recognizer = torch_recognizer("mean", MeanColour(), Settings(device=torch.device("cpu")), detector=BrightDetector())
    evaluator = Evaluator(Pipeline(workers=1))

    with pytest.raises(FacecheckError, match="broken: failed on an image: ZeroDivisionError"):
        qualities_of(
            evaluator, evaluator.compare(recognizer, photographs), own="tests.evaluation.test_qualities:broken"
        )


def test_error_against_discard_of_drawn_pairs() -> None:
    """Of eleven genuine pairs the two of the worst images fail: without the lowest 1/10 is left, then none."""
    subjects = [f"{number:02d}" for number in range(20) for _ in range(2)][:40]
    places = [1000.0 * (k // 2) + (k % 2) for k in range(40)]
    places[1], places[3] = 50350.0, 51350.0
    genuine = [(2 * k, 2 * k + 1) for k in range(10)]
    impostors = [(a, b) for a, b in itertools.combinations(range(4, 40), 2) if a // 2 != b // 2][:400]
    dataset = drawn_dataset(subjects, [*genuine, *impostors, (4, 5), (0, 3)], folds=[0] * 412)
    compared = Evaluator(DrawnPipeline({"clean": places})).compare(drawn_recognizer(), dataset)
    quality = np.arange(40.0)

    found = error_against_discard(compared, {"order": quality})
    values = {(m.name, m.conditions.discarded): m.estimate.value for m in found.measured}

    assert values["fnmr_after_discard", 0.0] == pytest.approx(2 / 11)
    assert values["fnmr_after_discard", 0.1] == pytest.approx(1 / 10)
    assert values["fnmr_after_discard", 0.2] == 0.0
    assert values["edc_relative_area", 0.2] < 1


def test_without_an_error_there_is_nothing_to_find() -> None:
    """A note in the place of a number."""
    indices = [(0, 1), *[(a, b) for a in range(20) for b in range(20, 30)]]
    dataset = drawn_dataset(["a", "a", *map(str, range(28))], indices, folds=[0] * len(indices))
    places = [0.0, 1.0, *[100.0 * k for k in range(1, 29)]]
    compared = Evaluator(DrawnPipeline({"clean": places})).compare(drawn_recognizer(), dataset)

    found = error_against_discard(compared, {"order": np.arange(30.0)})

    assert found.measured == ()
    assert "every genuine pair matches at FAR 1 %" in found.notes[0]
