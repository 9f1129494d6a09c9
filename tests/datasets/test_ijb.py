"""IJB's lists: what is read, in blocks, and the message for each line that lies."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from facecheck.datasets.ijb import read_ijb
from facecheck.datasets.number_lists import number_blocks
from facecheck.errors import DatasetError
from tests.support.ijb import PEOPLE, written_ijb


@pytest.mark.parametrize("name", ["ijbc", "ijbb"])
def test_every_list_is_read(tmp_path: Path, name: str) -> None:
    """Images, templates, media, points, scores, pairs, two galleries and the probes; rows of a template once."""
    listed = read_ijb(written_ijb(tmp_path, name=name))
    (line, pairs), *more = listed.blocks()

    assert (listed.name, len(listed.names), line, more) == (name, 15 * PEOPLE, 1, [])
    assert listed.templates[:6].tolist() == [1] * 5 + [2]
    assert listed.media[:5].tolist() == [101, 102, 103, 103, 103]
    assert listed.points.shape == (15 * PEOPLE, 5, 2)
    assert listed.points[0, 0].tolist() == pytest.approx([38.295, 51.696])
    assert pairs.shape == (PEOPLE * 2 * PEOPLE, 3)
    assert int(pairs[:, 2].sum()) == 2 * PEOPLE
    assert [len(gallery.templates) for gallery in listed.galleries] == [8, 8]
    assert listed.galleries[0].name == ("G1" if name == "ijbc" else "S1")
    assert listed.probes is not None
    assert len(listed.probes.templates) == 2 * PEOPLE


def test_subjects_are_those_of_the_searches_or_unknown(tmp_path: Path) -> None:
    """Template 3 p + k is of person p; one that no list names leaves all of them unknown."""
    listed = read_ijb(written_ijb(tmp_path))
    found = listed.subjects(np.array([36, 1, 2, 4, 1]))
    assert found is not None

    assert found.tolist() == [11, 0, 0, 1, 0]
    assert listed.subjects(np.array([1, 37])) is None
    assert dataclasses.replace(listed, galleries=(), probes=None).subjects(np.array([1])) is None


@pytest.mark.parametrize("block", [3, 7, 64, 10_000])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_blocks_are_the_list(tmp_path: Path, block: int, ends: str, *, last: bool) -> None:
    """Wherever they are cut; blank lines are none, and each block knows its first line."""
    numbers = np.random.default_rng(0).integers(0, 10**9, (200, 3))
    lines = ["\t ".join(map(str, row)) for row in numbers.tolist()]
    lines.insert(50, "   ")
    file = tmp_path / "a.txt"
    file.write_bytes((ends.join(lines) + (ends if last else "")).encode())

    blocks = list(number_blocks(file, 3, block=max(block, 40)))

    np.testing.assert_array_equal(np.concatenate([part for _, part in blocks]), numbers)
    assert blocks[0][0] == 1
    if block == 64:
        assert len(blocks) > 50
        for line, part in blocks:
            assert part[0].tolist() == numbers[line - 1 - (line > 51)].tolist() or line == 51


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("1 2", "expected 3 whole numbers of at most 9 digits, not '1 2'"),
        ("1 2 3 4", "expected 3 whole numbers"),
        ("1 -2 1", "not '1 -2 1'"),
        ("1 2.5 1", r"not '1 2\.5 1'"),
        ("1 2 9999999999", "not '1 2 9999999999'"),
        ("1 ../x 1", r"not '1 \.\./x 1'"),
        ("1 \x00 1", "expected 3 whole numbers"),
        ("\xff", "expected 3 whole numbers"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, expected: str) -> None:
    """In the middle of many that are right, in a later block."""
    file = tmp_path / "pairs.txt"
    file.write_bytes("\n".join(["1 2 1"] * 500 + [line] + ["1 2 0"] * 500).encode("latin-1"))

    for block in (100, 10_000):
        with pytest.raises(DatasetError, match=rf"pairs\.txt, line 501: .*{expected}"):
            list(number_blocks(file, 3, block=block))


def test_lines_that_balance_each_other_are_found(tmp_path: Path) -> None:
    """Two numbers and then four are as many as two lines of three."""
    file = tmp_path / "pairs.txt"
    file.write_text("1 2 0\n1 2\n1 2 3 4\n")

    with pytest.raises(DatasetError, match="line 2: expected 3"):
        list(number_blocks(file, 3))


def test_a_line_without_end_and_an_empty_list_are_refused(tmp_path: Path) -> None:
    """Fifty megabytes without a line end are never held as a whole."""
    file = tmp_path / "pairs.txt"
    file.write_bytes(b"7" * 50_000_000)
    with pytest.raises(DatasetError, match="a line of more than 4194304 bytes"):
        list(number_blocks(file, 3))
    file.write_text("\n\n")
    with pytest.raises(DatasetError, match="no lines; expected 3 whole numbers"):
        list(number_blocks(file, 3))
    with pytest.raises(DatasetError, match="cannot be read"):
        list(number_blocks(tmp_path / "gone", 3))


@pytest.mark.parametrize(
    ("file", "line", "text", "expected"),
    [
        ("face_tid_mid.txt", 2, "2.jpg 1", r"line 3: expected 'image template medium', not '2\.jpg 1'"),
        ("face_tid_mid.txt", 2, "../2.jpg 1 1", r"line 3: '\.\./2\.jpg' points outside loose_crop; expected"),
        ("face_tid_mid.txt", 2, "2.jpg one 1", "line 3: expected 'image template medium'"),
        ("name_5pts_score.txt", 1, "9.jpg " + "1 " * 10 + "0.9", "line 2: '9.jpg', and the list of media has '2.jpg'"),
        ("name_5pts_score.txt", 1, "2.jpg " + "1 " * 9 + "0.9", "line 2: expected an image, x and y of five points"),
        ("name_5pts_score.txt", 1, "2.jpg " + "nan " * 10 + "0.9", "line 2: expected an image"),
        ("name_5pts_score.txt", 1, "2.jpg " + "1 " * 10 + "9", "line 2: expected an image"),
        ("template_pair_label.txt", 3, "1 2 7", "near line 4: label 7: expected 1"),
        ("1N_gallery_G1.csv", 0, "TEMPLATE,SUBJECT", "line 1: expected a header with TEMPLATE_ID and SUBJECT_ID"),
        ("1N_gallery_G1.csv", 3, "x,1,", "line 4: expected the numbers of a template and a subject, not .*'x', '1'"),
        ("1N_gallery_G1.csv", 3, "1", "line 4: expected the numbers"),
        ("1N_probe_mixed.csv", 2, "2,77,", "line 3: template 2 is of subject 77, and before of another"),
    ],
)
def test_hostile_lists_are_refused(tmp_path: Path, file: str, line: int, text: str, expected: str) -> None:
    """File, line, what was expected."""
    folder = written_ijb(tmp_path)
    path = folder / "meta" / f"ijbc_{file}"
    lines = path.read_text().splitlines()
    lines[line] = text
    path.write_text("\n".join(lines) + "\n")

    with pytest.raises(DatasetError, match=rf"ijbc_{file}.*{expected}"):
        list(read_ijb(folder).blocks())


def test_truncated_and_missing_lists_are_refused(tmp_path: Path) -> None:
    """The two lists of images must have as many lines."""
    folder = written_ijb(tmp_path)
    path = folder / "meta" / "ijbc_name_5pts_score.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]))
    with pytest.raises(DatasetError, match="179 images, and the list of media has 180: one of them is truncated"):
        read_ijb(folder)
    path.write_text("\n".join([*lines, lines[0]]))
    with pytest.raises(DatasetError, match=r"line 181: '1\.jpg', and the list of media has 'the end of the list'"):
        read_ijb(folder)
    (folder / "meta" / "ijbc_template_pair_label.txt").unlink()
    path.write_text("\n".join(lines))
    with pytest.raises(DatasetError, match="missing: the list of pairs of templates"):
        read_ijb(folder)
    with pytest.raises(DatasetError, match="expected IJB-B's or IJB-C's folder"):
        read_ijb(tmp_path / "meta")
