"""Any torch network as an embedder: the declared preprocessing, then the network, in batches on its device."""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from facecheck.embedders import Crops, Embedder, Embeddings

__all__ = ["COLOURS", "FLIPS", "PRECISIONS", "Channels", "Colour", "Flip", "NetworkEmbedder", "Precision", "Probeable"]

Channels = tuple[float, float, float]
Colour = Literal["rgb", "bgr"]
COLOURS: tuple[Colour, ...] = ("rgb", "bgr")
Flip = Literal["none", "mean", "concat"]
FLIPS: tuple[Flip, ...] = ("none", "mean", "concat")
Precision = Literal["fp32", "bf16", "fp16"]
PRECISIONS: dict[str, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@runtime_checkable
class Probeable(Protocol):
    """An embedder that can be asked what it would answer if it were fed otherwise."""

    def with_contract(self, *, mean: Channels, std: Channels, colour: Colour) -> Embedder:
        """Return the same network with another preprocessing."""
        ...


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
        flip: what becomes of the mirrored crop's vector: ``mean`` averages it with the crop's own, as
            InsightFace does, ``concat`` puts it behind, as FaceNet does. Either is done before scaling.
    """

    def __init__(  # noqa: PLR0913 - a contract has this many parts, all named
        self,
        network: nn.Module,
        *,
        device: torch.device,
        precision: Precision = "fp32",
        mean: Channels = (127.5, 127.5, 127.5),
        std: Channels = (127.5, 127.5, 127.5),
        colour: Colour = "rgb",
        l2: bool = True,
        flip: Flip = "none",
    ) -> None:
        network = network.eval().requires_grad_(requires_grad=False).to(device)
        self.network = network.to(memory_format=torch.channels_last)
        self._device = device
        self._precision = precision
        self._mean = torch.tensor(mean, device=device).reshape(1, 3, 1, 1)
        self._std = torch.tensor(std, device=device).reshape(1, 3, 1, 1)
        self._colour = colour
        self._l2 = l2
        self._flip = flip

    def with_contract(self, *, mean: Channels, std: Channels, colour: Colour) -> NetworkEmbedder:
        """Return the same network, not a copy of it, with another preprocessing."""
        return NetworkEmbedder(
            self.network,
            device=self._device,
            precision=self._precision,
            mean=mean,
            std=std,
            colour=colour,
            l2=self._l2,
            flip=self._flip,
        )

    @torch.inference_mode()
    def embed(self, crops: Crops) -> Embeddings:
        """Return ``(n, d)`` float32 for ``(n, s, s, 3)`` uint8 RGB crops; ``(n, 2 d)`` if flips are concatenated."""
        # The stored order is already channels last: permuting moves no pixel.
        stored = torch.from_numpy(np.require(crops, requirements=("C", "W")))
        pixels = stored.to(self._device, non_blocking=True).permute(0, 3, 1, 2)
        if self._colour == "bgr":
            pixels = pixels.flip(1)
        scaled = (pixels.float() - self._mean) / self._std
        vectors = self._run(scaled)
        if self._flip == "mean":
            vectors = (vectors + self._run(scaled.flip(3))) / 2
        elif self._flip == "concat":
            vectors = torch.cat((vectors, self._run(scaled.flip(3))), dim=1)
        if self._l2:
            vectors = nn.functional.normalize(vectors)
        return np.asarray(vectors.cpu().numpy())

    def _run(self, scaled: Tensor) -> Tensor:
        reduced = PRECISIONS[self._precision]
        with torch.autocast(self._device.type, dtype=reduced, enabled=reduced is not torch.float32):
            vectors: Tensor = self.network(scaled)
        return vectors.float()
