"""Models with a fault, as a team makes them by accident: what the gate has to catch.

Every one of them is FaceNet CASIA-WebFace under its own name: a new export answers for the model's promises.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import Tensor, nn

from facecheck.alignment import BoxCrop
from facecheck.detection.selection import ChosenFace
from facecheck.embedders import Crops, Embedder, Embeddings, facenet
from facecheck.embedders.inception_resnet import InceptionResnetV1
from facecheck.embedders.network import NetworkEmbedder
from facecheck.faces import Image
from facecheck.models import Settings, build, torch_recognizer
from facecheck.models.recognizer import Recognizer

__all__ = [
    "FAULTS",
    "bgr",
    "door",
    "door_in_threes",
    "door_unit",
    "half",
    "no_l2",
    "noise_1",
    "noise_5",
    "other_batch",
    "raw",
    "shifted",
    "sound",
    "tight",
    "unit",
    "wide",
]

FAULTS = {
    "bgr": "channels swapped",
    "unit": "0..1 instead of standardised",
    "raw": "0..255 instead of standardised",
    "no_l2": "embeddings left at their own length",
    "shifted": "crops shifted by 8 of 160 px",
    "tight": "margin 0 instead of 14",
    "wide": "margin 48 instead of 14",
    "half": "weights rounded to fp16",
    "noise_1": "noise of 1 % on the weights",
    "noise_5": "noise of 5 % on the weights",
}
_NAME = "facenet-casia-webface"
_THRESHOLD = 1.13
_SHIFT_PX = 8


class _Wrapped(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network


class Swapped(_Wrapped):
    """Channels in the order of OpenCV."""

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the embeddings of the swapped picture."""
        vectors: Tensor = self.network(pixels.flip(1))
        return vectors


class Unnormalised(_Wrapped):
    """The output of the last layer, before it is brought to length one."""

    def __init__(self, network: InceptionResnetV1) -> None:
        super().__init__(network)
        self.forward = network.features


class ShiftedCrop(BoxCrop):
    """An off-by-some error in somebody's cropping."""

    @property
    def identity(self) -> str:
        """Name and settings."""
        return f"shifted({_SHIFT_PX},{super().identity})"

    def align(self, image: Image, face: ChosenFace) -> Image:
        """Return the crop, moved by some pixels of its own."""
        moved = _SHIFT_PX / self.shape[0] * (face.box[2:] - face.box[:2])
        return super().align(image, dataclasses.replace(face, box=face.box + np.tile(moved, 2).astype(np.float32)))


def _model(
    settings: Settings,
    network: nn.Module | None = None,
    *,
    mean: float = 127.5,
    std: float = 128.0,
    l2: bool = True,
    aligner: BoxCrop | None = None,
) -> Recognizer:
    return torch_recognizer(
        _NAME,
        network or facenet.casia_webface(),
        settings,
        mean=(mean, mean, mean),
        std=(std, std, std),
        l2=l2,
        threshold=_THRESHOLD,
        aligner=aligner or BoxCrop(),
    )


def _noisy(share: float) -> nn.Module:
    """Return the network with noise on every weight, as large as this share of the layer's own spread."""
    network = facenet.casia_webface()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(share * weight.std() * torch.randn(weight.shape, generator=generator))
    return network


def sound(settings: Settings) -> Recognizer:
    """Return the model as it should be."""
    return _model(settings)


class Portions:
    """An embedder that gives its network few crops at once: another batch size, the same function."""

    def __init__(self, usual: Embedder, size: int) -> None:
        self._usual, self._size = usual, size

    def embed(self, crops: Crops) -> Embeddings:
        """Return ``(n, d)``, made of portions."""
        starts = range(0, max(1, len(crops)), self._size)
        return np.concatenate([self._usual.embed(crops[start : start + self._size]) for start in starts])


def other_batch(settings: Settings) -> Recognizer:
    """Return the sound model, its network given three crops at once."""
    made = _model(settings)
    return dataclasses.replace(made, embedder=Portions(made.embedder, 3))


def bgr(settings: Settings) -> Recognizer:
    """Return the model fed BGR."""
    return _model(settings, Swapped(facenet.casia_webface()))


def unit(settings: Settings) -> Recognizer:
    """Return the model fed 0..1, as torchvision's ToTensor gives."""
    return _model(settings, mean=0.0, std=255.0)


def raw(settings: Settings) -> Recognizer:
    """Return the model fed 0..255."""
    return _model(settings, mean=0.0, std=1.0)


def no_l2(settings: Settings) -> Recognizer:
    """Return the model without its last step."""
    return _model(settings, Unnormalised(facenet.casia_webface()), l2=False)


def shifted(settings: Settings) -> Recognizer:
    """Return the model whose crops lie beside the face."""
    return _model(settings, aligner=ShiftedCrop())


def tight(settings: Settings) -> Recognizer:
    """Return the model whose crops lack the margin."""
    return _model(settings, aligner=BoxCrop(margin=0))


def wide(settings: Settings) -> Recognizer:
    """Return the model whose crops have more than three times the margin."""
    return _model(settings, aligner=BoxCrop(margin=48))


def half(settings: Settings) -> Recognizer:
    """Return the model exported in half precision; what is computed with it stays fp32."""
    return _model(settings, facenet.casia_webface().half().float())


def noise_1(settings: Settings) -> Recognizer:
    """Return the model with a little noise on its weights."""
    return _model(settings, _noisy(0.01))


def noise_5(settings: Settings) -> Recognizer:
    """Return the model with more noise on its weights."""
    return _model(settings, _noisy(0.05))


# The story of a team, with dlib: fast, real, and in the registry. All belong to the line "door".


def door(settings: Settings) -> Recognizer:
    """Return dlib under the name of a product."""
    return dataclasses.replace(build("dlib", settings), name="door")


def door_in_threes(settings: Settings) -> Recognizer:
    """Return the same, its network given three crops at once."""
    made = door(settings)
    return dataclasses.replace(made, embedder=Portions(made.embedder, 3))


def door_unit(settings: Settings) -> Recognizer:
    """Return the same, fed 0..1: dlib's network takes 0..255 and scales by itself."""
    made = door(settings)
    fed = dataclasses.replace(made.contract.preprocessing, std=(255.0, 255.0, 255.0))
    assert isinstance(made.embedder, NetworkEmbedder)
    return dataclasses.replace(
        made,
        embedder=made.embedder.with_preprocessing(fed),
        contract=dataclasses.replace(made.contract, preprocessing=fed),
    )
