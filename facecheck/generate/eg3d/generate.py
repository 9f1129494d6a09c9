"""Writing strips to a folder: ``seed0000.png`` with its sidecar ``seed0000.json``, each written atomically.

The sidecar is written first, so that no strip exists without its yaws. It contains the hash of the strip: a later run
keeps a strip that matches the hash, and makes the others. ``generation.json`` holds the settings of the folder; a run
with other settings is an error.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from tqdm import tqdm

from facecheck import __version__
from facecheck.errors import DatasetError
from facecheck.faces import Image
from facecheck.generate.eg3d.camera import published_angles, viewed_from
from facecheck.generate.eg3d.checkpoint import Checkpoint, Generator, loaded
from facecheck.generate.eg3d.render import TRUNCATION_CUTOFF, Cameras, place_cameras, render_strip, synthesis_options
from facecheck.generate.eg3d.yaws import Turn
from facecheck.generate.synthesis.generate import SETTINGS_FILE, encode, write_atomically

__all__ = ["GENERATOR_VERSION", "Made", "Series", "generate_strips", "strip_name"]

GENERATOR_VERSION: Final = 2  # raise it whenever a seed's pixels change
_MOST_SEEDS: Final = 2**32  # limit of numpy's RandomState
_STEEPEST_RAD: Final = 1.4  # steeper, the camera comes to stand above the pivot, and its up direction is undefined


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The people of a series of strips, and their poses.

    Args:
        seeds: one person per seed, in [0, 2**32).
        turn: yaws of the tiles.
        pitch_rad: of every tile; at positive pitch the camera looks down from above.
        truncation_psi: in (0, 1]; 1 for no truncation, lower for people closer to the average.

    Raises:
        ValueError: a value outside its range.
    """

    seeds: tuple[int, ...]
    turn: Turn
    pitch_rad: float = 0.0
    truncation_psi: float = 0.7

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not self.seeds:
            raise ValueError("no seeds: give at least one, such as 0-149")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("a seed is given twice: one seed is one person")
        if not (min(self.seeds) >= 0 and max(self.seeds) < _MOST_SEEDS):
            raise ValueError(f"seeds must be in [0, 2**32), got {min(self.seeds)} to {max(self.seeds)}")
        if not abs(self.pitch_rad) <= _STEEPEST_RAD:
            raise ValueError(
                f"pitch must be within ±{_STEEPEST_RAD} rad, got {self.pitch_rad:g}; did you give degrees?"
            )
        if not 0 < self.truncation_psi <= 1:
            raise ValueError(
                f"truncation must be in (0, 1], got {self.truncation_psi:g}; at 0 all people are the average person"
            )


class Made(NamedTuple):
    """The number of strips that a run made, and that were finished before."""

    new: int
    kept: int


def strip_name(seed: int) -> str:
    """Return the name of a person and of their strip, the same as in EG3D's scripts.

    >>> strip_name(19)
    'seed0019'
    """
    return f"seed{seed:04d}"


def generate_strips(
    out: Path, *, checkpoint: Checkpoint, series: Series, batch: int = 8, progress: bool = True
) -> Made:
    """Make the strips of a series that are not finished yet.

    Args:
        out: folder; finished strips in it are kept.
        checkpoint: loaded only if a strip is missing.
        series: the people and their poses.
        batch: tiles rendered at once; a batch has tiles of one strip only.
        progress: whether to show a bar.

    Raises:
        ValueError: a batch of less than one.
        DatasetError: the folder was made with other settings, or contains a strip that differs from its sidecar.
        ModelError: the checkpoint cannot be used.
    """
    if batch < 1:
        raise ValueError(f"a batch needs at least 1 tile, got {batch}")
    settings = _settings(checkpoint, series)
    _refuse_others(out / SETTINGS_FILE, settings)
    waiting = [seed for seed in series.seeds if not _is_finished(out, seed, settings)]
    if waiting:
        with loaded(checkpoint) as generator:
            cameras = place_cameras(generator, series.turn.yaws_rad, pitch_rad=series.pitch_rad)
            origin = _origin(checkpoint, generator, batch)
            common = settings | _cameras_record(series, cameras) | origin
            psi, device = series.truncation_psi, checkpoint.device
            for seed in tqdm(waiting, desc="strips", unit="strip", disable=not progress):
                strip = render_strip(generator, seed, cameras, truncation_psi=psi, batch=batch, device=device)
                _write_json(out / SETTINGS_FILE, settings)
                _write_strip(out, strip, common | {"seed": seed, "size_px": len(strip)})
    return Made(new=len(waiting), kept=len(series.seeds) - len(waiting))


