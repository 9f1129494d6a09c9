"""Parameters of hair cuts: length, angle to the scalp, and direction of combing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final

from facecheck.generate.synthesis.style import Cut

__all__ = ["CUT_FORMS", "CutForm"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CutForm:
    """Parameters of a cut: lengths in dm on top and at the sides, ``lift`` off the scalp, ``comb`` direction."""

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


_CLOSE: Final = partial(CutForm, gravity=0.0, strands=26000, parted=False, sides_fall=False)
_SHORT: Final = partial(CutForm, side=0.14, wander=0.04, parted=False)
_MEDIUM: Final = partial(CutForm, knots=16, strands=9000)
_LONG: Final = partial(_MEDIUM, side=3.0, lift=0.12, gravity=1.1, wander=0.04, strands=8000)

CUT_FORMS: Final[Mapping[Cut, CutForm]] = MappingProxyType(
    {
        "buzz": _CLOSE(top=0.09, side=0.06, lift=0.9, comb=(0, 0, 0.2), wander=0.02, knots=3),
        "short": _SHORT(top=0.34, lift=0.2, gravity=0.25, comb=(0.15, 0, 0.8)),
        "side parting": CutForm(top=0.62, side=0.16, lift=0.12, gravity=0.5, comb=(1, 0, 0.25), wander=0.03),
        "combed back": _SHORT(
            top=0.8, side=0.45, lift=0.08, gravity=0.3, comb=(0.1, 0, -1), wander=0.03, sides_fall=False
        ),
        "quiff": _SHORT(top=0.55, lift=0.4, gravity=0.05, comb=(0.15, 0.25, -0.8)),
        "receding": _SHORT(top=0.3, lift=0.2, gravity=0.25, comb=(0.2, 0, 0.6)),
        "medium": _MEDIUM(top=1.3, side=1.1, lift=0.15, gravity=0.45, comb=(0.8, -0.2, 0.1), wander=0.045),
        "long": _LONG(top=3.1, comb=(0.8, -0.3, -0.15)),
        "long to one side": _LONG(top=3.0, comb=(1, -0.3, -0.1)),
        "bob": _MEDIUM(top=1.95, side=1.6, lift=0.14, gravity=0.9, comb=(0.8, -0.3, 0.05), wander=0.03),
        "fringe": _MEDIUM(
            top=1.25, side=1.0, lift=0.15, gravity=0.4, comb=(0.9, -0.3, -0.1), wander=0.03, strands=10000, fringe=True
        ),
        "long with fringe": _LONG(top=2.9, lift=0.13, gravity=1.0, comb=(0.9, -0.3, -0.1), strands=9000, fringe=True),
        "tied": _MEDIUM(
            top=1.6,
            side=1.5,
            lift=0.05,
            gravity=0.02,
            comb=(0.05, 0.1, -1),
            wander=0.015,
            strands=10000,
            parted=False,
            sides_fall=False,
        ),
        "afro": _CLOSE(top=0.28, side=0.22, lift=1.0, comb=(0, 0, 0), wander=0.1, knots=14, shortest=0.8),
    }
)
