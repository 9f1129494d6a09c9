"""The studies' degradations equal Pillow's own output, written out here a second time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import PIL.Image
import pytest
from PIL import ImageEnhance, ImageFilter, ImageOps

from facecheck.corruptions import CORRUPTIONS, Applied
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
        ("more_contrast", (0, 2)),
        ("more_brightness", (0, 1.5)),
    ],
)
def test_the_levels_are_the_studies_own(name: str, levels: tuple[float, ...]) -> None:
    """As the studies' tables have them."""
    assert CORRUPTIONS[name].levels == levels
