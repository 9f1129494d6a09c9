"""Quad meshes: Catmull-Clark subdivision as one sparse matrix, normals, and sums over neighbours.

Subdivision is linear in the vertices, so its matrix is computed once per topology, and every further head costs
two sparse products.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from facecheck.generate.synthesis.arrays import Bools, Floats, Ints, unit

__all__ = ["Subdivision", "edges_of", "neighbour_mean", "subdivide", "triangles_of", "vertex_normals"]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Subdivision:
    """One Catmull-Clark step: ``matrix @ vertices`` are the new vertices, ``quads`` the new faces."""

    matrix: sparse.csr_array
    quads: Ints


def _incidence(rows: Ints, columns: Ints, shape: tuple[int, int]) -> sparse.csr_array:
    return sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=shape)


def _scaled(matrix: sparse.csr_array, factors: Floats) -> sparse.csr_array:
    return sparse.csr_array(sparse.diags_array(factors) @ matrix)


def _edge_table(quads: Ints, count: int) -> tuple[Ints, Ints]:
    """Unique edges ``(e, 2)`` and, for each quad, the index of the edge leaving each corner ``(f, 4)``."""
    sides = np.sort(np.stack([quads, np.roll(quads, -1, axis=1)], axis=-1).reshape(-1, 2), axis=1)
    keys, inverse = np.unique(sides[:, 0] * count + sides[:, 1], return_inverse=True)
    return np.stack([keys // count, keys % count], axis=1), inverse.reshape(len(quads), 4)


def _new_quads(quads: Ints, edge_of: Ints, count: int, edge_count: int) -> Ints:
    centre = count + edge_count + np.arange(len(quads))
    corners = [
        np.stack([quads[:, k], count + edge_of[:, k], centre, count + edge_of[:, k - 1]], axis=1) for k in range(4)
    ]
    return np.stack(corners, axis=1).reshape(-1, 4)


def _vertex_rule(
    quads: Ints, edges: Ints, border: Bools, face_points: sparse.csr_array, count: int
) -> sparse.csr_array:
    """Rows that move the old vertices: the inner rule ``(F + 2R + (n - 3)P) / n``, the border rule on open edges."""
    identity = sparse.eye_array(count, format="csr")
    touches_face = _incidence(quads.ravel(), np.repeat(np.arange(len(quads)), 4), (count, len(quads)))
    ends = _incidence(edges.ravel(), np.repeat(np.arange(len(edges)), 2), (count, len(edges)))
    faces_per_vertex = np.maximum(touches_face.sum(axis=1), 1.0)
    valence = np.maximum(ends.sum(axis=1), 1.0)
    edge_mean = _scaled(ends.T.tocsr(), np.full(len(edges), 0.5))
    inner = (
        _scaled(touches_face @ face_points, 1.0 / (faces_per_vertex * valence))
        + _scaled(ends @ edge_mean, 2.0 / valence**2)
        + _scaled(identity, (valence - 3.0) / valence)
    )
    open_ends = edges[border]
    along = _incidence(open_ends.ravel(), open_ends[:, ::-1].ravel(), (count, count))
    outer = 0.75 * identity + _scaled(along, 0.25 / np.maximum(along.sum(axis=1), 1.0))
    on_border = np.zeros(count)
    on_border[open_ends.ravel()] = 1.0
    return sparse.csr_array(_scaled(inner, 1.0 - on_border) + _scaled(outer, on_border))


def subdivide(quads: Ints, count: int) -> Subdivision:
    """Compute one Catmull-Clark step for ``quads (f, 4)`` over ``count`` vertices.

    Source: Catmull and Clark, "Recursively generated B-spline surfaces", 1978; open edges as B-spline curves.
    """
    edges, edge_of = _edge_table(quads, count)
    sharing = np.bincount(edge_of.ravel(), minlength=len(edges))
    border = sharing == 1
    face_points = _incidence(np.repeat(np.arange(len(quads)), 4), quads.ravel(), (len(quads), count)) * 0.25
    ends = _incidence(np.repeat(np.arange(len(edges)), 2), edges.ravel(), (len(edges), count))
    beside = _incidence(edge_of.ravel(), np.repeat(np.arange(len(quads)), 4), (len(edges), len(quads)))
    smooth = _scaled(ends + beside @ face_points, np.asarray(1.0 / (2.0 + sharing), np.float64))
    edge_points = _scaled(ends, np.where(border, 0.5, 0.0)) + _scaled(smooth, np.where(border, 0.0, 1.0))
    moved = _vertex_rule(quads, edges, border, face_points.tocsr(), count)
    matrix = sparse.vstack([moved, edge_points, face_points], format="csr")
    return Subdivision(matrix=matrix, quads=_new_quads(quads, edge_of, count, len(edges)))


def vertex_normals(vertices: Floats, quads: Ints) -> Floats:
    """Unit normals ``(n, 3)``, each the mean of its faces weighted by their area."""
    across = vertices[quads[:, 2]] - vertices[quads[:, 0]]
    along = vertices[quads[:, 3]] - vertices[quads[:, 1]]
    normal = np.cross(across, along)
    total = np.stack(
        [
            np.bincount(quads.ravel(), weights=np.repeat(normal[:, axis], 4), minlength=len(vertices))
            for axis in range(3)
        ],
        axis=1,
    )
    return unit(np.asarray(total, np.float64))


def triangles_of(quads: Ints) -> Ints:
    """Two triangles ``(2f, 3)`` per quad."""
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def edges_of(quads: Ints) -> Ints:
    """Unique undirected edges ``(e, 2)`` of a mesh."""
    sides = np.concatenate([quads[:, [0, 1]], quads[:, [1, 2]], quads[:, [2, 3]], quads[:, [3, 0]]])
    return np.unique(np.sort(sides, axis=1), axis=0)


def neighbour_mean(edges: Ints, weights: Floats, count: int, *, own: float) -> sparse.csr_array:
    """Matrix that replaces each vertex by the weighted mean of its neighbours and, with ``own``, of itself."""
    rows = np.concatenate([edges[:, 0], edges[:, 1], np.arange(count)])
    columns = np.concatenate([edges[:, 1], edges[:, 0], np.arange(count)])
    values = np.concatenate([weights, weights, np.full(count, own)])
    matrix = sparse.csr_array((values, (rows, columns)), shape=(count, count))
    return _scaled(matrix, 1.0 / np.maximum(matrix.sum(axis=1), 1e-12))
