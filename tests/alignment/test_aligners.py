"""Crops against the code that the networks were trained with."""

import numpy as np
import PIL.Image
import pytest
import torch
from facenet_pytorch.models.utils.detect_face import extract_face
from hypothesis import given
from hypothesis import strategies as st
from skimage.transform import SimilarityTransform

from facecheck.alignment import BoxCrop, FivePoint, Size, outside, similarity_transform
from facecheck.detection.mtcnn import Mtcnn
from facecheck.detection.selection import ChosenFace
from facecheck.errors import ModelError
from facecheck.faces.five_points import TEMPLATES
from tests.support.photographs import ASTRONAUT, photograph

UNKNOWN = np.full((5, 2), np.nan, dtype=np.float32)


@pytest.mark.parametrize("margin", [0, 14, 32])
@pytest.mark.parametrize(
    "box",
    [
        pytest.param([180.3, 60.7, 260.2, 160.9], id="inside"),
        pytest.param([-20.0, -10.0, 90.0, 110.0], id="beyond the left top corner"),
        pytest.param([450.5, 430.5, 540.0, 560.0], id="beyond the right bottom corner"),
    ],
)
def test_box_crop_is_extract_face(box: list[float], margin: int) -> None:
    """The crop is facenet-pytorch's, pixel for pixel."""
    image = photograph(ASTRONAUT)
    theirs = extract_face(PIL.Image.fromarray(image), np.array(box, dtype=np.float32), 160, margin)

    ours = BoxCrop(160, margin=margin).align(image, ChosenFace(np.array(box, dtype=np.float32), UNKNOWN))

    np.testing.assert_array_equal(ours, theirs.permute(1, 2, 0).numpy().astype(np.uint8))


def test_box_outside_the_image_still_gives_a_crop() -> None:
    """An impossible box from a detector must not stop the run."""
    face = ChosenFace(np.array([600, 600, 700, 700], dtype=np.float32), UNKNOWN)

    assert BoxCrop(160, margin=14).align(photograph(ASTRONAUT), face).shape == (160, 160, 3)


@given(
    angle=st.floats(-3, 3),
    scale=st.floats(0.1, 10),
    shift=st.tuples(st.floats(-100, 100), st.floats(-100, 100)),
    noise=st.floats(0, 2),
)
def test_similarity_transform_is_umeyamas(angle: float, scale: float, shift: tuple[float, float], noise: float) -> None:
    """The closed form is scikit-image's least squares."""
    generator = np.random.default_rng(0)
    source = generator.uniform(0, 100, (5, 2))
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    target = source @ turn.T + shift + generator.normal(0, noise, (5, 2))

    ours = similarity_transform(source, target)

    np.testing.assert_allclose(ours, SimilarityTransform.from_estimate(source, target).params[:2], atol=1e-6)


def test_five_points_bring_eyes_and_mouth_to_the_template() -> None:
    """MTCNN finds the eyes of the aligned crop where InsightFace's template has them."""
    image, detector = photograph(ASTRONAUT), Mtcnn(device=torch.device("cpu"))
    found = detector.detect([image])[0]

    crop = FivePoint(112).align(image, ChosenFace(found.boxes[0], found.landmarks[0]))

    again = detector.detect([np.pad(crop, ((40, 40), (40, 40), (0, 0)))])[0].landmarks[0] - 40
    np.testing.assert_allclose(again[:2], [[38.3, 51.7], [73.5, 51.5]], atol=3)


def test_a_box_without_landmarks_is_taken_upright() -> None:
    """The centre-box policy gives no landmarks; the face is assumed to fill its box."""
    image = photograph(ASTRONAUT)
    found = Mtcnn(device=torch.device("cpu")).detect([image])[0]

    with_points = FivePoint().align(image, ChosenFace(found.boxes[0], found.landmarks[0])).astype(int)
    without = FivePoint().align(image, ChosenFace(found.boxes[0], UNKNOWN)).astype(int)

    assert without.shape == (112, 112, 3)
    assert np.abs(with_points - without)[30:90, 30:80].mean() < 45, "the guessed landmarks are far off"


def test_a_crop_of_112_x_96_is_the_middle_of_the_square_one() -> None:
    """SphereFace's template is InsightFace's without eight columns on each side."""
    image = photograph(ASTRONAUT)
    found = Mtcnn(device=torch.device("cpu")).detect([image])[0]
    face = ChosenFace(found.boxes[0], found.landmarks[0])

    square, narrow = FivePoint(112).align(image, face), FivePoint((112, 96)).align(image, face)

    assert narrow.shape == (112, 96, 3)
    assert np.abs(square[:, 8:104].astype(int) - narrow).max() <= 1
    assert np.array_equal(FivePoint((112, 96), template="sphereface").align(image, face), narrow)
    given = FivePoint((112, 96), template=TEMPLATES["sphereface"].points)
    assert np.array_equal(given.align(image, face), narrow)
    assert given.identity.startswith("five-point(112x96,template=30.2946/51.6963/")


@pytest.mark.parametrize(
    ("size", "template", "expected"),
    [
        ((120, 100), None, "no known template has these proportions: give the points"),
        (112, "sphereface", "template=sphereface: none of that name for a crop of 112 px"),
        (112, "insightfac", "template=insightfac: none of that name"),
        (112, np.zeros((4, 2)), r"a template of shape \(4, 2\): expected five different points"),
        (112, np.zeros((5, 2)), "expected five different points"),
        (112, np.full((5, 2), np.nan), "expected five different points"),
        ((0, 96), None, r"a crop of \(0, 96\) px: expected its side"),
    ],
)
def test_templates_that_do_not_fit_are_refused(size: Size, template: object, expected: str) -> None:
    """With what is known."""
    with pytest.raises(ModelError, match=expected):
        FivePoint(size, template=template)  # type: ignore[arg-type]


@pytest.mark.parametrize(("cut", "share"), [(0, 0.0), (0.5, 0.5), (1, 1.0)])
def test_the_share_of_a_crop_outside_its_picture_is_measured(cut: float, share: float) -> None:
    """A crop that lies inside, half outside on the left, and wholly outside."""
    points = TEMPLATES["arcface"].points - [112 * cut, 0]
    face = ChosenFace(np.array([0, 0, 112, 112], dtype=np.float32), points.astype(np.float32))

    assert outside(FivePoint(112), (300, 300, 3), face) == pytest.approx(share, abs=0.02)
    assert outside(BoxCrop(112, margin=0), (300, 300, 3), face) == 0
