"""Identification of drawn faces: the split, and what the searches measure, by hand."""

import dataclasses

import numpy as np
import pytest

from facecheck.datasets import Dataset
from facecheck.evaluation import identification
from facecheck.evaluation.evaluator import Compared, Evaluator
from facecheck.evaluation.identification import closed_set, open_set, resolved_fpirs, searched, split_gallery
from tests.support.drawn import DrawnPipeline, drawn_dataset, drawn_recognizer

NAN = float("nan")


def people() -> Dataset:
    """Return six people, three images each but for two of one image, in pairs that no search uses."""
    subjects = "aaabbbcccdddef"
    return drawn_dataset(subjects, [(0, 1), (3, 4), (0, 3), (1, 4)], folds=[0, 1, 0, 1])


def compared(places: list[float], dataset: Dataset) -> Compared:
    return Evaluator(DrawnPipeline({"clean": places})).compare(drawn_recognizer(), dataset)


def test_the_split_is_the_same_whatever_the_order_of_the_faces() -> None:
    """Two of the four people with several images are enrolled, once; nobody is searched for with their own template."""
    faces = people().faces
    split = split_gallery(faces, generator=np.random.default_rng(3))
    turned = split_gallery(faces[::-1], generator=np.random.default_rng(3))
    enrolled = [faces[row].subject for row in split.gallery]

    assert {faces[row].source.name for row in split.gallery} == {faces[::-1][row].source.name for row in turned.gallery}
    assert len(set(enrolled)) == len(enrolled) == 2
    assert set(enrolled) <= set("abcd")
    assert sorted([*split.gallery, *split.probes]) == list(range(len(faces)))


def test_people_at_places_of_their_own_are_found() -> None:
    """Everybody lies apart: rank 1 is 1, and no stranger is as near as a mate."""
    found = searched(compared([0, 1, 2, 100, 101, 102, 200, 201, 202, 300, 301, 302, 400, 500], people()))
    ranks = {m.conditions.rank: m.estimate.value for m in closed_set(found).measured}
    rates = {(m.name, m.conditions.fpir): m.estimate.value for m in open_set(found).measured}

    assert ranks == {1: 1.0, 2: 1.0}
    assert rates["dir_at_fpir", 0.5] == 1.0
    assert rates["fnir", 0.2] == 0.0
    assert ("fnir", 0.1) not in rates, "eight strangers cannot show it"
    assert resolved_fpirs(found) == ()
    assert closed_set(found).notes == (
        "identification: 2 people enrolled with one image each, 4 mated and 8 non-mated probes",
    )


def test_a_person_who_could_not_be_enrolled_is_missed() -> None:
    """A gallery image without a face: all probes of its person are misses at every rank."""
    dataset = people()
    row = int(split_gallery(dataset.faces, generator=np.random.default_rng(12)).gallery[0])
    places = [0, 1, 2, 100, 101, 102, 200, 201, 202, 300, 301, 302, 400, 500.0]
    places[row] = NAN
    found = searched(compared(places, dataset))

    assert [m.estimate.value for m in closed_set(found).measured] == [0.5, 0.5]


def test_a_large_gallery_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Matrix products find what every similarity in turn does, failures included."""
    places = [0, 1, 2, 2.5, 101, 102, 200, NAN, 202, 3, 301, NAN, 400, 1.5]
    slowly = searched(compared(places, people()))
    monkeypatch.setattr(identification, "_MANY", 0)

    found = searched(compared(places, people()))

    assert found is not slowly
    assert found.searches is not None
    assert slowly.searches is not None
    assert (slowly.searches.ahead > 0).any()
    assert (closed_set(found).measured, open_set(found).measured) == (
        closed_set(slowly).measured,
        open_set(slowly).measured,
    )
    for name in ("mated", "mate", "best_other", "rival", "ahead"):
        np.testing.assert_array_equal(getattr(found.searches, name), getattr(slowly.searches, name))


@pytest.mark.parametrize(
    ("dataset", "problem"),
    [
        pytest.param(dataclasses.replace(people(), people_known=False), "labels pairs only", id="labels only"),
        pytest.param(drawn_dataset("aabbcc", [(0, 1), (0, 2)]), "3 people with several images", id="too few"),
    ],
)
def test_data_sets_that_allow_no_search_say_why(dataset: Dataset, problem: str) -> None:
    """A stranger must be known to be one."""
    found = searched(compared([float(k) for k in range(len(dataset.faces))], dataset))

    assert found.searches is None
    assert problem in found.problem


def labelled(*roles: str) -> Dataset:
    """Return the people with a role an image; an empty one is none."""
    dataset = people()
    faces = tuple(
        dataclasses.replace(face, groups=(("role", role),) if role else ())
        for face, role in zip(dataset.faces, roles, strict=True)
    )
    return dataclasses.replace(dataset, pairs=dataclasses.replace(dataset.pairs, faces=faces))


def test_a_published_split_is_taken() -> None:
    """Two gallery pictures of a, one of b, e as a distractor; probes of a, b and of f, who is not enrolled."""
    roles = ["gallery", "gallery", "probe", "probe", "gallery", *[""] * 7, "distractor", "probe"]
    dataset = labelled(*roles)
    split = split_gallery(dataset.faces, generator=np.random.default_rng(0))

    assert split.published
    assert split.gallery.tolist() == [0, 1, 4, 12]
    assert split.probes.tolist() == [2, 3, 13]

    # The probe of a is at its second picture, that of b nearer to e than to its own.
    found = searched(compared([0, 50, 51, 100, 120, *[900.0] * 7, 101, 500], dataset))
    assert found.searches is not None
    assert found.searches.enrolled == 3
    assert found.searches.ahead[found.searches.mated].tolist() == [0, 1]
    assert closed_set(found).notes == (
        "identification: 3 people enrolled with 4 images, the published split, 2 mated and 1 non-mated probes",
    )


def test_a_published_split_without_probes_is_refused() -> None:
    """A seeded one in its place would be another protocol under the same name."""
    found = searched(compared([float(k) for k in range(14)], labelled(*["gallery"] * 14)))

    assert found.searches is None
    assert "14 gallery pictures or distractors and 0 probes: a search needs both" in found.problem
