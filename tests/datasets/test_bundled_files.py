"""The committed faces: balanced, disjoint, complete, and refused when they are not what the manifest says."""

import json
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facecheck.datasets import bundled
from facecheck.datasets.bundled import bundled_folder, read_bundled
from facecheck.datasets.dataset import Dataset
from facecheck.errors import DatasetError
from facecheck.specs import Spec

FOLDER = bundled_folder()
LARGEST_BYTES = 8 * 2**20
WIDEST_YAW_RAD = 0.6


def read(name: str) -> dict[str, Any]:
    """Return one of the set's two JSON files."""
    content: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return content


def opened(part: str) -> Dataset:
    """Return a part of the set."""
    return read_bundled(Spec.parse(f"faces?part={part}", error=DatasetError))


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    """Everything about every file."""
    return read("manifest.json")


@pytest.fixture(scope="module")
def pairs() -> Dataset:
    """The whole protocol."""
    return opened("pairs")


@pytest.fixture(scope="module")
def sample() -> Dataset:
    """The part that is measured often."""
    return opened("sample")


def cell(manifest: dict[str, Any], subject: str) -> tuple[str, ...]:
    """Return sex, age group and skin tone of a person."""
    return tuple(manifest["people"][subject]["labels"].values())


def test_people_are_balanced(manifest: dict[str, Any]) -> None:
    """Three people in each cell of two sexes, three age groups and four skin tones."""
    cells = Counter(cell(manifest, subject) for subject in manifest["people"])

    assert len(cells) == 2 * 3 * 4
    assert set(cells.values()) == {3}


def test_everybody_has_a_strip_and_six_further_pictures(manifest: dict[str, Any]) -> None:
    """Nine tiles from -0.8 to 0.8 rad by 0.2, and six pictures of different kinds."""
    kinds: dict[str, list[str]] = {}
    for image in manifest["images"]:
        kinds.setdefault(image["subject"], []).append(image["kind"])
        if image["kind"] == "strip":
            yaws = [tile["yaw_rad"] for tile in image["tiles"]]
            assert len(yaws) == 9
            assert [round(b - a, 9) for a, b in pairwise(yaws)] == [0.2] * 8
            assert (yaws[0], yaws[-1]) == (-0.8, 0.8)

    assert set(kinds) == set(manifest["people"])
    assert {len(set(each)) for each in kinds.values()} == {7}


def test_the_set_is_small_and_holds_no_other_files(manifest: dict[str, Any]) -> None:
    """The set has at most 8 MiB: the files of the manifest and three text files."""
    files = {path.relative_to(FOLDER).as_posix(): path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()}

    assert sum(files.values()) <= LARGEST_BYTES
    texts = {"manifest.json", "protocol.json", "README.md"}
    assert set(files) == {image["file"] for image in manifest["images"]} | texts


def test_folds_share_nobody_and_keep_siblings_together(pairs: Dataset) -> None:
    """No person and no sibling of theirs is in two folds."""
    folds_of: dict[str, set[int]] = {}
    assert pairs.pairs.folds is not None
    for (first, second), fold in zip(pairs.pairs.indices, pairs.pairs.folds, strict=True):
        for index in (first, second):
            family = pairs.faces[index].subject.partition("s")[0]
            folds_of.setdefault(family, set()).add(int(fold))

    assert {len(folds) for folds in folds_of.values()} == {1}
    assert set.union(*folds_of.values()) == set(range(8))


def test_pairs_suffice_for_a_false_match_rate_of_one_percent(pairs: Dataset) -> None:
    """At least 3000 impostor pairs and about as many genuine, none of them twice, none of a head turned away."""
    genuine = int(pairs.pairs.genuine.sum())
    impostor = len(pairs.pairs) - genuine
    rows = {tuple(sorted(row)) for row in pairs.pairs.indices.tolist()}

    assert impostor >= 3000
    assert 0.9 <= genuine / impostor <= 1.1
    assert len(rows) == len(pairs.pairs)
    assert max(abs(face.yaw_rad or 0.0) for face in pairs.faces) <= WIDEST_YAW_RAD


def test_siblings_meet_as_impostors(pairs: Dataset, manifest: dict[str, Any]) -> None:
    """Each sibling of the set is compared with the person they resemble."""
    siblings = {name for name in manifest["people"] if "s" in name}
    met = set()
    for first, second in pairs.pairs.indices[~pairs.pairs.genuine]:
        names = sorted((pairs.faces[first].subject, pairs.faces[second].subject))
        if names[1].partition("s")[0] == names[0]:
            met.add(names[1])

    assert len(siblings) >= 10
    assert met == siblings


def test_the_sample_is_small_and_balanced(sample: Dataset, manifest: dict[str, Any]) -> None:
    """As many genuine as impostor pairs in each fold, over 72 pictures of one person of every cell."""
    assert sample.pairs.folds is not None
    kinds = Counter(zip(sample.pairs.folds.tolist(), sample.pairs.genuine.tolist(), strict=True))
    cells = Counter(cell(manifest, subject) for subject in {face.subject for face in sample.faces})

    assert len(sample.faces) == 72
    assert len(sample.pairs) == 144
    assert set(kinds.values()) == {9}
    assert len(cells) == 24
    assert set(cells.values()) == {1}


def test_the_sample_is_part_of_the_whole(sample: Dataset, pairs: Dataset) -> None:
    """Every pair of the sample is one of the protocol, in the same fold."""

    def rows(dataset: Dataset) -> set[tuple[int, str, str]]:
        assert dataset.pairs.folds is not None
        named = [[dataset.faces[index].source.name for index in row] for row in dataset.pairs.indices]
        return {(int(fold), *sorted(row)) for fold, row in zip(dataset.pairs.folds, named, strict=True)}

    assert rows(sample) < rows(pairs)
    assert (sample.name, pairs.name) == ("faces-sample", "faces")


def test_strips_hold_every_genuine_pair_of_yaws() -> None:
    """Thirty-six genuine pairs of each of 72 people, and impostors at equal yaw only."""
    strips = opened("strips")
    impostor = strips.pairs.take(np.flatnonzero(~strips.pairs.genuine))

    assert int(strips.pairs.genuine.sum()) == 72 * 36
    assert set(impostor.yaw_difference_rad.tolist()) == {0.0}


@pytest.mark.parametrize("text", ["faces?part=all", "faces:somewhere"])
def test_an_unknown_part_is_refused(text: str) -> None:
    """The message names the parts."""
    with pytest.raises(DatasetError, match=r"expected faces or one of its parts: faces\?part=pairs\|sample\|strips"):
        read_bundled(Spec.parse(text, error=DatasetError))


def test_a_changed_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manifest: dict[str, Any]) -> None:
    """A picture with one changed byte is refused."""
    copy = tmp_path / "faces"
    shutil.copytree(FOLDER, copy)
    changed = copy / manifest["images"][-1]["file"]
    content = bytearray(changed.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(content)
    monkeypatch.setattr(bundled, "bundled_folder", lambda: copy)

    with pytest.raises(DatasetError, match="missing, or its hash is not that of the manifest"):
        opened("pairs")


def test_a_damaged_manifest_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A truncated file is reported as damaged."""
    (tmp_path / "manifest.json").write_bytes((FOLDER / "manifest.json").read_bytes()[:1000])
    monkeypatch.setattr(bundled, "bundled_folder", lambda: tmp_path)

    with pytest.raises(DatasetError, match="damaged"):
        opened("pairs")
