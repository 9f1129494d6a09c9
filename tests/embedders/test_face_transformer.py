"""Face-Transformer against a second, slow implementation of the architecture in numpy."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import scipy.special
import torch
from torch import Tensor

from facecheck.embedders.face_transformer import FACE_TRANSFORMERS, FaceTransformer, Variant, published, untrained
from facecheck.errors import ModelError
from facecheck.faces import Image
from facecheck.models import Settings, build

CPU = Settings(device=torch.device("cpu"))
Array = npt.NDArray[np.float64]
P8S8 = "face-transformer-p8s8"


def names(patch: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield every name and shape of a published checkpoint, without its training head."""
    yield "pos_embedding", (1, 197, 512)
    yield "cls_token", (1, 1, 512)
    yield "patch_to_embedding.weight", (512, 3 * patch * patch)
    yield "patch_to_embedding.bias", (512,)
    for layer in (f"transformer.layers.{number}" for number in range(20)):
        for part in (0, 1):
            yield f"{layer}.{part}.fn.norm.weight", (512,)
            yield f"{layer}.{part}.fn.norm.bias", (512,)
        yield f"{layer}.0.fn.fn.to_qkv.weight", (1536, 512)
        yield f"{layer}.0.fn.fn.to_out.0.weight", (512, 512)
        yield f"{layer}.0.fn.fn.to_out.0.bias", (512,)
        yield f"{layer}.1.fn.fn.net.0.weight", (2048, 512)
        yield f"{layer}.1.fn.fn.net.0.bias", (2048,)
        yield f"{layer}.1.fn.fn.net.3.weight", (512, 2048)
        yield f"{layer}.1.fn.fn.net.3.bias", (512,)
    yield "mlp_head.0.weight", (512,)
    yield "mlp_head.0.bias", (512,)


def checkpoint(patch: int = 8) -> dict[str, Tensor]:
    """Return random weights that make every part count: attention that chooses, norms that scale, biases."""
    generator = torch.Generator().manual_seed(0)
    made = {name: torch.randn(shape, generator=generator) for name, shape in names(patch)}
    scales = {
        "to_qkv.weight": 0.1,
        "norm.weight": 1.0,
        "mlp_head.0.weight": 1.0,
        "pos_embedding": 1.0,
        "cls_token": 1.0,
    }
    return {
        name: tensor * next((scale for end, scale in scales.items() if name.endswith(end)), 0.04)
        for name, tensor in made.items()
    }


def windows_by_loops(pixels: Array, patch: int, stride: int, padding: int, *, channel_last: bool) -> Array:
    """List the windows of a picture (3, 112, 112) number by number."""
    bordered = np.zeros((3, 112 + 2 * padding, 112 + 2 * padding))
    bordered[:, padding : padding + 112, padding : padding + 112] = pixels
    listed = []
    for top, left in itertools.product(range(0, 14 * stride, stride), repeat=2):
        places = (
            [(c, y, x) for y in range(patch) for x in range(patch) for c in range(3)]
            if channel_last
            else [(c, y, x) for c in range(3) for y in range(patch) for x in range(patch)]
        )
        listed.append([bordered[c, top + y, left + x] for c, y, x in places])
    return np.array(listed)


def normed(values: Array, weight: Array, bias: Array) -> Array:
    middle = values.mean(axis=-1, keepdims=True)
    spread = np.sqrt(((values - middle) ** 2).mean(axis=-1, keepdims=True) + 1e-5)
    return np.asarray((values - middle) / spread * weight + bias)


def slow(weights: dict[str, Array], patches: Array, *, scale: float = 512**-0.5) -> Array:
    """Run the published architecture on the (196, k) patches of one picture."""
    tokens = patches @ weights["patch_to_embedding.weight"].T + weights["patch_to_embedding.bias"]
    tokens = np.concatenate((weights["cls_token"][0], tokens)) + weights["pos_embedding"][0]
    for number in range(20):
        one, two = (f"transformer.layers.{number}.{part}.fn" for part in (0, 1))
        calm = normed(tokens, weights[f"{one}.norm.weight"], weights[f"{one}.norm.bias"])
        query, key, value = np.split(calm @ weights[f"{one}.fn.to_qkv.weight"].T, 3, axis=1)
        heads = []
        for head in range(8):
            mine = slice(64 * head, 64 * head + 64)
            dots = np.einsum("id,jd->ij", query[:, mine], key[:, mine]) * scale
            share = np.exp(dots - dots.max(axis=1, keepdims=True))
            heads.append((share / share.sum(axis=1, keepdims=True)) @ value[:, mine])
        mixed = np.concatenate(heads, axis=1)
        tokens = mixed @ weights[f"{one}.fn.to_out.0.weight"].T + weights[f"{one}.fn.to_out.0.bias"] + tokens
        calm = normed(tokens, weights[f"{two}.norm.weight"], weights[f"{two}.norm.bias"])
        hidden = calm @ weights[f"{two}.fn.net.0.weight"].T + weights[f"{two}.fn.net.0.bias"]
        bent = hidden * 0.5 * (1 + scipy.special.erf(hidden / math.sqrt(2)))
        tokens = bent @ weights[f"{two}.fn.net.3.weight"].T + weights[f"{two}.fn.net.3.bias"] + tokens
    return np.asarray(normed(tokens, weights["mlp_head.0.weight"], weights["mlp_head.0.bias"])[0])


