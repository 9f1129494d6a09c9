"""Subdivision and rasterising against hand-worked cases and slow oracles."""

from __future__ import annotations

import numpy as np
import pytest

from facecheck.generate.synthesis.arrays import Floats, Ints
from facecheck.generate.synthesis.mesh import subdivide, triangles_of, vertex_normals
from facecheck.generate.synthesis.raster import nearest_fragments, rasterise

CUBE = np.array([[x, y, z] for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)])
CUBE_QUADS = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])


def test_a_cube_becomes_catmull_and_clarks_polyhedron() -> None:
    """Corners move to 5/9 of their position, middles of edges to 3/4, and middles of faces stay."""
    step = subdivide(CUBE_QUADS, 8)
    points = step.matrix @ CUBE
    assert np.abs(points[:8]) == pytest.approx(np.full((8, 3), 5 / 9))
    assert np.sort(np.abs(points[8:20]), axis=1) == pytest.approx(np.tile([0, 0.75, 0.75], (12, 1)))
    assert np.sort(np.abs(points[20:]), axis=1) == pytest.approx(np.tile([0, 0, 1], (6, 1)))
    assert len(step.quads) == 24


def test_subdivision_keeps_an_open_border_on_its_curve() -> None:
    """A flat square stays flat, and a border's middle stays on the border."""
    square = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    step = subdivide(np.array([[0, 1, 2, 3]]), 4)
    points = step.matrix @ square
    assert points[0] == pytest.approx([0.125, 0.125, 0])
    assert {tuple(row) for row in points[4:8].round(9)} == {(0.5, 0, 0), (0, 0.5, 0), (1, 0.5, 0), (0.5, 1, 0)}


def test_normals_of_a_cube_point_outwards() -> None:
    """The normal of a corner points along its diagonal."""
    assert vertex_normals(CUBE, CUBE_QUADS) == pytest.approx(CUBE / np.sqrt(3))


def _inside(point: Floats, corners: Floats) -> bool:
    signs = []
    for here, there in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        edge, offset = there[:2] - here[:2], point - here[:2]
        signs.append(edge[0] * offset[1] - edge[1] * offset[0])
    return bool(min(signs) > 0 or max(signs) < 0)


def _oracle(points: Floats, triangles: Ints, size: int) -> set[tuple[int, int]]:
    centres = [(row, column) for row in range(size) for column in range(size)]
    return {
        (row * size + column, number)
        for number, triangle in enumerate(triangles)
        for row, column in centres
        if _inside(np.array([column + 0.5, row + 0.5]), points[triangle])
    }


def test_rasterise_finds_the_samples_that_a_slow_oracle_finds() -> None:
    """Covered samples equal those of a test of all samples against all triangles."""
    rng = np.random.default_rng(3)
    points = rng.uniform(-3, 19, (24, 3))
    triangles = np.arange(24).reshape(8, 3)
    fragments = rasterise(points, triangles, 16)
    found = set(zip(fragments.pixel.tolist(), fragments.triangle.tolist(), strict=True))
    assert found == _oracle(points, triangles, 16)
    assert fragments.weights.sum(axis=1) == pytest.approx(np.ones(len(found)))


def test_the_nearest_fragment_wins_and_a_tie_goes_to_the_first() -> None:
    """Worked by hand, with one empty sample."""
    pixel, depth = np.array([0, 0, 1, 1, 3]), np.array([2.0, 1.0, 1.5, 1.5, 1.0])
    assert nearest_fragments(pixel, depth, 4, (0.0, 4.0)).tolist() == [1, 2, -1, 4]


def test_a_quad_is_two_triangles() -> None:
    """Both share the diagonal."""
    assert triangles_of(np.array([[4, 5, 6, 7]])).tolist() == [[4, 5, 6], [4, 6, 7]]
