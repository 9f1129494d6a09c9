"""Matched and mismatched folders: which images make a pair, and what is refused."""

from __future__ import annotations

from pathlib import Path

import PIL.Image
import pytest

from facecheck.datasets import Dataset, open_dataset
from facecheck.errors import DatasetError

MATCHED = {"Ann": 3, "Bob": 2}
MISMATCHED = {"Cyd": 1, "Dan": 1, "Eve": 1, "Fay": 1}


def fill(folder: Path, people: dict[str, int]) -> None:
    for person, count in people.items():
        (folder / person).mkdir(parents=True)
        for number in range(1, count + 1):
            PIL.Image.new("RGB", (4, 4)).save(folder / person / f"{person}_{number:04d}.jpg")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two matched people and four mismatched ones."""
    fill(tmp_path / "faces" / "matched_faces", MATCHED)
    fill(tmp_path / "faces" / "mismatched_faces", MISMATCHED)
    return tmp_path / "faces"


def names(dataset: Dataset) -> list[tuple[str, str]]:
    sides = [face.source.path.stem for face in dataset.faces]
    return [(sides[a], sides[b]) for a, b in dataset.pairs.indices.tolist()]


def test_first_two_images_and_neighbouring_people_make_the_pairs(folder: Path) -> None:
    """The second study's protocol, in the order of names."""
    dataset = open_dataset(f"folders:{folder}")

    assert names(dataset) == [
        ("Ann_0001", "Ann_0002"),
        ("Bob_0001", "Bob_0002"),
        ("Cyd_0001", "Dan_0001"),
        ("Eve_0001", "Fay_0001"),
    ]
    assert dataset.pairs.genuine.tolist() == [True, True, False, False]
    assert dataset.pairs.folds is not None
    assert dataset.pairs.folds.tolist() == [0, 1, 0, 1]
    assert dataset.protocol == "matched/mismatched folders, 2 + 2 pairs, 2 folds in name order"
    assert (dataset.name, dataset.kind, dataset.notes) == ("faces-own", "folders", ())


def test_the_order_on_disk_does_not_matter(tmp_path: Path) -> None:
    """The same names give the same pairs, in whatever order the files were written."""
    for name, order in (("a", 1), ("b", -1)):
        fill(tmp_path / name / "matched_faces", dict(list(MATCHED.items())[::order]))
        fill(tmp_path / name / "mismatched_faces", dict(list(MISMATCHED.items())[::order]))

    assert open_dataset(f"folders:{tmp_path / 'a'}").digest == open_dataset(f"folders:{tmp_path / 'b'}").digest


def test_a_person_without_a_neighbour_is_left_out_and_noted(folder: Path) -> None:
    """The note names the person who is left out."""
    fill(folder / "mismatched_faces", {"Gus": 1})

    dataset = open_dataset(f"folders:{folder}")

    assert dataset.notes == ("mismatched_faces/Gus has no partner and is not compared",)
    assert len(dataset.pairs) == 4


def test_one_name_in_both_folders_is_two_people(folder: Path) -> None:
    """The two folders of the protocol hold different people."""
    fill(folder / "mismatched_faces", {"Ann": 1, "Bob": 1})

    assert len({face.subject for face in open_dataset(f"folders:{folder}").faces}) == 8


@pytest.mark.parametrize(
    "stray",
    [
        pytest.param("matched_faces/notes.txt", id="file-beside-people"),
        pytest.param("matched_faces/Ann/.Ann_0000.jpg", id="hidden-image"),
        pytest.param("matched_faces/Ann/Ann_0000.txt", id="not-an-image"),
        pytest.param("matched_faces/.ipynb_checkpoints/a.txt", id="hidden-folder"),
        pytest.param("matched_faces/.Abe.part/Abe_0001.jpg", id="left-by-an-interrupted-split"),
    ],
)
def test_what_is_no_visible_image_of_a_person_is_passed_over(folder: Path, stray: str) -> None:
    """Hidden files and folders, such as an interrupted ``split-lfw`` leaves, change nothing."""
    before = open_dataset(f"folders:{folder}").digest
    (folder / stray).parent.mkdir(exist_ok=True)
    (folder / stray).write_bytes(b"stray")

    assert open_dataset(f"folders:{folder}").digest == before


def test_folds_are_at_most_ten_and_hold_both_kinds(tmp_path: Path) -> None:
    """No fold is without a genuine or an impostor pair."""
    fill(tmp_path / "matched_faces", {f"m{number:02d}": 2 for number in range(23)})
    fill(tmp_path / "mismatched_faces", {f"n{number:02d}": 1 for number in range(24)})

    pairs = open_dataset(f"folders:{tmp_path}").pairs

    assert pairs.folds is not None
    for kind in (True, False):
        assert set(pairs.folds[pairs.genuine == kind].tolist()) == set(range(10))


def test_one_pair_of_each_kind_has_no_folds(tmp_path: Path) -> None:
    """One fold alone is no division."""
    fill(tmp_path / "matched_faces", {"Ann": 2})
    fill(tmp_path / "mismatched_faces", {"Bob": 1, "Cyd": 1})

    assert open_dataset(f"folders:{tmp_path}").pairs.folds is None


@pytest.mark.parametrize(
    ("matched", "mismatched", "message"),
    [
        pytest.param(
            None, MISMATCHED, r"matched_faces: no such folder; expected .*'facecheck split-lfw", id="no-matched"
        ),
        pytest.param(MATCHED, None, r"mismatched_faces: no such folder; expected .*'facecheck split-lfw", id="no-mis"),
        pytest.param({}, MISMATCHED, r"/matched_faces: empty; expected one folder per person", id="matched-empty"),
        pytest.param(MATCHED, {}, r"/mismatched_faces: empty; expected one folder per person", id="mis-empty"),
        pytest.param(
            {"Ann": 1}, MISMATCHED, r"Ann: 1 images; matched_faces needs at least 2 per person", id="one-image"
        ),
        pytest.param(MATCHED, {"Cyd": 0, "Dan": 1}, r"Cyd: 0 images; mismatched_faces needs at least 1", id="no-image"),
        pytest.param(MATCHED, {"Cyd": 1}, r"mismatched_faces: an impostor pair needs two people", id="alone"),
    ],
)
def test_folders_that_make_no_pairs_are_refused_by_name(
    tmp_path: Path, matched: dict[str, int] | None, mismatched: dict[str, int] | None, message: str
) -> None:
    """The message names the folder, what it needs and how to get it."""
    for name, people in (("matched_faces", matched), ("mismatched_faces", mismatched)):
        if people is not None:
            (tmp_path / name).mkdir()
            fill(tmp_path / name, people)

    with pytest.raises(DatasetError, match=message):
        open_dataset(f"folders:{tmp_path}")
