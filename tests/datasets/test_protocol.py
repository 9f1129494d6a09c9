"""Protocols for a folder per person: what is chosen, what must hold of every choice, what is refused."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecheck.datasets import open_dataset
from facecheck.datasets.protocol import Protocol, _two_of, make_protocol, write_protocol
from facecheck.errors import DatasetError


def people(folder: Path, counts: list[int]) -> Path:
    """Write a folder per person with so many images."""
    for number, count in enumerate(counts):
        for image in range(count):
            path = folder / f"person {number:03d}" / f"{image:03d}, a.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            PIL.Image.new("L", (1, 1)).save(path)
    return folder


def made(folder: Path, *, folds: int = 10, genuine: int | None = None, seed: int = 0) -> Protocol:
    return make_protocol(folder, folds=folds, genuine=genuine, generator=np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("counts", "folds", "genuine"),
    [
        pytest.param([2, 2, 1, 1], 2, None, id="the smallest"),
        pytest.param([5] * 20, 10, None, id="all pairs"),
        pytest.param([5] * 20, 10, 37, id="a sample"),
        pytest.param([60, 2, 2, 1, 1, 1, 1, 1, 1], 10, None, id="one person has most"),
        pytest.param([60, 2, 2, 1, 1, 1, 1, 1, 1], 10, 30, id="one person has most, sampled"),
        pytest.param([60, 2, 2, 2], 10, None, id="one person has most and all have two"),
        pytest.param([40, *[1] * 40, 2], 2, None, id="one person has nearly all images"),
        pytest.param([1] * 50 + [2] * 11, 10, None, id="mostly single images"),
        pytest.param([3, 3, 3, 3], 10, 1000, id="more than there are"),
    ],
)
def test_whatever_is_chosen_keeps_the_rules(counts: list[int], folds: int, genuine: int | None, tmp_path: Path) -> None:
    """Folds share nobody and have both kinds, no pair is there twice, and the written list means the same pairs."""
    folder = people(tmp_path / "faces", counts)
    protocol = made(folder, folds=folds, genuine=genuine)

    there = sum(count * (count - 1) // 2 for count in counts)
    assert protocol.genuine == min(there, genuine or there)
    assert len({frozenset(pair.images) for pair in protocol.pairs}) == len(protocol.pairs)
    for pair in protocol.pairs:
        assert tuple(image.split("/")[0] for image in pair.images) == pair.subjects
    in_fold = {(subject, pair.fold) for pair in protocol.pairs for subject in pair.subjects}
    assert len(in_fold) == len({subject for subject, _ in in_fold}) == protocol.people
    kinds = Counter((pair.fold, pair.subjects[0] == pair.subjects[1]) for pair in protocol.pairs)
    assert len(kinds) == 2 * protocol.folds
    assert all(kinds[fold, False] <= kinds[fold, True] for fold in range(protocol.folds))

    write_protocol(tmp_path / "list.csv", protocol)
    dataset = open_dataset(f"pairs:{tmp_path / 'list.csv'}?root={folder}")
    assert dataset.pairs.folds is not None
    assert dataset.pairs.folds.tolist() == [pair.fold for pair in protocol.pairs]
    assert int(dataset.pairs.genuine.sum()) == protocol.genuine
    assert not dataset.notes


def test_kinds_are_balanced_where_the_people_allow_it(tmp_path: Path) -> None:
    """In each fold."""
    protocol = made(people(tmp_path, [6] * 40), genuine=200)

    kinds = Counter((pair.fold, pair.subjects[0] == pair.subjects[1]) for pair in protocol.pairs)
    assert set(kinds.values()) == {20}
    assert not protocol.notes


def test_a_sample_takes_people_in_equal_numbers(tmp_path: Path) -> None:
    """Not mostly the one with most images."""
    protocol = made(people(tmp_path, [2, 40, 4, 4, 1, 1, 1, 1]), folds=2, genuine=20)

    of = Counter(pair.subjects[0] for pair in protocol.pairs if pair.subjects[0] == pair.subjects[1])
    assert sum(of.values()) == 20
    assert of["person 001"] <= 13, "a fold's ten at most, and what the other fold does not have"


def test_the_same_seed_chooses_the_same_and_another_does_not(tmp_path: Path) -> None:
    """In every process and on every file system: folders are read in the order of names."""
    folder = people(tmp_path, [4] * 30)

    assert made(folder, genuine=50) == made(folder, genuine=50)
    assert made(folder, genuine=50) != made(folder, genuine=50, seed=1)


@given(st.integers(2, 60), st.data())
def test_numbered_pairs_are_all_pairs(count: int, data: st.DataObject) -> None:
    """Against itertools; a part of them is a part, in the same order."""
    every = list(itertools.combinations(range(count), 2))
    wanted = data.draw(st.integers(0, len(every)))

    part = list(_two_of(count, wanted, np.random.default_rng(0)))

    assert sorted(_two_of(count, len(every), np.random.default_rng(0))) == every
    assert len(set(part)) == wanted
    assert set(part) <= set(every)
    assert part == sorted(part, key=lambda pair: pair[::-1])


def test_fewer_folds_than_asked_for_are_said(tmp_path: Path) -> None:
    """With the reason."""
    protocol = made(people(tmp_path, [2, 2, 2, 1, 1, 1, 1]))

    assert protocol.folds == 3
    assert protocol.notes[0].startswith("3 folds, not 10: each needs two people")


def test_people_in_no_pair_are_counted(tmp_path: Path) -> None:
    """So that nobody thinks that all were compared."""
    assert "people are in no pair" in made(people(tmp_path, [3, 3, *[1] * 30])).notes[-1]


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        pytest.param([], "0 people, 0 of them with several images: expected one folder per", id="nobody"),
        pytest.param([2, 2, 2], "3 people", id="three people"),
        pytest.param([9, 1, 1, 1, 1], "5 people, 1 of them with several images", id="one with several"),
    ],
)
def test_too_few_people_are_refused(counts: list[int], message: str, tmp_path: Path) -> None:
    """Two folds with both kinds of pairs need four people."""
    with pytest.raises(DatasetError, match=message):
        made(people(tmp_path, counts))


def test_all_of_too_many_pairs_are_refused_and_a_sample_is_not(tmp_path: Path) -> None:
    """A million pairs at most."""
    folder = tmp_path / "faces"
    for number in range(4):
        (folder / f"{number}").mkdir(parents=True)
        for image in range(600):
            (folder / f"{number}" / f"{image}.png").touch()

    with pytest.raises(DatasetError, match=r"718800 genuine pairs .* above the limit of 1000000\. Ask for a sample"):
        made(folder)
    assert made(folder, genuine=1000).genuine == 1000


@pytest.mark.parametrize("name", ["a\nb", "a\\b", " a", "a ", b"a\xff".decode("utf-8", "surrogateescape"), "a\x1b[31m"])
def test_names_that_a_list_cannot_hold_are_refused(name: str, tmp_path: Path) -> None:
    """They are quoted, without what they would do to a terminal."""
    folder = people(tmp_path / "faces", [2, 2, 1, 1])
    (folder / name).mkdir()
    (folder / name / "1.png").touch()

    with pytest.raises(DatasetError, match="a list cannot hold this name") as raised:
        made(folder)
    assert str(raised.value).isprintable()


def test_names_with_commas_quotes_and_accents_come_back(tmp_path: Path) -> None:
    """As the table quotes them."""
    folder = tmp_path / "faces"
    for name in ('Ann "A", Lee', "Jos\u00e9; x", "\u5f20\u4f1f", "d'\u00c9"):
        (folder / name).mkdir(parents=True)
        for image in ("1, 2.png", '"3".png'):
            PIL.Image.new("L", (1, 1)).save(folder / name / image)
    write_protocol(tmp_path / "list.csv", made(folder))

    dataset = open_dataset(f"pairs:{tmp_path / 'list.csv'}?root={folder}")

    assert {face.subject for face in dataset.faces} == {path.name for path in folder.iterdir()}


def test_two_spellings_of_one_name_are_one_person(tmp_path: Path) -> None:
    """Composed and decomposed folders; no impostor pair of one person."""
    folder = people(tmp_path / "faces", [2, 2, 1, 1])
    for name in ("Jos\u00e9", "Jose\u0301"):
        (folder / name).mkdir()
        PIL.Image.new("L", (1, 1)).save(folder / name / "1.png")

    protocol = made(folder)
    assert ("Jos\u00e9", "Jos\u00e9") in {pair.subjects for pair in protocol.pairs}
    write_protocol(tmp_path / "list.csv", protocol)
    assert int(open_dataset(f"pairs:{tmp_path / 'list.csv'}?root={folder}").pairs.genuine.sum()) == protocol.genuine


def test_a_list_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    """Results rest on it."""
    protocol = made(people(tmp_path / "faces", [2, 2, 1, 1]))
    (tmp_path / "list.csv").write_text("mine")

    with pytest.raises(DatasetError, match="is there, and a list that was used is not overwritten"):
        write_protocol(tmp_path / "list.csv", protocol)
    assert (tmp_path / "list.csv").read_text() == "mine"
    with pytest.raises(DatasetError, match="there is no folder"):
        write_protocol(tmp_path / "gone" / "list.csv", protocol)


def lfw_tree(folder: Path, counts: list[int]) -> Path:
    """Write a folder per person, with images that are called as LFW's."""
    for person, count in enumerate(counts):
        name = f"A_Person{person}"
        for number in range(1, count + 1):
            (folder / name).mkdir(parents=True, exist_ok=True)
            PIL.Image.new("L", (1, 1)).save(folder / name / f"{name}_{number:04d}.jpg")
    return folder


