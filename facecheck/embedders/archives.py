"""TorchScript and torch.export archives, opened so that a hostile file cannot run code.

Both are zip files of tensors and a program, and torch's own loaders trust them. ``torch.export.load`` unpickles
what an archive marks as pickled, and its sample inputs if they cannot be read otherwise; it loads compiled
libraries, and it evaluates text as Python: shapes, guards, and names that go into generated code.
``torch.jit.load`` runs no Python, but a TorchScript program may write and read files. So an archive is read here,
entry by entry; everything except tensors and arithmetic is refused; and torch is given a new archive of what was
read, never the file.
"""

from __future__ import annotations

import io
import json
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from facecheck.embedders.checkpoints import MAX_COMPRESSED_BYTES, compressed_bytes
from facecheck.embedders.portions import in_portions
from facecheck.errors import ModelError

__all__ = ["ArchivedNetwork", "exported", "scripted"]


class ArchivedNetwork(nn.Module):
    """A network out of an archive: takes (n, 3, h, w) floats and gives (n, d).

    Args:
        path: of the archive, for messages.
        network: as torch loaded it.
        crop_shape: height and width of the crop that it was exported for, None if they are not known.
        batch: how many pictures it takes at once, None for any number.
    """

    def __init__(
        self, path: Path, network: nn.Module, *, crop_shape: tuple[int, int] | None = None, batch: int | None = None
    ) -> None:
        super().__init__()
        self.path = path
        self.network = network
        self.crop_shape = crop_shape
        self._batch = batch

    def train(self, mode: bool = True) -> ArchivedNetwork:  # noqa: FBT001, FBT002 - torch's own form
        """Stay as exported: an exported program has one mode, and torch raises if it is asked for another."""
        if isinstance(self.network, torch.jit.ScriptModule):
            super().train(mode)
        return self

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the vectors.

        Raises:
            ModelError: the network cannot take these pictures, or does not give one vector for each.
        """
        return in_portions(self._run, pixels, self._batch)

    def _run(self, portion: Tensor) -> Tensor:
        try:
            vectors = self.network(portion)
        except Exception as error:  # the program in an archive may raise anything
            raise ModelError(f"{self.path}: cannot run {tuple(portion.shape)} pictures: {_last_line(error)}") from error
        if not isinstance(vectors, Tensor) or vectors.ndim < 2 or len(vectors) != len(portion):  # noqa: PLR2004
            found = tuple(vectors.shape) if isinstance(vectors, Tensor) else type(vectors).__name__
            raise ModelError(f"{self.path}: expected (n, d) for {tuple(portion.shape)} pictures, got {found}")
        return vectors.flatten(1)


def _last_line(error: Exception) -> str:
    return next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)


def _entries(path: Path, allowed: re.Pattern[str], *, left_out: str) -> dict[str, bytes]:
    """Return the content of a zip file by name.

    Args:
        path: of the file.
        allowed: what the names below the file's one folder may be.
        left_out: with ``extra``, the beginning of names that are not needed, and not read.

    Raises:
        ModelError: not a zip file as torch writes it, or one that holds something else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(set(names)) < len(names) or compressed_bytes(archive) > MAX_COMPRESSED_BYTES:
                raise ModelError(f"{path}: not as torch writes it: an entry is there twice, or much is compressed")
            unknown = [name for name in names if not allowed.fullmatch(name.partition("/")[2])]
            if unknown:
                raise ModelError(f"{path}: holds {unknown[0]!r}: not opened, since torch may run what lies in it")
            unneeded = (left_out, "extra/")
            return {name: archive.read(name) for name in names if not name.partition("/")[2].startswith(unneeded)}
    except (OSError, zipfile.BadZipFile, ValueError, RuntimeError, NotImplementedError) as error:
        raise ModelError(f"{path}: not an archive of torch's: {error}") from error


def _archive(entries: Mapping[str, bytes]) -> io.BytesIO:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    stream.seek(0)
    return stream


# TorchScript.

