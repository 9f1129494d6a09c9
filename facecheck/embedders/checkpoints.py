"""Weights that users provide: found by name, read without running any code that a file may contain."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from facecheck.errors import ModelError
from facecheck.storage.weights import file_sha256

__all__ = ["MAX_COMPRESSED_BYTES", "WEIGHTS_VARIABLE", "compressed_bytes", "fit", "known_file", "read_state"]

WEIGHTS_VARIABLE = "FACECHECK_WEIGHTS"
_DEPTHS = ("", "*/", "*/*/")  # of folders below the one that the variable names
_SHOWN = 3
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

    Raises:
        ModelError: not such a file, or one that holds more than named tensors.
    """
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
    if not isinstance(state, Mapping) or not all(
        isinstance(k, str) and isinstance(t, Tensor) for k, t in state.items()
    ):
        raise ModelError(f"{path}: expected a state dict, names to tensors, not {_described(state)}")
    return dict(state)


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
