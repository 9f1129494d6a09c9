"""Identity: everything about a face that is the same in all pictures, drawn from one seed.

| aspect | distribution |
|---|---|
| ancestry | one of MakeHuman's three with weight 0.65, the rest Dirichlet(0.25) |
| sex, age | equal probability; 18 to 80 years, 18 + 62 beta(1.1, 1.5) |
| muscle, weight | normal around 0.5 |
| local shape | every two-sided target normal, clipped at 2 sigma, narrow for large parts, wide for features |
| skin | melanin by ancestry, then hue, blush, freckles, moles, pores; age spots from 45 years on |
| brows, eyes, hair | colour by ancestry and age; form uniform over the natural range |

A sibling shares ancestry, sex, colours and most of the shape with the person of the same seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import numpy as np

from facecheck.generate.synthesis.arrays import Floats
from facecheck.generate.synthesis.assets import load_head
from facecheck.generate.synthesis.colour import HAIR_COLOURS, IRIS_COLOURS, skin_colour, to_linear
from facecheck.generate.synthesis.streams import Aspect, stream

__all__ = [
    "AGE_GROUPS",
    "SKIN_TONES",
    "Body",
    "Brows",
    "Eyes",
    "Hair",
    "Person",
    "Rgb",
    "Sex",
    "Skin",
    "draw_person",
    "draw_sibling",
    "shape_axes",
]

Sex: TypeAlias = Literal["female", "male"]
Rgb: TypeAlias = tuple[float, float, float]
Lineage: TypeAlias = tuple[tuple[tuple[int, ...], float], ...]

AGE_GROUPS: Final = ((18, "18-34"), (35, "35-54"), (55, "55-80"))
SKIN_TONES: Final = ((0.0, "light"), (0.2, "tan"), (0.42, "brown"), (0.66, "dark"))
YOUNGEST: Final = 18
OLDEST: Final = 80

_SIBLING_SHARE: Final = 0.88  # of the shape's deviation; the rest is the sibling's own
_CLIP_SIGMA: Final = 2.0
_SIGMA: Final = 0.27
_ONE_SIDED_SIGMA: Final = 0.22
_ASYMMETRY_SIGMA: Final = 0.14
_SIDE_SIGMA: Final = 0.05  # between the left and the right eye, cheek and ear
# Factor on sigma by prefix of the axis. Large changes of the overall head shape look like a caricature (factors below
# 1); features by which people recognise each other vary more (factors above 1).
_SPREAD: Final = {
    "mouth-trans": 0.45,
    "mouth-angles": 0.4,
    "mouth-laugh-lines": 0.8,
    "mouth-scale": 0.75,
    "mouth-lowerlip-ext": 0.5,
    "mouth-upperlip-ext": 0.5,
    "mouth-lowerlip": 1.3,
    "mouth-upperlip": 1.3,
    "nose-trans": 0.5,
    "nose-scale": 1.2,
    "nose-width": 1.5,
    "nose-nostrils": 1.2,
    "nose-flaring": 1.3,
    "neck": 0.5,
    "eyebrows-angle": 0.5,
    "eye-bag": 0.8,
    "eye-eyefold-angle": 0.6,
    "eye-eyefold": 1.4,
    "eye-epicanthus": 1.3,
    "eye-scale": 0.4,
    "eye-height": 0.35,
    "eye-push": 0.6,
    "eye-corner": 0.8,
    "eye-trans-out": 1.1,
    "eye-trans": 0.6,
    "ear": 0.8,
    "head-angle": 0.4,
    "head-age": 0.3,
    "head-scale-vert": 0.5,
    "head-scale": 0.75,
    "head-trans": 0.0,
    "chin-jaw-drop": 0.6,
    "chin-height": 0.8,
    "chin-width": 1.3,
    "cheek-inner": 0.8,
    "cheek": 1.4,
    "forehead-scale-vert": 0.5,
    "forehead-nubian": 0.6,
}
_PALE_LIPS: Final = np.array([0.88, 0.60, 0.62])  # of the skin's albedo
_DARK_LIPS: Final = np.array([0.92, 0.70, 0.74])
_SUFFIXES: Final = (
    ("decr", "incr"),
    ("down", "up"),
    ("in", "out"),
    ("backward", "forward"),
    ("concave", "convex"),
    ("compress", "uncompress"),
)
_NOT_LOCAL: Final = ("african-", "asian-", "caucasian-", "universal-", "face:", "head-trans", "neck-trans")


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """The body: ``ancestry`` weights (African, Asian, European) sum to 1; muscle and weight are in [0, 1]."""

    sex: Sex
    age_years: float
    ancestry: Rgb
    masculinity: float
    muscle: float
    weight: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Skin:
    """Skin: ``melanin`` in [0, 1] selects the tone, linear ``albedo`` is the tone with the person's hue."""

    melanin: float
    albedo: Rgb
    lips: Rgb
    mottle: float
    blush: float
    under_eye: float
    eyelid: float
    freckles: float
    age_spots: float
    moles: int
    roughness: float
    pores: float
    cavity: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Eyes:
    """Iris colour (linear) and angular radius in rad as seen from the eyeball's centre."""

    name: str
    iris: Rgb
    iris_radius_rad: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Brows:
    """Brows on the template's forehead: lengths in dm, ``tilt`` and ``arch`` as rise over the brow's length."""

    thickness: float
    arch: float
    tilt: float
    inner: float
    outer: float
    height: float
    hairs: int
    colour: Rgb


