"""CFP's lists and folds: what is read, and the message for each invalid line."""

from __future__ import annotations

import os
from pathlib import Path

import PIL.Image
import pytest

from facecheck.datasets import open_dataset
from facecheck.errors import DatasetError

SAMPLE = Path(__file__).parents[3] / "shared" / "data" / "cfp_sample"


def written(root: Path, *, part: str = "") -> Path:
    """Write four people with two frontal pictures and one profile each, in two folds of two people."""
    lists: dict[str, list[str]] = {"frontal": [], "profile": []}
    for person in ("001", "002", "003", "004"):
        for kind, count in (("frontal", 2), ("profile", 1)):
            folder = root / "Data" / "Images" / part / person / kind
            folder.mkdir(parents=True)
            for number in range(1, count + 1):
                PIL.Image.new("RGB", (4, 4)).save(folder / f"{number:02d}.jpg")
                name = f"../Data/Images/{person}/{kind}/{number:02d}.jpg"
                lists[kind].append(f"{len(lists[kind]) + 1} {name}\n")
    protocol = root / "Protocol"
    pairs = {
        "FF": (("1,2", "1,3"), ("5,6", "6,8")),
        "FP": (("1,1", "1,2"), ("5,3", "5,4")),
    }
    for kind, folds in pairs.items():
        for fold, (same, diff) in enumerate(folds, 1):
            split = protocol / "Split" / kind / f"{fold:02d}"
            split.mkdir(parents=True)
            (split / "same.txt").write_text(f"{same}\n")
            (split / "diff.txt").write_text(f"{diff}\n")
    (protocol / "Pair_list_F.txt").write_text("".join(lists["frontal"]))
    (protocol / "Pair_list_P.txt").write_text("".join(lists["profile"]))
    return root


@pytest.mark.parametrize("part", ["", "train", "test"])
def test_both_protocols_and_both_layouts_are_read(tmp_path: Path, part: str) -> None:
    """Numbers of the first list on the left, of the second on the right; folds in the order of their folders."""
    folder = written(tmp_path, part=part)

    frontal, profile = (open_dataset(f"cfp:{folder}?protocol={kind}") for kind in ("FF", "FP"))

    names = [face.source.name for face in profile.faces]
    assert [[names[side] for side in pair] for pair in profile.pairs.indices.tolist()] == [
        ["001/frontal/01.jpg", "001/profile/01.jpg"],
        ["001/frontal/01.jpg", "002/profile/01.jpg"],
        ["003/frontal/01.jpg", "003/profile/01.jpg"],
        ["003/frontal/01.jpg", "004/profile/01.jpg"],
    ]
    for dataset in (frontal, profile):
        assert dataset.pairs.genuine.tolist() == [True, False, True, False]
        assert dataset.pairs.folds is not None
        assert dataset.pairs.folds.tolist() == [0, 0, 1, 1]
    assert (frontal.name, profile.protocol) == ("cfp-ff", "CFP frontal-profile, 2 folds")


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("Split/FF/01/same.txt", "1;2\n", r"same\.txt, line 1: expected 'n,n', two numbers of the lists, not '1;2'"),
        ("Split/FF/01/same.txt", "1,99\n", r"same\.txt, line 1: expected 'n,n', two numbers of the lists"),
        ("Split/FF/01/same.txt", "1,3\n", r"line 1: expected a genuine pair, not 001/frontal/01\.jpg and 002/frontal"),
        ("Split/FF/01/diff.txt", "1,2\n", r"line 1: expected an impostor pair"),
        (
            "Split/FF/01/same.txt",
            "1,1\n",
            r"line 1: expected a genuine pair, not 001/frontal/01\.jpg and 001/",
        ),
        ("Split/FF/01/same.txt", "\n", r"same\.txt: no pairs"),
        ("Pair_list_F.txt", "1 ../../../etc/passwd\n", r"Pair_list_F\.txt, line 1: expected 'n \.\./Data/Images/"),
        ("Pair_list_F.txt", "1 ../Data/Images/009/frontal/01.jpg\n", r"009/frontal/01\.jpg: no such image in"),
    ],
)
def test_invalid_lines_are_named(tmp_path: Path, file: str, text: str, expected: str) -> None:
    """File, line, what was expected and what stands there."""
    folder = written(tmp_path)
    (folder / "Protocol" / file).write_text(text)

    with pytest.raises(DatasetError, match=expected):
        open_dataset(f"cfp:{folder}")


def test_an_unknown_protocol_and_missing_folds_are_refused(tmp_path: Path) -> None:
    """There are two protocols, each with its folds."""
    with pytest.raises(DatasetError, match="protocol 'PF' is unknown"):
        open_dataset(f"cfp:{written(tmp_path)}?protocol=PF")
    with pytest.raises(DatasetError, match="no folds; expected folders 01, 02"):
        open_dataset(f"cfp:{tmp_path / 'Data'}")


def test_folds_that_share_people_are_dealt_anew_and_said(tmp_path: Path) -> None:
    """Person 2 is in both: a threshold would be chosen on whom it judges."""
    folder = written(tmp_path)
    (folder / "Protocol" / "Split" / "FF" / "02" / "diff.txt").write_text("6,3\n")
    dataset = open_dataset(f"cfp:{folder}")

    (note,) = dataset.notes
    assert "its folds share people (002)" in note


def test_lists_may_begin_with_a_byte_order_mark_and_are_no_pipes(tmp_path: Path) -> None:
    """As every other list of pairs."""
    folder = written(tmp_path)
    path = folder / "Protocol" / "Pair_list_F.txt"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert len(open_dataset(f"cfp:{folder}").pairs) == 4

    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DatasetError, match=r"Pair_list_F\.txt: expected a list of pairs, a text file"):
        open_dataset(f"cfp:{folder}")
