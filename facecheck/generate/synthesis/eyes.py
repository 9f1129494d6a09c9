"""Eyeballs: a sphere with cornea, iris and pupil, placed in the head and turned by the gaze."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from facecheck.generate.synthesis.arrays import Floats, Ints, ramp
from facecheck.generate.synthesis.colour import to_linear
from facecheck.generate.synthesis.mesh import vertex_normals
from facecheck.generate.synthesis.person import Person
from facecheck.generate.synthesis.skin import Paint
from facecheck.generate.synthesis.streams import Aspect, stream

__all__ = ["Ball", "ball", "paint_eye", "set_eye"]

_WHITE: Final = to_linear((186, 177, 171))
_PUPIL_RAD: Final = 0.17
_SECTORS: Final = 72
_EDGE_RAD: Final = 0.02
_LID_GAP: Final = 1.06  # distance of the lids' edges from the centre, in radii
_FIT: Final = 0.995  # of the base mesh's eye, so that the lids cover it


class Ball(NamedTuple):
    """Unit eyeball looking along z: vertices, quads, and polar angles (off the axis, around it) of each vertex."""

    vertices: Floats
    quads: Ints
    off_axis: Floats
    around: Floats


@lru_cache(maxsize=1)
def ball() -> Ball:
    """The mesh of the eyeball, finest at the iris."""
    rings = np.concatenate([np.linspace(0, 0.7, 34), np.linspace(0.75, np.pi, 20)])
    sectors = np.linspace(0, 2 * np.pi, _SECTORS, endpoint=False)
    off_axis, around = (grid.ravel() for grid in np.meshgrid(rings, sectors, indexing="ij"))
    radius = 1 + 0.055 * np.exp(-((off_axis / 0.36) ** 2))  # the cornea bulges
    vertices = radius[:, None] * np.stack(
        [np.sin(off_axis) * np.cos(around), np.sin(off_axis) * np.sin(around), np.cos(off_axis)], axis=1
    )
    start = np.arange(len(rings) - 1)[:, None] * _SECTORS
    here, after = start + np.arange(_SECTORS), start + (np.arange(_SECTORS) + 1) % _SECTORS
    quads = np.stack([here, here + _SECTORS, after + _SECTORS, after], axis=-1).reshape(-1, 4)
    return Ball(vertices, quads, off_axis, around)


def _behind_lids(centre: Floats, radius: float, lids: Floats) -> Floats:
    """Move an eyeball's centre in z until the lids' edges lie just outside of the eyeball.

    Shape targets move lids and eyes differently; without this correction the eyes would stick out of the lids.
    """
    sideways = ((lids[:, :2] - centre[:2]) ** 2).sum(axis=1)
    reach = np.sqrt(np.maximum((_LID_GAP * radius) ** 2 - sideways, 0.0))
    return np.array([centre[0], centre[1], float(np.mean(lids[:, 2] - reach))])


def set_eye(socket: Floats, lids: Floats, gaze_rad: tuple[float, float]) -> tuple[Floats, Floats]:
    """Vertices and normals of an eyeball.

    Args:
        socket: the base mesh's eye ``(k, 3)``, which gives position and size.
        lids: edges of its lids ``(m, 3)``.
        gaze_rad: angles towards the subject's left and upwards.
    """
    low, high = socket.min(axis=0), socket.max(axis=0)
    radius = float(high[0] - low[0]) / 2
    centre = _behind_lids((low + high) / 2, radius, lids)
    left, up = gaze_rad
    turn_left = np.array([[np.cos(left), 0, np.sin(left)], [0, 1, 0], [-np.sin(left), 0, np.cos(left)]])
    turn_up = np.array([[1, 0, 0], [0, np.cos(up), np.sin(up)], [0, -np.sin(up), np.cos(up)]])
    vertices = ball().vertices @ (turn_left @ turn_up).T * radius * _FIT + centre
    return vertices, vertex_normals(vertices, ball().quads)


def paint_eye(person: Person) -> Paint:
    """White, iris and pupil of a person's eye."""
    rng = stream(Aspect.EYES, *person.key, 1)
    _, _, off_axis, around = ball()
    fibres = 0.5 + 0.25 * np.cos(23 * around + 3 * np.sin(5 * around + rng.uniform(0, 6)))
    fibres += 0.25 * np.cos(41 * around + rng.uniform(0, 6))
    edge = person.eyes.iris_radius_rad
    veins = 1 - 0.25 * ramp(0.6, 1.2, off_axis)[:, None] * np.array([0.3, 1.0, 1.0])
    ring = ramp(0.28, 0.18, off_axis)[:, None] * np.array([1.0, 0.7, 0.4])
    iris = np.asarray(person.eyes.iris) * (0.75 + 0.6 * fibres[:, None]) * (1 + 0.5 * ring)
    iris *= 1 - 0.7 * ramp(edge - 0.10, edge, off_axis)[:, None]
    inside = ramp(edge + _EDGE_RAD, edge - _EDGE_RAD, off_axis)[:, None]
    albedo = _WHITE * veins * (1 - inside) + iris * inside
    pupil = ramp(_PUPIL_RAD + _EDGE_RAD, _PUPIL_RAD - _EDGE_RAD, off_axis)[:, None]
    albedo = albedo * (1 - pupil) + 0.003 * pupil
    count = len(off_axis)
    return Paint(albedo=albedo, gloss=np.full(count, 1.8), roughness=np.full(count, 0.11))
