"""Networks in files: ``onnx:``, ``torchscript:`` and ``export:``.

The contract of each is stated by its users, or known for the file.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from torch import nn

from facecheck.alignment import Aligner, BoxCrop, FivePoint, WholeImage, spelt_shape
from facecheck.detection.detector import Detector
from facecheck.detection.dlib_hog import DlibHog
from facecheck.embedders.archives import exported, scripted
from facecheck.embedders.distances import DISTANCES
from facecheck.embedders.onnx_network import LAYOUTS, OnnxNetwork, Ports
from facecheck.embedders.preprocessing import (
    COLOURS,
    ZERO_TO_255,
    Channels,
    Postprocessing,
    Preprocessing,
    spelt_channels,
)
from facecheck.errors import ModelError
from facecheck.models.known import ALIGNMENTS, FilePreset, Known, Template, known
from facecheck.models.options import (
    FACE_OPTIONS,
    Options,
    channels,
    check_values,
    choice,
    flip,
    margin,
    policy,
    switch,
    threshold,
)
from facecheck.models.published import dlib_chip
from facecheck.models.recognizer import Contract, Recognizer
from facecheck.models.settings import Settings, network_recognizer
from facecheck.specs import Spec
from facecheck.storage.weights import file_sha256

__all__ = ["FILE_KINDS", "build_file", "check_file", "crop_size", "crop_template"]

_CONTRACT = ("size", "mean", "std", "colour", "align", "l2", "distance", "template")
_OPTIONS = FACE_OPTIONS | {*_CONTRACT, "margin", "flip", "centre", "threshold", "name", "contract"}
_WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "layout": LAYOUTS,
        "contract": ("known", "mine"),
        "align": ALIGNMENTS,
        "colour": COLOURS,
        "distance": tuple(DISTANCES),
        "l2": ("yes", "no"),
    }
)
# What does not distinguish two variants of a file at a glance; all of it stands in the contract.
_UNNAMED = frozenset({*_CONTRACT, "threshold", "name", "contract", "layout"}) - {"colour", "align"}
_MAX_SIDE = 1024
_SIZE = re.compile(r"([0-9]{1,4})(?:[xX]([0-9]{1,4}))?")
_POINTS = 5


@dataclass(frozen=True, slots=True)
class _Opened:
    """A file's network.

    Args:
        network: takes (n, 3, h, w) floats.
        sha256: of the file, with the files beside it.
        shape: height and width of the crop that the file declares, None if it does not.
        takes_bytes: whether it takes pixels as they are, its preprocessing being a part of it.
    """

    network: nn.Module
    sha256: str
    shape: tuple[int, int] | None
    takes_bytes: bool = False


def _open_onnx(path: Path, settings: Settings, options: Options) -> _Opened:
    if settings.precision != "fp32":
        raise ModelError(
            f"{path}: an ONNX file computes in the numbers that it was exported in: --facecheck-precision "
            f"{settings.precision} would not change it. Export it in {settings.precision}, or leave the option out"
        )
    layout = choice(options, "layout", LAYOUTS, "nchw") if "layout" in options else None
    network = OnnxNetwork(path, device=settings.device, layout=layout, ports=_ports(options))
    return _Opened(network, network.sha256, network.crop_shape, network.takes_bytes)


def _ports(options: Options) -> Ports:
    """Return the inputs and outputs that are named: ``input``, ``output`` and ``constants=NAME:VALUE;NAME:VALUE``.

    Raises:
        ModelError: a constant without its value.
    """
    constants: dict[str, str] = {}
    for part in options["constants"].split(";") if "constants" in options else ():
        name, colon, value = part.rpartition(":")
        if not (name and colon and value) or name in constants:
            raise ModelError(
                f"constants={options['constants']}: expected the values of further inputs, NAME:VALUE, each once, "
                "joined by ;"
            )
        constants[name] = value
    return Ports(picture=options.get("input", ""), vector=options.get("output", ""), constants=constants)


def _open_script(path: Path, settings: Settings, options: Options) -> _Opened:  # noqa: ARG001 - every kind has this form
    network = scripted(path, settings.device)
    return _Opened(network, file_sha256(path), network.crop_shape)


def _open_export(path: Path, settings: Settings, options: Options) -> _Opened:  # noqa: ARG001
    network = exported(path, settings.device)
    return _Opened(network, file_sha256(path), network.crop_shape)


_Open = Callable[[Path, Settings, Options], _Opened]
FILE_KINDS: Mapping[str, tuple[_Open, frozenset[str]]] = MappingProxyType(
    {
        "onnx": (_open_onnx, _OPTIONS | {"layout", "input", "output", "constants"}),
        "torchscript": (_open_script, _OPTIONS),
        "export": (_open_export, _OPTIONS),
    }
)


def check_file(spec: Spec) -> None:
    """Refuse a specification that cannot name a network in a file, without opening it.

    Raises:
        ModelError: an unknown option, a value that no network could take, or no file.
    """
    spec.refuse_unknown(sorted(FILE_KINDS[spec.kind][1]))
    options = spec.options
    check_values(options)
    _ports(options)
    margin(options, size=min(crop_size(options) or (_MAX_SIDE,)), default=0)
    for name, known_words in _WORDS.items():
        choice(options, name, known_words, known_words[0])
    if not spec.path:
        raise ModelError(f"{spec.text!r}: expected a file, {spec.kind}:/path/to/file")
    if not Path(spec.path).expanduser().is_file():
        raise ModelError(f"{spec.text}: no such file: {spec.path}")


def build_file(spec: Spec, settings: Settings) -> Recognizer:
    """Return the recogniser around the network in a file.

    Raises:
        ModelError: not such a file, a contract that is not stated, or one that contradicts what is known of it.
    """
    check_file(spec)
    path, options = Path(spec.path).expanduser(), spec.options
    opened = FILE_KINDS[spec.kind][0](path, settings, options)
    if opened.shape is not None and max(opened.shape) > _MAX_SIDE:
        raise ModelError(
            f"{spec.text}: the network declares crops of {spelt_shape(opened.shape)} px: expected at most "
            f"{_MAX_SIDE} px. Is it a face-recognition network?"
        )
    preset = _preset(spec, path, opened)
    if opened.shape not in (None, preset.shape):
        raise ModelError(
            f"{spec.text}: the network takes crops of {spelt_shape(opened.shape)} px, size={spelt_shape(preset.shape)} "
            "was asked for"
        )
    detector, aligner = _aligned(preset, options)
    contract = preset.contract
    return network_recognizer(
        _name(path, options),
        opened.network,
        settings,
        contract=dataclasses.replace(
            contract,
            postprocessing=dataclasses.replace(contract.postprocessing, flip=flip(options)),
            threshold=threshold(options, contract.threshold),
            weights_sha256=opened.sha256,
        ),
        detector=detector,
        policy=policy(options),
        aligner=aligner,
    )


def _name(path: Path, options: Options) -> str:
    shown = "&".join(f"{key}={value}" for key, value in options.items() if key not in _UNNAMED)
    return options.get("name") or "?".join(filter(None, (path.stem, shown)))


def _preset(spec: Spec, path: Path, opened: _Opened) -> FilePreset:
    family = known(path, opened.sha256)
    whose = choice(spec.options, "contract", ("known", "mine"), "known" if family else "mine")
    if whose == "mine":
        return _stated(spec, opened)
    if family is None:
        raise ModelError(f"{spec.text}: contract=known, but this file is not known: state its contract")
    _refuse_contradiction(spec, family)
    return family.preset


def _stated(spec: Spec, opened: _Opened) -> FilePreset:
    """Return the preset that the options state; what has no customary value must be there."""
    options = spec.options
    mean, std = _mean_and_std(spec, opened)
    shape = crop_size(options) or opened.shape
    missing = [name for name, value in (("size", shape), ("mean", mean), ("std", std)) if value is None]
    if shape is None or mean is None or std is None:
        raise ModelError(
            f"{spec.text}: what is this network's preprocessing? State {', '.join(missing)}: {spec.kind}:{spec.path}?"
            "size=112&mean=127.5&std=127.5, on the scale 0..255 (and colour=bgr, align=box&margin=PIXELS or l2=no if "
            "it was trained so). With the wrong one it answers all the same, and worse"
        )
    return FilePreset(
        shape=shape,
        align=choice(options, "align", ALIGNMENTS, "5pt"),
        contract=Contract(
            preprocessing=Preprocessing(mean=mean, std=std, colour=choice(options, "colour", COLOURS, "rgb")),
            postprocessing=Postprocessing(l2=switch(options, "l2", default=True)),
            distance=choice(options, "distance", tuple(DISTANCES), "euclidean"),
        ),
        template=crop_template(options),
    )


def _mean_and_std(spec: Spec, opened: _Opened) -> tuple[Channels | None, Channels | None]:
    """Return what is stated; a network that takes bytes leaves no choice."""
    stated = channels(spec.options, "mean"), channels(spec.options, "std")
    if not opened.takes_bytes:
        return stated
    fixed = ZERO_TO_255.mean, ZERO_TO_255.std
    if any(given not in (None, only) for given, only in zip(stated, fixed, strict=True)):
        raise ModelError(
            f"{spec.text}: the network takes bytes, so that its preprocessing is a part of it: leave mean and std out"
        )
    return fixed


def crop_size(options: Options) -> tuple[int, int] | None:
    """Return height and width of ``size=112`` or ``size=112x96``, None if not given."""
    if "size" not in options:
        return None
    matched = _SIZE.fullmatch(options["size"])
    height, width = (int(matched[1]), int(matched[2] or matched[1])) if matched else (0, 0)
    if not (0 < height <= _MAX_SIDE and 0 < width <= _MAX_SIDE):
        raise ModelError(
            f"size={options['size']}: expected the crop's side in pixels, 1 to {_MAX_SIDE}, or height x width, such as "
            "112x96"
        )
    return height, width


def crop_template(options: Options) -> Template | None:
    """Return a template's name, or its five points from ten numbers, None if not given."""
    if "template" not in options:
        return None
    if "/" not in options["template"]:
        return options["template"]
    try:
        numbers = [float(number) for number in options["template"].split("/")]
    except ValueError:
        numbers = []
    if len(numbers) != 2 * _POINTS:
        raise ModelError(
            f"template={options['template']}: expected a name, or ten numbers joined by /: x and y of eyes, nose tip "
            "and mouth corners in pixels of the crop"
        )
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _refuse_contradiction(spec: Spec, family: Known) -> None:
    """Compare what was asked for with what is known; the same said twice is no contradiction."""
    options, preset = spec.options, family.preset
    expected = {"size": preset.shape, "align": preset.align, "template": preset.template, **preset.contract.as_dict()}
    given = {
        "size": crop_size(options),
        "template": crop_template(options),
        "mean": channels(options, "mean"),
        "std": channels(options, "std"),
        **{name: options.get(name) for name in ("colour", "align", "distance")},
        "l2": switch(options, "l2", default=True) if "l2" in options else None,
    }
    for name, value in given.items():
        if value is not None and value != expected[name]:
            takes = _spelt(name, expected[name])
            raise ModelError(
                f"{spec.text}: this file is known as {family.family}, which takes {name}={takes}, not "
                f"{name}={options[name]} ({family.source}). Leave {name} out; or, if it is another network of that "
                "name, say contract=mine and state all of its contract"
            )