@pytest.mark.parametrize("kind", ["lfw", "pairs"])
def test_lfws_form_is_read_as_lfws_list(kind: str, tmp_path: Path) -> None:
    """The same pairs, but for those that make folds unequal."""
    folder = lfw_tree(tmp_path / "faces", [5, 4, 4, 3, 2, 1, 1, 1])
    protocol = made(folder, folds=3)

    (note,) = write_protocol(tmp_path / "pairs.txt", protocol, form="lfw")

    listed = tmp_path / "pairs.txt"
    read = open_dataset(f"lfw:{folder}?pairs={listed}" if kind == "lfw" else f"pairs:{listed}?root={folder}")
    named = {frozenset(read.faces[side].source.name for side in both) for both in read.pairs.indices.tolist()}
    assert named < {frozenset(pair.images) for pair in protocol.pairs}
    assert read.pairs.folds is not None
    assert len(set(Counter(zip(read.pairs.folds.tolist(), read.pairs.genuine.tolist(), strict=True)).values())) == 1
    assert note == f"{len(protocol.pairs) - len(read.pairs)} pairs are left out: all folds of LFW's form have as many"


def test_lfws_form_needs_lfws_names(tmp_path: Path) -> None:
    """Names and numbers are all that it holds."""
    protocol = made(people(tmp_path / "faces", [2, 2, 1, 1]))

    with pytest.raises(DatasetError, match=r"images must be called NAME/NAME_0001\.jpg"):
        write_protocol(tmp_path / "pairs.txt", protocol, form="lfw")
    assert not (tmp_path / "pairs.txt").exists()
