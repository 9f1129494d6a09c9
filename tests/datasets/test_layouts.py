"""Published layouts: a small set in each is read; hostile twins are refused with file and line."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from facecheck.datasets import Dataset, open_dataset
from facecheck.datasets.layouts import LAYOUTS
from facecheck.datasets.matlab import read_matlab
from facecheck.errors import DatasetError

PEOPLE = [f"Ann_{letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWX"]


def picture(path: Path, *, side: int = 8) -> str:
    """Write a small picture and return its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.new("RGB", (side, side), (len(path.name), 0, 0)).save(path)
    return path.name


def flat(folder: Path, *, side: int = 8) -> None:
    """Write two pictures of each person, called as CALFW's."""
    for name in PEOPLE:
        for number in (1, 2):
            picture(folder / f"{name}_{number:04d}.jpg", side=side)


def nested(folder: Path) -> None:
    """Write two pictures of each person in a folder of theirs, as LFW's."""
    for name in PEOPLE:
        for number in (1, 2):
            picture(folder / name / f"{name}_{number:04d}.jpg")


def genuine() -> list[tuple[str, str]]:
    """Return a genuine pair of each person."""
    return [(f"{name}_0001.jpg", f"{name}_0002.jpg") for name in PEOPLE]


def impostors() -> list[tuple[str, str]]:
    """Return impostor pairs of neighbours, two by two."""
    return [(f"{a}_0001.jpg", f"{b}_0001.jpg") for a, b in zip(PEOPLE[::2], PEOPLE[1::2], strict=True) for _ in (0, 1)]


def two_lines(pairs: Sequence[tuple[str, str]], label: str) -> list[str]:
    """Return two lines for each pair."""
    return [f"{image} {label}" for pair in pairs for image in pair]


def listed(path: Path, lines: Sequence[str]) -> Path:
    """Write a list."""
    path.write_text("\n".join(lines) + "\n")
    return path


def opened(path: Path, layout: str, **options: str) -> Dataset:
    """Open a small list in a layout."""
    given = "".join(f"&{name}={value}" for name, value in options.items())
    return open_dataset(f"pairs:{path}?layout={layout}{given}")


@pytest.mark.parametrize(("layout", "label"), [("calfw", "7"), ("calfw", "-3"), ("cplfw", "1"), ("mlfw", "1")])
def test_two_lines_a_pair_have_interleaved_folds(tmp_path: Path, layout: str, label: str) -> None:
    """All genuine pairs stand first: each fold has a part of them and a part of the impostors, and shares nobody."""
    flat(tmp_path / "images")
    file = listed(tmp_path / "pairs.txt", [*two_lines(genuine(), label), *two_lines(impostors(), "0")])

    dataset = opened(file, layout, root=str(tmp_path / "images"), partial="yes")

    assert dataset.pairs.genuine.tolist() == [True] * 24 + [False] * 24
    assert dataset.pairs.folds is not None
    for fold in range(10):
        kinds = dataset.pairs.genuine[dataset.pairs.folds == fold]
        assert 0 < kinds.sum() < len(kinds)
    assert (dataset.name, dataset.people_known, dataset.aligned) == (layout, True, False)
    assert {face.subject for face in dataset.faces} == set(PEOPLE)
    assert any("parts of the genuine and of the impostor pairs" in note for note in dataset.notes)


def test_mlfw_is_read_in_both_forms(tmp_path: Path) -> None:
    """Three columns a pair as well; the second number of a name is the mask's."""
    for name in PEOPLE:
        for mask in (0, 1):
            picture(tmp_path / f"{name}_0001_{mask:04d}.jpg")
    lines = [f"{name}_0001_0000.jpg\t{name}_0001_0001.jpg\t1" for name in PEOPLE]
    lines += [f"{a}_0001_0000.jpg\t{b}_0001_0000.jpg\t0" for a, b in zip(PEOPLE[::2], PEOPLE[1::2], strict=True)]

    dataset = opened(listed(tmp_path / "pairs.txt", lines), "mlfw", partial="yes")

    assert dataset.pairs.genuine.tolist() == [True] * 24 + [False] * 12
    assert {face.subject for face in dataset.faces} == set(PEOPLE)


