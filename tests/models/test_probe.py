"""What networks of users' own answer to the probe: each oddity has one sentence, and equal answers are no identity."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from torch import Tensor, nn

from facecheck.embedders.preprocessing import Postprocessing, Preprocessing
from facecheck.errors import ModelError
from facecheck.faces import Face, ImageSource
from facecheck.models import Settings, build, torch_recognizer
from facecheck.models.recognizer import Contract, Recognizer
from facecheck.pipeline import Pipeline
from facecheck.storage.cache import Cache
from tests.pipeline.test_pipeline import BrightDetector

CPU = Settings(device=torch.device("cpu"))


class Answers(nn.Module):
    """Gives what a function makes of the mean colours."""

    def __init__(self, make: Any) -> None:  # noqa: ANN401 - any function
        super().__init__()
        self.make = make

    def forward(self, pixels: Tensor) -> object:
        return self.make(pixels.mean((2, 3)))


class Sound(nn.Module):
    """The mean colours."""

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels.mean((2, 3))


class OddInBatches(nn.Module):
    """The mean colours, but in batches above two, where they are other numbers."""

    def forward(self, pixels: Tensor) -> Tensor:
        means = pixels.mean((2, 3))
        return means if len(pixels) <= 2 else means.flip(1) + 1


def refuses_batches(means: Tensor) -> Tensor:
    if len(means) > 1:
        raise RuntimeError("shape '[1, 3]' is invalid for input of size 6")
    return means


def dropping_out(means: Tensor) -> Tensor:
    return nn.functional.dropout(means, training=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(refuses_batches, r"RuntimeError: shape .* One crop alone works: .* any n", id="refuses-batches"),
        pytest.param(lambda m: (m, m), r"a tuple of Tensor \(2, 3\), Tensor \(2, 3\) for 2 crops: .* one", id="tuple"),
        pytest.param(lambda m: {"embedding": m}, r"a dict of 'embedding': Tensor \(2, 3\) for 2 crops", id="dict"),
        pytest.param(lambda _: None, "the network gave NoneType for 2 crops: expected one tensor", id="none"),
        pytest.param(lambda m: m.numpy(), r"the network gave ndarray \(2, 3\) for 2 crops", id="array"),
        pytest.param(lambda m: m[:, 0], r"the network gave Tensor \(2,\) for 2 crops", id="a-number-a-crop"),
        pytest.param(lambda m: m[:, :0], r"the network gave Tensor \(2, 0\) for 2 crops", id="empty-vectors"),
        pytest.param(lambda m: m.sum(0, keepdim=True), r"the network gave Tensor \(1, 3\) for 2", id="one-for-all"),
        pytest.param(lambda m: m + 1j, r"expected real numbers", id="complex"),
        pytest.param(lambda _: sys.exit(3), "SystemExit: 3", id="exit"),
        pytest.param(dropping_out, "answers differently each time: .* of the largest apart. .* dropout", id="random"),
        pytest.param(lambda m: m * 0 + 1e30, "answers up to 1e[+]30, too large to be scaled to length one", id="1e30"),
        pytest.param(lambda m: m * 0, "answers zero to every crop: were its weights loaded", id="zero"),
        pytest.param(lambda m: m / 0, r"expected finite embeddings .* finite: False", id="infinite"),
    ],
)
def test_each_oddity_has_one_sentence(make: object, message: str) -> None:
    """With the model's name; never a traceback a case."""
    with pytest.raises(ModelError, match=rf"^odd: .*{message}"):
        _ = torch_recognizer("odd", Answers(make), CPU).identity


def test_what_is_no_network_is_refused_at_once() -> None:
    """A state dict, or a path, where a network belongs."""
    with pytest.raises(ModelError, match=r"mine: expected a torch network \(torch.nn.Module\), got dict"):
        torch_recognizer("mine", {}, CPU)  # type: ignore[arg-type]


