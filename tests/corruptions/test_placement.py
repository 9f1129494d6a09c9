"""Position and size of a face."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecheck.corruptions import Given
from facecheck.corruptions import placement as place
from facecheck.corruptions.placement import NOSE_DEPTH, FaceFrame, face_centre, size_factor
from facecheck.faces.five_points import FIVE_POINTS_112 as TEMPLATE

# The template in the face's own coordinates, with a one for the shift.
MODEL = np.hstack([place._OWN, np.array([[0], [0], [NOSE_DEPTH], [0], [0]]), np.ones((5, 1))])
EYES_AND_NOSE = [(-0.5, 0, 0), (0.5, 0, 0), (0, 0.495, NOSE_DEPTH)]


def known(landmarks: np.ndarray | None) -> Given:
    """Return what a corruption is given for a face with these landmarks."""
    points = None if landmarks is None else landmarks.astype(np.float32)
    return Given(np.random.default_rng(0), points)


def canvas(side: int) -> np.ndarray:
    """Return a square image."""
    return np.zeros((side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize("factor", [0.25, 0.5, 1.0, 3.0])
def test_sizes_follow_the_distance_between_the_eyes(factor: float) -> None:
    """70.5 px is 1; the image's own size does not count."""
    assert size_factor(canvas(900), known(2 * TEMPLATE * factor)) == pytest.approx(factor, rel=1e-5)


def test_sizes_are_the_authors_where_no_face_is_known() -> None:
    """In pixels of the image."""
    assert size_factor(canvas(900), known(None)) == 1.0


@pytest.mark.parametrize("axis", [0, 1], ids=["turned", "bowed"])
def test_a_face_seen_from_the_side_is_no_smaller(axis: int) -> None:
    """Only one of the two distances is foreshortened."""
    seen = 2 * TEMPLATE.copy()
    seen[:, axis] *= 0.6

    assert size_factor(canvas(900), known(seen)) == pytest.approx(1.0, rel=1e-3)


@given(st.floats(-1e30, 1e30), st.integers(1, 900))
def test_sizes_stay_within_the_image(scale: float, side: int) -> None:
    """A wrong detection must not cause a huge blur or none: the distance stays between 1 px and the diagonal."""
    distance_px = size_factor(canvas(side), known((TEMPLATE - 56) * scale)) * 70.474

    assert min(1.0, side * 2**0.5) * 0.999 <= distance_px <= side * 2**0.5 * 1.001


@given(st.lists(st.floats(-40, 40), min_size=3, max_size=3), st.integers(10, 60))
def test_coordinates_follow_a_head_that_is_turned_and_tilted(numbers: list[float], down: int) -> None:
    """Landmarks seen by an affine camera whose depth goes sideways give that camera back."""
    right, slant, depth = numbers
    camera = np.array([[right, slant], [0.2 * down, down], [depth, -0.2 * depth], [500, 450]])

    frame = FaceFrame(canvas(1000), known(MODEL @ camera))

    point = np.array([[0.3, -0.7, 1.1], [-1.0, 2.0, 0.0]])
    np.testing.assert_allclose(frame.to_image(point), point @ camera[:3] + camera[3], atol=2e-2)


def test_a_long_nose_is_not_taken_for_a_bowed_head() -> None:
    """The nose is centred, so depth moves nothing."""
    long = 2 * TEMPLATE.copy()
    long[2, 1] += 12

    frames = [FaceFrame(canvas(300), known(points)) for points in (2 * TEMPLATE, long)]

    ear = [[1.1, 0.0, -1.3]]
    np.testing.assert_allclose(frames[0].to_image(ear), frames[1].to_image(ear), atol=0.5)


def test_a_frontal_face_has_its_landmarks_where_the_template_has_them() -> None:
    """Eyes at -0.5 and 0.5, the nose before their middle, the mouth at 1."""
    frame = FaceFrame(canvas(112), known(TEMPLATE))

    np.testing.assert_allclose(frame.to_image(EYES_AND_NOSE), TEMPLATE[:3], atol=0.3)
    np.testing.assert_allclose(frame.to_image([(0, 1, 0)])[0], TEMPLATE[3:].mean(axis=0), atol=0.3)


@pytest.mark.parametrize(("shape", "crop"), [((200, 200), 110), ((400, 200), 110), ((120, 300), 66)])
def test_an_unknown_face_is_taken_to_be_in_the_middle(shape: tuple[int, int], crop: float) -> None:
    """Its aligned crop takes 0.55 of the shorter side."""
    height, width = shape
    expected = (TEMPLATE / 112 - 0.5) * crop + (width / 2, height / 2)

    frame = FaceFrame(np.zeros((*shape, 3), dtype=np.uint8), known(None))

    np.testing.assert_allclose(frame.to_image(EYES_AND_NOSE), expected[:3], atol=0.3)
    assert frame.eye_distance_px == pytest.approx(crop * 35.24 / 112, rel=1e-3)


def test_the_middle_of_a_face_is_that_of_its_landmarks() -> None:
    """Of the image, where no face is known."""
    np.testing.assert_allclose(face_centre(canvas(300), known(TEMPLATE + 50)), TEMPLATE.mean(axis=0) + 50, atol=1e-4)
    np.testing.assert_array_equal(face_centre(canvas(300), known(None)), [149.5, 149.5])


@pytest.mark.parametrize("yaw_rad", [-0.8, -0.4, 0.4, 0.8])
def test_a_turned_head_hides_the_ear_that_it_turns_away(yaw_rad: float) -> None:
    """And shows the other one, farther from the nose; both are seen from the front."""
    cos, sin = np.cos(yaw_rad), np.sin(yaw_rad)
    turn = np.array([[70 * cos, 0], [0, 81], [70 * sin, 0]])
    seen = FaceFrame(canvas(600), known(MODEL[:, :3] @ turn + 300))
    front = FaceFrame(canvas(600), known(2 * TEMPLATE))
    temples = {side: np.array([(side * 1.0, 0, 0.05), (side * 1.12, 0, -1.3)]) for side in (-1, 1)}

    hidden = 1 if yaw_rad > 0 else -1
    assert not seen.faces_outwards(*temples[hidden])
    assert seen.faces_outwards(*temples[-hidden])
    assert front.faces_outwards(*temples[1])
    assert front.faces_outwards(*temples[-1])
