"""Render a lit model with a camera.

Surfaces and strands become fragments on a grid with three times the resolution of the picture. Each sample keeps its
nearest fragment, garments are computed per sample, then samples are averaged, exposed and tone-mapped.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from facecheck.generate.synthesis.arrays import Floats, Ints, Pixels, Singles, ramp
from facecheck.generate.synthesis.background import background
from facecheck.generate.synthesis.camera import DISTANCE_DM, Camera
from facecheck.generate.synthesis.clothes import cloth_albedo, cloth_distance
from facecheck.generate.synthesis.colour import from_linear
from facecheck.generate.synthesis.raster import Fragments, nearest_fragments, rasterise
from facecheck.generate.synthesis.shading import LitModel, strand_colours, surface_colours
from facecheck.generate.synthesis.streams import Aspect, stream
from facecheck.generate.synthesis.template import Template

__all__ = ["Development", "render"]

SAMPLES_PER_SIDE: Final = 3
_DEPTH_RANGE: Final = (DISTANCE_DM - 4, DISTANCE_DM + 4)
_LONGEST_SEGMENT: Final = 60  # samples
_SHORT_HAIR_LEAD_DM: Final = 0.012  # depth offset of brows, beards and lashes, so that skin does not hide them
_SHOULDER: Final = 0.55  # where the tone curve starts to bend, so that highlights do not saturate
_NOISE: Final = 0.006
_CLOTH_EDGE_DM: Final = 0.004


class Development(NamedTuple):
    """Parameters for turning light into the finished picture."""

    background_seed: int
    exposure_ev: float
    noise_seed: int


class _StrandSamples(NamedTuple):
    """Samples along strand segments: flat pixel, depth, segment, and position on the segment."""

    pixel: Ints
    depth: Singles
    segment: Ints
    share: Singles


def _on_picture(start: Floats, stop: Floats, size: int) -> Ints:
    """Indices of segments ``(m, 3)`` that have a length and may intersect the picture."""
    low, high = np.minimum(start, stop), np.maximum(start, stop)
    shown = (high[:, 0] >= 0) & (high[:, 1] >= 0) & (low[:, 0] < size) & (low[:, 1] < size)
    return np.flatnonzero(shown & (high[:, 0] + high[:, 1] > low[:, 0] + low[:, 1]))


def _trace(ends: tuple[Floats, Floats], size: int) -> _StrandSamples:
    """Samples that segments between projected points ``(m, 3)`` pass through."""
    kept = _on_picture(*ends, size)
    start = ends[0][kept].astype(np.float32)
    span = ends[1][kept].astype(np.float32) - start
    steps = np.clip(np.ceil(np.abs(span[:, :2]).max(axis=1)), 1, _LONGEST_SEGMENT).astype(np.int64)
    segment = np.repeat(np.arange(len(steps)), steps)
    first = np.cumsum(steps) - steps
    place = (np.arange(len(segment)) - first[segment]).astype(np.float32) + np.float32(0.5)
    share = place * (1 / steps).astype(np.float32)[segment]
    x, y, depth = (start[:, axis][segment] + span[:, axis][segment] * share for axis in range(3))
    shown = np.flatnonzero((x >= 0) & (x < size) & (y >= 0) & (y < size))
    pixel = y[shown].astype(np.int32) * size + x[shown].astype(np.int32)
    return _StrandSamples(pixel.astype(np.int64), depth[shown], kept[segment[shown]], share[shown])


def _front_facing(points: Floats, triangles: Ints) -> Ints:
    x, y = points[triangles, 0], points[triangles, 1]
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (y[:, 1] - y[:, 0]) * (x[:, 2] - x[:, 0])
    return np.asarray(triangles[area < 0])  # y points down


def _garment(template: Template, lit: LitModel, corners: Ints, weights: Floats, skin: Floats) -> Floats:
    """Colours of surface samples, with the garment over the skin."""
    model = lit.model
    body = np.flatnonzero((corners < model.body_count).all(axis=1))
    corners, weights = corners[body], weights[body]
    rest = np.einsum("kc,kcd->kd", weights, template.rest_fine[corners])
    distance = cloth_distance(rest, model.style.clothes)
    dressed = np.flatnonzero(distance < 2 * _CLOTH_EDGE_DM)
    light = np.einsum("kc,kcd->kd", weights[dressed], lit.irradiance[corners[dressed]])
    cloth = light * cloth_albedo(rest[dressed], distance[dressed], model.person, model.style)
    share = ramp(_CLOTH_EDGE_DM, -_CLOTH_EDGE_DM, distance[dressed])[:, None]
    painted = skin.copy()
    painted[body[dressed]] = skin[body[dressed]] * (1 - share) + cloth * share
    return painted


def _surface_samples(
    template: Template, lit: LitModel, camera: Camera, triangles: Ints, fragments: Fragments, chosen: Ints
) -> Floats:
    """Colours ``(k, 3)`` of the chosen surface fragments."""
    colours = surface_colours(lit, camera.position)
    corners, weights = triangles[fragments.triangle[chosen]], fragments.weights[chosen]
    skin = np.einsum("kc,kcd->kd", weights, colours[corners])
    return _garment(template, lit, corners, weights, skin)


def _trace_bundles(lit: LitModel, camera: Camera, size: int) -> list[_StrandSamples]:
    traced = []
    for strands in lit.model.strands:
        count, knots, _ = strands.points.shape
        points = camera.project(strands.points.reshape(-1, 3), size).reshape(count, knots, 3)
        samples = _trace((points[:, :-1].reshape(-1, 3), points[:, 1:].reshape(-1, 3)), size)
        lead = 0.0 if strands.kind == "hair" else _SHORT_HAIR_LEAD_DM
        traced.append(samples._replace(depth=samples.depth - np.float32(lead)))
    return traced


def _draw(template: Template, lit: LitModel, camera: Camera, size: int) -> tuple[Floats, Floats]:
    """Linear light ``(size * size, 3)`` and coverage of every sample."""
    points = camera.project(lit.model.vertices, size)
    triangles = _front_facing(points, lit.model.triangles)
    fragments = rasterise(points, triangles, size)
    traced = _trace_bundles(lit, camera, size)
    pixel = np.concatenate([fragments.pixel, *(samples.pixel for samples in traced)])
    depth = np.concatenate([fragments.depth, *(samples.depth for samples in traced)])
    nearest = nearest_fragments(pixel, depth, size * size, _DEPTH_RANGE)
    light = np.zeros((size * size, 3))
    first = len(fragments.pixel)
    shown = np.flatnonzero((nearest >= 0) & (nearest < first))
    light[shown] = _surface_samples(template, lit, camera, triangles, fragments, nearest[shown])
    for bundle, samples in enumerate(traced):
        shown = np.flatnonzero((nearest >= first) & (nearest < first + len(samples.pixel)))
        chosen = nearest[shown] - first
        colours = strand_colours(lit, bundle, camera.position)
        segment, share = samples.segment[chosen], samples.share[chosen][:, None]
        start, stop = colours[:, :-1].reshape(-1, 3), colours[:, 1:].reshape(-1, 3)
        light[shown] = start[segment] * (1 - share) + stop[segment] * share
        first += len(samples.pixel)
    return light, (nearest >= 0).astype(np.float64)


def _tone(light: Floats) -> Floats:
    """Compress highlights instead of clipping them."""
    room = 1 - _SHOULDER
    return np.where(light > _SHOULDER, _SHOULDER + room * np.tanh(0.9 * (light - _SHOULDER) / room), light)


def render(template: Template, lit: LitModel, camera: Camera, size: int, development: Development) -> Pixels:
    """Picture ``(size, size, 3)`` uint8 RGB of a lit model."""
    light, covered = _draw(template, lit, camera, size * SAMPLES_PER_SIDE)
    grid = (size, SAMPLES_PER_SIDE, size, SAMPLES_PER_SIDE)
    light = light.reshape(*grid, 3).mean(axis=(1, 3)) * (lit.exposure * 2**development.exposure_ev)
    share = covered.reshape(grid).mean(axis=(1, 3))[..., None]
    person = _tone(light / np.maximum(share, 1e-6))
    picture = person * share + background(size, development.background_seed) * (1 - share)
    noise = stream(Aspect.SENSOR, development.noise_seed).normal(0, _NOISE, picture.shape)
    return np.asarray(np.clip(from_linear(picture) + noise, 0, 1) * 255 + 0.5).astype(np.uint8)
