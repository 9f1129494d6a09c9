"""Pairs refuse what could not be compared, and derive who is genuine from the subjects."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from facecheck.faces import Face, ImageSource, Pairs


def face(subject: str, number: int, yaw_rad: float | None = None) -> Face:
    """Return an image of a person that exists by name only."""
    name = f"{subject}/{number}.jpg"
    return Face(source=ImageSource(Path(name), name), subject=subject, yaw_rad=yaw_rad)


FACES = (face("ann", 1, 0.4), face("ann", 2, 0.8), face("bob", 1, -0.4), face("cas", 1))
ROWS = np.array([[0, 1], [0, 2], [2, 1], [3, 0]], dtype=np.int64)


def test_genuine_follows_from_the_subjects() -> None:
    """Pairs of one subject are genuine; numbers are equal exactly where subjects are."""
    pairs = Pairs(FACES, ROWS)
    assert len(pairs) == 4
    assert pairs.who.tolist() == [[0, 0], [0, 1], [1, 0], [2, 0]]
    assert pairs.genuine.tolist() == [True, False, False, False]


def test_yaw_differences_are_absolute_and_in_steps() -> None:
    """0.8 - 0.4 and 0.4 - 0.0 are one step, and an unknown yaw has none."""
    differences = Pairs(FACES, ROWS).yaw_difference_rad
    np.testing.assert_array_equal(differences, [0.4, 0.8, 1.2, np.nan])
    stepped = tuple(face("ann", number, number * 0.1) for number in range(9))
    steps = np.array([[k, k + 1] for k in range(8)], dtype=np.int64)
    assert set(Pairs(stepped, steps).yaw_difference_rad.tolist()) == {0.1}


@pytest.mark.parametrize(
    ("indices", "text"),
    [
        pytest.param([[0, 1, 2]], r"indices must have shape \(n, 2\), not \(1, 3\)", id="three-in-a-pair"),
        pytest.param([0, 1], r"indices must have shape \(n, 2\), not \(2,\)", id="flat"),
        pytest.param([[0, 4]], r"indices must lie in \[0, 4\)", id="beyond-the-last"),
        pytest.param([[-1, 0]], r"indices must lie in \[0, 4\)", id="negative"),
        pytest.param([[0, 1], [2, 2]], "a pair compares an image with itself", id="itself"),
    ],
)
def test_impossible_indices_are_refused(indices: object, text: str) -> None:
    """The message says what was expected and what came."""
    with pytest.raises(ValueError, match=text):
        Pairs(FACES, np.array(indices, dtype=np.int64))


def test_an_image_listed_twice_is_not_a_second_image() -> None:
    """Two entries of one file are one capture: their comparison is no genuine pair."""
    with pytest.raises(ValueError, match="a pair compares an image with itself"):
        Pairs((face("ann", 1), face("ann", 1)), np.array([[0, 1]], dtype=np.int64))


@pytest.mark.parametrize(
    "folds",
    [
        pytest.param(np.zeros(3, dtype=np.int64), id="too-few"),
        pytest.param(np.zeros((4, 1), dtype=np.int64), id="two-dimensions"),
    ],
)
def test_folds_must_fit(folds: npt.NDArray[np.int64]) -> None:
    """One fold number a pair."""
    with pytest.raises(ValueError, match=r"folds must have shape \(4,\), not \("):
        Pairs(FACES, ROWS, folds)


def test_no_pairs_are_pairs() -> None:
    """An empty list of pairs has empty properties of the right shapes."""
    pairs = Pairs((), np.empty((0, 2), dtype=np.int64))
    assert len(pairs) == 0
    assert pairs.who.shape == (0, 2)
    assert pairs.genuine.shape == pairs.yaw_difference_rad.shape == (0,)


def test_taking_pairs_keeps_only_their_faces() -> None:
    """Faces come in the order of first use; who is who and the folds stay."""
    pairs = Pairs(FACES, ROWS, np.array([0, 1, 2, 3], dtype=np.int64))

    taken = pairs.take(np.array([3, 1], dtype=np.int64))

    assert taken.faces == (FACES[3], FACES[0], FACES[2])
    assert taken.indices.tolist() == [[0, 1], [1, 2]]
    assert taken.folds is not None
    assert taken.folds.tolist() == [3, 1]
    assert taken.genuine.tolist() == pairs.genuine[[3, 1]].tolist()


def test_taking_no_pairs_leaves_nothing() -> None:
    """No rows, no faces, and no folds where there were none."""
    taken = Pairs(FACES, ROWS).take(np.empty(0, dtype=np.int64))
    assert (taken.faces, taken.indices.shape, taken.folds) == ((), (0, 2), None)
