"""The studies' degradations equal Pillow's own output, and the studies' formulas, written out here a second time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import PIL.Image
import pytest
from PIL import ImageDraw, ImageEnhance, ImageFilter, ImageOps

from facecheck.corruptions import CORRUPTIONS, Applied, of_family
from facecheck.faces import Image
from tests.support.photographs import HOPPER, photograph

Picture = PIL.Image.Image
DIGEST = bytes(32)
NOISE: Image = np.random.default_rng(3).integers(0, 256, (140, 170, 3), dtype=np.uint8)
PICTURES = [
    pytest.param(NOISE, id="noise"),
    pytest.param(photograph(HOPPER), id="photograph"),
    pytest.param(NOISE[:1, :1], id="one-pixel"),
    pytest.param(NOISE[:8], id="flat"),
    pytest.param(NOISE[::2, ::-1], id="view"),
]

SEPIA = (0.393, 0.769, 0.189, 0, 0.349, 0.686, 0.168, 0, 0.272, 0.534, 0.131, 0)
CASES: list[tuple[str, Callable[[Picture], Picture]]] = [
    *((f"blur:{radius}", lambda p, r=radius: p.filter(ImageFilter.GaussianBlur(r))) for radius in (0.5, 1, 2, 3, 4, 5)),
    ("greyscale:1", lambda p: p.convert("L").convert("RGB")),
    ("sepia:1", lambda p: p.convert("RGB", SEPIA)),
    ("tint:1", lambda p: ImageOps.colorize(ImageOps.grayscale(p), black=(0, 0, 0), white=(255, 165, 0))),
    ("invert:1", ImageOps.invert),
    ("more_contrast:2", lambda p: ImageEnhance.Contrast(p).enhance(2)),
    ("more_brightness:1.5", lambda p: ImageEnhance.Brightness(p).enhance(1.5)),
]


@pytest.mark.parametrize("image", PICTURES)
@pytest.mark.parametrize(("identity", "pillow"), [pytest.param(*case, id=case[0]) for case in CASES])
def test_pixels_are_pillows_own(identity: str, pillow: Callable[[Picture], Picture], image: Image) -> None:
    """Byte for byte, so that the studies' figures can be compared."""
    expected = np.asarray(pillow(PIL.Image.fromarray(image)))

    np.testing.assert_array_equal(Applied.parse(identity).apply(image, DIGEST), expected)


@pytest.mark.parametrize("side", [128, 96, 64, 48, 32])
def test_resolution_is_pillows_own_resize(side: int) -> None:
    """Its default filter, which is bicubic, on the pixels of a picture that is wider than high."""
    small = PIL.Image.fromarray(NOISE).resize((round(170 * side / 140), side))

    np.testing.assert_array_equal(Applied("resolution", side).apply(NOISE, DIGEST), np.asarray(small))
    np.testing.assert_array_equal(Applied("upscaled", side).apply(NOISE, DIGEST), np.asarray(small.resize((170, 140))))


@pytest.mark.parametrize("name", ["resolution", "upscaled"])
def test_a_smaller_image_keeps_its_pixels(name: str) -> None:
    """Nothing is scaled up to the level, nor scaled down and up again."""
    np.testing.assert_array_equal(Applied(name, 96).apply(NOISE[:90], DIGEST), NOISE[:90])


def test_the_shorter_side_is_scaled_whichever_it_is() -> None:
    """Portrait and landscape images lose the same."""
    assert Applied("resolution", 32).apply(NOISE[:64, :128], DIGEST).shape == (32, 64, 3)
    assert Applied("resolution", 32).apply(NOISE[:128, :64], DIGEST).shape == (64, 32, 3)


def test_sepia_weighs_the_channels_as_is_customary() -> None:
    """Within Pillow's rounding of the three weighted sums, which saturate at white."""
    weights = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
    expected = np.minimum(NOISE @ weights.T, 255)

    np.testing.assert_allclose(Applied("sepia", 1).apply(NOISE, DIGEST), expected, rtol=0, atol=0.51)


@pytest.mark.parametrize("name", ["greyscale", "tint"])
def test_pixels_of_one_luma_come_out_alike(name: str) -> None:
    """Colours of equal luma become equal, whatever their hue."""
    red, grey = np.full((1, 1, 3), (201, 0, 0), dtype=np.uint8), np.full((1, 1, 3), 60, dtype=np.uint8)

    np.testing.assert_array_equal(Applied(name, 1).apply(red, DIGEST), Applied(name, 1).apply(grey, DIGEST))


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        ("blur", (0, 1, 2, 3, 4, 5)),
        ("resolution", (0, 128, 96, 64, 48, 32)),
        ("upscaled", (0, 128, 96, 64, 48, 32)),
        ("study_square", (0, 5, 10, 15, 20)),
        ("study_resolution", (0, 256, 128, 96, 64, 48, 32)),
        ("more_contrast", (0, 2)),
        ("more_brightness", (0, 1.5)),
    ],
)
def test_the_levels_are_the_studies_own(name: str, levels: tuple[float, ...]) -> None:
    """As the studies' tables have them."""
    assert CORRUPTIONS[name].levels == levels


