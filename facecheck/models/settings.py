"""The settings of a run, and recognisers around torch networks."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import nn

from facecheck.alignment import Aligner, BoxCrop, FivePoint
from facecheck.detection.detector import Detector
from facecheck.detection.mtcnn import Mtcnn
from facecheck.detection.selection import FacePolicy
from facecheck.embedders.distances import Centre
from facecheck.embedders.network import PRECISIONS, NetworkEmbedder, Precision
from facecheck.embedders.preprocessing import MINUS_1_TO_1, Channels, Colour, Flip, Postprocessing, Preprocessing
from facecheck.errors import ModelError, nearest
from facecheck.models.code import network_sha256
from facecheck.models.recognizer import Contract, Recognizer
from facecheck.storage.weights import state_sha256

__all__ = ["Settings", "network_recognizer", "torch_recognizer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a run sets for every model.

    Args:
        device: where networks run.
        precision: ``fp32``, ``bf16`` or ``fp16``.
    """

    device: torch.device
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        """Refuse an unknown precision."""
        if self.precision not in PRECISIONS:
            raise ModelError(f"precision {self.precision!r} is unknown. {nearest(self.precision, PRECISIONS)}")


def torch_recognizer(  # noqa: PLR0913 - a contract has this many parts, all named
    name: str,
    network: nn.Module,
    settings: Settings,
    *,
    mean: Channels = MINUS_1_TO_1.mean,
    std: Channels = MINUS_1_TO_1.std,
    colour: Colour = MINUS_1_TO_1.colour,
    l2: bool = True,
    flip: Flip = "none",
    distance: str = "euclidean",
    centre: Centre = "none",
    threshold: float | None = None,
    weights_sha256: str | None = None,
    detector: Detector | None = None,
    policy: FacePolicy | None = None,
    aligner: Aligner | None = None,
) -> Recognizer:
    """Return a recogniser around any torch network: what a user's own factory calls.

    Args:
        name: for reports.
        network: takes (n, 3, h, w) floats and gives (n, d).
        settings: as the factory received them.
        mean: taken from each channel of 0..255.
        std: each channel is divided by it.
        colour: channel order that the network was trained on.
        l2: whether embeddings are scaled to length one.
        flip: whether the mirrored crop's vector is averaged in (``mean``), appended (``concat``) or ``none``.
        distance: ``euclidean`` or ``cosine``.
        centre: ``folds`` to subtract the mean vector of the other folds before vectors are compared, or ``none``.
        threshold: the largest distance that is taken for one person.
        weights_sha256: of the file, for a network whose weights are not in its state dict.
        detector: MTCNN by default; with facenet-pytorch's results where the detector's box is cut out.
        policy: the most central face by default.
        aligner: five points at 112 px by default.
    """
    contract = Contract(
        preprocessing=Preprocessing(mean=mean, std=std, colour=colour),
        postprocessing=Postprocessing(l2=l2, flip=flip),
        distance=distance,
        centre=centre,
        threshold=threshold,
        weights_sha256=weights_sha256 or "",
    )
    return network_recognizer(
        name, network, settings, contract=contract, detector=detector, policy=policy, aligner=aligner
    )


def network_recognizer(  # noqa: PLR0913 - the parts of a recogniser, all named
    name: str,
    network: nn.Module,
    settings: Settings,
    *,
    contract: Contract,
    detector: Detector | None = None,
    policy: FacePolicy | None = None,
    aligner: Aligner | None = None,
) -> Recognizer:
    """Return a recogniser around a torch network, from a contract; the rest is as for :func:`torch_recognizer`.

    Args:
        name: for reports.
        network: takes (n, 3, h, w) floats and gives (n, d).
        settings: as the factory received them.
        contract: of the network; without a hash of its weights it gets that of the network's state dict.
        detector: MTCNN by default; with facenet-pytorch's results where the detector's box is cut out.
        policy: the most central face by default.
        aligner: five points at 112 px by default.
    """
    if not isinstance(network, nn.Module):
        raise ModelError(f"{name}: expected a torch network (torch.nn.Module), got {type(network).__name__}")
    origin = network_sha256(network)  # before it runs, so that counters in it do not change it
    embedder = NetworkEmbedder(
        network,
        device=settings.device,
        precision=settings.precision,
        preprocessing=contract.preprocessing,
        postprocessing=contract.postprocessing,
    )
    weights = contract.weights_sha256 or state_sha256(network.state_dict())
    return Recognizer(
        name=name,
        detector=detector or _usual_detector(aligner, settings.device),
        policy=policy or FacePolicy(),
        aligner=aligner or FivePoint(),
        embedder=embedder,
        contract=dataclasses.replace(contract, weights_sha256=weights),
        device=settings.device,
        precision=settings.precision,
        origin=origin,
    )


def _usual_detector(aligner: Aligner | None, device: torch.device) -> Detector:
    """Return MTCNN; FaceNet and what is cropped like it were published with facenet-pytorch's boxes."""
    return Mtcnn(device=device, beyond="stretched" if isinstance(aligner, BoxCrop) else "filled")
