"""Paint and relief of the skin: albedo, gloss and height of small details at every fine vertex of the body.

Each function takes an albedo and returns the next one, in the order of `paint_skin`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from facecheck.generate.synthesis.arrays import Floats, bell, ramp
from facecheck.generate.synthesis.colour import to_linear
from facecheck.generate.synthesis.facial_hair import beard_weight, brow_profile
from facecheck.generate.synthesis.hair import cap_strength, scalp
from facecheck.generate.synthesis.noise import value_noise
from facecheck.generate.synthesis.person import Person
from facecheck.generate.synthesis.streams import Aspect, stream
from facecheck.generate.synthesis.style import Beard, MakeUp, Style
from facecheck.generate.synthesis.template import Template

__all__ = ["Paint", "paint_skin", "relief"]

_BEARD_SHADOW: dict[Beard, float] = {
    "none": 0.04,
    "shadow": 0.34,
    "stubble": 0.42,
    "full": 0.75,
    "goatee": 0.12,
    "moustache": 0.1,
}
_MOUTH_INSIDE = to_linear((112, 38, 40))
_LASH_LINE = to_linear((40, 26, 20))
_DARKEST, _LIGHTEST = 0.004, 0.8


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Paint:
    """Linear ``albedo (s, 3)``, ``gloss (s,)`` and ``roughness (s,)`` of a surface."""

    albedo: Floats
    gloss: Floats
    roughness: Floats


def _over(albedo: Floats, colour: npt.ArrayLike, amount: Floats) -> Floats:
    """Blend ``colour`` over ``albedo`` with ``amount (s,)``."""
    share = amount[:, None]
    return np.asarray(albedo * (1 - share) + np.asarray(colour) * share)


def _base(person: Person, rest: Floats, rng: np.random.Generator) -> Floats:
    """The base colour of the skin, with noise at four scales."""
    tone = np.ones(len(rest))
    for frequency in (2, 6, 18, 50):
        tone += 0.5 * person.skin.mottle * value_noise(rest, frequency, rng)
    return np.asarray(person.skin.albedo) * tone[:, None]


def _flush(albedo: Floats, template: Template, person: Person, rng: np.random.Generator) -> Floats:
    """Redness of cheeks, nose and ears, and darker skin under the eyes and on the lids; less visible with melanin."""
    skin, regions, rest = person.skin, template.regions, template.rest_fine
    shown = 1 - 0.55 * skin.melanin
    red = np.array([1.05, 0.80, 0.80]) ** shown
    amount = np.clip(regions.blush * skin.blush * (1 + 0.35 * value_noise(rest, 8, rng)), 0, 1.5)
    albedo = albedo * (1 + (red - 1) * amount[:, None])
    blotches = np.clip(value_noise(rest, 14, rng), -1, 1.5)[:, None]
    albedo = albedo * (1 + blotches * np.array([0, -0.03, -0.025]) * (1 - 0.5 * skin.melanin))
    albedo = albedo * (1 - (regions.under_eye * skin.under_eye)[:, None] * np.array([0.20, 0.25, 0.19]))
    return np.asarray(albedo * (1 - (regions.eyelid * skin.eyelid)[:, None] * np.array([0.18, 0.26, 0.26])))


def _spots(albedo: Floats, template: Template, person: Person, rng: np.random.Generator) -> Floats:
    """Freckles, age spots and moles."""
    rest = template.rest_fine
    if person.skin.freckles > 0:
        pattern = value_noise(rest, 34, rng) + 0.5 * value_noise(rest, 17, rng)
        amount = ramp(1.1, 1.6, pattern) * person.skin.freckles * bell(rest[:, 1], 7.0, 0.35) * (rest[:, 2] > 0.8)
        albedo = albedo * (1 - amount[:, None] * np.array([0.25, 0.4, 0.5]))
    patches = ramp(1.2, 1.5, value_noise(rest, 11, rng) + 0.4 * value_noise(rest, 30, rng)) * person.skin.age_spots
    albedo = albedo * (1 - (patches * (rest[:, 2] > 0.5))[:, None] * np.array([0.22, 0.32, 0.38]))
    for _ in range(person.skin.moles):
        place = template.nearest_front(np.array([[rng.uniform(-0.6, 0.6), rng.uniform(6.2, 8.0)]]))[0]
        distance = np.linalg.norm(rest - rest[place], axis=1)
        spot = ramp(rng.uniform(0.016, 0.03), 0.01, distance)
        albedo = _over(albedo, np.asarray(person.skin.albedo) * [0.38, 0.27, 0.22], spot)
    return albedo


def _beard_shadow(albedo: Floats, template: Template, person: Person, beard: Beard, rng: np.random.Generator) -> Floats:
    if person.body.sex == "female":
        return albedo
    hair, skin = np.asarray(person.hair.colour), np.asarray(person.skin.albedo)
    everywhere = beard_weight(template, "shadow") * _BEARD_SHADOW[beard]
    grain = 1 + 0.15 * value_noise(template.rest_fine, 40, rng)
    albedo = _over(albedo, 0.5 * hair + skin * [0.25, 0.28, 0.3], everywhere * grain)
    if beard in {"goatee", "full"}:
        albedo = _over(albedo, 0.6 * hair + 0.1 * skin, 0.6 * beard_weight(template, "goatee"))
    return albedo


def _brow_shadow(albedo: Floats, template: Template, person: Person) -> Floats:
    brows, rest = person.brows, template.rest_fine
    along = (np.abs(rest[:, 0]) - brows.inner) / (brows.outer - brows.inner)
    height, thickness = brow_profile(brows, along)
    amount = 0.5 * bell(rest[:, 1], height, 0.9 * thickness) * ramp(-0.1, 0.08, along) * ramp(1.08, 0.85, along)
    amount *= (rest[:, 2] > 0.7) * min(1.0, brows.hairs / 1100)  # the front of the head
    return _over(albedo, 0.8 * np.asarray(brows.colour) + 0.1 * np.asarray(person.skin.albedo), amount)


def _eye_make_up(albedo: Floats, template: Template, person: Person, make_up: MakeUp) -> Floats:
    rest = template.rest_fine
    lid = bell(np.abs(rest[:, 0]), 0.31, 0.2) * bell(rest[:, 1], 7.38, 0.06) * ramp(7.27, 7.31, rest[:, 1])
    colour = 0.7 * np.asarray(make_up.eyeshadow) + 0.15 * np.asarray(person.skin.albedo)
    albedo = _over(albedo, colour, lid * (rest[:, 2] > 1.0) * make_up.eyeshadow_amount)
    line = template.regions.lash_line
    albedo = _over(albedo, 0.01, np.sqrt(line) * 0.6 * make_up.eyeliner_amount)
    return _over(albedo, _LASH_LINE, line * (0.4 + 0.4 * make_up.lash_amount))


def _mouth(albedo: Floats, template: Template, person: Person, make_up: MakeUp, rng: np.random.Generator) -> Floats:
    regions = template.regions
    amount = make_up.lipstick_amount
    colour = (1 - amount) * np.asarray(person.skin.lips) + amount * np.asarray(make_up.lipstick)
    creases = 1 + 0.07 * value_noise(template.rest_fine * [3, 1, 1], 20, rng)
    albedo = _over(albedo, colour * creases[:, None], np.clip(regions.lips, 0, 1))
    albedo = albedo * (1 - 0.85 * np.clip(regions.nostril, 0, 1))[:, None]
    return _over(albedo, _MOUTH_INSIDE, regions.mouth_inside)


def _hair_cap(albedo: Floats, template: Template, person: Person, style: Style) -> tuple[Floats, Floats]:
    """Darken the scalp under the hair; also returns the density of the hair."""
    roots = scalp(template.rest_fine, person, style.cut) * (1 - template.regions.ears)
    colour = 0.65 * np.asarray(person.hair.colour) + 0.012 * np.asarray(person.skin.albedo)
    return _over(albedo, colour, roots * cap_strength(person, style.cut)), roots


@lru_cache(maxsize=1)
def paint_skin(template: Template, person: Person, style: Style) -> Paint:
    """Paint of a person's body in a style (clothes are computed per pixel, see `synthesis.clothes`)."""
    rng = stream(Aspect.SKIN_TEXTURE, *person.key)
    regions, rest = template.regions, template.rest_fine
    albedo = _base(person, rest, rng)
    albedo = _flush(albedo, template, person, rng)
    albedo = _spots(albedo, template, person, rng)
    albedo = _beard_shadow(albedo, template, person, style.beard, rng)
    albedo = _brow_shadow(albedo, template, person)
    albedo = _eye_make_up(albedo, template, person, style.make_up)
    albedo = _mouth(albedo, template, person, style.make_up, rng)
    albedo, roots = _hair_cap(albedo, template, person, style)
    lips = np.clip(regions.lips, 0, 1)
    gloss = (1 - 0.8 * roots * (style.cut != "bald")) * (1 - regions.mouth_inside)
    gloss *= 0.6 + 0.5 * bell(rest[:, 0], 0, 0.35) * (rest[:, 2] > 1)
    gloss *= 1 + (0.3 + 0.4 * style.make_up.lipstick_amount) * lips
    roughness = person.skin.roughness * (1 - lips) + 0.3 * lips
    return Paint(albedo=np.clip(albedo, _DARKEST, _LIGHTEST), gloss=gloss, roughness=roughness)


