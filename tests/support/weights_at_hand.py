"""Weights that no registry carries: in ``FACECHECK_WEIGHTS``, or in a folder beside the checkout."""

import os
from pathlib import Path

import pytest

from facecheck.embedders.checkpoints import WEIGHTS_VARIABLE

__all__ = ["at_hand"]

_BESIDE = Path(__file__).parents[3] / "shared" / "weights"


def at_hand(name: str) -> Path:
    """Return the file of this name, or skip the test."""
    folder = Path(os.environ.get(WEIGHTS_VARIABLE, _BESIDE))
    found = sorted(path for pattern in (name, f"*/{name}") for path in folder.glob(pattern))
    if not found:
        pytest.skip(f"{name} is not here: name a folder that holds it in {WEIGHTS_VARIABLE}")
    return found[0]