def in_numpy(weights: dict[str, Tensor]) -> dict[str, Array]:
    return {name: tensor.double().numpy() for name, tensor in weights.items()}


def picture(seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (112, 112, 3)).astype(np.uint8)


def patches_of(image: Image, variant: Variant) -> Array:
    """Cut a picture up as the paper says for this variant."""
    return windows_by_loops(
        image.transpose(2, 0, 1).astype(np.float64),
        variant.patch,
        variant.stride,
        variant.padding,
        channel_last=variant.patch == variant.stride,
    )


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint as the authors' training saves it: the head of its loss is in it."""
    path = tmp_path_factory.mktemp("weights") / "Backbone_VIT_checkpoint.pth"
    torch.save(checkpoint() | {"loss.weight": torch.zeros(7, 512)}, path)
    return path


def test_the_whole_pipeline_agrees_with_the_slow_one(weights_file: Path) -> None:
    """Raw 0..255 RGB through a published checkpoint's names, length one: within 1e-5 in float32."""
    recognizer = build(f"{P8S8}?weights={weights_file}", CPU)
    expected = slow(in_numpy(checkpoint()), patches_of(picture(), FACE_TRANSFORMERS[P8S8]))

    ours = recognizer.embed(picture()[None])[0]

    np.testing.assert_allclose(ours, expected / np.linalg.norm(expected), atol=1e-5)
    assert recognizer.name == f"{P8S8}?weights=Backbone_VIT_checkpoint"
    assert recognizer.aligner.identity == "five-point(112)"
    assert recognizer.contract.threshold is None


def test_in_double_precision_the_two_agree_further(weights_file: Path) -> None:
    """So the 1e-5 above is rounding, not the architecture; scaling by a head's width would be detected."""
    image = picture(1)
    patches = patches_of(image, FACE_TRANSFORMERS[P8S8])
    network = published(P8S8, weights_file).double().eval()
    with torch.inference_mode():
        ours = network(torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.float64)))[0].numpy()

    np.testing.assert_allclose(ours, slow(in_numpy(checkpoint()), patches), atol=1e-9)
    assert np.abs(ours - slow(in_numpy(checkpoint()), patches, scale=64**-0.5)).max() > 0.1


@pytest.mark.parametrize("kind", list(FACE_TRANSFORMERS))
def test_windows_are_cut_and_listed_as_published(kind: str) -> None:
    """196 of them, each number where the loops put it."""
    variant = FACE_TRANSFORMERS[kind]
    image = picture(2)
    with torch.device("meta"):
        network = FaceTransformer(variant)

    ours = network._windows(torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.float64)))[0].numpy()

    assert ours.shape == (196, 3 * variant.patch**2)
    np.testing.assert_array_equal(ours, patches_of(image, variant))


@pytest.mark.parametrize(
    ("kind", "patch", "stride", "padding", "numbers"),
    [
        pytest.param("face-transformer-p8s8", 8, 8, 0, 192, id="p8s8"),
        # The training log prints Unfold(kernel_size=(10, 10), padding=(1, 1), stride=(8, 8)) and Linear(300, 512).
        pytest.param("face-transformer-p10s8", 10, 8, 1, 300, id="p10s8"),
        pytest.param("face-transformer-p12s8", 12, 8, 4, 432, id="p12s8"),
    ],
)
def test_the_variants(kind: str, patch: int, stride: int, padding: int, numbers: int) -> None:
    """Patch, stride, padding and a window's numbers, from the authors' code and log."""
    assert FACE_TRANSFORMERS[kind] == Variant(patch, stride, padding)
    with torch.device("meta"):
        assert FaceTransformer(Variant(patch, stride, padding)).patch_to_embedding.in_features == numbers


@pytest.mark.parametrize("kind", list(FACE_TRANSFORMERS))
def test_names_and_sizes_are_those_of_the_checkpoints(kind: str) -> None:
    """Counted by hand: twenty layers of 3,150,848, and what stands before and after them."""
    variant = FACE_TRANSFORMERS[kind]
    with torch.device("meta"):
        network = FaceTransformer(variant)
    attention = 2 * 512 + 512 * 1536 + 512 * 512 + 512
    mlp = 2 * 512 + 512 * 2048 + 2048 + 2048 * 512 + 512
    around = 197 * 512 + 512 + 3 * variant.patch**2 * 512 + 512 + 2 * 512

    assert {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()} == dict(names(variant.patch))
    assert sum(p.numel() for p in network.parameters()) == 20 * (attention + mlp) + around
    assert attention + mlp == 3_150_848


