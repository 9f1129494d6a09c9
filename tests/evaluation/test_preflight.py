"""The preflight: sound contracts pass, wrong ones are called by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from facecheck.alignment import BoxCrop, FivePoint, WholeImage
from facecheck.detection.detector import Detections
from facecheck.detection.selection import FacePolicy
from facecheck.embedders import Crops, Embedder, Embeddings
from facecheck.embedders.network import NetworkEmbedder
from facecheck.embedders.preprocessing import (
    IMAGENET,
    MINUS_1_TO_1,
    ZERO_TO_1,
    ZERO_TO_255,
    Postprocessing,
    Preprocessing,
)
from facecheck.errors import ModelError
from facecheck.evaluation import preflight as module
from facecheck.evaluation.preflight import Finding, preflight, separations, unprobed
from facecheck.faces import Face, Image, ImageSource
from facecheck.metrics import dprime
from facecheck.models import Settings, build
from facecheck.models.recognizer import Contract, Recognizer
from facecheck.models.settings import network_recognizer
from facecheck.storage.cache import Cache
from tests.plugin.test_suite import LONG
from tests.support.weights_at_hand import at_hand

CPU = Settings(device=torch.device("cpu"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cache]:
    """Detections are found once for all tests."""
    made = Cache(tmp_path_factory.mktemp("cache"))
    yield made
    made.close()


def wrongly_fed(recognizer: Recognizer, preprocessing: Preprocessing) -> Recognizer:
    """Return the network as somebody would declare it by mistake."""
    network = getattr(recognizer.embedder, "network", None)
    assert isinstance(network, torch.nn.Module)
    return network_recognizer(
        recognizer.name,
        network,
        CPU,
        contract=dataclasses.replace(recognizer.contract, preprocessing=preprocessing),
        detector=recognizer.detector,
        aligner=recognizer.aligner,
    )


def swapped(recognizer: Recognizer) -> Preprocessing:
    """Return the declared preprocessing with BGR in place of RGB."""
    return dataclasses.replace(recognizer.contract.preprocessing, colour="bgr")


def called(findings: Sequence[Finding]) -> list[tuple[str, str, str]]:
    return [(finding.part, finding.declared, finding.better) for finding in findings]


@pytest.mark.parametrize("spec", ["dlib", "facenet-casia-webface"])
def test_sound_contracts_raise_no_alarm(spec: str, cache: Cache) -> None:
    """The models that come with the package, fed as they were trained."""
    assert preflight(build(spec, CPU), cache=cache) == ()


def test_swapped_channels_are_called_by_name(cache: Cache) -> None:
    """FaceNet declared BGR: the sentence names the model, both values and the option."""
    facenet = build("facenet-casia-webface", CPU)
    recognizer = wrongly_fed(facenet, swapped(facenet))

    (finding,) = preflight(recognizer, cache=cache)

    assert (finding.model, finding.part, finding.declared, finding.better) == (
        "facenet-casia-webface",
        "colour",
        "bgr",
        "rgb",
    )
    assert finding.better_value > 2 * finding.declared_value
    assert finding.sentence == (
        "facenet-casia-webface: fed with rgb its identities lie clearly farther apart "
        f"(d' {finding.better_value:.1f}) than as declared, bgr "
        f"(d' {finding.declared_value:.1f}; on 36 bundled pictures): is colour=bgr right?"
    )


@pytest.fixture
def edgeface(request: pytest.FixtureRequest) -> Recognizer:
    """The published network."""
    kind = str(request.param)
    return build(f"{kind}?weights={at_hand(kind.replace('-', '_') + '.safetensors')}", CPU)


@pytest.mark.parametrize("edgeface", [pytest.param("edgeface-xs", marks=LONG), "edgeface-xxs"], indirect=True)
def test_edgeface_is_sound_as_published_and_called_otherwise(edgeface: Recognizer, cache: Cache) -> None:
    """BGR, 0..255 as they are, ImageNet's numbers, the whole picture, the detector's box: each by its name."""
    wrong = {
        ("colour", "bgr", "rgb"): wrongly_fed(edgeface, swapped(edgeface)),
        ("range", "0..255", "-1..1"): wrongly_fed(edgeface, ZERO_TO_255),
        ("range", "ImageNet's mean and std", "-1..1"): wrongly_fed(edgeface, IMAGENET),
        ("align", "the whole picture", "five points"): dataclasses.replace(edgeface, aligner=WholeImage(112)),
        ("align", "the detector's box", "five points"): dataclasses.replace(edgeface, aligner=BoxCrop(112, margin=14)),
    }

    assert preflight(edgeface, cache=cache) == ()
    for expected, recognizer in wrong.items():
        assert called(preflight(recognizer, cache=cache)) == [expected]


def test_mobilefacenet_is_sound_as_known_and_called_otherwise(cache: Cache) -> None:
    """A network in a file, trained on ImageNet's numbers, and declared as most others are."""
    path = at_hand("MobileFaceNet.onnx")
    common = f"onnx:{path}?contract=mine&mean=127.5&std=127.5&name=m"

    assert preflight(build(f"onnx:{path}", CPU), cache=cache) == ()
    assert called(preflight(build(common, CPU), cache=cache)) == [("range", "-1..1", "ImageNet's mean and std")]


