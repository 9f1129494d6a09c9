"""Visibility: the share of light from each direction that reaches each vertex and each knot of a strand.

For every direction of `synthesis.light.DIRECTIONS` the coarse body is drawn into a depth map, and the hair into a
map of nearest and farthest depths; points inside and behind this layer get less light. The result depends only on
the model, so all lights and views of a model share it (0.8 s).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from facecheck.generate.synthesis.arrays import Bools, Floats, Ints, Singles, unit
from facecheck.generate.synthesis.light import DIRECTIONS
from facecheck.generate.synthesis.model import KINDS, Model
from facecheck.generate.synthesis.raster import depth_map
from facecheck.generate.synthesis.strands import Strands

__all__ = ["StrandLight", "Visibility", "bake_visibility"]

_CENTRE_DM: Final = np.array([0.0, 7.0, 0.35])
_HALF_DM: Final = 2.1  # half a side of the maps
_BODY_MAP: Final = 256
_HAIR_MAP: Final = 112
_EYE_BIAS_DM, _BODY_BIAS_DM, _STRAND_BIAS_DM = 0.012, 0.035, 0.05
_EYE_OFFSET_DM, _BODY_OFFSET_DM = 0.004, 0.02
_HAIR_FREE_DM: Final = 0.03  # a strand casts no shadow on itself
_DIMMING_SKIN, _DIMMING_HAIR = 5.5, 7.0  # per dm of hair
_LIT_COSINE: Final = -0.3  # vertices that face away further get no light, even with wrapped light
_KNOTS: Final = {"hair": 5}


@dataclass(frozen=True, eq=False, slots=True)
class StrandLight:
    """Visibility ``(n, j, 48)`` of a bundle's strands at j of their points, and the indices ``(j,)`` of these."""

    visible: Singles
    knots: Ints


@dataclass(frozen=True, eq=False, slots=True)
class Visibility:
    """Visibility ``surface (48, n)`` of a model's vertices, and of each bundle of strands; 0 is hidden, 1 visible."""

    surface: Singles
    strands: tuple[StrandLight, ...]


@dataclass(frozen=True, eq=False, slots=True)
class _Maps:
    """Depths seen from one direction; ``frame (3, 3)`` transforms positions to map x, y and depth."""

    frame: Singles
    body: Singles
    hair_near: Singles | None
    hair_far: Singles | None

    def _cell(self, turned: Singles, size: int) -> Ints:
        scaled = turned[:, :2] * np.float32(size / (2 * _HALF_DM)) + np.float32(size / 2)
        cell = np.clip(scaled, 0, size - 1).astype(np.int32)
        return np.asarray(cell[:, 1] * size + cell[:, 0], np.int64)

    def look_up(self, points: Singles, bias: Singles | float, *, is_hair: bool) -> Singles:
        """Visibility ``(n,)`` of points."""
        turned = points @ self.frame
        depth = turned[:, 2]
        free = (depth < self.body[self._cell(turned, _BODY_MAP)] + bias).astype(np.float32)
        if self.hair_near is None or self.hair_far is None:
            return free
        cell = self._cell(turned, _HAIR_MAP)
        near, far = self.hair_near[cell], self.hair_far[cell]
        behind = (depth - _HAIR_FREE_DM if is_hair else np.minimum(depth, far)) - near
        behind = np.where(np.isfinite(behind), np.maximum(behind, 0), 0)
        return np.asarray(free * np.exp(-(_DIMMING_HAIR if is_hair else _DIMMING_SKIN) * behind), np.float32)


