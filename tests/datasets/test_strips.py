"""Strips of turned heads: tiles, yaws and their sources, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from facecheck.datasets import open_dataset
from facecheck.errors import DatasetError
from facecheck.faces.decoding import decode

DATA = Path(__file__).parents[3] / "shared" / "data"
ASKED = "tiles=5&start=-0.8&step=0.4"
TURN = {"tiles": 5, "start": -0.8, "step": 0.4}


def strip(path: Path, size: tuple[int, int] = (40, 8)) -> Path:
    PIL.Image.new("RGB", size).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two people with five tiles each."""
    for name in ("b.png", "a.jpg"):
        strip(tmp_path / name)
    return tmp_path


def test_every_tile_is_a_face_with_its_true_yaw(folder: Path) -> None:
    """In the order of names, each tile a step further; pairs are all pairs."""
    dataset = open_dataset(f"strips:{folder}?{ASKED}")

    assert [face.source.name for face in dataset.faces] == [
        f"{name}#{i}" for name in ("a.jpg", "b.png") for i in range(5)
    ]
    assert [face.yaw_rad for face in dataset.faces] == [-0.8, -0.4, 0.0, 0.4, 0.8] * 2
    assert [face.source.tile for face in dataset.faces] == [0, 1, 2, 3, 4] * 2
    assert {face.subject for face in dataset.faces} == {"a", "b"}
    assert len(dataset.pairs) == 45
    assert int(dataset.pairs.genuine.sum()) == 20
    assert dataset.has_yaw
    assert dataset.protocol == "2 strips, all pairs of 10 tiles"


def test_yaw_differences_fall_on_whole_steps(folder: Path) -> None:
    """0.8 - 0.4 and 0.4 - 0.0 are one bin of the graph."""
    pairs = open_dataset(f"strips:{folder}?{ASKED}").pairs
    steps, counts = np.unique(pairs.yaw_difference_rad[pairs.genuine], return_counts=True)

    assert steps.tolist() == [0.4, 0.8, 1.2, 1.6]
    assert counts.tolist() == [8, 6, 4, 2]


def test_sidecars_speak_where_the_specification_does_not(folder: Path) -> None:
    """Each strip may have its own yaws; a byte-order mark is no part of them."""
    strip(folder / "b.png", (24, 8))
    (folder / "a.json").write_text(json.dumps(TURN), encoding="utf-8")
    (folder / "b.json").write_text(json.dumps({"tiles": 3, "start": 0.5, "step": -0.5}), encoding="utf-8-sig")

    dataset = open_dataset(f"strips:{folder}")

    assert [face.yaw_rad for face in dataset.faces] == [-0.8, -0.4, 0.0, 0.4, 0.8, 0.5, 0.0, -0.5]


def test_the_specification_goes_before_sidecars(folder: Path) -> None:
    """The options on the command line override the sidecars."""
    (folder / "a.json").write_text("not JSON", encoding="utf-8")

    assert len(open_dataset(f"strips:{folder}?{ASKED}").faces) == 10


def test_a_strip_that_cannot_be_opened_keeps_its_tiles_and_is_noted(folder: Path) -> None:
    """Tiles of an unreadable strip are failures to acquire: no yaw shifts, no pair is dropped."""
    (folder / "a.jpg").write_bytes(b"")

    dataset = open_dataset(f"strips:{folder}?{ASKED}")

    assert len(dataset.faces) == 10
    assert len(dataset.notes) == 1
    assert str(folder / "a.jpg") in dataset.notes[0]


