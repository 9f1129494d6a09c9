"""Smooth random fields (value noise); each call draws one lattice from the given generator."""

from __future__ import annotations

import itertools

import numpy as np

from facecheck.generate.synthesis.arrays import Floats

__all__ = ["value_noise"]

_LATTICE = {2: 64, 3: 16}


def value_noise(points: Floats, frequency: float, rng: np.random.Generator) -> Floats:
    """Noise of about unit variance at each point, smooth below ``1 / frequency``.

    Args:
        points: ``(n, 2)`` or ``(n, 3)`` coordinates.
        frequency: lattice cells per unit of length.
        rng: draws the lattice; the same state gives the same field.

    Returns:
        ``(n,)`` values.
    """
    dimensions = points.shape[1]
    size = _LATTICE[dimensions]
    lattice = rng.standard_normal((size,) * dimensions)
    scaled = points * frequency
    cell = np.floor(scaled).astype(np.int64)
    blend = scaled - cell
    blend = blend * blend * (3.0 - 2.0 * blend)
    total = np.zeros(len(points))
    for corner in itertools.product((0, 1), repeat=dimensions):
        weight = np.prod(np.where(np.array(corner) == 1, blend, 1.0 - blend), axis=1)
        total += weight * lattice[tuple(((cell + corner) % size).T)]
    return total
