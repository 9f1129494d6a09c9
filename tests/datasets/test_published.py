"""Names of published data sets belong to them: limits that were measured on one judge no other."""

from __future__ import annotations

from pathlib import Path

import PIL.Image
import pytest

from facecheck.datasets import open_dataset
from facecheck.errors import DatasetError

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def lfw(tmp_path: Path) -> Path:
    """A folder per person, and a list that is called as LFW's."""
    for person in ("Ann", "Bob", "Cyd", "Dan"):
        (tmp_path / "cfp" / person).mkdir(parents=True)
        for number in (1, 2):
            PIL.Image.new("RGB", (4, 4)).save(tmp_path / "cfp" / person / f"{person}_{number:04d}.jpg")
    lines = ["2 1", "Ann 1 2", "Ann 1 Bob 1", "Cyd 1 2", "Cyd 1 Dan 1"]
    (tmp_path / "pairs.txt").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "cfp"


def test_a_list_that_is_called_like_lfws_is_another_data_set(lfw: Path) -> None:
    """By the name that results and limits see."""
    assert open_dataset(f"lfw:{lfw}").name == "lfw-pairs-own"
    assert open_dataset(f"lfw:{lfw}?name=cfp").name == "cfp"


@pytest.mark.parametrize(
    "name", ["lfw-pairs", "lfw-pairsDevTest", "eg3d_strips", "faces", "faces-sample", "faces-strips"]
)
def test_a_published_name_cannot_be_taken(name: str, lfw: Path) -> None:
    """Its limits would judge other pairs."""
    with pytest.raises(DatasetError, match=f"{name} is the name of a published data set, which this is not"):
        open_dataset(f"lfw:{lfw}?name={name}")


def test_folders_and_strips_are_renamed_as_well(tmp_path: Path) -> None:
    """A folder that is called like the bundled faces, strips in a folder called like EG3D's."""
    for number, person in enumerate(("matched_faces/a", "matched_faces/b", "mismatched_faces/c", "mismatched_faces/d")):
        (tmp_path / "faces" / person).mkdir(parents=True)
        for image in "12":
            PIL.Image.new("RGB", (4, 4), (number,) * 3).save(tmp_path / "faces" / person / f"{image}.png")
    (tmp_path / "eg3d_strips").mkdir()
    for person in "ab":
        PIL.Image.new("RGB", (8, 4)).save(tmp_path / "eg3d_strips" / f"{person}.png")

    assert open_dataset(f"folders:{tmp_path / 'faces'}").name == "faces-own"
    assert open_dataset(f"strips:{tmp_path / 'eg3d_strips'}?tiles=2&start=0&step=0.4").name == "eg3d_strips-own"


def test_the_bundled_faces_have_their_names() -> None:
    """In all parts."""
    assert [open_dataset(f"faces?part={part}").name for part in ("pairs", "sample", "strips")] == [
        "faces",
        "faces-sample",
        "faces-strips",
    ]


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        pytest.param(f"lfw:{DATA}/lfw?pairs={DATA}/lfw_protocol/pairs.txt", "lfw-pairs", id="view 2"),
        pytest.param(f"lfw:{DATA}/lfw?pairs={DATA}/lfw_protocol/pairsDevTrain.txt", "lfw-pairsDevTrain", id="train"),
        pytest.param(f"lfw:{DATA}/lfw?pairs={DATA}/lfw_protocol/pairsDevTest.txt", "lfw-pairsDevTest", id="test"),
        pytest.param(f"strips:{DATA}/eg3d_strips?tiles=5&start=-0.8&step=0.4", "eg3d_strips", id="strips"),
    ],
)
def test_the_published_data_sets_have_their_names(spec: str, name: str) -> None:
    """By the digest of their faces, pairs and folds."""
    if not (DATA / "lfw").is_dir():
        pytest.skip(f"{DATA} is not there: put LFW, its lists and EG3D's strips into ../shared/data")

    assert open_dataset(spec).name == name
