"""The mean accuracy over the levels of a sweep: by hand, identical, and a loss that no single level shows."""

import dataclasses

import numpy as np
import pytest

from facecheck.comparison.between_runs import compare_scores
from facecheck.comparison.over_levels import EVERY, share_correct, shares_flipped, sweeps_of
from facecheck.gate.margins import Margin, Margins
from facecheck.results.change import Change
from facecheck.results.scored_pairs import ScoredPairs
from tests.comparison.test_between_runs import WHO, drawn, lines, scored

BLUR = [f"blur:{level}" for level in (1, 2, 3, 4, 5)]
JPEG = [f"jpeg:{level}" for level in (80, 60, 40, 20, 10)]
GENUINE = WHO[:, 0] == WHO[:, 1]


def swept(levels: list[str], similarity: list[np.ndarray], *, clean: np.ndarray | None = None) -> list[ScoredPairs]:
    """Return clean scores, and those of each level."""
    first = scored(drawn() if clean is None else clean)
    return [first, *(scored(each, condition=level) for level, each in zip(levels, similarity, strict=True))]


def pooled(changes: tuple[Change, ...], sweep: str) -> Change:
    (found,) = (c for c in changes if c.name == "accuracy_over_levels" and c.conditions.sweep == sweep)
    return found


def test_the_mean_is_over_pairs_and_levels_at_the_own_clean_thresholds() -> None:
    """By hand: person 0's genuine pair is lost at 3 of 5 levels, pair 1 gained at 1: (-3 + 1) / 5 of 800 pairs."""
    sure = np.where(GENUINE, 1.0, -1.0)
    before, after = [sure.copy() for _ in BLUR], [sure.copy() for _ in BLUR]
    before[0][1] = -1.0
    for level in (1, 2, 3):
        after[level][0] = -1.0

    found = pooled(
        compare_scores(swept(BLUR, before, clean=sure), swept(BLUR, after, clean=sure)),
        "blur",
    )

    assert found.before == pytest.approx(1 - 1 / 5 / 800)
    assert found.gain == pytest.approx(-2 / 5 / 800)
    assert found.conditions.levels == 5
    assert found.flips is not None
    assert (found.flips.negative, found.flips.positive, found.flips.pairs) == (1, 1, 800)
    ((*names, was, now),) = found.flips.worst
    assert names == ["0.jpg", "0-0.jpg"]
    assert (was, now) == pytest.approx((1.0, 0.4))


def test_another_clean_threshold_moves_every_level() -> None:
    """The similarities of every level stay; the new version decides at a threshold that nothing reaches."""
    before = swept(BLUR, [drawn(seed) for seed in range(5)])
    after = [dataclasses.replace(before[0], thresholds=np.full(len(WHO), 99.0)), *before[1:]]

    found = pooled(compare_scores(before, after), "blur")

    assert found.after == 0.5  # every impostor pair, no genuine one
    assert found.outcome == "worse"


def test_identical_levels_are_identical() -> None:
    """To the bit, beside the clean threshold."""
    runs = [swept(BLUR, [drawn(seed) for seed in range(5)]) for _ in range(2)]

    assert {change.outcome for change in compare_scores(*runs)} == {"identical"}


def test_a_loss_that_is_spread_thinly_is_seen_by_the_mean_alone() -> None:
    """At each of ten levels 14 other people of 400 are lost: no level is red, the mean over them is."""
    levels = [*BLUR, *JPEG]
    sure = np.where(GENUINE, 3.0, -3.0)
    noise = np.random.default_rng(3)
    before = [sure + 0.5 * noise.standard_normal(len(WHO)) for _ in levels]
    after = [each + 0.01 * noise.standard_normal(len(WHO)) for each in before]
    for number, each in enumerate(after):
        each[14 * number : 14 * (number + 1)] = -2.0
        each[400 + 14 * number : 400 + 14 * number + 4] = 2.0
        before[number][410 + 14 * number : 410 + 14 * number + 8] = 2.0  # and some are gained: no level is certain
    changes = compare_scores(swept(levels, before), swept(levels, after))

    assert pooled(changes, EVERY).outcome == "worse"
    assert pooled(changes, EVERY).high < -0.002
    assert {c.name for c in changes if c.outcome == "worse"} == {"accuracy_over_levels"}
    text = " ".join(" ".join(lines(changes)).split())
    assert "WORSE: drawn, mean accuracy over levels, clean threshold, 10 levels of all corruptions" in text
    assert "pairs were judged correctly at more levels before" in text
    assert "levels judged correctly 100% -> 90%" in text


def test_sound_reruns_of_many_levels_are_not_red() -> None:
    """Two models that err alike at every level, twenty draws."""
    noise = np.random.default_rng(7)
    for _ in range(20):
        before, after = ([drawn(seed) + 0.05 * noise.standard_normal(len(WHO)) for seed in range(10)] for _ in range(2))
        levels = [*BLUR, *JPEG]
        assert "worse" not in {c.outcome for c in compare_scores(swept(levels, before), swept(levels, after))}


def test_a_margin_of_the_file_applies() -> None:
    """A team that tolerates more says so by the name of the metric."""
    before, after = ([drawn(seed) for seed in seeds] for seeds in (range(5), range(10, 15)))
    margins = Margins((Margin(name="accuracy_over_levels", tolerate=0.25, why="x", dataset="drawn"),))

    found = pooled(compare_scores(swept(BLUR, before), swept(BLUR, after), margins=margins), "blur")
    assert (found.margin, found.outcome) == (0.25, "not worse")


@pytest.mark.parametrize(
    ("identities", "sweeps"),
    [
        (BLUR[:4], []),
        (BLUR, ["blur"]),
        ([*BLUR, "jpeg:40"], ["blur", EVERY]),
        ([*BLUR[:4], "jpeg:40"], [EVERY]),
        ([*BLUR[:4], "blur:2+jpeg:30"], [EVERY]),
        ([*BLUR, "of_a_team:3"], ["blur", EVERY]),
        ([f"of_a_team:{level}" for level in range(1, 6)], [EVERY]),
        ([], []),
    ],
)
def test_which_levels_are_taken_together(identities: list[str], sweeps: list[str]) -> None:
    """Five or more of a family, and all if they are of several."""
    assert list(sweeps_of(identities)) == sweeps


def test_without_clean_thresholds_there_is_no_mean() -> None:
    """Those of degraded images would be taken for them."""
    runs = [swept(BLUR, [drawn(seed) for seed in range(5)])[1:] for _ in range(2)]

    assert "accuracy_over_levels" not in {c.name for c in compare_scores(*runs)}


def test_levels_that_the_run_did_not_measure_are_left_out_of_both() -> None:
    """The baseline's mean is over the same levels, and the case says how many."""
    before = swept([*BLUR, "jpeg:10"], [*(drawn(seed) for seed in range(5)), drawn(9, gap=0.1)])
    found = pooled(compare_scores(before, before[:-1]), "blur")

    assert (found.outcome, found.conditions.levels) == ("identical", 5)


def test_shares_by_hand() -> None:
    """A comparison that was not made is no match: right for impostors."""
    genuine_first = scored(np.where(GENUINE, 1.0, -1.0))
    none = scored(np.full(len(WHO), -np.inf))
    shares = share_correct([genuine_first, none], np.zeros(len(WHO)))

    assert (shares[0], shares[-1]) == (0.5, 1.0)
    flips = shares_flipped(np.ones(len(WHO)), shares, none)
    assert (flips.negative, flips.positive, len(flips.worst)) == (400, 0, 5)
