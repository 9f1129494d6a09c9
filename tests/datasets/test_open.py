"""Specifications of data sets: kinds, options, lists of them, and where their folders are looked for."""

from __future__ import annotations

from pathlib import Path

import PIL.Image
import pytest

from facecheck.datasets import DATASET_KINDS, open_dataset, split_datasets
from facecheck.errors import DatasetError

ASKED = "tiles=2&start=0&step=0.4"
KINDS_OF_FOLDER = [kind for kind in DATASET_KINDS if kind not in ("faces", "pairs", "bin")]


@pytest.fixture
def strips(tmp_path: Path) -> Path:
    """The smallest data set that opens."""
    folder = tmp_path / "my, faces + 100%"
    folder.mkdir()
    for name in "ab":
        PIL.Image.new("RGB", (8, 4)).save(folder / f"{name}.png")
    return folder


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("strip:x", r"data set 'strip' is unknown\. Did you mean strips\?", id="misspelt"),
        pytest.param(
            "nonsense:x",
            r"'nonsense' is unknown\. Known: faces, lfw, pairs, cfp, bin, folders, strips, ijb\.",
            id="nothing-near",
        ),
        pytest.param("/data/lfw", "is unknown", id="a-path-alone"),
        pytest.param("", "'' is unknown", id="empty"),
        pytest.param("lfw", "expected a folder, lfw:FOLDER", id="no-folder"),
        pytest.param("lfw:", "expected a folder, lfw:FOLDER", id="no-folder-after-the-colon"),
        pytest.param("lfw:?pairs=p.txt", "expected a folder, lfw:FOLDER", id="option-without-folder"),
        pytest.param("lfw:x?pair=p", r"lfw has no option 'pair'\. Did you mean pairs\?", id="misspelt-option"),
        pytest.param("folders:x?pairs=p", r"folders has no option 'pairs'\. Known: name\.", id="another-kinds-option"),
        pytest.param("lfw:x?pairs", "expected options like name=value", id="option-without-value"),
        pytest.param("lfw:x?pairs=a&pairs=b", "each once, not 'pairs=b'", id="option-twice"),
        pytest.param("lfw:~no-such-user-here/faces", "no such folder", id="home-of-an-unknown-user"),
        pytest.param(f"lfw:{'x' * 300}", "no such folder", id="name-too-long-for-a-folder"),
        pytest.param("lfw:a\0b", "no such folder", id="null-byte"),
        pytest.param("face", r"data set 'face' is unknown\. Did you mean faces\?", id="misspelt-faces"),
        pytest.param("faces?name=x", r"faces has no option 'name'\. Known: part\.", id="faces-take-no-name"),
    ],
)
def test_a_specification_that_names_no_data_set_is_refused(text: str, message: str) -> None:
    """It is quoted, with the nearest word that is known."""
    with pytest.raises(DatasetError, match=message) as raised:
        open_dataset(text)

    assert text.partition("?")[0] in str(raised.value) or repr(text)[1:-1] in str(raised.value)


def test_the_kinds_are_known() -> None:
    """In the order in which messages list them; all but the bundled one, a list of pairs and a .bin read a folder."""
    assert list(DATASET_KINDS) == ["faces", "lfw", "pairs", "cfp", "bin", "folders", "strips", "ijb"]
    assert KINDS_OF_FOLDER == ["lfw", "cfp", "folders", "strips", "ijb"]


@pytest.mark.parametrize("part", ["", "?part=pairs", "?part=sample", "?part=strips"])
def test_the_bundled_faces_take_no_path(part: str, tmp_path: Path) -> None:
    """Neither a missing folder, nor one that is there, nor a file: the message names what can be asked for."""
    (tmp_path / "pairs.txt").write_text("10 300", encoding="utf-8")

    for path in (tmp_path / "gone", tmp_path, tmp_path / "pairs.txt"):
        with pytest.raises(DatasetError) as raised:
            open_dataset(f"faces:{path}{part}")
        parts = "faces?part=pairs|sample|strips"
        assert str(raised.value) == f"faces:{path}{part}: expected faces or one of its parts: {parts}"


