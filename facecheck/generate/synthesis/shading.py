"""Light on a model: independent of the camera (irradiance, exposure) and dependent on it (highlights)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from facecheck.generate.synthesis.arrays import Floats, Ints, unit
from facecheck.generate.synthesis.light import DIRECTIONS, SOLID_ANGLE
from facecheck.generate.synthesis.mesh import neighbour_mean
from facecheck.generate.synthesis.model import KINDS, Model
from facecheck.generate.synthesis.strands import Strands
from facecheck.generate.synthesis.template import Template
from facecheck.generate.synthesis.visibility import StrandLight, Visibility

__all__ = ["LitModel", "light_model", "strand_colours", "surface_colours"]

_LEAK: Final = 0.03  # light that reaches even deep folds
_MOUTH_LEAK: Final = 0.4  # reflections between wet surfaces make teeth look white
_WRAP: Final = np.array([0.22, 0.10, 0.05])  # red light is scattered under the skin around edges
_DIFFUSION_STEPS: Final = (10, 5, 3)  # red is scattered furthest
_DIFFUSION_DM: Final = 0.022
_DIFFUSION_OWN: Final = 0.6
_BRIGHTEST: Final = 12  # number of directions with highlights
_BRIGHTEST_ON_HAIR: Final = 5
_FRESNEL: Final = 0.035
_MAX_HIGHLIGHT: Final = 4.0
_HIGHLIGHT: Final = 0.7
_KEY: Final = 0.74  # irradiance of the metered face
_MID_ALBEDO: Final = 0.26  # albedo of skin that is exposed without correction
_METER_LIGHT: Final = 0.42  # correction of the exposure for light skin, which must not saturate ...
_METER_DARK: Final = 0.16  # ... and for dark skin, which must stay dark


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class LitModel:
    """A model under one light.

    Attributes:
        irradiance: ``(n, 3)`` of each vertex, diffused under the skin.
        strand_light: per bundle ``(n, k, 3)`` light scattered by each point of each strand.
        exposure: factor that a camera's exposure meter would choose for the face.
    """

    model: Model
    visibility: Visibility
    radiance: Floats
    irradiance: Floats
    strand_light: tuple[Floats, ...]
    exposure: float


def _direct(model: Model, visibility: Visibility, radiance: Floats) -> Floats:
    """Irradiance divided by pi, wrapped around edges of skin."""
    skin = (model.kind == KINDS.index("skin")).astype(np.float64)
    leak = np.where(model.kind == KINDS.index("mouth"), _MOUTH_LEAK, _LEAK)
    total = np.zeros((3, len(model.vertices)))
    wraps = [amount * skin for amount in _WRAP]
    for direction, colour, visible in zip(DIRECTIONS, radiance, visibility.surface, strict=True):
        cosine = model.normals @ direction
        arriving = (leak + (1 - leak) * visible) * (SOLID_ANGLE / np.pi)
        for channel, wrap in enumerate(wraps):
            total[channel] += np.maximum(cosine + wrap, 0) / (1 + wrap) ** 2 * (colour[channel] * arriving)
    return total.T


def _diffuse(template: Template, model: Model, irradiance: Floats) -> Floats:
    """Diffuse light under the skin to neighbouring vertices, by channel."""
    count = model.body_count
    edges = template.edges
    lengths = np.linalg.norm(model.vertices[edges[:, 0]] - model.vertices[edges[:, 1]], axis=1)
    spread = neighbour_mean(edges, np.exp(-((lengths / _DIFFUSION_DM) ** 2)), count, own=_DIFFUSION_OWN)
    diffused = irradiance.copy()
    for channel, steps in enumerate(_DIFFUSION_STEPS):
        for _ in range(steps):
            diffused[:count, channel] = spread @ diffused[:count, channel]
    return diffused


def _between_knots(values: Floats, knots: Ints, count: int) -> Floats:
    """Values ``(n, j, d)`` at knots, interpolated to all ``count`` points of a strand."""
    points = np.arange(count)
    left = np.clip(np.searchsorted(knots, points, side="right") - 1, 0, len(knots) - 2)
    share = ((points - knots[left]) / (knots[left + 1] - knots[left]))[None, :, None]
    return np.asarray(values[:, left] * (1 - share) + values[:, left + 1] * share)


def _tangents(strands: Strands) -> Floats:
    return unit(np.gradient(strands.points, axis=1))


def _scattered(strands: Strands, light: StrandLight, radiance: Floats) -> Floats:
    """Light ``(n, k, 3)`` scattered by strands, brightest across the hair (Kajiya and Kay 1989)."""
    tangent = _tangents(strands)[:, light.knots]
    across = np.sqrt(np.clip(1 - (tangent @ DIRECTIONS.T) ** 2, 0, 1))
    at_knots = ((0.05 + 0.95 * light.visible) * across) @ (radiance * SOLID_ANGLE / np.pi * 0.55)
    return _between_knots(at_knots + _LEAK * radiance.mean(axis=0), light.knots, strands.points.shape[1])


def _metered(template: Template, model: Model, irradiance: Floats) -> float:
    """Exposure from the light on the face and, with a smaller weight, from its tone, as in cameras."""
    face = template.exposure_ids
    tone = float(np.mean(model.person.skin.albedo))
    share = _METER_LIGHT if tone > _MID_ALBEDO else _METER_DARK
    return float(_KEY / irradiance[face].mean() * (_MID_ALBEDO / tone) ** share)


def light_model(template: Template, model: Model, visibility: Visibility, radiance: Floats) -> LitModel:
    """Light a model with ``radiance (48, 3)`` from each direction."""
    irradiance = _diffuse(template, model, _direct(model, visibility, radiance)) + _LEAK * radiance.mean(axis=0)
    return LitModel(
        model=model,
        visibility=visibility,
        radiance=radiance,
        irradiance=irradiance,
        strand_light=tuple(
            _scattered(strands, light, radiance)
            for strands, light in zip(model.strands, visibility.strands, strict=True)
        ),
        exposure=_metered(template, model, irradiance),
    )


def _brightest(radiance: Floats, count: int) -> Ints:
    return np.argsort(-radiance.sum(axis=1), kind="stable")[:count]


def _highlights(lit: LitModel, seen: Ints, view: Floats) -> Floats:
    """GGX reflection ``(k, 3)`` of the brightest directions at the ``seen`` vertices.

    Source: Walter et al., "Microfacet models for refraction through rough surfaces", 2007.
    """
    normals, roughness = lit.model.normals[seen], lit.model.paint.roughness[seen]
    squared = roughness**4
    shadowing = (roughness + 1) ** 2 / 8
    facing = np.clip(np.einsum("nd,nd->n", normals, view), 0, 1)
    total = np.zeros((len(seen), 3))
    for number in _brightest(lit.radiance, _BRIGHTEST):
        half = unit(DIRECTIONS[number] + view)
        along = np.clip(np.einsum("nd,nd->n", normals, half), 0, 1)
        incoming = np.clip(normals @ DIRECTIONS[number], 0, 1)
        grazing = np.clip(np.einsum("nd,nd->n", view, half), 0, 1)
        spread = squared / (np.pi * (along**2 * (squared - 1) + 1) ** 2)
        masked = 1 / (4 * (incoming * (1 - shadowing) + shadowing) * (facing * (1 - shadowing) + shadowing))
        fresnel = _FRESNEL + (1 - _FRESNEL) * (1 - grazing) ** 5
        amount = np.minimum(spread * masked * fresnel * incoming, _MAX_HIGHLIGHT) * lit.visibility.surface[number, seen]
        total += amount[:, None] * lit.radiance[number] * SOLID_ANGLE
    return total * (_HIGHLIGHT * lit.model.paint.gloss[seen])[:, None]


def surface_colours(lit: LitModel, camera: Floats) -> Floats:
    """Linear colour ``(n, 3)`` of every vertex as seen from ``camera (3,)``; black where it faces away."""
    model = lit.model
    view = unit(camera - model.vertices)
    facing = np.einsum("nd,nd->n", model.normals, view)
    seen = np.flatnonzero(facing > -0.2)  # with a margin, because normals are interpolated
    colours = model.paint.albedo * lit.irradiance
    colours[seen] += _highlights(lit, seen, view[seen])
    rim = 0.06 * (1 - np.clip(facing, 0, 1)) ** 4 * (model.kind == KINDS.index("skin")) * model.paint.gloss
    return np.asarray(colours + rim[:, None] * lit.irradiance)


def strand_colours(lit: LitModel, bundle: int, camera: Floats) -> Floats:
    """Linear colour ``(n, k, 3)`` of every point of a bundle's strands as seen from ``camera``."""
    strands, light = lit.model.strands[bundle], lit.visibility.strands[bundle]
    count = strands.points.shape[1]
    brightest = _brightest(lit.radiance, _BRIGHTEST_ON_HAIR)
    visible = _between_knots(light.visible[:, :, brightest].astype(np.float64), light.knots, count)
    view, tangent = unit(camera - strands.points), _tangents(strands)
    shine = np.zeros((*strands.points.shape[:2], 3))
    for place, number in enumerate(brightest):
        half = unit(DIRECTIONS[number] + view)
        along = np.einsum("nkd,nkd->nk", tangent, half)
        amount = np.clip(1 - along**2, 0, 1) ** 30 * visible[:, :, place]
        shine += amount[:, :, None] * lit.radiance[number] * SOLID_ANGLE
    colour = strands.colour[:, None]
    gloss = (0.06 if strands.kind == "hair" else 0.02) * (0.5 + 2 * colour)
    return np.asarray(1.35 * colour * lit.strand_light[bundle] + gloss * shine)
