"""Face-Transformer: a vision transformer of 196 patches, in torch, that reads the published checkpoints.

It differs from a textbook ViT: attention is scaled by the whole width's root, not by a head's; queries, keys
and values have no bias; the class token after one last norm is the embedding. The pixels are 0..255 as they
are. P8S8 (patches of 8 px, 8 px apart) tiles the crop and lists each patch pixel by pixel; the others let
windows overlap and list them channel by channel.

A variant's padding is the least at which 14 windows a side, stride apart, cover the crop: 1 px for P10S8, as
published. P12S8 was trained with 4 where 2 would be enough, and 4 is used.

Source: Zhong and Deng, Face Transformer for Recognition, arXiv 2103.14803; github.com/zhongyy/Face-Transformer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own idiom
from torch import Tensor, nn

from facecheck.embedders.checkpoints import fit, read_state
from facecheck.errors import ModelError

__all__ = ["FACE_TRANSFORMERS", "FaceTransformer", "Variant", "published", "untrained"]

SIZE = 112
_WIDTH, _DEPTH, _HEADS, _HIDDEN = 512, 20, 8, 2048
_SIDE = 14  # windows a side
_SEED = 20_210_327  # the paper's date; any fixed number would do
_TRAINING_HEAD = frozenset({"loss.weight", "loss.bias"})  # of a margin loss; a softmax head has a bias too


@dataclass(frozen=True, slots=True)
class Variant:
    """How the crop is cut into 196 windows.

    Args:
        patch: side of a window, pixels.
        stride: from one window to the next.
        padding: black border on each side of the crop.

    Raises:
        ModelError: another number of windows.
    """

    patch: int
    stride: int
    padding: int

    def __post_init__(self) -> None:
        """Refuse what gives another number of windows than there are learned positions."""
        room = SIZE + 2 * self.padding - self.patch
        if room < 0 or room // self.stride + 1 != _SIDE:
            raise ModelError(
                f"patches of {self.patch} px, {self.stride} px apart, with {self.padding} px of padding do not give "
                f"{_SIDE} windows a side of {SIZE} px"
            )

    @classmethod
    def covering(cls, patch: int, stride: int) -> Variant:
        """Return the variant of the least padding.

        >>> Variant.covering(10, 8)
        Variant(patch=10, stride=8, padding=1)
        """
        missing = (_SIDE - 1) * stride + patch - SIZE
        return cls(patch, stride, max(0, -(-missing // 2)))

    @property
    def tiles(self) -> bool:
        """Whether the windows tile the crop: then each is listed pixel by pixel."""
        return self.patch == self.stride


FACE_TRANSFORMERS: Mapping[str, Variant] = MappingProxyType(
    {
        "face-transformer-p8s8": Variant.covering(8, 8),
        "face-transformer-p10s8": Variant.covering(10, 8),
        "face-transformer-p12s8": Variant(12, 8, 4),
    }
)


class FaceTransformer(nn.Module):
    """The network: (n, 3, 112, 112) RGB 0..255 to (n, 512).

    Args:
        variant: how the crop is cut.
    """

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        self.variant = variant
        self.pos_embedding = nn.Parameter(torch.empty(1, _SIDE**2 + 1, _WIDTH))
        self.patch_to_embedding = nn.Linear(3 * variant.patch**2, _WIDTH)
        self.cls_token = nn.Parameter(torch.empty(1, 1, _WIDTH))
        self.transformer = _Transformer()
        self.mlp_head = nn.Sequential(nn.LayerNorm(_WIDTH))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the class token's features, of any length."""
        patches: Tensor = self.patch_to_embedding(self._windows(pixels))
        tokens = torch.cat((self.cls_token.expand(len(pixels), -1, -1), patches), dim=1) + self.pos_embedding
        features: Tensor = self.mlp_head(self.transformer(tokens)[:, 0])
        return features

    def _windows(self, pixels: Tensor) -> Tensor:
        """Return (n, 196, 3 patch^2): row by row, each window as (row, column, channel) or (channel, row, column)."""
        variant = self.variant
        listed = F.unfold(pixels, variant.patch, stride=variant.stride, padding=variant.padding).transpose(1, 2)
        if not variant.tiles:
            return listed
        by_channel = listed.reshape(len(pixels), _SIDE**2, 3, variant.patch**2)
        return by_channel.transpose(2, 3).flatten(2)


class _Transformer(nn.Module):
    """Twenty blocks; the names of their parts are those of the published checkpoints."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.ModuleList((_Residual(_Attention()), _Residual(_Mlp()))) for _ in range(_DEPTH))

    def forward(self, tokens: Tensor) -> Tensor:
        for layer in self.layers:
            for part in layer.children():
                tokens = part(tokens)
        return tokens


class _Residual(nn.Module):
    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.fn = _Normed(part)

    def forward(self, tokens: Tensor) -> Tensor:
        changed: Tensor = self.fn(tokens)
        return changed + tokens


class _Normed(nn.Module):
    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(_WIDTH)
        self.fn = part

    def forward(self, tokens: Tensor) -> Tensor:
        changed: Tensor = self.fn(self.norm(tokens))
        return changed


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.to_qkv = nn.Linear(_WIDTH, 3 * _WIDTH, bias=False)
        self.to_out = nn.Sequential(nn.Linear(_WIDTH, _WIDTH))

    def forward(self, tokens: Tensor) -> Tensor:
        count, length, _ = tokens.shape
        split = self.to_qkv(tokens).reshape(count, length, 3, _HEADS, _WIDTH // _HEADS)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value, scale=_WIDTH**-0.5)
        out: Tensor = self.to_out(mixed.transpose(1, 2).reshape(count, length, _WIDTH))
        return out


class _Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        # The third is where training drops out: it holds the fourth's name in its place.
        self.net = nn.Sequential(nn.Linear(_WIDTH, _HIDDEN), nn.GELU(), nn.Identity(), nn.Linear(_HIDDEN, _WIDTH))

    def forward(self, tokens: Tensor) -> Tensor:
        out: Tensor = self.net(tokens)
        return out


def published(kind: str, path: Path) -> FaceTransformer:
    """Return the network with a checkpoint's weights; the training head in it is left out.

    Raises:
        ModelError: the file does not hold this variant's weights.
    """
    with torch.device("meta"):  # no time is lost on weights that are replaced
        network = FaceTransformer(FACE_TRANSFORMERS[kind])
    # A checkpoint in half precision is a rounded one of fp32; what to compute in is the run's choice.
    state = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in read_state(path).items()
        if name not in _TRAINING_HEAD
    }
    fit(network, state, path, assign=True)
    return network


def untrained(kind: str) -> FaceTransformer:
    """Return the network with random weights, the same ones every time; any gate must reject it."""
    network = FaceTransformer(FACE_TRANSFORMERS[kind])
    generator = torch.Generator().manual_seed(_SEED)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if re.search(r"(norm|mlp_head\.0)\.weight$", name):
                parameter.fill_(1)
            elif name.endswith("bias"):
                parameter.zero_()
            else:
                parameter.normal_(std=0.02, generator=generator)
    return network