def test_p8s8_has_the_published_63_million() -> None:
    """63.2 million, and 63.3 for P12S8."""
    with torch.device("meta"):
        counts = [
            sum(p.numel() for p in FaceTransformer(FACE_TRANSFORMERS[f"face-transformer-{v}"]).parameters())
            for v in ("p8s8", "p12s8")
        ]

    assert counts == [63_218_176, 63_341_056]


@pytest.mark.parametrize(
    ("patch", "stride", "padding"),
    [
        pytest.param(8, 8, 4, id="fifteen a side"),
        pytest.param(12, 8, 0, id="thirteen a side"),
        pytest.param(200, 8, 0, id="larger than the crop"),
    ],
)
def test_another_number_of_windows_is_refused(patch: int, stride: int, padding: int) -> None:
    """There is a learned position for each of 196."""
    with pytest.raises(ModelError, match=rf"patches of {patch} px, {stride} px apart.* do not give 14 windows a side"):
        Variant(patch, stride, padding)


@pytest.mark.parametrize("stride", range(1, 20))
@pytest.mark.parametrize("patch", [1, 2, 8, 9, 16])
def test_the_computed_padding_is_the_least(patch: int, stride: int) -> None:
    """With one pixel less there are fewer windows; strides too small for the crop are refused."""
    if 13 * stride + patch + stride <= 112:
        with pytest.raises(ModelError, match="14 windows a side"):
            Variant.covering(patch, stride)
        return
    variant = Variant.covering(patch, stride)

    assert variant.padding == 0 or (112 + 2 * (variant.padding - 1) - patch) // stride + 1 < 14


def without(name: str) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    return lambda state: {key: tensor for key, tensor in state.items() if key != name}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(without("cls_token"), "cls_token", id="one missing"),
        pytest.param(lambda state: state | {"extra": torch.zeros(1)}, "extra", id="one more"),
        pytest.param(lambda state: state | {"pos_embedding": torch.zeros(1, 145, 512)}, "pos_embedding", id="shape"),
        pytest.param(
            lambda state: state | {"patch_to_embedding.weight": torch.zeros(512, 432)}, "patch_to_embedding", id="p12"
        ),
    ],
)
def test_a_checkpoint_of_another_network_is_refused(
    change: Callable[[dict[str, Tensor]], dict[str, Tensor]], message: str, tmp_path: Path
) -> None:
    """Strictly, with the names that do not fit."""
    small = {name: torch.zeros(shape).to(torch.float16) for name, shape in names(8)}
    torch.save(change(small), tmp_path / "w.pth")

    with pytest.raises(ModelError, match=rf"w\.pth: these weights are of another network: (.|\n)*{message}"):
        published(P8S8, tmp_path / "w.pth")


def test_the_head_of_a_softmax_is_left_out(tmp_path: Path) -> None:
    """It is a linear layer with a bias, where the margin losses have a weight only."""
    small = {name: torch.zeros(shape).to(torch.float16) for name, shape in names(8)}
    torch.save(small | {"loss.weight": torch.zeros(7, 512), "loss.bias": torch.zeros(7)}, tmp_path / "w.pth")

    assert not any(name.startswith("loss") for name, _ in published(P8S8, tmp_path / "w.pth").named_parameters())


def test_the_variants_are_the_authors() -> None:
    """P8S12 was never theirs."""
    with pytest.raises(ModelError, match=r"face-transformer-p8s12.* Did you mean face-transformer-p8s8"):
        build("face-transformer-p8s12?weights=random", CPU)


def test_missing_weights_name_the_ways_to_provide_them() -> None:
    """The page that links them, the option, and the untrained network."""
    with pytest.raises(ModelError) as raised:
        build(P8S8, CPU)

    for way in ("github.com/zhongyy/Face-Transformer", f"{P8S8}?weights=/path/to/", f"{P8S8}?weights=random"):
        assert way in str(raised.value)


def test_the_untrained_network_says_so_wherever_it_is_named() -> None:
    """In the model's name and in the contract; the same weights every time."""
    recognizer = build(f"{P8S8}?weights=random", CPU)
    again = untrained(P8S8).state_dict()

    assert recognizer.name == f"{P8S8}?weights=random"
    assert re.fullmatch(r"random, never trained: [0-9a-f]{64}", recognizer.contract.weights_sha256)
    assert all(torch.equal(tensor, again[name]) for name, tensor in untrained(P8S8).state_dict().items())
    vectors = recognizer.embed(np.stack((picture(0), picture(1))))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-4, "it answers the same to everything"
