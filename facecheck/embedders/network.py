"""Any torch network as an embedder: the declared preprocessing, then the network, in batches on its device."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from facecheck.embedders import Crops, Embedder, Embeddings
from facecheck.embedders.preprocessing import MINUS_1_TO_1, UNIT_LENGTH, Channels, Postprocessing, Preprocessing
from facecheck.errors import ModelError

__all__ = ["PRECISIONS", "NetworkEmbedder", "Precision", "Probeable", "usual_batch"]

Precision = Literal["fp32", "bf16", "fp16"]
PRECISIONS: dict[str, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_CPU_BATCH, _GPU_BATCH = 16, 64
_SHOWN = 4  # parts of what a network gave
_OVERFLOW = 1e18  # the square of a larger one, summed up, exceeds fp32


def usual_batch(device: torch.device) -> int:
    """Return how many crops a network is given at once, at most: 16 on a CPU, 64 on a GPU."""
    return _GPU_BATCH if device.type == "cuda" else _CPU_BATCH


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

    def with_postprocessing(self, postprocessing: Postprocessing) -> NetworkEmbedder:
        """Return the same network, not a copy of it, whose vectors are treated otherwise."""
        other = copy.copy(self)
        other._postprocessing = postprocessing  # noqa: SLF001 - a copy of this object
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
            return _unit_length(vectors)
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
        try:
            with torch.autocast(self._device.type, dtype=reduced, enabled=reduced is not torch.float32):
                answer: object = self.network(scaled)
        except (ModelError, MemoryError, torch.OutOfMemoryError):
            raise
        except (Exception, SystemExit) as error:  # a network of the user's own may raise anything
            raise ModelError(
                f"the network failed on {tuple(scaled.shape)} pixels: {type(error).__name__}: {first_line(error)}"
            ) from error
        return _vectors(answer, len(scaled))


def _vectors(answer: object, count: int) -> Tensor:
    """Return what a network gave as ``(n, d)`` float32."""
    fits = isinstance(answer, Tensor) and answer.ndim == 2 and len(answer) == count and bool(answer.shape[1])  # noqa: PLR2004
    if not isinstance(answer, Tensor) or not (fits or not count):
        raise ModelError(
            f"the network gave {_described(answer)} for {count} crops: expected one tensor (n, d), a vector for each "
            "crop. Choose the one output that is the embedding in a module around it"
        )
    if answer.is_complex() or answer.layout is not torch.strided:
        raise ModelError(f"the network gave {_described(answer)}: expected real numbers in a dense tensor")
    return answer.float()


def _described(answer: object) -> str:
    """Say what came, in a few words.

    >>> _described((torch.zeros(2, 3), None)), _described({"embedding": torch.zeros(2)})
    ('a tuple of Tensor (2, 3), NoneType', "a dict of 'embedding': Tensor (2,)")
    """
    if isinstance(answer, Tensor | np.ndarray):
        return f"{type(answer).__name__} {tuple(answer.shape)}"
    if isinstance(answer, Mapping):
        parts = [f"{key!r}: {_described(value)}" for key, value in list(answer.items())[:_SHOWN]]
        return f"a {type(answer).__name__} of {', '.join(parts)}"
    if isinstance(answer, list | tuple):
        return f"a {type(answer).__name__} of {', '.join(map(_described, answer[:_SHOWN]))}"
    return type(answer).__name__


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, at most 300 letters."""
    return str(error).strip().partition("\n")[0][:300]


def _unit_length(vectors: Tensor) -> Embeddings:
    """Return vectors of length one.

    Raises:
        ModelError: numbers so large that their squares overflow, which would leave zeros.
    """
    scaled = np.asarray(nn.functional.normalize(vectors).cpu().numpy())
    if scaled.size and not scaled.any(axis=1).all():
        largest = float(vectors.abs().max())
        if largest > _OVERFLOW:
            raise ModelError(
                f"the network answers up to {largest:.0e}, too large to be scaled to length one in fp32: expected "
                "numbers below 1e18. Are its weights damaged, or the pixels' range another?"
            )
    return scaled
