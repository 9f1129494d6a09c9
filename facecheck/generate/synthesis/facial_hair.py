"""Brows, beards and lashes: short hairs that grow from vertices of the skin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from facecheck.generate.synthesis.arrays import Floats, unit
from facecheck.generate.synthesis.colour import to_linear
from facecheck.generate.synthesis.person import Brows, Person
from facecheck.generate.synthesis.strands import Strands, grow_short
from facecheck.generate.synthesis.streams import Aspect, stream
from facecheck.generate.synthesis.style import Beard, Style
from facecheck.generate.synthesis.template import SIDES, Template

__all__ = ["beard_weight", "brow_profile", "facial_hair"]

_BROW_Y_DM: Final = 7.475
_LASH_COLOUR: Final = to_linear((22, 17, 14))


@dataclass(frozen=True, kw_only=True, slots=True)
class _BeardForm:
    hairs: int
    length_dm: float


_BEARDS: Final[dict[Beard, _BeardForm]] = {
    "stubble": _BeardForm(hairs=4500, length_dm=0.028),
    "full": _BeardForm(hairs=11000, length_dm=0.12),
    "goatee": _BeardForm(hairs=5000, length_dm=0.1),
    "moustache": _BeardForm(hairs=2200, length_dm=0.09),
}


def beard_weight(template: Template, beard: Beard) -> Floats:
    """Density ``(s,)`` in [0, 1] of a beard of this form on the fine body."""
    regions = template.regions
    grows: dict[Beard, Floats] = {
        "goatee": regions.chin + 0.9 * regions.moustache,
        "moustache": 1.1 * regions.moustache,
    }
    return np.asarray(np.clip(grows.get(beard, regions.jaw + regions.moustache), 0, 1))


def brow_profile(brows: Brows, along: Floats) -> tuple[Floats, Floats]:
    """Height on the template and half thickness (dm) of a brow at ``along``, 0 at the nose to 1 at the temple."""
    u = np.clip(along, 0, 1)
    height = _BROW_Y_DM + brows.height + 2 * brows.tilt * (u - 0.5) - 0.05 * u**2
    height = height + 2 * brows.arch * np.sin(np.pi * u**1.4)
    return height, brows.thickness * np.clip(np.minimum(0.55 + 2.5 * u, 1.25 - u**2), 0.12, 1)


def _brow(
    template: Template, skin: tuple[Floats, Floats], brows: Brows, sign: int, rng: np.random.Generator
) -> Strands:
    along = rng.random(brows.hairs)
    across = np.clip(rng.normal(0, 0.5, brows.hairs), -1, 1)
    height, thickness = brow_profile(brows, along)
    x = brows.inner + (brows.outer - brows.inner) * along
    roots = template.nearest_front(np.stack([sign * x, height + across * thickness], axis=1))
    combed = np.stack(
        [sign * (0.25 + 0.9 * along), 0.9 * (1 - along) - 0.3 * np.sign(across) * along - 0.1 * along, -0.35 * along],
        axis=1,
    )
    lengths = rng.uniform(0.03, 0.06, brows.hairs) * (1 - 0.25 * along)
    points = grow_short((*skin, roots), combed, lengths, rng, lift=0.12, disorder=0.1)
    colour = np.asarray(brows.colour) * np.exp(rng.normal(0, 0.2, (brows.hairs, 1)))
    return Strands(points=points, colour=colour, kind="brow")


def _beard(
    template: Template, skin: tuple[Floats, Floats], person: Person, beard: Beard, rng: np.random.Generator
) -> Strands:
    form = _BEARDS[beard]
    quads = template.fine.quads
    corners = skin[0][quads]
    area = np.linalg.norm(np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]), axis=1)
    chance = area * beard_weight(template, beard)[quads].mean(axis=1) ** 1.5
    face = rng.choice(len(quads), form.hairs, p=chance / chance.sum())
    roots = quads[face, rng.integers(0, 4, form.hairs)]
    side = np.clip(3 * template.rest_fine[roots, 0], -1, 1)
    combed = np.stack([0.4 * side, np.full(form.hairs, -1.0), np.full(form.hairs, 0.1)], axis=1)
    lengths = form.length_dm * rng.uniform(0.5, 1.1, form.hairs)
    points = grow_short((*skin, roots), combed, lengths, rng, lift=0.3, disorder=0.3)
    base = 0.7 * np.asarray(person.hair.colour) + 0.3 * np.asarray(person.brows.colour)
    return Strands(points=points, colour=base * np.exp(rng.normal(0, 0.2, (form.hairs, 1))), kind="beard")


def _lashes(template: Template, vertices: Floats, side: str, lid: str, count: int, rng: np.random.Generator) -> Strands:
    """Lashes on the lash strip of the base mesh, from the lid outwards."""
    head = template.head
    strip = head.parts[f"{side}_{lid}_lashes"]
    centre = vertices[np.unique(head.parts[f"{side}_eye"])].mean(axis=0)
    place = rng.dirichlet([1.0] * 4, 3 * count)
    middle = np.einsum("nk,nkd->nd", place, vertices[strip[rng.choice(len(strip), 3 * count)]])
    near = np.argsort(np.linalg.norm(middle - centre, axis=1), kind="stable")[: int(1.6 * count)]
    middle = middle[near]
    outwards = unit(middle - centre) * np.array([0.6, 0.6, 1.0])
    reach = rng.uniform(0.025, 0.05, len(middle))[:, None, None] * np.linspace(-0.5, 0.5, 3)[None, :, None]
    points = middle[:, None] + outwards[:, None] * reach
    return Strands(points=points, colour=np.tile(_LASH_COLOUR, (len(middle), 1)), kind="lash")


def facial_hair(
    template: Template, person: Person, style: Style, vertices: Floats, skin: tuple[Floats, Floats]
) -> list[Strands]:
    """Brows, beard and lashes on a posed head.

    Args:
        template: the head at rest.
        person: whose hair.
        style: gives the beard and the lashes.
        vertices: the head's vertices ``(v, 3)``.
        skin: fine body vertices ``(s, 3)`` and normals.
    """
    rng = stream(Aspect.FACIAL_HAIR, *person.key, style.index)
    grown = [_brow(template, skin, person.brows, sign, rng) for _, sign in SIDES]
    for side, _ in SIDES:
        for lid, hairs in (("upper", 90), ("lower", 45)):
            grown.append(_lashes(template, vertices, side, lid, int(hairs * style.make_up.lash_amount), rng))
    if style.beard in _BEARDS:
        grown.append(_beard(template, skin, person, style.beard, rng))
    return grown
