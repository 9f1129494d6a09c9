"""LFW's folders and lists: what is read, and the message for each invalid line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from facecheck.datasets import Dataset, open_dataset
from facecheck.errors import DatasetError

DATA = Path(__file__).parents[3] / "shared" / "data"
PEOPLE = {"Ann": 2, "Bob": 2, "Cyd": 1, "Dan": 1, "Eve": 2, "Fay": 1}
TWO_FOLDS = ["2\t1", "Ann\t1\t2", "Bob\t1\tCyd\t1", "Eve\t1\t2", "Dan\t1\tFay\t1"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small LFW: one folder per person, numbered images."""
    root = tmp_path / "lfw"
    for person, count in PEOPLE.items():
        (root / person).mkdir(parents=True)
        for number in range(1, count + 1):
            PIL.Image.new("RGB", (4, 4)).save(root / person / f"{person}_{number:04d}.jpg")
    return root


def listed(folder: Path, lines: list[str]) -> Path:
    path = folder.parent / "pairs.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def opened(folder: Path, lines: list[str]) -> Dataset:
    return open_dataset(f"lfw:{folder}?pairs={listed(folder, lines)}")


def names(dataset: Dataset) -> list[tuple[str, str]]:
    sides = [face.source.path.stem for face in dataset.faces]
    return [(sides[a], sides[b]) for a, b in dataset.pairs.indices.tolist()]


def test_pairs_and_folds_are_read_in_the_lists_order(folder: Path) -> None:
    """View 2: the first line's folds, each with its genuine pairs and then its impostor pairs."""
    dataset = opened(folder, TWO_FOLDS)

    assert names(dataset) == [
        ("Ann_0001", "Ann_0002"),
        ("Bob_0001", "Cyd_0001"),
        ("Eve_0001", "Eve_0002"),
        ("Dan_0001", "Fay_0001"),
    ]
    assert dataset.pairs.genuine.tolist() == [True, False, True, False]
    assert dataset.pairs.folds is not None
    assert dataset.pairs.folds.tolist() == [0, 0, 1, 1]
    assert dataset.protocol == "LFW pairs.txt, 2 folds"
    assert (dataset.name, dataset.kind, dataset.sampled, dataset.has_yaw) == ("lfw-pairs-own", "lfw", False, False)


def test_a_face_in_several_pairs_is_one_face(folder: Path) -> None:
    """So that it is detected and embedded once."""
    dataset = opened(folder, ["2", "Ann 1 2", "Bob 1 2", "Ann 1 Bob 1", "Ann 2 Bob 1"])

    assert len(dataset.faces) == 4
    assert [face.source.name for face in dataset.faces][:2] == ["Ann/Ann_0001.jpg", "Ann/Ann_0002.jpg"]


def test_view_1_gets_identity_disjoint_folds_of_its_own(folder: Path) -> None:
    """A list without folds gets folds if its people allow it."""
    dataset = opened(folder, ["2", "Ann 1 2", "Eve 1 2", "Bob 1 Cyd 1", "Dan 1 Fay 1"])

    assert dataset.protocol == "LFW pairs.txt"
    assert dataset.pairs.folds is not None
    assert len(set(dataset.pairs.folds.tolist())) == 2


def test_view_1_that_hangs_together_has_no_folds(folder: Path) -> None:
    """There are no folds if they would share people."""
    dataset = opened(folder, ["2", "Ann 1 2", "Bob 1 2", "Ann 1 Bob 1", "Ann 2 Bob 2"])

    assert dataset.pairs.folds is None


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([line.replace("\t", " ") for line in TWO_FOLDS], id="spaces"),
        pytest.param([*TWO_FOLDS, "", "  "], id="blank-lines-at-the-end"),
        pytest.param([f"{line}\r" for line in TWO_FOLDS], id="windows-line-ends"),
        pytest.param([f"\ufeff{TWO_FOLDS[0]}", *TWO_FOLDS[1:]], id="byte-order-mark"),
        pytest.param(["", *TWO_FOLDS], id="blank-line-before"),
        pytest.param(["2 1", "Ann 1 Ann 2", *TWO_FOLDS[2:]], id="genuine-pair-with-both-names"),
    ],
)
def test_spellings_of_one_list_mean_the_same_pairs(folder: Path, lines: list[str]) -> None:
    """Spaces and line ends have no effect."""
    assert opened(folder, lines).digest == opened(folder, TWO_FOLDS).digest


