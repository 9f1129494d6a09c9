"""InceptionResnetV1, FaceNet's network, with each batch norm folded into the convolution before it.

The same function as ``facenet_pytorch.InceptionResnetV1(classify=False)`` in evaluation mode, in fewer
passes over memory; :func:`folded` takes that network's state dict. Its package is not imported: it imports
torchvision, and that imports torch's compiler, which takes longer than a warm run.

Source: Szegedy et al., Inception-v4, AAAI 2017; David Sandberg's FaceNet; facenet-pytorch.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["BATCH_NORM_EPS", "InceptionResnetV1", "folded"]

BATCH_NORM_EPS = 0.001


class _Conv(nn.Conv2d):
    """A convolution with what was its batch norm, then ReLU."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(super().forward(x))


class _Residual(nn.Module):
    """Branches side by side, joined, scaled and added to their input."""

    def __init__(self, channels: int, branches: list[nn.Module], joined: int, *, scale: float, last: bool) -> None:
        super().__init__()
        for number, branch in enumerate(branches):
            self.add_module(f"branch{number}", branch)
        self.conv2d = nn.Conv2d(joined, channels, 1)
        self._branches, self._scale, self._last = branches, scale, last

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv2d(torch.cat([branch(x) for branch in self._branches], 1)) * self._scale + x
        return out if self._last else functional.relu(out)


class _Reduction(nn.Module):
    """Branches side by side that halve the picture, the last of them a maximum."""

    def __init__(self, branches: list[nn.Module]) -> None:
        super().__init__()
        for number, branch in enumerate(branches):
            self.add_module(f"branch{number}", branch)
        self._branches = branches

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([*(branch(x) for branch in self._branches), functional.max_pool2d(x, 3, 2)], 1)


def _block35() -> _Residual:
    three = nn.Sequential(_Conv(256, 32, 1), _Conv(32, 32, 3, padding=1), _Conv(32, 32, 3, padding=1))
    branches = [_Conv(256, 32, 1), nn.Sequential(_Conv(256, 32, 1), _Conv(32, 32, 3, padding=1)), three]
    return _Residual(256, branches, 96, scale=0.17, last=False)


def _crossed(channels: int, width: int, length: int) -> list[nn.Module]:
    """A point, and a row followed by a column."""
    row = _Conv(width, width, (1, length), padding=(0, length // 2))
    column = _Conv(width, width, (length, 1), padding=(length // 2, 0))
    return [_Conv(channels, width, 1), nn.Sequential(_Conv(channels, width, 1), row, column)]


def _block17() -> _Residual:
    return _Residual(896, _crossed(896, 128, 7), 256, scale=0.10, last=False)


def _block8(*, last: bool = False) -> _Residual:
    return _Residual(1792, _crossed(1792, 192, 3), 384, scale=1.0 if last else 0.20, last=last)


class InceptionResnetV1(nn.Module):
    """Standardised crops (n, 3, 160, 160) to unit vectors (n, 512)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv2d_1a = _Conv(3, 32, 3, stride=2)
        self.conv2d_2a = _Conv(32, 32, 3)
        self.conv2d_2b = _Conv(32, 64, 3, padding=1)
        self.conv2d_3b = _Conv(64, 80, 1)
        self.conv2d_4a = _Conv(80, 192, 3)
        self.conv2d_4b = _Conv(192, 256, 3, stride=2)
        self.repeat_1 = nn.Sequential(*(_block35() for _ in range(5)))
        three = nn.Sequential(_Conv(256, 192, 1), _Conv(192, 192, 3, padding=1), _Conv(192, 256, 3, stride=2))
        self.mixed_6a = _Reduction([_Conv(256, 384, 3, stride=2), three])
        self.repeat_2 = nn.Sequential(*(_block17() for _ in range(10)))
        self.mixed_7a = _Reduction(
            [
                nn.Sequential(_Conv(896, 256, 1), _Conv(256, 384, 3, stride=2)),
                nn.Sequential(_Conv(896, 256, 1), _Conv(256, 256, 3, stride=2)),
                nn.Sequential(_Conv(896, 256, 1), _Conv(256, 256, 3, padding=1), _Conv(256, 256, 3, stride=2)),
            ]
        )
        self.repeat_3 = nn.Sequential(*(_block8() for _ in range(5)))
        self.block8 = _block8(last=True)
        self.last_linear = nn.Linear(1792, 512)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(n, 512)`` of length one."""
        return functional.normalize(self.features(x))

    def features(self, x: Tensor) -> Tensor:
        """Return ``(n, 512)`` as the last layer gives them."""
        x = self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(x)))
        x = self.conv2d_3b(functional.max_pool2d(x, 3, 2))
        x = self.repeat_1(self.conv2d_4b(self.conv2d_4a(x)))
        x = self.repeat_2(self.mixed_6a(x))
        x = self.block8(self.repeat_3(self.mixed_7a(x)))
        features: Tensor = self.last_linear(x.mean((2, 3)))
        return features


def folded(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return facenet-pytorch's state dict with every batch norm taken into the layer before it.

    Raises:
        KeyError: a batch norm lacks one of its tensors.
    """
    rest = {key: value for key, value in state.items() if ".bn." not in key and not key.startswith("last_bn.")}
    found = {key.replace(".conv.", "."): value for key, value in rest.items()}
    norms = sorted({key.rpartition(".bn.")[0] for key in state if ".bn." in key})
    for layer, norm in [*((name, f"{name}.bn") for name in norms), ("last_linear", "last_bn")]:
        scale = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + BATCH_NORM_EPS)
        weight = found[f"{layer}.weight"]
        found[f"{layer}.weight"] = weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
        found[f"{layer}.bias"] = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    return found
