"""The model of a person for one picture: posed surfaces with their paint, and strands of hair, before lighting."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np

from facecheck.generate.synthesis.arrays import Floats, Ints, ramp, unit
from facecheck.generate.synthesis.clothes import CLOTH_THICKNESS_DM, cloth_distance
from facecheck.generate.synthesis.colour import to_linear
from facecheck.generate.synthesis.eyes import ball, paint_eye, set_eye
from facecheck.generate.synthesis.facial_hair import facial_hair
from facecheck.generate.synthesis.glasses import glasses_mesh, glasses_paint
from facecheck.generate.synthesis.hair import hair
from facecheck.generate.synthesis.mesh import neighbour_mean, subdivide, triangles_of, vertex_normals
from facecheck.generate.synthesis.person import Person
from facecheck.generate.synthesis.shape import Expression, face_unit_weights, head_vertices
from facecheck.generate.synthesis.skin import Paint, paint_skin, relief
from facecheck.generate.synthesis.strands import Strands
from facecheck.generate.synthesis.style import Style
from facecheck.generate.synthesis.template import EYE_Y_DM, SIDES, Template

__all__ = ["KINDS", "Model", "Pose", "sculpt"]

SurfaceKind: TypeAlias = Literal["skin", "eye", "mouth", "glasses"]
KINDS: Final[tuple[SurfaceKind, ...]] = ("skin", "eye", "mouth", "glasses")

_TEETH: Final = to_linear((206, 198, 184))
_TONGUE: Final = to_linear((158, 76, 78))
# Part, colour, roughness, and offset downwards from the base mesh, in which the lip hides the upper teeth.
_MOUTH_PARTS: Final = (
    ("upper_teeth", _TEETH, 0.3, 0.075),
    ("lower_teeth", _TEETH, 0.3, 0.03),
    ("tongue", _TONGUE, 0.4, 0.0),
)
_MOUTH_SCALE: Final = np.array([0.88, 1.0, 1.0])  # otherwise the teeth stick out at the corners of an open mouth
_NECK_DM: Final = 5.9  # relief and creases are drawn above this height
_TEMPLE_BAND_DM: Final = 0.1
_TEMPLE_DEPTHS_DM: Final = np.linspace(0.3, 1.6, 14)
_CENTRE_BELOW_EYES_DM: Final = 0.22
_CENTRE_Z_DM: Final = 0.45
_CREASE_TINT: Final = np.array([0.55, 0.75, 0.72])  # creases are redder ...
_RIDGE_TINT: Final = np.array([0.10, 0.13, 0.13])  # ... and ridges are paler


class Pose(NamedTuple):
    """Expression and gaze of a face."""

    expression: Expression
    strength: float
    gaze_rad: tuple[float, float]


class _Surface(NamedTuple):
    vertices: Floats
    quads: Ints
    normals: Floats
    paint: Paint
    kind: SurfaceKind


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Model:
    """All surfaces in one mesh; the body's ``body_count`` vertices come first, in the template's order.

    Attributes:
        vertices, normals: ``(n, 3)``; ``triangles (t, 3)``.
        paint: per vertex.
        kind: ``(n,)`` index into `KINDS`.
        caster: coarse body that casts shadows: vertices and triangles.
        strands: bundles of hair.
        centre: the point that the camera looks at.
    """

    person: Person
    style: Style
    vertices: Floats
    normals: Floats
    triangles: Ints
    paint: Paint
    kind: Ints
    body_count: int
    caster: tuple[Floats, Ints]
    strands: tuple[Strands, ...]
    centre: Floats


def _curvature(template: Template, vertices: Floats, normals: Floats) -> Floats:
    """Smoothed curvature ``(s,)`` in 1/dm, positive in creases."""
    edges = template.edges
    across = vertices[edges[:, 1]] - vertices[edges[:, 0]]
    squared = np.maximum((across**2).sum(axis=1), 1e-8)
    bend = [
        np.clip(sign * (across * normals[edges[:, end]]).sum(axis=1) / squared, -30, 30)
        for end, sign in ((0, 1.0), (1, -1.0))
    ]
    count = len(vertices)
    total = sum(np.bincount(edges[:, end], bend[end], count) for end in (0, 1))
    curvature = total / np.maximum(np.bincount(edges.ravel(), minlength=count), 1)
    smooth = neighbour_mean(edges, np.ones(len(edges)), count, own=0.0)
    for _ in range(3):
        curvature = 0.5 * curvature + 0.5 * (smooth @ curvature)
    return np.asarray(curvature)


def _skin_surface(template: Template, person: Person, style: Style, fine: Floats) -> _Surface:
    """The body with tinted creases, and with wrinkles and pores in its normals."""
    rest, quads = template.rest_fine, template.fine.quads
    normals = vertex_normals(fine, quads)
    covered = ramp(0.03, -0.15, cloth_distance(rest, style.clothes))
    fine = fine + normals * (CLOTH_THICKNESS_DM * covered)[:, None]
    normals = vertex_normals(fine, quads)
    paint = paint_skin(template, person, style)
    above_neck = rest[:, 1] > _NECK_DM
    curvature = np.tanh(_curvature(template, fine, normals) / 6) * above_neck
    tint = np.where(curvature[:, None] > 0, _CREASE_TINT, _RIDGE_TINT)
    albedo = paint.albedo * np.exp(-tint * curvature[:, None] * person.skin.cavity)
    pressed = vertex_normals(fine + normals * relief(template, person)[:, None], quads)
    normals = unit(normals + (pressed - normals) * above_neck[:, None])
    paint = Paint(albedo=albedo, gloss=paint.gloss * (1 - covered), roughness=paint.roughness)
    return _Surface(fine, quads, normals, paint, "skin")


def _plain(colour: Floats, gloss: float, roughness: float, count: int) -> Paint:
    return Paint(albedo=np.tile(colour, (count, 1)), gloss=np.full(count, gloss), roughness=np.full(count, roughness))


def _mouth_surface(part: Ints, vertices: Floats, paint: tuple[Floats, float, float]) -> _Surface:
    """Teeth or tongue, subdivided once."""
    used, local = np.unique(part, return_inverse=True)
    finer = subdivide(local.reshape(-1, 4), len(used))
    points = finer.matrix @ vertices[used]
    return _Surface(points, finer.quads, vertex_normals(points, finer.quads), _plain(*paint, len(points)), "mouth")


def _eye_centres(template: Template, vertices: Floats) -> Floats:
    parts = template.head.parts
    return np.stack([vertices[np.unique(parts[f"{side}_eye"])].mean(axis=0) for side, _ in SIDES])


def _head_sides(template: Template, fine: Floats) -> Floats:
    """Depth and half the width of the head ``(k, 2)`` where the temples of glasses pass."""
    at_eyes = (np.abs(template.rest_fine[:, 1] - EYE_Y_DM) < _TEMPLE_BAND_DM) & (template.regions.ears == 0)
    points = fine[at_eyes]
    slices = np.digitize(points[:, 2], _TEMPLE_DEPTHS_DM)
    widths = [np.abs(points[slices == number, 0]).max(initial=0.0) for number in range(1, len(_TEMPLE_DEPTHS_DM))]
    middles = (_TEMPLE_DEPTHS_DM[1:] + _TEMPLE_DEPTHS_DM[:-1]) / 2
    return np.stack([middles, np.array(widths)], axis=1)


def _surfaces(
    template: Template, person: Person, style: Style, vertices: Floats, pose: Pose, at_rest: Floats
) -> list[_Surface]:
    head = template.head
    eyes = _eye_centres(template, vertices)
    _, fine = template.body(vertices)
    surfaces = [_skin_surface(template, person, style, fine)]
    eye_paint = paint_eye(person)
    for side, _ in SIDES:
        lids = np.concatenate([template.lash_roots[side, lid] for lid in ("upper", "lower")])
        points, normals = set_eye(vertices[np.unique(head.parts[f"{side}_eye"])], at_rest[lids], pose.gaze_rad)
        surfaces.append(_Surface(points, ball().quads, normals, eye_paint, "eye"))
    for name, colour, roughness, lowered in _MOUTH_PARTS:
        surfaces.append(
            _mouth_surface(head.parts[name], vertices * _MOUTH_SCALE - [0, lowered, 0], (colour, 0.5, roughness))
        )
    if style.wears_glasses:
        points, quads = glasses_mesh(style.glasses, eyes, _head_sides(template, fine))
        paint_frame = glasses_paint(style.glasses, len(points))
        surfaces.append(_Surface(points, quads, vertex_normals(points, quads), paint_frame, "glasses"))
    return surfaces


def _join_paint(surfaces: list[_Surface]) -> Paint:
    return Paint(
        albedo=np.concatenate([surface.paint.albedo for surface in surfaces]),
        gloss=np.concatenate([surface.paint.gloss for surface in surfaces]),
        roughness=np.concatenate([surface.paint.roughness for surface in surfaces]),
    )


@lru_cache(maxsize=1)
def _grow_hair(template: Template, person: Person, style: Style) -> Strands | None:
    """Hair of a head with a neutral face; all expressions share it."""
    at_rest = head_vertices(template, person, {})
    scalp, _ = template.body(at_rest)
    eye_y = float(_eye_centres(template, at_rest)[:, 1].mean())
    return hair(template, person, style, (scalp, vertex_normals(scalp, template.coarse.quads)), eye_y)


def sculpt(template: Template, person: Person, style: Style, pose: Pose) -> Model:
    """Build the model of a person in a style, with the expression and gaze of ``pose`` (0.9 s)."""
    vertices = head_vertices(template, person, face_unit_weights(pose.expression, pose.strength))
    at_rest = head_vertices(template, person, {})
    coarse, _ = template.body(vertices)
    eyes = _eye_centres(template, vertices)
    surfaces = _surfaces(template, person, style, vertices, pose, at_rest)
    skin = surfaces[0]
    grown = _grow_hair(template, person, style)
    strands = facial_hair(template, person, style, vertices, (skin.vertices, skin.normals))
    sizes = [len(surface.vertices) for surface in surfaces]
    starts = np.cumsum([0, *sizes[:-1]])
    quads = np.concatenate([surface.quads + start for surface, start in zip(surfaces, starts, strict=True)])
    return Model(
        person=person,
        style=style,
        vertices=np.concatenate([surface.vertices for surface in surfaces]),
        normals=np.concatenate([surface.normals for surface in surfaces]),
        triangles=triangles_of(quads),
        paint=_join_paint(surfaces),
        kind=np.repeat([KINDS.index(surface.kind) for surface in surfaces], sizes),
        body_count=sizes[0],
        caster=(coarse, triangles_of(template.coarse.quads)),
        strands=(*([grown] if grown else []), *strands),
        centre=np.array([0.0, eyes[:, 1].mean() - _CENTRE_BELOW_EYES_DM, _CENTRE_Z_DM]),
    )