def _forehead_lines(rest: Floats, depth: float, sway: Floats, rng: np.random.Generator) -> Floats:
    height = np.zeros(len(rest))
    for line in range(rng.integers(3, 6)):
        y = 7.64 + 0.085 * line + rng.normal(0, 0.012) + 0.05 * np.cos(3 * rest[:, 0])
        height -= depth * rng.uniform(0.4, 1) * bell(rest[:, 1] + 1.5 * sway, y, 0.014)
    return height * ramp(0.5, 0.25, np.abs(rest[:, 0])) * (rest[:, 2] > 1.0)


def _eye_corner_lines(rest: Floats, depth: float, sway: Floats, rng: np.random.Generator) -> Floats:
    x = np.abs(rest[:, 0])
    height = np.zeros(len(rest))
    for line in range(4):
        slope = (line - 1.5) * 0.55
        height -= 0.6 * depth * rng.uniform(0.3, 1) * bell(rest[:, 1] + sway, 7.28 + (x - 0.5) * slope, 0.010)
    return height * ramp(0.49, 0.53, x) * ramp(0.68, 0.58, x)


def _smile_fold(rest: Floats, depth: float, sway: Floats, rng: np.random.Generator) -> Floats:
    """The fold from the nose to the corner of the mouth."""
    x, y = np.abs(rest[:, 0]), rest[:, 1]
    course = 0.17 + 0.20 * np.clip((6.9 - y) / 0.38, 0, 1.15) ** 0.85 + rng.normal(0, 0.012)
    fold = bell(x + 0.5 * sway, course, 0.022) * ramp(6.42, 6.52, y) * ramp(6.93, 6.85, y)
    return -depth * rng.uniform(0.2, 1.2) * fold * (rest[:, 2] > 1.0)


