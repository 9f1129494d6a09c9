"""Identities: drawn from a seed, similar to siblings, with relaxed faces."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from facecheck.generate.synthesis.assets import HEAD_FILE, load_head
from facecheck.generate.synthesis.hair import hair
from facecheck.generate.synthesis.mesh import vertex_normals
from facecheck.generate.synthesis.person import OLDEST, YOUNGEST, Person, draw_person, draw_sibling, shape_axes
from facecheck.generate.synthesis.selection import appearance
from facecheck.generate.synthesis.shape import EXPRESSIONS, face_unit_weights, head_vertices, shape_weights
from facecheck.generate.synthesis.style import draw_style
from facecheck.generate.synthesis.template import load_template


@pytest.fixture(scope="module")
def crowd() -> list[Person]:
    return [draw_person(seed) for seed in range(300)]


def test_one_seed_is_one_person() -> None:
    """Equal seeds give equal people, different seeds different people."""
    assert draw_person(7) == draw_person(7)
    assert draw_person(7) != draw_person(8)


def test_a_crowd_has_both_sexes_all_ages_and_all_skin_tones(crowd: list[Person]) -> None:
    """Each label has at least 25 of 300 people."""
    labels = Counter(label for person in crowd for label in person.labels.values())
    assert set(labels) == {"female", "male", "18-34", "35-54", "55-80", "light", "tan", "brown", "dark"}
    assert min(labels.values()) >= 25
    ages = [person.body.age_years for person in crowd]
    assert YOUNGEST <= min(ages) < 20
    assert 75 < max(ages) <= OLDEST


def test_names_tell_people_apart() -> None:
    """Names contain the seed and the number of the sibling."""
    names = [draw_person(12).name, draw_sibling(12, 1).name, draw_sibling(12, 2).name, draw_person(13).name]
    assert names == ["p00012", "p00012s1", "p00012s2", "p00013"]


def test_siblings_are_nearer_than_unrelated() -> None:
    """The sibling of each person is more similar to them than all other people."""
    seeds = range(8)
    people = [appearance(draw_person(seed)) for seed in seeds]
    for seed in seeds:
        to_sibling = np.linalg.norm(people[seed] - appearance(draw_sibling(seed, 1)))
        to_unrelated = [np.linalg.norm(people[seed] - people[other]) for other in seeds if other != seed]
        assert 0 < to_sibling < min(to_unrelated)


@pytest.mark.parametrize(
    ("seed", "sibling", "message"),
    [
        pytest.param(-1, 1, "must be 0 or more, got -1", id="negative-seed"),
        pytest.param(5, 0, r"siblings count from 1, got 0; .*draw_person\(5\)", id="sibling-0"),
    ],
)
def test_bad_seeds_are_refused(seed: int, sibling: int, message: str) -> None:
    """The message contains the given value."""
    with pytest.raises(ValueError, match=message):
        draw_sibling(seed, sibling)


def test_every_weight_names_a_target() -> None:
    """Axes and expressions use existing targets."""
    targets = load_head().targets
    assert all(low in targets and high in targets for low, high in shape_axes().values())
    for expression in EXPRESSIONS:
        assert set(face_unit_weights(expression, 1.0)) <= set(targets)


def test_nobody_stares_and_nobody_frowns(crowd: list[Person]) -> None:
    """Lids open between a fifth and a half of their width."""
    template = load_template()
    for person in crowd[:40]:
        vertices = template.head.morph(shape_weights(template, person))
        upper, lower = (vertices[template.lash_roots["left", lid]] for lid in ("upper", "lower"))
        opening = np.sort(upper[:, 1])[-8:].mean() - np.sort(lower[:, 1])[:8].mean()
        assert 0.2 < opening / np.ptp(upper[:, 0]) < 0.5, person.name


def test_expressions_move_the_face_and_leave_the_skull() -> None:
    """A laugh moves the face by more than 0.05 dm, and the forehead by less than 0.02 dm."""
    template = load_template()
    person = draw_person(3)
    moved = head_vertices(template, person, face_unit_weights("laugh", 1.0)) - head_vertices(template, person, {})
    high = template.head.vertices[:, 1] > 7.9
    assert np.abs(moved).max() > 0.05
    assert np.abs(moved[high]).max() < 0.02


@pytest.mark.parametrize("seed", range(0, 40, 5))
def test_no_hair_hangs_before_the_eyes(seed: int) -> None:
    """Fewer than 1 in 10 000 points of hair lie in front of the eyes."""
    template = load_template()
    person = draw_person(seed)
    vertices = head_vertices(template, person, {})
    coarse, _ = template.body(vertices)
    eye_y = vertices[np.unique(template.head.parts["left_eye"]), 1].mean()
    for day in range(2):
        mesh = (coarse, vertex_normals(coarse, template.coarse.quads))
        grown = hair(template, person, draw_style(person, day), mesh, float(eye_y))
        if grown is None:
            continue
        x, y, z = np.abs(grown.points[..., 0]), grown.points[..., 1], grown.points[..., 2]
        hidden = (x < 0.5) & (z > 0.75) & (np.abs(y - eye_y) < 0.2)
        assert hidden.mean() < 1e-4


def test_the_head_is_small_and_carries_its_licence() -> None:
    """At most 1.3 MB, read without pickles, with the CC0 notice in the same folder."""
    assert HEAD_FILE.stat().st_size < 1_300_000
    assert "CC0 1.0 Universal" in HEAD_FILE.with_name("head.LICENSE.txt").read_text(encoding="utf-8")
    with np.load(HEAD_FILE, allow_pickle=False) as stored:
        assert all(stored[name].dtype.kind in "fiuU" for name in stored.files)
