"""facecheck make-bin: what it writes is read by insightface's loader and by bin:, and is refused where it cannot be."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from facecheck.cli import main
from facecheck.datasets import open_dataset
from facecheck.faces.decoding import decode, read

FACES = "faces?part=sample"
MODEL = "tests.plugin.test_suite:colours"
MIDDLE = slice(40, 72), slice(40, 72)  # of a crop: around it lies what is beyond the picture, which is black


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Twelve people in the form of LFW, two shades of a colour each, in two folds; one picture is in three pairs."""
    folder = tmp_path / "people"
    generator = np.random.default_rng(0)
    lines = ["2\t3"]
    for number in range(12):
        name = f"p{number:02d}"
        (folder / name).mkdir(parents=True)
        for image in (1, 2):
            pixels = np.full((160, 160, 3), generator.integers(40, 250, 3), dtype=np.uint8)
            PIL.Image.fromarray(pixels).save(folder / name / f"{name}_000{image}.jpg")
    for fold in (0, 6):
        lines += [f"p{fold + k:02d}\t1\t2" for k in range(3)]
        lines += [f"p{fold:02d}\t1\tp{fold + 3 + k:02d}\t1" for k in range(3)]
    (tmp_path / "pairs.txt").write_text("\n".join(lines) + "\n")
    return folder


def make(*arguments: str) -> int:
    """Run the command without a cache."""
    return main(["make-bin", *arguments, "--cache", "none"])


def test_insightface_reads_what_was_written(people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Images 2i and 2i+1 are the pairs of the list, fold by fold, cut out at 112 px; ours reads the same."""
    spec = f"lfw:{people}?pairs={tmp_path / 'pairs.txt'}"
    file = tmp_path / "a.bin"

    assert make(spec, "--out", str(file), "--model", MODEL, "--form", "png") == 0

    # As insightface's load_bin does it, on a file that we wrote ourselves.
    images, same = pickle.loads(file.read_bytes(), encoding="bytes")  # noqa: S301
    listed, dataset = open_dataset(spec), open_dataset(f"bin:{file}")
    assert same == [True] * 3 + [False] * 3 + [True] * 3 + [False] * 3 == listed.pairs.genuine.tolist()
    assert len(images) == 24
    for (a, b), first, second in zip(listed.pairs.indices.tolist(), images[::2], images[1::2], strict=True):
        for face, image in ((listed.faces[a], first), (listed.faces[b], second)):
            whole = decode(read(face.source), "a")
            crop = decode(image, "b")
            assert crop.shape == (112, 112, 3)
            np.testing.assert_array_equal(crop[MIDDLE], np.full((32, 32, 3), whole[0, 0]))
    assert [read(dataset.faces[side].source) for side in dataset.pairs.indices.ravel().tolist()] == images
    assert dataset.pairs.genuine.tolist() == same
    assert len(dataset.faces) == 18, "a picture that is in three pairs is in the file once"
    assert "12 pairs, 6 of them genuine, of 18 images of 112 px" in capsys.readouterr().out


def test_jpegs_differ_by_little_and_quality_is_theirs(people: Path, tmp_path: Path) -> None:
    """Of a plain colour, JPEG of quality 100 is within two steps; a lower quality is a smaller file."""
    spec = f"lfw:{people}?pairs={tmp_path / 'pairs.txt'}"
    sizes = []
    for quality in ("100", "30"):
        file = tmp_path / f"{quality}.bin"
        assert make(spec, "--out", str(file), "--model", MODEL, "--quality", quality) == 0
        sizes.append(file.stat().st_size)
    dataset, listed = open_dataset(f"bin:{tmp_path / '100.bin'}"), open_dataset(spec)
    first = decode(read(dataset.faces[0].source), "a")[MIDDLE].astype(int)

    assert np.abs(first - decode(read(listed.faces[0].source), "b")[0, 0]).max() <= 2
    assert sizes[1] < sizes[0]


def test_images_without_a_face_are_centred_and_said_or_refused(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The detector of the tests finds nothing in a black picture."""
    PIL.Image.new("RGB", (160, 160)).save(people / "p03" / "p03_0001.jpg")
    spec = f"lfw:{people}?pairs={tmp_path / 'pairs.txt'}"

    assert make(spec, "--out", str(tmp_path / "a.bin"), "--model", MODEL) == 0
    assert "no face was found in 1 of 18 images" in capsys.readouterr().out
    assert make(spec, "--out", str(tmp_path / "b.bin"), "--model", MODEL, "--faceless", "refuse") == 2
    assert "p03/p03_0001.jpg: no face was found" in capsys.readouterr().err
    assert not (tmp_path / "b.bin").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["faces?part=strips", "--model", MODEL], "expected a verification protocol"),
        ([FACES, "--model", "dlib"], r"its crops are dlib-chip"),
        ([FACES, "--model", MODEL, "--quality", "0"], "--quality 0: expected 1 to 100"),
        (["nothing:x", "--model", MODEL], "data set 'nothing' is unknown"),
    ],
)
def test_what_cannot_be_one_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    """A data set without a protocol, a model with other crops, a quality that is none."""
    assert make(*arguments, "--out", str(tmp_path / "a.bin")) == 2

    assert expected in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither is a folder made."""
    (tmp_path / "a.bin").write_text("mine")

    assert make(FACES, "--out", str(tmp_path / "a.bin"), "--model", MODEL) == 2
    assert make(FACES, "--out", str(tmp_path / "no" / "a.bin"), "--model", MODEL) == 2
    assert "there is no folder" in capsys.readouterr().err
    assert (tmp_path / "a.bin").read_text() == "mine"
