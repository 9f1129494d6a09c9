"""Occlusions hide their part of the face and no other."""

from __future__ import annotations

import numpy as np
import pytest

from facecheck.corruptions import CORRUPTIONS, Applied
from facecheck.faces import Image
from tests.support.portrait import LANDMARKS, PORTRAIT, digest

LEFT_EYE, RIGHT_EYE, NOSE, LEFT_MOUTH, RIGHT_MOUTH = ((int(x), int(y)) for x, y in LANDMARKS)
MOUTH = ((LEFT_MOUTH[0] + RIGHT_MOUTH[0]) // 2, (LEFT_MOUTH[1] + RIGHT_MOUTH[1]) // 2)
FOREHEAD = (126, 70)
GREY: Image = np.full((240, 240, 3), 200, dtype=np.uint8)


def changed(identity: str, image: Image = PORTRAIT, landmarks: np.ndarray | None = LANDMARKS) -> np.ndarray:
    """Return the absolute change of each pixel, ``(h, w)``."""
    degraded = Applied.parse(identity).apply(image, digest(1), landmarks)
    return np.asarray(np.abs(degraded.astype(int) - image).max(axis=2))


def at(map_: np.ndarray, point: tuple[int, int]) -> float:
    """Return the mean over 3 x 3 pixels around x and y."""
    x, y = point
    return float(map_[y - 1 : y + 2, x - 1 : x + 2].mean())


@pytest.mark.parametrize(
    ("percent", "shape", "rows", "columns"),
    [
        pytest.param(20, (10, 10), (4, 6), (4, 6), id="even"),
        pytest.param(10, (10, 20), (4, 5), (9, 10), id="wide"),
        pytest.param(20, (40, 15), (18, 21), (6, 9), id="high"),
        pytest.param(100, (6, 8), (0, 6), (1, 7), id="whole"),
        pytest.param(5, (8, 8), (3, 4), (3, 4), id="at-least-one-pixel"),
    ],
)
def test_the_square_is_black_and_in_the_middle(
    percent: float, shape: tuple[int, int], rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    """Its side is a share of the shorter one; worked out by hand."""
    image = np.full((*shape, 3), 9, dtype=np.uint8)
    expected = image.copy()
    expected[rows[0] : rows[1], columns[0] : columns[1]] = 0

    np.testing.assert_array_equal(Applied("square", percent).apply(image, digest(1)), expected)


def test_the_square_has_the_studys_sides() -> None:
    """Of LFW's 250 px, though the nearest even number would do as well."""
    sides = [int((changed(f"square:{percent}", GREY) > 0).any(axis=0).sum()) for percent in (5, 10, 15, 20)]

    assert sides == [12, 24, 36, 48]


@pytest.mark.parametrize("opacity", CORRUPTIONS["sunglasses"].levels[1:])
def test_sunglasses_darken_the_eyes_and_nothing_below(opacity: float) -> None:
    """The tip of the nose, the mouth and the forehead stay visible."""
    image = PORTRAIT.copy()
    image[95:110, 98:155] = 190
    degraded = Applied("sunglasses", opacity).apply(image, digest(1), LANDMARKS)

    for x, y in (LEFT_EYE, RIGHT_EYE):
        expected = 190 + opacity / 100 * (np.array([24, 24, 28]) - 190)
        np.testing.assert_allclose(degraded[y, x], expected, atol=1)
    for point in (NOSE, MOUTH, LEFT_MOUTH, RIGHT_MOUTH, FOREHEAD):
        assert at(np.abs(degraded.astype(int) - image).max(axis=2), point) == 0


@pytest.mark.parametrize("percent", CORRUPTIONS["mask"].levels[1:])
def test_a_mask_covers_the_mouth_and_not_the_eyes(percent: float) -> None:
    """From a height of 50 % on the nose is covered, too."""
    degraded = Applied("mask", percent).apply(PORTRAIT, digest(1), LANDMARKS)
    blue = degraded[..., 2].astype(int) - degraded[..., 0] > 40

    for point in (MOUTH, LEFT_MOUTH, RIGHT_MOUTH):
        assert at(blue, point) == 1
    assert at(blue, NOSE) == (percent >= 50)
    for point in (LEFT_EYE, RIGHT_EYE, FOREHEAD):
        assert at(changed(f"mask:{percent:g}"), point) == 0


@pytest.mark.parametrize("name", ["sunglasses", "mask"])
def test_what_is_worn_moves_with_the_face(name: str) -> None:
    """The occlusion follows the face."""
    applied = Applied(name, CORRUPTIONS[name].levels[-1])
    shift = np.array([31, -17])

    here = applied.apply(GREY, digest(1), LANDMARKS)
    there = applied.apply(GREY, digest(1), LANDMARKS + shift.astype(np.float32))

    np.testing.assert_array_equal(np.roll(here, shift[::-1], axis=(0, 1)), there)


@pytest.mark.parametrize("name", ["sunglasses", "mask"])
def test_what_is_worn_is_mirrored_with_the_face(name: str) -> None:
    """Neither side is preferred, but for the rounding of drawn edges."""
    applied = Applied(name, CORRUPTIONS[name].levels[-1])
    mirrored = (LANDMARKS * (-1, 1) + (GREY.shape[1] - 1, 0))[[1, 0, 2, 4, 3]].astype(np.float32)

    here, there = applied.apply(GREY, digest(1), LANDMARKS), applied.apply(GREY, digest(1), mirrored)

    differs = np.abs(here[:, ::-1].astype(int) - there).max(axis=2) > 60
    assert differs.mean() < 0.1 * (np.abs(here.astype(int) - GREY).max(axis=2) > 60).mean()


@pytest.mark.parametrize("name", ["sunglasses", "mask", "patch"])
def test_what_is_worn_grows_with_the_face(name: str) -> None:
    """A face of twice the size has four times as many pixels hidden."""
    applied = Applied(name, CORRUPTIONS[name].levels[-1])
    wide = np.full((800, 800, 3), 200, dtype=np.uint8)
    at_middle = LANDMARKS - LANDMARKS.mean(axis=0) + np.float32(400)
    twice = 2 * (at_middle - 400) + np.float32(400)

    hidden = [(applied.apply(wide, digest(1), points) != wide).any(axis=2).sum() for points in (at_middle, twice)]

    assert hidden[1] / hidden[0] == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("name", ["sunglasses", "mask", "patch"])
def test_what_is_worn_lies_in_the_middle_where_no_face_is_known(name: str) -> None:
    """As documented, the image is always changed."""
    hidden = changed(f"{name}:{CORRUPTIONS[name].levels[-1]:g}", GREY, None) > 0
    rows, columns = np.nonzero(hidden)

    assert hidden.mean() > 0.02
    assert rows.min() > 50
    assert rows.max() < 215
    assert columns.min() > 50
    assert columns.max() < 190


def test_a_turned_head_wears_a_temple_on_the_side_that_is_seen() -> None:
    """The far one would be drawn over the face."""
    turned = LANDMARKS.copy()
    turned[2, 0] += 14

    hidden = changed("sunglasses:100", GREY, turned) > 0
    lens_middle = LANDMARKS[:2, 0].mean()

    columns = np.flatnonzero(hidden.any(axis=0))
    assert lens_middle - columns.min() > 1.5 * (columns.max() - lens_middle)


@pytest.mark.parametrize("percent", [25, 50, 100, 125])
def test_a_patch_is_a_square_of_its_side(percent: float) -> None:
    """Of the distance between the eyes, which is 43.1 px, wherever it lies."""
    tops = set()
    for number in range(8):
        painted = Applied("patch", percent).apply(GREY, digest(number), LANDMARKS)
        rows, columns = np.nonzero((painted != GREY).any(axis=2))
        side = round(43.1 * percent / 100)
        assert [int(np.ptp(places)) + 1 for places in (rows, columns)] == [side, side]
        assert len(rows) > 0.95 * side**2
        tops.add((int(rows.min()), int(columns.min())))

    assert len(tops) > 6


def test_patches_come_to_lie_all_over_the_face() -> None:
    """In each quarter of it, and with their middle on it."""
    middles = []
    for number in range(60):
        rows, columns = np.nonzero((Applied("patch", 25).apply(GREY, digest(number), LANDMARKS) != GREY).any(axis=2))
        middles.append((columns.mean(), rows.mean()))
    offsets = (np.array(middles) - LANDMARKS.mean(axis=0)) / 43

    assert (np.abs(offsets) < 1.6).all()
    quarters = {(bool(x > 0), bool(y > 0)) for x, y in offsets}
    assert len(quarters) == 4


def test_a_patch_at_the_edge_is_cut_off() -> None:
    """Only the part inside the image is drawn."""
    corner = LANDMARKS - LANDMARKS.mean(axis=0).astype(np.float32)

    hidden = [
        (Applied("patch", 125).apply(GREY, digest(number), corner) != GREY).any(axis=2).sum() for number in range(20)
    ]

    assert 0 < np.mean(hidden) < 0.6 * 54**2
