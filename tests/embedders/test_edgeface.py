"""EdgeFace in both published forms, and weights that users provide."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from facecheck.embedders import Embeddings
from facecheck.embedders.checkpoints import WEIGHTS_VARIABLE, known_file, read_state
from facecheck.embedders.edgeface import EDGEFACES, edgeface, full_rank
from facecheck.errors import ModelError
from facecheck.faces import Image
from facecheck.models import Settings, build, check
from facecheck.models.recognizer import Recognizer
from facecheck.storage.weights import file_sha256
from tests.support.hostile import Hostile
from tests.support.photographs import crowd
from tests.support.weights_at_hand import at_hand

CPU = Settings(device=torch.device("cpu"))


def network_of(kind: str, seed: int = 0) -> nn.Module:
    """Return timm's network with random weights."""
    torch.manual_seed(seed)
    network: nn.Module = timm.create_model(EDGEFACES[kind].timm_name, pretrained=False, num_classes=512)
    return network.eval()


def crops(count: int = 2) -> Image:
    return np.random.default_rng(0).integers(0, 256, (count, 112, 112, 3)).astype(np.uint8)


@pytest.mark.parametrize(("kind", "parameters"), [("edgeface-xs", 2_242_620), ("edgeface-xxs", 1_244_744)])
def test_the_networks_are_of_the_published_size(kind: str, parameters: int) -> None:
    """1.24 million for XXS, by the authors' table; their 1.77 million for XS is after its layers were split."""
    assert sum(p.numel() for p in network_of(kind).parameters()) == parameters


def test_it_answers_as_timm_does_to_pixels_between_minus_one_and_one(tmp_path: Path) -> None:
    """(x / 255 - 0.5) / 0.5, RGB, length one: the contract, written out once more."""
    network = network_of("edgeface-xxs")
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    fed = torch.from_numpy((crops().astype(np.float32) / 255 - 0.5) / 0.5).permute(0, 3, 1, 2)
    with torch.inference_mode():
        expected = nn.functional.normalize(network(fed)).numpy()

    recognizer = build(f"edgeface-xxs?weights={tmp_path}/w.safetensors", CPU)

    np.testing.assert_allclose(recognizer.embed(crops()), expected, atol=1e-5)
    assert recognizer.name == "edgeface-xxs?weights=w"
    assert recognizer.aligner.identity == "five-point(112)"


