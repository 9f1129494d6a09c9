"""Any torch network as an embedder: the declared preprocessing, then the network, in batches on its device."""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from facecheck.embedders import Crops, Embedder, Embeddings
from facecheck.embedders.preprocessing import MINUS_1_TO_1, UNIT_LENGTH, Channels, Postprocessing, Preprocessing

__all__ = ["PRECISIONS", "NetworkEmbedder", "Precision", "Probeable"]

Precision = Literal["fp32", "bf16", "fp16"]
PRECISIONS: dict[str, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@runtime_checkable
class Probeable(Protocol):
    """An embedder that can be asked what it would answer with other preprocessing."""

    def with_preprocessing(self, preprocessing: Preprocessing) -> Embedder:
        """Return the same network with another preprocessing."""
        ...


class NetworkEmbedder:
    """A network that takes (n, 3, s, s) floats and gives (n, d).

    Args:
        network: put into evaluation mode and moved to the device.
        device: where it runs.
        precision: ``fp32``, or the type that autocast computes in.
        preprocessing: what is done with the pixels first.
        postprocessing: what is done with the network's vectors.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        device: torch.device,
        precision: Precision = "fp32",
        preprocessing: Preprocessing = MINUS_1_TO_1,
        postprocessing: Postprocessing = UNIT_LENGTH,
    ) -> None:
        network = network.eval().requires_grad_(requires_grad=False).to(device)
        self.network = network.to(memory_format=torch.channels_last)
        self._device = device
        self._precision = precision
        self._colour = preprocessing.colour
        self._mean, self._std = (self._by_channel(numbers) for numbers in (preprocessing.mean, preprocessing.std))
        self._postprocessing = postprocessing

    def _by_channel(self, numbers: Channels) -> Tensor:
        return torch.tensor(numbers, device=self._device).reshape(1, 3, 1, 1)

    @property
    def takes_bytes(self) -> bool:
        """Whether the network takes pixels as they are, so that its range cannot be another."""
        return bool(getattr(self.network, "takes_bytes", False))

    def with_preprocessing(self, preprocessing: Preprocessing) -> NetworkEmbedder:
        """Return the same network, not a copy of it, with another preprocessing."""
        return NetworkEmbedder(
            self.network,
            device=self._device,
            precision=self._precision,
            preprocessing=preprocessing,
            postprocessing=self._postprocessing,
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
        if self._postprocessing.flip == "mean":
            vectors = (vectors + self._run(scaled.flip(3))) / 2
        elif self._postprocessing.flip == "concat":
            vectors = torch.cat((vectors, self._run(scaled.flip(3))), dim=1)
        if self._postprocessing.l2:
            vectors = nn.functional.normalize(vectors)
        return np.asarray(vectors.cpu().numpy())

    def _run(self, scaled: Tensor) -> Tensor:
        reduced = PRECISIONS[self._precision]
        with torch.autocast(self._device.type, dtype=reduced, enabled=reduced is not torch.float32):
            vectors: Tensor = self.network(scaled)
        return vectors.float()
