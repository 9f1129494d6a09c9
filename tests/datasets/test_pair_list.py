"""Any list of pairs: what is read from whatever people write, and the message for each line that cannot be."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import numpy as np
import PIL.Image
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facecheck.datasets import Dataset, open_dataset
from facecheck.datasets.large_list import LARGE_BYTES, UnusualError, read_large_list
from facecheck.datasets.pair_table import LABELS
from facecheck.errors import DatasetError

# Two folds of a genuine and an impostor pair each, of six people.
IMAGES = ["ann/1.jpg", "ann/2.jpg", "bob/1.jpg", "cyd/1.jpg", "dan/1.PNG", "dan/2.PNG", "eve/1.jpg", "fay/1.jpg"]
PAIRS = [(0, 1), (2, 3), (4, 5), (6, 7)]
BOTH = [(IMAGES[a], IMAGES[b]) for a, b in PAIRS]
LABEL, FOLD = [1, 0, 1, 0], [1, 1, 2, 2]
SUBJECTS = [(a.split("/")[0], b.split("/")[0]) for a, b in BOTH]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder a person; its name holds a space."""
    folder = tmp_path / "all faces"
    for image in IMAGES:
        (folder / image).parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.new("RGB", (4, 4)).save(folder / image)
    return folder


@pytest.fixture(autouse=True, params=[0, LARGE_BYTES], ids=["as-large", "line-by-line"])
def large(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Read every list here as large ones are read as well: the pairs, the notes and the messages are the same."""
    monkeypatch.setattr("facecheck.datasets.pair_list.LARGE_BYTES", request.param)
    return int(request.param)


def opened(root: Path, text: str | bytes, *, options: str = "") -> Dataset:
    path = root.parent / "my pairs.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return open_dataset(f"pairs:{path}?root={root}{options}")


def refused(root: Path, text: str) -> str:
    with pytest.raises(DatasetError) as raised:
        opened(root, text)
    assert str(raised.value).startswith(f"{root.parent / 'my pairs.csv'}")
    return str(raised.value).removeprefix(f"{root.parent / 'my pairs.csv'}")


def table(*columns: list[object], separator: str = ",", head: str = "") -> str:
    rows = [separator.join(str(cell) for cell in row) for row in zip(*columns, strict=True)]
    return "\n".join(filter(None, [head, *rows])) + "\n"


FIRST: list[object] = [a for a, _ in BOTH]
SECOND: list[object] = [b for _, b in BOTH]
LABELLED: list[object] = [*LABEL]
FOLDED: list[object] = [*FOLD]
ONE: list[object] = [a for a, _ in SUBJECTS]
OTHER: list[object] = [b for _, b in SUBJECTS]
PLAIN = table(FIRST, SECOND, LABELLED)
IN_FOLDS = table(FIRST, SECOND, LABELLED, FOLDED)
WITH_SUBJECTS = table(FIRST, SECOND, ONE, OTHER)


def test_labels_alone_give_pairs_in_the_lists_order(root: Path) -> None:
    """Genuine where the label is 1; identities follow from the genuine pairs, folds share no image."""
    dataset = opened(root, PLAIN)

    assert not dataset.people_known, "images that no pair compares may show one person"
    assert opened(root, WITH_SUBJECTS).people_known
    assert [(dataset.faces[a].source.name, dataset.faces[b].source.name) for a, b in dataset.pairs.indices] == BOTH
    assert dataset.pairs.genuine.tolist() == [True, False, True, False]
    assert [face.subject for face in dataset.faces][:4] == ["ann/1.jpg", "ann/1.jpg", "bob/1.jpg", "cyd/1.jpg"]
    assert (dataset.name, dataset.kind) == ("my pairs", "pairs")
    assert dataset.protocol == "4 pairs of my pairs.csv, labels only"
    assert dataset.pairs.folds is not None
    in_folds = [set(dataset.pairs.indices[dataset.pairs.folds == fold].ravel().tolist()) for fold in (0, 1)]
    assert not in_folds[0] & in_folds[1]


def test_labels_alone_are_said_in_the_findings(root: Path) -> None:
    """Who is derived, and what intervals take as independent."""
    (note,) = opened(root, PLAIN).notes

    assert note == (
        "labels only: 2 people are derived from the genuine pairs that connect 4 images; the other 4 images count as "
        "people of their own, so that intervals and folds take pairs of them as independent"
    )


@pytest.mark.parametrize("separator", [",", "\t", " ", ";", ", ", "   "])
@pytest.mark.parametrize("head", [True, False], ids=["header", "none"])
@pytest.mark.parametrize("what", ["label", "label and fold", "subjects", "subjects and fold", "in turn"])
def test_every_shape_of_the_table_means_the_same_pairs(root: Path, separator: str, head: bool, what: str) -> None:  # noqa: FBT001 - a parameter
    """Comma, tab, space or semicolon; header or none; label or subjects; fold or none."""
    columns, names = {
        "label": ([FIRST, SECOND, LABELLED], ["path1", "path2", "label"]),
        "label and fold": ([FIRST, SECOND, LABELLED, FOLDED], ["image_1", "image_2", "is_same", "fold"]),
        "subjects": ([FIRST, SECOND, ONE, OTHER], ["Image A", "Image B", "Person A", "Person B"]),
        "subjects and fold": ([FIRST, SECOND, ONE, OTHER, FOLDED], ["img1", "img2", "id1", "id2", "fold"]),
        "in turn": ([FIRST, ONE, SECOND, OTHER], ["file1", "name1", "file2", "name2"]),
    }[what]
    spelt = [name.replace(" ", "") if separator.isspace() and separator != "\t" else name for name in names]

    dataset = opened(root, table(*columns, separator=separator, head=separator.join(spelt) if head else ""))

    assert [(dataset.faces[a].source.name, dataset.faces[b].source.name) for a, b in dataset.pairs.indices] == BOTH
    assert dataset.pairs.genuine.tolist() == [True, False, True, False]
    assert dataset.pairs.folds is not None
    assert len(set(dataset.pairs.folds.tolist())) == 2
    if "fold" in what:
        assert dataset.pairs.folds.tolist() == FOLD
    if what not in {"label", "label and fold"}:
        assert {face.subject for face in dataset.faces} == {"ann", "bob", "cyd", "dan", "eve", "fay"}
        assert not dataset.notes


def test_the_label_may_come_first(root: Path) -> None:
    """Columns of paths are known by how image files end."""
    assert opened(root, table(LABELLED, FIRST, SECOND)).digest == opened(root, PLAIN).digest


@pytest.mark.parametrize(
    "spelt",
    [
        pytest.param(PLAIN.replace("\n", "\r\n").encode(), id="windows-line-ends"),
        pytest.param(PLAIN.replace("\n", "\r").encode(), id="old-mac-line-ends"),
        pytest.param(PLAIN.encode("utf-8-sig"), id="byte-order-mark"),
        pytest.param(("\n\n" + PLAIN.replace("\n", "\n\n")).encode(), id="blank-lines"),
        pytest.param(PLAIN.replace("ann/", "./ann//").encode(), id="dots-and-double-slashes"),
        pytest.param(PLAIN.replace("/", "\\").encode(), id="backslashes"),
        pytest.param(
            "\n".join(f'"{a}","{b}","{y}"' for (a, b), y in zip(BOTH, LABEL, strict=True)).encode(), id="quotes"
        ),
    ],
)
def test_spellings_of_one_list_mean_the_same_pairs(root: Path, spelt: bytes) -> None:
    """As Excel, Windows and people write them."""
    assert opened(root, spelt).digest == opened(root, PLAIN).digest


@pytest.mark.parametrize("label", list(LABELS))
def test_words_and_numbers_are_labels(root: Path, label: str) -> None:
    """In any capitals."""
    other = "0" if LABELS[label] else "1"

    found = opened(root, table(FIRST[:2], SECOND[:2], [label.title(), other])).pairs.genuine.tolist()

    assert found == [LABELS[label], not LABELS[label]]


def test_a_path_may_be_whole_if_it_lies_below_the_root(root: Path) -> None:
    """It is the same image under the same name."""
    whole = PLAIN.replace("ann/1.jpg", f"{root}/ann/1.jpg")

    assert opened(root, whole).digest == opened(root, PLAIN).digest


def test_without_a_root_paths_begin_where_the_list_lies(root: Path) -> None:
    """A list that is kept beside its pictures needs no option."""
    (root / "list.csv").write_text(PLAIN, encoding="utf-8")

    dataset = open_dataset(f"pairs:{root / 'list.csv'}?name=mine")

    assert (dataset.name, len(dataset.pairs)) == ("mine", 4)


def test_folds_of_the_list_are_kept_and_one_fold_is_none(root: Path) -> None:
    """A column with one number says nothing: folds are made."""
    assert opened(root, table(FIRST, SECOND, LABELLED, [7, 7, 3, 3])).pairs.folds.tolist() == [7, 7, 3, 3]  # type: ignore[union-attr]
    made = opened(root, table(FIRST, SECOND, LABELLED, [1, 1, 1, 1], head="image1,image2,label,fold")).pairs.folds
    assert made is not None
    assert len(set(made.tolist())) == 2


def test_one_name_in_two_spellings_of_unicode_is_one_person(root: Path) -> None:
    """Composed and decomposed."""
    subjects: tuple[list[object], list[object]] = (["Jos\u00e9", "bob"], ["Jose\u0301", "cyd"])

    assert opened(root, table(FIRST[:2], SECOND[:2], *subjects)).pairs.genuine.tolist() == [True, False]


def test_repeated_and_turned_pairs_are_named(root: Path) -> None:
    """They count, and the findings say so."""
    again = PLAIN + "ann/2.jpg,ann/1.jpg,1\nbob/1.jpg,cyd/1.jpg,0\n"

    assert "line 5 repeats the pair of line 1, and 1 more do so: each of them counts" in opened(root, again).notes


def test_columns_without_a_known_name_are_named(root: Path) -> None:
    """Not dropped in silence."""
    text = table(FIRST, SECOND, LABELLED, [0.1, 0.2, 0.3, 0.4], head="image1,image2,label,their score")

    assert "columns that are not used: 'their score'" in opened(root, text).notes


def test_chains_of_genuine_pairs_are_one_person(root: Path) -> None:
    """Whoever is connected over several pairs."""
    chain = "ann/1.jpg ann/2.jpg 1\nann/2.jpg bob/1.jpg 1\nbob/1.jpg cyd/1.jpg 1\ndan/1.PNG cyd/1.jpg 0\n"
    dataset = opened(root, chain)

    assert len({face.subject for face in dataset.faces}) == 2
    assert dataset.pairs.folds is None, "all of it hangs together"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", ": no pairs; expected two columns of images", id="empty"),
        pytest.param("image1,image2,label\n", ": a header and no pairs", id="header alone"),
        pytest.param("ann/1.jpg,ann/2.jpg\n", ", line 1: expected two columns of images and a label", id="no label"),
        pytest.param(PLAIN + "ann/1.jpg,bob/1.jpg\n", ", line 5: 2 columns, line 1 has 3", id="short line"),
        pytest.param(PLAIN + "\nann/1.jpg,bob/1.jpg,0,0\n", ", line 6: 4 columns, line 1 has 3", id="long line"),
        pytest.param(PLAIN + 'ann/1.jpg,"bob/1.jpg,0\n', ", line 5: a quotation mark that does not end", id="quote"),
        pytest.param(PLAIN + "ann/1.jpg,bob/1.jpg,2\n", ", line 5: label '2': expected 1", id="label"),
        pytest.param(PLAIN + "ann/1.jpg,bob/1.jpg,\n", ", line 5: label '': expected 1", id="no label in a line"),
        pytest.param(PLAIN + ",bob/1.jpg,0\n", ", line 5: an empty cell", id="no image in a line"),
        pytest.param(PLAIN + "ann/1.jpg,ann/1.jpg,1\n", ", line 5: compares an image with itself", id="itself"),
        pytest.param(PLAIN + "ann/1.jpg,./ann/1.jpg,1\n", ", line 5: compares an image with itself", id="itself, dot"),
        pytest.param(PLAIN + "../x.jpg,ann/1.jpg,0\n", ", line 5: '../x.jpg' points outside", id="parent"),
        pytest.param(PLAIN + "ann/../../x.jpg,ann/1.jpg,0\n", ", line 5: 'ann/../../x.jpg' points", id="up and out"),
        pytest.param(
            PLAIN + "..\\x.jpg,ann/1.jpg,0\n", r", line 5: '..\\x.jpg' points outside", id="parent, backslash"
        ),
        pytest.param(PLAIN + "/etc/x.jpg,ann/1.jpg,0\n", ", line 5: '/etc/x.jpg' points outside", id="absolute"),
        pytest.param(PLAIN + "a\0b.jpg,ann/1.jpg,0\n", ", line 5: 'a\\x00b.jpg' points outside", id="zero byte"),
        pytest.param(
            PLAIN + "ann/9.jpg,ann/8.jpg,1\n", ", line 5: 'ann/9.jpg' and 1 more: no such image", id="missing"
        ),
        pytest.param(PLAIN + f"{'x' * 5000}.jpg,ann/1.jpg,0\n", ", line 5: 'xxxxxxxx", id="long name"),
        pytest.param(
            PLAIN + "ann/1.jpg,ann/2.jpg,0\n",
            ", line 5: labelled 0, and the pairs that are labelled 1",
            id="contradiction",
        ),
        pytest.param(
            table(FIRST, SECOND, LABELLED, ["a", 0, 1, 1]),
            ", line 1: fold 'a': expected its number",
            id="fold in words",
        ),
        pytest.param(table(FIRST, SECOND, LABELLED, LABELLED), ", line 1: which column is what?", id="two labels"),
        pytest.param(
            table(FIRST, SECOND, LABELLED, [0, 0, "\u00b2", 1], head="image1,image2,label,fold"),
            ", line 4: fold '\u00b2'",
            id="fold superscript",
        ),
        pytest.param(table(FIRST, SECOND, LABELLED, [1, 2, 1, 2]), ": fold 1 has no impostor pair", id="one kind"),
        pytest.param(
            IN_FOLDS + "ann/1.jpg,dan/1.PNG,0,2\n", ", line 5: fold 2 and fold 1 (line 1) share a person", id="shared"
        ),
        pytest.param(
            "image1,image,label\n" + PLAIN,
            ", line 1: the header 'image1, image, label' does not name",
            id="header lacks one",
        ),
        pytest.param(
            "image1,path1,label\n" + PLAIN, ", line 1: 'image1' and 'path1' both name image1", id="header twice"
        ),
        pytest.param(
            WITH_SUBJECTS + "ann/1.jpg,fay/1.jpg,bob,fay\n",
            ", line 5: ann/1.jpg shows 'bob', in line 1 it shows 'ann'",
            id="two subjects",
        ),
        pytest.param(
            table(FIRST, SECOND, LABELLED, ONE, ONE, head="image1,image2,label,subject1,subject2"),
            ", line 3: labelled as two people, and the subjects are 'bob' and 'bob'",
            id="label against subjects",
        ),
    ],
)
def test_a_line_that_cannot_be_used_is_refused_by_its_number(root: Path, text: str, message: str) -> None:
    """The message names file and line, and says what was expected; it quotes no more than a piece of it."""
    said = refused(root, text)

    assert said.startswith(message), said
    assert len(said) < 600


def test_a_missing_list_or_root_is_named(root: Path) -> None:
    """With the whole path."""
    with pytest.raises(DatasetError, match=r"no such file: .*gone\.csv"):
        open_dataset(f"pairs:{root / 'gone.csv'}")
    with pytest.raises(DatasetError, match=r"expected a file, pairs:FILE\?root=FOLDER"):
        open_dataset("pairs:?root=x")
    (root / "list.csv").write_text(PLAIN, encoding="utf-8")
    with pytest.raises(DatasetError, match=r"no such folder: .*gone"):
        open_dataset(f"pairs:{root / 'list.csv'}?root={root / 'gone'}")


def test_links_in_the_users_own_folder_are_followed(root: Path, tmp_path: Path) -> None:
    """A tree of links is what split-lfw makes; it is the list that is not trusted."""
    linked = tmp_path / "links"
    linked.symlink_to(root, target_is_directory=True)

    assert opened(linked, PLAIN).digest == opened(root, PLAIN).digest


def test_a_large_list_is_read_in_order(root: Path) -> None:
    """Twenty thousand random rows: every row's images and label come back."""
    generator = np.random.default_rng(0)
    rows = generator.integers(0, len(IMAGES), (20_000, 2))
    rows = rows[rows[:, 0] != rows[:, 1]]
    person = [image.split("/")[0] for image in IMAGES]
    same = [person[a] == person[b] for a, b in rows]
    text = table([IMAGES[a] for a, _ in rows], [IMAGES[b] for _, b in rows], [int(y) for y in same])

    dataset = opened(root, text)

    assert dataset.pairs.genuine.tolist() == same
    assert [dataset.faces[a].source.name for a in dataset.pairs.indices[:, 0]] == [IMAGES[a] for a, _ in rows]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(PLAIN, id="labels"),
        pytest.param(IN_FOLDS, id="folds"),
        pytest.param(WITH_SUBJECTS, id="subjects"),
        pytest.param(PLAIN.replace(",", "\t"), id="tabs"),
        pytest.param(PLAIN.replace(",", " ; "), id="spaces-around"),
        pytest.param(PLAIN.rstrip("\n"), id="no-last-line-end"),
        pytest.param("\ufeff" + PLAIN, id="byte-order-mark"),
        pytest.param(PLAIN.replace("\n", "\r\n"), id="windows"),
        pytest.param(table(FIRST, SECOND, LABELLED, head="img1,img2,same"), id="header"),
        pytest.param(PLAIN.replace("ann/", "./ann//"), id="dots"),
    ],
)
def test_plain_lists_are_read_as_large_ones(root: Path, text: str) -> None:
    """They do not fall back to the slow way."""
    path = root.parent / "plain.csv"
    path.write_bytes(text.encode())

    read = read_large_list(path, root)

    assert read.pairs.genuine.tolist() == [True, False, True, False]
    assert [(read.pairs.faces[a].source.name, read.pairs.faces[b].source.name) for a, b in read.pairs.indices] == BOTH


