"""Any torch network as an embedder: the declared preprocessing, then the network, in batches on its device."""

from __future__ import annotations

import copy
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

    Pictures are stored channels last, which most networks compute fastest in. A network that cannot, such as one that
    flattens with ``x.view(n, -1)``, is found at its first batch and gets contiguous tensors from then on.

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
        self.network = network.eval().requires_grad_(requires_grad=False).to(device)
        self._store(torch.channels_last)
        self._device = device
        self._precision = precision
        self._expect(preprocessing)
        self._postprocessing = postprocessing

    def _store(self, layout: torch.memory_format) -> None:
        """Keep weights, and from now on pictures, in this order."""
        with torch.inference_mode(mode=False):
            self.network.to(memory_format=layout)
        self._layout = layout

    def _expect(self, preprocessing: Preprocessing) -> None:
        self._colour = preprocessing.colour
        self._mean, self._std = (self._by_channel(numbers) for numbers in (preprocessing.mean, preprocessing.std))

    def _by_channel(self, numbers: Channels) -> Tensor:
        return torch.tensor(numbers, device=self._device).reshape(1, 3, 1, 1)

    @property
    def takes_bytes(self) -> bool:
        """Whether the network takes pixels as they are, so that its range cannot be another."""
        return bool(getattr(self.network, "takes_bytes", False))

    def with_preprocessing(self, preprocessing: Preprocessing) -> NetworkEmbedder:
        """Return the same network, not a copy of it, with another preprocessing."""
        other = copy.copy(self)
        other._expect(preprocessing)  # noqa: SLF001 - a copy of this object
        return other

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
        if self._layout is torch.contiguous_format:
            return self._forward(scaled.contiguous())
        try:
            return self._forward(scaled)
        except torch.OutOfMemoryError:
            raise
        except Exception:  # noqa: BLE001 - a network's code may raise anything about an order that it does not expect
            self._store(torch.contiguous_format)
            try:
                return self._forward(scaled.contiguous())
            except Exception:
                self._store(torch.channels_last)  # the order is not what it cannot bear
                raise

    def _forward(self, scaled: Tensor) -> Tensor:
        reduced = PRECISIONS[self._precision]
        with torch.autocast(self._device.type, dtype=reduced, enabled=reduced is not torch.float32):
            vectors: Tensor = self.network(scaled)
        return vectors.float()
