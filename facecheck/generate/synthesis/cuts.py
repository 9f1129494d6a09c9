"""Hair cuts as numbers: how long hair is, how it leaves the scalp, and where it is combed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from facecheck.generate.synthesis.style import Cut

__all__ = ["CUT_FORMS", "CutForm"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CutForm:
    """How a cut falls: lengths in dm on top and at the sides, ``lift`` off the scalp, ``comb`` direction."""

    top: float
    side: float
    lift: float
    gravity: float
    comb: tuple[float, float, float]
    wander: float
    strands: int = 15000
    knots: int = 9
    shortest: float = 0.78
    parted: bool = True
    fringe: bool = False
    sides_fall: bool = True


CUT_FORMS: Final[Mapping[Cut, CutForm]] = MappingProxyType(
    {
        "buzz": CutForm(
            top=0.09,
            side=0.06,
            lift=0.9,
            gravity=0.0,
            comb=(0, 0, 0.2),
            wander=0.02,
            strands=26000,
            knots=3,
            parted=False,
            sides_fall=False,
        ),
        "short": CutForm(top=0.34, side=0.14, lift=0.2, gravity=0.25, comb=(0.15, 0, 0.8), wander=0.04, parted=False),
        "side parting": CutForm(top=0.62, side=0.16, lift=0.12, gravity=0.5, comb=(1, 0, 0.25), wander=0.03),
        "combed back": CutForm(
            top=0.8,
            side=0.45,
            lift=0.08,
            gravity=0.3,
            comb=(0.1, 0, -1),
            wander=0.03,
            parted=False,
            sides_fall=False,
        ),
        "quiff": CutForm(
            top=0.55, side=0.14, lift=0.4, gravity=0.05, comb=(0.15, 0.25, -0.8), wander=0.04, parted=False
        ),
        "receding": CutForm(top=0.3, side=0.14, lift=0.2, gravity=0.25, comb=(0.2, 0, 0.6), wander=0.04, parted=False),
        "medium": CutForm(
            top=1.3, side=1.1, lift=0.15, gravity=0.45, comb=(0.8, -0.2, 0.1), wander=0.045, knots=16, strands=9000
        ),
        "long": CutForm(
            top=3.1, side=3.0, lift=0.12, gravity=1.1, comb=(0.8, -0.3, -0.15), wander=0.04, knots=16, strands=8000
        ),
        "long to one side": CutForm(
            top=3.0,
            side=3.0,
            lift=0.12,
            gravity=1.1,
            comb=(1, -0.3, -0.1),
            wander=0.04,
            knots=16,
            strands=8000,
        ),
        "bob": CutForm(
            top=1.95, side=1.6, lift=0.14, gravity=0.9, comb=(0.8, -0.3, 0.05), wander=0.03, knots=16, strands=9000
        ),
        "fringe": CutForm(
            top=1.25,
            side=1.0,
            lift=0.15,
            gravity=0.4,
            comb=(0.9, -0.3, -0.1),
            wander=0.03,
            knots=16,
            strands=10000,
            fringe=True,
        ),
        "long with fringe": CutForm(
            top=2.9,
            side=3.0,
            lift=0.13,
            gravity=1.0,
            comb=(0.9, -0.3, -0.1),
            wander=0.04,
            knots=16,
            strands=9000,
            fringe=True,
        ),
        "tied": CutForm(
            top=1.6,
            side=1.5,
            lift=0.05,
            gravity=0.02,
            comb=(0.05, 0.1, -1),
            wander=0.015,
            knots=16,
            strands=10000,
            parted=False,
            sides_fall=False,
        ),
        "afro": CutForm(
            top=0.28,
            side=0.22,
            lift=1.0,
            gravity=0.0,
            comb=(0, 0, 0),
            wander=0.1,
            strands=26000,
            knots=14,
            shortest=0.8,
            parted=False,
            sides_fall=False,
        ),
    }
)
