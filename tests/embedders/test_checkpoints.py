"""Weights as training scripts save them, and files that are none or never end."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from facecheck.embedders.checkpoints import fit, read_state
from facecheck.errors import ModelError
from facecheck.models import Settings, build

STATE = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}
PARALLEL = {f"module.{name}": tensor for name, tensor in STATE.items()}
OPTIMISER = {"state": {0: {"step": torch.ones(1)}}, "param_groups": [{"lr": 0.1}]}


@pytest.mark.parametrize(
    "saved",
    [
        pytest.param(STATE, id="alone"),
        pytest.param(PARALLEL, id="in-parallel"),
        pytest.param({"state_dict": STATE, "epoch": 3, "optimizer": OPTIMISER}, id="state_dict"),
        pytest.param({"model": PARALLEL, "arch": "r50"}, id="model-in-parallel"),
        pytest.param({"network": STATE}, id="network"),
        pytest.param({"model_state_dict": STATE, "loss": torch.ones(1)}, id="model_state_dict"),
        pytest.param({"model": {"state_dict": {f"module.{n}": t for n, t in PARALLEL.items()}}}, id="twice"),
    ],
)
def test_what_training_scripts_save_is_found(saved: dict[str, Any], tmp_path: Path) -> None:
    """And fits strictly."""
    torch.save(saved, tmp_path / "a.pth")
    network = nn.Linear(3, 2)

    fit(network, read_state(tmp_path / "a.pth"), tmp_path / "a.pth")

    assert torch.equal(network.weight, STATE["weight"])


@pytest.mark.parametrize(
    "saved",
    [
        pytest.param({**STATE, "more": torch.ones(1)}, id="one-name-too-many"),
        pytest.param({"state_dict": {"weight": STATE["weight"]}}, id="one-too-few"),
        pytest.param({"module.weight": STATE["weight"], "bias": STATE["bias"]}, id="half-in-parallel"),
    ],
)
def test_they_still_fit_strictly(saved: dict[str, Any], tmp_path: Path) -> None:
    """Every name and shape is the network's."""
    torch.save(saved, tmp_path / "a.pth")

    with pytest.raises(ModelError, match="these weights are of another network"):
        fit(nn.Linear(3, 2), read_state(tmp_path / "a.pth"), tmp_path / "a.pth")


@pytest.mark.parametrize(
    "saved",
    [
        pytest.param({"model": STATE, "network": STATE}, id="two-of-them"),
        pytest.param({"weights": STATE}, id="another-name"),
        pytest.param([STATE], id="a-list"),
        pytest.param({"state_dict": {"a": 1}}, id="no-tensors"),
    ],
)
def test_what_holds_none_or_two_is_refused(saved: object, tmp_path: Path) -> None:
    """Nobody has chosen."""
    torch.save(saved, tmp_path / "a.pth")

    with pytest.raises(ModelError, match=r"expected a state dict, names to tensors, also under state_dict, .* not "):
        read_state(tmp_path / "a.pth")


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "a.pth")
    return folder / "a.pth"


def device(folder: Path) -> Path:
    (folder / "a.pth").symlink_to("/dev/zero")
    return folder / "a.pth"


def sparse(folder: Path) -> Path:
    with (folder / "a.pth").open("wb") as stream:
        stream.truncate(12 * 2**30)
    return folder / "a.pth"


@pytest.mark.parametrize("model", ["edgeface-xs", "facenet-vggface2", "face-transformer-p8s8"])
@pytest.mark.parametrize("make", [pipe, device, sparse], ids=lambda each: each.__name__)
def test_weights_that_never_end_are_refused_at_once(model: str, make: Callable[[Path], Path], tmp_path: Path) -> None:
    """A pipe, a device, and twelve sparse gigabytes."""
    with pytest.raises(ModelError, match=r"no regular file|the file is too large: 12288 MiB"):
        build(f"{model}?weights={make(tmp_path)}", Settings(device=torch.device("cpu")))
