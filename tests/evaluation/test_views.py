"""Views: a measurement carries the view's conditions and files, and rests on the view's pairs alone."""

import numpy as np
import pytest

from facecheck.evaluation.views import View, decided, ranked, separated, warned
from facecheck.metrics.scores import Scores
from facecheck.metrics.thresholds import PairThresholds
from facecheck.results.conditions import COMPLETED, DEPLOYED, NON_MATCH, Conditions

INF = float("inf")
WHO = np.array([[0, 0], [1, 1], [2, 2], [0, 1], [1, 2], [2, 0]])
# Genuine -1, -2 and a failure; impostors -3, -7 and -8.
SCORES = Scores(np.array([-1.0, -2.0, -INF, -3.0, -7.0, -8.0]), WHO)
VIEW = View(SCORES, DEPLOYED, PairThresholds.fixed(-4.0, 6), ("degraded", "clean"))


def values(view: View) -> dict[str, tuple[float, int]]:
    return {m.name: (m.estimate.value, m.estimate.n) for m in decided(view).measured}


def test_decisions_by_hand() -> None:
    """Of six pairs four are right: 2 of 3 genuine pairs match, 1 of 3 impostor pairs does."""
    found = values(VIEW)

    assert found["accuracy"][0] == pytest.approx(4 / 6)
    assert found["fnmr"][0] == found["fmr"][0] == pytest.approx(1 / 3)
    assert found["fnmr"][1] == found["fmr"][1] == 3
    assert found["threshold_distance"] == (4.0, 6)
    assert {m.conditions for m in decided(VIEW).measured} == {DEPLOYED}
    assert {m.scores for m in decided(VIEW).measured} == {("degraded", "clean")}


def test_completed_comparisons_leave_the_failure_out() -> None:
    """Without it every genuine pair matches, and the conditions say so."""
    completed = VIEW.completed()

    assert values(completed)["fnmr"] == (0.0, 2)
    assert values(completed)["accuracy"] == (0.8, 5)
    assert completed.conditions == Conditions(threshold="clean", failures="left out")
    assert completed.conditions.matches(COMPLETED)
    assert completed.sources == VIEW.sources


def test_taking_pairs_takes_their_thresholds() -> None:
    """Each pair keeps its own, and the conditions are those of both."""
    view = View(SCORES, NON_MATCH, PairThresholds(np.arange(6.0)))

    taken = view.take(np.array([False, True, False, False, True, False]), Conditions(group="old"))

    assert taken.scores.similarity.tolist() == [-2.0, -7.0]
    assert taken.thresholds is not None
    assert taken.thresholds.of_pair.tolist() == [1.0, 4.0]
    assert taken.conditions == Conditions(failures="non-match", group="old")


def test_without_thresholds_nothing_is_decided() -> None:
    """What is asked for and cannot be had is an error; a view may still be cut down and ranked."""
    view = View(SCORES).completed()

    assert view.thresholds is None
    with pytest.raises(ValueError, match="no thresholds"):
        decided(view)


def test_ranked_by_hand() -> None:
    """Of nine genuine-impostor comparisons the failed pair loses three: AUC 6/9; at FAR 1/3, 2 of 3 are accepted."""
    found = {(m.name, m.conditions.far): m.estimate.value for m in ranked(VIEW, fars=[1 / 3]).measured}

    assert found["auc", None] == pytest.approx(6 / 9)
    assert found["tar_at_far", 1 / 3] == pytest.approx(2 / 3)
    assert ranked(VIEW.take(SCORES.genuine)).measured == ()


def test_separated_by_hand() -> None:
    """Mean distances (1 + 2) / 2 and (3 + 7 + 8) / 3 of the comparisons that were made."""
    found = {m.name: (m.estimate.value, m.estimate.n) for m in separated(VIEW).measured}

    assert found["genuine_distance_mean"] == (1.5, 2)
    assert found["impostor_distance_mean"] == (6.0, 3)
    variance = (0.25 + (9 + 1 + 4) / 3) / 2
    assert found["dprime"][0] == pytest.approx(4.5 / variance**0.5)


def test_a_declared_threshold_that_lets_many_strangers_in_is_a_warning() -> None:
    """Clearly more than one in twenty: one of eight may be chance, a hundred of eight hundred are not."""
    for times, notes in ((1, 0), (100, 1)):
        similarity = np.repeat([-1.0] + [-3.0] * 7, times)
        people = np.arange(2 * len(similarity)).reshape(-1, 2)
        view = View(Scores(similarity, people), thresholds=PairThresholds.fixed(-2.0, len(similarity)))
        found = warned(decided(view), model="mine", dataset="faces")
        assert len(found.notes) == notes
    assert found.notes[0].startswith("mine on faces: at its declared threshold 12.5% of the pairs of strangers match [")
    assert warned(decided(view).named("fnmr"), model="mine", dataset="faces").notes == ()
