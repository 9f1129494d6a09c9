"""A person's head as vertices: macro shape, local shape, a relaxed face, and a smooth warp.

With random shape weights only, many faces have wide open lids or lowered corners of the mouth, and no single axis
causes this. So the opening of the lids and the corners of the mouth are measured on the morphed head and moved into
the range of relaxed faces with face units (all targets are linear, so one division gives the weight).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

import numpy as np

from facecheck.generate.synthesis.arrays import Floats, Ints
from facecheck.generate.synthesis.person import Body, Person, shape_axes
from facecheck.generate.synthesis.streams import Aspect, stream
from facecheck.generate.synthesis.template import EYE_X_DM, EYE_Y_DM, SIDES, Template

__all__ = ["EXPRESSIONS", "Expression", "face_unit_weights", "head_vertices", "macro_weights", "shape_weights"]

Expression: TypeAlias = Literal["neutral", "smile", "laugh", "frown", "surprise", "squint", "speak"]

_ANCESTRIES: Final = ("african", "asian", "caucasian")
_ANCESTRY_STRETCH: Final = 1.4  # more than in MakeHuman, where mixtures of the three look too similar
_YOUNG_YEARS: Final = 25
_OLD_YEARS: Final = 86  # the age of MakeHuman's "old"
_YOUNGEST_WEIGHT: Final = -0.12  # weight of "child" at 18 years

_LID_RATIO: Final = (0.285, 0.36)  # opening divided by width of a relaxed eye
_MOUTH_DROP_DM: Final = (-0.055, -0.03)  # height of the middle of the mouth minus height of its corners
_MAX_CORRECTION: Final = 0.9

_WAVES: Final = 10
_WARP_DM: Final = 0.06
_WARP_ASYMMETRY: Final = 0.15

EXPRESSIONS: Final[Mapping[Expression, Mapping[str, float]]] = MappingProxyType(
    {
        "neutral": {},
        "smile": {"mouthSmile": 0.55, "cheekSquint": 0.35, "mouthDimple": 0.2, "eyeSquint": 0.1},
        "laugh": {
            "mouthSmile": 0.75,
            "jawOpen": 0.2,
            "cheekSquint": 0.5,
            "mouthUpperUp": 0.45,
            "mouthLowerDown": 0.2,
            "eyeSquint": 0.3,
        },
        "frown": {"browDown": 0.7, "mouthFrown": 0.5, "eyeSquint": 0.25, "mouthPress": 0.3},
        "surprise": {"browInnerUp": 0.6, "browOuterUp": 0.5, "eyeWide": 0.4, "jawOpen": 0.35},
        "squint": {"eyeSquint": 0.6, "mouthSmileLeft": 0.35, "noseSneer": 0.3, "cheekSquint": 0.3},
        "speak": {"jawOpen": 0.22, "mouthFunnel": 0.2, "mouthLowerDown": 0.25, "mouthUpperUp": 0.2},
    }
)
assert set(EXPRESSIONS) == set(get_args(Expression))


def _three_way(x: float, names: tuple[str, str, str]) -> dict[str, float]:
    """Weights of low, average and high at ``x`` in [0, 1]."""
    return dict(zip(names, (max(0.0, 1 - 2 * x), 1 - abs(2 * x - 1), max(0.0, 2 * x - 1)), strict=True))


def _age_weight(years: float) -> float:
    """MakeHuman's age: 0 young, 1 old, below 0 towards a child."""
    if years < _YOUNG_YEARS:
        return _YOUNGEST_WEIGHT * (_YOUNG_YEARS - years) / (_YOUNG_YEARS - 18)
    return min(1.0, (years - _YOUNG_YEARS) / (_OLD_YEARS - _YOUNG_YEARS))


def macro_weights(body: Body) -> dict[str, float]:
    """Weights of MakeHuman's ancestry, sex, age, muscle and weight targets."""
    age = _age_weight(body.age_years)
    ages = {"child": max(0.0, -age), "young": 1 - abs(age), "old": max(0.0, age)}
    sexes = {"female": 1 - body.masculinity, "male": body.masculinity}
    ancestry = 1 / 3 + _ANCESTRY_STRETCH * (np.asarray(body.ancestry) - 1 / 3)
    muscles = _three_way(body.muscle, ("minmuscle", "averagemuscle", "maxmuscle"))
    weights = _three_way(body.weight, ("minweight", "averageweight", "maxweight"))
    total: dict[str, float] = {}
    for sex, sex_share in sexes.items():
        for age_name, age_share in ages.items():
            share = sex_share * age_share
            for name, amount in zip(_ANCESTRIES, ancestry, strict=True):
                total[f"{name}-{sex}-{age_name}"] = share * float(amount)
            for muscle, muscle_share in muscles.items():
                for weight, weight_share in weights.items():
                    name = f"universal-{sex}-{age_name}-{muscle}-{weight}"
                    total[name] = share * muscle_share * weight_share
    return total


def _local_weights(shape: tuple[tuple[str, float], ...]) -> dict[str, float]:
    axes = shape_axes()
    weights = {}
    for name, value in shape:
        low, high = axes.get(name, (name, name))
        weights[high if value > 0 else low] = abs(value)
    return weights


def shape_weights(template: Template, person: Person) -> dict[str, float]:
    """Target weights of a person with neutral face, with relaxed lids and mouth."""
    known = template.head.targets
    weights = {**macro_weights(person.body), **_local_weights(person.shape)}
    weights = {name: value for name, value in weights.items() if value and name in known}
    vertices = template.head.morph(weights)
    return {**weights, **_relax_lids(template, vertices), **_relax_mouth(template, vertices)}


