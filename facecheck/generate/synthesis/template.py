"""The neutral head, subdivided twice, and its regions: lips, lids, beard, cheeks and others.

All regions are weights in [0, 1] on the 78 441 fine vertices of the body. Their centres and widths (in dm) were
read off the mesh; every person has the same vertices in the same order, so a region fits every head.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import numpy as np
from scipy.spatial import cKDTree

from facecheck.generate.synthesis.arrays import Floats, Ints, bell, ramp
from facecheck.generate.synthesis.assets import HeadAsset, load_head
from facecheck.generate.synthesis.mesh import Subdivision, edges_of, subdivide, vertex_normals

__all__ = ["SIDES", "Regions", "Template", "load_template"]

SIDES: Final[tuple[tuple[Literal["left", "right"], int], ...]] = (("left", 1), ("right", -1))
EYE_X_DM: Final = 0.308
EYE_Y_DM: Final = 7.284
MOUTH_Y_DM: Final = 6.61
FACE_FRONT_DM: Final = 1.2  # z of the cheeks; points further back are on the side or the neck
_LASH_ROOT_PERCENTILE = 40


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Regions:
    """Weights ``(s,)`` in [0, 1] of each fine vertex in each region."""

    lips: Floats
    ears: Floats
    mouth_inside: Floats
    blush: Floats
    under_eye: Floats
    eyelid: Floats
    nostril: Floats
    moustache: Floats
    jaw: Floats
    chin: Floats
    lash_line: Floats


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Template:
    """The neutral head, with everything that is derived from its topology.

    Attributes:
        body_ids: the head's vertices ``(n,)`` that are body.
        coarse, fine: first and second subdivision; ``rest_*`` the subdivided body at rest.
        edges: edges of the fine body.
        regions: see `Regions`.
        front_ids: fine vertices that can be seen from the front, found by ``front_tree`` in x and y.
        exposure_ids: fine vertices of the face that the exposure is measured on.
        lash_roots: by side and lid, the head's vertices where the lashes leave the lid.
    """

    head: HeadAsset
    body_ids: Ints
    coarse: Subdivision
    fine: Subdivision
    rest_coarse: Floats
    rest_fine: Floats
    rest_normals: Floats
    edges: Ints
    regions: Regions
    front_ids: Ints
    front_tree: cKDTree
    exposure_ids: Ints
    lash_roots: dict[tuple[str, str], Ints]

    def body(self, vertices: Floats) -> tuple[Floats, Floats]:
        """Coarse and fine body of a head's ``vertices``."""
        coarse = self.coarse.matrix @ vertices[self.body_ids]
        return coarse, self.fine.matrix @ coarse

    def nearest_front(self, xy: Floats) -> Ints:
        """Fine vertex nearest to each rest position ``(n, 2)`` as seen from the front."""
        return np.asarray(self.front_ids[self.front_tree.query(xy)[1]], np.int64)


def _lash_roots(head: HeadAsset) -> dict[tuple[str, str], Ints]:
    roots: dict[tuple[str, str], Ints] = {}
    for side, _ in SIDES:
        centre = head.vertices[np.unique(head.parts[f"{side}_eye"])].mean(axis=0)
        for lid in ("upper", "lower"):
            strip = np.unique(head.parts[f"{side}_{lid}_lashes"])
            distance = np.linalg.norm(head.vertices[strip] - centre, axis=1)
            roots[side, lid] = strip[distance < np.percentile(distance, _LASH_ROOT_PERCENTILE)]
    return roots


def _lash_line(head: HeadAsset, rest: Floats, roots: dict[tuple[str, str], Ints]) -> Floats:
    line = np.zeros(len(rest))
    for (_, lid), root in roots.items():
        distance = np.asarray(cKDTree(head.vertices[root]).query(rest)[0])
        line = np.maximum(line, bell(distance, 0.0, 0.016) * (1.0 if lid == "upper" else 0.5))
    return line


