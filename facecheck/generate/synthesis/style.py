"""The look of a person on one day: hair cut, beard, make-up, glasses and clothes. It is not part of the identity.

Style 0 is the usual look; every further index is another day, drawn from the same person's stream.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

import numpy as np

from facecheck.generate.synthesis.arrays import Floats
from facecheck.generate.synthesis.colour import LIPSTICKS, to_linear
from facecheck.generate.synthesis.person import Person, Rgb
from facecheck.generate.synthesis.streams import Aspect, stream

__all__ = ["Beard", "Clothes", "Cut", "Glasses", "MakeUp", "Style", "draw_style"]

Cut: TypeAlias = Literal[
    "bald",
    "buzz",
    "short",
    "side parting",
    "combed back",
    "quiff",
    "medium",
    "afro",
    "fringe",
    "receding",
    "long",
    "long to one side",
    "bob",
    "tied",
    "long with fringe",
]
Beard: TypeAlias = Literal["none", "shadow", "stubble", "full", "goatee", "moustache"]

_MEN_CUTS: Final[dict[Cut, float]] = {
    "bald": 0.06,
    "buzz": 0.14,
    "short": 0.24,
    "side parting": 0.19,
    "combed back": 0.09,
    "quiff": 0.1,
    "medium": 0.05,
    "fringe": 0.06,
    "receding": 0.04,
}
_WOMEN_CUTS: Final[dict[Cut, float]] = {
    "long": 0.22,
    "long to one side": 0.17,
    "bob": 0.16,
    "fringe": 0.06,
    "tied": 0.15,
    "medium": 0.08,
    "short": 0.06,
    "long with fringe": 0.07,
}
_TIGHT_CURL_CUTS: Final[dict[str, dict[Cut, float]]] = {
    "male": {"buzz": 0.5, "afro": 0.2, "short": 0.15, "bald": 0.15},
    "female": {"afro": 0.4, "tied": 0.35, "buzz": 0.1, "bob": 0.15},
}
_TIGHT_CURL: Final = 0.55
_BEARDS: Final[dict[Beard, float]] = {
    "none": 0.4,
    "shadow": 0.22,
    "stubble": 0.16,
    "full": 0.11,
    "goatee": 0.06,
    "moustache": 0.05,
}
_RECEDING_FROM_YEARS: Final = 40
_GLASSES_CHANCE: Final = 0.16


@dataclass(frozen=True, kw_only=True, slots=True)
class Glasses:
    """A frame: half width and height of a lens in dm, ``squareness`` 2 (round) to 5 (square), linear colour."""

    half_width: float
    half_height: float
    squareness: float
    thickness: float
    colour: Rgb


@dataclass(frozen=True, kw_only=True, slots=True)
class Clothes:
    """A garment: two linear colours, pattern, and width and depth of the neckline (dm on the template)."""

    colour: Rgb
    second_colour: Rgb
    pattern: Literal["plain", "stripes", "yoke"]
    neck_width: float
    neck_depth: float


@dataclass(frozen=True, kw_only=True, slots=True)
class MakeUp:
    """Make-up; an amount of 0 is none. Colours are linear."""

    lipstick: Rgb
    lipstick_amount: float
    eyeshadow: Rgb
    eyeshadow_amount: float
    eyeliner_amount: float
    lash_amount: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Style:
    """The look of one day. ``part`` is the parting in dm to the subject's left, ``length`` scales the cut."""

    index: int
    cut: Cut
    length: float
    part: float
    beard: Beard
    make_up: MakeUp
    glasses: Glasses
    wears_glasses: bool
    clothes: Clothes

    def with_glasses(self, wears: bool | None) -> Style:  # noqa: FBT001 - the value itself, not a switch
        """The same look with or without glasses; None changes nothing."""
        return self if wears is None else replace(self, wears_glasses=wears)


def _rgb(colour: Floats) -> Rgb:
    red, green, blue = (float(channel) for channel in colour)
    return red, green, blue


def _choose(rng: np.random.Generator, chances: dict[Cut, float]) -> Cut:
    cuts = list(chances)
    shares = np.array([chances[cut] for cut in cuts])
    return cuts[int(rng.choice(len(cuts), p=shares / shares.sum()))]


