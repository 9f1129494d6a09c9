"""Any torch network as an embedder: the declared preprocessing, then the network, in batches on its device."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import nn

from facecheck.embedders import Crops, Embeddings

__all__ = ["PRECISIONS", "Colour", "NetworkEmbedder", "Precision"]

Colour = Literal["rgb", "bgr"]
Precision = Literal["fp32", "bf16", "fp16"]
PRECISIONS: dict[str, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class NetworkEmbedder:
    """A network that takes (n, 3, s, s) floats and gives (n, d).

    Args:
        network: put into evaluation mode and moved to the device.
        device: where it runs.
        precision: ``fp32``, or the type that autocast computes in.
        mean: taken from each channel of 0..255, in the network's channel order.
        std: each channel is divided by it.
        colour: the channel order that the network was trained on.
        l2: whether embeddings are scaled to length one.
    """

    def __init__(  # noqa: PLR0913 - a contract has this many parts, all named
        self,
        network: nn.Module,
        *,
        device: torch.device,
        precision: Precision = "fp32",
        mean: tuple[float, float, float] = (127.5, 127.5, 127.5),
        std: tuple[float, float, float] = (127.5, 127.5, 127.5),
        colour: Colour = "rgb",
        l2: bool = True,
    ) -> None:
        network = network.eval().requires_grad_(requires_grad=False).to(device)
        self.network = network.to(memory_format=torch.channels_last)
        self._device = device
        self._type = PRECISIONS[precision]
        self._mean = torch.tensor(mean, device=device).reshape(1, 3, 1, 1)
        self._std = torch.tensor(std, device=device).reshape(1, 3, 1, 1)
        self._colour = colour
        self._l2 = l2

    @torch.inference_mode()
    def embed(self, crops: Crops) -> Embeddings:
        """Return ``(n, d)`` float32 for ``(n, s, s, 3)`` uint8 RGB crops."""
        # The stored order is already channels last: permuting moves no pixel.
        stored = torch.from_numpy(np.require(crops, requirements=("C", "W")))
        pixels = stored.to(self._device, non_blocking=True).permute(0, 3, 1, 2)
        if self._colour == "bgr":
            pixels = pixels.flip(1)
        scaled = (pixels.float() - self._mean) / self._std
        with torch.autocast(self._device.type, dtype=self._type, enabled=self._type is not torch.float32):
            vectors = self.network(scaled)
        vectors = vectors.float()
        if self._l2:
            vectors = nn.functional.normalize(vectors)
        return np.asarray(vectors.cpu().numpy())
