"""Rendering the strip of one person: the same head from several cameras."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from facecheck.errors import ModelError
from facecheck.faces import Image
from facecheck.generate.eg3d.camera import camera_label
from facecheck.generate.eg3d.checkpoint import Generator
from facecheck.generate.synthesis.arrays import Floats

__all__ = ["TRUNCATION_CUTOFF", "Cameras", "latent", "place_cameras", "render_strip", "synthesis_options"]

TRUNCATION_CUTOFF: Final = 14  # number of styles to truncate: all of EG3D's, as in its scripts
_RADIUS: Final = 2.7  # default if the checkpoint does not define it, as in EG3D's scripts


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Cameras:
    """Camera labels.

    Args:
        views: ``(n, 25)``, one for each tile.
        conditioning: ``(25,)``, the frontal camera with which a person is conditioned.
    """

    views: Floats
    conditioning: Floats


def place_cameras(generator: Generator, yaws_rad: tuple[float, ...], *, pitch_rad: float) -> Cameras:
    """Place a camera for each yaw, looking at the pivot of the checkpoint, and the frontal conditioning camera."""
    pivot = np.asarray(generator.rendering_kwargs.get("avg_camera_pivot", (0.0, 0.0, 0.0)), np.float64)
    radius = float(generator.rendering_kwargs.get("avg_camera_radius", _RADIUS))
    return Cameras(
        views=np.stack(
            [camera_label(yaw_rad=yaw, pitch_rad=pitch_rad, pivot=pivot, radius=radius) for yaw in yaws_rad]
        ),
        conditioning=camera_label(yaw_rad=0.0, pitch_rad=0.0, pivot=pivot, radius=radius),
    )


def latent(seed: int, z_dim: int) -> Floats:
    """Return the latent ``(1, z_dim)`` that EG3D's scripts draw for a seed."""
    # numpy's legacy generator, an exception to our rule: a seed must give the same person as in EG3D's scripts.
    return np.random.RandomState(seed).randn(1, z_dim)


def synthesis_options(generator: Generator) -> dict[str, str]:
    """Return options that fix the noise, as in EG3D's videos, if supported, so that only the camera differs."""
    parameters = inspect.signature(generator.synthesis).parameters.values()
    knows = any(p.name == "noise_mode" or p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)
    return {"noise_mode": "const"} if knows else {}


def render_strip(
    generator: Generator, seed: int, cameras: Cameras, *, truncation_psi: float, batch: int, device: torch.device
) -> Image:
    """Render a person's strip ``(h, n * h, 3)``.

    A batch never contains tiles of two people, so that no strip depends on the other seeds.

    Args:
        generator: on ``device``.
        seed: the person.
        cameras: of the n tiles, from left to right.
        truncation_psi: 1 for no truncation, lower for people closer to the average.
        batch: tiles rendered at once.
        device: of the generator.

    Raises:
        ModelError: the output is not a square RGB picture, or the memory of the device is too small for a batch.
    """
    z = torch.from_numpy(latent(seed, generator.z_dim)).float().to(device)
    conditioning = torch.from_numpy(cameras.conditioning[None]).float().to(device)
    views = torch.from_numpy(cameras.views).float().to(device)
    options = synthesis_options(generator)
    with torch.no_grad(), _seeded(seed, device):
        try:
            ws = generator.mapping(z, conditioning, truncation_psi=truncation_psi, truncation_cutoff=TRUNCATION_CUTOFF)
            tiles = [
                _pixels(generator.synthesis(ws.repeat_interleave(len(c), dim=0), c, **options)["image"])
                for c in torch.split(views, batch)
            ]
        except torch.OutOfMemoryError as error:
            raise ModelError(f"{device}: not enough memory for {batch} tiles at once: use a smaller --batch") from error
    return np.concatenate([tile for part in tiles for tile in part], axis=1)


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's global generators, which EG3D uses to jitter its ray samples, and restore them afterwards."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def _pixels(pictures: Tensor) -> Image:
    """Return ``(n, h, h, 3)`` uint8 for pictures ``(n, 3, h, h)`` in [-1, 1], rounded as in EG3D's scripts."""
    if pictures.ndim != 4 or pictures.shape[1] != 3 or pictures.shape[2] != pictures.shape[3]:  # noqa: PLR2004 - RGB
        raise ModelError(f"the checkpoint returned pictures of shape {tuple(pictures.shape)}; expected (n, 3, h, h)")
    if not bool(torch.isfinite(pictures).all()):
        raise ModelError("the checkpoint returned pictures with NaN or infinite pixels; try another --device")
    levels = (pictures.float() * 127.5 + 128).clamp(0, 255).to(torch.uint8)
    return np.asarray(levels.permute(0, 2, 3, 1).cpu().numpy())
