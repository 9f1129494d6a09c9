"""Higher levels degrade more, by a measure that fits the corruption."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from facecheck.corruptions import CORRUPTIONS, Applied
from facecheck.faces import Image
from tests.support.portrait import LANDMARKS, PORTRAIT, digest

Measure = Callable[[Image, Image], float]
SEEDS = 4


def distance(clean: Image, degraded: Image) -> float:
    """Return the mean absolute difference of the values."""
    return float(np.abs(degraded.astype(int) - clean).mean())


def lost_detail(clean: Image, degraded: Image) -> float:
    """Return how much of the energy above a blur of 1.5 px is gone, as a fraction."""

    def detail(image: Image) -> float:
        values = image.astype(float)
        return float(((values - ndimage.gaussian_filter(values, (1.5, 1.5, 0))) ** 2).mean())

    return 1 - detail(degraded) / detail(clean)


def lost_contrast(clean: Image, degraded: Image) -> float:
    """Return 1 minus the slope of the degraded values over the clean ones."""
    there, here = clean.astype(float).ravel(), degraded.astype(float).ravel()
    return 1 - float(np.cov(there, here)[0, 1] / there.var(ddof=1))


MEASURES: dict[str, Measure] = {
    "blur": lost_detail,
    "upscaled": lost_detail,
    "defocus_blur": lost_detail,
    "motion_angle": lost_detail,
    "frost": lost_contrast,
    "contrast": lost_contrast,
}
# The image gets smaller; and ImageNet-C's elastic severities 1 and 2 are another distortion than 3 to 5: see below.
OTHERWISE = ("resolution", "study_resolution", "elastic_transform")


# The random pattern of snow, frost and fog has more effect than one step of the authors' constants, not than two.
WEATHER = ("snow", "frost", "fog")
# ImageNet-C's glass has three rounds at severity 3, and two at 4: its own pixels change less there on this image.
GLASS = (0, 1, 2, 3, 5)


def mean_over_images(applied: Applied, measure: Measure) -> float:
    """Return the measure's mean over images with different seeds."""
    values = [measure(PORTRAIT, applied.apply(PORTRAIT, digest(number), LANDMARKS)) for number in range(SEEDS)]
    return float(np.mean(values))


@pytest.mark.parametrize("name", [name for name in CORRUPTIONS if name not in OTHERWISE])
def test_worse_levels_lie_farther_from_the_clean_image(name: str) -> None:
    """From each level to the next, in the table's order."""
    measure = MEASURES.get(name, distance)

    levels = (0, 1, 3, 5) if name in WEATHER else GLASS if name == "glass_blur" else CORRUPTIONS[name].levels

    found = [mean_over_images(Applied(name, level), measure) for level in levels]

    assert found[0] == pytest.approx(0, abs=1e-9)
    assert all(worse > better for better, worse in itertools.pairwise(found)), found


def test_worse_resolutions_have_fewer_pixels() -> None:
    """From level to level."""
    sizes = [Applied("resolution", level).apply(PORTRAIT, digest(0)).size for level in CORRUPTIONS["resolution"].levels]

    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(sizes)


@pytest.mark.parametrize("severities", [(1, 2), (3, 4, 5)])
def test_worse_elastic_distortions_move_more_among_their_kind(severities: tuple[int, ...]) -> None:
    """1 and 2 warp the whole image, 3 to 5 mostly ripple it: the authors' order is not one of distance.

    The ripple is what is left of a ramp's values, which are its columns, when a plane is taken out.
    """
    ramp = np.repeat(np.arange(250, dtype=np.uint8)[None, :, None], 250, axis=0).repeat(3, axis=2)

    def moved(severity: int) -> float:
        found = []
        for number in range(SEEDS):
            warped = Applied("elastic_transform", severity).apply(ramp, digest(number))[60:190, 60:190, 0].astype(float)
            if severity < 3:
                found.append(np.abs(warped - ramp[60:190, 60:190, 0]).mean())
                continue
            y, x = np.mgrid[:130, :130]
            plane = np.stack([x.ravel(), y.ravel(), np.ones(x.size)], axis=1)
            left = warped.ravel() - plane @ np.linalg.lstsq(plane, warped.ravel(), rcond=None)[0]
            found.append(left.std())
        return float(np.mean(found))

    found = [moved(severity) for severity in severities]

    assert found == sorted(found)
    if severities == (3, 4, 5):
        # A Gaussian of s px averages uniform noise to a deviation of 0.577 / (2 sqrt(pi) s); here s is 2.44.
        strengths = np.array([0.05, 0.07, 0.12]) * 244
        np.testing.assert_allclose(found, strengths * 0.577 / (2 * np.pi**0.5 * 2.44), rtol=0.1, atol=0.1)