@pytest.mark.parametrize(
    ("text", "what"),
    [
        pytest.param("", "blank lines", id="empty"),
        pytest.param(PLAIN + "\n" + PLAIN, "not 3 columns", id="blank"),
        pytest.param(PLAIN.replace("ann/1.jpg", '"ann/1.jpg"'), "quotation marks", id="quotes"),
        pytest.param(PLAIN + "a\0b.jpg,ann/1.jpg,0\n", "zero bytes", id="zero"),
        pytest.param(PLAIN.replace("\n", "\r"), "line ends of old systems|blank", id="old-mac"),
        pytest.param(PLAIN + "x" * 200_000 + ".jpg,ann/1.jpg,0\n", "more than 100 kB", id="long-line"),
        pytest.param(PLAIN + "ann/1.jpg,bob/1.jpg\n", "not 3 columns", id="short"),
        pytest.param(PLAIN + "a,ann/1.jpg\nbob/1.jpg,cyd/1.jpg,0,0\n", "not 3 columns", id="short-then-long"),
        pytest.param(PLAIN + "../x.jpg,ann/1.jpg,0\n", "leaves its folder", id="parent"),
        pytest.param(PLAIN + "ann/../../x.jpg,ann/1.jpg,0\n", "leaves its folder", id="up-and-out"),
        pytest.param(PLAIN + "/etc/passwd.jpg,ann/1.jpg,0\n", "leaves its folder", id="absolute"),
        pytest.param(PLAIN + "ann/9.jpg,ann/1.jpg,0\n", "not there", id="missing"),
        pytest.param(PLAIN + "ann/1.jpg,./ann/1.jpg,1\n", "with itself", id="itself"),
        pytest.param(PLAIN + "ann/1.jpg,ann/2.jpg,0\n", "contradict", id="contradiction"),
        pytest.param("10\t300\nAnn\t1\t2\nAnn\t1\tBob\t2\n", "as LFW's", id="lfw"),
        pytest.param(PLAIN.replace(",", " "), "no columns that commas", id="spaces"),
    ],
)
def test_whatever_is_not_plain_is_left_to_the_slow_way(root: Path, text: str, what: str) -> None:
    """Which gives the pairs, or the message with the line."""
    path = root.parent / "odd.csv"
    path.write_bytes(text.encode())

    with pytest.raises(UnusualError, match=what):
        read_large_list(path, root)


