"""Is a network fed as it was trained? A probe before the run, over the bundled faces.

A network that is fed wrongly still answers, but worse: most wrong numbers in public issue trackers come from this.
Each part of the declared contract is therefore compared with its usual alternatives, and a finding is reported where
an alternative separates the identities clearly better.

Ordinary pictures hide such mistakes: a good network separates them even with its channels swapped. Each part is
probed under conditions where it matters, and genuine pairs cross from one condition to another:

* colour: one picture of each person as it is, and two in which lightness is nearly constant, so that only colour shows
  the face. A network finds the person only if it is fed the channels that it was trained on.
* range: one picture as it is, one dark, one pale. Fed in another range, exposure outweighs identity.
* alignment: pictures as they are, cropped in other ways.

The measure is d' of the squared distance over all pairs, genuine against impostor. It was calibrated on dlib's network,
FaceNet (CASIA-WebFace), EdgeFace XS and XXS and foamliu's MobileFaceNet: fed as they were trained, no alternative
reaches 1.06 times the declared d', and 1.25 is required for a finding. Swapped channels cost these networks a factor of
1.4 to 6.9, another range 1.3 or more, the whole picture in place of five points 2.8 or more. Two mistakes are not
detected: EdgeFace fed with 0..1 instead of -1..1, which costs it a factor of 1.12, and any alignment of FaceNet, which
is insensitive to alignment as long as the face fills the picture.

Of a data set one thing is looked at, for a model whose crops show what lies beyond a picture: how often a third of a
crop does, because the picture was cut too tightly to be aligned again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facecheck.alignment import AlignedBefore, Aligner, BoxCrop, DlibChip, FivePoint, WholeImage, crop_shape, outside
from facecheck.alignment.aligners import FACENET_MARGIN, FACENET_SIZE
from facecheck.datasets import Dataset, open_dataset
from facecheck.detection import ChosenFace, DlibHog, Mtcnn, NoDetector
from facecheck.embedders import Embeddings
from facecheck.embedders.distances import distance_between
from facecheck.embedders.network import NetworkEmbedder, Probeable
from facecheck.embedders.preprocessing import (
    COLOURS,
    IMAGENET,
    MINUS_1_TO_1,
    ZERO_TO_1,
    ZERO_TO_255,
    Preprocessing,
    spelt_channels,
)
from facecheck.errors import ModelError
from facecheck.faces import Face, Image
from facecheck.metrics import dprime
from facecheck.metrics.scores import Scores
from facecheck.models.recognizer import Recognizer
from facecheck.pipeline import Pipeline
from facecheck.pipeline.keys import stage_version
from facecheck.storage.cache import Cache, key

__all__ = ["Finding", "beyond_the_border", "preflight", "separations", "unprobed"]

_SAMPLE = "faces?part=sample"
_PEOPLE, _PICTURES = 12, 3
_MARGIN = 1.25  # times the declared contract's d'
_LEAST = 1.5  # d' of the better contract: below it nothing is distinguished, and ratios are noise
_FLAT = 0.15  # of the lightness' contrast that is left where colour is probed
_CONTRAST, _BRIGHT = 0.35, 165.0  # of dark and pale pictures; the middle of the pale ones
_MIDDLE = 127.5
_LIGHTNESS = np.array([0.299, 0.587, 0.114])  # Rec. 601
_BOX_MARGIN = FACENET_MARGIN / FACENET_SIZE  # of the crop's side
_BORDER_SAMPLE = 64  # pictures of a data set
_MUCH, _OFTEN = 1 / 3, 0.05  # share of a crop outside its picture, and of the crops of which that is true
_SAME = 2.0  # numbers of the scale 0..255 within which two ranges are one

_RANGES: Mapping[str, Preprocessing] = {
    "-1..1": MINUS_1_TO_1,
    "0..1": ZERO_TO_1,
    "0..255": ZERO_TO_255,
    "ImageNet's mean and std": IMAGENET,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A part of the contract that another value seems to fit better.

    Args:
        model: its name.
        part: ``colour``, ``range`` or ``align``.
        declared: what the contract says.
        better: what separates the identities better.
        declared_value: d' as declared.
        better_value: d' with the other.
        sentence: all of it, for a person.
    """

    model: str
    part: str
    declared: str
    better: str
    declared_value: float
    better_value: float
    sentence: str


