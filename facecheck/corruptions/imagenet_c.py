"""ImageNet-C's fifteen corruptions at its five severities, on today's libraries.

The constants are those of the authors' code. They were tuned for objects in images of 224 px; a face is often only
a part of a larger image. So every length (radii, trails, distortions, blocks, flakes, clouds) is scaled to the
face: by the distance between its eyes divided by 70.5 px, which is the distance in an aligned crop of 224 px. A
severity then means the same on the face at every image size. If no face is known, lengths are the authors' own, in
pixels of the image. Corruptions without a length are not scaled: noise affects single pixels, JPEG blocks have 8 px.

Source: Hendrycks and Dietterich, Benchmarking neural network robustness to common corruptions and perturbations,
ICLR 2019 (arXiv 1903.12261).
"""

from __future__ import annotations

from facecheck.corruptions.corruption import Corruption, Domain, Function
from facecheck.corruptions.digital import brightness, contrast, elastic_transform, jpeg_compression, pixelate
from facecheck.corruptions.noise import gaussian_noise, impulse_noise, shot_noise
from facecheck.corruptions.optics import defocus_blur, glass_blur, motion_blur, zoom_blur
from facecheck.corruptions.weather import fog, frost, snow

__all__ = ["IMAGENET_C"]

_FIFTEEN: tuple[Function, ...] = (
    gaussian_noise,
    shot_noise,
    impulse_noise,
    defocus_blur,
    glass_blur,
    motion_blur,
    zoom_blur,
    snow,
    frost,
    fog,
    brightness,
    contrast,
    elastic_transform,
    pixelate,
    jpeg_compression,
)
# Corruptions without a length, which are therefore not scaled to the face.
_NOT_SCALED = (gaussian_noise, shot_noise, impulse_noise, brightness, contrast, jpeg_compression)


def _entry(function: Function) -> Corruption:
    name = function.__name__
    return Corruption(
        name=name,
        family="imagenet_c",
        title=name.replace("_", " ").capitalize().replace("Jpeg", "JPEG"),
        unit="severity",
        levels=(0, 1, 2, 3, 4, 5),
        domain=Domain(1, 5, whole=True),
        function=function,
        needs_landmarks=function not in _NOT_SCALED,
    )


IMAGENET_C = tuple(_entry(function) for function in _FIFTEEN)
