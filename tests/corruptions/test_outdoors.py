"""Low light, motion, lossy compression and coloured light."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import PIL.Image
import pytest
from skimage import color

from facecheck.corruptions import CORRUPTIONS, Applied
from facecheck.corruptions.light import black_body
from facecheck.errors import UnreadableImageError
from facecheck.faces import Image
from tests.support.photographs import HOPPER, photograph

DIGEST = bytes(32)
PHOTOGRAPH: Image = photograph(HOPPER)[20:320, 100:400]


@pytest.mark.parametrize("quality", [10, 30, 50, 70, 90])
@pytest.mark.parametrize(
    ("name", "kind", "options"),
    [
        pytest.param("jpeg", "JPEG", {"subsampling": 2}, id="jpeg"),
        pytest.param("webp", "WEBP", {}, id="webp"),
    ],
)
def test_files_are_pillows_own(name: str, kind: str, options: dict[str, Any], quality: int) -> None:
    """The pixels are those of a file that is saved with Pillow at this quality and opened again."""
    file = io.BytesIO()
    PIL.Image.fromarray(PHOTOGRAPH).save(file, kind, quality=quality, **options)

    np.testing.assert_array_equal(Applied(name, quality).apply(PHOTOGRAPH, DIGEST), np.array(PIL.Image.open(file)))


@pytest.mark.parametrize(("name", "longest"), [("jpeg", 65_500), ("webp", 16_383)])
def test_an_image_that_the_format_cannot_hold_is_unreadable(name: str, longest: int) -> None:
    """The error concerns one image, and the run continues."""
    wide = np.zeros((1, longest + 1, 3), dtype=np.uint8)

    assert Applied(name, 50).apply(wide[:, :-1], DIGEST).shape == (1, longest, 3)
    with pytest.raises(UnreadableImageError, match=f"up to {longest} px, and the image has {longest + 1} x 1"):
        Applied(name, 50).apply(wide, DIGEST)


@pytest.mark.parametrize("name", ["jpeg", "webp"])
def test_lower_quality_lies_farther_from_the_clean_image(name: str) -> None:
    """The levels run from 90 down to 10."""
    lost = [
        np.abs(Applied(name, level).apply(PHOTOGRAPH, DIGEST).astype(int) - PHOTOGRAPH).mean()
        for level in CORRUPTIONS[name].levels
    ]

    assert lost == sorted(lost)
    assert lost[-1] > 2 * lost[1] > 0


def test_little_light_is_counted_in_electrons() -> None:
    """Mean and deviation of the linear values of a grey that is a fifth of white, three stops down."""
    grey = np.full((200, 200, 3), 124, dtype=np.uint8)
    linear = np.asarray(color.rgb2xyz(Applied("low_light", 3).apply(grey, DIGEST) / 255.0))[..., 1]
    white, seen = 1000 / 2**3, float(color.rgb2xyz(grey[:1, :1] / 255.0)[0, 0, 1])

    assert linear.mean() == pytest.approx(seen / 2**1.5, rel=0.02)
    # Luminance adds up three channels with squared weights of 0.562 in all.
    electrons = seen * white
    expected = np.sqrt(0.562 * (electrons + 3**2)) / electrons * seen / 2**1.5
    assert linear.std() == pytest.approx(expected, rel=0.08)


def test_less_light_is_darker_and_noisier() -> None:
    """At once."""
    grey = np.full((100, 100, 3), 160, dtype=np.uint8)
    seen = [Applied("low_light", stops).apply(grey, DIGEST) for stops in CORRUPTIONS["low_light"].levels]

    means, noises = ([float(f(image)) for image in seen] for f in (np.mean, lambda i: np.std(i) / np.mean(i)))
    assert means == sorted(means, reverse=True)
    assert noises == sorted(noises)
    assert noises[0] == 0


@pytest.mark.parametrize(
    ("kelvin", "x", "y"),
    [
        pytest.param(2856, 0.4476, 0.4074, id="illuminant-A"),
        pytest.param(6504, 0.3135, 0.3237, id="6504-K"),
        pytest.param(4000, 0.3805, 0.3768, id="4000-K"),
        pytest.param(2000, 0.5267, 0.4133, id="2000-K"),
    ],
)
def test_lamps_have_the_colours_of_black_bodies(kelvin: float, x: float, y: float) -> None:
    """Chromaticities from tables, through scikit-image's own matrix."""
    xyz = np.linalg.inv(color.colorconv.rgb_from_xyz) @ black_body(kelvin)

    np.testing.assert_allclose(xyz[:2] / xyz.sum(), (x, y), atol=0.003)


def test_a_warmer_lamp_colours_grey_more() -> None:
    """Redder and less blue from level to level, its luminance kept; a negative level is blue."""
    grey = np.full((1, 1, 3), 100, dtype=np.uint8)
    seen = np.array(
        [Applied("colour_cast", m).apply(grey, DIGEST)[0, 0] for m in (-100, *range(0, 300, 50))], dtype=int
    )

    ratio = seen[:, 0] / np.maximum(seen[:, 2], 1)
    assert (np.diff(ratio) > 0).all()
    assert seen[1].tolist() == [100, 100, 100]
    luminance = np.array([color.rgb2xyz(value[None, None] / 255.0)[0, 0, 1] for value in seen])
    np.testing.assert_allclose(luminance, luminance[1], rtol=0.03)


@pytest.mark.parametrize("percent", [10, 30, 60])
def test_motion_smears_along_a_line_of_its_length(percent: float) -> None:
    """Of the distance between the eyes, here 100 px, evenly to both sides, in all directions in turn."""
    point = np.zeros((201, 201, 3), dtype=np.uint8)
    point[99:102, 99:102] = 255
    landmarks = np.array([[50, 60], [150, 60], [100, 117], [59, 175], [141, 175]], dtype=np.float32)
    angles = []
    for number in range(12):
        seen = Applied("motion_angle", percent).apply(point, bytes([number] * 32), landmarks)[..., 0].astype(float)
        rows, columns = np.nonzero(seen > seen.max() / 3)
        offset = np.stack([columns - 100, rows - 100], axis=1)
        spread, axes = np.linalg.eigh(np.cov(offset.T))
        assert np.sqrt(12 * spread[1]) == pytest.approx(np.hypot(percent, 3), rel=0.2)
        assert np.abs(offset.mean(axis=0)).max() < 0.7
        angles.append(float(np.arctan2(axes[1, 1], axes[0, 1]) % np.pi))

    assert np.ptp(angles) > np.pi / 2