# What is compared with what, and where the line is drawn.


class Blind:
    """A user's own embedder, which can only embed: the mean of each channel."""

    def embed(self, crops: Crops) -> Embeddings:
        return np.asarray(crops.mean(axis=(1, 2)), dtype=np.float32)


class Probed(Blind):
    """The same, and open to other preprocessing; what it is asked is noted."""

    def __init__(self) -> None:
        self.asked: list[Preprocessing] = []

    def with_preprocessing(self, preprocessing: Preprocessing) -> Probed:
        self.asked.append(preprocessing)
        return self


class Anywhere:
    """A detector that finds one face in every picture, or in none."""

    def __init__(self, *, finds: bool = True) -> None:
        self.finds = finds
        self.calls = 0

    @property
    def identity(self) -> str:
        return f"anywhere({self.finds})"

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        self.calls += 1
        boxes = [[20.0, 20.0, 140.0, 140.0]] if self.finds else []
        return [Detections.of_boxes(boxes, [1.0] * len(boxes)) for _ in images]


def recognizer_of(embedder: Embedder, *, finds: bool = True, preprocessing: Preprocessing = MINUS_1_TO_1) -> Recognizer:
    contract = Contract(preprocessing=preprocessing, postprocessing=Postprocessing(l2=False), weights_sha256="0")
    return Recognizer(
        name="mine",
        detector=Anywhere(finds=finds),
        policy=FacePolicy(),
        aligner=FivePoint(32),
        embedder=embedder,
        contract=contract,
        device=CPU.device,
    )


def test_every_part_is_probed_with_its_usual_alternatives() -> None:
    """The declared value comes first; an alternative that is the declared one is not tried."""
    embedder = Probed()

    declared = Preprocessing(std=(128.0,) * 3)

    found = separations(recognizer_of(embedder, preprocessing=declared))

    assert {part: list(values) for part, values in found.items()} == {
        "colour": ["rgb", "bgr"],
        "range": ["-1..1", "0..1", "0..255", "ImageNet's mean and std"],
        "align": ["five points", "the detector's box", "the whole picture"],
    }
    assert embedder.asked == [dataclasses.replace(declared, colour="bgr"), ZERO_TO_1, ZERO_TO_255, IMAGENET]


def test_an_unusual_range_is_spelt_out() -> None:
    """And held against all of the usual ones."""
    found = separations(recognizer_of(Probed(), preprocessing=Preprocessing(mean=(100.0,) * 3, std=(50.0,) * 3)))[
        "range"
    ]

    assert list(found) == ["(x - 100) / 50", "-1..1", "0..1", "0..255", "ImageNet's mean and std"]


class TakingBytes(torch.nn.Module):
    """Scales its pixels itself."""

    takes_bytes = True

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.mean((2, 3)) / 255


