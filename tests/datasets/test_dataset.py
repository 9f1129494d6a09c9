"""What all data sets have: a sample, folds, a digest."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from unittest import mock

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecheck.datasets.dataset import Dataset, deal_into_folds, image_files
from facecheck.faces import Face, ImageSource, Pairs


def face(name: str, subject: str, yaw_rad: float | None = None) -> Face:
    return Face(source=ImageSource(Path("/faces", name), name), subject=subject, yaw_rad=yaw_rad)


def dataset(pairs: Pairs) -> Dataset:
    return Dataset(name="d", kind="lfw", spec="lfw:d", pairs=pairs, protocol="by hand")


def listed(rows: list[tuple[int, int]], folds: list[int] | None = None) -> Pairs:
    """Pairs of people given by their numbers, each pair with two images of its own."""
    faces = tuple(
        face(f"{row}-{side}.jpg", f"p{person}") for row, pair in enumerate(rows) for side, person in enumerate(pair)
    )
    indices = np.arange(2 * len(rows), dtype=np.int64).reshape(-1, 2)
    return Pairs(faces, indices, None if folds is None else np.array(folds, dtype=np.int64))


def in_folds(genuine: int, impostor: int, folds: int) -> Pairs:
    """A list like LFW's: in each fold some genuine and then some impostor pairs."""
    rows, numbers = [], []
    for fold in range(folds):
        rows += [(fold * 100, fold * 100)] * genuine + [(fold * 100 + 1, fold * 100 + 2)] * impostor
        numbers += [fold] * (genuine + impostor)
    return listed(rows, numbers)


PEOPLE = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=60)


def kinds(pairs: Pairs) -> set[bool]:
    return set(pairs.genuine.tolist())


def named(pairs: Pairs) -> list[tuple[str, str]]:
    return [(pairs.faces[a].source.name, pairs.faces[b].source.name) for a, b in pairs.indices.tolist()]


@given(people=PEOPLE, limit=st.integers(2, 70))
def test_a_sample_is_a_part_with_both_kinds_within_its_limit(people: list[tuple[int, int]], limit: int) -> None:
    """A sample is at most as large as asked for, keeps the list's order and is the same every time."""
    whole = dataset(listed(people))

    part = whole.sample(limit)

    assert len(part.pairs) == min(limit, len(people))
    assert kinds(part.pairs) == kinds(whole.pairs)
    assert part.digest == whole.sample(limit).digest
    order = named(whole.pairs)
    positions = [order.index(pair) for pair in named(part.pairs)]
    assert positions == sorted(set(positions))
    assert part.sampled == (limit < len(people))


@given(people=PEOPLE, limit=st.integers(2, 70))
def test_a_sample_carries_only_the_faces_that_it_compares(people: list[tuple[int, int]], limit: int) -> None:
    """Faces that no pair uses are dropped."""
    pairs = dataset(listed(people)).sample(limit).pairs

    assert set(pairs.indices.ravel().tolist()) == set(range(len(pairs.faces)))