def test_sllfw_takes_people_from_folders(tmp_path: Path) -> None:
    """Two paths a pair, no label."""
    nested(tmp_path / "lfw")
    pairs = [each for some in zip(genuine(), impostors(), strict=True) for each in some]
    file = listed(tmp_path / "p.txt", [f"{image[:-9]}/{image}" for pair in pairs for image in pair])

    dataset = opened(file, "sllfw", root=str(tmp_path / "lfw"), partial="yes")

    assert dataset.pairs.genuine.tolist() == [True, False] * 24
    assert dataset.faces[0].source.name == "Ann_A/Ann_A_0001.jpg"


@pytest.mark.parametrize("layout", ["xqlfw", "talfw"])
@pytest.mark.parametrize("head", [True, False])
def test_variants_of_lfw_take_its_list(tmp_path: Path, layout: str, *, head: bool) -> None:
    """With the line of counts or without it; folds are those of the list, or its tenths."""
    nested(tmp_path / "images")
    lines = ["2\t12"] if head else []
    for half in (PEOPLE[:12], PEOPLE[12:]):
        lines += [f"{name}\t1\t2" for name in half]
        lines += [f"{a}\t1\t{b}\t{n}" for a, b in zip(half[::2], half[1::2], strict=True) for n in (1, 2)]
    file = listed(tmp_path / "pairs.txt", lines)

    dataset = opened(file, layout, root=str(tmp_path / "images"), partial="yes")

    assert dataset.name == layout
    assert dataset.pairs.folds is not None
    assert len(set(dataset.pairs.folds.tolist())) == (2 if head else 10)


@pytest.mark.parametrize("called", ["{n}_Ann{letter}_{age}_f.jpg", "imgs/{n}.jpg"])
def test_agedb_takes_people_from_names_where_they_say_so(tmp_path: Path, called: str) -> None:
    """The aligned copies are numbered: then labels are all that is known."""
    lines: list[str] = []
    n, last = 0, ""
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWX":
        one, two = (called.format(n=n + k, letter=letter, age=20 + k) for k in (0, 1))
        picture(tmp_path / one)
        picture(tmp_path / two)
        lines += [f"1 {one} {two}"] + ([f"-1 {one} {last}"] if letter in "BDFHJLNPRTVX" else [])
        last, n = one, n + 2

    dataset = opened(listed(tmp_path / "agedb_30_ann.txt", lines), "agedb-30", partial="yes")

    assert int(dataset.pairs.genuine.sum()) == 24
    assert dataset.people_known == called.startswith("{n}_")
    assert dataset.pairs.folds is not None


def test_aligned_copies_say_so(tmp_path: Path) -> None:
    """Pictures of 112 px are crops: the run recommends detector=none."""
    flat(tmp_path, side=112)
    file = listed(tmp_path / "p.txt", [*two_lines(genuine(), "1"), *two_lines(impostors(), "0")])

    assert opened(file, "cplfw", partial="yes").aligned


def rfw(folder: Path, races: Sequence[str]) -> Path:
    """Write four small lists and their pictures."""
    for race in races:
        nested(folder / "data" / race)
        lines = [f"{name}\t1\t2" for name in PEOPLE] + [
            f"{a}\t1\t{b}\t1" for a, b in zip(PEOPLE[::2], PEOPLE[1::2], strict=True)
        ]
        (folder / "txts" / race).mkdir(parents=True)
        listed(folder / "txts" / race / f"{race}_pairs.txt", lines)
    return folder


def test_rfw_is_four_lists_with_a_label_each(tmp_path: Path) -> None:
    """People of one name in two lists are two people; fold k holds fold k of each list."""
    folder = rfw(tmp_path, ("African", "Asian", "Caucasian", "Indian"))

    whole, one = opened(folder, "rfw"), opened(folder, "rfw", race="Asian")

    assert (len(whole.pairs), len(one.pairs), one.name) == (4 * 36, 36, "rfw-asian")
    assert len({face.subject for face in whole.faces}) == 4 * 24
    assert {face.groups for face in one.faces} == {(("race", "Asian"),)}
    assert one.pairs.folds is not None
    assert len(set(one.pairs.folds.tolist())) == 10