@dataclass(frozen=True, kw_only=True, slots=True)
class Hair:
    """Natural hair: ``curl`` in [0, 1], and shift of the hairline and recession at the temples in dm."""

    name: str
    colour: Rgb
    curl: float
    hairline_dm: float
    recession_dm: float
    density: float
    greying: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """One identity. ``sibling`` is 0 for the seed's own person and counts the siblings from 1.

    Attributes:
        shape: signed weight by axis (see `shape_axes`) or one-sided target.
        lineage: seeds and weights of the random fields whose sum is the shape's smooth warp.
    """

    seed: int
    sibling: int
    body: Body
    shape: tuple[tuple[str, float], ...]
    skin: Skin
    eyes: Eyes
    brows: Brows
    hair: Hair
    lineage: Lineage

    @property
    def key(self) -> tuple[int, int]:
        """The seeds of every random stream of this person."""
        return self.seed, self.sibling

    @property
    def name(self) -> str:
        """``p00012``, or ``p00012s1`` for its first sibling."""
        return f"p{self.seed:05d}" + (f"s{self.sibling}" if self.sibling else "")

    @property
    def labels(self) -> dict[str, str]:
        """Groups for an evaluation by group."""
        return {
            "sex": self.body.sex,
            "age_group": _bin(self.body.age_years, AGE_GROUPS),
            "skin_tone": _bin(self.skin.melanin, SKIN_TONES),
        }


def _bin(value: float, bins: tuple[tuple[float, str], ...]) -> str:
    return [name for start, name in bins if value >= start][-1]


def _rgb(colour: Floats) -> Rgb:
    red, green, blue = (float(channel) for channel in colour)
    return red, green, blue


@lru_cache(maxsize=1)
def shape_axes() -> dict[str, tuple[str, str]]:
    """Two-sided local axes by the name of their positive target: targets for negative and for positive weights."""
    names = [name for name in load_head().targets if not name.startswith((*_NOT_LOCAL, "asym"))]
    axes = {}
    for name in names:
        for low, high in _SUFFIXES:
            stem = name.removesuffix(f"-{low}")
            if stem != name and f"{stem}-{high}" in load_head().targets:
                axes[f"{stem}-{high}"] = (name, f"{stem}-{high}")
    return axes


@lru_cache(maxsize=1)
def _one_sided() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """One-sided local shapes and asymmetries."""
    paired = {name for pair in shape_axes().values() for name in pair}
    names = [name for name in load_head().targets if name not in paired and not name.startswith(_NOT_LOCAL)]
    asymmetries = tuple(name for name in names if name.startswith("asym"))
    return tuple(name for name in names if not name.startswith("asym")), asymmetries


def _mirror_stem(axis: str) -> str:
    return axis[2:] if axis.startswith(("l-", "r-")) else axis


def _sigma(stem: str) -> float:
    if stem in {"mouth-trans-out", "nose-trans-out"}:
        return 0.08  # a sideways shift makes the face asymmetric, not another face
    return _SIGMA * next((factor for prefix, factor in _SPREAD.items() if stem.startswith(prefix)), 1.0)


