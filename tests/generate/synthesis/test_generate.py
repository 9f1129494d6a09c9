"""Files: layouts, continued runs, refused settings, and the command line; the renderer is replaced by a stand-in."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facecheck.generate.synthesis import generate
from facecheck.generate.synthesis.arrays import Pixels
from facecheck.generate.synthesis.command import add_arguments, run
from facecheck.generate.synthesis.conditions import Conditions
from facecheck.generate.synthesis.generate import generate_faces
from facecheck.generate.synthesis.person import Person


class Painter:
    """Stand-in for the studio: paints a square whose grey level depends on the yaw, and counts pictures."""

    taken = 0

    def __init__(self, person: Person) -> None:
        self.person = person

    def take(self, conditions: Conditions, *, size: int) -> Pixels:
        """Paint one square."""
        Painter.taken += 1
        return np.full((size, size, 3), int(100 + 100 * conditions.yaw_rad), np.uint8)


@pytest.fixture(autouse=True)
def _painter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "Studio", Painter)
    monkeypatch.setattr(Painter, "taken", 0)


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_strips_hold_their_tiles_from_left_to_right(tmp_path: Path) -> None:
    """Yaws rise from left to right, and the sidecar has the same yaws."""
    made = generate_faces(tmp_path, seeds=[3], tiles=5, start_rad=-0.8, step_rad=0.4, size=32, progress=False)
    strip = np.asarray(Image.open(made[0]))
    assert strip.shape == (32, 160, 3)
    assert strip[0, 16::32, 0].tolist() == [20, 60, 100, 140, 180]
    assert json.loads((tmp_path / "p00003.json").read_text()) == {"tiles": 5, "start": -0.8, "step": 0.4}


def test_folders_hold_matched_pairs_and_single_unrelated(tmp_path: Path) -> None:
    """A third of the people has two pictures, the others one."""
    generate_faces(tmp_path, seeds=range(3), layout="folders", size=32, progress=False)
    assert _files(tmp_path) == [
        "generation.json",
        "matched_faces/p00000/0_neutral.png",
        "matched_faces/p00000/1_light.png",
        "mismatched_faces/p00001/0_neutral.png",
        "mismatched_faces/p00002/0_neutral.png",
    ]


def test_a_manifest_names_every_parameter_and_hash(tmp_path: Path) -> None:
    """Files, hashes, conditions, labels and parameters are recorded."""
    generate_faces(tmp_path, seeds=[1], siblings=1, layout="manifest", kinds=["smile"], size=32, progress=False)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert [image["file"] for image in manifest["images"]] == [
        "images/p00001/neutral.png",
        "images/p00001/smile.png",
        "images/p00001s1/neutral.png",
        "images/p00001s1/smile.png",
    ]
    for image in manifest["images"]:
        assert image["sha256"] == hashlib.sha256((tmp_path / image["file"]).read_bytes()).hexdigest()
    assert manifest["images"][1]["tiles"][0]["expression"] == "smile"
    assert manifest["people"]["p00001s1"]["labels"] == manifest["people"]["p00001"]["labels"]
    assert manifest["people"]["p00001"]["parameters"]["seed"] == 1


def test_a_second_run_makes_only_what_is_missing(tmp_path: Path) -> None:
    """A deleted strip is made again with the same bytes."""
    arguments: dict[str, Any] = {"seeds": range(4), "tiles": 3, "size": 32, "progress": False}
    made = generate_faces(tmp_path, **arguments)
    before = [path.read_bytes() for path in made]
    made[2].unlink()
    Painter.taken = 0
    assert generate_faces(tmp_path, **arguments) == made
    assert Painter.taken == 3
    assert [path.read_bytes() for path in made] == before


def test_a_run_that_breaks_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an error in rendering only the settings and the sidecar exist."""

    def fail(_self: Painter, _conditions: Conditions, *, size: int) -> Pixels:
        raise MemoryError(size)

    monkeypatch.setattr(Painter, "take", fail)
    with pytest.raises(MemoryError):
        generate_faces(tmp_path, seeds=[0], size=32, progress=False)
    assert _files(tmp_path) == ["generation.json", "p00000.json"], "a strip without yaws is never written"


@pytest.mark.parametrize(
    ("first", "then", "message"),
    [
        pytest.param({}, {"size": 64}, "was made with size=32, not 64: choose another folder", id="size"),
        pytest.param({}, {"image_format": "webp"}, "was made with format='png', not 'webp'", id="twins"),
        pytest.param(
            {"layout": "manifest", "kinds": ["smile"]},
            {"layout": "manifest", "kinds": ["light"]},
            r"was made with kinds=\['smile'\], not \['light'\]",
            id="kinds",
        ),
    ],
)
def test_a_folder_made_with_other_settings_is_refused(
    tmp_path: Path, first: dict[str, Any], then: dict[str, Any], message: str
) -> None:
    """The message contains both values of the setting."""
    usual: dict[str, Any] = {"seeds": [0], "size": 32, "progress": False}
    generate_faces(tmp_path, **(usual | first))
    with pytest.raises(ValueError, match=message):
        generate_faces(tmp_path, **(usual | then))


@pytest.mark.parametrize("content", ["", "[1, 2]", "{"])
def test_damaged_settings_are_refused_by_name(tmp_path: Path, content: str) -> None:
    """The message names the file."""
    (tmp_path / "generation.json").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"generation\.json: cannot be read as a JSON object"):
        generate_faces(tmp_path, seeds=[0], size=32, progress=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"seeds": []}, "no seeds", id="no-seeds"),
        pytest.param({"seeds": [1, 1]}, "a seed is given twice", id="twice"),
        pytest.param({"seeds": [-1]}, "must be 0 or more, got -1", id="negative"),
        pytest.param({"seeds": [1], "layout": "zip"}, "unknown layout 'zip'; known are strips", id="layout"),
        pytest.param({"seeds": [1], "tiles": 1}, "at least 2 tiles, got 1", id="tiles"),
        pytest.param({"seeds": [1], "kinds": ["grin"]}, r"unknown kinds in \['grin'\]", id="kinds"),
        pytest.param({"seeds": [1], "size": 8}, "at least 32 px wide, got 8", id="size"),
        pytest.param({"seeds": [1], "layout": "folders"}, "folders need at least 3 people, got 1", id="few"),
        pytest.param({"seeds": [1], "start_rad": -40.0}, "did you supply degrees", id="degrees"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(
    tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    """The message contains the argument, and the folder is not created."""
    with pytest.raises(ValueError, match=message):
        generate_faces(tmp_path / "out", **arguments, progress=False)
    assert not (tmp_path / "out").exists()


def _parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


def test_the_command_makes_faces(tmp_path: Path) -> None:
    """The command writes one file per seed."""
    words = (str(tmp_path), "--seeds", "0-1,5", "--tiles", "2", "--size", "32", "--format", "webp", "--no-progress")
    assert run(_parse(*words)) == 0
    assert [name for name in _files(tmp_path) if name.endswith("webp")] == ["p00000.webp", "p00001.webp", "p00005.webp"]


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An invalid argument has the exit status 2 and a message."""
    assert run(_parse(str(tmp_path), "--size", "8", "--no-progress")) == 2
    assert "facecheck generate faces: pictures must be at least 32 px" in capsys.readouterr().err