def matlab(path: Path, names: Sequence[str], people: Sequence[int], kind: str, *, compressed: bool = True) -> Path:
    """Write a MATLAB file of a cell of names and a column of numbers, as TinyFace's are."""

    def element(number: int, content: bytes) -> bytes:
        return struct.pack("<II", number, len(content)) + content + b"\0" * (-len(content) % 8)

    def matrix(number: int, shape: tuple[int, int], name: str, rest: bytes) -> bytes:
        head = element(6, bytes([number]) + b"\0" * 7) + element(5, struct.pack("<ii", *shape))
        return element(14, head + element(1, name.encode()) + rest)

    cell = b"".join(matrix(4, (1, len(each)), "", element(16, each.encode())) for each in names)
    whole = [
        matrix(1, (len(names), 1), f"{kind}_set", cell),
        matrix(6, (len(people), 1), f"{kind}_ids", element(4, struct.pack(f"<{len(people)}H", *people))),
    ]
    body = b"".join(struct.pack("<II", 15, len(z := zlib.compress(w))) + z if compressed else w for w in whole)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"MATLAB 5.0 MAT-file, of the tests".ljust(124) + b"\x00\x01IM" + body)
    return path


def tinyface(folder: Path) -> Path:
    """Write ten people with a gallery picture and two probes each, one more without a gallery, two distractors."""
    testing = folder / "Testing_Set"
    gallery = [picture(testing / "Gallery_Match" / f"g{n}.jpg") for n in range(10)]
    probes = [picture(testing / "Probe" / f"p{n}_{k}.jpg") for n in range(11) for k in (0, 1)]
    matlab(testing / "gallery_match_img_ID_pairs.mat", gallery, range(10), "gallery")
    matlab(testing / "probe_img_ID_pairs.mat", probes, [n // 2 for n in range(22)], "probe", compressed=False)
    for n in (0, 1):
        picture(testing / "Gallery_Distractor" / f"d{n}.jpg")
    return folder


def test_tinyface_has_gallery_probes_and_distractors(tmp_path: Path) -> None:
    """Each probe with its mate and another of its fold; whoever is not in the gallery is said."""
    folder = tinyface(tmp_path)
    dataset, more = opened(folder, "tinyface"), opened(folder / "Testing_Set", "tinyface", distractors="yes")
    roles = [dict(face.groups)["role"] for face in more.faces]

    assert (roles.count("gallery"), roles.count("probe"), roles.count("distractor")) == (10, 22, 2)
    assert int(dataset.pairs.genuine.sum()) == 20
    assert len(dataset.pairs) == 42
    assert "1 people have probes and are not in the gallery" in dataset.notes[0]
    assert dataset.pairs.folds is not None
    for fold in set(dataset.pairs.folds.tolist()):
        people = set(dataset.pairs.who[dataset.pairs.folds == fold].ravel().tolist())
        rest = set(dataset.pairs.who[dataset.pairs.folds != fold].ravel().tolist())
        assert not people & rest


@pytest.mark.parametrize("whole", [True, False])
def test_scface_has_three_distances(tmp_path: Path, *, whole: bool) -> None:
    """Both layouts of the cameras' pictures; the infrared cameras are left out."""
    for person in range(1, 7):
        picture(tmp_path / "mugshot_frontal_cropped_all" / f"{person:03d}_frontal.JPG")
        for camera in (1, 5, 6):
            for distance in (1, 2, 3):
                name = f"{person:03d}_cam{camera}_{distance}.jpg"
                place = (
                    "surveillance_cameras_all" if whole else f"surveillance_cameras_distance_{distance}/cam_{camera}"
                )
                picture(tmp_path / place / name)
    if not whole:
        for distance in (1, 2, 3):
            for camera in (2, 3, 4):
                (tmp_path / f"surveillance_cameras_distance_{distance}" / f"cam_{camera}").mkdir()

    near, every = opened(tmp_path, "scface", distance="3"), opened(tmp_path, "scface")

    probes = [dict(face.groups) for face in near.faces if dict(face.groups)["role"] == "probe"]
    assert (len(probes), {each["distance"] for each in probes}) == (12, {"3"})
    assert {each["camera"] for each in probes} == {"1", "5"}
    assert (near.name, len(near.pairs), len(every.pairs)) == ("scface-d3", 24, 72)


# Hostile twins.


@pytest.mark.parametrize(
    ("layout", "lines", "expected"),
    [
        ("calfw", ["Ann_A_0001.jpg 1", "Ann_A_0002.jpg 1", "Ann_B_0001.jpg 0"], r"line 3: 3 images: .* truncated"),
        ("calfw", ["Ann_A_0001.jpg 1", "Ann_B_0001.jpg 0"], r"line 2: labelled otherwise than line 1"),
        ("calfw", ["Ann_A_0001.jpg", "Ann_A_0002.jpg"], r"line 1: expected 'image label'"),
        ("cplfw", ["../../etc/passwd 1", "Ann_A_0002.jpg 1"], r"line 1: '\.\./\.\./etc/passwd' points outside"),
        ("cplfw", ["/etc/passwd 0", "Ann_A_0002.jpg 0"], r"line 1: '/etc/passwd' points outside"),
        ("cplfw", ["Ann_Z_0001.jpg 1", "Ann_Z_0002.jpg 1"], r"line 1: 'Ann_Z_0001\.jpg' and 1 more: no such image"),
        ("cplfw", ["Ann_A_0001.jpg 1", "Ann_A_0001.jpg 1"], r"line 1: compares an image with itself"),
        ("cplfw", [], r"0 images"),
        ("sllfw", ["a.jpg", "b.jpg"], r"line 1: expected 'Name/Name_0001\.jpg'"),
        ("mlfw", ["1 2"], r"line 1: expected|line 1: 1 images"),
        ("agedb-30", ["1 a.jpg", "0 b.jpg"], r"line 1: expected two columns of images"),
        ("xqlfw", ["10\t300", "Ann_A\t1\t2"], r"declares 6000 pairs, 1 follow"),
        ("talfw", ["..\t1\t2"], r"line 1: '\.\.' points outside"),
    ],
)
def test_hostile_lists_are_refused_with_file_and_line(
    tmp_path: Path, layout: str, lines: list[str], expected: str
) -> None:
    """Escapes, missing lines, labels that do not fit."""
    flat(tmp_path)
    file = listed(tmp_path / "pairs.txt", lines)

    with pytest.raises(DatasetError, match=rf"pairs\.txt.*{expected}"):
        opened(file, layout, partial="yes")


def test_a_list_of_another_length_is_refused(tmp_path: Path) -> None:
    """A truncated list looks like any other: only its length says so."""
    flat(tmp_path)
    file = listed(tmp_path / "pairs.txt", [*two_lines(genuine(), "1"), *two_lines(impostors(), "0")])

    with pytest.raises(DatasetError, match=r"48 pairs, 24 of them genuine: CALFW has 6000, half of them genuine"):
        opened(file, "calfw")
    with pytest.raises(DatasetError, match=r"partial=maybe: expected yes or no"):
        opened(file, "calfw", partial="maybe")
    with pytest.raises(DatasetError, match=r"layout 'calwf' is unknown\. Did you mean calfw"):
        opened(file, "calwf")
    with pytest.raises(DatasetError, match=r"pairs has no option 'race'"):
        opened(file, "calfw", race="Asian")


def test_labels_that_names_contradict_are_believed_and_said(tmp_path: Path) -> None:
    """A picture may be called after somebody else; the published label decides."""
    flat(tmp_path)
    wrong = [("Ann_A_0002.jpg", "Ann_C_0002.jpg")]
    file = listed(
        tmp_path / "p.txt", [*two_lines(genuine()[4:], "1"), *two_lines(wrong, "1"), *two_lines(impostors(), "0")]
    )

    dataset = opened(file, "calfw", partial="yes")

    assert "line 41 is labelled as one person, and the files are called after 'Ann_A' and 'Ann_C'" in dataset.notes[0]
    assert not dataset.people_known


def test_a_list_of_fifty_megabytes_is_read_or_refused(tmp_path: Path) -> None:
    """One line of 50 MB is no pair, and the message quotes its beginning only."""
    file = tmp_path / "pairs.txt"
    file.write_bytes(b"a" * 50_000_000)

    with pytest.raises(DatasetError) as caught:
        opened(file, "calfw")

    assert "line 1: expected 'image label'" in str(caught.value)
    assert len(str(caught.value)) < 500


def test_rfw_scface_and_tinyface_name_what_is_missing(tmp_path: Path) -> None:
    """The folder that was expected."""
    with pytest.raises(DatasetError, match=r"African_pairs\.txt: missing; expected RFW's folder"):
        opened(tmp_path, "rfw")
    with pytest.raises(DatasetError, match=r"race 'Azian' is unknown. Did you mean Asian"):
        opened(tmp_path, "rfw", race="Azian")
    with pytest.raises(DatasetError, match=r"expected SCface's folder with mugshot_frontal_cropped_all"):
        opened(tmp_path, "scface")
    with pytest.raises(DatasetError, match=r"distance '4' is unknown"):
        opened(tmp_path, "scface", distance="4")
    with pytest.raises(DatasetError, match=r"gallery_match_img_ID_pairs\.mat: missing"):
        opened(tmp_path, "tinyface")


def test_tinyface_lists_must_not_leave_their_folder(tmp_path: Path) -> None:
    """A name in MATLAB's file is somebody else's text."""
    folder = tinyface(tmp_path)
    path = folder / "Testing_Set" / "probe_img_ID_pairs.mat"
    for name, expected in (("../x.jpg", " points outside"), ("no.jpg", ": no such image")):
        matlab(path, [name], [1], "probe")
        with pytest.raises(DatasetError, match=rf"probe_img_ID_pairs\.mat, row 1: '{name}'{expected}"):
            opened(folder, "tinyface")
    matlab(path, ["p0_0.jpg"], [1, 2], "probe")
    with pytest.raises(DatasetError, match="a cell of names, and as many numbers in probe_ids"):
        opened(folder, "tinyface")


def test_matlab_files_that_lie_are_refused(tmp_path: Path) -> None:
    """Truncated anywhere, a claimed length, a bomb, another version: no memory is taken for what is claimed."""
    good = matlab(tmp_path / "a.mat", ["a.jpg", "b.jpg"], [1, 2], "probe").read_bytes()
    head = good[:128]
    first = 128 + 8 + struct.unpack_from("<I", good, 132)[0]  # where the second array begins
    bomb = zlib.compress(b"\0" * (2**27 + 1))
    cell = matlab(tmp_path / "b.mat", ["a.jpg"], [1], "probe", compressed=False).read_bytes()
    hostile = {
        "expected a MATLAB file": (b"", b"MATLAB 7.3 MAT-file", good[:127]),
        "damaged or truncated": (
            *(good[:length] for length in range(129, len(good), 7) if length != first),
            head + struct.pack("<II", 14, 2**32 - 1),
            head + struct.pack("<II", 15, len(bomb)) + bomb,
            # The cell claims a thousand million items.
            cell.replace(struct.pack("<ii", 1, 1), struct.pack("<ii", 2**30, 1), 1),
            head + struct.pack("<II", 14, 8) + struct.pack("<II", 6, 0),
        ),
    }
    for expected, contents in hostile.items():
        for content in contents:
            (tmp_path / "c.mat").write_bytes(content)
            with pytest.raises(DatasetError, match=expected):
                read_matlab(tmp_path / "c.mat")


def test_scipy_writes_what_is_read(tmp_path: Path) -> None:
    """The same names and numbers, as another writer of the format lays them out."""
    from scipy.io import savemat  # noqa: PLC0415 - slow to import

    names = np.array([["a.jpg"], ["b_long_name.jpg"]], dtype=object)
    for compressed in (True, False):
        content = {"probe_set": names, "probe_ids": np.array([[3], [70000]]), "text": "x", "struct": {"a": 1}}
        savemat(str(tmp_path / "a.mat"), content, do_compression=compressed)

        found = read_matlab(tmp_path / "a.mat")

        assert found["probe_set"] == ("a.jpg", "b_long_name.jpg")
        assert np.asarray(found["probe_ids"]).tolist() == [3, 70000]


def test_every_layout_says_its_trap_and_its_source() -> None:
    """And the docs have a row for it."""
    rows = (Path(__file__).parents[2] / "docs" / "protocols.md").read_text()

    assert all(f"layout={name}" in rows and f"| {layout.title} |" in rows for name, layout in LAYOUTS.items())
    assert all(layout.trap and layout.source and layout.title for layout in LAYOUTS.values())
