"""dlib's face descriptor network in torch: the same weights and numbers, ten times faster, on any device.

dlib computes descriptors on one core, with the interpreter's lock held, in about 100 ms a face. Here its
29-layer ResNet is read out of dlib's own file and run by torch; the tests check that the two agree within
1e-6. Two things differ from a usual ResNet: convolutions with stride 2 have no padding, and where the two
branches of a block differ in size or channels the smaller one is padded with zeros.

Source: Davis King, dlib's examples/dnn_face_recognition_ex.cpp.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own idiom
from torch import Tensor, nn

__all__ = ["DlibResnet", "parse"]

_MEAN = (122.782, 117.001, 104.298)
_SCALE = 256.0
# Channels of each block and whether it halves the picture.
_BLOCKS = (
    *[(32, False)] * 3,
    *[(64, True), *[(64, False)] * 3],
    *[(128, True), *[(128, False)] * 2],
    *[(256, True), *[(256, False)] * 2],
    (256, True),
)
_DIMENSIONS = 128
_MAX_INTEGER_BYTES = 8


class DlibResnet(nn.Module):
    """The network of dlib's ``face_recognition_model_v1``: (n, 3, 150, 150) RGB 0..255 to (n, 128)."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 7, stride=2)
        channels = [32, *(channels for channels, _ in _BLOCKS)]
        self.blocks = nn.ModuleList(
            _Block(before, after, halves=halves) for before, (after, halves) in zip(channels[:-1], _BLOCKS, strict=True)
        )
        self.head = nn.Linear(channels[-1], _DIMENSIONS, bias=False)
        self.register_buffer("mean", torch.tensor(_MEAN).reshape(1, 3, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return descriptors, not normalised, as dlib gives them."""
        features = F.max_pool2d(F.relu(self.stem((pixels - self.mean) / _SCALE)), 3, 2)
        for block in self.blocks:
            features = block(features)
        descriptors: Tensor = self.head(features.mean((2, 3)))
        return descriptors


class _Block(nn.Module):
    def __init__(self, before: int, after: int, *, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        self.first = nn.Conv2d(before, after, 3, stride=2 if halves else 1, padding=0 if halves else 1)
        self.second = nn.Conv2d(after, after, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        refined = self.second(F.relu(self.first(features)))
        kept = F.avg_pool2d(features, 2, 2) if self.halves else features
        shape = [max(a, b) for a, b in zip(refined.shape, kept.shape, strict=True)]
        return F.relu(_padded(refined, shape) + _padded(kept, shape))


def _padded(features: Tensor, shape: list[int]) -> Tensor:
    if list(features.shape) == shape:
        return features
    _, channels, height, width = features.shape
    return F.pad(features, (0, shape[3] - width, 0, shape[2] - height, 0, shape[1] - channels))


def parse(content: bytes) -> dict[str, npt.NDArray[np.float32]]:
    """Read the state dict of :class:`DlibResnet` out of ``dlib_face_recognition_resnet_model_v1.dat``.

    dlib writes the layers in the order of the forward pass, each under its name; the affine layers that
    follow the convolutions are folded into them.

    Raises:
        ValueError: the bytes do not hold this network.
    """
    convolutions, position = [], 0
    for _ in range(1 + 2 * len(_BLOCKS)):
        convolution = _layer(content, b"con_4", position)
        affine = _layer(content, b"affine_", convolution.stop)
        convolutions.append((convolution.values, affine.values))
        position = affine.stop
    head = _layer(content, b"fc_2", position, skip=2).values
    if len(head) % _DIMENSIONS:
        raise ValueError("the last layer does not give 128 numbers")
    state = {"head.weight": np.ascontiguousarray(head.reshape(-1, _DIMENSIONS).T)}
    names = ["stem", *(f"blocks.{i}.{part}" for i in range(len(_BLOCKS)) for part in ("first", "second"))]
    for name, (filters, scale_and_shift) in zip(names, convolutions, strict=True):
        scale, shift = np.split(scale_and_shift, 2)
        weight, bias = filters[: -len(scale)].reshape(len(scale), -1), filters[-len(scale) :]
        side = 7 if name == "stem" else 3
        state[f"{name}.weight"] = (weight * scale[:, None]).reshape(len(scale), -1, side, side)
        state[f"{name}.bias"] = bias * scale + shift
    return state


class _Layer(NamedTuple):
    values: npt.NDArray[np.float32]
    stop: int


def _layer(content: bytes, name: bytes, start: int, skip: int = 0) -> _Layer:
    """Find the next layer of this name and read its parameters, after ``skip`` integers."""
    found = content.find(bytes([1, len(name)]) + name, start)
    if found < 0:
        raise ValueError(f"no layer {name.decode()} after byte {start}: not dlib's face recognition network")
    position = found + 2 + len(name)
    for _ in range(skip):
        _, position = _integer(content, position)
    sizes = []
    for _ in range(5):  # a version, then samples, channels, rows, columns
        size, position = _integer(content, position)
        sizes.append(size)
    count = int(np.prod(sizes[1:]))
    if not 0 < 4 * count <= len(content) - position:
        raise ValueError(f"layer {name.decode()} at byte {found} claims {count} numbers: damaged or truncated")
    return _Layer(np.frombuffer(content, "<f4", count, position).astype(np.float32), position + 4 * count)


def _integer(content: bytes, position: int) -> tuple[int, int]:
    """Read dlib's integer: a byte that holds the length, then as many bytes, low ones first."""
    length = content[position] & 0x0F if position < len(content) else 0
    if not 0 < length <= _MAX_INTEGER_BYTES:
        raise ValueError(f"no integer at byte {position}: damaged or truncated")
    return int.from_bytes(content[position + 1 : position + 1 + length], "little"), position + 1 + length