def _draw_cut(rng: np.random.Generator, person: Person) -> Cut:
    sex = person.body.sex
    chances = _TIGHT_CURL_CUTS[sex] if person.hair.curl > _TIGHT_CURL else _MEN_CUTS if sex == "male" else _WOMEN_CUTS
    if person.body.age_years < _RECEDING_FROM_YEARS:
        chances = {cut: chance for cut, chance in chances.items() if cut != "receding"}
    return _choose(rng, chances)


def _draw_beard(rng: np.random.Generator, person: Person) -> Beard:
    beards = list(_BEARDS)
    drawn = beards[int(rng.choice(len(beards), p=list(_BEARDS.values())))]
    return drawn if person.body.sex == "male" else "none"


def _draw_make_up(rng: np.random.Generator, person: Person) -> MakeUp:
    worn = person.body.sex == "female"
    lipstick = LIPSTICKS[rng.integers(len(LIPSTICKS))]
    shadow = to_linear(np.clip(rng.normal([92, 72, 72], [24, 18, 20]), 25, 150))
    lipstick_amount, shadow_amount, liner = rng.uniform([0.15, 0.15, 0.2], [0.5, 0.4, 0.7])
    has_lipstick, has_shadow, has_liner = rng.random(3) < (0.45, 0.35, 0.45)
    lashes = rng.uniform(0.5, 1.0) if worn else rng.uniform(0.25, 0.5)
    return MakeUp(
        lipstick=_rgb(lipstick),
        lipstick_amount=float(lipstick_amount * (worn and has_lipstick)),
        eyeshadow=_rgb(shadow),
        eyeshadow_amount=float(shadow_amount * (worn and has_shadow)),
        eyeliner_amount=float(liner * (worn and has_liner)),
        lash_amount=float(lashes),
    )


def _cloth_colour(rng: np.random.Generator) -> Floats:
    """Usual colours of clothes: from nearly black to off-white, rarely saturated."""
    grey = rng.uniform(35, 205)
    vivid = rng.beta(1.2, 3.0) * 70
    return to_linear(np.clip(grey + vivid * rng.normal(0, 1, 3), 18, 225))


def _draw_clothes(rng: np.random.Generator) -> Clothes:
    patterns: tuple[Literal["plain", "stripes", "yoke"], ...] = ("plain", "stripes", "yoke")
    return Clothes(
        colour=_rgb(_cloth_colour(rng)),
        second_colour=_rgb(_cloth_colour(rng)),
        pattern=patterns[int(rng.choice(3, p=[0.66, 0.22, 0.12]))],
        neck_width=float(rng.uniform(0.98, 1.16)),
        neck_depth=float(rng.choice([0.0, rng.uniform(0.1, 0.35)])),
    )


def _draw_glasses(rng: np.random.Generator) -> Glasses:
    return Glasses(
        half_width=float(rng.uniform(0.23, 0.27)),
        half_height=float(rng.uniform(0.14, 0.19)),
        squareness=float(rng.uniform(2, 4.5)),
        thickness=float(rng.uniform(0.011, 0.02)),
        colour=_rgb(to_linear(np.clip(rng.normal(38, 18) + rng.normal(0, 12, 3), 8, 110))),
    )


def draw_style(person: Person, index: int) -> Style:
    """Draw the look of a person on day ``index``; 0 is the usual one.

    Raises:
        ValueError: a negative index.
    """
    if index < 0:
        raise ValueError(f"a style's index must be 0 or more, got {index}")
    rng = stream(Aspect.STYLE, *person.key, index)
    return Style(
        index=index,
        cut=_draw_cut(rng, person),
        length=float(rng.uniform(0.85, 1.25)),
        part=float(rng.choice([-1, 1]) * rng.uniform(0.05, 0.4)) if rng.random() < 0.75 else 0.0,
        beard=_draw_beard(rng, person),
        make_up=_draw_make_up(rng, person),
        glasses=_draw_glasses(rng),
        wears_glasses=bool(rng.random() < _GLASSES_CHANCE),
        clothes=_draw_clothes(rng),
    )
