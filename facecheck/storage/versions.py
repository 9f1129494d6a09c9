"""Versions of the libraries that results depend on."""

from __future__ import annotations

import importlib.metadata

__all__ = ["library_versions"]

_LIBRARIES = (
    "torch",
    "torchvision",
    "facenet-pytorch",
    "dlib-bin",
    "numpy",
    "pillow",
    "opencv-python-headless",
    "scipy",
)


def library_versions() -> dict[str, str]:
    """Return the installed version of each, ``absent`` where there is none."""
    return {name: _version(name) for name in _LIBRARIES}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "absent"