def test_a_name_may_hold_spaces_where_tabs_separate(folder: Path) -> None:
    """The official lists are separated by tabs."""
    (folder / "Ann").rename(folder / "Ann Lee")
    for path in (folder / "Ann Lee").iterdir():
        path.rename(path.with_name(path.name.replace("Ann", "Ann Lee")))

    dataset = opened(folder, [line.replace("Ann", "Ann Lee") for line in TWO_FOLDS])

    assert dataset.faces[0].subject == "Ann Lee"


@pytest.mark.parametrize("place", ["lfw/pairs.txt", "pairs.txt"])
def test_the_list_is_found_in_or_beside_the_folder(folder: Path, place: str) -> None:
    """Without ``?pairs=``, the usual two places are looked at."""
    (folder.parent / place).write_text("\n".join(TWO_FOLDS), encoding="utf-8")

    assert len(open_dataset(f"lfw:{folder}").pairs) == 4


def test_no_list_says_how_to_name_one(folder: Path) -> None:
    """The option is spelled out."""
    with pytest.raises(
        DatasetError, match=r"no pairs\.txt in .*lfw or its parent folder: give the list, lfw:.*\?pairs=FILE"
    ):
        open_dataset(f"lfw:{folder}")


def test_a_missing_list_is_named_with_where_it_was_looked_for(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both the path as it stands and the one below FACECHECK_DATA."""
    monkeypatch.setenv("FACECHECK_DATA", str(tmp_path / "home"))

    with pytest.raises(DatasetError) as raised:
        open_dataset(f"lfw:{folder}?pairs=gone.txt")

    assert "no such file" in str(raised.value)
    assert str(Path("gone.txt").absolute()) in str(raised.value)
    assert str(tmp_path / "home" / "gone.txt") in str(raised.value)


def test_relative_folder_and_list_fall_back_to_facecheck_data(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One variable for both halves of the specification."""
    listed(folder, TWO_FOLDS)
    monkeypatch.setenv("FACECHECK_DATA", str(folder.parent))

    assert len(open_dataset("lfw:lfw?pairs=pairs.txt").pairs) == 4


@pytest.mark.parametrize(
    ("changed", "line", "reason"),
    [
        pytest.param({0: "Ann"}, 1, "expected the number of folds", id="head-one-name"),
        pytest.param({0: "10 x"}, 1, "expected the number of folds", id="head-not-a-number"),
        pytest.param({0: "0 1"}, 1, "expected the number of folds", id="head-zero-folds"),
        pytest.param({0: "-2 1"}, 1, "expected the number of folds", id="head-negative"),
        pytest.param({0: "2 1 1"}, 1, "expected the number of folds", id="head-three-numbers"),
        pytest.param({0: "\u00b2 1"}, 1, "expected the number of folds", id="head-superscript-two"),
        pytest.param({0: "9" * 5000}, 1, "expected the number of folds", id="head-five-thousand-digits"),
        pytest.param({1: "Ann 1"}, 2, "expected 'name n n' or 'name n name n', not 'Ann 1'", id="two-words"),
        pytest.param({1: "Ann 1 2 3 4"}, 2, "expected 'name n n'", id="five-words"),
        pytest.param({1: "Ann one 2"}, 2, "expected 'name n n'", id="number-in-words"),
        pytest.param({1: "Ann -1 2"}, 2, "expected 'name n n'", id="negative-number"),
        pytest.param({1: "Ann \u00b2 1"}, 2, "expected 'name n n'", id="superscript-two"),
        pytest.param({1: f"Ann 1 {'9' * 5000}"}, 2, "expected 'name n n'", id="five-thousand-digits"),
        pytest.param({1: "Ann 1 1"}, 2, "compares an image with itself", id="itself"),
        pytest.param({1: "Ann 1 Ann 1"}, 2, "compares an image with itself", id="itself-both-names"),
        pytest.param({1: "../Ann 1 2"}, 2, "'../Ann' points outside the folder", id="parent-folder"),
        pytest.param({1: ".. 1 2"}, 2, "'..' points outside the folder", id="dots"),
        pytest.param({1: "/etc 1 2"}, 2, "'/etc' points outside the folder", id="absolute"),
        pytest.param({1: "a\\b 1 2"}, 2, r"'a\\b' points outside the folder", id="backslash"),
        pytest.param({1: "a\0b 1 2"}, 2, r"'a\x00b' points outside the folder", id="null-byte"),
        pytest.param({4: "Dan 1 ../Fay 1"}, 5, "'../Fay' points outside the folder", id="second-side"),
        pytest.param({1: "Ann 1 Bob 1"}, 2, "expected a genuine pair here", id="impostor-where-genuine"),
        pytest.param({4: "Eve 1 2"}, 5, "expected an impostor pair here", id="genuine-where-impostor"),
        pytest.param({1: "Ann 1 9"}, 2, "Ann/Ann_0009.jpg: no such image in", id="missing-image"),
        pytest.param({1: "Zoe 1 2"}, 2, "Zoe/Zoe_0001.jpg and 1 more: no such image in", id="missing-person"),
        pytest.param({4: "Dan 1 Fay 2"}, 5, "Fay/Fay_0002.jpg: no such image in", id="missing-on-the-second-side"),
        pytest.param({1: f"{'A' * 300} 1 2"}, 2, "no such image in", id="name-too-long-for-a-file"),
    ],
)
def test_a_wrong_line_is_refused_by_its_number(folder: Path, changed: dict[int, str], line: int, reason: str) -> None:
    """The message names the file, the line and what was expected there."""
    lines = [changed.get(number, text) for number, text in enumerate(TWO_FOLDS)]

    with pytest.raises(DatasetError) as raised:
        opened(folder, lines)

    assert str(raised.value).startswith(f"{folder.parent / 'pairs.txt'}, line {line}: ")
    assert reason in str(raised.value)


def test_blank_lines_do_not_shift_the_number_of_a_wrong_one(folder: Path) -> None:
    """Lines are counted as an editor counts them."""
    with pytest.raises(DatasetError, match=r"pairs\.txt, line 4: 'x/y' points outside"):
        opened(folder, [TWO_FOLDS[0], "", TWO_FOLDS[1], "x/y 1 Cyd 1", *TWO_FOLDS[3:]])


@pytest.mark.parametrize(
    ("lines", "follow"),
    [
        pytest.param(TWO_FOLDS[:-1], 3, id="cut-short"),
        pytest.param(TWO_FOLDS[:1], 0, id="head-alone"),
        pytest.param([*TWO_FOLDS, "Ann 1 Fay 1"], 5, id="added-to"),
    ],
)
def test_a_list_without_the_promised_pairs_is_refused(folder: Path, lines: list[str], follow: int) -> None:
    """A truncated list would give a partial result under the full list's name."""
    with pytest.raises(DatasetError, match=rf"declares 4 pairs, {follow} follow: the file is truncated, or lines"):
        opened(folder, lines)


def test_the_missing_images_message_asks_whether_folder_and_list_belong_together(folder: Path) -> None:
    """The likely cause, with how many are missing."""
    (folder / "Ann" / "Ann_0002.jpg").unlink()
    (folder / "Eve" / "Eve_0001.jpg").unlink()

    with pytest.raises(
        DatasetError, match=r"Ann/Ann_0002\.jpg and 1 more: .* Is the folder complete, and does the list belong to it\?"
    ):
        opened(folder, TWO_FOLDS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"\xff\xd8\xff\xe0", "byte 0 is not UTF-8", id="a-photograph"),
        pytest.param(b"2 1\nJos\xe9 1 2\n", "byte 7 is not UTF-8", id="latin-1"),
        pytest.param("2 1\nAnn 1 2".encode("utf-16"), "it is UTF-16, as Excel's", id="utf-16"),
        pytest.param("2 1\nAnn 1 2".encode("utf-32"), "it is UTF-32", id="utf-32"),
        pytest.param("2 1\nAnn 1 2".encode("utf-16-le"), "zero bytes, as UTF-16 without its mark", id="no-mark"),
    ],
)
def test_a_list_that_is_not_utf_8_is_refused_by_name(folder: Path, content: bytes, message: str) -> None:
    """A photograph given as the list, or a list in another encoding."""
    path = folder.parent / "pairs.txt"
    path.write_bytes(content)

    with pytest.raises(DatasetError, match=rf"pairs\.txt: cannot be read as a list of pairs: .*{message}"):
        open_dataset(f"lfw:{folder}?pairs={path}")


