"""Recognisers against the packages that they are made of, and their specifications."""

import subprocess
import sys
from pathlib import Path

import face_recognition
import numpy as np
import PIL.Image
import pytest
import torch
from facenet_pytorch import MTCNN

from facecheck.alignment import BoxCrop
from facecheck.embedders import Embeddings, facenet
from facecheck.embedders.network import Precision
from facecheck.errors import ModelError
from facecheck.faces import Image
from facecheck.models import Settings, build, check, split_models, torch_recognizer
from facecheck.models.recognizer import Recognizer
from tests.support.photographs import ASTRONAUT, HOPPER, crowd, photograph

CPU = Settings(device=torch.device("cpu"))


def embed_one(recognizer: Recognizer, image: Image) -> Embeddings:
    """Take one image through the steps of the pipeline by hand."""
    chosen = recognizer.policy.choose(recognizer.detector.detect([image])[0], image.shape)
    assert chosen is not None
    vectors = recognizer.embed(recognizer.aligner.align(image, chosen)[None])
    return np.asarray(vectors[0])


@pytest.fixture(scope="module")
def dlib_first() -> Recognizer:
    return build("dlib?policy=first", CPU)


@pytest.mark.parametrize("number", range(6))
def test_dlib_is_face_recognition_within_a_millionth(dlib_first: Recognizer, number: int) -> None:
    """For the first face returned, the vector is face_recognition's."""
    image = crowd()[number]
    theirs = face_recognition.face_encodings(image)[0]

    np.testing.assert_allclose(embed_one(dlib_first, image), theirs, atol=1e-6)


def test_dlib_finds_what_face_recognition_finds(dlib_first: Recognizer) -> None:
    """The same boxes in the same order, over a whole picture with several finds."""
    image = photograph(ASTRONAUT)
    theirs = [(left, top, right, bottom) for top, right, bottom, left in face_recognition.face_locations(image)]

    assert dlib_first.detector.detect([image])[0].boxes.tolist() == [list(map(float, box)) for box in theirs]


def test_facenet_is_facenet_pytorchs_own_pipeline() -> None:
    """MTCNN's crop through the network, as facenet-pytorch's examples do it, gives the same vector."""
    image = photograph(HOPPER)
    mtcnn = MTCNN(image_size=160, margin=14, selection_method="center_weighted_size", device="cpu")
    crop = mtcnn(PIL.Image.fromarray(image))
    with torch.inference_mode():
        theirs = facenet.casia_webface().eval()(crop[None]).numpy()[0]

    ours = embed_one(build("facenet-casia-webface", CPU), image)

    assert np.linalg.norm(ours - theirs) < 1e-3
    assert np.linalg.norm(ours) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("model", ["dlib", "facenet-casia-webface"])
def test_two_photographs_of_one_person_are_nearer_than_two_people(model: str) -> None:
    """The declared threshold distinguishes Grace Hopper from Eileen Collins, and accepts each with her mirror image."""
    recognizer = build(model, CPU)
    hopper, collins, mirrored, also = (embed_one(recognizer, image) for image in crowd()[:4])
    threshold = recognizer.contract.threshold
    assert threshold is not None

    assert np.linalg.norm(hopper - collins) > threshold
    assert np.linalg.norm(hopper - mirrored) <= threshold
    assert np.linalg.norm(collins - also) <= threshold


def test_the_fingerprint_sees_what_the_weights_hash_does_not() -> None:
    """The same weights with channels swapped, scaled otherwise or in another precision never share a cache entry."""
    network = facenet.casia_webface()
    made = [
        torch_recognizer("m", network, CPU, aligner=BoxCrop()),
        torch_recognizer("m", network, CPU, aligner=BoxCrop(), colour="bgr"),
        torch_recognizer("m", network, CPU, aligner=BoxCrop(), mean=(0.0, 0.0, 0.0), std=(255.0, 255.0, 255.0)),
        torch_recognizer("m", torch.nn.Sequential(Swap(), network), CPU, aligner=BoxCrop()),
    ]

    assert len({recognizer.fingerprint for recognizer in made[:3]}) == 3
    assert made[3].fingerprint != made[0].fingerprint
    assert len({recognizer.identity for recognizer in made}) == 4
    assert made[0].fingerprint == torch_recognizer("other", network, CPU, aligner=BoxCrop()).fingerprint


class Tripled(torch.nn.Module):
    """A constant factor in a user's own code."""

    def __init__(self, network: torch.nn.Module, factor: float) -> None:
        super().__init__()
        self.network = network
        self.factor = factor

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        vectors: torch.Tensor = self.network(pixels)
        return self.factor * vectors


def test_the_fingerprint_sees_the_scale() -> None:
    """Embeddings that are not scaled to length one grow by a factor, and with them every distance."""
    once, thrice, never = (
        torch_recognizer("m", Tripled(facenet.casia_webface(), factor), CPU, aligner=BoxCrop(), l2=False)
        for factor in (1.0, 3.0, 0.0)
    )

    assert once.contract == thrice.contract
    assert once.fingerprint != thrice.fingerprint
    with pytest.raises(ModelError, match="m: answers zero to every crop"):
        _ = never.fingerprint


class Swap(torch.nn.Module):
    """A fault hidden inside a network."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.flip(1)


def test_bf16_is_near_fp32_and_not_equal() -> None:
    """The network computes in the precision that was asked for."""
    image = photograph(HOPPER)
    full = embed_one(build("facenet-casia-webface", CPU), image)
    half = embed_one(build("facenet-casia-webface", Settings(device=CPU.device, precision="bf16")), image)

    assert 0 < np.linalg.norm(full - half) < 0.1


def test_a_network_that_gives_nan_is_refused() -> None:
    """NaN embeddings are reported at once, with the model's name."""
    broken = torch_recognizer("broken", torch.nn.Sequential(torch.nn.Flatten(), Nan()), CPU)

    with pytest.raises(ModelError, match=r"broken: expected finite embeddings .* finite: False"):
        _ = broken.identity