def split(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return low-rank halves under the authors' names, and the state that they multiply out to."""
    halves: dict[str, Tensor] = {}
    whole = dict(state)
    generator = torch.Generator().manual_seed(1)
    for name, tensor in state.items():
        layer, _, part = name.rpartition(".")
        linear = tensor.ndim == 2 and part == "weight" and not layer.startswith("head")
        if linear:
            rank = max(2, int(min(tensor.shape) * 0.6))
            inner = torch.randn(rank, tensor.shape[1], generator=generator) / 20
            outer = torch.randn(tensor.shape[0], rank, generator=generator) / 20
            halves[f"model.{layer}.linear1.weight"] = inner
            halves[f"model.{layer}.linear2.weight"] = outer
            whole[name] = torch.einsum("or,ri->oi", outer, inner)
        elif part == "bias" and state.get(f"{layer}.weight", tensor).ndim == 2 and not layer.startswith("head"):
            halves[f"model.{layer}.linear2.bias"] = tensor
        else:
            halves[f"model.{name}"] = tensor
    return halves, whole


def test_layers_that_were_split_into_two_of_low_rank_are_multiplied_out(tmp_path: Path) -> None:
    """The authors' own file of EdgeFace-XS (gamma 0.6) holds such halves, under another prefix."""
    network = network_of("edgeface-xs")
    halves, whole = split(network.state_dict())
    torch.save(halves, tmp_path / "edgeface_xs_gamma_06.pt")
    network.load_state_dict(whole, strict=True)

    ours, threshold = edgeface("edgeface-xs", tmp_path / "edgeface_xs_gamma_06.pt")

    assert any(".linear1." in name for name in halves)
    assert threshold is None, "these are not the weights that it was chosen for"
    fed = torch.randn(2, 3, 112, 112, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        torch.testing.assert_close(ours.eval()(fed), network(fed), atol=1e-5, rtol=1e-5)


def test_whole_layers_stay_as_they_are() -> None:
    """Nothing but the prefix changes in a state dict without halves."""
    state = network_of("edgeface-xxs").state_dict()
    again = full_rank({f"model.{name}": tensor for name, tensor in state.items()}, {}, Path("any"))

    assert again.keys() == state.keys()
    assert all(again[name] is state[name] for name in state)


def test_weights_of_another_size_are_refused(tmp_path: Path) -> None:
    """With the file's name and the first names that do not fit."""
    save_file(network_of("edgeface-xs").state_dict(), tmp_path / "xs.safetensors")

    with pytest.raises(ModelError, match=r"xs\.safetensors: these weights are of another network: .*"):
        build(f"edgeface-xxs?weights={tmp_path}/xs.safetensors", CPU)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that FACECHECK_WEIGHTS names."""
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path))
    return tmp_path


def put(path: Path, content: bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return file_sha256(path)


@pytest.mark.parametrize("below", ["", "a", "a/b"])
def test_a_file_is_found_up_to_two_folders_below(folder: Path, below: str) -> None:
    """By name and hash; one of the same name with another hash is passed over."""
    put(folder / "0" / "w.bin", b"another release")
    sha256 = put(folder / below / "w.bin", b"weights")

    assert known_file("w.bin", sha256) == folder / below / "w.bin"


def test_a_file_further_below_is_not_looked_for(folder: Path) -> None:
    """A whole disk is not searched."""
    sha256 = put(folder / "a" / "b" / "c" / "w.bin", b"weights")

    assert known_file("w.bin", sha256) is None


def test_a_known_name_with_another_hash_is_refused(folder: Path) -> None:
    """With the way to ask for weights of one's own."""
    put(folder / "w.bin", b"weigh")

    with pytest.raises(ModelError, match=r"w\.bin: sha256 is not 0{64}: .*\?weights=.*w\.bin"):
        known_file("w.bin", "0" * 64)


def test_a_folder_that_is_not_there_is_reported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt variable is not the same as no variable."""
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(folder / "gone"))

    with pytest.raises(ModelError, match=f"{WEIGHTS_VARIABLE}=.*gone: no such folder"):
        known_file("w.bin", "0" * 64)


def test_missing_weights_name_the_ways_to_provide_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """The option, the authors' page and the variable."""
    monkeypatch.delenv(WEIGHTS_VARIABLE, raising=False)

    with pytest.raises(ModelError) as raised:
        build("edgeface-xs", CPU)

    for way in (
        "edgeface-xs?weights=/path/to/edgeface_xs.safetensors",
        "github.com/otroshi/edgeface",
        WEIGHTS_VARIABLE,
    ):
        assert way in str(raised.value)


def test_a_file_that_runs_code_is_not_opened(tmp_path: Path) -> None:
    """Neither alone nor among tensors, and nothing of it is run."""
    trace = tmp_path / "trace"
    torch.save({"head.weight": torch.zeros(2), "x": Hostile(trace)}, tmp_path / "w.pt")

    with pytest.raises(ModelError, match=r"w\.pt: not a file of weights alone"):
        read_state(tmp_path / "w.pt")

    assert not trace.exists()


@pytest.mark.parametrize("name", ["w.pt", "w.pth", "w.safetensors"])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"weights", id="text"),
        pytest.param(b"\x80\x02}q\x00.", id="empty dict of pickle"),
        pytest.param(b"\xff" * 100, id="noise"),
        pytest.param(b"PK\x03\x04" + bytes(60), id="head of a zip file"),
        pytest.param((2**62).to_bytes(8, "little") + b"{}", id="claims an exabyte"),
    ],
)
def test_damaged_files_are_refused_by_name(name: str, content: bytes, tmp_path: Path) -> None:
    """Never an error of the reader's own."""
    (tmp_path / name).write_bytes(content)

    with pytest.raises(ModelError, match=name.replace(".", r"\.")):
        build(f"edgeface-xxs?weights={tmp_path / name}", CPU)


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    """At any place."""
    for name, save in (("w.safetensors", save_file), ("w.pt", torch.save)):
        save({"a": torch.arange(1000.0)}, tmp_path / name)
        whole = (tmp_path / name).read_bytes()
        for length in (1, 9, len(whole) // 2, len(whole) - 1):
            (tmp_path / name).write_bytes(whole[:length])
            with pytest.raises(ModelError, match=name.replace(".", r"\.")):
                read_state(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "described"),
    [
        pytest.param([torch.zeros(1)], "not list", id="list"),
        pytest.param({"optimizer": {"a": torch.zeros(1)}, "epoch": 3}, "not dict of optimizer, epoch", id="nested"),
    ],
)
def test_what_is_no_state_dict_is_described(content: object, described: str, tmp_path: Path) -> None:
    """So that its owner sees what to remove."""
    torch.save(content, tmp_path / "w.pt")

    with pytest.raises(ModelError, match=f"expected a state dict, names to tensors, .*{described}"):
        read_state(tmp_path / "w.pt")


