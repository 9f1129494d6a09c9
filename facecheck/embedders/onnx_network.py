"""An ONNX file as a torch network: onnxruntime computes, everything around it is the same as for any other.

In a worker of the pipeline, where torch uses one thread, onnxruntime uses one as well: it keeps
a pool of threads for each session, so there is a session for each number of threads that is asked for.
"""

from __future__ import annotations

import functools
import hashlib
import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from facecheck.embedders.portions import in_portions
from facecheck.embedders.protobuf import fields, messages
from facecheck.errors import ModelError, nearest
from facecheck.storage.weights import file_sha256

__all__ = ["LAYOUTS", "Layout", "OnnxNetwork", "Ports", "external_files", "external_locations", "files_sha256"]

Layout = Literal["nchw", "nhwc"]
LAYOUTS: tuple[Layout, ...] = ("nchw", "nhwc")
_CHANNELS = 3
_MAX_BYTES = 2**31  # of a protocol buffer
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_PICTURE_TYPES: Mapping[str, type[np.generic]] = MappingProxyType(
    {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
)
_CONSTANT_TYPES: Mapping[str, type[np.generic]] = MappingProxyType(
    {
        "tensor(bool)": np.bool_,
        "tensor(uint8)": np.uint8,
        "tensor(int32)": np.int32,
        "tensor(int64)": np.int64,
        "tensor(float16)": np.float16,
        "tensor(float)": np.float32,
        "tensor(double)": np.float64,
    }
)
_MOST_CONSTANTS = 2**20
_QUIET = 4  # onnxruntime's level of fatal errors: others are raised, and ours name the file

# Where a model can hold tensors: for each kind of message, its fields and the kinds that they hold. From onnx.proto.
_CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_TENSOR_EXTERNAL, _ENTRY_KEY, _ENTRY_VALUE = 13, 1, 2


def external_locations(model: memoryview) -> set[str]:
    """Return the names of the files that a serialised model keeps tensors in, as it spells them.

    Raises:
        ValueError: the bytes are not such a model, or damaged.
    """
    found: set[str] = set()
    pending = [("model", model)]
    while pending:
        kind, message = pending.pop()
        if kind == "tensor":
            found.update(_locations(message))
            continue
        children = _CHILDREN[kind]
        pending += [
            (children[n], value) for n, value in fields(message) if n in children and not isinstance(value, int)
        ]
    return found


def _locations(tensor: memoryview) -> Iterator[str]:
    for entry in messages(tensor, _TENSOR_EXTERNAL):
        if b"location" in (bytes(key) for key in messages(entry, _ENTRY_KEY)):
            yield from (bytes(value).decode("utf-8") for value in messages(entry, _ENTRY_VALUE))


def external_files(path: Path) -> tuple[Path, ...]:
    """Return the files beside a model that hold its tensors, in the order of their names.

    Raises:
        ModelError: not a model, or one that reaches out of its folder or names a file that is not there.
    """
    try:
        if path.stat().st_size >= _MAX_BYTES:
            raise ModelError(
                f"{path}: two GiB or more, above the limit of an ONNX file: larger ones keep tensors in files beside it"
            )
        locations = sorted(external_locations(memoryview(path.read_bytes())))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise ModelError(f"{path}: not an ONNX model: {error}") from error
    return tuple(_beside(path, location) for location in locations)


def _beside(path: Path, location: str) -> Path:
    """Return the file of a location; a download cache links model and tensors alike into one other folder."""
    named = path.parent / location
    try:
        real = named.resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a NUL, a name that is too long, or links in a circle
        raise ModelError(f"{path}: keeps tensors in {location!r}, which no file can be called: {error}") from error
    inside = any(real.is_relative_to(folder) for folder in (path.parent.resolve(), path.resolve().parent))
    if Path(location).is_absolute() or ".." in Path(location).parts or not inside:
        raise ModelError(f"{path}: keeps tensors in {location!r}, outside its folder: such a model is not opened")
    if not _is_file(real):
        raise ModelError(f"{path}: keeps tensors in {location!r}, which does not lie beside it: fetch both files")
    return named


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long to exist
        return False


def files_sha256(path: Path, external: tuple[Path, ...]) -> str:
    """Return the file's hash; with tensors in other files, one hash over the hashes of all."""
    if not external:
        return file_sha256(path)
    return hashlib.sha256("".join(file_sha256(file) for file in (path, *external)).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Which of a model's inputs and outputs are used, where it has several.

    Args:
        picture: name of the input that takes the pictures, empty for the only one that can.
        vector: name of the output that gives the vectors, empty for the first.
        constants: values of the other inputs by name, as text: a number, ``true`` or ``false``.
    """

    picture: str = ""
    vector: str = ""
    constants: Mapping[str, str] = field(default_factory=dict)


class OnnxNetwork(nn.Module):
    """Takes (n, 3, h, w) floats and gives (n, d), from the model's first output or the named one.

    A model that was exported for a fixed number of images is run on as many at a time; one that declares any number and
    can do one only, on one at a time. A model that takes bytes gets the numbers as they are, 0..255.

    Args:
        path: of the model; its external tensors must lie beside it.
        device: where it runs.
        layout: of its input, None to derive it from the input's shape.
        ports: which inputs and outputs are used.

    Raises:
        ModelError: not a model of one picture to one vector, an input or output that it has not, an input without a
            value, or the device's provider is not installed.
    """

    def __init__(
        self, path: Path, *, device: torch.device, layout: Layout | None = None, ports: Ports | None = None
    ) -> None:
        super().__init__()
        self.path = path
        external = external_files(path)
        self.files = (path, *external)
        self.sha256 = files_sha256(path, external)
        self._device = device
        self._sessions: dict[int, Any] = {}
        self._lock = threading.Lock()
        session, named = self._session(torch.get_num_threads()), ports or Ports()
        self._input = _picture(path, session.get_inputs(), named.picture)
        self._output = _vector(path, [output.name for output in session.get_outputs()], named.vector)
        others = [taken for taken in session.get_inputs() if taken.name != self._input.name]
        self._constants = _constants(path, others, named.constants)
        self.layout: Layout = layout or self._derived_layout()
        self._batch = self._input.shape[0] if isinstance(self._input.shape[0], int) else None

    @property
    def takes_bytes(self) -> bool:
        """Whether its preprocessing is a part of it, so that it takes pixels as they are."""
        return bool(self._input.type == "tensor(uint8)")

    @functools.cached_property
    def crop_shape(self) -> tuple[int, int] | None:
        """Height and width of the crop that the model was exported for, pixels; None if it takes any."""
        _, *rest = self._input.shape
        sides = [side for side in (rest[1:] if self.layout == "nchw" else rest[:-1]) if isinstance(side, int)]
        return (sides[0], sides[-1]) if sides else None

    def _derived_layout(self) -> Layout:
        shape = self._input.shape
        if shape[1] == _CHANNELS or shape[3] == _CHANNELS:
            return "nchw" if shape[1] == _CHANNELS else "nhwc"
        raise ModelError(f"{self.path}: which axis of {shape} holds the channels? Say layout=nchw or layout=nhwc")

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the vectors.

        Raises:
            ModelError: onnxruntime cannot run these pictures, or does not give one vector for each.
        """
        ordered = pixels if self.layout == "nchw" else pixels.permute(0, 2, 3, 1)
        return self._in_batches(ordered.cpu().contiguous()).to(pixels.device)

    def _in_batches(self, ordered: Tensor) -> Tensor:
        if self._batch is not None or len(ordered) < 2:  # noqa: PLR2004 - a batch
            return in_portions(self._run, ordered, self._batch)
        try:
            return self._run(ordered)
        except ModelError as several:
            try:
                alone = in_portions(self._run, ordered, 1)
            except ModelError:
                raise several from None
        self._batch = 1  # it declares any number, and can do one
        return alone

    def _run(self, portion: Tensor) -> Tensor:
        session = self._session(torch.get_num_threads())
        given = _as_taken(portion, self._input.type)
        try:
            (answer,) = session.run([self._output], {**self._constants, self._input.name: given})
            vectors = np.asarray(answer, dtype=np.float32)
        except Exception as error:  # onnxruntime's errors have no common parent
            raise ModelError(f"{self.path}: cannot run {given.shape} pictures: {_first_line(error)}") from error
        if vectors.ndim < 2 or len(vectors) != len(given):  # noqa: PLR2004 - (n, d)
            raise ModelError(f"{self.path}: expected (n, d) for {given.shape} pictures, got {vectors.shape}")
        return torch.from_numpy(vectors.reshape(len(vectors), -1))

    def _session(self, threads: int) -> Any:  # noqa: ANN401 - onnxruntime publishes no types
        with self._lock:
            if threads not in self._sessions:
                self._sessions[threads] = _opened(self.path, self._device, threads)
            return self._sessions[threads]


def _picture(path: Path, inputs: Sequence[Any], name: str) -> Any:  # noqa: ANN401
    """Return the input that takes the pictures."""
    fitting = [taken for taken in inputs if len(taken.shape) == 4 and taken.type in _PICTURE_TYPES]  # noqa: PLR2004
    asked = [taken for taken in fitting if not name or taken.name == name]
    if len(asked) == 1:
        return asked[0]
    described = ", ".join(f"{i.name} {i.type} {i.shape}" for i in inputs)
    expected = "one input of floats or bytes (n, 3, s, s) or (n, s, s, 3)"
    if len(asked) > 1:
        raise ModelError(f"{path}: which input takes the pictures? Say input=NAME: {described}")
    raise ModelError(f"{path}: expected {expected}{f' called {name!r}' if name else ''}, got {described}")


def _vector(path: Path, outputs: Sequence[str], name: str) -> str:
    """Return the name of the output that gives the vectors."""
    if name and name not in outputs:
        raise ModelError(f"{path}: output={name}: it has no such output. {nearest(name, outputs)}")
    return name or outputs[0]


def _constants(path: Path, inputs: Sequence[Any], given: Mapping[str, str]) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays for the inputs that take no pictures."""
    for name in given:
        if name not in (names := [taken.name for taken in inputs]):
            raise ModelError(
                f"{path}: constants={name}: it has no other input of this name. Known: {', '.join(names)}."
            )
    return {taken.name: _constant(path, taken, given.get(taken.name)) for taken in inputs}


def _constant(path: Path, taken: Any, text: str | None) -> npt.NDArray[Any]:  # noqa: ANN401
    shape = [side if isinstance(side, int) else 1 for side in taken.shape]
    kind = _CONSTANT_TYPES.get(taken.type)
    if text is None or kind is None or math.prod(shape) > _MOST_CONSTANTS:
        raise ModelError(
            f"{path}: besides the pictures it takes {taken.name} {taken.type} {taken.shape}: give its value, "
            f"constants={taken.name}:VALUE, a number, true or false (several are joined by ;)"
        )
    number = _number(text)
    held = None if number is None else np.full(shape, number).astype(kind)
    exact = held is not None and (held.astype(np.float64) == number).all()
    if held is None or not (exact or issubclass(kind, np.floating)):
        raise ModelError(
            f"{path}: constants={taken.name}:{text}: expected a number, true or false, that {taken.type} holds"
        )
    return held


def _number(text: str) -> float | None:
    """Return a finite number, 1 for true and 0 for false, None of anything else."""
    try:
        number = {"true": 1.0, "false": 0.0}.get(text.lower()) if text.isalpha() else float(text)
    except ValueError:
        return None
    return number if number is not None and math.isfinite(number) else None


def _as_taken(pixels: Tensor, kind: str) -> npt.NDArray[Any]:
    """Return the numbers in the input's type; bytes are rounded, and end at 0 and 255."""
    numbers = pixels.numpy()
    if kind == "tensor(uint8)":
        numbers = np.rint(numbers).clip(0, 255)
    return np.asarray(numbers.astype(_PICTURE_TYPES[kind], copy=False))


def _opened(path: Path, device: torch.device, threads: int) -> Any:  # noqa: ANN401
    import onnxruntime  # noqa: PLC0415 - only such a model needs it

    provider = _PROVIDERS.get(device.type, device.type)
    if provider not in onnxruntime.get_available_providers():
        raise ModelError(
            f"{path}: onnxruntime cannot run on {device.type} here: install onnxruntime-gpu in place of onnxruntime, "
            "or choose --facecheck-device cpu"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, _QUIET
    chosen = (provider, {"device_id": device.index or 0}) if device.type == "cuda" else provider
    try:
        return onnxruntime.InferenceSession(path, options, providers=[chosen])
    except Exception as error:  # onnxruntime's errors have no common parent
        raise ModelError(f"{path}: not a model that onnxruntime can run: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
