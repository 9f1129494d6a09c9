"""Weights: where they come from, and the check that they are the right ones. Nothing is loaded without it.

Weights that a registry package carries are read out of it without importing the package. Foreign formats
are converted once into a safetensors file in the cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import platformdirs
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from facecheck.errors import ModelError
from facecheck.storage.files import opened_regular, writing

__all__ = [
    "MAX_WEIGHTS_BYTES",
    "cache_folder",
    "converted",
    "file_sha256",
    "package_file",
    "state_sha256",
    "verified",
]

MAX_WEIGHTS_BYTES = 2**33  # 8 GiB: two thousand million parameters in fp32


def cache_folder() -> Path:
    """Return the folder of everything that facecheck can make again: ``FACECHECK_CACHE`` or the user's cache folder."""
    chosen = os.environ.get("FACECHECK_CACHE")
    return (
        Path(chosen).expanduser()
        if chosen and chosen != "none"
        else platformdirs.user_cache_path("facecheck", appauthor=False)
    )


def package_file(package: str, *parts: str) -> Path:
    """Return a data file of an installed package, without importing the package.

    Raises:
        ModelError: the package or the file is not there.
    """
    try:
        spec = importlib.util.find_spec(package)
    except ModuleNotFoundError:
        spec = None
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder, *parts)
        if path.is_file():
            return path
    raise ModelError(
        f"{'/'.join((package, *parts))} is not installed: install facecheck with its dependencies, "
        f"or the package {package.replace('_', '-')} alone"
    )


def file_sha256(path: Path) -> str:
    """Return the hash of a file's bytes, in hexadecimal.

    Raises:
        OSError: it is not there, or no regular file of at most ``MAX_WEIGHTS_BYTES``.
    """
    with opened_regular(path, most=MAX_WEIGHTS_BYTES) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def verified(path: Path, sha256: str) -> Path:
    """Return the path if its bytes have this hash.

    Raises:
        ModelError: they have not, or the file cannot be read.
    """
    try:
        found = file_sha256(path)
    except (OSError, ValueError) as error:  # a name may hold what no file's name can
        raise ModelError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if found != sha256:
        raise ModelError(
            f"{path}: not the expected weights: sha256 is {found}, expected {sha256}. "
            "The file is damaged, truncated or another release: download it again"
        )
    return path


def state_sha256(state: Mapping[str, Tensor]) -> str:
    """Return one hash over all names, shapes, types and values of a state dict, whatever its order."""
    total = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        total.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)};".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def converted(
    name: str, expected: str, convert: Callable[[], Mapping[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]]
) -> dict[str, Tensor]:
    """Return a state dict that is converted at most once.

    Args:
        name: of the file in the cache.
        expected: ``state_sha256`` of the state dict; a cached file that differs is made again.
        convert: makes the state dict.

    Raises:
        ModelError: what ``convert`` made has another hash.
    """
    path = cache_folder() / "weights" / f"{name}.safetensors"
    state = _load(path)
    if state is not None and state_sha256(state) == expected:
        return state
    state = {key: torch.from_numpy(np.ascontiguousarray(value)) for key, value in convert().items()}
    if state_sha256(state) != expected:
        raise ModelError(f"{name}: the conversion gave {state_sha256(state)}, expected {expected}")
    _save(state, path)
    return state


def _load(path: Path) -> dict[str, Tensor] | None:
    try:
        return load_file(path)
    except (OSError, SafetensorError):
        return None


def _save(state: dict[str, Tensor], path: Path) -> None:
    """Keep the weights; a cache that cannot be written costs time, never the run."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing(path) as stream:
            stream.write(save(state))
