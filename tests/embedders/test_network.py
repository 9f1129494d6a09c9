"""Any torch module is an embedder, also one that minds in which order its input is stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facecheck.embedders.network import NetworkEmbedder
from facecheck.embedders.preprocessing import ZERO_TO_1, ZERO_TO_255
from facecheck.errors import ModelError
from facecheck.faces import Image
from facecheck.models import Settings, build, torch_recognizer

# Making TorchScript is deprecated; what is tested is reading existing files.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning", "ignore:.*torch.jit:DeprecationWarning")
CPU = torch.device("cpu")
SIDE = 112


class Flattening(nn.Module):
    """A small ArcFace-like network: convolutions, then ``view(n, -1)``, which needs contiguous features."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, stride=4), nn.BatchNorm2d(8), nn.PReLU(8), nn.Conv2d(8, 6, 3, 3))
        self.head = nn.Linear(6 * 9 * 9, 16)
        self.calls = 0

    def forward(self, pixels: Tensor) -> Tensor:
        self.calls += 1
        features: Tensor = self.body(pixels)
        vectors: Tensor = self.head(features.view(features.size(0), -1))
        return vectors


class Strict(nn.Module):
    """Refuses what is not contiguous, in its own words."""

    def forward(self, pixels: Tensor) -> Tensor:
        if not pixels.is_contiguous():
            raise ValueError("not my order")
        return pixels.mean((2, 3))


class Broken(nn.Module):
    """Never runs."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3)

    def forward(self, pixels: Tensor) -> Tensor:
        raise RuntimeError(f"nothing goes with {tuple(pixels.shape)}")


def crops(count: int) -> Image:
    return np.random.default_rng(count).integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)


def alone(network: nn.Module, pictures: Image) -> np.ndarray:
    """Return what the network answers without facecheck."""
    pixels = torch.from_numpy(pictures).permute(0, 3, 1, 2).float().contiguous() / 255
    with torch.no_grad():
        return np.asarray(nn.functional.normalize(network.eval()(pixels)).numpy())


@pytest.mark.parametrize("count", [1, 5])
def test_a_network_that_flattens_with_view_answers_as_it_does_alone(count: int) -> None:
    """The same vectors, at any number of crops."""
    expected = alone(Flattening(), crops(count))

    embedder = NetworkEmbedder(Flattening(), device=CPU, preprocessing=ZERO_TO_1)

    np.testing.assert_allclose(embedder.embed(crops(count)), expected, rtol=0, atol=1e-6)


def test_the_order_is_found_once() -> None:
    """The first batch runs twice, every later one once, with other preprocessing too."""
    network = Flattening()
    embedder = NetworkEmbedder(network, device=CPU, preprocessing=ZERO_TO_1)

    embedder.embed(crops(2))
    assert network.calls == 2
    embedder.embed(crops(3))
    embedder.with_preprocessing(ZERO_TO_255).embed(crops(2))
    embedder.embed(crops(1))

    assert network.calls == 5


def test_other_preprocessing_of_a_view_network_may_come_first() -> None:
    """The two embedders share one network, and both can run."""
    embedder = NetworkEmbedder(Flattening(), device=CPU, preprocessing=ZERO_TO_255)

    as_0_to_1 = embedder.with_preprocessing(ZERO_TO_1).embed(crops(2))

    np.testing.assert_allclose(as_0_to_1, alone(Flattening(), crops(2)), rtol=0, atol=1e-6)
    assert embedder.embed(crops(2)).shape == (2, 16)


def test_a_network_that_bears_channels_last_keeps_it() -> None:
    """Nothing is computed twice, and weights stay in the order that is fastest."""
    convolution = nn.Conv2d(3, 4, 3)
    network = nn.Sequential(convolution, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    calls = []
    network.register_forward_pre_hook(lambda _, inputs: calls.append(inputs[0].is_contiguous()))

    embedder = NetworkEmbedder(network, device=CPU)
    embedder.embed(crops(2))
    embedder.embed(crops(3))

    assert calls == [False, False]
    assert convolution.weight.is_contiguous(memory_format=torch.channels_last)


def test_whatever_the_network_says_about_the_order_it_runs() -> None:
    """Not only torch's own message."""
    embedder = NetworkEmbedder(Strict(), device=CPU, preprocessing=ZERO_TO_1)

    assert embedder.embed(crops(2)).shape == (2, 3)


def test_a_network_that_never_runs_says_so_itself() -> None:
    """Its own error comes out, and its weights stay as they were."""
    network = Broken()
    embedder = NetworkEmbedder(network, device=CPU)

    for _ in range(2):
        with pytest.raises(ModelError, match=r"RuntimeError: nothing goes with \(2, 3, 112, 112\)"):
            embedder.embed(crops(2))

    assert network.body.weight.is_contiguous(memory_format=torch.channels_last)


def test_a_recogniser_of_a_view_network_has_a_fingerprint_and_embeds() -> None:
    """Through the function that users' factories call."""
    recognizer = torch_recognizer("view", Flattening(), Settings(device=CPU), mean=(0.0,) * 3, std=(255.0,) * 3)

    assert len(recognizer.fingerprint) == 64
    np.testing.assert_allclose(recognizer.embed(crops(4)), alone(Flattening(), crops(4)), rtol=0, atol=1e-6)


def test_a_torchscript_file_with_view_runs(tmp_path: Path) -> None:
    """Its error comes wrapped in the file's own."""
    scripted = torch.jit.trace(Flattening().eval(), torch.rand(2, 3, SIDE, SIDE))  # type: ignore[no-untyped-call]
    scripted.save(tmp_path / "view.pt")

    recognizer = build(f"torchscript:{tmp_path / 'view.pt'}?size=112&mean=0&std=255", Settings(device=CPU))

    assert recognizer.embed(crops(3)).shape == (3, 16)


def test_a_file_that_cannot_run_still_names_itself(tmp_path: Path) -> None:
    """A network of another size than it was asked for."""
    scripted = torch.jit.trace(Flattening().eval(), torch.rand(2, 3, SIDE, SIDE))  # type: ignore[no-untyped-call]
    scripted.save(tmp_path / "view.pt")

    recognizer = build(f"torchscript:{tmp_path / 'view.pt'}?size=160&mean=0&std=255", Settings(device=CPU))

    with pytest.raises(ModelError, match=r"view\.pt: cannot run \(1, 3, 160, 160\) pictures"):
        recognizer.embed(np.zeros((1, 160, 160, 3), dtype=np.uint8))
