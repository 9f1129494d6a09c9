"""Decoding image files: every mode that photographs come in, and files that are none."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import ImageFile

from facecheck.errors import UnreadableImageError
from facecheck.faces import ImageSource
from facecheck.faces.decoding import MAX_PIXELS, cut_tile, decode, digest, file_digest, image_size, read

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM")
RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)
NOISE = np.random.default_rng(7).integers(0, 256, (64, 48, 3), dtype=np.uint8)


def encoded(image: PIL.Image.Image, form: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def by_opencv(pixels: npt.NDArray[np.uint16], suffix: str) -> bytes:
    return cv2.imencode(suffix, pixels)[1].tobytes()


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png_header(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def jpeg_header(width: int, height: int) -> bytes:
    content = bytearray(encoded(PIL.Image.fromarray(NOISE), "JPEG"))
    start = content.index(b"\xff\xc0")
    content[start + 5 : start + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def bmp_header(width: int, height: int) -> bytes:
    content = bytearray(encoded(PIL.Image.fromarray(NOISE), "BMP"))
    content[18:26] = struct.pack("<ii", width, height)
    return bytes(content)


HEADERS = [pytest.param(png_header, id="png"), pytest.param(jpeg_header, id="jpeg"), pytest.param(bmp_header, id="bmp")]


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM"])
def test_colours_come_back_as_they_were(form: str) -> None:
    """``(h, w, 3)`` uint8 RGB, contiguous and free to be changed."""
    image = decode(encoded(PIL.Image.fromarray(NOISE), form), "a")

    np.testing.assert_array_equal(image, NOISE)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert image.flags.writeable


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_lossy_formats_keep_red_red(form: str) -> None:
    """The order of channels is RGB."""
    image = decode(encoded(PIL.Image.new("RGB", (16, 8), (250, 5, 5)), form), "a")

    assert image.shape == (8, 16, 3)
    assert np.abs(image.reshape(-1, 3).mean(axis=0) - (250, 5, 5)).max() < 8


def palette() -> PIL.Image.Image:
    image = PIL.Image.fromarray(RAMP, mode=None).convert("P")
    image.putpalette([value for index in range(256) for value in (index, 255 - index, index // 2)])
    return image


PALETTE = np.stack((RAMP, 255 - RAMP, RAMP // 2), axis=-1)
GREY = np.repeat(RAMP[:, :, None], 3, axis=2)
INK = np.stack((RAMP, RAMP // 2, RAMP // 4, np.zeros_like(RAMP)), axis=-1)
SEE_THROUGH = np.concatenate((NOISE, NOISE[:, :, :1]), axis=-1)
GREY_SEE_THROUGH = np.stack((RAMP, 255 - RAMP), axis=-1)
FEW = np.array([[0, 255], [255, 0]], dtype=np.uint8)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(encoded(PIL.Image.fromarray(RAMP)), GREY, id="grey-png"),
        pytest.param(encoded(PIL.Image.fromarray(RAMP), "TIFF"), GREY, id="grey-tiff"),
        pytest.param(encoded(PIL.Image.fromarray(RAMP), "PPM"), GREY, id="grey-pgm"),
        pytest.param(encoded(PIL.Image.fromarray(GREY_SEE_THROUGH)), GREY, id="grey-with-transparency"),
        pytest.param(encoded(PIL.Image.fromarray(FEW).convert("1")), np.repeat(FEW[:, :, None], 3, 2), id="one-bit"),
        pytest.param(encoded(palette()), PALETTE, id="palette-png"),
        pytest.param(encoded(palette(), "BMP"), PALETTE, id="palette-bmp"),
        pytest.param(encoded(palette(), transparency=3), PALETTE, id="palette-one-colour-transparent"),
        pytest.param(encoded(palette(), transparency=bytes(range(256))), PALETTE, id="palette-half-transparent"),
        pytest.param(encoded(PIL.Image.fromarray(SEE_THROUGH)), NOISE, id="rgba-png"),
        pytest.param(encoded(PIL.Image.fromarray(SEE_THROUGH), "TIFF"), NOISE, id="rgba-tiff"),
        pytest.param(
            encoded(PIL.Image.fromarray(SEE_THROUGH), "WEBP", lossless=True, exact=True), NOISE, id="rgba-webp"
        ),
        pytest.param(encoded(PIL.Image.fromarray(INK, "CMYK"), "TIFF"), 255 - INK[:, :, :3], id="cmyk-tiff"),
    ],
)
def test_every_mode_becomes_eight_bit_rgb(content: bytes, expected: npt.NDArray[np.uint8]) -> None:
    """Exactly, where the format keeps every bit; transparency is dropped, not painted."""
    image = decode(content, "a")

    np.testing.assert_array_equal(image, expected)
    assert image.dtype == np.uint8


def test_a_cmyk_jpeg_is_not_inverted() -> None:
    """Photoshop's inverted inks are inverted by Pillow: white stays white."""
    paper = PIL.Image.new("CMYK", (8, 8), (0, 0, 0, 0))

    assert decode(encoded(paper, "JPEG"), "a").min() > 250