@pytest.mark.parametrize("limit", [20, 40, 60, 100])
def test_a_sample_of_a_folded_list_is_balanced_over_folds_and_kinds(limit: int) -> None:
    """Ten folds stay ten folds."""
    pairs = dataset(in_folds(30, 30, 10)).sample(limit).pairs

    assert pairs.folds is not None
    strata, counts = np.unique(pairs.folds * 2 + pairs.genuine, return_counts=True)
    assert strata.tolist() == list(range(20))
    assert set(counts.tolist()) == {limit // 20}


@pytest.mark.parametrize(
    ("genuine", "impostor", "limit", "kept"),
    [
        pytest.param(50, 50, 20, (10, 10), id="half-and-half"),
        pytest.param(3, 97, 20, (3, 17), id="few-genuine-all-kept"),
        pytest.param(97, 3, 20, (17, 3), id="few-impostors-all-kept"),
        pytest.param(50, 50, 2, (1, 1), id="the-least"),
        pytest.param(50, 50, 3, (1, 2), id="odd"),
    ],
)
def test_each_kind_gets_half_as_far_as_it_goes(genuine: int, impostor: int, limit: int, kept: tuple[int, int]) -> None:
    """The kind with fewer pairs is kept completely."""
    is_genuine = dataset(in_folds(genuine, impostor, 1)).sample(limit).pairs.genuine

    assert (int(is_genuine.sum()), int((~is_genuine).sum())) == kept


def test_a_sample_as_large_as_the_whole_is_the_whole() -> None:
    """A sample of all pairs is not marked as sampled."""
    whole = dataset(in_folds(2, 2, 2))

    assert whole.sample(8) is whole
    assert whole.sample(10**9) is whole


@pytest.mark.parametrize("limit", [1, 0, -5])
def test_a_sample_that_cannot_hold_both_kinds_is_refused(limit: int) -> None:
    """With the number that was asked for."""
    with pytest.raises(ValueError, match=rf"at least 2 comparisons, not {limit}"):
        dataset(in_folds(2, 2, 2)).sample(limit)


def groups(people: list[tuple[int, int]]) -> list[set[int]]:
    """Slow oracle: groups of people who are connected by pairs."""
    found: list[set[int]] = []
    for pair in people:
        touched = [group for group in found if group & set(pair)]
        found = [group for group in found if group not in touched] + [set(pair).union(*touched)]
    return found


@given(people=PEOPLE)
def test_dealt_folds_share_no_person_and_hold_both_kinds(people: list[tuple[int, int]]) -> None:
    """There are two to ten folds, numbered from 0 without a gap; none if all people are connected."""
    pairs = listed(people)

    folds = deal_into_folds(pairs)

    if len(groups(people)) == 1 or len(kinds(pairs)) == 1:
        assert folds is None
    if folds is not None:
        count = int(folds.max()) + 1
        assert 2 <= count <= 10
        assert folds.shape == (len(people),)
        for fold in range(count):
            assert kinds(dataclasses.replace(pairs, folds=folds).take(np.flatnonzero(folds == fold))) == {True, False}
        where: dict[int, set[int]] = {}
        for pair, fold in zip(people, folds.tolist(), strict=True):
            for person in pair:
                where.setdefault(person, set()).add(fold)
        assert all(len(of_person) == 1 for of_person in where.values())


@given(people=PEOPLE)
def test_dealing_is_repeatable(people: list[tuple[int, int]]) -> None:
    """The folds are not random."""
    first, second = deal_into_folds(listed(people)), deal_into_folds(listed(people))

    assert (first is None) == (second is None)
    if first is not None and second is not None:
        assert first.tolist() == second.tolist()


@pytest.mark.parametrize(
    ("people", "count"),
    [
        pytest.param([(n, n) for n in range(10)] + [(20 + 2 * n, 21 + 2 * n) for n in range(10)], 10, id="ten-of-each"),
        pytest.param(
            [(n, n) for n in range(40)] + [(50 + 2 * n, 51 + 2 * n) for n in range(40)], 10, id="more-than-ten"
        ),
        pytest.param([(n, n) for n in range(3)] + [(20 + 2 * n, 21 + 2 * n) for n in range(9)], 3, id="few-genuine"),
        pytest.param([(0, 0), (1, 1), (2, 3), (4, 5)], 2, id="two-of-each"),
        pytest.param([(0, 0), (0, 1), (2, 2), (2, 3)], 2, id="two-groups-with-both-kinds"),
        pytest.param([(0, 0), (1, 1), (0, 1), (0, 2), (1, 2)], None, id="one-group"),
        pytest.param([(0, 0), (1, 1)], None, id="no-impostors"),
        pytest.param([(0, 1), (2, 3)], None, id="no-genuine"),
        pytest.param([(0, 0)], None, id="one-pair"),
    ],
)
def test_there_are_as_many_folds_as_the_people_allow(people: list[tuple[int, int]], count: int | None) -> None:
    """Worked by hand."""
    folds = deal_into_folds(listed(people))

    assert (None if folds is None else len(set(folds.tolist()))) == count


BASE = Pairs(
    (face("a1", "a", 0.0), face("a2", "a", 0.4), face("b1", "b", 0.0), face("b2", "b", 0.4)),
    np.array([[0, 1], [0, 2], [2, 3]], dtype=np.int64),
)


def with_face(number: int, new: Face) -> Pairs:
    faces = list(BASE.faces)
    faces[number] = new
    return dataclasses.replace(BASE, faces=tuple(faces))


def rows(*given: tuple[int, int]) -> npt.NDArray[np.int64]:
    return np.array(given, dtype=np.int64)


def digest_by_hand(pairs: Pairs) -> str:
    """The digest as it was first written: one text of JSON of everything. Baselines and histories hold it."""
    folds = None if pairs.folds is None else pairs.folds.tolist()
    faces = [(face.source.name, face.subject, face.yaw_rad) for face in pairs.faces]
    return hashlib.sha256(json.dumps((faces, pairs.indices.tolist(), folds)).encode()).hexdigest()


@given(people=PEOPLE, folded=st.booleans(), at_once=st.sampled_from([1, 2, 7, 2**16]), name=st.text(max_size=5))
def test_the_digest_is_that_of_the_whole_text(
    people: list[tuple[int, int]],
    folded: bool,  # noqa: FBT001 - drawn
    at_once: int,
    name: str,
) -> None:
    """However large its portions are, and whatever names hold."""
    pairs = listed(people, list(range(len(people))) if folded else None)
    turned = dataclasses.replace(pairs, faces=(face(name, name, 0.1), *pairs.faces[1:]))

    with mock.patch("facecheck.datasets.dataset._SPELT_AT_ONCE", at_once):
        for each in (pairs, turned, pairs.take(np.empty(0, dtype=np.int64))):
            assert dataset(each).digest == digest_by_hand(each)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(BASE, with_face(3, face("b3", "b", 0.4)), id="name"),
        pytest.param(BASE, with_face(3, face("b2", "c", 0.4)), id="subject"),
        pytest.param(BASE, with_face(3, face("b2", "b", -0.4)), id="yaw"),
        pytest.param(BASE, with_face(3, face("b2", "b", None)), id="yaw-unknown"),
        pytest.param(BASE, dataclasses.replace(BASE, indices=rows((0, 1), (0, 3), (2, 3))), id="pair"),
        pytest.param(BASE, dataclasses.replace(BASE, indices=rows((0, 2), (0, 1), (2, 3))), id="order-of-pairs"),
        pytest.param(BASE, dataclasses.replace(BASE, indices=rows((0, 1), (0, 2))), id="fewer-pairs"),
        pytest.param(BASE, dataclasses.replace(BASE, folds=np.zeros(3, dtype=np.int64)), id="folds"),
        pytest.param(
            dataclasses.replace(BASE, folds=np.array([0, 0, 1], dtype=np.int64)),
            dataclasses.replace(BASE, folds=np.array([0, 1, 1], dtype=np.int64)),
            id="another-fold",
        ),
        pytest.param(
            dataclasses.replace(BASE, indices=rows((0, 1), (2, 3), (0, 1))),
            Pairs(BASE.faces, rows((0, 1), (2, 3)), np.array([0, 1], dtype=np.int64)),
            id="a-pair-or-two-folds",
        ),
        pytest.param(
            with_face(0, face("a|b", "c")),
            with_face(0, face("a", "b|c")),
            id="where-the-name-ends",
        ),
    ],
)
def test_the_digest_tells_apart_what_is_not_comparable_pair_by_pair(one: Pairs, other: Pairs) -> None:
    """The digest changes with everything that changes the order or the meaning of scores."""
    assert dataset(one).digest != dataset(other).digest


