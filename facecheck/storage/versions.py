"""Versions of what results depend on: the libraries, and facecheck's own code."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
from collections.abc import Iterable
from pathlib import Path

__all__ = ["library_versions", "sources_sha256"]

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


@functools.cache  # a search of the import path, and every key of the cache asks
def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def sources_sha256(library: Path, packages: Iterable[str] | None = None) -> str:
    """Return one hash over the names and the bytes of Python files.

    Args:
        library: a folder of packages and modules.
        packages: which of them, by name; all of them by default.
    """
    wanted = None if packages is None else frozenset(packages)
    total = hashlib.sha256()
    for file in sorted(library.rglob("*.py")):
        name = file.relative_to(library)
        if wanted is None or name.parts[0].removesuffix(".py") in wanted:
            total.update(f"{name.as_posix()}\0".encode() + file.read_bytes())
    return total.hexdigest()