@pytest.mark.parametrize("kind", KINDS_OF_FOLDER)
def test_every_kind_refuses_a_missing_folder(kind: str, tmp_path: Path) -> None:
    """With the whole path and the variable that relative ones fall back to."""
    with pytest.raises(DatasetError) as raised:
        open_dataset(f"{kind}:{tmp_path / 'gone'}")

    assert f"no such folder: {tmp_path / 'gone'}" in str(raised.value)
    assert "FACECHECK_DATA" in str(raised.value)


@pytest.mark.parametrize("kind", KINDS_OF_FOLDER)
def test_every_kind_refuses_an_empty_folder(kind: str, tmp_path: Path) -> None:
    """A run without pairs would pass."""
    with pytest.raises(DatasetError, match=str(tmp_path)):
        open_dataset(f"{kind}:{tmp_path}")


@pytest.mark.parametrize("kind", KINDS_OF_FOLDER)
def test_every_kind_refuses_a_file_as_its_folder(kind: str, tmp_path: Path) -> None:
    """The list is given instead of the folder, for example."""
    (tmp_path / "pairs.txt").write_text("10 300", encoding="utf-8")

    with pytest.raises(DatasetError, match=r"no such folder: .*pairs\.txt"):
        open_dataset(f"{kind}:{tmp_path / 'pairs.txt'}")


def test_a_path_is_taken_as_it_is_written(strips: Path) -> None:
    """Commas, blanks, plus and percent signs are parts of names."""
    assert open_dataset(f"strips:{strips}?{ASKED}").name == strips.name


def test_a_name_can_be_given(strips: Path) -> None:
    """Reports and graphs use the given name."""
    assert open_dataset(f"strips:{strips}?{ASKED}&name=turned").name == "turned"


def test_a_relative_folder_is_looked_for_here_and_then_below_facecheck_data(
    strips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The working folder comes before FACECHECK_DATA."""
    monkeypatch.setenv("FACECHECK_DATA", str(tmp_path))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    below = open_dataset(f"strips:{strips.name}?{ASKED}").faces[0].source.path
    (tmp_path / "here" / strips.name).mkdir()

    assert below == strips / "a.png"
    with pytest.raises(DatasetError, match="no images"):
        open_dataset(f"strips:{strips.name}?{ASKED}")


def test_an_absolute_folder_never_falls_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An absolute path is not searched for in FACECHECK_DATA."""
    monkeypatch.setenv("FACECHECK_DATA", str(tmp_path))

    with pytest.raises(DatasetError) as raised:
        open_dataset("lfw:/no/such/faces")

    assert str(tmp_path) not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param("lfw:a", ["lfw:a"], id="one"),
        pytest.param("lfw:a,strips:b?tiles=5,folders:c", ["lfw:a", "strips:b?tiles=5", "folders:c"], id="three"),
        pytest.param("lfw:a, strips:b", ["lfw:a", "strips:b"], id="blank-after-the-comma"),
        pytest.param("lfw:a,b,c?pairs=d,e.txt", ["lfw:a,b,c?pairs=d,e.txt"], id="commas-in-paths"),
        pytest.param("lfw:a,strips of b", ["lfw:a,strips of b"], id="a-kind-as-a-word-of-a-path"),
        pytest.param("lfw:a,", ["lfw:a,"], id="comma-at-the-end-belongs-to-the-path"),
        pytest.param("lfw:a,faces?part=pairs", ["lfw:a", "faces?part=pairs"], id="a-kind-without-a-path"),
        pytest.param("", [], id="empty"),
    ],
)
def test_a_list_is_split_where_a_specification_starts(text: str, parts: list[str]) -> None:
    """Other commas belong to paths."""
    assert split_datasets(text) == parts