def test_a_network_that_takes_bytes_is_probed_in_no_other_range() -> None:
    """Nobody could feed it otherwise, so that advice to do so would be wrong."""
    embedder = NetworkEmbedder(TakingBytes(), device=CPU.device, preprocessing=ZERO_TO_255)

    found = separations(recognizer_of(embedder, preprocessing=ZERO_TO_255))

    assert {part: list(values) for part, values in found.items()} == {
        "colour": ["rgb", "bgr"],
        "range": ["0..255"],
        "align": ["five points", "the detector's box", "the whole picture"],
    }


def test_an_embedder_that_only_embeds_is_probed_in_its_alignment(cache: Cache) -> None:
    """And why the rest was not, is said."""
    recognizer = recognizer_of(Blind())

    assert list(separations(recognizer, cache=cache)) == ["align"]
    assert unprobed(recognizer) == (
        "mine: its colour order and range were not probed, its alignment was: "
        "Blind has no with_preprocessing(preprocessing); see torch_recognizer"
    )
    assert unprobed(recognizer_of(Probed())) == ""


def test_where_no_face_is_found_nothing_is_said() -> None:
    """The evals tell that; the preflight has nothing to compare."""
    recognizer = recognizer_of(Probed(), finds=False)

    assert separations(recognizer) == {}
    assert preflight(recognizer) == ()


class Overflowing(Probed):
    """Answers NaN to anything but its own range, as half precision does to 0..255."""

    def with_preprocessing(self, preprocessing: Preprocessing) -> Probed:
        other = super().with_preprocessing(preprocessing)
        return Overflown() if preprocessing == ZERO_TO_255 else other


class Overflown(Probed):
    """Answers NaN."""

    def embed(self, crops: Crops) -> Embeddings:
        return np.full((len(crops), 3), np.nan, dtype=np.float32)


def test_an_alternative_that_overflows_is_left_out() -> None:
    """It is no better contract, and no reason to stop the run."""
    assert "0..255" not in separations(recognizer_of(Overflowing()))["range"]


def test_a_model_that_cannot_embed_as_declared_is_told() -> None:
    """By the same error as in the run itself."""
    with pytest.raises(ModelError, match="mine: expected finite embeddings"):
        preflight(recognizer_of(Overflown()))