def _eye_bag(rest: Floats, depth: float, rng: np.random.Generator) -> Floats:
    x, y = np.abs(rest[:, 0]), rest[:, 1]
    course = 7.10 - 0.48 * (x - 0.3) ** 2 - 0.01 * value_noise(rest, 4, rng)
    fold = bell(y, course, 0.016) * ramp(0.14, 0.2, x) * ramp(0.46, 0.38, x)
    return -depth * rng.uniform(0.2, 1.3) * fold * (rest[:, 2] > 1.0)


@lru_cache(maxsize=1)
def relief(template: Template, person: Person) -> Floats:
    """Height of wrinkles and pores above the mesh ``(s,)``, dm; wrinkles are deeper with age."""
    rest = template.rest_fine
    rng = stream(Aspect.WRINKLES, *person.key)
    age = float(np.clip((person.body.age_years - 25) / 55, 0, 1))
    sway = 0.02 * value_noise(rest, 3, rng)
    depth = 0.012 * age**1.2 * rng.uniform(0.3, 1.3)
    height = _forehead_lines(rest, depth, sway, rng)
    height += _eye_corner_lines(rest, depth, sway, rng)
    height += _smile_fold(rest, 0.003 + 0.016 * age, sway, rng)
    height += _eye_bag(rest, 0.002 + 0.011 * age, rng)
    for frequency, amplitude in ((22, 0.0011), (45, 0.0008)):
        height += amplitude * person.skin.pores * value_noise(rest, frequency, rng)
    return height * (rest[:, 1] > 5.9)  # above the neck
