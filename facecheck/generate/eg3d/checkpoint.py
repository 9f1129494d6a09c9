"""The user's checkpoint: a pickle, so loading it runs code, which needs the user's explicit permission.

`vouched_checkpoint` reads files and runs none of them. `loaded` then runs the checkout and the pickle, if the file
still has the hash that the user accepted.
"""

from __future__ import annotations

import hashlib
import importlib
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Protocol, cast

import torch
from torch import Tensor, nn

from facecheck.errors import ModelError

__all__ = ["Checkpoint", "Generator", "loaded", "vouched_checkpoint"]

_NEEDED: Final = ("legacy", "dnnlib", "torch_utils")  # modules of a checkout that a pickle needs
_INTERFACE: Final = ("z_dim", "rendering_kwargs", "mapping", "synthesis")


class Generator(Protocol):
    """The part of EG3D's published generator interface that is used here.

    ``mapping`` converts latents ``(n, z_dim)`` and camera labels ``(n, 25)`` to styles ``(n, layers, w_dim)``;
    ``synthesis`` converts styles and camera labels to pictures ``(n, 3, h, w)`` in [-1, 1], under the key "image".
    """

    @property
    def z_dim(self) -> int:
        """The length of a latent."""

    @property
    def rendering_kwargs(self) -> Mapping[str, Any]:
        """Contains the pivot and the radius of the training cameras, among others."""

    def mapping(self, z: Tensor, c: Tensor, *, truncation_psi: float, truncation_cutoff: int) -> Tensor:
        """Return styles."""

    def synthesis(self, ws: Tensor, c: Tensor, **options: str) -> Mapping[str, Tensor]:
        """Return pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A checkpoint that the user trusts; none of its code has run yet.

    Args:
        checkout: absolute folder that holds ``legacy.py``.
        network: the pickle.
        sha256: of the pickle, in hexadecimal.
        device: on which it will run.
    """

    checkout: Path
    network: Path
    sha256: str
    device: torch.device


def vouched_checkpoint(repo: Path, network: Path, *, trust: bool, device: str) -> Checkpoint:
    """Check the files and that the user trusts them, without running any of their code.

    Args:
        repo: a checkout of EG3D, or its folder ``eg3d``.
        network: the pickle.
        trust: whether the user accepts that the pickle and the checkout run code.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        ModelError: something is missing, the user did not declare trust, or there is no such device.
    """
    checkout = _checkout(repo)
    if not network.is_file():
        raise ModelError(f"{network}: no such file; expected a checkpoint such as ffhqrebalanced512-128.pkl")
    with network.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    if not trust:
        raise ModelError(
            f"{network}: a pickle can run any code with your permissions; nothing of it has run yet. "
            f"Its sha256 is {sha256}: if you trust it and the checkout {repo}, add --trust-pickle"
        )
    return Checkpoint(checkout=checkout, network=network, sha256=sha256, device=_device(device))


def _checkout(repo: Path) -> Path:
    for folder in (repo, repo / "eg3d"):
        if (folder / "legacy.py").is_file():
            return folder.resolve()
    problem = "contains no legacy.py" if repo.is_dir() else "no such folder"
    raise ModelError(f"{repo}: {problem}; expected a checkout of https://github.com/NVlabs/eg3d")


def _device(asked: str) -> torch.device:
    match = re.fullmatch(r"auto|cpu|cuda(?::(\d+))?", asked, re.ASCII)
    if not match:
        raise ModelError(f"--device {asked}: expected auto, cpu, cuda or cuda:N")
    available = torch.cuda.device_count()
    if asked == "cpu" or (asked == "auto" and not available):
        return torch.device("cpu")
    number = int(match[1] or 0)
    if number >= available:
        raise ModelError(
            f"--device {asked}: torch {torch.__version__} sees {available} CUDA devices. "
            "Check nvidia-smi and CUDA_VISIBLE_DEVICES, or use --device cpu"
        )
    return torch.device("cuda", number)


@contextmanager
def loaded(checkpoint: Checkpoint) -> Iterator[Generator]:
    """Load the checkpoint and yield its generator; the checkout is importable only within the context.

    Raises:
        ModelError: the file has changed since it was checked, cannot be opened, or contains no EG3D generator.
    """
    with _importable(checkpoint.checkout), checkpoint.network.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != checkpoint.sha256:
            raise ModelError(f"{checkpoint.network}: the file has changed since its sha256 was computed; start again")
        stream.seek(0)
        generator = _unpickled(checkpoint, stream)
        yield cast("Generator", generator.to(checkpoint.device).eval().requires_grad_(requires_grad=False))


@contextmanager
def _importable(checkout: Path) -> Iterator[None]:
    """Put a checkout first on the import path, as when its scripts are run from its folder."""
    for name in _NEEDED:
        if name in sys.modules:
            origin = getattr(sys.modules[name], "__file__", None)
            raise ModelError(f"another module {name} is already loaded, from {origin}: EG3D's module cannot be loaded")
    before = set(sys.modules)
    provided = {path.stem for path in checkout.iterdir()}
    sys.path.insert(0, str(checkout))
    try:
        yield
    finally:
        sys.path.remove(str(checkout))
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in provided:
                del sys.modules[name]


def _unpickled(checkpoint: Checkpoint, stream: IO[bytes]) -> nn.Module:
    try:
        content = importlib.import_module("legacy").load_network_pkl(stream)
    except ModuleNotFoundError as error:
        raise ModelError(
            f"{checkpoint.checkout}: needs the module {error.name}, which is not installed. If it is not part of EG3D, "
            "install the package of that name (EG3D's code needs click and requests)"
        ) from error
    # Third-party code on an arbitrary file can raise anything; every error means that these files cannot be used.
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ModelError(
            f"{checkpoint.network}: not a checkpoint that {checkpoint.checkout}/legacy.py can open ({reason}); "
            "expected one of EG3D's, such as ffhqrebalanced512-128.pkl"
        ) from error
    generator = content.get("G_ema") if isinstance(content, Mapping) else None
    missing = [name for name in _INTERFACE if not hasattr(generator, name)]
    if missing or not isinstance(generator, nn.Module):
        raise ModelError(f"{checkpoint.network}: G_ema is not an EG3D generator: missing {', '.join(missing)}")
    return generator
