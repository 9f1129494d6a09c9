"""Hair on the head: guide hairs are traced over the skull, then thousands of strands follow them.

A guide leaves the scalp in the comb direction of its cut, bends under gravity and is pushed out where it would enter
the head. Strands between the guides use the mean of the three nearest guides on their side of the parting.

Two rules keep the face visible: `_part_before_face` moves long hair to the sides of the face, and
`_trim_before_eyes` cuts hair that still hangs in front of the eyes. Faces with hidden eyes would be no useful test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from facecheck.generate.synthesis.arrays import Bools, Floats, Ints, bell, ramp, unit
from facecheck.generate.synthesis.colour import to_linear
from facecheck.generate.synthesis.cuts import CUT_FORMS, CutForm
from facecheck.generate.synthesis.mesh import triangles_of
from facecheck.generate.synthesis.noise import value_noise
from facecheck.generate.synthesis.person import Person
from facecheck.generate.synthesis.strands import Strands
from facecheck.generate.synthesis.streams import Aspect, stream
from facecheck.generate.synthesis.style import Cut, Style
from facecheck.generate.synthesis.template import Template

__all__ = ["cap_strength", "hair", "scalp"]

_GUIDES: Final = 420
_NEAREST_GUIDES: Final = 3
_OTHER_SIDE_PENALTY: Final = 10.0  # dm2: strands do not follow guides across the parting
_LOWEST_COLLIDER_DM: Final = 5.0
_DEEPEST_HIT_DM: Final = 0.6
_BUN_DM: Final = np.array([0.0, 7.6, -0.7])
_FACE_HALF_WIDTH_DM: Final = 0.64
_FURTHEST_FORWARD_DM: Final = 0.55  # beside the cheeks, long hair stays behind this depth
_LIFTED_KNOTS: Final = 7
_DEEPEST_LIFT_DM: Final = 0.15
_SIDE_LIFT: Final = 0.15
_ABOVE_EYES_DM: Final = 0.3
_BOB_Y_DM: Final = 6.2
_GREY: Final = to_linear((172, 170, 166))

# Hairline: height on the template (dm) over the angle from the front (rad), women's higher at the temples.
_ANGLES: Final = (0, 0.3, 0.55, 0.8, 1.0, 1.15, 1.25, 1.42, 1.52, 1.8, 1.95, 2.3, 3.2)
_HEIGHTS: Final = (8.03, 8.02, 8.02, 7.95, 7.78, 7.55, 7.3, 7.12, 7.45, 7.5, 6.95, 6.55, 6.45)
_WOMENS_HEIGHTS: Final = (7.97, 7.96, 7.96, 7.9, 7.78, 7.55, 7.4, 7.3, 7.45, 7.5, 6.95, 6.55, 6.45)


@dataclass(frozen=True, eq=False, slots=True)
class _Scalp:
    """Roots: position and normal on the person, and position on the template."""

    points: Floats
    normals: Floats
    rest: Floats


@dataclass(frozen=True, eq=False, slots=True)
class _Collider:
    """The head for collisions with hair: every second coarse vertex and its normal."""

    tree: cKDTree
    vertices: Floats
    normals: Floats


def _collider(mesh: tuple[Floats, Floats]) -> _Collider:
    keep = np.flatnonzero(mesh[0][:, 1] > _LOWEST_COLLIDER_DM)[::2]
    return _Collider(cKDTree(mesh[0][keep]), mesh[0][keep], mesh[1][keep])


def scalp(points: Floats, person: Person, cut: Cut) -> Floats:
    """Density of hair at each template position ``(n, 3)``, 0 to 1."""
    angle = np.arctan2(np.abs(points[:, 0]), points[:, 2] - 0.35)
    heights = _HEIGHTS if person.body.sex == "male" else _WOMENS_HEIGHTS
    receding = cut == "receding"
    temples = person.hair.recession_dm + 0.25 * receding
    line = np.interp(angle, _ANGLES, heights) + person.hair.hairline_dm * ramp(1.3, 0.9, angle)
    line += 1.2 * temples * bell(angle, 0.62, 0.25) + (0.6 * temples + 0.3 * receding) * ramp(1.0, 0.5, angle)
    jagged = 0.03 * np.sin(31 * points[:, 0] + person.seed) * np.sin(17 * points[:, 0] + 2 * person.seed)
    return ramp(-0.07, 0.10, points[:, 1] - line + jagged)


def cap_strength(person: Person, cut: Cut) -> float:
    """Share of the scalp's colour that the roots of the hair hide, 0 to 1."""
    if cut == "bald":
        return 0.03 if person.hair.name == "white" else 0.12
    return {"buzz": 0.8, "afro": 0.95}.get(cut, 0.9)


