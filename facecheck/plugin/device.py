"""Where networks run. A GPU that was asked for and is absent stops the run before any test."""

from __future__ import annotations

import re

import pytest
import torch

__all__ = ["full_fp32", "resolve_device"]


def resolve_device(asked: str, *, available: int, worker: str | None) -> torch.device:
    """Return the device of this process.

    Args:
        asked: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        available: how many GPUs torch sees.
        worker: name of the xdist worker, such as ``gw1``, or None; workers take the GPUs in turn.

    Raises:
        pytest.UsageError: an unknown name, or a GPU that is not there.
    """
    match = re.fullmatch(r"auto|cpu|cuda(?::(\d+))?", asked)
    if not match:
        raise pytest.UsageError(f"--facecheck-device {asked}: expected auto, cpu, cuda or cuda:N")
    if asked == "cpu" or (asked == "auto" and not available):
        return torch.device("cpu")
    if not available:
        raise pytest.UsageError(
            f"--facecheck-device {asked}: torch {torch.__version__} sees no CUDA device. "
            "Check nvidia-smi and CUDA_VISIBLE_DEVICES, or ask for cpu"
        )
    if match[1] is not None:
        if int(match[1]) >= available:
            raise pytest.UsageError(f"--facecheck-device {asked}: there are {available} CUDA devices, cuda:0 on")
        return torch.device("cuda", int(match[1]))
    return torch.device("cuda", int(worker.removeprefix("gw")) % available if worker else 0)


def full_fp32() -> None:
    """Compute in full fp32 where fp32 is asked for."""
    # TF32 keeps ten bits of the mantissa: accuracy would be that of another model.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
