"""The mirrored crop: what is done with its vector is a declared part of the contract."""

import typing

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from facecheck.embedders import Embeddings
from facecheck.embedders.network import NetworkEmbedder, Probeable
from facecheck.embedders.preprocessing import FLIPS, ZERO_TO_255, Flip, Postprocessing, Preprocessing
from facecheck.errors import ModelError
from facecheck.faces import Image
from facecheck.models import Settings, build, check, torch_recognizer

CPU = Settings(device=torch.device("cpu"))


class Halves(torch.nn.Module):
    """Answers the mean of the picture's left half and of its right half."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        middle = pixels.shape[3] // 2
        return torch.stack((pixels[..., :middle].mean((1, 2, 3)), pixels[..., middle:].mean((1, 2, 3))), dim=1)


class Pixels(torch.nn.Module):
    """Answers its input, channel after channel."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.flatten(1)


def embedder(network: torch.nn.Module, *, flip: Flip, l2: bool) -> NetworkEmbedder:
    after = Postprocessing(l2=l2, flip=flip)
    return NetworkEmbedder(network, device=CPU.device, preprocessing=ZERO_TO_255, postprocessing=after)


def halves(left: int, right: int) -> Image:
    """Return one crop of two plain halves."""
    crop = np.empty((1, 4, 4, 3), dtype=np.uint8)
    crop[:, :, :2], crop[:, :, 2:] = left, right
    return crop


@pytest.mark.parametrize(
    ("flip", "expected"),
    [
        pytest.param("none", [30, 40], id="none"),
        pytest.param("mean", [35, 35], id="mean"),
        pytest.param("concat", [30, 40, 40, 30], id="concat"),
    ],
)
def test_by_hand(flip: Flip, expected: list[float]) -> None:
    """A crop of 30 and 40 answers (30, 40); its mirror image (40, 30)."""
    vectors = embedder(Halves(), flip=flip, l2=False).embed(halves(30, 40))

    assert vectors.tolist() == [expected]


def test_scaling_comes_last_by_hand() -> None:
    """(3, 4) and (4, 3) side by side have length sqrt(50), and are divided by it once."""
    vectors = embedder(Halves(), flip="concat", l2=True).embed(halves(3, 4))

    np.testing.assert_allclose(vectors, [[3 / 50**0.5, 4 / 50**0.5, 4 / 50**0.5, 3 / 50**0.5]], rtol=1e-6)


CROPS = npst.arrays(np.uint8, st.tuples(st.integers(1, 3), st.just(4), st.just(4), st.just(3)))


@given(crops=CROPS)
def test_the_mean_is_invariant_to_mirroring(crops: Image) -> None:
    """A crop and its mirror image have one vector; with ``none`` they have two, unless they are symmetric."""
    mirrored = crops[:, :, ::-1]
    mean, none = (embedder(Pixels(), flip=flip, l2=False) for flip in ("mean", "none"))

    np.testing.assert_array_equal(mean.embed(crops), mean.embed(mirrored))
    assert np.array_equal(none.embed(crops), none.embed(mirrored)) == np.array_equal(crops, mirrored)


@given(crops=CROPS)
def test_concat_holds_both_vectors(crops: Image) -> None:
    """The crop's own in front, its mirror image's behind."""
    plain = embedder(Pixels(), flip="none", l2=False)

    both = embedder(Pixels(), flip="concat", l2=False).embed(crops)

    np.testing.assert_array_equal(both, np.hstack((plain.embed(crops), plain.embed(crops[:, :, ::-1]))))