# The studies' own pixels, where they are not Pillow's.


def pixel_by_pixel_sepia(image: Image) -> Image:
    """Return the study's loop over pixels: ``int`` of each weighted sum, at most 255."""
    toned = np.empty_like(image)
    for row, column in np.ndindex(*image.shape[:2]):
        r, g, b = (int(value) for value in image[row, column])
        toned[row, column] = (
            min(255, int(0.393 * r + 0.769 * g + 0.189 * b)),
            min(255, int(0.349 * r + 0.686 * g + 0.168 * b)),
            min(255, int(0.272 * r + 0.534 * g + 0.131 * b)),
        )
    return toned


@pytest.mark.parametrize("image", PICTURES)
def test_study_sepia_is_the_studys_formula(image: Image) -> None:
    """Byte for byte."""
    np.testing.assert_array_equal(Applied("study_sepia", 1).apply(image, DIGEST), pixel_by_pixel_sepia(image))


def test_study_sepia_holds_for_every_sum_that_is_nearly_whole() -> None:
    """Where truncation of a float decides: all greys, and all pairs of two channels."""
    values = np.arange(256, dtype=np.uint8)
    grey = np.repeat(values[None, :, None], 3, axis=2)
    red, green = np.meshgrid(values, values)
    pairs: Image = np.stack([red, green, red[::-1]], axis=2)

    for image in (grey, pairs):
        np.testing.assert_array_equal(Applied("study_sepia", 1).apply(image, DIGEST), pixel_by_pixel_sepia(image))


def test_most_pixels_of_pillows_sepia_are_another() -> None:
    """By one, upwards; which is why there are two."""
    pillow, study = (Applied(name, 1).apply(NOISE, DIGEST).astype(int) for name in ("sepia", "study_sepia"))

    assert set(np.unique(pillow - study).tolist()) == {0, 1}
    assert 0.6 < (pillow != study).any(axis=2).mean() < 0.9


@pytest.mark.parametrize(("percent", "side"), [(5, 13), (10, 26), (15, 38), (20, 51)])
def test_study_square_is_drawn_with_both_ends(percent: int, side: int) -> None:
    """On LFW's 250 px; as Pillow draws ``rectangle`` with the study's corners."""
    white: Image = np.full((250, 250, 3), 255, dtype=np.uint8)
    painted = Applied("study_square", percent).apply(white, DIGEST)

    assert int((painted == 0).all(axis=2).any(axis=0).sum()) == side
    assert int((painted == 0).all(axis=2).any(axis=1).sum()) == side
    start = (250 - (side - 1)) // 2
    assert (painted[start : start + side, start : start + side] == 0).all()


@pytest.mark.parametrize("image", [p for p in PICTURES if p.id != "flat"])
@pytest.mark.parametrize("percent", [5, 10, 15, 20, 100])
def test_study_square_is_the_studys_formula(percent: int, image: Image) -> None:
    """Byte for byte, on pictures of other shapes too."""
    picture = PIL.Image.fromarray(image)
    side = int(min(picture.size) * percent / 100)
    x, y = (picture.width - side) // 2, (picture.height - side) // 2
    ImageDraw.Draw(picture).rectangle([x, y, x + side, y + side], fill="black")

    np.testing.assert_array_equal(Applied("study_square", percent).apply(image, DIGEST), np.asarray(picture))


@pytest.mark.parametrize("image", PICTURES)
@pytest.mark.parametrize("side", [256, 128, 96, 64, 48, 32])
def test_study_resolution_squashes(side: int, image: Image) -> None:
    """Byte for byte Pillow's ``resize((side, side))``, which scales small pictures up."""
    resized = Applied("study_resolution", side).apply(image, DIGEST)

    assert resized.shape == (side, side, 3)
    np.testing.assert_array_equal(resized, np.asarray(PIL.Image.fromarray(image).resize((side, side))))


def test_the_studies_levels_are_offered() -> None:
    """By name, beside the older ones."""
    assert [entry.name for entry in of_family("studies")] == ["study_sepia", "study_square", "study_resolution"]