def _sample(
    template: Template, mesh: tuple[Floats, Floats], chance: Floats, count: int, rng: np.random.Generator
) -> _Scalp:
    vertices, normals = mesh
    triangles = triangles_of(template.coarse.quads)
    picked = triangles[rng.choice(len(triangles), count, p=chance / chance.sum())]
    place = rng.dirichlet([1.0] * 3, count)

    def mean(values: Floats) -> Floats:
        return np.asarray(np.einsum("nk,nkd->nd", place, values[picked]))

    return _Scalp(mean(vertices), unit(mean(normals)), mean(template.rest_coarse))


def _chance(template: Template, vertices: Floats, person: Person, cut: Cut) -> Floats:
    """Probability of a root in each coarse triangle: area times density of hair, 0 on ears."""
    triangles = triangles_of(template.coarse.quads)
    corners = vertices[triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    growth = scalp(template.rest_coarse, person, cut)[triangles].mean(axis=1)
    on_ear = (template.regions.ears[: len(vertices)][triangles] > 0.3).any(axis=1)  # the edge of the mask
    return np.asarray(area * growth * ~on_ear)


def _fringe_mask(rest: Floats) -> Bools:
    return np.asarray(ramp(0.65, 0.85, rest[:, 2]) * ramp(0.8, 0.6, np.abs(rest[:, 0])) > 0.5)


def _tangent(vectors: Floats, normals: Floats) -> Floats:
    return unit(vectors - (vectors * normals).sum(axis=1, keepdims=True) * normals + 1e-9)


def _sides(rest: Floats, part: float) -> Floats:
    return np.where(rest[:, 0] >= part, 1.0, -1.0)


def _comb(form: CutForm, rest: Floats, style: Style) -> Floats:
    """Comb direction of each guide ``(n, 3)``."""
    side = _sides(rest, style.part)
    if style.cut == "side parting":
        side = np.full(len(rest), -np.sign(style.part or 1.0))
    combed = np.stack([form.comb[0] * side, np.full(len(rest), form.comb[1]), np.full(len(rest), form.comb[2])], axis=1)
    if form.fringe:
        forwards = np.stack([0.25 * rest[:, 0], np.full(len(rest), -0.1), np.ones(len(rest))], axis=1)
        combed = np.where(_fringe_mask(rest)[:, None], forwards, combed)
    if form.sides_fall:
        top = ramp(7.55, 7.95, rest[:, 1])[:, None]
        backwards = -0.4 if form.side > 0.5 else 0.1  # long hair falls behind the ears
        outer = np.sign(rest[:, 0])
        falling = np.stack([0.1 * outer, np.full(len(rest), -1.0), np.full(len(rest), backwards)], axis=1)
        combed = combed * top + falling * (1 - top)
    return combed


def _lengths(form: CutForm, rest: Floats, style: Style, rng: np.random.Generator) -> Floats:
    top = ramp(7.55, 7.95, rest[:, 1])
    lengths = (form.top * top + form.side * (1 - top)) * style.length * rng.uniform(0.92, 1.08, len(rest))
    if form.fringe:
        to_brow = rng.uniform(0.56, 0.64, len(rest)) + 0.9 * np.maximum(0, 1.25 - rest[:, 2])
        lengths = np.where(_fringe_mask(rest), to_brow + 0.9 * (rest[:, 1] - 8.03), lengths)
    return np.asarray(lengths)


def _push_out(points: Floats, heading: Floats, collider: _Collider, clearance: Floats) -> tuple[Floats, Floats]:
    """Move points to ``clearance`` above the head and make their heading tangential."""
    nearest = collider.tree.query(points)[1]
    vertices, normal = collider.vertices, collider.normals[nearest]
    missing = clearance - ((points - vertices[nearest]) * normal).sum(axis=1)
    hit = (missing > 0) & (missing < _DEEPEST_HIT_DM)
    inwards = (heading * normal).sum(axis=1)
    points = np.where(hit[:, None], points + normal * missing[:, None], points)
    turned = unit(heading - normal * inwards[:, None])
    return points, np.where((hit & (inwards < 0))[:, None], turned, heading)


def _step_guides(form: CutForm, roots: _Scalp, style: Style, collider: _Collider, rng: np.random.Generator) -> Floats:
    """Guide hairs ``(n, knots, 3)``."""
    combed = _tangent(_comb(form, roots.rest, style), roots.normals)
    top = ramp(7.55, 7.95, roots.rest[:, 1])[:, None]
    lift = form.lift * top + min(form.lift, _SIDE_LIFT) * (1 - top) if form.sides_fall else form.lift
    heading = unit(roots.normals * lift + combed * (1 - lift))
    step = (_lengths(form, roots.rest, style, rng) / (form.knots - 1))[:, None]
    clearance = 0.02 + rng.uniform(0, 0.08, len(step)) * min(1.0, form.top)
    points = [roots.points + 0.01 * roots.normals]
    for knot in range(1, form.knots):
        if style.cut == "tied":
            heading = unit(heading + 0.6 * unit(_BUN_DM - points[-1]))
        elif style.cut == "afro":
            heading = unit(heading + rng.normal(0, 0.06, heading.shape))
        else:
            pull = form.gravity * (0.12 + 1.6 * (knot / form.knots) ** 1.25)
            heading = unit(heading - np.array([0, pull, 0]) + 0.15 * (1 - knot / form.knots) * combed)
        moved, heading = _push_out(points[-1] + heading * step, heading, collider, clearance * min(1, knot / 4))
        points.append(moved)
    return np.stack(points, axis=1)


def _follow(form: CutForm, guides: tuple[Floats, _Scalp], roots: _Scalp, part: float) -> Floats:
    """Offsets from the root ``(n, knots, 3)`` of each strand: the mean of its nearest guides."""
    lines, guide_roots = guides
    here, there = roots.rest, guide_roots.rest
    distance = (here**2).sum(axis=1)[:, None] + (there**2).sum(axis=1)[None] - 2 * here @ there.T
    if form.parted:
        distance += _OTHER_SIDE_PENALTY * (_sides(here, part)[:, None] != _sides(there, part)[None])
    if form.fringe:
        distance += _OTHER_SIDE_PENALTY * (_fringe_mask(here)[:, None] != _fringe_mask(there)[None])
    nearest: Ints = np.argpartition(distance, _NEAREST_GUIDES, axis=1)[:, :_NEAREST_GUIDES]
    weight = 1 / (np.maximum(np.take_along_axis(distance, nearest, axis=1), 0) + 1e-3)
    weight /= weight.sum(axis=1, keepdims=True)
    offsets = lines - lines[:, :1]
    return np.asarray(np.einsum("sk,skpd->spd", weight, offsets[nearest]))


def _disorder(form: CutForm, offsets: Floats, rng: np.random.Generator) -> Floats:
    """Add a random deviation to every strand, growing towards its tip."""
    count, knots, _ = offsets.shape
    along = np.linspace(0, 1, knots)[None, :, None]
    offsets = offsets * rng.uniform(form.shortest, 1.03, (count, 1, 1))
    span = np.linalg.norm(offsets[:, -1], axis=1)
    reach = np.minimum(span, 1.0)[:, None, None]
    first, second = rng.normal(0, 1, (2, count, 1, 3))
    return np.asarray(offsets + form.wander * reach * (first * along + 0.6 * second * along**2))


def _curl(offsets: Floats, rest: Floats, amount: float, *, tight: bool, rng: np.random.Generator) -> Floats:
    count, knots, _ = offsets.shape
    arc = np.linspace(0, 1, knots)[None, :, None] * np.linalg.norm(offsets[:, -1], axis=1)[:, None, None]
    if tight:
        phase, turns, radius = rng.uniform(0, 2 * np.pi, (count, 1, 1)), 38.0, 0.035 * max(amount, 0.8)
    else:
        phase = 2 * np.pi * value_noise(rest, 1.5, rng)[:, None, None]
        turns, radius = 5 + 3 * amount, 0.05 * amount
    one, other = np.array([1.0, 0, 0.3]), np.array([-0.2, 0.3, 1.0])
    wave = np.sin(turns * arc + phase) * one + np.cos(turns * arc + phase) * other
    return np.asarray(offsets + radius * np.minimum(1, 3 * arc) * wave)


def _part_before_face(points: Floats, side: Floats, eye_y: float) -> Floats:
    """Move hair in front of the face to its sides, gradually from the root on."""
    room = (
        _FACE_HALF_WIDTH_DM
        * ramp(eye_y + 0.55, eye_y + _ABOVE_EYES_DM, points[..., 1])
        * ramp(0.7, 0.95, points[..., 2])
    )
    room *= np.clip(np.arange(points.shape[1]) / 4, 0, 1)[None]
    drawn = points.copy()
    drawn[..., 0] = np.where(np.abs(points[..., 0]) < room, side[:, None] * room, points[..., 0])
    too_far = np.maximum(points[..., 2] - _FURTHEST_FORWARD_DM, 0) * ramp(7.6, 7.2, points[..., 1])
    drawn[..., 2] -= 0.85 * too_far * np.clip(np.arange(points.shape[1]) / 6, 0, 1)[None]
    return drawn


def _trim_before_eyes(points: Floats, eye_y: float, rng: np.random.Generator) -> Floats:
    """Cut every strand where it comes in front of the eyes; points after the cut equal the last point before it."""
    height = eye_y + _ABOVE_EYES_DM + rng.uniform(-0.02, 0.05, (len(points), 1))
    x, y, z = np.abs(points[..., 0]), points[..., 1], points[..., 2]
    hidden = (z > 0.7) & (x < 0.56) & (y < height)  # the region in front of the eyes, in dm
    last = np.where(hidden.any(axis=1), np.maximum(hidden.argmax(axis=1) - 1, 0), points.shape[1] - 1)
    index = np.minimum(np.arange(points.shape[1])[None], last[:, None])
    return np.take_along_axis(points, index[..., None], axis=1)


def _bun(knots: int, rng: np.random.Generator) -> Floats:
    count = 1800
    start = unit(rng.normal(size=(count, 3)))
    across = unit(np.cross(start, rng.normal(size=(count, 3))))
    turn = np.linspace(0, 1.6, knots)[None, :, None]
    centre = _BUN_DM + np.array([0, 0, -0.12])
    return np.asarray(centre + 0.33 * (start[:, None] * np.cos(turn) + across[:, None] * np.sin(turn)))


def _colours(person: Person, rest: Floats, rng: np.random.Generator) -> Floats:
    own = np.exp(rng.normal(0, 0.14, (len(rest), 1)) + 0.12 * value_noise(rest, 5.0, rng)[:, None])
    colour = np.asarray(person.hair.colour) * own
    grey = np.clip(rng.normal(person.hair.greying, 0.25, (len(rest), 1)), 0, 0.8) * (person.hair.greying > 0)
    return np.asarray(colour * (1 - grey) + _GREY * own * grey)


def _lift_over_scalp(points: Floats, collider: _Collider) -> Floats:
    """Lift the first knots of each strand out of the scalp, which may be curved differently between the guides."""
    lifted = points.copy()
    for knot in range(1, min(_LIFTED_KNOTS, points.shape[1])):
        nearest = collider.tree.query(points[:, knot])[1]
        normal = collider.normals[nearest]
        missing = 0.012 + 0.006 * knot - ((points[:, knot] - collider.vertices[nearest]) * normal).sum(axis=1)
        lifted[:, knot] += normal * np.clip(missing, 0, _DEEPEST_LIFT_DM)[:, None]
    return lifted


def _shape_strands(
    form: CutForm, person: Person, style: Style, strands: tuple[Floats, _Scalp, float], rng: np.random.Generator
) -> Floats:
    """Strands ``(n, knots, 3)`` from their offsets, their roots and the height of the eyes."""
    offsets, roots, eye_y = strands
    offsets = _disorder(form, offsets, rng)
    if person.hair.curl > 0.15 or style.cut == "afro":  # hair with less curl is drawn straight
        offsets = _curl(offsets, roots.rest, person.hair.curl, tight=style.cut == "afro", rng=rng)
    points = roots.points[:, None] + offsets
    if form.parted and not form.fringe and form.side > 0.9:  # long enough to fall in front of the face
        points = _part_before_face(points, _sides(roots.rest, style.part), eye_y)
    if style.cut == "bob":
        cut = _BOB_Y_DM + 0.1 * (style.length - 1) + 0.03 * rng.normal(size=(len(points), 1))
        points[..., 1] = np.where(points[..., 1] < cut, cut + 0.05 * (points[..., 1] - cut), points[..., 1])
    return points


def hair(template: Template, person: Person, style: Style, mesh: tuple[Floats, Floats], eye_y: float) -> Strands | None:
    """Strands of a person's hair in a style; None if there is no hair.

    Args:
        template: the head at rest.
        person: whose hair: colour, curl, hairline, density.
        style: the cut, its length and parting.
        mesh: coarse body vertices and normals with a neutral face (hair does not depend on the expression).
        eye_y: height of the eyes, dm.
    """
    if style.cut == "bald":
        return None
    form = CUT_FORMS[style.cut]
    rng = stream(Aspect.STRANDS, *person.key, style.index)
    chance = _chance(template, mesh[0], person, style.cut)
    guide_roots = _sample(template, mesh, chance, _GUIDES, rng)
    collider = _collider(mesh)
    guides = _step_guides(form, guide_roots, style, collider, rng)
    roots = _sample(template, mesh, chance, int(form.strands * person.hair.density), rng)
    offsets = _follow(form, (guides, guide_roots), roots, style.part)
    points = _shape_strands(form, person, style, (offsets, roots, eye_y), rng)
    if form.top > 0.2:  # the hair of a buzz cut is upright and needs no lift
        points = _lift_over_scalp(points, collider)
    points = _trim_before_eyes(points, eye_y, rng)
    colour = _colours(person, roots.rest, rng)
    if style.cut == "tied":
        bun = _bun(form.knots, rng)
        points = np.concatenate([points, bun])
        colour = np.concatenate([colour, np.asarray(person.hair.colour) * np.exp(rng.normal(0, 0.2, (len(bun), 1)))])
    return Strands(points=points, colour=colour, kind="hair")