def preflight(recognizer: Recognizer, *, cache: Cache | None = None) -> tuple[Finding, ...]:
    """Return where another contract separates identities clearly better than the declared one; mostly nowhere.

    It costs a detection of 36 small pictures and 324 embeddings, once: what was found is kept in the cache.

    Args:
        recognizer: the model.
        cache: kept results, or None.

    Raises:
        ModelError: the model cannot embed as declared.
    """
    entry = key("preflight", stage_version("embedding"), recognizer.identity, recognizer.name, _version())
    kept = cache.get([entry]) if cache is not None else {}
    if entry in kept:
        return tuple(Finding(**fields) for fields in json.loads(kept[entry]["findings"].tobytes()))
    found = tuple(_judged(recognizer, cache))
    if cache is not None:
        content = json.dumps([dataclasses.asdict(finding) for finding in found]).encode()
        cache.put({entry: {"findings": np.frombuffer(content, dtype=np.uint8)}})
    return found


def beyond_the_border(
    recognizer: Recognizer, dataset: Dataset, pipeline: Pipeline, *, cache: Cache | None = None
) -> str:
    """Return a warning where a data set's faces reach the border so often that alignment is in doubt, else nothing.

    That is where of more than one crop in twenty, of 64 pictures spread over the data set, over a third lies outside
    its picture: landmarks that lie at the border or beyond it are guessed by the detector. Of a data set that says that
    its pictures are aligned crops, none is looked at.

    Args:
        recognizer: the model; only an aligner that shows what lies beyond a picture can tell.
        dataset: whose pictures are looked at.
        pipeline: reads the pictures.
        cache: kept results, or None.
    """
    if isinstance(recognizer.detector, NoDetector) or dataset.templates is not None:  # whose points are listed
        return ""
    if dataset.aligned:
        return (
            f"{recognizer.name}, {dataset.name}: its pictures are already aligned crops, and the model looks for a "
            "face in each and aligns it again: say detector=none"
        )
    stages = (recognizer.detector.identity, recognizer.policy.identity, recognizer.aligner.identity)
    data = dataset.name, dataset.digest, pipeline.content_digest(dataset.faces)
    entry = key("border", stage_version("embedding"), _code(), recognizer.name, *stages, *data)
    kept = cache.get([entry]) if cache is not None else {}
    if entry in kept:
        return kept[entry]["sentence"].tobytes().decode()
    sentence = _border(recognizer, dataset, pipeline)
    if cache is not None:
        cache.put({entry: {"sentence": np.frombuffer(sentence.encode(), dtype=np.uint8)}})
    return sentence


