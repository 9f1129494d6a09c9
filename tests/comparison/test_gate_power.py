"""The power study judges rightly: hand-made scores, faults of known size, people drawn with replacement."""

import dataclasses

import numpy as np
import pytest

from benchmarks.gate_power import at_80, broken, exchanged, in_words, judged, kept_promise, reds, resampled, taken
from facecheck.comparison.between_runs import compare_scores
from facecheck.results.scored_pairs import ScoredPairs
from tests.comparison.test_between_runs import PEOPLE, WHO, drawn, scored

GENUINE = WHO[:, 0] == WHO[:, 1]


@pytest.fixture
def sound() -> ScoredPairs:
    """400 genuine and 400 impostor pairs that are far apart."""
    return scored(drawn(gap=8.0))


def right(each: ScoredPairs) -> np.ndarray:
    """Return which pairs are judged correctly."""
    return np.asarray(each.scores.matched(each.thresholds) == each.scores.genuine)


def test_a_sound_version_is_red_by_no_rule(sound: ScoredPairs) -> None:
    """The same scores again."""
    one = judged("sound", sound, sound)

    assert not one.caught
    assert (one.clearest, one.proposed, one.naive) == ("-", (), (False, False, False))
    assert one.promised is None
    assert one.gain == 0


def test_a_version_that_lost_a_tenth_is_red_by_every_rule(sound: ScoredPairs) -> None:
    """A fifth of the genuine pairs look like impostors: accuracy -.1, mean distance of genuine pairs far off."""
    similarity = sound.scores.similarity.copy()
    similarity[:80] = -20.0

    one = judged("worse", sound, scored(similarity))

    assert one.caught
    assert one.gain == pytest.approx(-0.1, abs=0.003)
    assert one.low <= one.gain <= one.high < 0
    assert "accuracy" in one.cases
    assert "accuracy" in one.proposed
    assert one.naive == (True, True, True)


def test_other_pairs_are_red_as_incomparable(sound: ScoredPairs) -> None:
    """They are named first, without a gain."""
    changes = compare_scores([sound], [dataclasses.replace(sound, digest="other")])

    assert in_words(reds(changes)) == "incomparable"


@pytest.mark.parametrize(("share", "kept"), [(0.0, "True"), (0.05, "False")])
def test_the_repositorys_limits_judge_edgeface_on_view_1(sound: ScoredPairs, share: float, kept: str) -> None:
    """An accuracy of 1 keeps them, one of .95 does not."""
    similarity = sound.scores.similarity.copy()
    similarity[: round(share * len(similarity))] = -20.0

    assert str(kept_promise(dataclasses.replace(scored(similarity), dataset="lfw-pairsDevTest"))) == kept


@pytest.mark.parametrize("what", ["pairs", "people"])
def test_a_broken_version_lost_what_was_asked_on_average(sound: ScoredPairs, what: str) -> None:
    """Over 200 versions, each of 5 % fewer correct pairs; of people only genuine pairs break."""
    generator = np.random.default_rng(0)
    versions = [broken(sound, 0.05, generator, of_people=what == "people") for _ in range(200)]
    lost = [right(sound).mean() - right(each).mean() for each in versions]

    assert np.mean(lost) == pytest.approx(0.05, abs=0.003)
    assert np.std(lost) > 0
    if what == "people":
        assert all(np.array_equal(right(each)[~GENUINE], right(sound)[~GENUINE]) for each in versions)


def test_an_exchange_of_two_versions_keeps_every_score(sound: ScoredPairs) -> None:
    """Each pair has the same two similarities as before, and each person's pairs go together."""
    other = scored(drawn(seed=1, gap=8.0))

    before, after = exchanged(sound, other, np.random.default_rng(0))

    both = np.sort([before.scores.similarity, after.scores.similarity], axis=0)
    assert np.array_equal(both, np.sort([sound.scores.similarity, other.scores.similarity], axis=0))
    swapped = before.scores.similarity == other.scores.similarity
    assert np.array_equal(swapped[:PEOPLE], swapped[PEOPLE:])
    assert 0.4 < swapped.mean() < 0.6


def test_people_who_are_drawn_twice_are_two_people() -> None:
    """Two people, one pair each and one between them: drawn twice and never, one person makes two genuine pairs."""
    who = np.array([[3, 3], [7, 7], [3, 7]])
    found = set()
    for seed in range(20):
        rows, people = resampled(who, np.random.default_rng(seed))
        found.add(tuple(rows.tolist()))
        assert np.array_equal(people[:, 0] == people[:, 1], who[rows, 0] == who[rows, 1])
        assert len(np.unique(people, axis=0)) == len(people)

    assert found == {(0, 1, 2), (0, 0), (1, 1)}


def test_pairs_between_two_people_multiply() -> None:
    """Of m copies of one and n of another there are m * n pairs, each of another couple."""
    who = np.array([[k, (k + 1) % 6] for k in range(6)])
    rows, people = resampled(who, np.random.default_rng(4))
    drawn_times = np.bincount(np.random.default_rng(4).integers(6, size=6), minlength=6)

    assert np.bincount(rows, minlength=6).tolist() == (drawn_times[who[:, 0]] * drawn_times[who[:, 1]]).tolist()
    assert len(np.unique(people, axis=0)) == len(people)


def test_rows_that_are_taken_keep_their_scores(sound: ScoredPairs) -> None:
    """Pairs 5 and 5 again, as two people's."""
    found = taken(sound, np.array([5, 5]), np.array([[0, 0], [1, 1]]))

    assert found.scores.similarity.tolist() == [sound.scores.similarity[5]] * 2
    assert found.names.tolist() == [sound.names[5].tolist()] * 2


def test_the_loss_at_80_percent_lies_between_those_that_were_tried() -> None:
    """Half way between 70 and 90 %; not a number where no loss was large enough."""
    assert at_80([(0.01, 0.1), (0.02, 0.7), (0.04, 0.9)]) == pytest.approx(0.03)
    assert at_80([(0.01, 0.8)]) == pytest.approx(0.01)
    assert np.isnan(at_80([(0.01, 0.1), (0.02, 0.7)]))


def test_the_mean_over_levels_sees_what_the_accuracy_of_no_level_shows(sound: ScoredPairs) -> None:
    """Twelve people lose their genuine pair, each at four of ten levels: half a point a level."""
    levels = [f"blur:{level}" for level in range(1, 11)]
    before = {"clean": sound} | {each: dataclasses.replace(sound, condition=each) for each in levels}
    after = dict(before)
    for number, each in enumerate(levels):
        similarity = sound.scores.similarity.copy()
        similarity[[person for person in range(24) if (person + number) % 5 < 2]] = -20.0
        after[each] = scored(similarity, condition=each)

    red = reds(compare_scores(before.values(), after.values()))
    assert "accuracy_over_levels" in {each.name for each in red}
    assert "accuracy" not in {each.name for each in red}