@given(crops=CROPS.filter(lambda crops: bool((crops.reshape(len(crops), -1) > 0).any(axis=1).all())))
def test_lengths_are_one_whatever_is_done_with_the_mirror(crops: Image) -> None:
    """Contracts that promise length one keep it."""
    for flip in FLIPS:
        vectors = embedder(Pixels(), flip=flip, l2=True).embed(crops)

        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_squared_distance_of_concatenated_unit_vectors_is_the_mean_of_the_two() -> None:
    """So a threshold keeps its scale."""
    crops = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype(np.uint8)
    plain, concatenated = (embedder(Pixels(), flip=flip, l2=True) for flip in ("none", "concat"))

    def squared(vectors: Embeddings) -> float:
        return float(((vectors[0] - vectors[1]) ** 2).sum())

    parts = [squared(plain.embed(side)) for side in (crops, crops[:, :, ::-1])]
    assert squared(concatenated.embed(crops)) == pytest.approx(np.mean(parts), rel=1e-5)


def test_the_flip_is_part_of_contract_and_identity() -> None:
    """Three ways, three entries in the cache."""
    made = [torch_recognizer("m", Pixels(), CPU, flip=flip) for flip in FLIPS]

    assert [recognizer.contract.postprocessing.flip for recognizer in made] == list(FLIPS)
    assert len({recognizer.identity for recognizer in made}) == len(FLIPS)


def test_an_unknown_flip_is_refused_by_the_contract() -> None:
    """With what was probably meant."""
    with pytest.raises(ModelError, match=r"flip 'meen' is unknown\. Did you mean mean\?"):
        torch_recognizer("m", Pixels(), CPU, flip=typing.cast("Flip", "meen"))


def test_facenet_takes_the_flip_as_an_option() -> None:
    """Named in reports; the threshold that was chosen without it does not apply."""
    plain, flipped = (build(f"facenet-casia-webface{tail}", CPU) for tail in ("", "?flip=concat"))
    crop = np.random.default_rng(0).integers(0, 256, (1, 160, 160, 3)).astype(np.uint8)

    assert flipped.name == "facenet-casia-webface?flip=concat"
    assert plain.embed(crop).shape == (1, 512)
    assert flipped.embed(crop).shape == (1, 1024)
    assert plain.contract.threshold == 1.13
    assert flipped.contract.threshold is None
    assert build("facenet-casia-webface?flip=mean&threshold=1.1", CPU).contract.threshold == 1.1


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param("facenet-casia-webface?flip=meen", r"flip=meen: unknown\. Did you mean mean\?", id="misspelt"),
        pytest.param("facenet-casia-webface?threshold=-1", "threshold=-1: expected a distance, 0 or more", id="minus"),
        pytest.param("facenet-casia-webface?threshold=nan", "threshold=nan: expected a distance", id="nan"),
        pytest.param("facenet-casia-webface?threshold=x", "threshold=x: expected a distance", id="word"),
        pytest.param(
            "facenet-casia-webface?margin=160", "margin=160: expected whole pixels of the 160 px", id="margin"
        ),
    ],
)
def test_a_wrong_value_is_refused_by_name(spec: str, message: str) -> None:
    """Option, value and what was expected."""
    with pytest.raises(ModelError, match=message):
        build(spec, CPU)


def test_dlib_has_no_flip() -> None:
    """Users of dlib do not mirror."""
    with pytest.raises(ModelError, match="dlib has no option 'flip'"):
        check("dlib?flip=mean")


def test_a_network_can_be_run_with_another_preprocessing() -> None:
    """Mean, std and channel order change; the network and the rest of the contract stay."""
    crop = np.arange(48, dtype=np.uint8).reshape(1, 4, 4, 3)
    declared = embedder(Pixels(), flip="concat", l2=False)

    other = declared.with_preprocessing(Preprocessing(mean=(1.0, 2.0, 3.0), std=(2.0, 2.0, 2.0), colour="bgr"))

    assert isinstance(declared, Probeable)
    assert other.network is declared.network
    one_way = ((crop[..., ::-1] - np.array([1, 2, 3])) / 2).transpose(0, 3, 1, 2)
    expected = np.hstack((one_way.reshape(1, -1), one_way[..., ::-1].reshape(1, -1)))
    np.testing.assert_array_equal(other.embed(crop), expected)
