"""What hides a part of the face."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from facecheck.corruptions.corruption import Corruption, Domain, Given
from facecheck.corruptions.place import FacePlane, Points
from facecheck.faces import Image

__all__ = ["OCCLUSION"]

_SHIFT = 4  # polygons are drawn to a sixteenth of a pixel

# On the face's plane (see FacePlane), for the half at the right of the picture. A lens of 52 mm and a bridge of
# 18 mm on eyes 63 mm apart; its outline is a superellipse, between an ellipse and a rectangle.
_LENS_CENTRE, _LENS_HALF, _LENS_POWER = (0.55, 0.06), (0.42, 0.33), 2.8
_RIM = 1.14
_TEMPLE = ((0.98, -0.1), (1.16, -0.06))
_BRIDGE = ((-0.16, -0.03), (0.16, -0.03))
_RIM_COLOUR, _LENS_COLOUR = (14, 13, 12), (24, 24, 28)

# From the middle of the upper edge, whose height is the level's, to the chin.
_MASK_EDGE = ((0.0, 0.0), (0.28, 0.05), (0.62, 0.2), (0.98, 0.3))
_MASK_JAW = ((0.93, 1.28), (0.74, 1.6), (0.42, 1.82), (0.0, 1.88))
_EAR = (1.2, 0.3)
_NOSE = 0.5
_PLEATS = (0.9, 1.15, 1.4)
_MASK_COLOUR, _PLEAT_COLOUR, _LOOP_COLOUR = (158, 196, 216), (126, 166, 190), (228, 232, 234)

_PATCH_GRAIN = 6  # patches of colour along a side
_FACE_LEFT_TOP, _FACE_RIGHT_BOTTOM = (-0.9, -0.5), (0.9, 1.5)


def _square(image: Image, percent: float, _given: Given) -> Image:
    """Paint a black square in the middle of the image, at least one pixel."""
    height, width = image.shape[:2]
    side = max(1, round(min(height, width) * percent / 100))
    top, left = (height - side) // 2, (width - side) // 2
    painted = image.copy()
    painted[top : top + side, left : left + side] = 0
    return painted


def _sunglasses(image: Image, opacity: float, given: Given) -> Image:
    """Put on dark glasses: opaque rims, and lenses that let the rest of the light through."""
    plane = FacePlane(image, given)
    lens = _superellipse()
    rims = image.copy()
    for side in (-1, 1):
        _fill(rims, plane.to_image((lens * _RIM + _LENS_CENTRE) * (side, 1)), _RIM_COLOUR)
        _line(rims, plane, np.array(_TEMPLE) * (side, 1), 0.06, _RIM_COLOUR)
    _line(rims, plane, np.array(_BRIDGE), 0.07, _RIM_COLOUR)
    dark = np.full_like(image, _LENS_COLOUR)
    glass = cv2.addWeighted(dark, opacity / 100, image, 1 - opacity / 100, 0)
    seen = np.zeros(image.shape[:2], dtype=np.uint8)
    for side in (-1, 1):
        _fill(seen, plane.to_image((lens + _LENS_CENTRE) * (side, 1)), 255)
    return _over(rims, np.asarray(glass, dtype=np.uint8), seen)


def _superellipse() -> Points:
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    corner = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.asarray(np.sign(corner) * np.abs(corner) ** (2 / _LENS_POWER) * _LENS_HALF)


def _over(below: Image, above: Image, share: npt.NDArray[np.uint8]) -> Image:
    weight = share[..., None].astype(np.uint16)
    return ((above * weight + below * (255 - weight) + 127) // 255).astype(np.uint8)


def _mask(image: Image, percent: float, given: Given) -> Image:
    """Put on a surgical mask up to this height: 25 leaves the nose free, 75 reaches its bridge."""
    plane = FacePlane(image, given)
    edge = np.array(_MASK_EDGE) + np.array([0, 1 - percent / 100])
    edge[:, 1] = np.minimum(edge[:, 1], 1.15)
    half = np.vstack([edge, np.array(_MASK_JAW)])
    painted = image.copy()
    for side in (-1, 1):
        _line(painted, plane, np.array([edge[-1], _EAR]) * (side, 1), 0.035, _LOOP_COLOUR)
        _line(painted, plane, np.array([_MASK_JAW[0], _EAR]) * (side, 1), 0.035, _LOOP_COLOUR)
    _fill(painted, plane.to_image(np.vstack([half, (half * (-1, 1))[::-1]])), _MASK_COLOUR)
    _cover_nose(painted, plane, float(edge[0, 1]))
    for height in _PLEATS:
        if height > edge[-1, 1]:
            _line(
                painted,
                plane,
                np.array([[-0.86, height - 0.05], [0, height], [0.86, height - 0.05]]),
                0.03,
                _PLEAT_COLOUR,
            )
    return painted


def _cover_nose(image: Image, plane: FacePlane, top: float) -> None:
    """Fill what the nose of a turned head lifts off the plane, if the mask reaches so high."""
    if top > _NOSE:
        return
    forward = plane.nose - plane.to_image([[0, _NOSE]])[0]
    tip = plane.nose + 0.3 * forward
    tent = np.vstack([plane.to_image([[0, top], [-0.3, 0.95], [0.3, 0.95]]), tip])
    _fill(image, cv2.convexHull(tent.astype(np.float32))[:, 0].astype(np.float64), _MASK_COLOUR)


def _patch(image: Image, percent: float, given: Given) -> Image:
    """Lay a square of blurred random colours, upright in the image, with its middle anywhere on the face."""
    plane = FacePlane(image, given)
    height, width = image.shape[:2]
    side = min(max(1, round(plane.eye_distance_px * percent / 100)), 2 * max(height, width))
    grain = given.generator.integers(0, 256, (_PATCH_GRAIN, _PATCH_GRAIN, 3), dtype=np.uint8)
    texture = np.asarray(cv2.resize(grain, (side, side), interpolation=cv2.INTER_CUBIC))
    middle = plane.to_image(given.generator.uniform(_FACE_LEFT_TOP, _FACE_RIGHT_BOTTOM)[None])[0]
    left, top = (int(edge) for edge in np.round(middle - side / 2))
    painted = image.copy()
    seen = painted[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)]
    seen[...] = texture[max(-top, 0) :, max(-left, 0) :][: seen.shape[0], : seen.shape[1]]
    return painted


def _fill(image: npt.NDArray[np.uint8], polygon: Points, colour: tuple[int, int, int] | int) -> None:
    cv2.fillPoly(image, [_fixed(polygon)], colour, lineType=cv2.LINE_AA, shift=_SHIFT)


def _line(image: Image, plane: FacePlane, points: Points, width: float, colour: tuple[int, int, int]) -> None:
    """Draw a line through points of the plane, its width in eye distances."""
    thickness = max(1, round(width * plane.eye_distance_px))
    cv2.polylines(
        image,
        [_fixed(plane.to_image(points))],
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
