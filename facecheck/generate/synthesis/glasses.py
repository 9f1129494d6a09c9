"""Glasses: rims, bridge and temples as tubes, placed in front of the eyes."""

from __future__ import annotations

from typing import Final

import numpy as np

from facecheck.generate.synthesis.arrays import Floats, Ints, unit
from facecheck.generate.synthesis.skin import Paint
from facecheck.generate.synthesis.style import Glasses

__all__ = ["glasses_mesh", "glasses_paint"]

_AROUND: Final = 8
_RIM_POINTS: Final = 48
_BEFORE_EYES_DM: Final = 0.30
_EAR_DM: Final = 0.3  # z where the temples end
_WRAP: Final = 0.22  # curvature of the frame around the face


def _tube(line: Floats, radius: float, first: int, *, closed: bool) -> tuple[Floats, Ints]:
    """Vertices and quads, numbered from ``first``, of a tube along ``line (n, 3)``."""
    step = np.roll(line, -1, axis=0) - np.roll(line, 1, axis=0) if closed else np.gradient(line, axis=0)
    along = unit(step)
    helper = np.where(np.abs(along[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[0.0, 1.0, 0.0]])
    one = unit(np.cross(along, helper))
    other = np.cross(along, one)
    angle = np.linspace(0, 2 * np.pi, _AROUND, endpoint=False)[None, :, None]
    vertices = line[:, None] + radius * (np.cos(angle) * one[:, None] + np.sin(angle) * other[:, None])
    rings = len(line)
    ring = np.arange(rings if closed else rings - 1)[:, None]
    spoke = np.arange(_AROUND)[None]
    after, beside = (ring + 1) % rings, (spoke + 1) % _AROUND
    corners = [ring * _AROUND + spoke, ring * _AROUND + beside, after * _AROUND + beside, after * _AROUND + spoke]
    return vertices.reshape(-1, 3), np.stack(corners, axis=-1).reshape(-1, 4) + first


def _rim(glasses: Glasses, centre: Floats, z: float) -> Floats:
    angle = np.linspace(0, 2 * np.pi, _RIM_POINTS, endpoint=False)
    power = 2 / glasses.squareness
    x = centre[0] + np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power * glasses.half_width
    y = centre[1] - 0.03 + np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power * glasses.half_height
    return np.stack([x, y, z - _WRAP * x**2], axis=1)


def _lines(glasses: Glasses, eyes: Floats, head_sides: Floats) -> list[tuple[Floats, bool]]:
    """Centre lines of the frame, and whether each is closed."""
    z = float(eyes[:, 2].mean()) + _BEFORE_EYES_DM
    y = float(eyes[:, 1].mean()) + 0.03
    lines = []
    reach = 0.0
    for eye in eyes:
        centre = eye.copy()
        centre[0] = np.sign(eye[0]) * max(abs(eye[0]) + 0.03, glasses.half_width + 0.08)
        reach = max(reach, abs(float(centre[0])) + glasses.half_width)
        lines.append((_rim(glasses, centre, z), True))
    inner = reach - 2 * glasses.half_width
    bridge = np.linspace(-inner, inner, 12)
    arch = 0.035 * (1 - (bridge / inner) ** 2)
    lines.append((np.stack([bridge, y + arch, np.full(12, z + 0.01)], axis=1), False))
    for sign in (-1.0, 1.0):
        back = np.linspace(0, 1, 24)
        depth = z - _WRAP * reach**2 + (_EAR_DM - z) * back
        beside = np.interp(depth, *head_sides.T) + glasses.thickness
        x = np.maximum.accumulate(np.maximum(beside, reach))  # straight back, then along the side of the head
        lines.append((np.stack([sign * x, y + 0.05 * back, depth], axis=1), False))
    return lines


def glasses_mesh(glasses: Glasses, eyes: Floats, head_sides: Floats) -> tuple[Floats, Ints]:
    """Vertices and quads of a frame.

    Args:
        glasses: parameters of the frame.
        eyes: centres of the two eyes ``(2, 3)``.
        head_sides: rising depth z, and half the width of the head there at the height of the eyes ``(k, 2)``, dm.
    """
    parts, count = [], 0
    for line, closed in _lines(glasses, eyes, head_sides):
        vertices, quads = _tube(line, glasses.thickness, count, closed=closed)
        parts.append((vertices, quads))
        count += len(vertices)
    return np.concatenate([vertices for vertices, _ in parts]), np.concatenate([quads for _, quads in parts])


def glasses_paint(glasses: Glasses, count: int) -> Paint:
    """Plastic of the frame's colour on ``count`` vertices."""
    albedo = np.tile(np.asarray(glasses.colour), (count, 1))
    return Paint(albedo=albedo, gloss=np.full(count, 1.0), roughness=np.full(count, 0.3))
