"""The regression gate for face-recognition models: a face's road from image file to verdict."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