def _settings(checkpoint: Checkpoint, series: Series) -> dict[str, Any]:
    """Return the settings that all strips of a folder share; ``strips:`` reads tiles, start and step."""
    return {
        "generator": "eg3d",
        "generator_version": GENERATOR_VERSION,
        "tiles": series.turn.tiles,
        "start": series.turn.start_rad,
        "step": series.turn.step_rad,
        "pitch_rad": series.pitch_rad,
        "truncation_psi": series.truncation_psi,
        "truncation_cutoff": TRUNCATION_CUTOFF,
        "network_sha256": checkpoint.sha256,
    }


def _cameras_record(series: Series, cameras: Cameras) -> dict[str, Any]:
    """Return the camera labels, the angles from which they see the head, and their angles in EG3D's scripts."""
    angles = [published_angles(yaw_rad=yaw, pitch_rad=series.pitch_rad) for yaw in series.turn.yaws_rad]
    return {
        "yaws_rad": series.turn.yaws_rad,
        "cameras": cameras.views.tolist(),
        "conditioning_camera": cameras.conditioning.tolist(),
        "viewed_from_rad": [[round(angle, 6) for angle in viewed_from(label)] for label in cameras.views],
        "angle_y": [angle_y for angle_y, _ in angles],
        "angle_p": angles[0][1],
    }


def _origin(checkpoint: Checkpoint, generator: Generator, batch: int) -> dict[str, Any]:
    """Return what else the exact pixels depend on; none of it changes the person or the pose."""
    return {
        "network": checkpoint.network.name,
        "synthesis_options": synthesis_options(generator),
        "device": str(checkpoint.device),
        "batch": batch,
        "facecheck": __version__,
        "torch": torch.__version__,
    }


def _write_strip(out: Path, strip: Image, record: dict[str, Any]) -> None:
    content = encode(strip, ".png", quality=100)
    name = strip_name(record["seed"])
    _write_json(out / f"{name}.json", record | {"sha256": hashlib.sha256(content).hexdigest()})
    write_atomically(out / f"{name}.png", content)


def _write_json(path: Path, record: dict[str, Any]) -> None:
    """Write one key per line, so that the 25 numbers of a camera stay together."""
    lines = (f" {json.dumps(key)}: {json.dumps(value)}" for key, value in record.items())
    write_atomically(path, ("{\n" + ",\n".join(lines) + "\n}\n").encode())


def _is_finished(out: Path, seed: int, settings: dict[str, Any]) -> bool:
    """Return whether a strip exists and matches its sidecar; any other existing strip is an error.

    Raises:
        DatasetError: a strip without a sidecar, with other settings, or changed since it was made.
    """
    strip, sidecar = (out / f"{strip_name(seed)}{suffix}" for suffix in (".png", ".json"))
    record = _refuse_others(sidecar, settings | {"seed": seed})
    if not strip.exists():
        return False
    if record is None:
        raise DatasetError(
            f"{strip}: has no sidecar, so facecheck did not make it: move it away or choose another folder"
        )
    if hashlib.sha256(strip.read_bytes()).hexdigest() != record.get("sha256"):
        raise DatasetError(f"{strip}: not the strip that {sidecar.name} describes: delete it to make it again")
    return True


def _refuse_others(path: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """Return a file's record, or None if there is no such file.

    Raises:
        DatasetError: it is not a record, or has other settings.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: cannot be read as JSON: {error}. Choose another folder") from error
    if not isinstance(record, dict):
        raise DatasetError(f"{path}: expected a JSON object. Choose another folder")
    for key, value in settings.items():
        if record.get(key) != value:
            raise DatasetError(
                f"{path}: made with {key}={record.get(key)!r}, not {value!r}: choose another folder, "
                "or use the earlier settings to continue"
            )
    return record
