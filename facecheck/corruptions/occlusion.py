"""Occlusions: objects that hide a part of the face."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image

from facecheck.corruptions.corruption import Corruption, Domain, Given
from facecheck.corruptions.pixels import look_up
from facecheck.corruptions.placement import FaceFrame, Points
from facecheck.faces import Image

__all__ = ["OCCLUSION"]

_SHIFT = 4  # polygons are drawn with a resolution of 1/16 px

# In the coordinates of the face (see FaceFrame), for the right half of the image.
_EAR = (1.12, -0.05, -1.3)

# Lenses of 53 mm and a bridge of 17 mm, for a distance of 63 mm between the eyes. The outline is a superellipse,
# between an ellipse and a rectangle, and bends back towards the temples.
_LENS_CENTRE, _LENS_HALF, _LENS_POWER = (0.55, 0.06), (0.42, 0.33), 2.8
_LENS_DEPTH, _LENS_BEND = 0.2, 0.15
_RIM = 1.14
_TEMPLE = (1.0, -0.1, 0.05)
_BRIDGE = ((-0.16, -0.03, 0.2), (0.16, -0.03, 0.2))
_RIM_COLOUR, _LENS_COLOUR = (14, 13, 12), (24, 24, 28)

# From the middle of the upper edge, whose height is the level, to the side; then along the jaw to the chin.
_MASK_EDGE = ((0, 0, 0.2), (0.3, 0.06, 0.1), (0.62, 0.2, -0.2), (0.95, 0.3, -0.6))
_MASK_JAW = ((0.92, 1.25, -0.65), (0.74, 1.58, -0.3), (0.42, 1.8, 0.0), (0, 1.88, 0.1))
_MASK_LOWEST_SIDE = 1.15
_NOSE = (0, 0.5, 0.6)
_PLEATS = (0.9, 1.15, 1.4)
_PLEAT = ((-0.84, -0.05, -0.45), (-0.4, -0.01, 0.08), (0, 0, 0.2), (0.4, -0.01, 0.08), (0.84, -0.05, -0.45))
_MASK_COLOUR, _PLEAT_COLOUR, _LOOP_COLOUR = (158, 196, 216), (126, 166, 190), (228, 232, 234)

_PATCH_GRAIN = 6  # random colours along a side
_FACE_LEFT_TOP, _FACE_RIGHT_BOTTOM = (-0.9, -0.5, 0), (0.9, 1.5, 0)


def _square(image: Image, percent: float, _given: Given) -> Image:
    """Paint a black square of at least one pixel in the middle of the image."""
    height, width = image.shape[:2]
    side = max(1, round(min(height, width) * percent / 100))
    top, left = (height - side) // 2, (width - side) // 2
    painted = image.copy()
    painted[top : top + side, left : left + side] = 0
    return painted


def _sunglasses(image: Image, opacity: float, given: Given) -> Image:
    """Add sunglasses: opaque rims, and lenses of this opacity."""
    face = FaceFrame(image, given)
    rims, seen = image.copy(), np.zeros(image.shape[:2], dtype=np.uint8)
    for side in (-1, 1):
        mirrored = np.array([side, 1, 1])
        temple = np.array([_TEMPLE, _EAR]) * mirrored
        if face.faces_outwards(*temple):
            _line(rims, face, temple, 0.06, _RIM_COLOUR)
        _fill(rims, face.to_image(_lens(_RIM) * mirrored), _RIM_COLOUR)
        _fill(seen, face.to_image(_lens(1.0) * mirrored), 255)
    _line(rims, face, np.array(_BRIDGE), 0.07, _RIM_COLOUR)
    clear = np.arange(256)[:, None] * (1 - opacity / 100)
    behind_glass = look_up(image, np.rint(clear + np.array(_LENS_COLOUR) * opacity / 100).astype(np.uint8))
    return _over(rims, behind_glass, seen)


def _lens(size: float) -> Points:
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    corner = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    flat = np.sign(corner) * np.abs(corner) ** (2 / _LENS_POWER) * _LENS_HALF * size + _LENS_CENTRE
    return np.hstack([flat, _LENS_DEPTH - _LENS_BEND * flat[:, :1] ** 2])


def _over(below: Image, above: Image, share: npt.NDArray[np.uint8]) -> Image:
    weight = share[..., None].astype(np.uint16)
    return ((above * weight + below * (255 - weight) + 127) // 255).astype(np.uint8)


def _mask(image: Image, percent: float, given: Given) -> Image:
    """Add a surgical mask up to this height: 25 leaves the nose free, 75 reaches the bridge of the nose."""
    face = FaceFrame(image, given)
    top = 1 - percent / 100
    edge = np.array(_MASK_EDGE) + np.array([0, top, 0])
    edge[:, 1] = np.minimum(edge[:, 1], _MASK_LOWEST_SIDE)
    painted = image.copy()
    for mirrored in np.array([(-1, 1, 1), (1, 1, 1)]):
        loop = np.array([edge[-1], _EAR, _MASK_JAW[0]]) * mirrored
        if face.faces_outwards(loop[0], loop[1]):
            _line(painted, face, loop, 0.035, _LOOP_COLOUR)
    half = np.vstack([edge, _MASK_JAW, *([_NOSE] if top <= _NOSE[1] else [])])
    # The frontal outline is convex, so the convex hull is the visible outline from every side.
    cloth = face.to_image(np.vstack([half, half * np.array([-1, 1, 1])])).astype(np.float32)
    _fill(painted, np.asarray(cv2.convexHull(cloth)[:, 0], dtype=np.float64), _MASK_COLOUR)
    for height in _PLEATS:
        if height > edge[-1, 1]:
            _line(painted, face, np.array(_PLEAT) + np.array([0, height, 0]), 0.03, _PLEAT_COLOUR)
    return painted


def _patch(image: Image, percent: float, given: Given) -> Image:
    """Paint an upright square of blurred random colours, with its centre anywhere on the face."""
    face = FaceFrame(image, given)
    height, width = image.shape[:2]
    side = min(max(1, round(face.eye_distance_px * percent / 100)), 2 * max(height, width))
    grain = PIL.Image.fromarray(given.generator.integers(0, 256, (_PATCH_GRAIN, _PATCH_GRAIN, 3), dtype=np.uint8))
    texture = np.asarray(grain.resize((side, side), PIL.Image.Resampling.BICUBIC))
    middle = face.to_image(given.generator.uniform(_FACE_LEFT_TOP, _FACE_RIGHT_BOTTOM)[None])[0]
    left, top = (int(edge) for edge in np.round(middle - side / 2))
    painted = image.copy()
    seen = painted[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)]
    seen[...] = texture[max(-top, 0) :, max(-left, 0) :][: seen.shape[0], : seen.shape[1]]
    return painted


def _fill(image: npt.NDArray[np.uint8], polygon: Points, colour: tuple[int, int, int] | int) -> None:
    cv2.fillPoly(image, [_fixed(polygon)], colour, lineType=cv2.LINE_AA, shift=_SHIFT)


def _line(image: Image, face: FaceFrame, points: Points, width: float, colour: tuple[int, int, int]) -> None:
    """Draw a line through points of the face; the width is in distances between the eyes."""
    thickness = max(1, round(width * face.eye_distance_px))
    cv2.polylines(
        image,
        [_fixed(face.to_image(points))],
        isClosed=False,
        color=colour,
        thickness=thickness,
        lineType=cv2.LINE_AA,
        shift=_SHIFT,
    )


def _fixed(points: Points) -> npt.NDArray[np.int32]:
    return np.asarray(np.round(points * 2**_SHIFT), dtype=np.int32)


OCCLUSION = (
    Corruption(
        name="square",
        family="occlusion",
        title="Black square in the middle",
        unit="side, % of the shorter side",
        levels=(0, 5, 10, 15, 20),
        domain=Domain(1, 100),
        function=_square,
    ),
    Corruption(
        name="sunglasses",
        family="occlusion",
        title="Sunglasses",
        unit="opacity of the lenses, %",
        levels=(0, 40, 60, 80, 90, 100),
        domain=Domain(1, 100),
        function=_sunglasses,
        needs_landmarks=True,
    ),
    Corruption(
        name="mask",
        family="occlusion",
        title="Surgical mask",
        unit="upper edge, % of the way from mouth to eyes",
        levels=(0, 25, 50, 75),
        domain=Domain(15, 85),
        function=_mask,
        needs_landmarks=True,
    ),
    Corruption(
        name="patch",
        family="occlusion",
        title="Patch anywhere on the face",
        unit="side, % of the distance between the eyes",
        levels=(0, 25, 50, 75, 100, 125),
        domain=Domain(1, 300),
        function=_patch,
        needs_landmarks=True,
    ),
)
