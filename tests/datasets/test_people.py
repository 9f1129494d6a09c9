"""Thresholds are chosen on other people: folds that share them, pairs listed twice, and two spellings of a name."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecheck.datasets import open_dataset
from facecheck.datasets.people import repeated, shared_between_folds
from facecheck.errors import DatasetError
from facecheck.faces import Faces, Pairs

DATA = Path(__file__).parents[3] / "shared" / "data"
RENE = {form: unicodedata.normalize(form, "Ren\N{LATIN SMALL LETTER E WITH ACUTE}") for form in ("NFC", "NFD")}


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.new("RGB", (4, 4)).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An LFW of people A to H with three pictures each."""
    for person in "ABCDEFGH":
        for number in (1, 2, 3):
            picture(tmp_path / "lfw" / person / f"{person}_{number:04d}.jpg")
    return tmp_path / "lfw"


def listed(folder: Path, *lines: str) -> str:
    (folder.parent / "pairs.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f"lfw:{folder}"


def test_folds_that_share_people_are_dealt_anew_and_it_is_said(folder: Path) -> None:
    """The list's second fold judges A, on whom its threshold would be chosen."""
    spec = listed(folder, "2\t2", "A 1 2", "C 1 2", "B 1 C 1", "A 1 D 1", "A 1 3", "F 1 2", "E 1 F 1", "G 1 H 1")

    dataset = open_dataset(spec)

    assert shared_between_folds(dataset.pairs) == []
    assert dataset.pairs.folds is not None
    assert len(set(dataset.pairs.folds.tolist())) == 3
    (note,) = dataset.notes
    assert note == (
        "pairs.txt: its folds share people (A): folds were dealt anew by identity (3), so that thresholds are chosen "
        "on others"
    )
    assert dataset.protocol == "LFW pairs.txt, 2 folds, dealt anew by identity"


def test_folds_of_the_same_people_alone_are_left_out(folder: Path) -> None:
    """Two folds of A and B cannot be divided: no threshold is chosen on those whom it judges."""
    spec = listed(folder, "2\t1", "A 1 2", "A 1 B 1", "A 1 3", "A 2 B 2")

    dataset = open_dataset(spec)

    assert dataset.pairs.folds is None
    assert "its folds share people (A, B): its pairs connect too many people for others" in dataset.notes[0]


def test_pairs_that_are_listed_again_are_named(folder: Path) -> None:
    """Also the other way round; with their lines."""
    spec = listed(folder, "3", "A 1 2", "A 2 1", "C 1 2", "E 1 F 1", "F 1 E 1", "E 1 F 1")

    (note,) = open_dataset(spec).notes

    assert note == (
        "pairs.txt: 3 pairs are listed again and count each time: line 3 is the same, swapped, as line 2, line 6 is "
        "the same, swapped, as line 5, line 7 is the same as line 5"
    )


@pytest.mark.parametrize("name", ["pairs.txt", "pairsDevTrain.txt", "pairsDevTest.txt"])
def test_lfw_s_own_lists_need_no_note(name: str) -> None:
    """Ten folds of different people, and no pair twice."""
    path = DATA / "lfw_protocol" / name
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    people: dict[int, set[str]] = {}
    first, *lines = path.read_text(encoding="utf-8").splitlines()
    each = int(first.split()[-1])
    for position, line in enumerate(lines):
        parts = line.split("\t")
        people.setdefault(position // (2 * each), set()).update(
            parts[i] for i in range(0, len(parts), 2) if i in (0, 2)
        )
    folds = [{person for person in found if not person.isdigit()} for found in people.values()]
    assert sum(map(len, folds)) == len(set().union(*folds))


@pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
def test_two_spellings_of_one_name_are_one_person(folder: Path, on_disk: str) -> None:
    """A list from one system, folders from another."""
    for number in (1, 2):
        picture(folder / RENE[on_disk] / f"{RENE[on_disk]}_{number:04d}.jpg")
    spec = listed(
        folder, "2", f"{RENE['NFC']}\t1\t{RENE['NFD']}\t2", "C\t1\t2", f"A\t1\t{RENE['NFD']}\t1", "B\t1\tA\t1"
    )

    dataset = open_dataset(spec)

    assert dataset.pairs.genuine.tolist() == [True, True, False, False]
    assert len({face.subject for face in dataset.faces}) == 4


def test_an_image_is_not_compared_with_itself_in_another_spelling(folder: Path) -> None:
    """It would be the easiest genuine pair."""
    picture(folder / RENE["NFC"] / f"{RENE['NFC']}_0001.jpg")
    spec = listed(folder, "1", f"{RENE['NFC']}\t1\t{RENE['NFD']}\t1", "A\t1\tB\t1")

    with pytest.raises(DatasetError, match="line 2: compares an image with itself"):
        open_dataset(spec)


def test_folders_of_two_spellings_are_refused(tmp_path: Path) -> None:
    """An impostor pair of them would show one person."""
    for person in "AB":
        picture(tmp_path / "matched_faces" / person / "1.png")
        picture(tmp_path / "matched_faces" / person / "2.png")
    for person in RENE.values():
        picture(tmp_path / "mismatched_faces" / person / "1.png")

    with pytest.raises(
        DatasetError, match=r"mismatched_faces: two folders spell one name, 'Rene\\u0301' and 'Ren\\xe9'"
    ):
        open_dataset(f"folders:{tmp_path}")


def test_a_name_in_both_folders_is_said(tmp_path: Path) -> None:
    """It may be one person, and then the folds share it."""
    for person in "AB":
        picture(tmp_path / "matched_faces" / person / "1.png")
        picture(tmp_path / "matched_faces" / person / "2.png")
        picture(tmp_path / "mismatched_faces" / person / "1.png")

    assert (
        "2 names are in both folders (A, B): they are taken for different people"
        in (open_dataset(f"folders:{tmp_path}").notes[0])
    )


def test_a_long_line_is_not_repeated_in_the_message(folder: Path) -> None:
    """Twenty megabytes in one line."""
    spec = listed(folder, "1", "A " + "x" * 20_000_000, "A 1 B 1")

    with pytest.raises(DatasetError) as caught:
        open_dataset(spec)

    assert "line 2: expected 'name n n' or 'name n name n', not 'A xxx" in str(caught.value)
    assert len(str(caught.value)) < 600


ROWS = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.integers(0, 2)), max_size=30)