def test_a_list_too_large_for_the_slow_way_says_why_it_needs_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the bound, and what there is to mend."""
    monkeypatch.setattr("facecheck.datasets.pair_list.LARGE_BYTES", 0)
    monkeypatch.setattr("facecheck.datasets.pair_list.MOST_BYTES", 10)

    said = refused(root, PLAIN + "ann/9.jpg,ann/1.jpg,0\n")

    assert "of up to 2048 MiB, is read if it is plain" in said
    assert "There: images that are not there" in said


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the same for all examples
@given(data=st.data())
def test_random_lists_mean_the_same_read_either_way(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Chains of labels, portions of a few rows and a few bytes, folders that are listed: the same pairs or message."""
    root = tmp_path_factory.mktemp("lists", numbered=True)
    names = [f"{'ab'[number % 2]}/{number}.jpg" for number in range(8)]
    for name in names:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    cell = st.sampled_from([*names, *names, "gone.jpg", "./a/0.jpg"])
    rows = data.draw(st.lists(st.tuples(cell, cell, st.sampled_from(["1", "0", "no", "Yes"])), min_size=2, max_size=12))
    path = root / "list.csv"
    path.write_text("image1,image2,label\n" + "\n".join(map(",".join, rows)), encoding="utf-8")
    found: list[object] = []
    for large in (LARGE_BYTES, 0):
        with (
            mock.patch("facecheck.datasets.pair_list.LARGE_BYTES", large),
            mock.patch("facecheck.datasets.large_list._ROWS", 3),
            mock.patch("facecheck.datasets.large_list._PORTION", 50),
            mock.patch("facecheck.datasets.pair_paths._LISTED_FROM", 2),
        ):
            try:
                dataset = open_dataset(f"pairs:{path}")
            except DatasetError as error:
                found.append(str(error))
            else:
                folds = None if dataset.pairs.folds is None else dataset.pairs.folds.tolist()
                found.append((dataset.digest, dataset.notes, dataset.protocol, folds, dataset.people_known))

    assert found[0] == found[1]