_SCRIPT_ENTRY = re.compile(
    r"(data|constants)\.pkl|(data|constants)/\d+|code/[\w./<>-]+\.py(\.debug_pkl)?|version|byteorder|"
    r"\.data/[\w.]+|attributes\.pkl|bytecode\.pkl|traced_inputs(\.pkl|/\d+)|extra/[\w./-]*"
)
# Operators that open files, and all outside torch's own arithmetic: other packages register theirs, torchvision some
# that read and write files.
_SCRIPT_FORBIDDEN = re.compile(
    r"\b(save|from_file|load_tensor|rpc|c10d|debugprims|inductor|symm_mem|profiler|read_file|write_file)\b|"
    r"\btorch\s*\.\s*classes\b|"
    r"\bops\s*\.\s*(?!(?:aten|prim|prims|quantized)\b)\w+|"
    r"\bgetattr\b(?!\s*\(\s*[\w.]+\s*,\s*\"[\w.]*\"\s*\))"
)
# Pickles name the classes that they are made of; the code of torch's own is not in the archive.
_PICKLED_CLASS = re.compile(rb"__torch__\.torch\.classes\b[\w.]*")


def scripted(path: Path, device: torch.device) -> ArchivedNetwork:
    """Return the network of a TorchScript archive.

    Raises:
        ModelError: not such an archive, or one whose program could touch files.
    """
    entries = _entries(path, _SCRIPT_ENTRY, left_out="traced_inputs")
    for name, content in entries.items():
        found = _forbidden(name, content)
        if found:
            raise ModelError(
                f"{path}: its program uses {found!r} ({name}): not opened, since that may reach files or "
                "other processes"
            )
    with warnings.catch_warnings():
        # torch.jit.load warns that it is deprecated; existing files still have to be evaluated.
        warnings.filterwarnings("ignore", message=".*torch.jit.*", category=FutureWarning)
        warnings.filterwarnings("ignore", message=".*torch.jit.*", category=DeprecationWarning)
        network = _loaded(path, lambda: torch.jit.load(_archive(entries), map_location=device))  # type: ignore[no-untyped-call]
    return ArchivedNetwork(path, network)


def _forbidden(name: str, content: bytes) -> str:
    """Return the forbidden name in an entry of TorchScript, empty if there is none."""
    if name.endswith(".py"):
        code = _SCRIPT_FORBIDDEN.search(content.decode("utf-8", "replace"))
        return code.group(0) if code else ""
    pickled = _PICKLED_CLASS.search(content) if name.endswith(".pkl") else None
    return pickled.group(0).decode() if pickled else ""


def _loaded(path: Path, load: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever torch has loaded
    try:
        return load()
    except Exception as error:  # damaged archives make torch raise anything
        raise ModelError(
            f"{path}: not a network that torch {torch.__version__} can load: {_last_line(error)}"
        ) from error


# torch.export.

_EXPORT_ENTRY = re.compile(
    r"archive_format|archive_version|version|byteorder|\.data/\w+|models/model\.json|data/sample_inputs/model\.pt|"
    r"data/weights/(weight_\d+|model_weights_config\.json)|data/constants/(tensor_\d+|model_constants_config\.json)|"
    r"extra/[\w./-]*"
)
_PROGRAM, _SAMPLE_INPUTS = "models/model.json", "data/sample_inputs/model.pt"
_CONFIGS = ("data/weights/model_weights_config.json", "data/constants/model_constants_config.json")
_NAME = re.compile(r"[\w.]*")
_TARGET = re.compile(
    r"torch\.ops\.aten\.(?!(?:from_file|save)\b)\w+\.\w+|"
    r"_operator\.(getitem|add|sub|mul|floordiv|truediv|mod|neg|pos|eq|ne|le|lt|ge|gt)"
)
# A shape: symbols, whole numbers, and a few functions of them, as sympy writes them.
_SHAPE = re.compile(
    r"(Symbol\('[a-z]\d+'(, (positive|integer|nonnegative)=True)*\)|-?(?<!\d)\d{1,12}(?!\d)|[(), ]|"
    r"(Add|Mul|Integer|Max|Min|Mod|FloorDiv|PythonMod)(?=\())*"
)
_TEXTS = {
    "target": _TARGET,
    "expr_str": _SHAPE,
    "as_string": re.compile(r"[\w.,> -]*"),
    "fqn": re.compile(r"[\w.@]*"),
    "torch_version": re.compile(r"[\w.+-]*"),
}
_ONE_TENSOR = [
    1,
    {
        "type": "builtins.tuple",
        "context": "null",
        "children_spec": [
            {
                "type": "builtins.tuple",
                "context": "null",
                "children_spec": [{"type": None, "context": None, "children_spec": []}],
            },
            {"type": "builtins.dict", "context": "[]", "children_spec": []},
        ],
    },
]
_ONE_RESULT = [1, {"type": None, "context": None, "children_spec": []}]


def exported(path: Path, device: torch.device) -> ArchivedNetwork:
    """Return the network of a ``torch.export`` archive (``.pt2``) that takes one tensor and gives one.

    Raises:
        ModelError: not such an archive, or one that holds more than tensors and arithmetic.
    """
    entries = _entries(path, _EXPORT_ENTRY, left_out="data/sample_inputs")
    try:
        (root,) = {name.partition("/")[0] for name in entries}
        program = json.loads(entries[f"{root}/{_PROGRAM}"])
        for config in _CONFIGS:
            _refuse_pickles(path, json.loads(entries[f"{root}/{config}"]))
        checked = _checked(path, program)
        shape, batch = _input_shape(path, program)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError, RecursionError) as error:
        raise ModelError(
            f"{path}: not a torch.export archive of one network: {type(error).__name__} {error}"
        ) from error
    # Without the sample inputs: where torch cannot read them with weights_only, it unpickles them without.
    safe = {f"{root}/{_PROGRAM}": json.dumps(checked).encode(), f"{root}/{_SAMPLE_INPUTS}": b""}
    network = _loaded(path, lambda: _exported_module(entries | safe, device))
    return ArchivedNetwork(path, network, crop_shape=shape, batch=batch)