WIDE = (np.arange(256, dtype=np.uint16) * 257).reshape(16, 16)
WIDE_COLOURS = np.stack((WIDE, WIDE[::-1], WIDE.T), axis=-1)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(encoded(PIL.Image.fromarray(WIDE)), id="png"),
        pytest.param(encoded(PIL.Image.fromarray(WIDE), "TIFF"), id="tiff-little-endian"),
        pytest.param(encoded(PIL.Image.fromarray(WIDE.astype(">u2")), "TIFF"), id="tiff-big-endian"),
        pytest.param(encoded(PIL.Image.fromarray(WIDE), "TIFF", compression="tiff_lzw"), id="tiff-compressed"),
        pytest.param(encoded(PIL.Image.fromarray(WIDE), "PPM"), id="pgm"),
        pytest.param(encoded(PIL.Image.fromarray(WIDE.astype(np.int32)), "TIFF"), id="tiff-32-bit-container"),
    ],
)
def test_sixteen_bits_are_scaled_and_not_clipped(content: bytes) -> None:
    """Pillow's own conversion would turn all but the darkest 256th white."""
    np.testing.assert_array_equal(decode(content, "a"), GREY)


UNIT = (RAMP / 255).astype(np.float32)


@pytest.mark.parametrize(
    "pixels",
    [
        pytest.param(UNIT, id="floats-to-1"),
        pytest.param(RAMP.astype(np.float32), id="floats-to-255"),
        pytest.param(RAMP.astype(np.int32), id="32-bit-integers-to-255"),
        pytest.param(WIDE.astype(np.int32), id="32-bit-integers-to-65535"),
    ],
)
def test_wide_numbers_of_a_tiff_are_scaled_by_their_largest(pixels: npt.NDArray[np.generic]) -> None:
    """Floats in 0..1 and 32-bit integers in 0..255 turned black: Pillow clips the ones, and the others were divided."""
    np.testing.assert_array_equal(decode(encoded(PIL.Image.fromarray(pixels), "TIFF"), "a"), GREY)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        pytest.param(UNIT * 1000, "floats from 0 to 1000: expected 0 to 1, or to 255", id="floats-beyond"),
        pytest.param(UNIT - 0.5, "floats from -0.5 to 0.5", id="negative-floats"),
        pytest.param(UNIT * np.nan, "floats from nan to nan", id="nan"),
        pytest.param(WIDE.astype(np.int32) * 3, "32-bit integers from 0 to 196605", id="integers-beyond"),
        pytest.param(WIDE.astype(np.int32) - 9, "32-bit integers from -9 to 65526", id="negative-integers"),
    ],
)
def test_numbers_without_a_rule_are_refused(pixels: npt.NDArray[np.generic], message: str) -> None:
    """What is white in them is not known."""
    with pytest.raises(UnreadableImageError, match=rf"^Ann/a\.tif: its numbers are {message}"):
        decode(encoded(PIL.Image.fromarray(pixels), "TIFF"), "Ann/a.tif")