def test_an_option_of_another_model_is_refused() -> None:
    """EdgeFace is aligned by five points: there is no margin."""
    with pytest.raises(ModelError, match="edgeface-xs has no option 'margin'"):
        check("edgeface-xs?margin=3")


def test_slow_libraries_wait_until_a_model_asks_for_them() -> None:
    """A run without EdgeFace and ONNX does not pay for timm and onnxruntime."""
    script = "import sys, facecheck.models; print(sorted({'timm', 'onnxruntime', 'onnx'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def embed_one(recognizer: Recognizer, image: Image) -> Embeddings:
    chosen = recognizer.policy.choose(recognizer.detector.detect([image])[0], image.shape)
    assert chosen is not None
    return np.asarray(recognizer.embed(recognizer.aligner.align(image, chosen)[None])[0])


@pytest.mark.parametrize("kind", list(EDGEFACES))
def test_the_published_weights_distinguish_two_people(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by name, hashed, loaded strictly; the declared threshold separates impostors and accepts genuine pairs."""
    path = at_hand(EDGEFACES[kind].file)
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(path.parent))
    recognizer = build(kind, CPU)
    hopper, collins, mirrored, also = (embed_one(recognizer, image) for image in crowd()[:4])

    assert recognizer.contract.threshold == EDGEFACES[kind].threshold
    assert np.linalg.norm(hopper - collins) > EDGEFACES[kind].threshold
    assert np.linalg.norm(hopper - mirrored) <= EDGEFACES[kind].threshold
    assert np.linalg.norm(collins - also) <= EDGEFACES[kind].threshold


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param((200_000, 1), (1, 200_000), id="a product that fits no memory"),
        pytest.param((64, 3), (4, 64), id="halves that do not fit each other"),
        pytest.param((64,), (64, 64), id="no matrix"),
    ],
)
def test_halves_that_make_no_layer_are_refused(left: tuple[int, ...], right: tuple[int, ...], tmp_path: Path) -> None:
    """Before they are multiplied."""
    layer = "model.stages.0.blocks.0.mlp.fc1"
    save_file(
        {f"{layer}.linear2.weight": torch.zeros(left), f"{layer}.linear1.weight": torch.zeros(right)},
        tmp_path / "x.safetensors",
    )

    with pytest.raises(ModelError, match=r"x\.safetensors: these weights are of another network: .* product of"):
        edgeface("edgeface-xs", tmp_path / "x.safetensors")


def test_a_file_that_decompresses_to_more_than_memory_is_refused(tmp_path: Path) -> None:
    """Torch compresses nothing; 100 MB of zeros compress to 0.1 MB."""
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data.pkl", b"\0" * 100_000_000)

    assert path.stat().st_size < 200_000
    with pytest.raises(ModelError, match=r"bomb\.pth: not as torch writes it: 100 MB"):
        read_state(path)
