"""Faces at the border of their picture and beyond it: MTCNN's landmarks against the renderer's exact ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from facecheck.detection import Mtcnn
from facecheck.errors import ModelError
from facecheck.faces import Image
from tests.support.rendered import rendered

CPU = torch.device("cpu")
PEOPLE = (3, 4)
SIZE = 250
# In distances between the eyes, from the outermost landmarks on each side: left of the left eye, above the eyes, ...
SIDE, ABOVE, BELOW = 0.5, 0.6, 0.6
WHOLE = 0.2  # of that distance: MTCNN's largest error where the whole face is seen, .07 to .15 in whole pictures
CUT = 0.4  # and of what is left of a face that is cut through


@pytest.fixture(scope="module")
def filled() -> Mtcnn:
    return Mtcnn(device=CPU)


def cut(points: npt.NDArray[np.float64], edges: str) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of a crop whose named edges touch the face, or cut through its middle (~)."""
    eyes = points[1, 0] - points[0, 0]
    close = {
        "l": points[[0, 3], 0].min() - SIDE * eyes,
        "t": points[:2, 1].min() - ABOVE * eyes,
        "r": points[[1, 4], 0].max() + SIDE * eyes,
        "b": points[3:, 1].max() + BELOW * eyes,
        "~b": points[2, 1],
        "~l": points[2, 0],
    }
    far = {"l": 0, "t": 0, "r": SIZE, "b": SIZE}
    chosen = {}
    for edge, untouched in far.items():
        half = f"~{edge}"
        chosen[edge] = close[half] if half in edges else close[edge] if edge in edges else untouched
    return round(chosen["l"]), round(chosen["t"]), round(chosen["r"]), round(chosen["b"])


def largest_error(detector: Mtcnn, person: int, edges: str) -> float:
    """Return the largest distance of a landmark in the crop from the exact one, eye to eye 1; inf without a face."""
    image, points = rendered(person, SIZE)
    left, top, right, bottom = cut(points, edges)
    found = detector.detect([np.ascontiguousarray(image[top:bottom, left:right])])[0]
    if not len(found):
        return np.inf
    shown = ((points >= [left - 1, top - 1]) & (points <= [right + 1, bottom + 1])).all(axis=1)
    errors = np.linalg.norm(found.landmarks[0] + [left, top] - points, axis=1)[shown]
    return float(errors.max() / (points[1, 0] - points[0, 0]))


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize(
    "edges",
    [
        pytest.param("", id="whole face"),
        pytest.param("l", id="left edge"),
        pytest.param("t", id="top edge"),
        pytest.param("r", id="right edge"),
        pytest.param("b", id="bottom edge"),
        pytest.param("lt", id="left and top"),
        pytest.param("lr", id="left and right"),
        pytest.param("ltrb", id="all four: the face fills the picture"),
    ],
)
def test_landmarks_are_right_where_a_face_touches_the_edge(filled: Mtcnn, person: int, edges: str) -> None:
    """Eyes, nose and mouth are where the renderer put them, as in the whole picture."""
    assert largest_error(filled, person, edges) < WHOLE


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("edges", [pytest.param("~b", id="below the nose"), pytest.param("~l", id="left of the nose")])
def test_a_face_half_outside_is_found_where_it_is(filled: Mtcnn, person: int, edges: str) -> None:
    """What is left of the face is enough to find it, and its landmarks are near to where the renderer put them."""
    assert largest_error(filled, person, edges) < CUT


@pytest.mark.parametrize("person", PEOPLE)
def test_stretched_windows_misplace_the_landmarks_of_a_face_in_the_corner(person: int) -> None:
    """The fault that filling mends; facenet-pytorch has it, and with its results so have we."""
    assert largest_error(Mtcnn(device=CPU, beyond="stretched"), person, "lt") > WHOLE


@pytest.mark.parametrize("edges", ["", "ltrb"])
def test_a_black_border_in_the_picture_changes_nothing(filled: Mtcnn, edges: str) -> None:
    """What lies beyond the image is black already: with a drawn border landmarks are the same, to .05 of eye to eye."""
    image, points = rendered(PEOPLE[0], SIZE)
    left, top, right, bottom = cut(points, edges)
    crop: Image = np.ascontiguousarray(image[top:bottom, left:right])

    bare = filled.detect([crop])[0].landmarks[0]
    framed = filled.detect([np.pad(crop, ((60, 60), (60, 60), (0, 0)))])[0].landmarks[0] - 60

    np.testing.assert_allclose(bare, framed, atol=0.05 * (points[1, 0] - points[0, 0]))


def test_what_lies_beyond_an_image_is_filled_or_stretched() -> None:
    """Nothing else is known."""
    with pytest.raises(ModelError, match="beyond='mirrored' is unknown"):
        Mtcnn(device=CPU, beyond="mirrored")  # type: ignore[arg-type]
