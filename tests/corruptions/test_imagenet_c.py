"""ImageNet-C's corruptions against independent implementations, and their sizes relative to the face."""

from __future__ import annotations

import io
import itertools

import numpy as np
import PIL.Image
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import ndimage
from skimage import color, morphology, util

from facecheck.corruptions import Applied, of_family, optics, weather
from facecheck.corruptions.digital import smooth
from facecheck.faces import Image
from facecheck.faces.five_points import FIVE_POINTS_112
from tests.support.portrait import LANDMARKS, PORTRAIT, digest

SEVERITIES = [1, 2, 3, 4, 5]
NOISE: Image = np.random.default_rng(8).integers(0, 256, (90, 110, 3), dtype=np.uint8)
POINT: Image = np.zeros((101, 101, 3), dtype=np.uint8)
POINT[50, 50] = 255
# A face of 224 px in the middle: sizes are the authors' own.
FULL_SIZE = np.array([[77, 103], [147, 103], [112, 143], [83, 185], [141, 184]], dtype=np.float32)


def degraded(name: str, severity: float, image: Image, number: int = 1, landmarks: np.ndarray | None = None) -> Image:
    """Return the degraded image."""
    return Applied(name, severity).apply(image, digest(number), landmarks)


def test_they_are_the_fifteen() -> None:
    """By the authors' names, at their five severities."""
    assert [entry.name for entry in of_family("imagenet_c")] == [
        *("gaussian_noise", "shot_noise", "impulse_noise"),
        *("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
        *("snow", "frost", "fog", "brightness"),
        *("contrast", "elastic_transform", "pixelate", "jpeg_compression"),
    ]
    assert {entry.levels for entry in of_family("imagenet_c")} == {(0, 1, 2, 3, 4, 5)}


@pytest.mark.parametrize(
    ("name", "mode", "options"),
    [
        ("gaussian_noise", "gaussian", [{"var": d**2} for d in (0.08, 0.12, 0.18, 0.26, 0.38)]),
        ("impulse_noise", "s&p", [{"amount": a} for a in (0.03, 0.06, 0.09, 0.17, 0.27)]),
    ],
)
@pytest.mark.parametrize("severity", SEVERITIES)
def test_noise_is_scikit_images(name: str, mode: str, options: list[dict[str, float]], severity: int) -> None:
    """The histogram is the same, within the random error of 120 000 values."""
    grey = np.full((200, 200, 3), 90, dtype=np.uint8)
    peer: np.ndarray = util.random_noise(grey, mode, rng=4, **options[severity - 1])  # type: ignore[no-untyped-call]

    ours = degraded(name, severity, grey)

    edges = np.linspace(-0.5, 255.5, 17)
    share, expected = (np.histogram(values, edges)[0] / values.size for values in (ours, np.round(255 * peer)))
    np.testing.assert_allclose(share, expected, atol=0.006)


@pytest.mark.parametrize(("severity", "photons"), list(zip(SEVERITIES, (60, 25, 12, 5, 3), strict=True)))
def test_shot_noise_counts_photons(severity: int, photons: int) -> None:
    """Mean and variance of a Poisson number, dark enough that none saturate; the values are whole photons."""
    grey = np.full((200, 200, 3), 51, dtype=np.uint8)

    ours = degraded("shot_noise", severity, grey) / 255 * photons

    unclipped = ours[ours < photons - 0.01]
    np.testing.assert_allclose(unclipped, np.round(unclipped), atol=photons / 255)
    assert ours.mean() == pytest.approx(0.2 * photons, rel=0.03)
    assert ours.var() == pytest.approx(0.2 * photons, rel=0.06)


@pytest.mark.parametrize("name", ["gaussian_noise", "shot_noise", "impulse_noise"])
def test_noise_strikes_each_value_alone(name: str) -> None:
    """Neither neighbours nor channels are correlated."""
    noise = degraded(name, 3, np.full((200, 200, 3), 120, dtype=np.uint8)).astype(float) - 120

    red, green = noise[..., 0].ravel(), noise[..., 1].ravel()
    assert abs(np.corrcoef(red, green)[0, 1]) < 0.02
    assert abs(np.corrcoef(red[:-1], red[1:])[0, 1]) < 0.02


@pytest.mark.parametrize(
    ("severity", "radius", "softness"),
    list(zip(SEVERITIES, (3, 4, 6, 8, 10), (0.1, 0.5, 0.5, 0.5, 0.5), strict=True)),
)
def test_defocus_averages_over_a_disk(severity: int, radius: int, softness: float) -> None:
    """Scipy's convolution with scikit-image's disk, its rim blurred by scipy."""
    hard: np.ndarray = morphology.disk(radius, dtype=float)  # type: ignore[no-untyped-call]
    disk = ndimage.gaussian_filter(np.pad(hard, 4), softness)
    expected = ndimage.convolve(NOISE.astype(float), (disk / disk.sum())[:, :, None], mode="mirror")

    np.testing.assert_allclose(degraded("defocus_blur", severity, NOISE), expected, rtol=0, atol=1.0)


def test_motion_is_half_a_gaussian_on_one_side() -> None:
    """A point becomes a trail along which its light falls off as the authors' deviation says."""
    for number, (severity, half, deviation) in itertools.product(range(4), [(1, 10, 3), (5, 20, 15)]):
        seen = degraded("motion_blur", severity, np.pad(POINT, ((40, 40), (40, 40), (0, 0))), number)[..., 0]
        rows, columns = np.nonzero(seen > seen.max() / 20)
        offset = np.stack([columns - 90, rows - 90], axis=1)
        farthest = offset[np.argmax((offset**2).sum(axis=1))]
        direction = farthest / np.hypot(*farthest)
        along, weight = offset @ direction, seen[rows, columns].astype(float)
        assert along.min() > -2
        assert np.abs(offset @ (-direction[1], direction[0])).max() < 2.5
        assert abs(direction[1]) < np.sin(np.pi / 4) + 0.05
        steps = np.arange(0, 2 * half, 0.25)
        light = np.exp(-((steps / deviation) ** 2) / 2)
        assert (along * weight).sum() / weight.sum() == pytest.approx((steps * light).sum() / light.sum(), rel=0.15)


def test_zoom_averages_exposures() -> None:
    """Scipy's own magnifications about the middle, with the factors that the authors' code steps through."""
    steps = [(1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)]
    image = ndimage.gaussian_filter(NOISE.astype(float), (2, 2, 0)).round().astype(np.uint8)
    middle = np.array([44.5, 54.5, 1])
    for severity, (end, step) in zip(SEVERITIES, steps, strict=True):
        exposures = [image.astype(float)]
        for zoom in np.arange(1, end, step):
            shrink = np.array([1 / zoom, 1 / zoom, 1])
            exposures.append(
                ndimage.affine_transform(image.astype(float), shrink, middle * (1 - shrink), order=1, mode="nearest")
            )

        expected = np.mean(exposures, axis=0)
        np.testing.assert_allclose(degraded("zoom_blur", severity, image), expected, rtol=0, atol=1.6)


def test_zoom_stands_still_on_the_face() -> None:
    """Pixels far from the face are blurred."""
    blurred = degraded("zoom_blur", 5, PORTRAIT, landmarks=LANDMARKS)
    difference = np.abs(blurred.astype(int) - PORTRAIT).mean(axis=2)
    y, x = np.mgrid[:250, :250]
    near = np.hypot(x - LANDMARKS[:, 0].mean(), y - LANDMARKS[:, 1].mean()) < 20

    assert difference[near].mean() < 0.5 * difference[~near].mean()


def shuffled(reach: int, share: float = 1.0, rounds: int = 1, side: int = 64) -> np.ndarray:
    """Return where each pixel came from, ``(2, side, side)`` rows and columns away."""
    places = np.arange(side * side).reshape(side, side)
    generator = np.random.default_rng(5)
    for _ in range(rounds):
        places = optics._from_neighbours(places, optics._neighbours(places.shape, reach, share, generator))
    return np.stack([places // side, places % side]) - np.mgrid[:side, :side]


@given(st.integers(1, 5), st.integers(1, 24), st.integers(1, 24), st.integers(0, 99))
def test_glass_visits_pixel_after_pixel(reach: int, height: int, width: int, seed: int) -> None:
    """Equal to the published loop with the same neighbours, overwriting included, in three rounds."""
    generator = np.random.default_rng(seed)
    ours = loop = np.arange(height * width).reshape(height, width)
    for _ in range(3):
        neighbours = optics._neighbours((height, width), reach, 1.0, generator)
        ours = optics._from_neighbours(ours, neighbours)
        loop = loop.copy()
        for row in range(height - reach, reach, -1):
            for column in range(width - reach, reach, -1):
                loop[row, column] = loop[divmod(neighbours[row, column], width)]

    np.testing.assert_array_equal(ours, loop)


def test_a_swap_of_views_overwrites() -> None:
    """What the published line does: the neighbour's value is then there twice."""
    pixels = np.array([[[1, 1, 1], [2, 2, 2]]], dtype=np.uint8)

    pixels[0, 0], pixels[0, 1] = pixels[0, 1], pixels[0, 0]

    assert pixels.tolist() == [[[2, 2, 2], [2, 2, 2]]]


@pytest.mark.parametrize("reach", [1, 2, 3, 4])
def test_glass_draws_from_the_published_neighbourhood(reach: int) -> None:
    """Uniform over ``reach`` px up and left to ``reach - 1`` px down and right, for the pixels that the loop visits."""
    side = 60
    neighbours = optics._neighbours((side, side), reach, 1.0, np.random.default_rng(3))

    away = np.stack([neighbours // side, neighbours % side]) - np.mgrid[:side, :side]
    inner = away[:, reach + 1 : side - reach + 1, reach + 1 : side - reach + 1].reshape(2, -1)
    assert (inner.min(), inner.max()) == (-reach, reach - 1)
    assert np.abs(inner.mean(axis=1) + 0.5).max() < 0.1
    outer = np.ones((side, side), dtype=bool)
    outer[reach + 1 : side - reach + 1, reach + 1 : side - reach + 1] = False
    assert not away[:, outer].any()


def test_fewer_pixels_move_behind_a_smaller_face() -> None:
    """The mean square of the shifts is what is scaled, but for chains, which are rarer then."""
    whole, part = ((shuffled(2, share) ** 2).mean() for share in (1.0, 0.25))

    assert 0.1 < part / whole < 0.3


@pytest.mark.parametrize("severity", SEVERITIES)
def test_brightness_is_that_of_hsv(severity: int) -> None:
    """scikit-image's conversion there and back."""
    hsv = color.rgb2hsv(NOISE)
    hsv[..., 2] = np.clip(hsv[..., 2] + severity / 10, 0, 1)

    np.testing.assert_allclose(degraded("brightness", severity, NOISE), 255 * color.hsv2rgb(hsv), rtol=0, atol=0.51)


def test_black_is_lit_to_grey() -> None:
    """Black has no hue that could be kept."""
    np.testing.assert_array_equal(degraded("brightness", 2, np.zeros((2, 2, 3), dtype=np.uint8)), 51)


@pytest.mark.parametrize(("severity", "kept"), list(zip(SEVERITIES, (0.4, 0.3, 0.2, 0.1, 0.05), strict=True)))
def test_contrast_is_drawn_to_each_channels_mean(severity: int, kept: float) -> None:
    """In float64."""
    mean = NOISE.mean(axis=(0, 1))

    expected = mean + kept * (NOISE - mean)
    np.testing.assert_allclose(degraded("contrast", severity, NOISE), expected, rtol=0, atol=0.51)


@given(st.floats(1.5, 40), st.integers(1, 50), st.integers(1, 50))
@example(1.5, 12, 18)
def test_smoothing_is_scipys_gaussian(deviation: float, height: int, width: int) -> None:
    """With mirrored edges, for fields smaller and larger than the Gaussian.

    A Gaussian sampled at pixels, as scipy's is, folds what lies beyond the highest frequency back below it:
    exp(-(1.5 pi)^2 / 2) = 1.5e-5 of it at 1.5 px, but 7e-3 at 1 px, where the two are no longer the same filter.
    """
    field = np.random.default_rng(2).uniform(-1, 1, (height, width))

    expected = ndimage.gaussian_filter(field, deviation, mode="reflect", truncate=6)

    np.testing.assert_allclose(smooth(field.astype(np.float32), deviation), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_elastic_transforms_keep_what_has_no_shape(severity: int) -> None:
    """Pixels are moved, and mixed with their neighbours; their values stay."""
    plain = np.full((60, 80, 3), (9, 120, 240), dtype=np.uint8)
    warped = degraded("elastic_transform", severity, NOISE)

    np.testing.assert_array_equal(degraded("elastic_transform", severity, plain), plain)
    assert warped.mean() == pytest.approx(NOISE.mean(), abs=4)
    assert (warped != NOISE).mean() > 0.5


def test_elastic_jitter_moves_three_corners_of_the_face() -> None:
    """By at most the authors' fraction of 244 px: a map from the result back to the image."""
    from facecheck.corruptions.digital import _jittered  # noqa: PLC0415 - what is tested is not public

    jitter = np.array([[3.0, -2.0], [0.0, 5.0], [-4.0, 1.0]])
    corners = np.array([100, 80]) + 30 * np.array([[1, 1], [1, -1], [-1, -1]])

    back = _jittered(np.array([100.0, 80.0]), 30.0, jitter)

    np.testing.assert_allclose((corners + jitter) @ back[:, :2].T + back[:, 2], corners, atol=1e-4)


@pytest.mark.parametrize(("severity", "block"), [(2, 2), (5, 4)])
def test_pixelated_blocks_are_the_means_of_their_pixels(severity: int, block: int) -> None:
    """The blocks have a whole number of pixels here."""
    image = NOISE[:80, :96]
    means = image.reshape(80 // block, block, 96 // block, block, 3).mean(axis=(1, 3))

    expected = means.repeat(block, axis=0).repeat(block, axis=1)

    # Pillow rounds after the rows and after the columns.
    np.testing.assert_allclose(degraded("pixelate", severity, image), expected, rtol=0, atol=1.0)


@pytest.mark.parametrize("severity", [2, 5])
def test_pixelated_blocks_grow_with_the_face(severity: int) -> None:
    """Four pixels of a face twice as large are one."""
    small, points = np.ascontiguousarray(NOISE[:80, :80]), (2 * FIVE_POINTS_112).astype(np.float32)
    large = small.repeat(2, axis=0).repeat(2, axis=1)

    of_small, of_large = (
        degraded("pixelate", severity, image, landmarks=landmarks)
        for image, landmarks in ((small, points - 70), (large, 2 * (points - 70)))
    )

    np.testing.assert_array_equal(of_large, of_small.repeat(2, axis=0).repeat(2, axis=1))
    assert (of_small != small).any()


@pytest.mark.parametrize(("severity", "side"), list(zip(SEVERITIES, (134, 112, 89, 67, 56), strict=True)))
def test_pixelate_has_the_published_number_of_blocks(severity: int, side: int) -> None:
    """Pillow's own box filter to ``int(224 c)`` px and back, byte for byte."""
    picture = PIL.Image.fromarray(np.random.default_rng(2).integers(0, 256, (224, 224, 3), dtype=np.uint8))
    small = picture.resize((side, side), PIL.Image.Resampling.BOX)

    np.testing.assert_array_equal(
        degraded("pixelate", severity, np.asarray(picture)),
        np.asarray(small.resize((224, 224), PIL.Image.Resampling.BOX)),
    )


@pytest.mark.parametrize(("severity", "quality"), list(zip(SEVERITIES, (25, 18, 15, 10, 7), strict=True)))
def test_jpeg_compression_is_pillows(severity: int, quality: int) -> None:
    """Byte for byte, with Pillow's usual options."""
    file = io.BytesIO()
    PIL.Image.fromarray(NOISE).save(file, "JPEG", quality=quality)

    np.testing.assert_array_equal(degraded("jpeg_compression", severity, NOISE), np.array(PIL.Image.open(file)))


@pytest.mark.parametrize(("severity", "thickness"), list(zip(SEVERITIES, (1.5, 2, 2.5, 2.5, 3), strict=True)))
def test_fog_adds_clouds_and_keeps_the_brightest_value(severity: int, thickness: float) -> None:
    """On black and on white, between which everything else lies: (x + t p) m / (m + t), p from 0 to 1."""
    black = np.zeros((256, 256, 3), dtype=np.uint8)
    black[77, 31] = 255
    foggy = np.delete(degraded("fog", severity, black).reshape(-1, 3), 77 * 256 + 31, axis=0)

    assert foggy.max() == pytest.approx(255 * thickness / (1 + thickness), abs=1)
    assert foggy.min() <= 1
    assert np.ptp(foggy, axis=1).max() == 0
    white = degraded("fog", severity, np.full_like(black, 255)).reshape(-1, 3)
    whiter = np.delete(white, 77 * 256 + 31, axis=0) - foggy.astype(float)
    np.testing.assert_allclose(whiter, 255 / (1 + thickness), atol=1.01)


@pytest.mark.parametrize("smoothness", [1.4, 2.0])
def test_clouds_continue_over_their_edges_and_are_rougher_the_less_smooth(smoothness: float) -> None:
    """Each halving of the distance divides the differences by the square of the smoothness."""
    clouds = np.stack([weather.plasma(np.random.default_rng(n), smoothness) for n in range(12)])

    assert clouds.shape == (12, 256, 256)
    assert clouds.min() == 0
    assert clouds.max() == 1
    inner = np.abs(np.diff(clouds, axis=1)).mean()
    assert np.abs(clouds[:, 0] - clouds[:, -1]).mean() < 2 * inner
    steps = [np.abs(clouds - np.roll(clouds, 2**k, axis=2)).mean() for k in (2, 3, 4)]
    ratios = [steps[1] / steps[0], steps[2] / steps[1]]
    # Below a slope of one cell the differences of a smooth cloud grow with the distance itself.
    np.testing.assert_allclose(ratios, min(smoothness**2, 2), rtol=0.2)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_snow_falls_along_the_vertical_and_whitens(severity: int) -> None:
    """No pixel gets darker than what is kept of it, and trails are longer than broad."""
    dark = np.full((200, 200, 3), 40, dtype=np.uint8)
    snowed = degraded("snow", severity, dark)[..., 0].astype(float)

    assert snowed.min() >= 40
    assert snowed.max() > 150
    down, across = (
        np.corrcoef(snowed[:-4, :-4].ravel(), moved.ravel())[0, 1] for moved in (snowed[4:, :-4], snowed[:-4, 4:])
    )
    assert down > across - 0.15


@pytest.mark.parametrize("grain", [2.0, 3.0, 4.5])
def test_flakes_are_enlarged_as_by_scipys_zoom(grain: float) -> None:
    """Its linear interpolation, whose grid ends where the small field ends: extremes keep their share."""
    image = np.zeros((200, 240, 3), dtype=np.uint8)
    small = np.random.default_rng(4).normal(size=tuple(int(np.ceil(s / grain)) for s in (200, 240))).astype(np.float32)

    ours = weather._enlarged(image, grain, small.reshape)

    expected = ndimage.zoom(small, (200 / small.shape[0], 240 / small.shape[1]), order=1)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=0.06)
    assert (ours > 1).mean() == pytest.approx((expected > 1).mean(), abs=0.003)


def test_frost_is_as_bright_and_as_even_as_the_photographs() -> None:
    """Mean of each channel and contrast of crops of 224 px, as measured in the benchmark's five photographs."""
    black = np.zeros((224, 224, 3), dtype=np.uint8)
    panes = np.stack([degraded("frost", 1, black, number) for number in range(40)]) / (255 * 0.4)

    np.testing.assert_allclose(panes.mean(axis=(0, 1, 2)), [0.572, 0.656, 0.702], atol=0.05)
    assert panes[..., 2].std(axis=(1, 2)).mean() == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize(("severity", "kept"), list(zip(SEVERITIES, (1, 0.8, 0.7, 0.65, 0.6), strict=True)))
def test_frost_lies_over_what_is_kept_of_the_picture(severity: int, kept: float) -> None:
    """The same ice on any picture: where neither saturates, two pictures differ by what is kept."""
    dark, less = np.full((200, 200, 3), 10, dtype=np.uint8), np.full((200, 200, 3), 60, dtype=np.uint8)
    on_dark, on_less = (degraded("frost", severity, image).astype(int) for image in (dark, less))

    open_ = on_less < 255
    np.testing.assert_allclose((on_less - on_dark)[open_], kept * 50, atol=1)
    assert on_dark.mean() > kept * 10 + 20
    assert on_dark.std() > 10
    assert on_dark[..., 2].mean() > on_dark[..., 0].mean()


SCALED = [entry.name for entry in of_family("imagenet_c") if entry.needs_landmarks]


@pytest.mark.parametrize("name", SCALED)
def test_a_face_of_224_px_gets_the_authors_sizes(name: str) -> None:
    """As an image whose face is unknown does: what is scaled is scaled by 1 (zooming aside, which has no size)."""
    image = np.ascontiguousarray(PORTRAIT[:224, :224])
    known, unknown = (degraded(name, 4, image, landmarks=points).astype(int) for points in (FULL_SIZE, None))

    close = np.abs(known - unknown).mean()
    different = np.abs(known - degraded(name, 4, image, landmarks=FULL_SIZE / 3 + 80).astype(int)).mean()
    if name in ("zoom_blur", "elastic_transform"):  # about the middle of the face, which is not the image's
        assert close < 12
    else:
        assert close < 2
        assert close < different / 3


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("name", ["defocus_blur", "motion_blur"])
def test_a_larger_image_of_the_same_face_is_blurred_alike(name: str, severity: int) -> None:
    """Twice the pixels, blurred and made small again, are nearly the small image's."""
    large, points = PORTRAIT.repeat(2, axis=0).repeat(2, axis=1), FULL_SIZE * np.float32(250 / 224)

    small = degraded(name, severity, PORTRAIT, landmarks=points)
    scaled, unscaled = (
        degraded(name, severity, large, landmarks=landmarks).reshape(250, 2, 250, 2, 3).mean(axis=(1, 3))
        for landmarks in (2 * points, None)
    )

    nearness = np.abs(scaled - small).mean() / np.abs(unscaled - small).mean()
    assert nearness < 0.35
