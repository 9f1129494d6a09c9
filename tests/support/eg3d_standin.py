"""A stand-in for EG3D, none of it EG3D's: a checkout and a checkpoint with its interface, and heads that it renders.

The checkout holds the modules that a checkpoint cannot do without; the checkpoint is a pickle that carries its
networks' source, this file, and is revived by the checkout's ``torch_utils``. The heads are ellipsoids, ray-cast from
the camera that the label names, in EG3D's world: the face looks along z, y is up. Cameras are EG3D's too:
`published_label` is the formula of its look-at sampler, whose cameras circle the origin and look at the pivot.
"""

from __future__ import annotations

import inspect
import math
import pickle
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

__all__ = [
    "NOSE",
    "PIVOT",
    "RADIUS",
    "HeadGenerator",
    "PlainGenerator",
    "published_label",
    "write_checkout",
    "write_network",
]

PIVOT = (0.02, -0.03, 0.2)  # off every axis, so that a forgotten or mirrored coordinate shows
RADIUS = 2.7
NOSE = (0.0, -0.035, 0.15)  # the centre of the nose, from the pivot
LAYERS, W_DIM = 14, 16

# centre from the pivot, half axes, colour 0..1, marker colour
_PARTS: list[tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...], tuple[float, ...]]] = [
    ((0.0, 0.0, -0.06), (0.155, 0.215, 0.19), (0.80, 0.62, 0.53), (0.5, 0.5, 0.5)),  # skin
    ((0.0, 0.07, -0.10), (0.165, 0.185, 0.185), (0.20, 0.14, 0.10), (0.5, 0.5, 0.5)),  # hair
    (NOSE, (0.026, 0.038, 0.032), (0.82, 0.60, 0.51), (1.0, 0.0, 0.0)),  # nose
    ((0.0, 0.01, 0.125), (0.014, 0.045, 0.025), (0.82, 0.63, 0.54), (0.5, 0.5, 0.5)),  # bridge
    ((0.064, 0.035, 0.092), (0.029, 0.015, 0.020), (0.92, 0.90, 0.88), (0.0, 1.0, 0.0)),  # left eye
    ((-0.064, 0.035, 0.092), (0.029, 0.015, 0.020), (0.92, 0.90, 0.88), (0.0, 0.0, 1.0)),  # right eye
    ((0.064, 0.035, 0.103), (0.012, 0.012, 0.012), (0.15, 0.10, 0.08), (0.0, 1.0, 0.0)),  # left iris
    ((-0.064, 0.035, 0.103), (0.012, 0.012, 0.012), (0.15, 0.10, 0.08), (0.0, 0.0, 1.0)),  # right iris
    ((0.064, 0.068, 0.088), (0.038, 0.008, 0.022), (0.22, 0.15, 0.11), (0.5, 0.5, 0.5)),  # left brow
    ((-0.064, 0.068, 0.088), (0.038, 0.008, 0.022), (0.22, 0.15, 0.11), (0.5, 0.5, 0.5)),  # right brow
    ((0.0, -0.108, 0.082), (0.052, 0.013, 0.024), (0.66, 0.30, 0.30), (0.5, 0.5, 0.5)),  # mouth
    ((0.160, 0.0, -0.07), (0.018, 0.045, 0.03), (0.78, 0.58, 0.50), (0.5, 0.5, 0.5)),  # left ear
    ((-0.160, 0.0, -0.07), (0.018, 0.045, 0.03), (0.78, 0.58, 0.50), (0.5, 0.5, 0.5)),  # right ear
    ((0.0, -0.30, -0.10), (0.075, 0.22, 0.075), (0.76, 0.57, 0.49), (0.5, 0.5, 0.5)),  # neck
]


