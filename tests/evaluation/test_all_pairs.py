"""All pairs of drawn faces: rates by hand, and what is said of the pairs most alike."""

from __future__ import annotations

import dataclasses

import numpy as np

from facecheck.datasets import Dataset
from facecheck.evaluation.all_pairs import Counted, at_low_fars, counted, judged_fars
from facecheck.evaluation.evaluator import Compared, Evaluator
from facecheck.metrics.all_pairs import all_pairs
from facecheck.results.conditions import NON_MATCH, Conditions
from tests.support.drawn import DrawnPipeline, drawn_dataset, drawn_recognizer

NAN = float("nan")


def compared(places: list[float], dataset: Dataset) -> Compared:
    return Evaluator(DrawnPipeline({"clean": places})).compare(drawn_recognizer(), dataset)


def people(count: int, images: int) -> Dataset:
    """Return people with some images each, few of them in a pair."""
    subjects = [f"p{person:03d}" for person in range(count) for _ in range(images)]
    return drawn_dataset(subjects, [(0, 1), (images, images + 1), (0, images)], folds=[0, 1, 1])


def test_pairs_that_no_list_names_are_judged() -> None:
    """Fifteen people of two images: 420 impostor pairs. One genuine pair is as far apart as the nearest impostors."""
    places = [10.0 * person + image for person in range(15) for image in (0, 1)]
    places[1] = 9.5  # 0.5 from the next person's first image
    found = counted(compared(places, people(15, 2)))
    measured = at_low_fars(found)
    (rate,) = measured.named("fnmr_at_far", where=NON_MATCH | Conditions(far=0.01)).measured
    (threshold,) = measured.named("threshold_distance", where=NON_MATCH | Conditions(far=0.01)).measured

    assert rate.estimate.value == 1 / 15
    assert rate.estimate.n == 15
    assert threshold.estimate.value == 1.5, "two impostor pairs match; a third would come with twelve more"
    assert measured.notes[0] == "all pairs: 15 genuine and 420 impostor pairs of 15 people"
    assert measured.notes[1].startswith("all pairs: the impostors most alike, by distance: p000/1 and p001/2 (0.500), ")
    assert not measured.named("fnmr_at_far", where=Conditions(far=0.001)).measured, "420 impostor pairs cannot show it"
    assert judged_fars(found) == ()


def test_limits_are_kept_where_thirty_false_matches_are_expected() -> None:
    """250 people of two images have 124,500 impostor pairs."""
    places = [10.0 * person + image for person in range(250) for image in (0, 1)]

    assert judged_fars(counted(compared(places, people(250, 2)))) == (1e-3,)


def test_an_image_without_a_face_fails_in_all_its_genuine_pairs() -> None:
    """Its pairs are comparisons that did not match."""
    places = [10.0 * person + image for person in range(15) for image in (0, 1)]
    places[5] = NAN
    measured = at_low_fars(counted(compared(places, people(15, 2))))
    (rate,) = measured.named("fnmr_at_far", where=NON_MATCH | Conditions(far=0.01)).measured

    assert rate.estimate.value == 1 / 15


def test_sets_that_label_pairs_only_have_no_other_pairs() -> None:
    """Whether two images of different pairs show one person is not known: nothing is counted."""
    dataset = dataclasses.replace(people(4, 2), people_known=False)
    found = counted(compared(list(np.arange(8.0)), dataset))

    assert found.pairs is None
    assert "labels pairs only" in found.problem


def test_people_of_one_image_each_have_no_genuine_pair() -> None:
    """The reason says what is missing."""
    found = counted(compared([0.0, NAN, 10.0, NAN], drawn_dataset("aabb", [(0, 1), (0, 2)], folds=[0, 1])))

    assert "expected two people with a vector, one of them with two" in found.problem


def test_a_rate_whose_matches_were_not_kept_is_named() -> None:
    """It has no interval: the run says so instead of leaving it out unseen."""
    generator = np.random.default_rng(0)
    who = np.arange(200) // 2
    vectors = generator.normal(size=(200, 8)).astype(np.float32)
    names = tuple(f"{number}.png" for number in range(200))
    measured = at_low_fars(Counted(all_pairs(vectors, who, distance="euclidean", tail=100), names))

    assert "all pairs: FAR 0.01 is not measured: its matches were counted, and not kept" in measured.notes
    assert {m.conditions.far for m in measured.named("fnmr_at_far").measured} == {1e-3, 1e-4}
