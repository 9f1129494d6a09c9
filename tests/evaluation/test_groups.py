"""Groups of drawn faces: rates, indices and what cannot be said, by hand."""

import dataclasses
import itertools

import pytest

from facecheck.datasets import Dataset
from facecheck.evaluation.evaluator import Compared, Evaluator
from facecheck.evaluation.groups import by_group, why_no_groups
from facecheck.faces import Pairs
from facecheck.results.conditions import Conditions
from tests.support.drawn import DrawnPipeline, drawn_dataset, drawn_recognizer

# Two groups of eleven people and one of two; two images a person, everybody compared with everybody.
GROUPS = ["even"] * 11 + ["odd"] * 11 + ["rare"] * 2
SHOTS = 4


def people() -> Dataset:
    subjects = [f"{number:02d}" for number in range(len(GROUPS)) for _ in range(SHOTS)]
    indices = list(itertools.combinations(range(len(subjects)), 2))
    plain = drawn_dataset(subjects, indices, folds=[0] * len(indices))
    faces = tuple(
        dataclasses.replace(face, groups=(("kind", GROUPS[int(face.subject)]),)) for face in plain.pairs.faces
    )
    return dataclasses.replace(plain, pairs=Pairs(faces, plain.pairs.indices, plain.pairs.folds))


def compared(lost: int) -> Compared:
    """Return people far apart on a line, of whom the first images of some odd ones lie far away from the others."""
    places = [100.0 * person + shot for person in range(len(GROUPS)) for shot in range(SHOTS)]
    for person in range(11, 11 + lost):
        places[SHOTS * person] += 1e5 * person
    return Evaluator(DrawnPipeline({"clean": places})).compare(drawn_recognizer(), people())


def test_rates_of_groups_and_what_cannot_be_said() -> None:
    """Three of the six genuine pairs of five odd people fail: 15 of 66; the even ones never do, so ratios are not."""
    found = by_group(compared(5))
    values = {(m.name, m.conditions.group, m.conditions.other_group): m.estimate for m in found.measured}

    assert values["group_fnmr", "kind=odd", None].value == pytest.approx(15 / 66)
    assert values["group_fnmr", "kind=even", None].value == 0.0
    assert values["group_fmr", "kind=even", None].n == 55 * SHOTS**2
    assert ("group_fmr", "kind=even", "kind=odd") in values
    assert ("group_fnmr", "kind=rare", None) not in values
    assert ("fnmr_worst_ratio", "kind", None) not in values
    assert {m.conditions.far for m in found.measured} == {0.01}
    assert any(
        "kind: rare: 2 people, 12 genuine and 16 impostor pairs; 10, 30 and 100 are needed" in n for n in found.notes
    )
    assert any("kind: inequity_ratio: the inequity ratio is undefined: 1 of 2 groups" in n for n in found.notes)


def test_indices_have_intervals_that_hold_their_value() -> None:
    """FMR of both groups is not 0 at FAR 1 %; the ratio of the worse one is 1 or more."""
    values = {
        m.name: m.estimate for m in by_group(compared(5)).measured if m.conditions.matches(Conditions(group="kind"))
    }

    ratio = values["fmr_worst_ratio"]
    assert 1 <= ratio.low <= ratio.value <= ratio.high
    assert ratio.value <= 2**0.5 * 2
    assert 0 <= values["garbe"].low <= values["garbe"].value <= values["garbe"].high <= 1
    assert values["garbe"].value >= 0.5, "all false non-matches are in one group"


def test_few_impostors_are_named() -> None:
    """A threshold for everybody at 1 % needs 3000 impostor pairs to rest a limit on."""
    few = drawn_dataset("aabb", [(0, 1), (0, 2)], folds=[0, 0])

    assert why_no_groups(compared(0)) == ""
    assert why_no_groups(Evaluator(DrawnPipeline({"clean": [0, 1, 5, 6.0]})).compare(drawn_recognizer(), few)) == (
        "1 impostor pairs: one threshold at FAR 0.01 for everybody needs 3000"
    )
