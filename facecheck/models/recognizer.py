"""A complete face-recognition model: detector, policy, aligner, embedder and contract."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from facecheck.alignment import Aligner, crop_shape
from facecheck.detection.detector import Detector
from facecheck.detection.selection import ChosenFace, FacePolicy
from facecheck.embedders import Crops, Embedder, Embeddings
from facecheck.embedders.distances import CENTRES, DISTANCES, Centre
from facecheck.embedders.network import PRECISIONS, Precision, usual_batch
from facecheck.embedders.preprocessing import MINUS_1_TO_1, UNIT_LENGTH, Postprocessing, Preprocessing
from facecheck.errors import ModelError, nearest, printable
from facecheck.faces import Image
from facecheck.models.code import class_sha256
from facecheck.models.probe import Probed, probed

__all__ = ["Contract", "Recognizer", "probe_crops"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What the embedder declares about itself; every report shows it.

    Args:
        preprocessing: what is done with the pixels before the network.
        postprocessing: what is done with the network's vectors.
        distance: ``euclidean`` or ``cosine`` (1 - cosine).
        centre: what is subtracted from the vectors before they are compared: ``folds`` for the mean vector of the other
            folds' clean pairs, as FaceNet's published number was made, ``none`` for nothing.
        threshold: the largest distance that the model's users take for one person, None if it has none.
        weights_sha256: of the network's weights, empty where they are not known yet.

    Raises:
        ModelError: an unknown distance or centre, a threshold that is no distance, or a part of another type.
    """

    preprocessing: Preprocessing = MINUS_1_TO_1
    postprocessing: Postprocessing = UNIT_LENGTH
    distance: str = "euclidean"
    centre: Centre = "none"
    threshold: float | None = None
    weights_sha256: str = ""

    def __post_init__(self) -> None:
        """Refuse what is not understood: a contract that is ignored is a wrong result."""
        for name, kind in (("preprocessing", Preprocessing), ("postprocessing", Postprocessing)):
            if not isinstance(getattr(self, name), kind):
                raise ModelError(f"{name}={getattr(self, name)!r}: expected a {kind.__name__}")
        for name, value, known in (("distance", self.distance, DISTANCES), ("centre", self.centre, CENTRES)):
            if value not in known:
                raise ModelError(f"{name} {value!r} is unknown. {nearest(str(value), known)}")
        if self.threshold is not None:
            object.__setattr__(self, "threshold", _distance(self.threshold))
        if not isinstance(self.weights_sha256, str):
            raise ModelError(f"weights_sha256={self.weights_sha256!r}: expected a hash as text")

    def as_dict(self) -> dict[str, Any]:
        """Return every part by name, on one level, as reports and options name them.

        >>> list(Contract().as_dict())
        ['mean', 'std', 'colour', 'l2', 'flip', 'distance', 'centre', 'threshold', 'weights_sha256']
        """
        parts = dataclasses.asdict(self)
        return {**parts.pop("preprocessing"), **parts.pop("postprocessing"), **parts}


def _distance(threshold: object) -> float:
    given = math.nan if isinstance(threshold, bool) else threshold
    number = float(given) if isinstance(given, numbers.Real) else math.nan
    if not 0 <= number < math.inf:
        raise ModelError(f"threshold={threshold!r}: expected a distance, a number of 0 or more, or None")
    return number


