"""What faces meet outside the studio."""

from __future__ import annotations

from facecheck.corruptions.corruption import Corruption, Domain, Given
from facecheck.corruptions.encoding import jpeg, webp
from facecheck.faces import Image

__all__ = ["OUTSIDE"]

_QUALITIES = (0, 90, 70, 50, 30, 10)


def _jpeg(image: Image, quality: float, _given: Given) -> Image:
    return jpeg(image, quality)


def _webp(image: Image, quality: float, _given: Given) -> Image:
    return webp(image, quality)


OUTSIDE = (
    Corruption(
        name="jpeg",
        family="outside",
        title="JPEG",
        unit="quality",
        levels=_QUALITIES,
        domain=Domain(1, 95, whole=True),
        function=_jpeg,
    ),
    Corruption(
        name="webp",
        family="outside",
        title="WebP",
        unit="quality",
        levels=_QUALITIES,
        domain=Domain(1, 100, whole=True),
        function=_webp,
    ),
)