def _draw_shape(seeds: tuple[int, ...]) -> dict[str, float]:
    rng = stream(Aspect.SHAPE, *seeds)
    shared: dict[str, float] = {}
    shape = {}
    for axis in sorted(shape_axes()):
        stem = _mirror_stem(axis)
        sigma = _sigma(stem)
        if stem not in shared:
            shared[stem] = sigma * float(np.clip(rng.normal(), -_CLIP_SIGMA, _CLIP_SIGMA))
        shape[axis] = shared[stem] + (
            float(rng.normal(0, _SIDE_SIGMA)) * min(1.0, sigma / _SIGMA) if stem != axis else 0
        )
    one_sided, asymmetries = _one_sided()
    for names, chance, sigma in ((one_sided, 0.3, _ONE_SIDED_SIGMA), (asymmetries, 0.35, _ASYMMETRY_SIGMA)):
        for name in names:
            amount = abs(float(rng.normal(0, sigma)))
            shape[name] = amount if rng.random() < chance else 0.0
    return shape


def _blend_shapes(lineage: Lineage) -> tuple[tuple[str, float], ...]:
    drawn = [(_draw_shape(seeds), share) for seeds, share in lineage]
    one_sided, asymmetries = _one_sided()
    positive = {*one_sided, *asymmetries}
    total = {name: sum(share * shape[name] for shape, share in drawn) for name in drawn[0][0]}
    return tuple((name, max(0.0, value) if name in positive else value) for name, value in total.items())


def _draw_body(seed: int) -> Body:
    rng = stream(Aspect.BODY, seed)
    ancestry = 0.35 * rng.dirichlet([0.25] * 3)
    ancestry[rng.choice(3, p=[0.34, 0.33, 0.33])] += 0.65
    male = bool(rng.random() < 0.5)
    return Body(
        sex="male" if male else "female",
        age_years=float(YOUNGEST + (OLDEST - YOUNGEST) * rng.beta(1.1, 1.5)),
        ancestry=_rgb(ancestry),
        masculinity=float(np.clip((0.9 if male else 0.1) + rng.normal(0, 0.1), 0, 1)),
        muscle=float(np.clip(rng.normal(0.5, 0.2), 0, 1)),
        weight=float(np.clip(rng.normal(0.5, 0.23), 0, 1)),
    )


def _draw_skin(seed: int, body: Body, melanin_shift: float) -> Skin:
    rng = stream(Aspect.SKIN, seed)
    by_ancestry = np.array([rng.uniform(0.52, 1.0), rng.uniform(0.1, 0.55), rng.uniform(0.0, 0.36)])
    melanin = float(np.clip(np.asarray(body.ancestry) @ by_ancestry + melanin_shift, 0, 1))
    warm, olive = rng.normal(0, 1, 2)
    hue = np.exp([0.04 * warm, -0.02 * warm - 0.03 * olive, -0.05 * warm + 0.06 * olive])
    albedo = np.clip(skin_colour(melanin) * hue, 0.01, 0.75)
    lips = albedo * (_PALE_LIPS * (1 - melanin) + _DARK_LIPS * melanin) * np.exp(rng.normal(0, 0.09, 3))
    pale = 1 - min(1.0, 1.6 * melanin)
    old = max(0.0, (body.age_years - 45) / 35)
    return Skin(
        melanin=melanin,
        albedo=_rgb(albedo),
        lips=_rgb(lips),
        mottle=float(rng.uniform(0.03, 0.11)),
        blush=float(rng.uniform(0.1, 1.2)),
        under_eye=float(rng.uniform(0.1, 0.7) + 0.25 * old),
        eyelid=float(rng.uniform(0.1, 0.6)),
        freckles=float((rng.random() < 0.4) * pale * rng.uniform(0.3, 1.2)),
        age_spots=float(old * (1 - 0.6 * melanin) * rng.uniform(0.1, 0.9)),
        moles=int(rng.integers(0, 8)),
        roughness=float(rng.uniform(0.38, 0.5)),
        pores=float(rng.uniform(0.4, 1.3)),
        cavity=float(rng.uniform(0.7, 1.15)),
    )


def _draw_eyes(seed: int, body: Body, melanin: float) -> Eyes:
    rng = stream(Aspect.EYES, seed)
    dark = body.ancestry[0] + body.ancestry[1]
    if rng.random() < 1.1 * dark or melanin > 0.45:  # brown skin
        name = str(rng.choice(["brown", "dark brown"]))
    else:
        name = str(rng.choice(list(IRIS_COLOURS), p=[0.2, 0.1, 0.18, 0.15, 0.27, 0.1]))
    iris = IRIS_COLOURS[name] * np.exp(rng.normal(0, 0.14, 3))
    return Eyes(name=name, iris=_rgb(iris), iris_radius_rad=float(rng.uniform(0.42, 0.47)))


