"""TorchScript and torch.export archives: what they answer, and that a hostile one does nothing."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facecheck.embedders import Embeddings, archives
from facecheck.errors import ModelError
from facecheck.faces import Image
from facecheck.models import Settings, build
from facecheck.storage.weights import file_sha256
from tests.support.hostile import Hostile

# Making TorchScript is deprecated; what is tested is reading existing files.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*")

CPU = Settings(device=torch.device("cpu"))
SIDE = 16
HOW = "mean=10/20/30&std=2/4/8&l2=no"


class Small(nn.Module):
    """A network with convolution, batch norm, branches of shape arithmetic and a constant."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.GELU(), nn.AvgPool2d(2))
        self.head = nn.Linear(4 * (SIDE // 2) ** 2, 6)
        self.shift = torch.arange(6.0)

    def forward(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.layers(pixels)
        out: Tensor = self.head(features.reshape(features.shape[0], -1))
        return out + self.shift


@pytest.fixture(scope="module")
def network() -> Small:
    torch.manual_seed(0)
    made = Small().eval()
    with torch.no_grad():
        norm = made.layers[1]
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None
        norm.running_mean.normal_()
    return made


def crops(count: int) -> Image:
    return np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 3)).astype(np.uint8)


def by_hand(network: nn.Module, pictures: Image) -> Embeddings:
    fed = (pictures.astype(np.float32) - np.array([10, 20, 30])) / np.array([2, 4, 8])
    with torch.inference_mode():
        return np.asarray(network(torch.from_numpy(fed.transpose(0, 3, 1, 2).astype(np.float32))).numpy())


def saved_script(network: nn.Module, path: Path, *, traced: bool = False) -> Path:
    example = torch.zeros(2, 3, SIDE, SIDE)
    made = torch.jit.trace(network, example) if traced else torch.jit.script(network)  # type: ignore[no-untyped-call]
    torch.jit.save(made, path)
    return path


def saved_export(network: nn.Module, path: Path, *, batch: int | None = None) -> Path:
    shapes = None if batch else ({0: torch.export.Dim("n")},)
    program = torch.export.export(network, (torch.zeros(batch or 2, 3, SIDE, SIDE),), dynamic_shapes=shapes)
    torch.export.save(program, path)
    return path


@pytest.mark.parametrize("traced", [False, True], ids=["scripted", "traced"])
def test_torchscript_answers_as_the_network_does(traced: bool, network: Small, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter
    """Under the stated contract, for any number of pictures, without a warning."""
    path = saved_script(network, tmp_path / "m.pt", traced=traced)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recognizer = build(f"torchscript:{path}?size={SIDE}&{HOW}", CPU)
        for count in (1, 2, 5):
            np.testing.assert_allclose(recognizer.embed(crops(count)), by_hand(network, crops(count)), atol=1e-3)

    assert recognizer.name == "m"
    assert recognizer.contract.weights_sha256 == file_sha256(path)


@pytest.mark.parametrize("batch", [None, 1, 3], ids=["any", "one", "three"])
def test_an_exported_program_answers_as_the_network_does(batch: int | None, network: Small, tmp_path: Path) -> None:
    """Exported for any number of pictures, or for one or three, which are then run as often as needed."""
    path = saved_export(network, tmp_path / "m.pt2", batch=batch)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recognizer = build(f"export:{path}?{HOW}", CPU)
        for count in (1, 3, 5):
            np.testing.assert_allclose(recognizer.embed(crops(count)), by_hand(network, crops(count)), atol=1e-3)

    assert recognizer.aligner.shape == (SIDE, SIDE), "the archive tells its size"
    assert recognizer.embed(crops(0)).shape == (0, 6)


@pytest.mark.parametrize("kind", ["torchscript", "export"])
def test_the_contract_is_the_same_as_for_any_file(kind: str, network: Small, tmp_path: Path) -> None:
    """Stated or refused; BGR and flip are options."""
    path = (saved_script if kind == "torchscript" else saved_export)(network, tmp_path / "m.pt2")

    with pytest.raises(ModelError, match=r"State .*mean, std"):
        build(f"{kind}:{path}", CPU)
    recognizer = build(f"{kind}:{path}?size={SIDE}&{HOW}&colour=bgr&flip=concat", CPU)
    turned = crops(2)[..., ::-1]
    expected = np.hstack((by_hand(network, turned), by_hand(network, turned[:, :, ::-1])))
    np.testing.assert_allclose(recognizer.embed(crops(2)), expected, atol=1e-3)


class Pooled(nn.Module):
    """Answers the mean of each channel, for crops of any size."""

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels.mean((2, 3))


@pytest.mark.parametrize(
    ("name", "colour", "mean"),
    [
        pytest.param("mobilefacenet_scripted.pt", "rgb", 123.675, id="foamliu's release"),
        pytest.param("adaface_ir50_webface4m.pt", "bgr", 127.5, id="adaface"),
    ],
)
def test_known_names_bring_their_contract(name: str, colour: str, mean: float, tmp_path: Path) -> None:
    """As in ONNX: nothing need be stated, and nothing else may be."""
    path = saved_script(Pooled(), tmp_path / name)

    contract = build(f"torchscript:{path}", CPU).contract

    assert (contract.preprocessing.colour, contract.preprocessing.mean[0]) == (colour, mean)
    with pytest.raises(ModelError, match=r"which takes std=.* not std=1 "):
        build(f"torchscript:{path}?std=1", CPU)


@pytest.mark.parametrize("kind", ["torchscript", "export"])
def test_another_precision_is_computed_in(kind: str, network: Small, tmp_path: Path) -> None:
    """bf16 is near fp32, and not equal to it."""
    path = (saved_script if kind == "torchscript" else saved_export)(network, tmp_path / "m.pt2")
    full, half = (
        build(f"{kind}:{path}?size={SIDE}&mean=127.5&std=127.5", Settings(device=CPU.device, precision=precision))
        for precision in ("fp32", "bf16")
    )

    difference = np.abs(full.embed(crops(2)) - half.embed(crops(2))).max()

    assert 0 < difference < 0.05


def test_a_torchscript_network_has_no_known_size(network: Small, tmp_path: Path) -> None:
    """So it must be stated."""
    with pytest.raises(ModelError, match="State size:"):
        build(f"torchscript:{saved_script(network, tmp_path / 'm.pt')}?{HOW}", CPU)


class Pair(nn.Module):
    """Gives two tensors."""

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        return pixels.mean((2, 3)), pixels.mean((2, 3))


class Mixed(nn.Module):
    """Gives one vector for all pictures."""

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels.mean((0, 2, 3))


class Dropping(nn.Module):
    """Drops half of its numbers in training."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout()

    def forward(self, pixels: Tensor) -> Tensor:
        dropped: Tensor = self.drop(pixels.flatten(1))
        return dropped


def test_networks_of_another_form_are_refused(tmp_path: Path) -> None:
    """Two results, or one vector for all pictures."""
    pair = saved_export(Pair(), tmp_path / "pair.pt2")
    mixed = saved_script(Mixed(), tmp_path / "mixed.pt")

    with pytest.raises(ModelError, match=r"pair\.pt2: expected a network of one tensor to one tensor"):
        build(f"export:{pair}?{HOW}", CPU)
    with pytest.raises(ModelError, match=r"mixed\.pt: expected \(n, d\) for \(2, 3, 16, 16\) pictures, got \(3,\)"):
        build(f"torchscript:{mixed}?size={SIDE}&{HOW}", CPU).embed(crops(2))
    with pytest.raises(ModelError, match=r"pair\.pt: expected .* got tuple"):
        build(f"torchscript:{saved_script(Pair(), tmp_path / 'pair.pt')}?size={SIDE}&{HOW}", CPU).embed(crops(2))


@pytest.mark.parametrize("shape", [(2, 1, 16, 16), (2, 768)], ids=str)
def test_inputs_of_another_shape_are_described(shape: tuple[int, ...], tmp_path: Path) -> None:
    """Three channels, height and width are expected."""
    torch.export.save(torch.export.export(nn.Flatten(), (torch.zeros(shape),)), tmp_path / "m.pt2")

    with pytest.raises(ModelError, match=r"expected an input \(n, 3, h, w\), got \["):
        build(f"export:{tmp_path}/m.pt2?{HOW}", CPU)


def test_a_program_in_training_mode_is_refused(tmp_path: Path) -> None:
    """Its answers would be random; the message says what to call."""
    path = saved_export(Dropping().train(), tmp_path / "m.pt2")

    with pytest.raises(ModelError, match=r"exported in training mode.* call network\.eval\(\)"):
        build(f"export:{path}?{HOW}", CPU)


def test_crops_of_another_size_are_reported_with_the_file(network: Small, tmp_path: Path) -> None:
    """The network's own message, and the file."""
    path = saved_script(network, tmp_path / "m.pt")

    with pytest.raises(ModelError, match=r"m\.pt: cannot run \(1, 3, 8, 8\) pictures: "):
        build(f"torchscript:{path}?size=8&{HOW}", CPU).embed(np.zeros((1, 8, 8, 3), dtype=np.uint8))


# Hostile archives. Each would leave a trace if its code were run.


class Saves(nn.Module):
    """Writes what it sees to a file."""

    def __init__(self, trace: str) -> None:
        super().__init__()
        self.trace = trace

    def forward(self, pixels: Tensor) -> Tensor:
        torch.save(pixels, self.trace)
        return pixels.flatten(1)


class Reads(nn.Module):
    """Answers with somebody's file."""

    def forward(self, pixels: Tensor) -> Tensor:
        return torch.from_file("/etc/passwd", False, 48, dtype=torch.uint8).expand(len(pixels), 48)  # noqa: FBT003


def test_a_torchscript_program_that_touches_files_is_refused(tmp_path: Path) -> None:
    """Torch would have let it: the control shows it."""
    trace = tmp_path / "trace"
    saves = saved_script(Saves(str(trace)), tmp_path / "saves.pt")
    torch.jit.load(saves)(torch.zeros(1, 3, 4, 4))  # type: ignore[no-untyped-call]
    assert trace.exists(), "the control: torch itself does not refuse it"
    trace.unlink()

    with pytest.raises(ModelError, match=r"its program uses 'save' .*: not opened"):
        build(f"torchscript:{saves}?size=4&{HOW}", CPU)
    with pytest.raises(ModelError, match="its program uses 'from_file'"):
        build(f"torchscript:{saved_script(Reads(), tmp_path / 'reads.pt')}?size=4&{HOW}", CPU)
    assert not trace.exists()


def rewritten(path: Path, change: Callable[[str, bytes], bytes], *, more: dict[str, bytes] | None = None) -> Path:
    """Change an archive's entries, as an attacker would."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: change(name, archive.read(name)) for name in archive.namelist()}
        root = archive.namelist()[0].partition("/")[0]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in (entries | {f"{root}/{name}": content for name, content in (more or {}).items()}).items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("torch . save(pixels, 'TRACE')", id="spaces"),
        pytest.param("t = torch\n    t.save(pixels, 'TRACE')", id="another name"),
        pytest.param('getattr(torch, "\\x73ave")(pixels, "TRACE")', id="escaped"),
        pytest.param("getattr(torch, NAME)(pixels, 'TRACE')", id="by a variable"),
        pytest.param("ops.debugprims.load_tensor('TRACE', [1], [1], 0)", id="other operators"),
        pytest.param("x = torch.classes.any.Thing()", id="compiled classes"),
        pytest.param("ops.image.write_file('TRACE', pixels)", id="torchvision's writer"),
        pytest.param("x = ops . image . read_file('/etc/hostname')", id="torchvision's reader"),
        pytest.param("x = ops.somebody.elses(pixels)", id="another package's"),
    ],
)
def test_hidden_calls_in_torchscript_are_refused(line: str, tmp_path: Path) -> None:
    """Before torch parses any of it."""
    trace = tmp_path / "trace"
    path = saved_script(Mixed(), tmp_path / "m.pt")
    target = line.replace("TRACE", str(trace)).encode()

    def change(name: str, content: bytes) -> bytes:
        return (
            content.replace(b"    return ", b"    " + target + b"\n    return ")
            if name.endswith("test_archives.py")
            else content
        )

    with pytest.raises(ModelError, match="its program uses"):
        build(f"torchscript:{rewritten(path, change)}?size=4&{HOW}", CPU)
    assert not trace.exists()


def test_compiled_classes_in_a_pickle_of_torchscript_are_refused(tmp_path: Path) -> None:
    """Its program need not name them."""
    path = saved_script(Mixed(), tmp_path / "m.pt")

    def change(name: str, content: bytes) -> bytes:
        return content + b"c__torch__.torch.classes.any\nThing\n" if name.endswith("/data.pkl") else content

    with pytest.raises(ModelError, match=r"its program uses .*torch\.classes\.any"):
        build(f"torchscript:{rewritten(path, change)}?size=4&{HOW}", CPU)


@pytest.mark.parametrize("text", ["1" * 60 + "x", "1" * 4000, "-" * 60 + "x", "(" * 4000 + "x"])
def test_a_long_shape_is_checked_in_no_time(text: str) -> None:
    """Whatever its length: a pattern with two ways to read a number would try them all."""
    assert not archives._SHAPE.fullmatch(text)


Changes = tuple[Callable[[str, bytes], bytes], dict[str, bytes]]
Attack = Callable[[Path], Changes]


def opaque(trace: Path) -> Changes:
    def change(name: str, content: bytes) -> bytes:
        if not name.endswith("model_constants_config.json"):
            return content
        entry = {"path_name": "opaque_obj_0", "is_param": False, "use_pickle": True, "tensor_meta": None}
        return json.dumps({"config": json.loads(content)["config"] | {"x": entry}}).encode()

    return change, {"data/constants/opaque_obj_0": pickle.dumps(Hostile(trace))}


def pickled_weight(trace: Path) -> Changes:
    hidden = io.BytesIO()
    torch.save(Hostile(trace), hidden)

    def change(name: str, content: bytes) -> bytes:
        if name.endswith("data/weights/weight_0"):
            return hidden.getvalue()
        if not name.endswith("model_weights_config.json"):
            return content
        config = json.loads(content)
        next(iter(config["config"].values()))["use_pickle"] = True
        return json.dumps(config).encode()

    return change, {}


def sample_inputs(trace: Path) -> Changes:
    hidden = io.BytesIO()
    torch.save(Hostile(trace), hidden)
    return lambda name, content: hidden.getvalue() if name.endswith("sample_inputs/model.pt") else content, {}


def compiled(trace: Path) -> Changes:
    return lambda _, content: content, {"data/aotinductor/model/model.so": str(trace).encode()}


def program(
    edit: Callable[[Any, str], None],
) -> Attack:
    """Return a way to change the program's JSON; the second argument is Python that leaves the trace."""

    def attack(trace: Path) -> Changes:
        def change(name: str, content: bytes) -> bytes:
            if not name.endswith("models/model.json"):
                return content
            whole = json.loads(content)
            edit(whole, f"__import__('os').mkdir({str(trace)!r})")
            return json.dumps(whole).encode()

        return change, {}

    return attack


def shape(whole: Any, code: str) -> None:  # noqa: ANN401 - JSON
    whole["graph_module"]["graph"]["tensor_values"]["pixels"]["sizes"][0]["as_expr"]["expr_str"] = code


def shape_after_a_symbol(whole: Any, code: str) -> None:  # noqa: ANN401
    size = whole["graph_module"]["graph"]["tensor_values"]["pixels"]["sizes"][0]["as_expr"]
    size["expr_str"] = f"Add({size['expr_str']}, Integer({code}))"


def target(whole: Any, code: str) -> None:  # noqa: ANN401, ARG001
    whole["graph_module"]["graph"]["nodes"][0]["target"] = "torch.hub.load"


def file_operator(whole: Any, code: str) -> None:  # noqa: ANN401, ARG001
    whole["graph_module"]["graph"]["nodes"][0]["target"] = "torch.ops.aten.from_file.default"


def placeholder(whole: Any, code: str) -> None:  # noqa: ANN401
    graph = whole["graph_module"]["graph"]
    old, new = "pixels", f"pixels={code}"
    graph["tensor_values"][new] = graph["tensor_values"].pop(old)
    text = json.dumps(whole).replace(f'"name": "{old}"', f'"name": {json.dumps(new)}')
    whole.clear()
    whole.update(json.loads(text))


def key(whole: Any, code: str) -> None:  # noqa: ANN401
    whole["range_constraints"][code] = {"min_val": 0, "max_val": None}


ATTACKS: dict[str, Attack] = {
    "an opaque constant": opaque,
    "a pickled weight": pickled_weight,
    "a compiled library": compiled,
    "a shape": program(shape),
    "a shape after a symbol": program(shape_after_a_symbol),
    "a function of torch's": program(target),
    "an operator that reads files": program(file_operator),
    "a name in generated code": program(placeholder),
    "the name of a constraint": program(key),
}


@pytest.mark.parametrize("attack", list(ATTACKS))
def test_a_hostile_exported_program_is_refused_without_effect(attack: str, network: Small, tmp_path: Path) -> None:
    """Wherever its code is hidden."""
    trace = tmp_path / "trace"
    change, more = ATTACKS[attack](trace)
    path = rewritten(saved_export(network, tmp_path / "m.pt2"), change, more=more)

    with pytest.raises(ModelError, match=r"m\.pt2: "):
        build(f"export:{path}?{HOW}", CPU).embed(crops(1))
    assert not trace.exists()


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(opaque, id="opaque constant"),
        pytest.param(pickled_weight, id="pickled weight"),
        pytest.param(sample_inputs, id="sample inputs"),
        pytest.param(program(shape), id="shape"),
    ],
)
def test_torchs_own_loader_would_have_run_it(attack: Attack, network: Small, tmp_path: Path) -> None:
    """The control: these attacks are real, so that refusing them is worth the trouble."""
    trace = tmp_path / "trace"
    change, more = attack(trace)
    path = rewritten(saved_export(network, tmp_path / "m.pt2"), change, more=more)

    with contextlib.suppress(Exception):  # what it raises after the harm is done does not matter
        torch.export.load(path)

    assert trace.exists()


