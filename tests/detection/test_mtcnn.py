"""MTCNN against facenet-pytorch's own, image by image."""

import numpy as np
import pytest
import torch
from facenet_pytorch import MTCNN
from facenet_pytorch.models.utils.detect_face import detect_face

from facecheck.detection.mtcnn import Beyond, Mtcnn
from facecheck.faces import Image
from tests.support.photographs import ASTRONAUT, crowd, photograph

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def ours() -> Mtcnn:
    return Mtcnn(device=CPU)


@pytest.fixture(scope="module")
def stretched() -> Mtcnn:
    return Mtcnn(device=CPU, beyond="stretched")


@pytest.fixture(scope="module")
def theirs() -> MTCNN:
    return MTCNN(keep_all=True, device="cpu")


@pytest.mark.parametrize("number", range(6))
def test_boxes_scores_and_landmarks_are_facenet_pytorchs(stretched: Mtcnn, theirs: MTCNN, number: int) -> None:
    """Every face that facenet-pytorch finds is found at the same place, and no other."""
    image = crowd()[number]
    with torch.inference_mode():
        boxes, landmarks = detect_face(
            image[None], 20, theirs.pnet, theirs.rnet, theirs.onet, [0.6, 0.7, 0.7], 0.709, "cpu"
        )
    boxes, landmarks = np.asarray(boxes[0], dtype=np.float64), np.asarray(landmarks[0], dtype=np.float64)
    order = np.argsort(-boxes[:, 4], kind="stable")

    found = stretched.detect([image])[0]

    assert len(found) == len(order) > 0
    np.testing.assert_allclose(found.boxes, boxes[order, :4], atol=2e-3)
    np.testing.assert_allclose(found.scores, boxes[order, 4], atol=1e-5)
    np.testing.assert_allclose(found.landmarks, landmarks[order], atol=2e-3)


def test_a_batch_of_several_sizes_gives_what_each_image_gives_alone(ours: Mtcnn) -> None:
    """What is found in an image does not depend on the rest of the batch; facenet-pytorch would raise."""
    images = crowd()

    together = ours.detect(images)

    assert len(together[-1]) == 0, "a face was found in a cup of coffee"
    for image, found in zip(images, together, strict=True):
        alone = ours.detect([image])[0]
        assert len(alone) == len(found)
        np.testing.assert_allclose(found.boxes, alone.boxes, atol=2e-3)


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.zeros((200, 200, 3), dtype=np.uint8), id="black"),
        pytest.param(np.zeros((8, 300, 3), dtype=np.uint8), id="flatter than the smallest face"),
        pytest.param(np.zeros((1, 1, 3), dtype=np.uint8), id="one pixel"),
        pytest.param(np.random.default_rng(0).integers(0, 256, (120, 90, 3)).astype(np.uint8), id="noise"),
    ],
)
def test_a_picture_without_a_face_gives_none(ours: Mtcnn, image: Image) -> None:
    """No face is an empty answer, never an exception."""
    found = ours.detect([image])[0]

    assert found.boxes.shape == (0, 4)
    assert found.landmarks.shape == (0, 5, 2)


def test_no_images_give_no_answers(ours: Mtcnn) -> None:
    """An empty batch is allowed."""
    assert ours.detect([]) == []


@pytest.mark.parametrize("beyond", ["filled", "stretched"])
def test_a_face_cut_by_the_edge_is_found(beyond: Beyond) -> None:
    """Windows that reach beyond the image are filled, or clipped to it."""
    ours = Mtcnn(device=CPU, beyond=beyond)
    image = np.ascontiguousarray(photograph(ASTRONAUT)[90:300, 180:420])

    found = ours.detect([image])[0]

    assert len(found) >= 1


def test_the_eyes_come_left_before_right(ours: Mtcnn) -> None:
    """Landmarks are eyes, nose, mouth corners, the left ones of the picture first."""
    points = ours.detect([photograph(ASTRONAUT)])[0].landmarks[0]

    assert points[0, 0] < points[2, 0] < points[1, 0]
    assert points[3, 0] < points[4, 0]
    assert points[:2, 1].max() < points[2, 1] < points[3:, 1].min()


def test_settings_are_part_of_the_identity() -> None:
    """Another smallest face is another detector to the cache."""
    assert Mtcnn(device=CPU).identity != Mtcnn(device=CPU, min_face_px=40).identity
    assert Mtcnn(device=CPU).identity != Mtcnn(device=CPU, beyond="stretched").identity
