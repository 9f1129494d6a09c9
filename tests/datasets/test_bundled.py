"""The faces that ship with facecheck."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from facecheck.datasets import bundled, open_dataset, split_datasets
from facecheck.errors import DatasetError

FOLDER = bundled.bundled_folder()


def test_faces_stands_for_both_parts() -> None:
    """Verification pairs and strips, so that every eval has something to run on."""
    assert split_datasets("faces,lfw:x") == ["faces?part=pairs", "faces?part=strips", "lfw:x"]


def test_no_person_is_in_two_folds() -> None:
    """A threshold chosen on the other folds was chosen on other people than it judges."""
    pairs = open_dataset("faces").pairs
    assert pairs.folds is not None
    people = [set(pairs.who[pairs.folds == fold].ravel().tolist()) for fold in np.unique(pairs.folds)]

    assert len(people) == 8
    assert sum(len(each) for each in people) == len(set.union(*people)) == 72


def test_the_protocol_is_large_and_holds_both_kinds_in_every_fold() -> None:
    """At least a thousand pairs of each kind, and no fold without one of them."""
    pairs = open_dataset("faces?part=pairs").pairs
    assert pairs.folds is not None

    assert pairs.genuine.sum() >= 1000
    assert (~pairs.genuine).sum() >= 1000
    for fold in np.unique(pairs.folds):
        assert 0 < pairs.genuine[pairs.folds == fold].mean() < 1


def test_strips_hold_every_yaw_of_every_person() -> None:
    """Nine tiles from -0.8 to 0.8 rad; impostor pairs are at equal yaw."""
    dataset = open_dataset("faces?part=strips")
    yaws = sorted({face.yaw_rad for face in dataset.faces if face.yaw_rad is not None})
    difference = dataset.pairs.yaw_difference_rad

    np.testing.assert_allclose(yaws, np.arange(-0.8, 0.81, 0.2), atol=1e-9)
    assert len(dataset.faces) == 72 * 9
    assert dataset.has_yaw
    assert (difference[~dataset.pairs.genuine] == 0).all()
    assert sorted(set(difference[dataset.pairs.genuine])) == pytest.approx(np.arange(0.2, 1.61, 0.2))


def test_groups_are_balanced() -> None:
    """The groups of a label have equally many people, within a third."""
    people = {face.subject: dict(face.groups) for face in open_dataset("faces").faces}

    for label in ("sex", "age_group", "skin_tone"):
        values = [labels[label] for labels in people.values()]
        counts = [values.count(value) for value in set(values)]
        assert min(counts) >= max(counts) * 2 / 3, f"{label}: {sorted(counts)}"


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder that a test may damage."""
    folder = tmp_path / "faces"
    shutil.copytree(FOLDER, folder)
    monkeypatch.setattr(bundled, "bundled_folder", lambda: folder)
    return folder


def test_a_changed_file_is_refused_by_name(copied: Path) -> None:
    """A set that differs from the manifest is refused."""
    victim = copied / json.loads((copied / "manifest.json").read_text())["images"][0]["file"]
    victim.write_bytes(victim.read_bytes() + b"x")

    with pytest.raises(
        DatasetError, match=r"strip\.webp: missing, or its hash is not that of the manifest: install facecheck"
    ):
        open_dataset("faces")


def test_a_damaged_manifest_is_refused(copied: Path) -> None:
    """A truncated file is named."""
    (copied / "manifest.json").write_text("{")

    with pytest.raises(DatasetError, match=r"manifest\.json: damaged"):
        open_dataset("faces")


@pytest.mark.parametrize("spec", ["faces:/etc", "faces?part=all", "faces?parts=pairs"])
def test_an_unknown_part_is_refused(spec: str) -> None:
    """The two parts are named."""
    with pytest.raises(DatasetError, match="part"):
        open_dataset(spec)