def _frame(direction: Floats) -> Floats:
    helper = np.array([0.0, 1.0, 0.0]) if abs(direction[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    right = unit(np.cross(helper, direction))
    return np.stack([right, np.cross(direction, right), -direction], axis=1)


def _hair_cloud(strands: tuple[Strands, ...]) -> Singles | None:
    """Points along the hair, about one per cell of the hair map."""
    hair = [bundle.points for bundle in strands if bundle.kind == "hair"]
    if not hair:
        return None
    lines = hair[0][:: 3 if len(hair[0]) < 20000 else 6]  # a buzz cut has twice the strands
    length = np.linalg.norm(np.diff(lines, axis=1), axis=2).sum(axis=1).mean()
    count = max(2, int(np.ceil(length / (2 * _HALF_DM / _HAIR_MAP))))
    place = np.linspace(0.5 / count, 1, count) * (lines.shape[1] - 1)
    knot = np.minimum(place.astype(np.int64), lines.shape[1] - 2)
    share = (place - knot)[None, :, None]
    cloud = lines[:, knot] * (1 - share) + lines[:, knot + 1] * share
    return np.asarray((cloud - _CENTRE_DM).reshape(-1, 3), np.float32)


def _towards(turned: Floats, triangles: Ints) -> Bools:
    """Mask of triangles that face the light; the others lie behind these and add no shadow."""
    x, y = turned[triangles, 0], turned[triangles, 1]
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (y[:, 1] - y[:, 0]) * (x[:, 2] - x[:, 0])
    return np.asarray(area > 0)


def _draw_maps(direction: Floats, caster: tuple[Floats, Ints], cloud: Singles | None) -> _Maps:
    frame = _frame(direction)
    turned = (caster[0] - _CENTRE_DM) @ frame
    turned[:, :2] = turned[:, :2] * (_BODY_MAP / (2 * _HALF_DM)) + _BODY_MAP / 2
    facing = caster[1][_towards(turned, caster[1])]
    maps = _Maps(frame.astype(np.float32), depth_map(turned, facing, _BODY_MAP).astype(np.float32), None, None)
    if cloud is None:
        return maps
    turned_cloud = cloud @ maps.frame
    cell = maps._cell(turned_cloud, _HAIR_MAP)  # noqa: SLF001 - this module's own class
    near = np.full(_HAIR_MAP**2, np.inf, np.float32)
    far = np.full(_HAIR_MAP**2, -np.inf, np.float32)
    np.minimum.at(near, cell, turned_cloud[:, 2])
    np.maximum.at(far, cell, turned_cloud[:, 2])
    return _Maps(maps.frame, maps.body, near, far)


def _knots(bundle: Strands) -> Ints:
    count = bundle.points.shape[1]
    return np.unique(np.round(np.linspace(0, count - 1, min(count, _KNOTS.get(bundle.kind, 2)))).astype(np.int64))


def bake_visibility(model: Model) -> Visibility:
    """Compute the visibility of all parts of a model from all directions."""
    is_eye = model.kind == KINDS.index("eye")
    offset = np.where(is_eye, _EYE_OFFSET_DM, _BODY_OFFSET_DM)[:, None]
    points = (model.vertices - _CENTRE_DM + model.normals * offset).astype(np.float32)
    bias = np.where(is_eye, _EYE_BIAS_DM, _BODY_BIAS_DM).astype(np.float32)
    knots = [_knots(bundle) for bundle in model.strands]
    strand_points = [
        (bundle.points[:, knot] - _CENTRE_DM).reshape(-1, 3).astype(np.float32)
        for bundle, knot in zip(model.strands, knots, strict=True)
    ]
    surface = np.zeros((len(DIRECTIONS), len(points)), np.float32)
    strands = [np.ones((len(cloud), len(DIRECTIONS)), np.float32) for cloud in strand_points]
    cloud = _hair_cloud(model.strands)
    for number, direction in enumerate(DIRECTIONS):
        maps = _draw_maps(direction, model.caster, cloud)
        lit = np.flatnonzero(model.normals @ direction > _LIT_COSINE)
        surface[number, lit] = maps.look_up(points[lit], bias[lit], is_hair=False)
        for bundle, places, visible in zip(model.strands, strand_points, strands, strict=True):
            visible[:, number] = maps.look_up(places, _STRAND_BIAS_DM, is_hair=bundle.kind == "hair")
    lights = [
        StrandLight(visible.reshape(len(bundle.points), len(knot), -1), knot)
        for bundle, visible, knot in zip(model.strands, strands, knots, strict=True)
    ]
    return Visibility(surface, tuple(lights))
