"""Models with a fault, as a team makes them by accident: what the gate has to catch."""

from torch import Tensor, nn

from facecheck.align import BoxCrop
from facecheck.embedders import facenet
from facecheck.models import Settings, torch_recognizer
from facecheck.recognizer import Recognizer

__all__ = ["bgr", "raw", "sound", "unit"]

NAME = "facenet-casia-webface"  # a new export of a model answers for the model's promises
THRESHOLD = 1.13
STD = (128.0, 128.0, 128.0)


class Swapped(nn.Module):
    """Channels in the order of OpenCV."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the embeddings of the swapped picture."""
        vectors: Tensor = self.network(pixels.flip(1))
        return vectors


def sound(settings: Settings) -> Recognizer:
    """Return the model as it should be."""
    return torch_recognizer(NAME, facenet.casia_webface(), settings, std=STD, threshold=THRESHOLD, aligner=BoxCrop())


def bgr(settings: Settings) -> Recognizer:
    """Return the model fed BGR."""
    network = Swapped(facenet.casia_webface())
    return torch_recognizer(NAME, network, settings, std=STD, threshold=THRESHOLD, aligner=BoxCrop())


def unit(settings: Settings) -> Recognizer:
    """Return the model fed 0..1, as torchvision's ToTensor gives."""
    return torch_recognizer(
        NAME,
        facenet.casia_webface(),
        settings,
        mean=(0.0, 0.0, 0.0),
        std=(255.0, 255.0, 255.0),
        threshold=THRESHOLD,
        aligner=BoxCrop(),
    )


def raw(settings: Settings) -> Recognizer:
    """Return the model fed 0..255."""
    return torch_recognizer(
        NAME,
        facenet.casia_webface(),
        settings,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        threshold=THRESHOLD,
        aligner=BoxCrop(),
    )