def _exported_module(entries: Mapping[str, bytes], device: torch.device) -> nn.Module:
    import torch.export.passes  # noqa: PLC0415 - it imports a compiler, which only such a model needs

    program = torch.export.load(_archive(entries))
    if device.type != "cpu":
        program = torch.export.passes.move_to_device_pass(program, device)
    return program.module(check_guards=False)


def _refuse_pickles(path: Path, config: Any) -> None:  # noqa: ANN401 - JSON
    for name, entry in config["config"].items():
        if entry["use_pickle"] is not False or not re.fullmatch(r"(weight|tensor)_\d+", entry["path_name"]):
            raise ModelError(f"{path}: {name!r} is pickled, and unpickling runs code: not opened")


def _checked(path: Path, program: dict[str, Any]) -> dict[str, Any]:
    """Return the program without what is not needed to run it, after every text in it was found harmless."""
    for call in program["graph_module"]["module_call_graph"]:
        _refuse_signature(path, call["fqn"], call["signature"])
    for node in program["graph_module"]["graph"]["nodes"]:
        node["metadata"] = {}  # where it came from
        _refuse_training(path, node)
    program["guards_code"] = []  # Python that checks the shapes: they are checked here
    for key, text in _texts(program):
        if not _harmless(key, text):
            raise ModelError(f"{path}: {key} = {text[:80]!r}: not opened, since torch would run it")
    return program


def _refuse_signature(path: Path, module: str, signature: dict[str, Any] | None) -> None:
    if signature is None:
        return
    specs = [json.loads(signature[name]) for name in ("in_spec", "out_spec")]
    if module or specs != [_ONE_TENSOR, _ONE_RESULT]:
        raise ModelError(f"{path}: expected a network of one tensor to one tensor, (n, 3, s, s) to (n, d)")


def _refuse_training(path: Path, node: dict[str, Any]) -> None:
    if any(given["name"] in ("train", "training") and given["arg"].get("as_bool") for given in node["inputs"]):
        raise ModelError(
            f"{path}: {node['name']} was exported in training mode, where one picture's vector depends on the "
            "others: call network.eval() before torch.export.export"
        )


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - JSON
    """Yield every text in JSON with the key that it stands under; keys are texts too."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, list):
        for element in value:
            yield from _texts(element, key)
    elif isinstance(value, dict):
        for name, element in value.items():
            yield "name", name
            yield from _texts(element, name)


def _harmless(key: str, text: str) -> bool:
    if key in ("in_spec", "out_spec"):  # compared as a whole already
        return True
    return _TEXTS.get(key, _NAME).fullmatch(text) is not None


def _input_shape(path: Path, program: dict[str, Any]) -> tuple[tuple[int, int] | None, int | None]:
    """Return height and width, and the number of pictures, that the one input is fixed to, None where it is not."""
    inputs = [
        spec["user_input"]["arg"]["as_tensor"]["name"]
        for spec in program["graph_module"]["signature"]["input_specs"]
        if "user_input" in spec
    ]
    sizes = [size.get("as_int") for size in program["graph_module"]["graph"]["tensor_values"][inputs[0]]["sizes"]]
    if len(sizes) != 4 or sizes[1] != 3 or (sizes[2] is None) != (sizes[3] is None):  # noqa: PLR2004 - (n, 3, h, w)
        raise ModelError(f"{path}: expected an input (n, 3, h, w), got {sizes}, None where it may vary")
    return None if sizes[2] is None else (sizes[2], sizes[3]), sizes[0]
