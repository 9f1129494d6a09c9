"""Degradations: equal to their source, harmless to their input, refused where unknown."""

from __future__ import annotations

import numpy as np
import PIL.Image
import pytest
from PIL import ImageFilter

from facecheck.corruptions import CLEAN, CORRUPTIONS, Applied
from facecheck.errors import FacecheckError
from facecheck.faces import Image

PHOTOGRAPH: Image = np.random.default_rng(3).integers(0, 256, (40, 30, 3), dtype=np.uint8)
DIGEST = bytes(32)
EVERY = [
    pytest.param(name, level, id=f"{name}-{level:g}") for name, entry in CORRUPTIONS.items() for level in entry.levels
]


@pytest.mark.parametrize("level", CORRUPTIONS["blur"].levels)
def test_blur_is_pillows_own_gaussian(level: float) -> None:
    """Byte for byte at every level, so that the studies' figures can be compared."""
    expected = np.asarray(PIL.Image.fromarray(PHOTOGRAPH).filter(ImageFilter.GaussianBlur(level)))

    np.testing.assert_array_equal(Applied("blur", level).apply(PHOTOGRAPH, DIGEST), expected)


def test_blur_has_the_studys_six_radii() -> None:
    """0 to 5 pixels."""
    assert CORRUPTIONS["blur"].levels == (0, 1, 2, 3, 4, 5)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_level_0_is_the_clean_image(name: str) -> None:
    """Not a copy that went through the function."""
    assert Applied(name, 0.0).apply(PHOTOGRAPH, DIGEST) is PHOTOGRAPH
    assert CORRUPTIONS[name].levels[0] == 0


@pytest.mark.parametrize(("name", "level"), EVERY)
def test_the_input_is_not_changed(name: str, level: float) -> None:
    """The same pixels are degraded at every level in turn."""
    image = PHOTOGRAPH.copy()
    image.setflags(write=False)

    degraded = Applied(name, level).apply(image, DIGEST)

    np.testing.assert_array_equal(image, PHOTOGRAPH)
    assert degraded.shape == image.shape
    assert degraded.dtype == np.uint8


@pytest.mark.parametrize(("name", "level"), EVERY)
def test_pixels_are_the_same_every_time(name: str, level: float) -> None:
    """In any process: chance is seeded by name, level and image alone."""
    first, second = (Applied(name, level).apply(PHOTOGRAPH, DIGEST) for _ in range(2))

    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("cut", [np.s_[::2, ::2], np.s_[:, ::-1], np.s_[5:20, 3:17]], ids=["steps", "mirror", "window"])
def test_a_view_is_degraded_like_its_copy(cut: tuple[slice, slice]) -> None:
    """However the pixels lie in memory."""
    view = PHOTOGRAPH[cut]

    np.testing.assert_array_equal(
        Applied("blur", 2.0).apply(view, DIGEST), Applied("blur", 2.0).apply(np.ascontiguousarray(view), DIGEST)
    )


@pytest.mark.parametrize(
    ("applied", "identity"),
    [
        pytest.param(CLEAN, "clean", id="clean"),
        pytest.param(Applied("blur", 0), "clean", id="level-0"),
        pytest.param(Applied("blur", 2.0), "blur:2", id="whole"),
        pytest.param(Applied("blur", 0.5), "blur:0.5", id="half"),
    ],
)
def test_identities_name_the_pixels(applied: Applied, identity: str) -> None:
    """Every clean image is the same; 2 and 2.0 are one level."""
    assert applied.identity == identity


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_levels_of_a_corruption_have_identities_of_their_own(name: str) -> None:
    """The cache is keyed by them."""
    levels = CORRUPTIONS[name].levels

    assert len({Applied(name, level).identity for level in levels}) == len(levels)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("blurr", r"corruption 'blurr' is unknown\. Did you mean blur\? Known: blur", id="misspelt"),
        pytest.param("xyz", r"corruption 'xyz' is unknown\. Known: blur", id="nothing-near"),
    ],
)
def test_an_unknown_corruption_is_refused_with_the_nearest(name: str, message: str) -> None:
    """At once, not in the middle of the run."""
    with pytest.raises(FacecheckError, match=message):
        Applied(name, 1.0)
