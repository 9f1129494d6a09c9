"""EdgeFace: EdgeNeXt with embeddings of 512 dimensions, for mobile devices.

Its authors publish the same network in two forms: as timm's EdgeNeXt, and with each linear layer split into
two of low rank, whose product is that layer again. Both are read.

Source: George et al., EdgeFace, IEEE T-BIOM 2024, arXiv 2307.01838; github.com/otroshi/edgeface.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from torch import Size, Tensor, nn

from facecheck.embedders.checkpoints import WEIGHTS_VARIABLE, fit, known_file, read_state
from facecheck.errors import ModelError
from facecheck.storage.weights import file_sha256

__all__ = ["EDGEFACES", "EdgeFace", "edgeface", "edgeface_file", "full_rank"]

_DIMENSIONS = 512
_WRAPPED = "model."  # the authors' class holds timm's network under this name


@dataclass(frozen=True, slots=True)
class EdgeFace:
    """A published size.

    Args:
        timm_name: of the network.
        file: its weights' usual name.
        sha256: of that file, int8 layers brought back to float32.
        threshold: the Euclidean distance of the highest accuracy on LFW's view 1 training pairs.
    """

    timm_name: str
    file: str
    sha256: str
    threshold: float


EDGEFACES: MappingProxyType[str, EdgeFace] = MappingProxyType(
    {
        "edgeface-xs": EdgeFace(
            "edgenext_x_small",
            "edgeface_xs.safetensors",
            "e67569ad96d023dc67db510e80fb37e98cc633a2e4f9ab54b6470520c0c63d70",
            1.23,
        ),
        "edgeface-xxs": EdgeFace(
            "edgenext_xx_small",
            "edgeface_xxs.safetensors",
            "0c8b597204be4bb423c7e434d530899bfff7f070e877bd84683ed52a170093bc",
            1.18,
        ),
    }
)


def edgeface_file(kind: str) -> Path:
    """Return the file of a size's weights.

    Raises:
        ModelError: it is in no known place; the message gives the ways to provide it.
    """
    size = EDGEFACES[kind]
    found = known_file(size.file, size.sha256)
    if found is None:
        raise ModelError(
            f"{kind}: its weights are not here, and no registry carries them. Two ways to provide them: give their "
            f"path in the spec, {kind}?weights=/path/to/{size.file} (the authors' own .pt, from checkpoints/ of "
            f"github.com/otroshi/edgeface, works too); or put {size.file} into a folder, or up to two folders below "
            f"it, and name that folder in {WEIGHTS_VARIABLE}"
        )
    return found


def edgeface(kind: str, path: Path) -> tuple[nn.Module, float | None]:
    """Return the network of a size, (n, 3, 112, 112) in [-1, 1] to (n, 512), and its threshold.

    The threshold is None for weights that it was not chosen for.

    Raises:
        ModelError: the file does not hold this network's weights.
    """
    import timm  # noqa: PLC0415 - it imports torchvision, which takes seconds

    size = EDGEFACES[kind]
    network: nn.Module = timm.create_model(size.timm_name, pretrained=False, num_classes=_DIMENSIONS)
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    fit(network, full_rank(read_state(path), shapes, path), path)
    return network, size.threshold if file_sha256(path) == size.sha256 else None


def full_rank(state: Mapping[str, Tensor], shapes: Mapping[str, Size], source: Path) -> dict[str, Tensor]:
    """Return timm's names and one matrix for each pair of low rank, from either published form.

    Args:
        state: of the file.
        shapes: of the network's tensors: the product of two small halves can exceed any memory.
        source: of the tensors, for messages.

    Raises:
        ModelError: a pair whose product is not of the network's shape.
    """
    named = {name.removeprefix(_WRAPPED): tensor for name, tensor in state.items()}
    whole: dict[str, Tensor] = {}
    for name, tensor in named.items():
        layer, _, part = name.rpartition(".linear1.")
        if layer and f"{layer}.linear2.weight" in named:
            whole[f"{layer}.{part}"] = _product(
                named[f"{layer}.linear2.weight"], tensor, shapes, f"{layer}.{part}", source
            )
        elif ".linear2." in name:
            layer, _, part = name.rpartition(".linear2.")
            if part != "weight":
                whole[f"{layer}.{part}"] = tensor
        else:
            whole[name] = tensor
    return whole


def _product(left: Tensor, right: Tensor, shapes: Mapping[str, Size], name: str, source: Path) -> Tensor:
    fits = left.ndim == right.ndim == 2 and left.shape[1] == right.shape[0]  # noqa: PLR2004 - matrices
    if not fits or (left.shape[0], right.shape[1]) != tuple(shapes.get(name, ())):
        raise ModelError(
            f"{source}: these weights are of another network: {name} would be the product of {tuple(left.shape)} and "
            f"{tuple(right.shape)}, expected {tuple(shapes.get(name, ()))}"
        )
    return left.float() @ right.float()