@dataclass(frozen=True, kw_only=True)
class Recognizer:
    """A face-recognition model as its users run it.

    Args:
        name: short, for reports and graphs.
        detector: finds faces.
        policy: chooses one.
        aligner: cuts it out.
        embedder: turns the crop into a vector.
        contract: what the embedder expects and gives.
        device: where the networks run.
        precision: what they compute in.
        spec: the specification that :func:`~facecheck.models.build` made it from. Together with the device and the
            precision, ``build`` makes it again from that, in another process too. Empty for a recogniser that was
            made or changed otherwise.
        line: name that survives the model's versions, by which it finds its baseline; empty for the model's name.
        origin: what the network was made from, besides its weights: specification, code and settings. It outlives
            a change of the other parts, and belongs to the identity.

    Raises:
        ModelError: a name or a precision that is none.
    """

    name: str
    detector: Detector
    policy: FacePolicy
    aligner: Aligner
    embedder: Embedder
    contract: Contract
    device: torch.device
    precision: Precision = "fp32"
    spec: str = ""
    origin: str = ""
    line: str = ""

    def __post_init__(self) -> None:
        """Refuse what reports cannot name."""
        if not isinstance(self.name, str) or not self.name.strip():
            raise ModelError(f"name={self.name!r}: expected a model's name, for reports and graphs")
        object.__setattr__(self, "name", printable(self.name))
        if self.precision not in PRECISIONS:
            raise ModelError(f"precision {self.precision!r} is unknown. {nearest(str(self.precision), PRECISIONS)}")

    @functools.cached_property
    def probe(self) -> Probed:
        """What the embedder answers to fixed crops, a few and a whole batch.

        Raises:
            ModelError: it does not give finite ``(n, d)`` float32, or answers differently each time.
        """
        return probed(
            self.name,
            self.embedder,
            probe_crops(crop_shape(self.aligner)),
            batch=usual_batch(self.device),
            precision=self.precision,
        )

    @property
    def fingerprint(self) -> str:
        """Hash of what the embedder answers to fixed crops: it changes when the function changes.

        The hash of the weights does not see a swapped channel or a quantised export in the user's own
        code; this does, so that a cached embedding is never taken for another model's.

        Raises:
            ModelError: the embedder does not give finite ``(n, d)`` float32.
        """
        return self.probe.fingerprint

    @property
    def doubts(self) -> tuple[str, ...]:
        """What the probe found that is no error, in words: answers that depend on the rest of the batch."""
        if not self.probe.alone:
            return ()
        told = (
            f"{self.name}: a crop's vector depends on the batch: in one of {self.probe.batch} its numbers changed by "
            f"up to {self.probe.alone:.1%} of the largest. Expected the same vector whatever else is in it"
        )
        return (told,)

    @functools.cached_property
    def identity(self) -> str:
        """Everything that an embedding depends on except the image, as one line of JSON; part of the cache's key.

        Two models that answer the probe alike are two all the same, unless weights, code and specification are equal.
        """
        contract = self.contract.as_dict()
        del contract["threshold"], contract["centre"]
        parts = {
            "detector": self.detector.identity,
            "policy": self.policy.identity,
            "aligner": self.aligner.identity,
            "contract": contract,
            "origin": self.origin,
            "embedder": class_sha256(type(self.embedder)),
            "fingerprint": self.fingerprint,
            "device": device_name(self.device),
            "precision": self.precision,
        }
        return json.dumps(parts, sort_keys=True)

    def cut(self, image: Image, face: ChosenFace, *, name: str) -> Image:
        """Return the crop of a face, of the aligner's shape.

        Args:
            image: ``(h, w, 3)``.
            face: in it.
            name: of the image, for messages.

        Raises:
            ModelError: the aligner cannot, or gives another shape than it says.
        """
        try:
            crop = self.aligner.align(image, face)
        except ModelError as error:
            raise ModelError(f"{self.name}: {name}: {error}") from error
        expected = (*crop_shape(self.aligner), 3)
        if not isinstance(crop, np.ndarray) or crop.shape != expected or crop.dtype != np.uint8:
            got = f"{crop.dtype} {crop.shape}" if isinstance(crop, np.ndarray) else type(crop).__name__
            raise ModelError(
                f"{self.name}: its aligner {self.aligner.identity} gave {got} for {name}; expected a crop of uint8 "
                f"{expected}, height, width and RGB, as its shape says"
            )
        return crop

    def embed(self, crops: Crops) -> Embeddings:
        """Return ``(n, d)`` float32 for crops of the aligner's shape, empty for none."""
        return self.embedder.embed(crops)


def device_name(device: torch.device) -> str:
    """Return ``cpu``, or the GPU's product name: embeddings of different chips differ in the last bits."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def probe_crops(shape: tuple[int, int]) -> Crops:
    """Return two fixed colourful crops ``(2, height, width, 3)``, smooth as photographs are."""
    height, width = shape
    rows, columns = np.mgrid[0:height, 0:width] / np.reshape(shape, (2, 1, 1))
    waves = [np.sin(2 * np.pi * (rows * a + columns * b) + c) for a, b, c in ((1, 0.5, 0), (0.5, 1.5, 1), (2, 1, 2))]
    first = np.stack(waves, axis=-1)
    pixels = np.stack((first, first[::-1, :, ::-1] ** 2 - 0.4))
    return np.clip(127.5 + 110 * pixels, 0, 255).astype(np.uint8)