def _lid_opening(template: Template, vertices: Floats, side: Literal["left", "right"]) -> tuple[float, float]:
    """Opening between the lids and width of the eye in dm (for a target's deltas: their changes)."""
    upper, lower = (template.lash_roots[side, lid] for lid in ("upper", "lower"))
    middle = [ids[np.abs(np.abs(template.head.vertices[ids, 0]) - EYE_X_DM) < 0.08] for ids in (upper, lower)]
    opening = vertices[middle[0], 1].mean() - vertices[middle[1], 1].mean()
    return float(opening), float(np.ptp(vertices[upper, 0]))


def _displacement(template: Template, target: str) -> Floats:
    index, delta = template.head.targets[target]
    moved = np.zeros_like(template.head.vertices)
    moved[index] = delta
    return moved


@lru_cache(maxsize=8)
def _lid_effect(template: Template, target: str, side: Literal["left", "right"]) -> float:
    return _lid_opening(template, _displacement(template, target), side)[0]


def _relax_lids(template: Template, vertices: Floats) -> dict[str, float]:
    weights = {}
    for side, _ in SIDES:
        opening, width = _lid_opening(template, vertices, side)
        wanted = float(np.clip(opening / width, *_LID_RATIO)) * width
        target = f"face:{'eyeBlink' if wanted < opening else 'eyeWide'}{side.title()}"
        weights[target] = min(_MAX_CORRECTION, (wanted - opening) / _lid_effect(template, target, side))
    return weights


@lru_cache(maxsize=1)
def _mouth_ids(template: Template) -> tuple[Ints, Ints]:
    """Vertices at the two corners of the mouth and at its middle."""
    rest = template.head.vertices[template.body_ids]

    def nearest(points: list[tuple[float, float, float]]) -> Ints:
        return template.body_ids[[int(np.argmin(np.linalg.norm(rest - point, axis=1))) for point in points]]

    corners = nearest([(0.25, 6.609, 1.42), (-0.25, 6.609, 1.42)])
    return corners, nearest([(0.0, 6.608, 1.553), (0.0, 6.5885, 1.551)])


def _mouth_drop(template: Template, vertices: Floats) -> float:
    corners, middle = _mouth_ids(template)
    return float(vertices[middle, 1].mean() - vertices[corners, 1].mean())


def _relax_mouth(template: Template, vertices: Floats) -> dict[str, float]:
    drop = _mouth_drop(template, vertices)
    wanted = float(np.clip(drop, *_MOUTH_DROP_DM))
    kind = "mouthSmile" if wanted < drop else "mouthFrown"
    targets = [f"face:{kind}Left", f"face:{kind}Right"]
    effect = sum(_mouth_drop(template, _displacement(template, target)) for target in targets)
    return dict.fromkeys(targets, min(_MAX_CORRECTION, (wanted - drop) / effect))


def face_unit_weights(expression: Expression, strength: float) -> dict[str, float]:
    """Target weights of an expression; two-sided units move both sides."""
    weights = {}
    for unit, amount in EXPRESSIONS[expression].items():
        one_piece = unit in {"jawOpen", "browInnerUp", "mouthFunnel"} or unit.endswith(("Left", "Right"))
        for side in ("",) if one_piece else ("Left", "Right"):
            weights[f"face:{unit}{side}"] = amount * strength
    return weights


def _smooth_warp(points: Floats, person: Person) -> Floats:
    """Displacement ``(n, 3)``: nearly symmetric low-frequency waves over the face, specific to the person."""
    centred = points - np.array([0.0, 7.1, 0.9])
    mirror = np.array([-1.0, 1.0, 1.0])
    moved = np.zeros_like(points)
    for seeds, share in person.lineage:
        rng = stream(Aspect.WARP, *seeds)
        for _ in range(_WAVES):
            frequency, phase = rng.uniform(1.5, 4.5), rng.uniform(0, 2 * np.pi)
            direction = rng.normal(size=3)
            wave = direction / np.linalg.norm(direction) * frequency
            amplitude = rng.normal(size=3) * _WARP_DM / np.sqrt(frequency) * np.array([1.0, 1.0, 0.8])
            here = np.sin(centred @ wave + phase)[:, None] * amplitude
            there = np.sin((centred * mirror) @ wave + phase)[:, None] * amplitude * mirror
            symmetric = (here + there) / 2
            moved += share * (symmetric + _WARP_ASYMMETRY * (here - symmetric))
    reach = np.linalg.norm(centred * np.array([0.9, 0.8, 0.8]), axis=1) - 0.9
    return np.asarray(moved * np.exp(-(np.clip(reach, 0, None) ** 2) / 0.3)[:, None])


def _hold_eyes_rigid(points: Floats, moved: Floats) -> Floats:
    """Move the region around each eye like the eye's centre, so that the lids stay at the eyeball."""
    for _, sign in SIDES:
        offset = points - np.array([sign * EYE_X_DM, EYE_Y_DM, 1.30])
        hold = np.exp(-((np.linalg.norm(offset * np.array([0.85, 1.15, 0.8]), axis=1) / 0.27) ** 4))[:, None]
        centre = int(np.argmin(np.linalg.norm(offset, axis=1)))
        moved = moved * (1 - hold) + moved[centre] * hold
    return moved


def head_vertices(template: Template, person: Person, face_units: Mapping[str, float]) -> Floats:
    """Vertices ``(v, 3)`` of a person's head with an expression's ``face_units`` added to the neutral face."""
    weights = dict(shape_weights(template, person))
    for name, amount in face_units.items():
        weights[name] = weights.get(name, 0.0) + amount
    vertices = template.head.morph(weights)
    return vertices + _hold_eyes_rigid(vertices, _smooth_warp(vertices, person))