def _beard_regions(rest: Floats, bare: Floats) -> tuple[Floats, Floats, Floats]:
    """Moustache, jaw and chin; ``bare`` is 0 where no beard grows (lips, ears, inside of the mouth)."""
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    moustache = bell(y, 6.77, 0.05) * ramp(0.38, 0.26, x) * (z > FACE_FRONT_DM)
    below = ramp(6.62, 6.42, y - 0.55 * np.clip(x - 0.28, 0, 1)) * ramp(5.95, 6.2, y) * ramp(0.3, 0.6, z)
    sideburn = ramp(0.50, 0.60, x) * ramp(7.2, 6.6, y) * ramp(0.35, 0.45, z) * ramp(0.95, 0.8, z) * ramp(6.15, 6.25, y)
    chin = bell(x, 0, 0.25) * bell(y, 6.3, 0.2) * ramp(0.2, 0.7, z)
    return moustache * bare, np.clip(np.maximum(np.maximum(below, sideburn), chin), 0, 1) * bare, chin * bare


def _regions(head: HeadAsset, rest: Floats, normals: Floats, roots: dict[tuple[str, str], Ints]) -> Regions:
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    front = ramp(0.2, 0.7, z)

    def spot(at_x: float, at_y: float, wide: float, high: float) -> Floats:
        return bell(x, at_x, wide) * bell(y, at_y, high) * front

    near_mouth = (np.abs(y - MOUTH_Y_DM) < 0.2) & (z > FACE_FRONT_DM) & (x < 0.4)
    lips = head.masks["lips"] * near_mouth
    ears = ((head.masks["ears"] > 0.4) & (x > 0.6) & (z < 0.8)).astype(np.float64)
    mouth_inside = (head.masks["mouth_inside"] > 0.4).astype(np.float64)
    bare = (1 - np.clip(2 * lips, 0, 1)) * (1 - mouth_inside) * (1 - ears)
    moustache, jaw, chin = _beard_regions(rest, bare)
    return Regions(
        lips=lips,
        ears=ears,
        mouth_inside=mouth_inside,
        blush=spot(0.42, 6.97, 0.2, 0.16)
        + 0.8 * spot(0, 6.93, 0.12, 0.1)
        + 0.35 * spot(0, 6.28, 0.2, 0.12)
        + 0.6 * ears,
        under_eye=spot(0.30, 7.14, 0.17, 0.055),
        eyelid=spot(0.31, 7.37, 0.17, 0.06),
        nostril=bell(x, 0.09, 0.05) * bell(y, 6.84, 0.05) * ramp(-0.1, -0.3, normals[:, 1]) * (z > 1.3),
        moustache=moustache,
        jaw=jaw,
        chin=chin,
        lash_line=_lash_line(head, rest, roots),
    )


def _front_ids(rest: Floats, normals: Floats, mouth_inside: Floats) -> Ints:
    seen = (normals[:, 2] > -0.05) & (rest[:, 2] > 0.55) & (rest[:, 1] > 5.9) & (mouth_inside < 0.5)
    return np.flatnonzero(seen)


def _exposure_ids(rest: Floats) -> Ints:
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    return np.flatnonzero((z > 1.0) & (x < 0.6) & (y > 6.2) & (y < 8.0))


@lru_cache(maxsize=1)
def load_template() -> Template:
    """The shipped head, subdivided (0.5 s, once per process)."""
    head = load_head()
    body_ids, local = np.unique(head.parts["body"], return_inverse=True)
    coarse = subdivide(local.reshape(-1, 4), len(body_ids))
    fine = subdivide(coarse.quads, coarse.matrix.shape[0])
    rest_coarse = coarse.matrix @ head.vertices[body_ids]
    rest = fine.matrix @ rest_coarse
    normals = vertex_normals(rest, fine.quads)
    roots = _lash_roots(head)
    regions = _regions(head, rest, normals, roots)
    front_ids = _front_ids(rest, normals, regions.mouth_inside)
    return Template(
        head=head,
        body_ids=body_ids,
        coarse=coarse,
        fine=fine,
        rest_coarse=rest_coarse,
        rest_fine=rest,
        rest_normals=normals,
        edges=edges_of(fine.quads),
        regions=regions,
        front_ids=front_ids,
        front_tree=cKDTree(rest[front_ids, :2]),
        exposure_ids=_exposure_ids(rest),
        lash_roots=roots,
    )
