"""Weights that users provide: found by name, read without running any code that a file may contain."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TypeGuard

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from facecheck.errors import ModelError
from facecheck.storage.files import opened_regular
from facecheck.storage.weights import MAX_WEIGHTS_BYTES, file_sha256

__all__ = ["MAX_COMPRESSED_BYTES", "WEIGHTS_VARIABLE", "compressed_bytes", "fit", "known_file", "read_state"]

WEIGHTS_VARIABLE = "FACECHECK_WEIGHTS"
_DEPTHS = ("", "*/", "*/*/")  # of folders below the one that the variable names
_SHOWN = 3
_NESTED = ("state_dict", "model_state_dict", "model", "network")
_DEEPEST = 3  # of a state dict within what was saved
_PARALLEL = "module."  # before each name of a network in DataParallel
MAX_COMPRESSED_BYTES = 2**26  # torch stores tensors as they are, and compresses the programs of archives alone


def known_file(name: str, sha256: str) -> Path | None:
    """Return the file of this name and hash below the folder that ``FACECHECK_WEIGHTS`` names, None if none is.

    The folder and two levels of folders below it are searched.

    Raises:
        ModelError: the folder is not there, or every file of this name has another hash.
    """
    chosen = os.environ.get(WEIGHTS_VARIABLE)
    if not chosen:
        return None
    folder = Path(chosen).expanduser()
    if not folder.is_dir():
        raise ModelError(f"{WEIGHTS_VARIABLE}={chosen}: no such folder")
    found = [path for depth in _DEPTHS for path in sorted(folder.glob(depth + name)) if path.is_file()]
    for path in found:
        if file_sha256(path) == sha256:
            return path
    if found:
        raise ModelError(
            f"{', '.join(map(str, found))}: sha256 is not {sha256}: damaged, truncated or another release. "
            f"Name weights of your own by their path, ?weights={found[0]}"
        )
    return None


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file or of torch's own, by name.

    Training scripts keep them under ``state_dict``, ``model`` or ``network`` beside the optimiser's, and those of a
    network in ``DataParallel`` with ``module.`` before each name: both are taken off.

    Raises:
        ModelError: not such a file, or one that holds more than named tensors.
    """
    _refuse_irregular(path)
    _refuse_bomb(path)
    try:
        state = (
            load_file(path)
            if path.suffix == ".safetensors"
            # weights_only keeps the unpickler from running any code.
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: cannot be read as weights: {error}") from error
    except Exception as error:  # damaged bytes make the unpickler raise anything
        reason = str(error).partition("\n")[0]
        raise ModelError(
            f"{path}: not a file of weights alone: {reason}. Expected safetensors, or a state dict as "
            "torch.save(network.state_dict()) writes it; a file that needs code to be run is not opened"
        ) from error
    found = _unnested(state)
    if not _is_state(found):
        raise ModelError(
            f"{path}: expected a state dict, names to tensors, also under {', '.join(_NESTED)}, not {_described(state)}"
        )
    return _without_prefix(dict(found))


def _is_state(content: object) -> TypeGuard[Mapping[str, Tensor]]:
    return isinstance(content, Mapping) and all(
        isinstance(key, str) and isinstance(tensor, Tensor) for key, tensor in content.items()
    )


def _unnested(content: object) -> object:
    """Return the state dict of a network out of what a training script saved."""
    for _ in range(_DEEPEST):
        if _is_state(content) or not isinstance(content, Mapping):
            break
        inner = [content[key] for key in _NESTED if isinstance(content.get(key), Mapping)]
        if len(inner) != 1:  # none, or several among which nobody has chosen
            break
        (content,) = inner
    return content


def _without_prefix(state: dict[str, Tensor]) -> dict[str, Tensor]:
    while state and all(name.startswith(_PARALLEL) for name in state):
        state = {name.removeprefix(_PARALLEL): tensor for name, tensor in state.items()}
    return state


def _refuse_irregular(path: Path) -> None:
    """Refuse a device, which never ends, and a pipe, which may never begin."""
    try:
        with opened_regular(path, most=MAX_WEIGHTS_BYTES):
            return
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read as weights: {getattr(error, 'strerror', None) or error}") from error


def _refuse_bomb(path: Path) -> None:
    """Refuse a small file that decompresses to more than any memory holds."""
    try:
        with zipfile.ZipFile(path) as archive:
            compressed = compressed_bytes(archive)
    except (OSError, zipfile.BadZipFile, ValueError):  # not a zip file: its reader says what it is
        return
    if compressed > MAX_COMPRESSED_BYTES:
        raise ModelError(f"{path}: not as torch writes it: {compressed / 1e6:.0f} MB in it are compressed")


def compressed_bytes(archive: zipfile.ZipFile) -> int:
    """Return how many bytes the compressed entries of an archive declare to hold, without decompressing any."""
    return sum(entry.file_size for entry in archive.infolist() if entry.compress_type != zipfile.ZIP_STORED)


def _described(content: object) -> str:
    kind = type(content).__name__
    return f"{kind} of {', '.join(map(str, list(content)[:_SHOWN]))}, ..." if isinstance(content, Mapping) else kind


def fit(network: nn.Module, state: Mapping[str, Tensor], source: Path, *, assign: bool = False) -> None:
    """Load a state dict strictly: every name and shape is the network's.

    Args:
        network: that takes the tensors.
        state: names to tensors.
        source: of the tensors, for messages.
        assign: put the tensors themselves into the network, as one without memory of its own needs it.

    Raises:
        ModelError: a name or a shape differs.
    """
    try:
        network.load_state_dict(state, strict=True, assign=assign)
    except RuntimeError as error:
        raise ModelError(f"{source}: these weights are of another network: {error}") from error
