"""Whether pictures are crops that were aligned before, by their size."""

from __future__ import annotations

from collections.abc import Sequence

from facecheck.errors import UnreadableImageError
from facecheck.faces import Face
from facecheck.faces.decoding import image_size

__all__ = ["SIDE", "aligned_crops"]

SIDE = 112  # pixels, of the crops that insightface and others publish
_LOOKED_AT = 8


def aligned_crops(faces: Sequence[Face]) -> bool:
    """Return whether pictures spread over a data set all measure 112 x 112 px, as published aligned copies do."""
    some = [faces[k * len(faces) // _LOOKED_AT] for k in range(_LOOKED_AT)]
    try:
        return all(image_size(face.source.path, face.source.portion) == (SIDE, SIDE) for face in some)
    except UnreadableImageError:
        return False