def guards(whole: Any, code: str) -> None:  # noqa: ANN401
    whole["guards_code"].append(code)


@pytest.mark.parametrize(
    "attack", [pytest.param(program(guards), id="guards"), pytest.param(sample_inputs, id="sample inputs")]
)
def test_what_is_not_needed_is_left_out_and_not_run(attack: Attack, network: Small, tmp_path: Path) -> None:
    """Python that torch runs at each call, and a pickle that it opens on the way: the network works without."""
    trace = tmp_path / "trace"
    change, more = attack(trace)
    path = rewritten(saved_export(network, tmp_path / "m.pt2"), change, more=more)

    vectors = build(f"export:{path}?{HOW}", CPU).embed(crops(2))

    np.testing.assert_allclose(vectors, by_hand(network, crops(2)), atol=1e-3)
    assert not trace.exists()


@pytest.mark.parametrize("kind", ["torchscript", "export"])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not an archive", id="text"),
        pytest.param(b"PK\x05\x06" + bytes(18), id="zip of nothing"),
        pytest.param(pickle.dumps({"a": 1}), id="pickle"),
    ],
)
def test_what_is_no_archive_is_refused_by_name(kind: str, content: bytes, tmp_path: Path) -> None:
    """Never an error of the loader's own."""
    (tmp_path / "m.pt2").write_bytes(content)

    with pytest.raises(ModelError, match=r"m\.pt2: not (an archive of torch's|a network|a torch\.export archive)"):
        build(f"{kind}:{tmp_path}/m.pt2?size=4&{HOW}", CPU)