def test_an_answer_that_depends_on_the_batch_is_said() -> None:
    """It runs, and the run's notes hold it."""
    sound, odd = (torch_recognizer("m", network, CPU, l2=False) for network in (Sound(), OddInBatches()))

    assert sound.doubts == ()
    assert len(odd.doubts) == 1
    assert "m: a crop's vector depends on the batch: in one of 16 its numbers changed by up to" in odd.doubts[0]
    assert sound.fingerprint != odd.fingerprint


MODULE = """
import torch
from facecheck.models import torch_recognizer
from tests.pipeline.test_pipeline import BrightDetector


class Net(torch.nn.Module):
    def __init__(self, odd):
        super().__init__()
        self.linear = torch.nn.Linear(3, 3)
        torch.nn.init.eye_(self.linear.weight)
        torch.nn.init.zeros_(self.linear.bias)
        self.odd = odd

    def forward(self, pixels):
        means = self.linear(pixels.mean((2, 3)))
        return means + 1 if self.odd and len(pixels) > {limit} else means


def sound(settings):
    return torch_recognizer("sound", Net(False), settings, l2=False, detector=BrightDetector())


def odd(settings):
    return torch_recognizer("odd", Net(True), settings, l2=False, detector=BrightDetector())
"""


@pytest.fixture
def faces(tmp_path: Path) -> list[Face]:
    made = []
    for number in range(24):
        path = tmp_path / f"{number}.png"
        PIL.Image.fromarray(np.full((40, 40, 3), (100 + 5 * number, 90, 80), dtype=np.uint8)).save(path)
        made.append(Face(source=ImageSource(path, path.name), subject=f"person {number}"))
    return made