def _border(recognizer: Recognizer, dataset: Dataset, pipeline: Pipeline) -> str:
    faces = dataset.faces
    some = [faces[row] for row in sorted({k * len(faces) // _BORDER_SAMPLE for k in range(_BORDER_SAMPLE)})]
    images = pipeline.images(some, len(some))
    chosen = [
        (image.shape, recognizer.policy.choose(found, image.shape))
        for image, found in zip(images, recognizer.detector.detect(images), strict=True)
    ]
    shares = [outside(recognizer.aligner, shape, face) for shape, face in chosen if face is not None]
    many = sum(share > _MUCH for share in shares)
    if not shares or many <= _OFTEN * len(shares):
        return ""
    return (
        f"{recognizer.name}, {dataset.name}: {many} of {len(shares)} crops lie by more than a third outside the "
        "picture: the faces reach the border, and their alignment is in doubt. Were the pictures cropped before? If "
        "they are already aligned for this model, say detector=none; otherwise use the pictures they were cut from"
    )


def unprobed(recognizer: Recognizer) -> str:
    """Return why parts of a contract cannot be probed, empty if all can."""
    if isinstance(recognizer.embedder, Probeable):
        return ""
    return (
        f"{recognizer.name}: its colour order and range were not probed, its alignment was: "
        f"{type(recognizer.embedder).__name__} has no with_preprocessing(preprocessing); see torch_recognizer"
    )


def separations(recognizer: Recognizer, *, cache: Cache | None = None) -> dict[str, dict[str, float]]:
    """Return for each part of the contract d' of each value, the declared one first.

    What cannot be measured, because faces are not found or answers are not finite, is left out.
    """
    pipeline, faces = Pipeline(cache=cache), _faces()
    recognizer = _with_detector(recognizer)
    found = {}
    for part, probes in _probes(recognizer).items():
        values = {name: _separation(pipeline, probe, faces) for name, probe in probes.items()}
        measured = {name: value for name, value in values.items() if value is not None}
        if measured and next(iter(measured)) == next(iter(values)):
            found[part] = measured
    return found


def _with_detector(recognizer: Recognizer) -> Recognizer:
    """Return the model as it is used on whole pictures, which the bundled ones are."""
    if not isinstance(recognizer.aligner, AlignedBefore):
        return recognizer
    usual = recognizer.aligner.usual
    detector = DlibHog() if isinstance(usual, DlibChip) else Mtcnn(device=recognizer.device)
    return dataclasses.replace(recognizer, detector=detector, aligner=usual, spec="")


def _version() -> str:
    """Return what distinguishes findings of this code and these pictures from those of any others."""
    manifest = _faces()[0].source.path.parents[1] / "manifest.json"
    return _code() + hashlib.sha256(manifest.read_bytes()).hexdigest()


def _code() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def _judged(recognizer: Recognizer, cache: Cache | None) -> Iterator[Finding]:
    for part, values in separations(recognizer, cache=cache).items():
        (declared, as_declared), *others = values.items()
        better, value = max(others, key=lambda other: other[1], default=(declared, as_declared))
        if value >= max(_LEAST, _MARGIN * as_declared):
            yield Finding(
                recognizer.name,
                part,
                declared,
                better,
                as_declared,
                value,
                f"{recognizer.name}: {_FED[part]} {better} its identities lie clearly farther apart (d' {value:.1f}) "
                f"than as declared, {declared} (d' {as_declared:.1f}; on {len(_faces())} bundled pictures): "
                f"{_ASKED[part].format(declared)}",
            )


_FED = {"colour": "fed with", "range": "fed with pixels in", "align": "aligned by"}
_ASKED = {
    "colour": "is colour={} right?",
    "range": "are its mean and std right?",
    "align": "is its alignment right?",
}
_Probe = Sequence[Recognizer]  # one for each picture of a person


def _probes(recognizer: Recognizer) -> dict[str, dict[str, _Probe]]:
    """Return for each part, and each of its values, how each picture of a person is seen."""
    found: dict[str, dict[str, _Probe]] = {}
    if isinstance(recognizer.embedder, Probeable):
        found["colour"] = {
            each.colour: _seen(_fed(recognizer, each), _AS_IT_IS, _FLATTENED, _FLATTENED)
            for each in _colours(recognizer.contract.preprocessing)
        }
        takes_bytes = isinstance(recognizer.embedder, NetworkEmbedder) and recognizer.embedder.takes_bytes
        found["range"] = {
            name: _seen(_fed(recognizer, each), _AS_IT_IS, _DARK, _PALE)
            for name, each in itertools.islice(_ranges(recognizer.contract.preprocessing), 1 if takes_bytes else None)
        }
    found["align"] = {name: (_aligned(recognizer, aligner),) * _PICTURES for name, aligner in _aligners(recognizer)}
    return found


def _colours(declared: Preprocessing) -> Iterator[Preprocessing]:
    """Yield the declared channel order, then the other."""
    yield declared
    yield from (dataclasses.replace(declared, colour=colour) for colour in COLOURS if colour != declared.colour)


def _ranges(declared: Preprocessing) -> Iterator[tuple[str, Preprocessing]]:
    """Yield the declared range, then the usual ones that differ from it."""
    same = {name for name, usual in _RANGES.items() if _difference(usual, declared) <= _SAME}
    spelt = f"(x - {spelt_channels(declared.mean)}) / {spelt_channels(declared.std)}"
    yield next(iter(same), spelt), declared
    yield from (
        (name, dataclasses.replace(usual, colour=declared.colour))
        for name, usual in _RANGES.items()
        if name not in same
    )


def _difference(first: Preprocessing, second: Preprocessing) -> float:
    """Return the largest difference of means and standard deviations, on the scale 0..255."""
    return float(np.abs(np.subtract((first.mean, first.std), (second.mean, second.std))).max())


def _aligners(recognizer: Recognizer) -> Iterator[tuple[str, Aligner]]:
    """Yield the declared alignment, then the usual ones that differ from it."""
    shape = crop_shape(recognizer.aligner)
    usual: dict[str, tuple[type, Aligner]] = {
        "the detector's box": (BoxCrop, BoxCrop(shape, margin=round(min(shape) * _BOX_MARGIN))),
        "the whole picture": (WholeImage, WholeImage(shape)),
    }
    with contextlib.suppress(ModelError):  # no template is known for crops of these proportions
        usual = {"five points": (FivePoint, FivePoint(shape)), **usual}
    same = {name for name, (kind, _) in usual.items() if isinstance(recognizer.aligner, kind)}
    yield next(iter(same), recognizer.aligner.identity), recognizer.aligner
    yield from ((name, aligner) for name, (_, aligner) in usual.items() if name not in same)


def _fed(recognizer: Recognizer, preprocessing: Preprocessing) -> Recognizer:
    """Return the same network with another preprocessing."""
    contract = recognizer.contract
    if preprocessing == contract.preprocessing:
        return recognizer
    assert isinstance(recognizer.embedder, Probeable)
    return dataclasses.replace(
        recognizer,
        embedder=recognizer.embedder.with_preprocessing(preprocessing),
        contract=dataclasses.replace(contract, preprocessing=preprocessing),
        spec="",
    )


def _aligned(recognizer: Recognizer, aligner: Aligner) -> Recognizer:
    """Return the same network with other crops."""
    return dataclasses.replace(recognizer, aligner=aligner, spec="")


@dataclass(frozen=True, slots=True)
class _Condition:
    """What is done to a crop; its name separates kept embeddings from those of another condition."""

    name: str
    alter: Callable[[Image], Image]


def _seen(recognizer: Recognizer, *conditions: _Condition) -> _Probe:
    return tuple(_aligned(recognizer, _Altered(recognizer.aligner, condition)) for condition in conditions)


@dataclass(frozen=True)
class _Altered:
    """An aligner whose crops are changed."""

    aligner: Aligner
    condition: _Condition

    @property
    def identity(self) -> str:
        return f"{self.aligner.identity}, {self.condition.name}"

    @property
    def shape(self) -> tuple[int, int]:
        return crop_shape(self.aligner)

    def align(self, image: Image, face: ChosenFace) -> Image:
        return self.condition.alter(self.aligner.align(image, face))


def _flattened(crop: Image) -> Image:
    """Take nearly all of the lightness' contrast away; the colours stay."""
    lightness = (crop @ _LIGHTNESS)[..., None]
    return _rounded(crop + (_FLAT - 1) * (lightness - lightness.mean()))


def _dark(crop: Image) -> Image:
    return _rounded(_CONTRAST * crop)


def _pale(crop: Image) -> Image:
    return _rounded(_BRIGHT + _CONTRAST * (crop - _MIDDLE))


def _as_it_is(crop: Image) -> Image:
    return crop


def _rounded(pixels: npt.NDArray[np.floating]) -> Image:
    return np.clip(np.round(pixels), 0, 255).astype(np.uint8)


_AS_IT_IS = _Condition("as it is", _as_it_is)
_FLATTENED = _Condition(f"lightness * {_FLAT}", _flattened)
_DARK = _Condition(f"contrast * {_CONTRAST} about 0", _dark)
_PALE = _Condition(f"contrast * {_CONTRAST} about {_MIDDLE}, moved to {_BRIGHT}", _pale)


def _faces() -> list[Face]:
    """Return the pictures of the first people of the bundled sample, person by person."""
    by_person: dict[str, list[Face]] = {}
    for face in open_dataset(_SAMPLE).faces:
        by_person.setdefault(face.subject, []).append(face)
    enough = [faces[:_PICTURES] for faces in by_person.values() if len(faces) >= _PICTURES]
    return list(itertools.chain.from_iterable(enough[:_PEOPLE]))


def _separation(pipeline: Pipeline, probe: _Probe, faces: Sequence[Face]) -> float | None:
    """Return d' over all pairs, each person's first picture seen by the probe's first recogniser and so on."""
    try:
        seen = [pipeline.run(recognizer, faces[k::_PICTURES]).vectors for k, recognizer in enumerate(probe)]
        vectors = np.full((len(faces), max(part.shape[1] for part in seen)), np.nan, dtype=np.float32)
        for k, part in enumerate(seen):
            vectors[k::_PICTURES, : part.shape[1]] = part
        return dprime(_scores(vectors, faces, probe[0].contract.distance))
    except (ModelError, ValueError):
        return None


def _scores(vectors: Embeddings, faces: Sequence[Face], distance: str) -> Scores:
    """Compare everybody who was found with everybody; squared, so that unit vectors are compared by their cosine."""
    found = ~np.isnan(vectors).any(axis=1)
    people = np.unique([face.subject for face in faces], return_inverse=True)[1][found]
    pairs = np.stack(np.triu_indices(len(people), 1), axis=1)
    first, second = (vectors[found][pairs[:, side]] for side in (0, 1))
    between = distance_between(first, second, distance=distance)
    return Scores(-(between**2) if distance == "euclidean" else -between, people[pairs])