def published_label(
    angle_y: float, angle_p: float, *, pivot: tuple[float, ...] = PIVOT, radius: float = RADIUS
) -> Tensor:
    """Return the label ``(25,)`` of the camera that EG3D's look-at sampler places for the angles of its scripts.

    Its formula in float64, with horizontal mean pi / 2 + angle_y, vertical mean pi / 2 + angle_p, and no deviation:
    the camera is on a sphere around the origin, looks at the pivot, and has no roll.
    """
    theta, phi = math.pi / 2 + angle_y, math.acos(1 - 2 * (math.pi / 2 + angle_p) / math.pi)
    origin = torch.tensor(
        [
            radius * math.sin(phi) * math.cos(math.pi - theta),
            radius * math.cos(phi),
            radius * math.sin(phi) * math.sin(math.pi - theta),
        ],
        dtype=torch.float64,
    )
    unit = torch.nn.functional.normalize
    forward = unit(torch.tensor(pivot, dtype=torch.float64) - origin, dim=0)
    right = -unit(torch.linalg.cross(torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64), forward), dim=0)
    down = unit(torch.linalg.cross(forward, right), dim=0)
    to_world = torch.eye(4, dtype=torch.float64)
    to_world[:3] = torch.stack([right, down, forward, origin], dim=1)
    intrinsics = torch.tensor([4.2647, 0, 0.5, 0, 4.2647, 0.5, 0, 0, 1], dtype=torch.float64)
    return torch.cat([to_world.flatten(), intrinsics])


class HeadGenerator(nn.Module):
    """Renders heads, with EG3D's interface.

    A style says how a person looks, and from where they were conditioned: the darkness of the background is how far
    the conditioning label is from that of EG3D's own frontal camera. Samples are jittered along the picture, and noise
    is added to the background, as EG3D's are, from torch's global generator.
    """

    def __init__(self, *, resolution: int = 48, marked: bool = True, radius: float | None = RADIUS) -> None:
        super().__init__()
        self.z_dim = 32
        self.c_dim = 25
        self.img_resolution = resolution
        self.marked = marked
        self.rendering_kwargs: dict[str, Any] = {"avg_camera_pivot": list(PIVOT)}
        if radius is not None:
            self.rendering_kwargs["avg_camera_radius"] = radius
        weights = np.random.default_rng(0).normal(size=(self.z_dim, W_DIM)) / np.sqrt(self.z_dim)
        self.weights = nn.Parameter(torch.from_numpy(weights).float())
        self.seen: Any = None  # the last latents and labels

    def mapping(self, z: Tensor, c: Tensor, truncation_psi: float = 1, truncation_cutoff: int | None = None) -> Tensor:
        """Return styles ``(n, 14, 16)``."""
        reach = LAYERS if truncation_cutoff is None else truncation_cutoff
        w = torch.tanh(z.to(torch.float32) @ self.weights)
        ws = w[:, None].repeat(1, LAYERS, 1)
        ws[:, :reach] *= truncation_psi
        frontal = published_label(0.0, 0.0, pivot=tuple(self.rendering_kwargs["avg_camera_pivot"])).to(c)
        ws[:, :, -1] = (c - frontal).abs().amax(dim=1, keepdim=True)
        self.seen = (z, c)
        return ws

    def synthesis(self, ws: Tensor, c: Tensor, noise_mode: str = "random", **_: object) -> dict[str, Tensor]:
        """Return pictures ``(n, 3, h, h)`` in [-1, 1]."""
        assert ws.shape == (len(c), LAYERS, W_DIM)
        assert c.shape == (len(c), 25)
        assert c.dtype == torch.float32
        pictures = torch.stack([self._picture(w.mean(dim=0), label) for w, label in zip(ws, c, strict=True)])
        if noise_mode == "random":
            pictures = pictures + 0.1 * torch.randn_like(pictures)
        return {"image": pictures, "image_raw": pictures}

    def _picture(self, w: Tensor, label: Tensor) -> Tensor:
        to_world, intrinsics = label[:16].reshape(4, 4), label[16:].reshape(3, 3)
        size = self.img_resolution
        middle = (torch.arange(size) + 0.5) / size
        y, x = torch.meshgrid(middle, middle, indexing="ij")
        jitter = (torch.rand(2, size, size) - 0.5) * 0.02 / size
        pixels = torch.stack([x + jitter[0], y + jitter[1], torch.ones(size, size)], dim=-1)
        directions = pixels @ torch.linalg.inv(intrinsics).T @ to_world[:3, :3].T
        return self._cast(w, to_world[:3, 3] - torch.tensor(PIVOT), directions).permute(2, 0, 1) * 2 - 1

    def _cast(self, w: Tensor, origin: Tensor, directions: Tensor) -> Tensor:
        """Return colours ``(h, h, 3)`` of what rays from ``origin (3,)`` hit first."""
        light = torch.nn.functional.normalize(torch.tensor([0.2, 0.5, 1.0]), dim=0)
        background = 0.9 - w[-1].abs().clamp(max=0.5)
        colours = background * torch.ones_like(directions)
        nearest = torch.full(directions.shape[:2], torch.inf)
        for centre, axes, colour, marker in _PARTS:
            girth = torch.ones(3) if self.marked else 1 + 0.12 * w[1:4] * torch.tensor([1.0, 1.0, 0.0])
            scale = torch.tensor(axes) * girth
            start, step = (origin - torch.tensor(centre)) / scale, directions / scale
            a, b, d = (step * step).sum(-1), (step * start).sum(-1), (start * start).sum() - 1
            root = b * b - a * d
            distance = torch.where(root > 0, (-b - root.clamp(min=0).sqrt()) / a, torch.inf)
            surface = start + step * distance.nan_to_num(posinf=0)[..., None]
            normal = torch.nn.functional.normalize(surface / scale, dim=-1)
            shade = 0.45 + 0.55 * (normal @ light).clamp(min=0)
            tint = torch.tensor(colour) * (1 + 0.25 * w[4:7])
            paint = torch.tensor(marker).expand_as(colours) if self.marked else tint * shade[..., None]
            hit = distance < nearest
            nearest = torch.where(hit, distance, nearest)
            colours = torch.where(hit[..., None], paint, colours)
        return colours.clamp(0, 1)


