"""Metrics over the levels of a corruption."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecheck.metrics.robustness import DegradedScores, Reference, accuracy_change, collapse_begins, corruption_errors
from facecheck.metrics.scores import Scores

PEOPLE = 40


def pairs() -> np.ndarray:
    """Return two genuine pairs per person, and each person against the next three."""
    genuine = [(person, person) for person in range(PEOPLE) for _ in range(2)]
    impostor = [(person, (person + step) % PEOPLE) for person in range(PEOPLE) for step in (1, 2, 3)]
    return np.array(genuine + impostor)


def step(
    severity: int, genuine: float, impostor: float, *, spread: float = 0.08, failed: float = 0.0
) -> DegradedScores:
    """Distances of both kinds around their means, judged at distance 1."""
    generator = np.random.default_rng(severity)
    who = pairs()
    centre = np.where(who[:, 0] == who[:, 1], genuine, impostor)
    similarity = -(centre + generator.normal(0, spread, len(who)))
    similarity[generator.random(len(who)) < failed] = -np.inf
    return DegradedScores(severity, float(severity), Scores(similarity, who), np.full(len(who), -1.0))


CLEAN = step(0, 0.7, 1.3)


def test_distances_that_shrink_together_are_a_collapse_from_the_level_at_which_they_do() -> None:
    """Impostor distances fall below the threshold while genuine pairs still match."""
    steps = [CLEAN, step(1, 0.7, 1.28), step(2, 0.65, 1.05), step(3, 0.5, 0.7)]

    found = collapse_begins(steps)

    assert found is not None
    assert found.severity == 2


@pytest.mark.parametrize(
    ("genuine", "impostor", "what"),
    [
        pytest.param(1.2, 1.4, "both distances grow: recall falls, no impostor pair matches", id="drift-outwards"),
        pytest.param(1.05, 1.05, "both move to the threshold: genuine pairs are lost too", id="overlap"),
        pytest.param(0.7, 1.3, "no change", id="nothing"),
        pytest.param(0.6, 1.25, "slightly lower, and all impostor pairs are still rejected", id="harmless"),
    ],
)
def test_other_losses_are_no_collapse(genuine: float, impostor: float, what: str) -> None:
    """A loss of accuracy alone is not a collapse."""
    assert collapse_begins([CLEAN, step(1, genuine, impostor)]) is None, what


def test_faces_that_are_not_found_are_no_collapse() -> None:
    """Failures lower the recall of all pairs; completed comparisons decide."""
    assert collapse_begins([CLEAN, step(1, 0.7, 1.3, failed=0.6)]) is None
    collapsed = collapse_begins([CLEAN, step(1, 0.5, 0.7, failed=0.6)])
    assert collapsed is not None


def test_a_level_at_which_nothing_is_found_is_passed_over() -> None:
    """Levels without completed comparisons are skipped: their distances are undefined."""
    assert collapse_begins([CLEAN, step(1, 0.5, 0.7, failed=1.1)]) is None


def test_the_clean_level_must_come_first() -> None:
    """A collapse is relative to the clean comparisons, which must come first."""
    with pytest.raises(ValueError, match="must come first"):
        collapse_begins([step(1, 0.5, 0.7)])
    with pytest.raises(ValueError, match="must come first"):
        collapse_begins([])


def test_the_change_of_accuracy_is_paired() -> None:
    """Pairs that are wrong at both levels add no variance: without any change the interval is a point."""
    assert accuracy_change(CLEAN, CLEAN)[:3] == (0.0, 0.0, 0.0)
    worse = step(1, 0.7, 1.0)
    change = accuracy_change(CLEAN, worse)

    assert change.value == pytest.approx(worse.right.mean() - CLEAN.right.mean())
    assert change.high < 0
    both = accuracy_change(CLEAN, CLEAN, worse)
    assert both.value == pytest.approx(change.value / 2)


def errors(*steps: DegradedScores) -> dict[float, float]:
    """Count the wrong ones."""
    return {each.level: float(np.mean(~each.right)) for each in steps}


def test_the_corruption_error_is_the_ratio_of_summed_errors() -> None:
    """Counted by hand: twice the reference's errors are 2, and the mean goes over corruptions."""
    fog, snow = [step(1, 0.8, 1.1), step(2, 0.9, 1.0)], [step(3, 0.95, 1.2)]
    half = {level: error / 2 for level, error in errors(*fog).items()}
    reference = Reference("peer", {"fog": half, "snow": errors(*snow)})

    found = corruption_errors({"fog": fog, "snow": snow}, reference)

    assert found["fog"].value == pytest.approx(2)
    assert found["snow"].value == pytest.approx(1)
    assert found["mce"].value == pytest.approx(1.5)
    assert found["mce"].low < 1.5 < found["mce"].high


@given(st.floats(0.01, 1.0))
def test_the_reference_against_itself_is_one(share: float) -> None:
    """The corruption error of a model relative to itself is 1."""
    steps = [step(4, 0.9, 1.05), step(5, 1.0, 1.0 + share)]

    found = corruption_errors({"fog": steps}, Reference("itself", {"fog": errors(*steps)}))

    assert found["fog"].value == pytest.approx(1)
    assert found["mce"].value == pytest.approx(1)


def test_a_corruption_without_errors_of_the_reference_has_no_ratio() -> None:
    """Such a corruption is left out; if none remains it is an error, not 0 or infinity."""
    reference = Reference("peer", {"fog": {1.0: 0.0}, "snow": {3.0: 0.1}})
    sweeps = {"fog": [step(1, 0.8, 1.1)], "snow": [step(3, 0.95, 1.2)]}

    assert corruption_errors(sweeps, reference).keys() == {"snow", "mce"}
    with pytest.raises(ValueError, match="judges every pair correctly"):
        corruption_errors({"fog": sweeps["fog"]}, reference)


def test_a_reference_that_lacks_a_level_is_refused() -> None:
    """A mean over other levels would be a different metric under the same name."""
    with pytest.raises(ValueError, match=r"peer has no error for fog at \[2.0\]"):
        corruption_errors({"fog": [step(1, 0.8, 1.1), step(2, 0.9, 1.0)]}, Reference("peer", {"fog": {1.0: 0.2}}))