def _draw_hair(seed: int, body: Body) -> Hair:
    rng = stream(Aspect.HAIR, seed)
    african, asian, _ = body.ancestry
    old = float(np.clip((body.age_years - 45) / 30, 0, 1))
    if rng.random() < african + asian:
        name = str(rng.choice(["black", "dark brown", "brown"], p=[0.6, 0.32, 0.08]))
    else:
        name = str(rng.choice(list(HAIR_COLOURS)[:8], p=[0.08, 0.22, 0.22, 0.16, 0.14, 0.06, 0.06, 0.06]))
    if rng.random() < 0.9 * old:
        name = str(rng.choice(["grey", "white"], p=[0.65, 0.35]))
    curl = rng.uniform(0.6, 1.0) if african > 0.6 else np.clip(rng.normal(0.1, 0.22), 0, 1)
    male_recession = 0.16 * old if body.sex == "male" else 0.0
    return Hair(
        name=name,
        colour=_rgb(HAIR_COLOURS[name] * np.exp(rng.normal(0, 0.2))),
        curl=float(curl),
        hairline_dm=float(rng.normal(0, 0.05)),
        recession_dm=float(max(0.0, rng.normal(0.02, 0.04)) + male_recession),
        density=float(rng.uniform(0.9, 1.15)),
        greying=float(old * rng.uniform(0.2, 0.6)),
    )


def _draw_brows(seeds: tuple[int, ...], body: Body, hair: Hair) -> Brows:
    rng = stream(Aspect.BROWS, *seeds)
    male = body.sex == "male"
    grey = hair.name in {"grey", "white"}
    base = to_linear((104, 98, 92)) if grey else 0.5 * HAIR_COLOURS["dark brown"] + 0.5 * np.asarray(hair.colour)
    return Brows(
        thickness=float(rng.uniform(0.022, 0.044) if male else rng.uniform(0.013, 0.033)),
        arch=float(rng.uniform(0.0, 0.02) + (0 if male else 0.012)),
        tilt=float(rng.normal(0, 0.018)),
        inner=float(rng.uniform(0.08, 0.17)),
        outer=float(rng.uniform(0.47, 0.58)),
        height=float(rng.normal(0, 0.022)),
        hairs=int(rng.uniform(500, 1400) * (1.15 if male else 0.9)),
        colour=_rgb(base * rng.uniform(0.6, 1.15)),
    )


def draw_person(seed: int) -> Person:
    """Draw the person of a seed; equal seeds give equal people on every machine.

    Args:
        seed: at least 0.

    Raises:
        ValueError: a negative seed.
    """
    return _draw(seed, sibling=0)


def draw_sibling(seed: int, sibling: int) -> Person:
    """Draw another person who looks similar to the person of ``seed``: a hard impostor.

    Args:
        seed: of the person, at least 0.
        sibling: number of the sibling, from 1.

    Raises:
        ValueError: a negative seed, or a sibling below 1.
    """
    if sibling < 1:
        raise ValueError(f"siblings count from 1, got {sibling}; sibling 0 is the person: draw_person({seed})")
    return _draw(seed, sibling=sibling)


def _sibling_body(body: Body, seed: int, sibling: int) -> Body:
    rng = stream(Aspect.BODY, seed, sibling)
    return Body(
        sex=body.sex,
        age_years=float(np.clip(body.age_years + rng.normal(0, 3), YOUNGEST, OLDEST)),
        ancestry=body.ancestry,
        masculinity=float(np.clip(body.masculinity + rng.normal(0, 0.04), 0, 1)),
        muscle=float(np.clip(body.muscle + rng.normal(0, 0.08), 0, 1)),
        weight=float(np.clip(body.weight + rng.normal(0, 0.1), 0, 1)),
    )


def _draw(seed: int, *, sibling: int) -> Person:
    if seed < 0:
        raise ValueError(f"a person's seed must be 0 or more, got {seed}")
    body = _draw_body(seed)
    lineage: Lineage = (((seed,), 1.0),)
    melanin_shift = 0.0
    if sibling:
        body = _sibling_body(body, seed, sibling)
        lineage = (((seed,), _SIBLING_SHARE), ((seed, sibling), float(np.sqrt(1 - _SIBLING_SHARE**2))))
        melanin_shift = float(stream(Aspect.SKIN, seed, sibling).normal(0, 0.015))
    skin = _draw_skin(seed, body, melanin_shift)
    hair = _draw_hair(seed, body)
    return Person(
        seed=seed,
        sibling=sibling,
        body=body,
        shape=_blend_shapes(lineage),
        skin=skin,
        eyes=_draw_eyes(seed, body, skin.melanin),
        brows=_draw_brows(lineage[-1][0], body, hair),
        hair=hair,
        lineage=lineage,
    )
