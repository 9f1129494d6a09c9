"""MTCNN's three networks, with the weights that facenet-pytorch carries.

The layers have facenet-pytorch's names, so that its files load strictly. Its package is not imported: it
imports torchvision, and that imports torch's compiler, which takes longer than a warm run.

Source: Zhang et al., IEEE SPL 2016; facenet_pytorch.models.mtcnn.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from facecheck.storage.weights import package_file

__all__ = ["ONet", "PNet", "RNet", "load"]


class PNet(nn.Module):
    """Proposes: images (n, 3, h, w) to maps of shifts (n, 4, h', w') and probabilities (n, 2, h', w')."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 10, 3), nn.PReLU(10)
        self.conv2, self.prelu2 = nn.Conv2d(10, 16, 3), nn.PReLU(16)
        self.conv3, self.prelu3 = nn.Conv2d(16, 32, 3), nn.PReLU(32)
        self.conv4_1, self.conv4_2 = nn.Conv2d(32, 2, 1), nn.Conv2d(32, 4, 1)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return shifts and probabilities."""
        x = functional.max_pool2d(self.prelu1(self.conv1(pixels)), 2, 2, ceil_mode=True)
        x = self.prelu3(self.conv3(self.prelu2(self.conv2(x))))
        return self.conv4_2(x), self.conv4_1(x).softmax(1)


class RNet(nn.Module):
    """Refines coarsely: windows (n, 3, 24, 24) to shifts (n, 4) and probabilities (n, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 28, 3), nn.PReLU(28)
        self.conv2, self.prelu2 = nn.Conv2d(28, 48, 3), nn.PReLU(48)
        self.conv3, self.prelu3 = nn.Conv2d(48, 64, 2), nn.PReLU(64)
        self.dense4, self.prelu4 = nn.Linear(576, 128), nn.PReLU(128)
        self.dense5_1, self.dense5_2 = nn.Linear(128, 2), nn.Linear(128, 4)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return shifts and probabilities."""
        x = functional.max_pool2d(self.prelu1(self.conv1(pixels)), 3, 2, ceil_mode=True)
        x = functional.max_pool2d(self.prelu2(self.conv2(x)), 3, 2, ceil_mode=True)
        x = self.prelu4(self.dense4(_columns_first(self.prelu3(self.conv3(x)))))
        return self.dense5_2(x), self.dense5_1(x).softmax(1)


class ONet(nn.Module):
    """Decides: windows (n, 3, 48, 48) to shifts (n, 4), landmarks (n, 10) and probabilities (n, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 32, 3), nn.PReLU(32)
        self.conv2, self.prelu2 = nn.Conv2d(32, 64, 3), nn.PReLU(64)
        self.conv3, self.prelu3 = nn.Conv2d(64, 64, 3), nn.PReLU(64)
        self.conv4, self.prelu4 = nn.Conv2d(64, 128, 2), nn.PReLU(128)
        self.dense5, self.prelu5 = nn.Linear(1152, 256), nn.PReLU(256)
        self.dense6_1, self.dense6_2, self.dense6_3 = nn.Linear(256, 2), nn.Linear(256, 4), nn.Linear(256, 10)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return shifts, landmarks (five x, then five y) and probabilities."""
        x = functional.max_pool2d(self.prelu1(self.conv1(pixels)), 3, 2, ceil_mode=True)
        x = functional.max_pool2d(self.prelu2(self.conv2(x)), 3, 2, ceil_mode=True)
        x = functional.max_pool2d(self.prelu3(self.conv3(x)), 2, 2, ceil_mode=True)
        x = self.prelu5(self.dense5(_columns_first(self.prelu4(self.conv4(x)))))
        return self.dense6_2(x), self.dense6_3(x), self.dense6_1(x).softmax(1)


def _columns_first(x: Tensor) -> Tensor:
    """Flatten (n, c, h, w) in the order width, height, channel, as the weights were stored from Caffe."""
    return x.permute(0, 3, 2, 1).flatten(1)


def load(network: type[nn.Module], device: torch.device) -> nn.Module:
    """Return the network with facenet-pytorch's weights, in evaluation mode.

    Raises:
        ModelError: the package ``facenet_pytorch`` is not installed.
    """
    file = package_file("facenet_pytorch", "data", f"{network.__name__.lower()}.pt")
    made = network().eval().requires_grad_(requires_grad=False)
    made.load_state_dict(torch.load(file, map_location="cpu", weights_only=True), strict=True)
    return made.to(device).to(memory_format=torch.channels_last)