def test_the_digest_does_not_depend_on_where_the_files_lie() -> None:
    """The digest is the same on two machines with the same faces."""
    moved = tuple(
        dataclasses.replace(each, source=dataclasses.replace(each.source, path=Path("/elsewhere", each.source.name)))
        for each in BASE.faces
    )

    assert dataset(dataclasses.replace(BASE, faces=moved)).digest == dataset(BASE).digest
    assert dataclasses.replace(dataset(BASE), name="other", spec="lfw:e").digest == dataset(BASE).digest


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        pytest.param("strips", True, id="strips"),
        pytest.param("faces", False, id="faces"),
        pytest.param("lfw", False, id="lfw"),
        pytest.param("folders", False, id="folders"),
    ],
)
@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param(BASE, id="every-yaw-known"),
        pytest.param(with_face(3, face("b2", "b")), id="one-yaw-unknown"),
    ],
)
def test_strips_alone_ask_about_yaw(kind: str, pairs: Pairs, *, asked: bool) -> None:
    """The bundled pairs have known yaws too, but combine them with light, hair and glasses."""
    assert dataclasses.replace(dataset(pairs), kind=kind).has_yaw is asked


def test_image_files_are_sorted_and_visible(tmp_path: Path) -> None:
    """In the order of names; hidden files, folders and other suffixes are left out."""
    for name in ("b.jpg", "a.PNG", "c.jpeg", ".d.jpg", "e.txt", "f"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.jpg").mkdir()

    assert [path.name for path in image_files(tmp_path)] == ["a.PNG", "b.jpg", "c.jpeg"]