@pytest.mark.parametrize("limit", [2, 17], ids=["seen-by-the-probe", "above-the-probe-s-batch"])
@pytest.mark.parametrize("first", ["sound", "odd"])
def test_two_networks_that_agree_on_all_but_large_batches_keep_their_own_vectors(
    first: str, limit: int, faces: list[Face], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Side by side in one run and in one cache, whichever came first; with equal weights and equal small answers."""
    name = f"models_of_two_{limit}_{first}"
    (tmp_path / f"{name}.py").write_text(MODULE.replace("{limit}", str(limit)), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    order = [first, *({"sound", "odd"} - {first})]
    cache = Cache(tmp_path / "cache")
    recognizers = {each: build(f"{name}:{each}", CPU) for each in order}
    pipeline = Pipeline(cache=cache, workers=1, batch=24)

    found = {each: pipeline.run(recognizer, faces).vectors for each, recognizer in recognizers.items()}
    again = {each: Pipeline(cache=cache).run(made, faces).vectors for each, made in recognizers.items()}
    cache.close()

    assert recognizers["sound"].contract == recognizers["odd"].contract
    assert (recognizers["sound"].fingerprint == recognizers["odd"].fingerprint) == (limit == 17)
    np.testing.assert_allclose(found["odd"], found["sound"] + 1, atol=1e-5)
    for each in order:
        np.testing.assert_array_equal(again[each], found[each])


def identity_of(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, *, name: str = "a_users_model") -> str:
    """Return the identity of a factory in a file, imported anew."""
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.chdir(folder)
    monkeypatch.delitem(sys.modules, name, raising=False)
    return build(f"{name}:sound", CPU).identity


def test_a_change_of_the_factory_s_code_is_another_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Although it answers the probe as before; the same file gives the same model again."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = identity_of(tmp_path, monkeypatch, MODULE.replace("{limit}", "100"))
    again = identity_of(tmp_path, monkeypatch, MODULE.replace("{limit}", "100"))
    after = identity_of(tmp_path, monkeypatch, MODULE.replace("{limit}", "100") + "# changed\n")

    assert before == again
    assert after != before


def test_a_threshold_or_a_name_makes_no_other_vectors() -> None:
    """They stand in the specification, and the cache is shared."""
    plain, stricter, chosen = (
        build(spec, CPU) for spec in ("dlib", "dlib?threshold=0.5", "dlib?policy=largest&threshold=0.5")
    )

    assert plain.identity == stricter.identity != chosen.identity


def test_the_probe_outlives_a_change_of_other_parts_with_its_origin() -> None:
    """The preflight changes parts of a recogniser; two models stay two."""
    made = build("dlib", CPU)

    changed = dataclasses.replace(made, detector=BrightDetector(), spec="")

    assert changed.origin == made.origin
    assert "dlib" in changed.identity


# The contract.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"colour": "BGR"}, r"colour 'BGR' is unknown\. Did you mean bgr\?", id="capitals"),
        pytest.param({"colour": 5}, "colour 5 is unknown", id="colour-number"),
        pytest.param({"threshold": float("nan")}, "threshold=nan: expected a distance", id="threshold-nan"),
        pytest.param({"threshold": -1}, "threshold=-1: expected a distance", id="threshold-negative"),
        pytest.param({"threshold": float("inf")}, "threshold=inf: expected a distance", id="threshold-infinite"),
        pytest.param({"threshold": "0.6"}, "threshold='0.6': expected a distance", id="threshold-text"),
        pytest.param({"threshold": True}, "threshold=True: expected a distance", id="threshold-true"),
        pytest.param({"distance": "Cosine"}, r"distance 'Cosine' is unknown\. Did you mean cosine\?", id="distance"),
        pytest.param({"distance": None}, "distance None is unknown", id="no-distance"),
        pytest.param({"l2": "no"}, "l2='no': expected True or False", id="l2-text"),
        pytest.param({"l2": 0}, "l2=0: expected True or False", id="l2-number"),
        pytest.param({"flip": "Mean"}, r"flip 'Mean' is unknown\. Did you mean mean\?", id="flip"),
        pytest.param({"mean": 127.5}, r"mean=127\.5: expected three finite numbers", id="mean-one-number"),
        pytest.param({"mean": "127"}, "mean='127': expected three finite numbers", id="mean-text"),
        pytest.param({"mean": ("1", "2", "3")}, "mean=.'1', '2', '3'.: expected three", id="mean-texts"),
        pytest.param({"mean": None}, "mean=None: expected three finite numbers", id="mean-none"),
        pytest.param({"std": (1.0, float("nan"), 1.0)}, "std=1/nan/1: expected three finite", id="std-nan"),
        pytest.param({"std": (1.0, 0.0, 1.0)}, "std=1/0/1: .* expected no zero", id="std-zero"),
        pytest.param({"weights_sha256": 7}, "weights_sha256=7: expected a hash as text", id="hash-number"),
    ],
)
def test_a_contract_value_that_is_not_understood_is_refused(options: dict[str, Any], message: str) -> None:
    """By its name, before anything is fed."""
    with pytest.raises(ModelError, match=message):
        torch_recognizer("m", Sound(), CPU, **options)


def test_numbers_of_any_kind_are_taken_as_they_are() -> None:
    """Lists and arrays for channels, whole numbers and numpy's for thresholds."""
    contract = Contract(
        preprocessing=Preprocessing(mean=[0, 0, 0], std=np.ones(3)),  # type: ignore[arg-type]
        postprocessing=Postprocessing(),
        threshold=np.float32(1),  # type: ignore[arg-type]
    )

    assert contract.preprocessing == Preprocessing(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    assert contract.as_dict()["threshold"] == 1
    assert type(contract.threshold) is float


@pytest.mark.parametrize("name", ["", "  ", None, 3])
def test_a_name_that_reports_cannot_show_is_refused(name: Any) -> None:  # noqa: ANN401
    """Every report and graph needs it."""
    with pytest.raises(ModelError, match="expected a model's name"):
        torch_recognizer(name, Sound(), CPU)


def test_a_recogniser_with_a_precision_that_is_none_is_refused() -> None:
    """Whoever makes one by hand."""
    made = torch_recognizer("m", Sound(), CPU)

    with pytest.raises(ModelError, match=r"precision 'FP16' is unknown\. Did you mean fp16"):
        Recognizer(**{**{f.name: getattr(made, f.name) for f in dataclasses.fields(made)}, "precision": "FP16"})