def test_a_black_sixteen_bit_picture_stays_black() -> None:
    """In a PNG or a PGM the numbers say themselves how wide they are."""
    dark = np.full((4, 4), 200, dtype=np.uint16)

    for form in ("PNG", "PPM", "TIFF"):
        assert decode(encoded(PIL.Image.fromarray(dark), form), "a").max() == 1


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "I;16"])
def test_a_large_picture_is_the_sum_of_its_bands(mode: str) -> None:
    """Rows are converted in bands, the last of which is shorter."""
    noise = np.random.default_rng(3).integers(0, 256, (1101, 1009, 4), dtype=np.uint8)
    made = PIL.Image.fromarray(noise[:, :, 0].astype(np.uint16) * 257) if mode == "I;16" else None
    made = made or PIL.Image.fromarray(noise).convert("RGB").convert(mode)
    expected = noise[:, :, :1].repeat(3, axis=2) if mode == "I;16" else np.asarray(made.convert("RGB"))

    np.testing.assert_array_equal(decode(encoded(made), "a"), expected)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bit_colours_are_scaled_and_not_clipped(suffix: str) -> None:
    """Three channels of sixteen bits each, as cameras and scanners write them."""
    image = decode(by_opencv(WIDE_COLOURS[:, :, ::-1], suffix), "a")

    np.testing.assert_array_equal(image, WIDE_COLOURS // 257)


ARROW = np.zeros((24, 16, 3), dtype=np.uint8)
ARROW[:8, :8] = 255  # a white block at the upper left


@pytest.mark.parametrize(
    ("orientation", "stored"),
    [
        pytest.param(1, ARROW, id="as-it-is"),
        pytest.param(2, ARROW[:, ::-1], id="mirrored"),
        pytest.param(3, ARROW[::-1, ::-1], id="upside-down"),
        pytest.param(4, ARROW[::-1], id="flipped"),
        pytest.param(5, ARROW.transpose(1, 0, 2), id="transposed"),
        pytest.param(6, np.rot90(ARROW, 1), id="turned-left"),
        pytest.param(7, ARROW[::-1, ::-1].transpose(1, 0, 2), id="transversed"),
        pytest.param(8, np.rot90(ARROW, -1), id="turned-right"),
    ],
)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_rotation_is_applied(orientation: int, stored: npt.NDArray[np.uint8], form: str) -> None:
    """Telephones store the sensor's pixels and, in EXIF, how the telephone was held."""
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation

    image = decode(encoded(PIL.Image.fromarray(np.ascontiguousarray(stored)), form, exif=exif), "a")

    assert image.shape == ARROW.shape
    assert np.abs(image.astype(int) - ARROW).mean() < 3


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_that_of_the_rotated_image(orientation: int, form: str, tmp_path: Path) -> None:
    """Otherwise a strip's tiles would be counted on other sides than they are cut from."""
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    content = encoded(PIL.Image.fromarray(ARROW), form, exif=exif)
    (tmp_path / "a").write_bytes(content)

    height, width, _ = decode(content, "a").shape
    assert image_size(tmp_path / "a") == (width, height)


# Orientation 6 beside a BitsPerSample of the wrong type, as found by fuzzing.
BAD_EXIF = bytes.fromhex(
    "457869660000 4d4d002a00000008 0002 010200010000000600000026 011200030000000100060000 00000000 68656c6c6f00"
)


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "PNG"])
@pytest.mark.parametrize(
    "exif",
    [
        pytest.param(BAD_EXIF, id="wrong-type"),
        pytest.param(BAD_EXIF[:24], id="cut-short"),
        pytest.param(b"Exif\0\0rubbish", id="rubbish"),
    ],
)
def test_a_damaged_exif_never_ends_the_run(form: str, exif: bytes) -> None:
    """The pixels are whole: they are read, or the image is refused in words."""
    content = encoded(PIL.Image.fromarray(NOISE), form, exif=exif)

    try:
        image = decode(content, "a.jpg")
    except UnreadableImageError as error:
        assert str(error).startswith("a.jpg: ")  # noqa: PT017 - either answer is right
    else:
        assert sorted(image.shape) == [3, 48, 64]


