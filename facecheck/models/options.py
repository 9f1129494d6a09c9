"""The values of a specification's options: each is parsed, or refused by its name."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, TypeVar

from facecheck.detection.selection import FacePolicy
from facecheck.embedders.distances import CENTRES, Centre
from facecheck.embedders.preprocessing import FLIPS, IMAGENET, Channels, Flip
from facecheck.errors import ModelError, nearest

__all__ = [
    "FACE_OPTIONS",
    "RANDOM",
    "DetectorName",
    "Options",
    "centre",
    "channels",
    "check_values",
    "choice",
    "chosen_detector",
    "flip",
    "margin",
    "policy",
    "switch",
    "threshold",
    "weights",
]

Options = Mapping[str, str]
Word = TypeVar("Word", bound=str)
_POLICY_FIELDS = {"policy": "select", "fallback": "fallback"}
FACE_OPTIONS = frozenset({*_POLICY_FIELDS, "detector"})
RANDOM = "random"  # in place of a file of weights: a network that was never trained

DetectorName = Literal["mtcnn", "facenet-pytorch", "hog", "none"]
DETECTORS: tuple[DetectorName, ...] = ("mtcnn", "facenet-pytorch", "hog", "none")


def policy(options: Options) -> FacePolicy:
    """Return which face is taken: ``policy`` and ``fallback``."""
    return FacePolicy(**{field: options[name] for name, field in _POLICY_FIELDS.items() if name in options})


def chosen_detector(options: Options) -> DetectorName | None:
    """Return which detector ``detector`` names, None if not given."""
    return choice(options, "detector", DETECTORS, DETECTORS[0]) if "detector" in options else None


def choice(options: Options, name: str, known: Iterable[Word], default: Word) -> Word:
    """Return the option's word.

    Raises:
        ModelError: a word that is not known.
    """
    given = options.get(name, default)
    for word in known:
        if word == given:
            return word
    raise ModelError(f"{name}={given}: unknown. {nearest(given, known)}")


def flip(options: Options) -> Flip:
    """Return what is done with the mirrored crop's vector."""
    return choice(options, "flip", FLIPS, "none")


def centre(options: Options) -> Centre:
    """Return what is subtracted from the vectors before they are compared."""
    return choice(options, "centre", CENTRES, "none")


def switch(options: Options, name: str, *, default: bool) -> bool:
    """Return whether ``name=yes``."""
    return choice(options, name, ("yes", "no"), "yes" if default else "no") == "yes"


def margin(options: Options, *, size: int, default: int) -> int:
    """Return the box's margin in pixels of the finished crop.

    Raises:
        ModelError: not whole pixels, or not fewer than the crop has.
    """
    given = options.get("margin", str(default))
    if not re.fullmatch(r"\d{1,4}", given) or int(given) >= size:
        raise ModelError(f"margin={given}: expected whole pixels of the {size} px crop, 0 to {size - 1}")
    return int(given)


def channels(options: Options, name: str) -> Channels | None:
    """Return three numbers, or one for all three channels; None if not given.

    They are spelt ``127.5``, ``123.7/116.3/103.5``, ``123.7,116.3,103.5``, or ``imagenet`` for the mean or the
    standard deviation that torchvision's networks take, on the scale 0..255.

    Raises:
        ModelError: anything else.
    """
    if name not in options:
        return None
    given = options[name].strip().lower()
    if given == "imagenet":
        return {"mean": IMAGENET.mean, "std": IMAGENET.std}[name]
    try:
        numbers = [float(number) for number in re.split("[/,]", given)]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 3) or not all(map(math.isfinite, numbers)):
        raise ModelError(
            f"{name}={options[name]}: expected one number on the scale 0..255, three finite numbers joined by / or "
            "commas, or imagenet"
        )
    first, *others = numbers
    second, third = others or (first, first)
    return first, second, third


def threshold(options: Options, default: float | None) -> float | None:
    """Return the largest distance that is taken for one person.

    A mirrored crop's vector or a subtracted mean changes every distance, so that a default that was chosen without them
    does not apply.

    Raises:
        ModelError: not a distance.
    """
    if "threshold" not in options:
        return default if flip(options) == centre(options) == "none" else None
    try:
        given = float(options["threshold"])
    except ValueError:
        given = math.nan
    if not 0 <= given < math.inf:
        raise ModelError(f"threshold={options['threshold']}: expected a distance, 0 or more")
    return given


def check_values(options: Options) -> None:
    """Refuse values that no model could take, before a model is built.

    Raises:
        ModelError: by the option's name.
    """
    policy(options)
    chosen_detector(options)
    flip(options)
    centre(options)
    threshold(options, None)
    for name in ("mean", "std"):
        channels(options, name)
    file = weights(options)
    if file is not None and str(file) != RANDOM and not file.is_file():
        raise ModelError(f"weights={options['weights']}: no such file")


def weights(options: Options) -> Path | None:
    """Return the file that ``weights`` names, None if not given."""
    return Path(options["weights"]).expanduser() if "weights" in options else None