class Nan(torch.nn.Module):
    """Divides by nothing."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels[:, :4] * torch.nan


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param("dlip", r"model 'dlip' is unknown\. Did you mean dlib\?", id="misspelt"),
        pytest.param("dlib?polcy=first", r"no option 'polcy'\. Did you mean policy\?", id="option misspelt"),
        pytest.param("dlib?policy", "expected options like name=value", id="option without value"),
        pytest.param("os.path:../x", "expected package.module:factory", id="no factory's name"),
        pytest.param("a/b:c", "expected package.module:factory", id="path for a module"),
        pytest.param("dlib?policy=biggest", "policy 'biggest' is unknown", id="policy"),
        pytest.param("dlib?threshold=-1", "threshold=-1: expected a distance", id="threshold"),
        pytest.param("facenet-casia-webface?flip=up", "flip=up: unknown", id="flip"),
        pytest.param(
            "facenet-casia-webface?margin=160", "margin=160: expected whole pixels of the 160 px", id="margin"
        ),
        pytest.param("edgeface-xs?weights=/no/such.pt", "weights=/no/such.pt: no such file", id="weights"),
        pytest.param("no_such_module_here:f", "cannot be imported from .*No module named", id="module absent"),
        pytest.param("tests.models.test_models:smal_factory", "Did you mean small_factory", id="factory misspelt"),
        pytest.param("tests.models.test_models:CPU_ONLY", "not callable", id="not a function"),
    ],
)
def test_a_specification_that_names_nothing_is_refused_before_anything_is_built(spec: str, message: str) -> None:
    """A mistake costs no time, and the message names what was probably meant."""
    with pytest.raises(ModelError, match=message):
        check(spec)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param("dlib?policy=biggest", "policy 'biggest' is unknown", id="policy"),
        pytest.param("dlib?fallback=coin", "fallback 'coin' is unknown", id="fallback"),
        pytest.param("facenet-casia-webface?margin=-3", "margin=-3: expected whole pixels", id="margin"),
        pytest.param("no_such_module_here:f", "cannot be imported", id="module absent"),
        pytest.param("tests.models.test_models:absent", "cannot be imported", id="factory absent"),
        pytest.param("tests.models.test_models:CPU_ONLY", "not callable", id="not a function"),
        pytest.param(
            "tests.models.test_models:wrong_factory", "expected a facecheck Recognizer, got int", id="wrong result"
        ),
    ],
)
def test_what_cannot_be_built_says_why(spec: str, message: str) -> None:
    """Each message names the wrong part of the specification."""
    with pytest.raises(ModelError, match=message):
        build(spec, CPU)


def test_a_module_that_exits_when_it_is_imported_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script without a guard; the run says so instead of ending."""
    (tmp_path / "a_script_that_exits.py").write_text("import sys\nsys.exit(3)\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ModelError, match=r"cannot be imported from .*SystemExit: 3"):
        check("a_script_that_exits:build")


CPU_ONLY = 3


def wrong_factory(settings: Settings) -> int:
    """Return something else."""
    return len(str(settings))


def small_factory(settings: Settings) -> Recognizer:
    """Return a user's own model, as the README shows it."""
    network = torch.nn.Sequential(torch.nn.AvgPool2d(8), torch.nn.Flatten())
    return torch_recognizer("small", network, settings, threshold=0.5)


def test_a_factory_of_the_users_own_builds_a_recogniser() -> None:
    """package.module:factory gives a recogniser that embeds."""
    recognizer = build("tests.models.test_models:small_factory", CPU)

    assert recognizer.name == "small"
    assert recognizer.embed(np.zeros((3, 112, 112, 3), dtype=np.uint8)).shape == (3, 3 * 14 * 14)


def test_variants_of_a_model_have_names_of_their_own() -> None:
    """Two policies of one model can be compared in one run; a weights' path does not become a name."""
    assert build("dlib?policy=largest", CPU).name == "dlib?policy=largest"
    assert split_models("dlib,dlib?policy=largest,a.b:c") == ["dlib", "dlib?policy=largest", "a.b:c"]


@pytest.mark.parametrize("spec", ["/etc/passwd", "dlib:/etc", "facenet-vggface2?weights=/dev/null"])
def test_hostile_paths_are_refused(spec: str) -> None:
    """Nothing is read as a model that is not one."""
    with pytest.raises(ModelError):
        build(spec, CPU)


REBUILD = """
import sys
import torch
from facecheck.models import Settings, build
spec, device, precision = sys.argv[1:]
print(build(spec, Settings(device=torch.device(device), precision=precision)).identity)
"""


@pytest.mark.parametrize(
    ("spec", "precision"),
    [
        pytest.param("dlib?policy=largest", "fp32", id="built in"),
        pytest.param("tests.models.test_models:small_factory", "bf16", id="factory"),
    ],
)
def test_another_process_builds_the_same_recogniser_from_its_specification(spec: str, precision: Precision) -> None:
    """Specification, device and precision are all that it needs."""
    recognizer = build(spec, Settings(device=CPU.device, precision=precision))

    command = [sys.executable, "-c", REBUILD, recognizer.spec, str(recognizer.device), recognizer.precision]
    done = subprocess.run(command, check=True, capture_output=True, text=True)

    assert done.stdout.strip() == recognizer.identity


def test_a_recogniser_that_was_made_directly_has_no_specification() -> None:
    """Nothing could build it again."""
    assert not small_factory(CPU).spec
