"""The degradations of the two original studies, with the library that the studies used.

Each function is one of Pillow's operations. Where the studies' own code gives other pixels than Pillow's operation of
that name, or does what nobody should do to a face, it is offered beside it, in the family ``studies``: their sepia
truncates where Pillow rounds, their square has one pixel more, their resolution squashes pictures to a square and
scales small ones up. These equal the studies' formulas byte for byte. No eval sweeps them unasked;
``--facecheck-corruptions study_sepia:1`` does.

The studies wrote their images as JPEG in between; JPEG is a separate corruption and is not added here.
"""

from __future__ import annotations

import numpy as np
import PIL.Image
from PIL import ImageDraw, ImageEnhance, ImageFilter, ImageOps

from facecheck.corruptions.corruption import Corruption, Domain, Given
from facecheck.faces import Image

__all__ = ["BLUR", "FILTERS", "RESOLUTION", "STUDIES"]

_TINT = "#FFA500"
# The usual sepia weights of red, green and blue for each new channel, and the offset.
_SEPIA = (0.393, 0.769, 0.189, 0, 0.349, 0.686, 0.168, 0, 0.272, 0.534, 0.131, 0)
_ONE = Domain(1, 1)
_FACTOR = Domain(0.05, 20)


def _blur(image: Image, radius: float, _given: Given) -> Image:
    """``ImageFilter.GaussianBlur(radius)``."""
    return np.array(PIL.Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius)))


def _small(image: Image, side: float) -> PIL.Image.Image:
    """Scale the shorter side down to this many pixels by ``Image.resize`` with its bicubic filter."""
    picture = PIL.Image.fromarray(image)
    factor = side / min(picture.size)
    if factor >= 1:
        return picture
    return picture.resize((round(picture.width * factor), round(picture.height * factor)), PIL.Image.Resampling.BICUBIC)


def _resolution(image: Image, side: float, _given: Given) -> Image:
    """Make the image small, and leave it small; a smaller image is not changed."""
    return np.array(_small(image, side))


def _upscaled(image: Image, side: float, _given: Given) -> Image:
    """Scale down and, bicubic, up to the original size: detail is lost, the detector's input keeps its size."""
    size = (image.shape[1], image.shape[0])
    return np.array(_small(image, side).resize(size, PIL.Image.Resampling.BICUBIC))


def _greyscale(image: Image, _level: float, _given: Given) -> Image:
    """``convert("L")``: luma of ITU-R 601, in all three channels."""
    return np.array(PIL.Image.fromarray(image).convert("L").convert("RGB"))


def _sepia(image: Image, _level: float, _given: Given) -> Image:
    """``convert("RGB", matrix)`` with the usual weights."""
    return np.array(PIL.Image.fromarray(image).convert("RGB", _SEPIA))


def _tint(image: Image, _level: float, _given: Given) -> Image:
    """``ImageOps.colorize`` of the luma from black to #FFA500."""
    return np.array(ImageOps.colorize(PIL.Image.fromarray(image).convert("L"), "black", _TINT))


def _invert(image: Image, _level: float, _given: Given) -> Image:
    """``ImageOps.invert``."""
    return np.array(ImageOps.invert(PIL.Image.fromarray(image)))


def _contrast(image: Image, factor: float, _given: Given) -> Image:
    """``ImageEnhance.Contrast``: multiply the difference from the mean luma by this factor."""
    return np.array(ImageEnhance.Contrast(PIL.Image.fromarray(image)).enhance(factor))


def _brightness(image: Image, factor: float, _given: Given) -> Image:
    """``ImageEnhance.Brightness``: multiply by this factor."""
    return np.array(ImageEnhance.Brightness(PIL.Image.fromarray(image)).enhance(factor))


def _study_sepia(image: Image, _level: float, _given: Given) -> Image:
    """Add up the weighted channels from left to right, cut off the fraction, saturate at 255."""
    red, green, blue = (image[..., channel].astype(np.float64) for channel in range(3))
    rows = (_SEPIA[start : start + 3] for start in (0, 4, 8))
    mixed = np.stack([r * red + g * green + b * blue for r, g, b in rows], axis=2)
    return np.minimum(np.floor(mixed), 255).astype(np.uint8)


def _study_square(image: Image, percent: float, _given: Given) -> Image:
    """Draw a black rectangle whose corners both belong to it: one pixel more than the whole pixels of the share."""
    picture = PIL.Image.fromarray(image)
    side = int(min(picture.size) * percent / 100)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    ImageDraw.Draw(picture).rectangle((left, top, left + side, top + side), fill=(0, 0, 0))
    return np.array(picture)


def _study_resolution(image: Image, side: float, _given: Given) -> Image:
    """``resize((side, side))``: a picture that is not square is squashed, one that is smaller is scaled up."""
    return np.array(PIL.Image.fromarray(image).resize((int(side), int(side)), PIL.Image.Resampling.BICUBIC))


_SIDES = (0, 128, 96, 64, 48, 32)

BLUR = (
    Corruption(
        name="blur",
        family="blur",
        title="Gaussian blur",
        unit="Gaussian radius, px",
        levels=(0, 1, 2, 3, 4, 5),
        domain=Domain(0.1, 100),
        function=_blur,
    ),
)
RESOLUTION = tuple(
    Corruption(
        name=name,
        family="resolution",
        title=title,
        unit="shorter side, px",
        levels=_SIDES,
        domain=Domain(1, 10_000, whole=True),
        function=function,
    )
    for name, title, function in (
        ("resolution", "Resolution", _resolution),
        ("upscaled", "Resolution, scaled up again", _upscaled),
    )
)
FILTERS = (
    *(
        Corruption(name=name, family="filters", title=title, unit="on", levels=(0, 1), domain=_ONE, function=function)
        for name, title, function in (
            ("greyscale", "Greyscale", _greyscale),
            ("sepia", "Sepia", _sepia),
            ("tint", f"Tint {_TINT}", _tint),
            ("invert", "Inverted", _invert),
        )
    ),
    # The names contrast and brightness belong to ImageNet-C, whose operations are different.
    *(
        Corruption(
            name=name,
            family="filters",
            title=title,
            unit="factor",
            levels=(0, factor),
            domain=_FACTOR,
            function=function,
        )
        for name, title, factor, function in (
            ("more_contrast", "More contrast", 2, _contrast),
            ("more_brightness", "More brightness", 1.5, _brightness),
        )
    ),
)
STUDIES = (
    Corruption(
        name="study_sepia",
        family="studies",
        title="The studies' sepia",
        unit="on",
        levels=(0, 1),
        domain=_ONE,
        function=_study_sepia,
    ),
    Corruption(
        name="study_square",
        family="studies",
        title="The studies' black square",
        unit="% of the shorter side, and 1 px",
        levels=(0, 5, 10, 15, 20),
        domain=Domain(1, 100),
        function=_study_square,
    ),
    Corruption(
        name="study_resolution",
        family="studies",
        title="The studies' resolution, squashed",
        unit="both sides, px",
        levels=(0, 256, *_SIDES[1:]),
        domain=Domain(1, 10_000, whole=True),
        function=_study_resolution,
    ),
)