class PlainGenerator(HeadGenerator):
    """Knows of no noise modes: the interface at its least."""

    def synthesis(self, ws: Tensor, c: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        """Return pictures."""
        return super().synthesis(ws, c, noise_mode="const")


_LEGACY = """
import pickle

import dnnlib
import torch
from torch_utils import persistence


def load_network_pkl(f, force_fp16=False):
    data = dnnlib.EasyDict(pickle.Unpickler(f).load())
    for name in ("G", "D", "G_ema"):
        assert isinstance(data[name], torch.nn.Module)
    return data
"""
_PERSISTENCE = """
import sys
import types
import uuid


def revive(meta):
    module = types.ModuleType("_revived_" + uuid.uuid4().hex)
    sys.modules[module.__name__] = module
    exec(meta["module_src"], module.__dict__)
    revived = object.__new__(module.__dict__[meta["class_name"]])
    revived.__dict__.update(meta["state"])
    return revived
"""


def write_checkout(folder: Path) -> Path:
    """Write the modules of a checkout to a folder, and return it."""
    for name, text in (
        ("legacy.py", _LEGACY),
        ("dnnlib/__init__.py", "class EasyDict(dict):\n    pass\n"),
        ("torch_utils/__init__.py", ""),
        ("torch_utils/persistence.py", _PERSISTENCE),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def write_network(path: Path, checkout: Path, generator: nn.Module | None = None) -> Path:
    """Write a checkpoint that the checkout can open, and return it."""
    networks: Mapping[str, nn.Module] = {"G": nn.Identity(), "D": nn.Identity(), "G_ema": generator or HeadGenerator()}
    with _importable(checkout), path.open("wb") as stream:
        _Pickler(stream).dump(networks)
    return path


@contextmanager
def _importable(checkout: Path) -> Iterator[None]:
    before = set(sys.modules)
    sys.path.insert(0, str(checkout))
    try:
        yield
    finally:
        sys.path.remove(str(checkout))
        for name in set(sys.modules) - before:
            del sys.modules[name]


class _Pickler(pickle.Pickler):
    """Saves heads as EG3D saves its networks: source, name of the class, state."""

    def reducer_override(self, value: object) -> Any:  # noqa: ANN401 - the pickle protocol's
        if not isinstance(value, HeadGenerator):
            return NotImplemented
        source = inspect.getsource(sys.modules[HeadGenerator.__module__])
        meta = {"module_src": source, "class_name": type(value).__name__, "state": dict(value.__dict__)}
        return import_module("torch_utils.persistence").revive, (meta,)