def _spelt(name: str, value: object) -> str:
    if name == "template":
        return "of InsightFace's, as five points are by default"
    if name == "size" and isinstance(value, tuple):
        return spelt_shape(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return spelt_channels(value)
    return str(value)


def _aligned(preset: FilePreset, options: Options) -> tuple[Detector | None, Aligner]:
    if preset.align != "box" and "margin" in options:
        raise ModelError(f"margin={options['margin']}: only a box has a margin: say align=box")
    if preset.align != "5pt" and preset.template is not None:
        raise ModelError(f"template={options['template']}: only five points have a template: say align=5pt")
    if preset.align == "box":
        if "margin" not in options:
            raise ModelError(
                "align=box: state the margin that it was trained with, in pixels of the "
                f"{spelt_shape(preset.shape)} px crop"
            )
        return None, BoxCrop(preset.shape, margin=margin(options, size=min(preset.shape), default=0))
    if preset.align == "dlib":
        if preset.shape[0] != preset.shape[1]:
            raise ModelError(f"size={spelt_shape(preset.shape)}: dlib's chip is a square: say align=5pt or align=box")
        return DlibHog(upsample=1), dlib_chip(preset.shape[0])
    if preset.align == "none":
        return None, WholeImage(preset.shape)
    return None, FivePoint(preset.shape, template=preset.template)
