"""insightface's .bin: every form that people have is read, everything else is refused by its name and runs nothing."""

from __future__ import annotations

import io
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from facecheck.corruptions import CLEAN
from facecheck.datasets import open_dataset
from facecheck.datasets.pickled import read_pickle
from facecheck.errors import DatasetError
from facecheck.faces.decoding import read
from facecheck.pipeline.work import Work, load, pixels_of
from tests.support.hostile import Hostile

LABELS = [True, False] * 20


def picture(number: int, *, side: int = 112) -> bytes:
    """Return a small JPEG; its bytes hold quotes, line ends and backslashes somewhere."""
    pixels = np.random.default_rng(number).integers(0, 255, (side // 8, side // 8, 3), dtype=np.uint8)
    stream = io.BytesIO()
    PIL.Image.fromarray(pixels).resize((side, side)).save(stream, "JPEG", quality=60)
    return stream.getvalue()


IMAGES = [picture(number) for number in range(80)]


def written(path: Path, content: object, *, protocol: int = 4) -> Path:
    """Write a pickle of our own."""
    path.write_bytes(pickle.dumps(content, protocol))
    return path


def python_2(images: list[bytes], labels: list[bool], *, protocol: int) -> bytes:
    """Return what Python 2 pickles: str in both of its forms, truth values as numbers in protocol 0."""
    if protocol == 0:
        items = b"".join(b"S" + _python_2_repr(image) + b"\np%d\na" % n for n, image in enumerate(images))
        return b"((lp900\n" + items + b"(lp901\n" + b"".join(b"I0%d\na" % each for each in labels) + b"tp902\n."
    items = b"".join(_python_2_str(image) for image in images)
    return b"\x80\x02](" + items + b"e](" + b"".join(b"\x88" if each else b"\x89" for each in labels) + b"e\x86q\x00."


def _python_2_str(image: bytes) -> bytes:
    short = len(image) < 256
    return (b"U" + bytes([len(image)]) if short else b"T" + struct.pack("<i", len(image))) + image


def _python_2_repr(image: bytes) -> bytes:
    """Return repr(str) of Python 2, which is repr(bytes) of Python 3 without its letter."""
    return repr(image)[1:].encode("ascii")


FORMS: dict[str, Callable[[bytes], object]] = {
    "bytes": bytes,
    "bytearray": bytearray,
    "array": lambda image: np.frombuffer(image, dtype=np.uint8),
    "column": lambda image: np.frombuffer(image, dtype=np.uint8)[:, None],
}
TRUTHS: dict[str, Callable[[list[bool]], object]] = {
    "list": list,
    "array": np.array,
    "numpy's": lambda labels: [np.bool_(each) for each in labels],
    "numbers": lambda labels: tuple(map(int, labels)),
}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("truths", TRUTHS)
def test_every_form_of_python_3_and_numpy_is_read(tmp_path: Path, protocol: int, form: str, truths: str) -> None:
    """The bytes of each image are those that were pickled; images 2i and 2i+1 are a pair."""
    images, labels = IMAGES[:8], LABELS[:4]
    file = written(
        tmp_path / "a.bin", ([FORMS[form](each) for each in images], TRUTHS[truths](labels)), protocol=protocol
    )

    dataset = open_dataset(f"bin:{file}")

    assert [read(face.source) for face in dataset.faces] == images
    assert dataset.pairs.indices.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert dataset.pairs.genuine.tolist() == labels
    assert (dataset.name, dataset.aligned, dataset.faces[3].source.name) == ("a", True, "a.bin#3")


@pytest.mark.parametrize("protocol", [0, 2])
def test_python_2_is_read(tmp_path: Path, protocol: int) -> None:
    """Its str in quotes with escapes, or with its length; both are what pickle itself makes of the file."""
    file = tmp_path / "a.bin"
    file.write_bytes(python_2(IMAGES[:8], LABELS[:4], protocol=protocol))
    assert pickle.loads(file.read_bytes(), encoding="bytes")[0] == IMAGES[:8]  # noqa: S301 - our own

    dataset = open_dataset(f"bin:{file}")

    assert [read(face.source) for face in dataset.faces] == IMAGES[:8]
    assert dataset.pairs.genuine.tolist() == LABELS[:4]


def test_folds_are_tenths_of_the_file_and_images_stay_in_it(tmp_path: Path) -> None:
    """Forty pairs are ten folds of four; a decoded image is that of its bytes, and its size is known before."""
    dataset = open_dataset(f"bin:{written(tmp_path / 'a.bin', (IMAGES, LABELS))}")
    (work,) = load([Work(dataset.faces[5].source, b"")], corruption=CLEAN)
    assert dataset.pairs.folds is not None

    assert dataset.pairs.folds.tolist() == [number // 4 for number in range(40)]
    assert "changed during the run" in work.unreadable  # it has no digest
    assert pixels_of(work) == 112 * 112
    assert dataset.protocol == "40 pairs of a.bin, 10 folds"
    assert dataset.notes == ()


def test_a_file_of_one_kind_and_then_the_other_has_folds_of_both(tmp_path: Path) -> None:
    """Twenty genuine and twenty impostor pairs: tenths in order would have one kind each."""
    dataset = open_dataset(f"bin:{written(tmp_path / 'a.bin', (IMAGES, sorted(LABELS, reverse=True)))}")
    assert dataset.pairs.folds is not None

    assert dataset.pairs.folds.tolist() == [number // 2 for number in range(20)] * 2
    assert "parts of the genuine and of the impostor pairs" in dataset.notes[0]


def test_images_of_the_same_bytes_show_one_person(tmp_path: Path) -> None:
    """Pairs 0 and 2 share an image, so that three images are one person's, and a fold keeps them together."""
    images = [*IMAGES[:8]]
    images[4] = images[0]
    dataset = open_dataset(f"bin:{written(tmp_path / 'a.bin', (images, [True, False, True, False]))}")
    subjects = [face.subject for face in dataset.faces]

    # The file refers to the image again, so that it is one of seven.
    assert len(subjects) == 7
    assert subjects[0] == subjects[1] == subjects[4]
    assert len(set(subjects)) == 5


def test_labels_that_equal_images_contradict_are_said(tmp_path: Path) -> None:
    """A genuine pair and an impostor pair of equal pictures: the pairs stay as they are labelled."""
    images = [IMAGES[0], IMAGES[1], bytes(bytearray(IMAGES[0])), bytes(bytearray(IMAGES[1])), *IMAGES[2:6]]
    dataset = open_dataset(f"bin:{written(tmp_path / 'a.bin', (images, [True, False, True, False]))}")

    assert dataset.pairs.genuine.tolist() == [True, False, True, False]
    assert "labels contradict each other where images are equal" in dataset.notes[0]


def test_pictures_of_another_size_are_no_aligned_crops(tmp_path: Path) -> None:
    """It is said, and detector=none is not recommended."""
    images = [picture(number, side=96) for number in range(4)]
    dataset = open_dataset(f"bin:{written(tmp_path / 'a.bin', (images, [True, False]))}")

    assert not dataset.aligned
    assert "of 96 x 96 px, not aligned crops of 112 px" in dataset.notes[-1]


# Hostile twins.


def opcode(*parts: bytes) -> bytes:
    """Return a pickle of these opcodes."""
    return b"\x80\x04" + b"".join(parts) + b"."


NONSENSE = {
    "a function": (opcode(b"cos\nsystem\n(S'true'\ntR"), r"os\.system: not followed"),
    "a stack global": (opcode(b"\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R"), r"os\.system: not followed"),
    "an instance": (opcode(b"(S'true'\nios\nsystem\n"), "opcode INST"),
    "an object": (opcode(b"(cos\nsystem\no"), r"os\.system"),
    "a new object": (opcode(b"cnumpy\nndarray\n)\x81"), "opcode NEWOBJ"),
    "numpy's loader": (opcode(b"cnumpy\nload\nS'x'\n\x85R"), r"numpy\.load"),
    "an extension": (opcode(b"\x82\x01"), "opcode EXT1"),
    "a persistent id": (opcode(b"Pabc\n"), "opcode PERSID"),
    "a buffer": (opcode(b"\x97"), "opcode NEXT_BUFFER"),
    "a dict": (opcode(b"}"), "opcode EMPTY_DICT"),
    "a set": (opcode(b"\x8f"), "opcode EMPTY_SET"),
    "a copy": (opcode(b"]2"), "opcode DUP"),
    "a long": (opcode(b"\x8b" + struct.pack("<i", 2**31 - 1)), "opcode LONG4"),
    "no opcode": (b"\xff\xd8\xff", "byte ff, which is no opcode"),
    "nothing": (b"", "byte missing, which is no opcode"),
    "a name with a line end": (opcode(b"\x8c\x03o\ns\x8c\x01x\x93"), "whose name is none"),
    "too long a claim": (opcode(b"]B" + struct.pack("<I", 2**32 - 1) + b"abc"), "4294967295 bytes are claimed"),
    "a longer claim": (opcode(b"]\x8e" + struct.pack("<Q", 2**63) + b"abc"), "9223372036854775808 bytes are claimed"),
    "a negative claim": (opcode(b"]T" + struct.pack("<i", -5) + b"abc"), "-5 bytes are claimed"),
    "a frame": (opcode(b"\x95" + struct.pack("<Q", 2**40)), "1099511627776 bytes are claimed"),
    "a value that is missing": (opcode(b"a"), "a value is missing"),
    "a list that is missing": (opcode(b"K\x01K\x01a"), "a list is missing"),
    "a mark that is missing": (opcode(b"e"), "a mark is missing"),
    "a memo that is empty": (opcode(b"h\x05"), "value 5 is asked for"),
    "two values": (opcode(b"K\x01K\x02"), "it ends with 2 values"),
    "a second pickle": (opcode(b"K\x01") + b"cos\nsystem\n.", "12 bytes follow"),
    "protocol 9": (b"\x80\x09.", "protocol 9"),
    "an array of objects": (opcode(b"cnumpy\ndtype\nS'O8'\nK\x00K\x01\x87R"), r"numpy\.dtype with other arguments"),
    "an encoding": (opcode(b"c_codecs\nencode\nVabc\nVrot13\n\x86R"), r"_codecs\.encode with other arguments"),
    "a call of a class": (opcode(b"cnumpy\nndarray\nK\x05\x85R"), r"numpy\.ndarray with other arguments"),
    "a call of a number": (opcode(b"K\x01)R"), "int with other arguments"),
    "the state of a list": (opcode(b"])b"), "the state of a list"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_everything_else_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    """The message names the file, the byte, and what lies there."""
    content, expected = NONSENSE[name]
    file = tmp_path / "a.bin"
    file.write_bytes(content)

    with pytest.raises(DatasetError, match=rf"a\.bin, byte \d+: .*{expected}"):
        open_dataset(f"bin:{file}")


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_bomb_leaves_no_trace(tmp_path: Path, protocol: int) -> None:
    """What would make a folder when it is unpickled is refused, wherever it lies in the file."""
    trace = tmp_path / "trace"
    for content in (Hostile(trace), ([Hostile(trace)], [True]), (IMAGES[:2], [Hostile(trace)])):
        file = written(tmp_path / "a.bin", content, protocol=protocol)
        with pytest.raises(DatasetError, match="mkdir: not followed"):
            open_dataset(f"bin:{file}")
    assert not trace.exists()


def test_a_memo_bomb_takes_no_memory(tmp_path: Path) -> None:
    """Lists of lists of lists, each ten times the one before: ten to the fortieth items, in four hundred bytes."""
    layers = b"".join(b"](" + bytes([104, n]) * 10 + b"e" + bytes([113, n + 1]) for n in range(40))
    file = tmp_path / "a.bin"
    file.write_bytes(b"\x80\x04]q\x00" + layers + b"](\x88e\x86" + b".")

    with pytest.raises(DatasetError, match=r"damaged|it ends with|image 0 is a list"):
        open_dataset(f"bin:{file}")


def test_an_array_of_many_sides_is_refused_before_they_are_multiplied(tmp_path: Path) -> None:
    """Their product would have millions of digits."""
    sides = b"(" + (b"\x8a\x05" + (2**39).to_bytes(5, "little")) * 100_000 + b"t"
    file = tmp_path / "a.bin"
    file.write_bytes(
        b"\x80\x03cnumpy.core.numeric\n_frombuffer\n(C\x01a"
        b"cnumpy\ndtype\nX\x02\x00\x00\x00u1\x89\x88\x87R" + sides + b"X\x01\x00\x00\x00CtR."
    )

    with pytest.raises(DatasetError, match=r"numpy\.core\.numeric\._frombuffer with other arguments"):
        read_pickle(file)


def test_deep_nesting_is_refused_without_recursion(tmp_path: Path) -> None:
    """A tuple in a tuple, a hundred thousand times."""
    file = tmp_path / "a.bin"
    file.write_bytes(b"\x80\x04)" + b"\x85" * 100_000 + b".")

    with pytest.raises(DatasetError, match="expected a list of images and a list of truth values"):
        open_dataset(f"bin:{file}")


def test_endless_opcodes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of one opcode repeated holds as many values as it has bytes, up to a limit."""
    monkeypatch.setattr("facecheck.datasets.pickled._MOST_OPCODES", 1000)
    file = tmp_path / "a.bin"
    file.write_bytes(b"N" * 2000)

    with pytest.raises(DatasetError, match="more than 1000 opcodes"):
        read_pickle(file)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ((IMAGES[:3], [True]), "3 images and 1 pairs"),
        (([], []), "0 images and 0 pairs"),
        ((IMAGES[:2], ["yes"]), "label 0 is a text"),
        ((IMAGES[:2], [None]), "label 0 is a NoneType"),
        ((IMAGES[:2], 5), "the labels are a int"),
        ((["a text", IMAGES[0]], [True]), "image 0 is a text"),
        (([5, IMAGES[0]], [True]), "image 0 is a int"),
        (([np.zeros((112, 112, 3), dtype=np.uint8), IMAGES[0]], [True]), r"image 0 is an array u1 \(112, 112, 3\)"),
        (IMAGES[:2], "expected a list of images and a list of truth values"),
        (5, "expected a list of images and a list of truth values"),
    ],
)
def test_other_content_is_refused(tmp_path: Path, content: object, expected: str) -> None:
    """The number of the image or label, and what it is instead."""
    with pytest.raises(DatasetError, match=expected):
        open_dataset(f"bin:{written(tmp_path / 'a.bin', content)}")


def test_a_pair_of_one_image_is_refused(tmp_path: Path) -> None:
    """The file refers to the same bytes twice."""
    with pytest.raises(DatasetError, match="pair 0 compares an image with itself"):
        open_dataset(f"bin:{written(tmp_path / 'a.bin', ([IMAGES[0], IMAGES[0]], [True]))}")


def test_truncated_files_and_pipes_are_refused(tmp_path: Path) -> None:
    """Wherever the file is cut: no part of it is taken for the whole."""
    whole = pickle.dumps((IMAGES[:4], [True, False]), 4)
    file = tmp_path / "a.bin"
    for length in (0, 1, 2, 30, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(DatasetError, match=r"a\.bin"):
            open_dataset(f"bin:{file}")
    pipe = tmp_path / "pipe.bin"
    os.mkfifo(pipe)
    with pytest.raises(DatasetError, match=r"no such file"):
        open_dataset(f"bin:{pipe}")


def test_an_image_that_is_none_is_a_failure_to_acquire(tmp_path: Path) -> None:
    """The pair stays; the pipeline will say which image cannot be read."""
    dataset = open_dataset(f"bin:{written(tmp_path / 'a.bin', ([b'no image', *IMAGES[:3]], [True, False]))}")
    (work,) = load([Work(dataset.faces[0].source, b"")], corruption=CLEAN)

    assert len(dataset.pairs) == 2
    assert "its first image cannot be read" in dataset.notes[-1]
    assert work.unreadable
