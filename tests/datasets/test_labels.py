"""Labels from a table of the user's own: groups, qualities, and tables that do not fit."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from facecheck.datasets import open_dataset
from facecheck.errors import DatasetError
from facecheck.faces import Faces


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four people with two images each."""
    for number in range(4):
        person = tmp_path / "people" / "matched_faces" / f"person_{number}"
        person.mkdir(parents=True)
        for image in range(2):
            PIL.Image.fromarray(np.full((8, 8, 3), 40 * number + image, dtype=np.uint8)).save(person / f"{image}.png")
    for number in range(4, 6):
        person = tmp_path / "people" / "mismatched_faces" / f"person_{number}"
        person.mkdir(parents=True)
        PIL.Image.fromarray(np.full((8, 8, 3), 40 * number, dtype=np.uint8)).save(person / "0.png")
    return tmp_path


def test_subjects_get_groups_and_images_a_quality(folder: Path) -> None:
    """The specification stays whole, so that the set can be opened again; who has no row is counted."""
    (folder / "by_subject.csv").write_text(
        "\ufeffSubject,sex,age group\nmatched_faces/person_0,f,old\nmatched_faces/person_1,m,\n", "utf-8"
    )
    spec = f"folders:{folder / 'people'}?name=mine&labels={folder / 'by_subject.csv'}"
    dataset = open_dataset(spec)
    groups = {face.subject: face.groups for face in dataset.faces}

    assert groups["matched_faces/person_0"] == (("age group", "old"), ("sex", "f"))
    assert groups["matched_faces/person_1"] == (("sex", "m"),)
    assert groups["matched_faces/person_2"] == ()
    assert dataset.spec == spec
    assert "by_subject.csv: 6 of 10 images have no row, and so no label" in dataset.notes

    name = dataset.faces[0].source.name
    (folder / "by_image.csv").write_text(f"image,quality\n{name},0.75\n", "utf-8")
    again = open_dataset(f"folders:{folder / 'people'}?labels={folder / 'by_image.csv'}")

    assert [face.quality for face in again.faces if face.source.name == name] == [0.75]
    assert {face.quality for face in again.faces if face.source.name != name} == {None}


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param("subject,sex\nann,f\n", id="subject"),
        pytest.param("image,sex,quality\nann/0.png,f,0.5\nbob/0.png,,0.25\n", id="image"),
    ],
)
def test_columns_of_faces_are_labelled_as_objects_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, labels: str
) -> None:
    """A list that is read as columns gets the same labels and qualities."""
    for name in ("ann/0.png", "ann/1.png", "bob/0.png", "cas/0.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        PIL.Image.new("RGB", (8, 8)).save(tmp_path / name)
    rows = ["image1,image2,subject1,subject2", "ann/0.png,ann/1.png,ann,ann", "bob/0.png,cas/0.png,bob,cas"]
    (tmp_path / "pairs.csv").write_text("\n".join(rows), "utf-8")
    (tmp_path / "labels.csv").write_text(labels, "utf-8")
    spec = f"pairs:{tmp_path / 'pairs.csv'}?labels={tmp_path / 'labels.csv'}"
    objects = open_dataset(spec)
    monkeypatch.setattr("facecheck.datasets.pair_list.LARGE_BYTES", 0)

    columns = open_dataset(spec)

    assert isinstance(columns.faces, Faces)
    assert tuple(columns.faces) == tuple(objects.faces)
    assert columns.notes == objects.notes
    assert {face.groups for face in columns.faces} == {(("sex", "f"),), ()}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("subject,sex\n", "expected a header such as", id="no rows"),
        pytest.param("who,sex\na,f\n", "line 1: expected a header", id="no key"),
        pytest.param("subject,sex,sex\na,f,f\n", "each once", id="twice"),
        pytest.param("subject,<b>\na,f\n", "names of letters", id="markup"),
        pytest.param("subject,sex\nperson_0\n", "line 2: expected 2 columns", id="short"),
        pytest.param("subject,sex\nperson_0,f\nperson_0,m\n", "line 3: 'person_0' is named twice", id="again"),
        pytest.param("subject,sex\nmatched_faces/person_0,a=b\n", "without =", id="equals"),
        pytest.param("subject,sex\nperson_0," + "f" * 41 + "\n", "at most 40", id="long"),
        pytest.param("image,quality\na.png,nan\n", "expected a finite number", id="nan"),
        pytest.param("image,quality\na.png,good\n", "expected a finite number", id="word"),
        pytest.param('subject,sex\n"person_0,f\n', "no row of a CSV file", id="quote"),
        pytest.param(
            "subject,sex\nnobody,f\n", "names no subject of people, such as 'matched_faces/person_0'", id="nobody"
        ),
    ],
)
def test_tables_that_do_not_fit_are_refused(folder: Path, content: str, message: str) -> None:
    """The file, the line and what was expected."""
    (folder / "labels.csv").write_text(content, encoding="utf-8")

    with pytest.raises(DatasetError, match=message):
        open_dataset(f"folders:{folder / 'people'}?labels={folder / 'labels.csv'}")