@pytest.mark.parametrize("kind", ["lfw", "pairs"])
def test_a_list_without_its_line_of_counts_is_one_part(folder: Path, kind: str) -> None:
    """As people cut it out of another: the names tell the kinds, and folds that share nobody are made."""
    path = listed(folder, TWO_FOLDS[1:])
    counted = opened(folder, TWO_FOLDS)
    listed(folder, TWO_FOLDS[1:])

    dataset = open_dataset(f"lfw:{folder}?pairs={path}" if kind == "lfw" else f"pairs:{path}?root={folder}")

    assert names(dataset) == names(counted)
    assert dataset.pairs.genuine.tolist() == [True, False, True, False]
    assert dataset.pairs.folds is not None
    assert len(set(dataset.pairs.folds.tolist())) == 2


def test_pairs_reads_a_whole_list_as_lfw_does(folder: Path) -> None:
    """With its folds."""
    path = listed(folder, TWO_FOLDS)

    assert open_dataset(f"pairs:{path}?root={folder}").digest == opened(folder, TWO_FOLDS).digest


def test_an_image_that_cannot_be_decoded_does_not_stop_the_opening(folder: Path) -> None:
    """A damaged image is a failure to acquire, counted by the pipeline."""
    (folder / "Ann" / "Ann_0001.jpg").write_bytes(b"")

    assert len(opened(folder, TWO_FOLDS).pairs) == 4


