"""An ONNX file as a torch network: onnxruntime computes, everything around it is the same as for any other.

In a worker of the pipeline, where torch uses one thread, onnxruntime uses one as well: it keeps
a pool of threads for each session, so there is a session for each number of threads that is asked for.
"""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from facecheck.embedders.portions import in_portions
from facecheck.embedders.protobuf import fields, messages
from facecheck.errors import ModelError
from facecheck.storage.weights import file_sha256

__all__ = ["Layout", "OnnxNetwork", "external_files", "external_locations", "files_sha256"]

Layout = Literal["nchw", "nhwc"]
_CHANNELS = 3
_MAX_BYTES = 2**31  # of a protocol buffer
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
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
    real = named.resolve()
    inside = any(real.is_relative_to(folder) for folder in (path.parent.resolve(), path.resolve().parent))
    if Path(location).is_absolute() or ".." in Path(location).parts or not inside:
        raise ModelError(f"{path}: keeps tensors in {location!r}, outside its folder: such a model is not opened")
    if not real.is_file():
        raise ModelError(f"{path}: keeps tensors in {location!r}, which does not lie beside it: fetch both files")
    return named


def files_sha256(path: Path, external: tuple[Path, ...]) -> str:
    """Return the file's hash; with tensors in other files, one hash over the hashes of all."""
    if not external:
        return file_sha256(path)
    return hashlib.sha256("".join(file_sha256(file) for file in (path, *external)).encode()).hexdigest()


class OnnxNetwork(nn.Module):
    """Takes (n, 3, h, w) floats and gives (n, d), as the model's first output.

    A model that was exported for a fixed number of images is run on as many at a time.

    Args:
        path: of the model; its external tensors must lie beside it.
        device: where it runs.
        layout: of its input, None to derive it from the input's shape.

    Raises:
        ModelError: not a model of one picture to one vector, or the device's provider is not installed.
    """

    def __init__(self, path: Path, *, device: torch.device, layout: Layout | None = None) -> None:
        super().__init__()
        self.path = path
        external = external_files(path)
        self.files = (path, *external)
        self.sha256 = files_sha256(path, external)
        self._device = device
        self._sessions: dict[int, Any] = {}
        self._lock = threading.Lock()
        taken = self._session(torch.get_num_threads()).get_inputs()
        if len(taken) != 1 or len(taken[0].shape) != 4 or taken[0].type not in ("tensor(float)", "tensor(float16)"):  # noqa: PLR2004
            described = ", ".join(f"{i.name} {i.type} {i.shape}" for i in taken)
            raise ModelError(f"{path}: expected one input of floats (n, 3, h, w) or (n, h, w, 3), got {described}")
        self._input = taken[0]
        self.layout: Layout = layout or self._derived_layout()
        self._batch = self._input.shape[0] if isinstance(self._input.shape[0], int) else None

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
        return in_portions(self._run, ordered.cpu().contiguous(), self._batch).to(pixels.device)

    def _run(self, portion: Tensor) -> Tensor:
        session = self._session(torch.get_num_threads())
        given = portion.numpy().astype(np.float16 if self._input.type == "tensor(float16)" else np.float32, copy=False)
        try:
            vectors = np.asarray(session.run(None, {self._input.name: given})[0], dtype=np.float32)
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