def pairs_of(rows: list[tuple[int, int, int]]) -> Pairs:
    """Return pairs of eight images of five people, with folds."""
    who = np.array([0, 1, 2, 3, 4, 0, 1, 2], dtype=np.int32)
    faces = Faces(Path("/faces"), [f"{number}.jpg" for number in range(8)], ["e", "d", "c", "b", "a"], who)
    kept = np.array([row for row in rows if row[0] != row[1]], dtype=np.int64).reshape(-1, 3)
    return Pairs(faces, kept[:, :2], kept[:, 2])


@given(rows=ROWS)
def test_who_is_in_several_folds_is_found_as_by_a_loop(rows: list[tuple[int, int, int]]) -> None:
    """In the order of the names."""
    pairs = pairs_of(rows)
    folds: dict[str, set[int]] = {}
    assert pairs.folds is not None
    for both, fold in zip(pairs.indices.tolist(), pairs.folds.tolist(), strict=True):
        for row in both:
            folds.setdefault(pairs.faces[row].subject, set()).add(fold)

    assert shared_between_folds(pairs) == sorted(person for person, found in folds.items() if len(found) > 1)


@given(rows=ROWS)
def test_repeats_are_found_as_by_a_loop(rows: list[tuple[int, int, int]]) -> None:
    """Each after the first, with the place of the first, and how it is turned."""
    pairs = pairs_of(rows)
    first: dict[frozenset[int], int] = {}
    found = []
    for row, both in enumerate(pairs.indices.tolist()):
        before = first.setdefault(frozenset(both), row)
        if before != row:
            how = "the same" if both == pairs.indices[before].tolist() else "the same, swapped,"
            found.append(f"p{row} is {how} as p{before}")

    said = repeated(pairs, [f"p{row}" for row in range(len(pairs))], source="list")

    more = f", and {len(found) - 3} more" if len(found) > 3 else ""
    expected = f"list: {len(found)} pairs are listed again and count each time: {', '.join(found[:3])}{more}"
    assert said == ((expected,) if found else ())
