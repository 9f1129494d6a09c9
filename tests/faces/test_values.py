"""Pairs refuse what could not be compared, and derive who is genuine from the subjects."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecheck.faces import Face, Faces, ImageSource, Pairs
from facecheck.faces.columns import described, different_images, have_groups, names_of, people_of


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


FILES = st.lists(st.sampled_from(["a.jpg", "b/c.jpg", "b/d.jpg", "e\x1b.jpg", "Jos\u00e9.png"]), max_size=12)


def columns(files: list[str], people: list[int]) -> Faces:
    """Return faces of three people, given by their numbers."""
    who = np.array(people[: len(files)], dtype=np.int32)
    groups = [(("sex", "female"),) if person else () for person in who.tolist()]
    quality = np.where(who == 1, np.nan, 0.5)
    return Faces(Path("/faces"), files, ["ann", "bob", "cas"], who, groups, quality)


def by_hand(faces: Faces) -> tuple[Face, ...]:
    """Slow oracle: an object a face."""
    return tuple(
        Face(
            source=ImageSource(faces.root / file, file),
            subject=faces.subjects[person],
            groups=(("sex", "female"),) if person else (),
            quality=None if person == 1 else 0.5,
        )
        for file, person in zip(faces.files, faces.people.tolist(), strict=True)
    )


PEOPLE = st.lists(st.integers(0, 2), min_size=12, max_size=12)


@given(files=FILES, people=PEOPLE)
def test_columns_are_the_faces_that_they_stand_for(files: list[str], people: list[int]) -> None:
    """One by one, in slices, and in everything that is asked of all of them at once."""
    faces = columns(files, people)
    objects = by_hand(faces)

    assert tuple(faces) == objects
    assert [faces[row] for row in range(-len(faces), len(faces))] == [*objects, *objects]
    assert tuple(faces[1::2]) == objects[1::2]
    assert names_of(faces) == names_of(objects)
    assert people_of(faces).tolist() == people_of(objects).tolist()
    assert list(described(faces)) == list(described(objects))
    assert different_images(faces).tolist() == different_images(objects).tolist()
    assert len(different_images(faces)) == len({face.source for face in objects})
    assert have_groups(faces) == have_groups(objects)


@given(files=FILES, people=PEOPLE, rows=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=20))
def test_pairs_of_columns_are_those_of_objects(
    files: list[str], people: list[int], rows: list[tuple[int, int]]
) -> None:
    """Refused alike, and who, genuine and every part of them equal a slow loop over pairs."""
    faces = columns(files, people)
    objects = by_hand(faces)
    indices = np.array([row for row in rows if max(row) < len(files)], dtype=np.int64).reshape(-1, 2)
    if any(objects[a].source == objects[b].source for a, b in indices.tolist()):
        for each in (faces, objects):
            with pytest.raises(ValueError, match="compares an image with itself"):
                Pairs(each, indices)
        return
    of_columns, of_objects = Pairs(faces, indices), Pairs(objects, indices)
    numbers: dict[str, int] = {}
    of_face = [numbers.setdefault(each.subject, len(numbers)) for each in objects]

    for pairs in (of_columns, of_objects):
        assert pairs.who.tolist() == [[of_face[a], of_face[b]] for a, b in indices.tolist()]
        assert pairs.genuine.tolist() == [of_face[a] == of_face[b] for a, b in indices.tolist()]
        assert np.isnan(pairs.yaw_difference_rad).all()
        half = pairs.take(np.arange(len(pairs), dtype=np.int64)[::2])
        used = list(dict.fromkeys(indices[::2].ravel().tolist()))
        assert tuple(half.faces) == tuple(objects[row] for row in used)
        assert half.indices.tolist() == [[used.index(a), used.index(b)] for a, b in indices[::2].tolist()]


def test_what_is_asked_for_again_cannot_be_changed() -> None:
    """Identity numbers are computed once: a caller that wrote into them would change them for all."""
    pairs = Pairs(FACES, ROWS)

    assert pairs.who is pairs.who
    with pytest.raises(ValueError, match="read-only"):
        pairs.who[0, 0] = 7


@pytest.mark.parametrize(
    ("people", "quality", "text"),
    [
        pytest.param([0], None, r"columns of \[2, 1\] faces", id="too-few-people"),
        pytest.param([0, 3], None, r"people must lie in \[0, 1\)", id="nobody"),
        pytest.param([0, -1], None, r"people must lie in \[0, 1\)", id="negative"),
        pytest.param([0, 0], [0.5], r"columns of \[2, 2, 1\] faces", id="too-little-quality"),
    ],
)
def test_columns_that_do_not_fit_are_refused(people: list[int], quality: list[float] | None, text: str) -> None:
    """A face without a person is none."""
    with pytest.raises(ValueError, match=text):
        Faces(
            Path(),
            ["a.jpg", "b.jpg"],
            ["ann"],
            np.array(people, dtype=np.int32),
            quality=None if quality is None else np.array(quality),
        )
