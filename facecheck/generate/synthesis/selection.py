"""Choose seeds for a balanced set of people who look different, without using a recogniser.

People of a pool are described by the shape and colours of their face. Within each cell of sex, age group and skin
tone, the next person is the one furthest from all people chosen so far; the most unusual third is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facecheck.generate.synthesis.arrays import Floats
from facecheck.generate.synthesis.person import Person, draw_person
from facecheck.generate.synthesis.shape import head_vertices
from facecheck.generate.synthesis.template import load_template

__all__ = ["appearance", "choose_people"]

_USUAL_SHARE = 0.66
_SHAPE_WEIGHT = 18.0


def appearance(person: Person) -> Floats:
    """A person as one vector: face vertices normalised in position and size, then colours, brows and age."""
    template = load_template()
    rest = template.head.vertices[template.body_ids]
    face = (rest[:, 2] > 0.9) & (np.abs(rest[:, 0]) < 0.7) & (rest[:, 1] > 6.1) & (rest[:, 1] < 8.0)
    points = head_vertices(template, person, {})[template.body_ids[face]]
    points = points - points.mean(axis=0)
    points /= np.sqrt((points**2).sum(axis=1).mean())
    brows = person.brows
    return np.concatenate(
        [
            points.ravel() * _SHAPE_WEIGHT / np.sqrt(face.sum()),
            0.9 * np.log(person.skin.albedo),
            0.25 * np.log(person.hair.colour),
            [25 * brows.thickness, 12 * brows.tilt, 12 * brows.height, person.body.age_years / 60],
        ]
    )


def choose_people(pool: Sequence[int], per_cell: int) -> list[int]:
    """Seeds of ``per_cell`` people from each cell of sex x age group x skin tone, or fewer if the pool is too small."""
    people = [draw_person(seed) for seed in pool]
    vectors = np.stack([appearance(person) for person in people])
    strangeness = ((vectors - vectors.mean(axis=0)) ** 2).sum(axis=1)
    cells: dict[tuple[str, ...], list[int]] = {}
    for number, person in enumerate(people):
        cells.setdefault(tuple(person.labels.values()), []).append(number)
    distance = np.full(len(people), np.inf)
    chosen: list[int] = []
    for _ in range(per_cell):
        for cell in sorted(cells):
            limit = np.quantile(strangeness[cells[cell]], _USUAL_SHARE)
            free = [n for n in cells[cell] if n not in chosen and strangeness[n] <= limit]
            if free:
                picked = max(free, key=lambda n: (distance[n], -n))
                chosen.append(picked)
                distance = np.minimum(distance, np.linalg.norm(vectors - vectors[picked], axis=1))
    return [pool[number] for number in chosen]
