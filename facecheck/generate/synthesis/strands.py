"""Bundles of hairs as polylines, and short hairs that grow from the skin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from facecheck.generate.synthesis.arrays import Floats, Ints, unit

__all__ = ["StrandKind", "Strands", "grow_short"]

StrandKind: TypeAlias = Literal["hair", "brow", "beard", "lash"]
_ROOT_SPREAD_DM = 0.006


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Strands:
    """n hairs of k points each: ``points (n, k, 3)`` in dm, linear ``colour (n, 3)``."""

    points: Floats
    colour: Floats
    kind: StrandKind


def grow_short(
    roots: tuple[Floats, Floats, Ints],
    directions: Floats,
    lengths: Floats,
    rng: np.random.Generator,
    *,
    lift: float,
    disorder: float,
) -> Floats:
    """Hairs of four points that follow the skin and curve back to it.

    Args:
        roots: vertices ``(s, 3)``, their normals, and the vertex of each hair ``(n,)``.
        directions: comb directions ``(n, 3)``.
        lengths: ``(n,)`` dm.
        rng: generator for spread and disorder.
        lift: 0 is flat on the skin, 1 upright.
        disorder: standard deviation of the noise on the directions.
    """
    vertices, normals, index = roots
    normal = normals[index]
    tangent = unit(directions + rng.normal(0, disorder, directions.shape))
    tangent = unit(tangent - (tangent * normal).sum(axis=1, keepdims=True) * normal)
    heading = unit(tangent * (1 - lift) + normal * lift)
    root = vertices[index] + rng.normal(0, _ROOT_SPREAD_DM, (len(index), 3)) + normal * _ROOT_SPREAD_DM
    along = np.linspace(0, 1, 4)[None, :, None]
    reach = lengths[:, None, None]
    bend = normal[:, None] * along**2 * reach * lift * 0.5
    return np.asarray(root[:, None] + heading[:, None] * along * reach - bend)
