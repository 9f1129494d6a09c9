"""Images, the people in them, and the pairs that are compared."""

from __future__ import annotations

from facecheck.faces.values import Face, Image, ImageSource, Pairs, Portion

__all__ = ["Face", "Image", "ImageSource", "Pairs", "Portion"]