def answering(values: dict[str, dict[str, float]] | None) -> Callable[..., dict[str, dict[str, float]]]:
    """Return a stand-in for what is measured; None where nothing may be."""

    def measure(*_: object, **__: object) -> dict[str, dict[str, float]]:
        if values is None:
            pytest.fail("measured again")
        return values

    return measure


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param({"rgb": 4.0, "bgr": 3.0}, None, id="declared is better"),
        pytest.param({"rgb": 4.0, "bgr": 4.99}, None, id="a little better"),
        pytest.param({"rgb": 4.0, "bgr": 5.0}, "bgr", id="by a quarter"),
        pytest.param({"rgb": 0.1, "bgr": 1.49}, None, id="neither tells people apart"),
        pytest.param({"rgb": 0.1, "bgr": 1.5}, "bgr", id="one does"),
        pytest.param({"rgb": 2.0, "bgr": 3.0, "gbr": 3.5}, "gbr", id="the best of several"),
        pytest.param({"rgb": 2.0}, None, id="no alternative could be measured"),
    ],
)
def test_the_line_is_drawn_at_a_quarter(
    values: dict[str, float], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above d' 1.5 and 1.25 times the declared: both, at the boundary included."""
    monkeypatch.setattr(module, "separations", answering({"colour": values}))

    found = preflight(recognizer_of(Probed()))

    assert [(f.better, f.declared_value, f.better_value) for f in found] == (
        [] if expected is None else [(expected, values["rgb"], values[expected])]
    )


def test_what_was_found_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second run asks neither detector nor network; another contract is asked anew."""
    kept = Cache(tmp_path)
    values = {"align": {"five points": 2.0, "the whole picture": 3.0}, "range": {"-1..1": 1.0, "0..1": 4.0}}
    monkeypatch.setattr(module, "separations", answering(values))
    first = preflight(recognizer_of(Blind()), cache=kept)
    monkeypatch.setattr(module, "separations", answering(None))

    assert preflight(recognizer_of(Blind()), cache=kept) == first
    assert [finding.part for finding in first] == ["align", "range"]
    assert first[1].sentence.endswith(
        "0..1 its identities lie clearly farther apart (d' 4.0) than as declared, "
        "-1..1 (d' 1.0; on 36 bundled pictures): are its mean and std right?"
    )
    with pytest.raises(pytest.fail.Exception, match="measured again"):
        preflight(recognizer_of(Blind(), preprocessing=Preprocessing(std=(100.0,) * 3)), cache=kept)
    kept.close()


def test_twelve_people_in_three_pictures_each() -> None:
    """In the order of people, so that every third picture is somebody's first."""
    faces = module._faces()

    assert len(faces) == 36
    assert all(len({face.subject for face in faces[start : start + 3]}) == 1 for start in range(0, 36, 3))
    assert len({face.subject for face in faces}) == 12
    assert len({face.source for face in faces}) == 36


def faces_of(*subjects: str) -> list[Face]:
    return [Face(source=ImageSource(Path(str(n)), str(n)), subject=s) for n, s in enumerate(subjects)]


def test_separation_by_hand() -> None:
    """Two people at 0, 1 and 10, 12: genuine squared distances 1 and 4, impostors 100, 144, 81, 121."""
    vectors = np.array([[0.0], [1.0], [10.0], [12.0]], dtype=np.float32)

    scores = module._scores(vectors, faces_of("a", "a", "b", "b"), "euclidean")

    assert sorted((-scores.similarity).tolist()) == [1, 4, 81, 100, 121, 144]
    assert sorted((-scores.similarity[scores.genuine]).tolist()) == [1, 4]
    genuine, impostor = np.array([1, 4]), np.array([100, 144, 81, 121])
    spread = np.sqrt((genuine.var() + impostor.var()) / 2)
    assert dprime(scores) == pytest.approx((impostor.mean() - genuine.mean()) / spread)


def test_who_was_not_found_is_compared_with_nobody() -> None:
    """Three of four: three pairs."""
    vectors = np.array([[0.0], [np.nan], [10.0], [12.0]], dtype=np.float32)

    assert len(module._scores(vectors, faces_of("a", "a", "b", "b"), "euclidean")) == 3


def test_flat_pictures_keep_their_colours_and_lose_their_lightness() -> None:
    """Differences between channels stay as they are; the lightness' spread shrinks to 0.15 of it."""
    crop = np.random.default_rng(0).integers(100, 156, (8, 8, 3)).astype(np.uint8)
    flat = module._flattened(crop)
    lightness = [picture @ np.array([0.299, 0.587, 0.114]) for picture in (crop, flat)]

    np.testing.assert_allclose(np.diff(flat.astype(float)), np.diff(crop.astype(float)), atol=1.01)
    assert np.std(lightness[1]) / np.std(lightness[0]) == pytest.approx(0.15, abs=0.03)
    assert np.mean(lightness[1]) == pytest.approx(np.mean(lightness[0]), abs=0.5)


@pytest.mark.parametrize(
    ("alter", "pixels", "expected"),
    [
        pytest.param(module._dark, [0, 100, 255], [0, 35, 89], id="dark"),
        pytest.param(module._pale, [0, 127, 255], [120, 165, 210], id="pale"),
        pytest.param(module._as_it_is, [0, 127, 255], [0, 127, 255], id="as it is"),
    ],
)
def test_exposures_by_hand(alter: object, pixels: list[int], expected: list[int]) -> None:
    """35 of a hundred, about nothing or about the middle."""
    assert callable(alter)
    assert alter(np.array(pixels, dtype=np.uint8).reshape(1, 1, 3)).ravel().tolist() == expected


def test_conditions_never_share_a_kept_embedding() -> None:
    """Each has an identity of its own, over each aligner."""
    conditions = (module._AS_IT_IS, module._FLATTENED, module._DARK, module._PALE)
    aligners = (FivePoint(32), FivePoint(40), WholeImage(32))
    identities = {module._Altered(a, c).identity for a in aligners for c in conditions}

    assert len(identities) == len(conditions) * len(aligners)
