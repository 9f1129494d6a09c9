"""The table of all corruptions."""

from __future__ import annotations

from types import MappingProxyType

from facecheck.corruptions.corruption import Corruption
from facecheck.corruptions.imagenet_c import IMAGENET_C
from facecheck.corruptions.occlusion import OCCLUSION
from facecheck.corruptions.outdoors import OUTDOORS
from facecheck.corruptions.studies import BLUR, FILTERS, RESOLUTION, STUDIES
from facecheck.errors import FacecheckError, nearest

__all__ = ["CORRUPTIONS", "families", "of_family"]

_TABLE = (*BLUR, *RESOLUTION, *FILTERS, *OCCLUSION, *IMAGENET_C, *OUTDOORS, *STUDIES)
CORRUPTIONS: MappingProxyType[str, Corruption] = MappingProxyType({entry.name: entry for entry in _TABLE})


def families() -> tuple[str, ...]:
    """Return the families in the table's order."""
    return tuple(dict.fromkeys(entry.family for entry in CORRUPTIONS.values()))


def of_family(family: str) -> tuple[Corruption, ...]:
    """Return the corruptions of a family in the table's order.

    Raises:
        FacecheckError: there is no such family.

    >>> [entry.name for entry in of_family("resolution")]
    ['resolution', 'upscaled']
    """
    if family not in families():
        raise FacecheckError(f"corruption family {family!r} is unknown. {nearest(family, families())}")
    return tuple(entry for entry in CORRUPTIONS.values() if entry.family == family)
