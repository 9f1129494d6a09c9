"""Images, the people in them, and the pairs that are compared."""

from __future__ import annotations

from facecheck.faces.columns import Faces
from facecheck.faces.pairs import Pairs
from facecheck.faces.values import Face, Image, ImageSource, Portion

__all__ = ["Face", "Faces", "Image", "ImageSource", "Pairs", "Portion"]