def test_a_rotated_strip_is_measured_as_it_is_shown(folder: Path) -> None:
    """A camera's strip stored upright with a note to turn it divides as well as any other."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    PIL.Image.new("RGB", (8, 40)).save(folder / "a.jpg", exif=exif)
    assert decode((folder / "a.jpg").read_bytes(), "a.jpg").shape == (8, 40, 3)

    assert len(open_dataset(f"strips:{folder}?{ASKED}").faces) == 10


def test_two_strips_of_one_name_are_refused(folder: Path) -> None:
    """``a.jpg`` and ``a.png`` would be one identity, and tiles of the two would count as its genuine pairs."""
    strip(folder / "a.png")

    with pytest.raises(DatasetError, match=r"a\.(jpg|png).*a\.(jpg|png)"):
        open_dataset(f"strips:{folder}?{ASKED}")


@pytest.mark.parametrize("size", [(41, 8), (32, 8), (40, 7), (8, 40)], ids=str)
def test_a_strip_that_does_not_divide_is_refused_by_name(folder: Path, size: tuple[int, int]) -> None:
    """With its size and the one that was expected."""
    strip(folder / "a.jpg", size)
    height = size[1]

    with pytest.raises(DatasetError) as raised:
        open_dataset(f"strips:{folder}?{ASKED}")

    message = str(raised.value)
    assert message.startswith(f"{folder / 'a.jpg'}: {size[0]} x {height} px does not divide into 5 square tiles")
    assert f"expected {5 * height} x {height}. Give tiles=, or a sidecar a.json" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(
            "tiles=5", "expected tiles, start and step together, or none of them and sidecars", id="part-of-them"
        ),
        pytest.param(
            "tiles=x&start=0&step=1", "tiles is a whole number, start and step are radians", id="not-a-number"
        ),
        pytest.param("tiles=5.0&start=0&step=0.1", "tiles is a whole number", id="tiles-with-a-point"),
        pytest.param("tiles=1&start=0&step=0.1", "expected 2 to 1000 tiles", id="one-tile"),
        pytest.param("tiles=-5&start=0&step=0.1", "expected 2 to 1000 tiles", id="negative-tiles"),
        pytest.param("tiles=1001&start=0&step=0.001", "expected 2 to 1000 tiles", id="too-many-tiles"),
        pytest.param(f"tiles=1{'0' * 400}&start=0&step=0.1", "expected 2 to 1000 tiles", id="more-than-a-float-holds"),
        pytest.param("tiles=5&start=0&step=0", "a step other than 0", id="no-step"),
        pytest.param("tiles=5&start=-40&step=20", r"yaws reach 40 rad, .* Did you give degrees\?", id="degrees"),
        pytest.param("tiles=5&start=0&step=0.8", r"yaws reach 3\.2 rad, beyond half a turn", id="last-tile-too-far"),
        pytest.param("tiles=5&start=nan&step=0.4", "yaws reach nan rad", id="start-nan"),
        pytest.param("tiles=5&start=0&step=nan", "a step other than 0", id="step-nan"),
        pytest.param("tiles=5&start=inf&step=0.4", "yaws reach inf rad", id="start-infinite"),
        pytest.param("tile=5", r"strips has no option 'tile'\. Did you mean tiles", id="misspelt"),
    ],
)
def test_options_that_give_no_yaws_are_refused(folder: Path, options: str, message: str) -> None:
    """The specification is quoted, and degrees are guessed."""
    with pytest.raises(DatasetError, match=message) as raised:
        open_dataset(f"strips:{folder}?{options}")

    assert f"strips:{folder}?{options}" in str(raised.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("", "cannot be read as JSON", id="empty"),
        pytest.param("{", "cannot be read as JSON", id="cut-short"),
        pytest.param("\udcff", "cannot be read as JSON", id="not-text"),
        pytest.param("[" * 100_000, "cannot be read as JSON", id="deeply-nested"),
        pytest.param("[5, -0.8, 0.4]", "expected the keys tiles, start and step", id="a-list"),
        pytest.param('{"tiles": 5}', "expected the keys tiles, start and step", id="part-of-them"),
        pytest.param('{"tiles": null, "start": 0, "step": 1}', "tiles is a whole number", id="null"),
        pytest.param('{"tiles": 5, "start": [0], "step": 1}', "start and step are radians", id="a-list-of-yaws"),
        pytest.param('{"tiles": 5, "start": NaN, "step": 0.1}', "yaws reach nan rad", id="nan"),
        pytest.param('{"tiles": 5, "start": -40, "step": 20}', r"Did you give degrees\?", id="degrees"),
    ],
)
def test_a_wrong_sidecar_is_refused_by_name(folder: Path, content: str, message: str) -> None:
    """The message names the sidecar, not the strip."""
    (folder / "a.json").write_bytes(content.encode(errors="surrogateescape"))

    with pytest.raises(DatasetError, match=message) as raised:
        open_dataset(f"strips:{folder}")

    assert str(raised.value).startswith(f"{folder / 'a.json'}: ")


def test_unknown_yaws_are_refused_with_both_ways_to_give_them(folder: Path) -> None:
    """An option to copy, or the sidecar's name."""
    with pytest.raises(DatasetError, match=r"a\.jpg: the yaws are unknown: add \?tiles=5&.*or a sidecar a\.json"):
        open_dataset(f"strips:{folder}")


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    """With what was expected in it."""
    with pytest.raises(DatasetError, match=r"no images; expected strips of square tiles \(PNG or JPEG\)"):
        open_dataset(f"strips:{tmp_path}?{ASKED}")


def test_one_strip_alone_is_refused(folder: Path) -> None:
    """An impostor pair needs two people."""
    (folder / "b.png").unlink()

    with pytest.raises(DatasetError, match="1 strip; at least two people are needed to compare"):
        open_dataset(f"strips:{folder}?{ASKED}")


def test_the_first_studys_strips_are_read() -> None:
    """Eight strips of five tiles: 30, 22, 14 and 6 pairs are what dlib finds of these."""
    folder = DATA / "eg3d_strips"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: put the sample strips into ../shared/data")
    pairs = open_dataset(f"strips:{folder}?{ASKED}").pairs

    steps, counts = np.unique(pairs.yaw_difference_rad[pairs.genuine], return_counts=True)

    assert dict(zip(steps.tolist(), counts.tolist(), strict=True)) == {0.4: 32, 0.8: 24, 1.2: 16, 1.6: 8}