@pytest.mark.parametrize("kind", ["torchscript", "export"])
def test_an_archive_of_the_other_kind_or_cut_short_is_refused(kind: str, network: Small, tmp_path: Path) -> None:
    """A state dict and the other program are zip files too."""
    own, other = (saved_script, saved_export) if kind == "torchscript" else (saved_export, saved_script)
    whole = own(network, tmp_path / "own.pt2").read_bytes()
    other(network, tmp_path / "other.pt2")
    torch.save(network.state_dict(), tmp_path / "state.pt2")
    for number, length in enumerate((10, len(whole) // 2, len(whole) - 1)):
        (tmp_path / f"cut{number}.pt2").write_bytes(whole[:length])

    for name in ("other", "state", "cut0", "cut1", "cut2"):
        with pytest.raises(ModelError, match=rf"{name}\.pt2: "):
            build(f"{kind}:{tmp_path}/{name}.pt2?size={SIDE}&{HOW}", CPU)


def test_a_small_file_that_decompresses_to_more_than_memory_is_refused(network: Small, tmp_path: Path) -> None:
    """Torch compresses programs, and stores tensors as they are."""
    path = saved_export(network, tmp_path / "m.pt2")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m/data/weights/weight_99", bytes(2**26 + 1))

    assert path.stat().st_size < 2**20
    with pytest.raises(ModelError, match="much is compressed"):
        build(f"export:{path}?{HOW}", CPU)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_that_is_there_twice_is_refused(network: Small, tmp_path: Path) -> None:
    """Two readers may take different ones."""
    path = saved_export(network, tmp_path / "m.pt2")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("m/models/model.json", b"{}")

    with pytest.raises(ModelError, match="an entry is there twice"):
        build(f"export:{path}?{HOW}", CPU)
