"""What faces meet outside: low light, motion, lossy files and coloured light."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import PIL.Image
import pytest

from facecheck.corruptions import CORRUPTIONS, Applied
from facecheck.errors import UnreadableImageError
from facecheck.faces import Image
from tests.photographs import HOPPER, photograph

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
    """The pixels that a program finds which saved with Pillow at this quality and opened the file again."""
    file = io.BytesIO()
    PIL.Image.fromarray(PHOTOGRAPH).save(file, kind, quality=quality, **options)

    np.testing.assert_array_equal(Applied(name, quality).apply(PHOTOGRAPH, DIGEST), np.array(PIL.Image.open(file)))


@pytest.mark.parametrize(("name", "longest"), [("jpeg", 65_500), ("webp", 16_383)])
def test_an_image_that_the_format_cannot_hold_is_unreadable(name: str, longest: int) -> None:
    """One image is lost by it, and the run goes on."""
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