@pytest.mark.parametrize("switched_on", [False, True])
@pytest.mark.parametrize("form", FORMATS)
def test_a_truncated_image_is_refused(form: str, switched_on: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001 - a parameter
    """Half a face is no face, even after importing face_recognition, which sets Pillow to accept it."""
    content = encoded(PIL.Image.fromarray(NOISE), form)
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", switched_on)

    with pytest.raises(UnreadableImageError, match=r"^half\.img: (damaged or truncated|not an image)"):
        decode(content[: len(content) // 2], "half.img")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"Dear diary\n", id="text"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", id="svg"),
        pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", id="postscript"),
        pytest.param(encoded(PIL.Image.new("P", (4, 4)), "GIF"), id="gif"),
        pytest.param(b"\0" * 1000, id="zeros"),
        pytest.param(b"\xff", id="one-byte"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_is_no_image_of_a_known_format_is_refused(content: bytes) -> None:
    """By name, with the formats that are read; the suffix does not matter."""
    with pytest.raises(UnreadableImageError) as raised:
        decode(content, "Ann/a.jpg")

    assert str(raised.value) == ("Ann/a.jpg: not an image that can be read (expected JPEG, PNG, WEBP, BMP, TIFF, PPM)")


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize(
    ("width", "height"),
    [pytest.param(20_000, 10_000, id="200-megapixels"), pytest.param(12_500, 10_000, id="125-megapixels")],
)
def test_a_huge_image_is_refused_from_its_header(header: object, width: int, height: int) -> None:
    """Before memory is allocated; the message gives size, limit and what to do."""
    assert callable(header)
    with pytest.raises(UnreadableImageError) as raised:
        decode(header(width, height), "a.png")

    assert str(raised.value) == (
        f"a.png: {width * height} pixels are more than {MAX_PIXELS // 1_000_000} megapixels; scale it down first"
    )


@pytest.mark.parametrize(
    ("form", "options"),
    [
        pytest.param("PNG", {}, id="animated-png"),
        pytest.param("WEBP", {"lossless": True}, id="animated-webp"),
        pytest.param("TIFF", {}, id="pages-of-a-tiff"),
    ],
)
def test_of_several_frames_the_first_is_read(form: str, options: dict[str, object]) -> None:
    """Always the same one."""
    frames = [PIL.Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]

    content = encoded(frames[0], form, save_all=True, append_images=frames[1:], **options)

    assert decode(content, "a")[4, 4].tolist() == [255, 0, 0]


def test_of_a_stereo_jpeg_the_first_picture_is_read() -> None:
    """Telephones write more than one picture into a file."""
    frames = [PIL.Image.new("RGB", (8, 8), colour) for colour in ("white", "black")]

    assert decode(encoded(frames[0], "MPO", save_all=True, append_images=frames[1:]), "a").min() > 250


SEEDS = [encoded(PIL.Image.fromarray(NOISE[:8, :6]).convert(mode), form) for form in FORMATS for mode in ("RGB", "L")]


@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.none() | st.integers(0, 400),
)
@example(seed=encoded(PIL.Image.fromarray(NOISE), "JPEG", exif=BAD_EXIF), changes=[(0, 0xFF)], cut=None)
def test_hostile_bytes_give_pixels_or_a_reason(seed: bytes, changes: list[tuple[int, int]], cut: int | None) -> None:
    """Never another exception, which would end the whole run for one file."""
    content = bytearray(seed)
    for position, value in changes:
        content[position % len(content)] = value

    try:
        image = decode(bytes(content[:cut]), "a.jpg")
    except UnreadableImageError as error:
        assert str(error).startswith("a.jpg: ")  # noqa: PT017 - either answer is right
    else:
        assert image.ndim == 3
        assert image.shape[2] == 3


def test_decoding_in_threads_leaves_the_filters_of_warnings_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loader threads decode at once; ``catch_warnings`` in each would leave every later warning ignored."""
    content = encoded(PIL.Image.fromarray(NOISE))
    open_image = PIL.Image.open
    inside = {"first": threading.Event(), "second": threading.Event()}
    first_done = threading.Event()

    def staged(*arguments: object, **options: object) -> object:
        name = threading.current_thread().name
        inside[name].set()
        (inside["second"] if name == "first" else first_done).wait(0.5)
        return open_image(*arguments, **options)  # type: ignore[arg-type]

    with warnings.catch_warnings():  # so that other tests are not affected
        monkeypatch.setattr(PIL.Image, "open", staged)
        before = list(warnings.filters)
        first = threading.Thread(target=decode, args=(content, "a"), name="first")
        second = threading.Thread(target=decode, args=(content, "b"), name="second")
        first.start()
        inside["first"].wait(0.5)
        second.start()
        first.join()
        first_done.set()
        second.join()

        assert list(warnings.filters) == before


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param("missing", "cannot be read: No such file or directory", id="missing"),
        pytest.param("folder", "cannot be read: Is a directory", id="folder"),
        pytest.param("empty", r"the file is empty \(0 bytes\)", id="zero-bytes"),
        pytest.param("loop", "cannot be read: Too many levels of symbolic links", id="link-to-itself"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(make: str, message: str, tmp_path: Path) -> None:
    """By the name that reports use."""
    path = tmp_path / "a.jpg"
    if make == "folder":
        path.mkdir()
    elif make == "empty":
        path.touch()
    elif make == "loop":
        path.symlink_to(path)

    with pytest.raises(UnreadableImageError, match=rf"^Ann/a\.jpg: {message}$"):
        read(ImageSource(path, "Ann/a.jpg"))


@pytest.mark.parametrize("reader", [read, file_digest, lambda source: image_size(source.path)])
def test_a_pipe_that_took_a_picture_s_place_does_not_hang(
    reader: Callable[[ImageSource], object], tmp_path: Path
) -> None:
    """Nobody ever writes into it."""
    os.mkfifo(tmp_path / "a.jpg")

    with pytest.raises(UnreadableImageError, match=r"a\.jpg: .*no regular file, but a device, a pipe"):
        reader(ImageSource(tmp_path / "a.jpg", "a.jpg"))


@pytest.mark.parametrize("reader", [read, file_digest, lambda source: image_size(source.path)])
def test_a_device_and_a_sparse_file_are_not_read(reader: Callable[[ImageSource], object], tmp_path: Path) -> None:
    """They hold more than any memory."""
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    with (tmp_path / "sparse.png").open("wb") as stream:
        stream.truncate(12 * 2**30)

    with pytest.raises(UnreadableImageError, match="no regular file"):
        reader(ImageSource(tmp_path / "zero.png", "zero.png"))
    with pytest.raises(UnreadableImageError, match="the file is too large: 12288 MiB are more than 512 MiB"):
        reader(ImageSource(tmp_path / "sparse.png", "sparse.png"))


BOMB = """
import io, resource, sys
import numpy as np
import PIL.Image
from facecheck.faces.decoding import decode
content = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
image = decode(content, "bomb.png")
print(len(content), round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024))
"""


def test_a_bomb_of_allowed_size_takes_what_the_documentation_says() -> None:
    """89 megapixels out of a few kilobytes: 3 bytes a pixel for us, and Pillow's own."""
    bomb = encoded(PIL.Image.new("RGB", (9400, 9500)))
    done = subprocess.run([sys.executable, "-c", BOMB], check=True, capture_output=True, input=bomb)

    size, mebibytes = map(int, done.stdout.split())
    assert size < 300_000
    assert mebibytes < 650


def test_reading_returns_the_bytes(tmp_path: Path) -> None:
    """Undecoded: they are hashed first."""
    (tmp_path / "a.jpg").write_bytes(b"bytes")

    assert read(ImageSource(tmp_path / "a.jpg", "a.jpg")) == b"bytes"
    for tile in (None, 0, 3):
        assert file_digest(ImageSource(tmp_path / "a.jpg", "a.jpg", tile)) == digest(b"bytes", tile)


@pytest.mark.parametrize("form", FORMATS)
def test_the_size_is_read_from_the_header_alone(form: str, tmp_path: Path) -> None:
    """(width, height), even where the rest is missing."""
    content = encoded(PIL.Image.fromarray(NOISE), form)
    (tmp_path / "a").write_bytes(content if form == "WEBP" else content[: -len(NOISE)])

    assert image_size(tmp_path / "a") == (48, 64)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="zero-bytes"),
        pytest.param(b"Dear diary", id="text"),
        pytest.param(None, id="missing"),
        pytest.param(png_header(60_000, 60_000), id="beyond-all-measure"),
    ],
)
def test_a_size_that_cannot_be_read_is_refused_by_path(content: bytes | None, tmp_path: Path) -> None:
    """An UnreadableImageError, which readers turn into a note."""
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)

    with pytest.raises(UnreadableImageError) as raised:
        image_size(tmp_path / "a.png")

    assert str(raised.value).startswith(f"{tmp_path / 'a.png'}: not an image that can be read")