@pytest.mark.parametrize(
    ("name", "pairs", "folds"),
    [
        pytest.param("pairs.txt", 6000, 10, id="view-2"),
        pytest.param("pairsDevTrain.txt", 2200, None, id="view-1-train"),
        pytest.param("pairsDevTest.txt", 1000, None, id="view-1-test"),
    ],
)
def test_the_official_lists_are_read_whole(name: str, pairs: int, folds: int | None) -> None:
    """Half of each is genuine, and view 2's folds share no person."""
    path = DATA / "lfw_protocol" / name
    if not path.is_file() or not (DATA / "lfw").is_dir():
        pytest.skip(f"{path} and {DATA / 'lfw'} are not there: put LFW and its lists into ../shared/data")

    dataset = open_dataset(f"lfw:{DATA / 'lfw'}?pairs={path}")

    assert len(dataset.pairs) == pairs
    assert int(dataset.pairs.genuine.sum()) == pairs // 2
    if folds is not None:
        assert len(dataset.faces) == 7701
        assert dataset.pairs.folds is not None
        assert np.bincount(dataset.pairs.folds).tolist() == [600] * folds
        people = [set(dataset.pairs.who[dataset.pairs.folds == fold].ravel().tolist()) for fold in range(folds)]
        assert len(set().union(*people)) == sum(len(of_fold) for of_fold in people)


def test_all_images_of_the_folder_can_be_faces(folder: Path) -> None:
    """The pairs stay those of the list; images that no pair has are faces behind those of the pairs."""
    path = listed(folder, ["1\t1", "Ann\t1\t2", "Bob\t1\tCyd\t1"])
    few, every = (open_dataset(f"lfw:{folder}?pairs={path}{more}") for more in ("", "&images=all"))
    shown = [face.source.name for face in every.faces]

    assert every.name == "lfw-pairs-all-images"
    assert names(every) == names(few)
    assert shown[:4] == [face.source.name for face in few.faces]
    assert shown[4:] == [
        f"{name}.jpg" for name in ("Bob/Bob_0002", "Dan/Dan_0001", "Eve/Eve_0001", "Eve/Eve_0002", "Fay/Fay_0001")
    ]
    assert every.faces[4].subject == "Bob"
    assert every.digest != few.digest


def test_which_images_are_faces_is_one_of_two_words(folder: Path) -> None:
    """Another word is refused with both."""
    with pytest.raises(DatasetError, match="images=some: expected 'listed', those of the pairs, or 'all'"):
        open_dataset(f"lfw:{folder}?pairs={listed(folder, TWO_FOLDS)}&images=some")