STRIP = np.repeat(np.arange(5, dtype=np.uint8), 4)[None, :, None].repeat(4, axis=0).repeat(3, axis=2)


@pytest.mark.parametrize("tile", range(5))
def test_tiles_are_counted_from_the_left(tile: int) -> None:
    """Each a square of the strip's height, contiguous."""
    cut = cut_tile(STRIP, tile)

    assert cut.shape == (4, 4, 3)
    assert np.all(cut == tile)
    assert cut.flags.c_contiguous


@pytest.mark.parametrize(
    ("width", "tile"),
    [pytest.param(20, 5, id="beyond-the-last"), pytest.param(19, 4, id="cut-off"), pytest.param(3, 0, id="upright")],
)
def test_a_tile_outside_the_strip_is_refused(width: int, tile: int) -> None:
    """With the strip's size."""
    with pytest.raises(UnreadableImageError, match=rf"a strip of {width} x 4 px has no tile {tile}"):
        cut_tile(STRIP[:, :width], tile)


def test_a_digest_is_32_bytes_of_content_alone() -> None:
    """The same content gives the same digest, whatever its path."""
    assert digest(b"abc") == digest(b"abc")
    assert len(digest(b"abc")) == len(digest(b"abc", 3)) == 32


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param((b"abc", None), (b"abd", None), id="content"),
        pytest.param((b"abc", None), (b"abc", 0), id="whole-and-first-tile"),
        pytest.param((b"abc", 1), (b"abc", 2), id="tiles"),
        pytest.param((b"abc", 1), (b"abc", 11), id="tiles-that-begin-alike"),
        pytest.param((b"abc", 1), (b"abc#1", None), id="tile-and-content-that-spells-it"),
    ],
)
def test_digests_differ_where_pixels_do(one: tuple[bytes, int | None], other: tuple[bytes, int | None]) -> None:
    """Otherwise the cache would return another image's face."""
    assert digest(*one) != digest(*other)
