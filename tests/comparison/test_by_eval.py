"""Identification, groups, quality and calibration against a baseline, on drawn models whose truth is known."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest
from scipy.stats import binom

from facecheck.comparison.between_runs import compare_scores
from facecheck.comparison.by_eval import Moved, moved_by
from facecheck.errors import FacecheckError
from facecheck.evaluation.identification import Searched, open_set
from facecheck.gate.margins import Margin, Margins
from facecheck.metrics.curves import curve, fnmr_at_fmr
from facecheck.metrics.groups import rates_by_group
from facecheck.metrics.identification import Searches
from facecheck.report.against import against_lines
from facecheck.results.change import Against, Change
from facecheck.results.evidence import Evidence
from tests.support.two_models import IMAGES, PEOPLE, Version, drawn_versions, version

NEW = {
    *("identification_rate", "dir_at_fpir", "worst_group_fmr", "worst_group_fnmr"),
    *("edc_area", "cllr", "cllr_min", "ece"),
}
SHARP = Margins(tuple(Margin(name=name, tolerate=0.0, why="the null hypothesis itself") for name in NEW))
OWNER = np.repeat(np.arange(PEOPLE), IMAGES)


def drawn(seed: int) -> tuple[Version, Version]:
    """Return two sound models that were exchanged among people."""
    before, after, quality = drawn_versions(np.random.default_rng(seed))
    return version(before, quality), version(after, quality)


def compared(old: Version, new: Version, margins: Margins = SHARP, *, false_alarms: float = 0.01) -> list[Change]:
    """Return the changes of the four evals."""
    evidence = old.evidence, new.evidence
    found = compare_scores([old.scored], [new.scored], evidence=evidence, margins=margins, false_alarms=false_alarms)
    return [change for change in found if change.name in NEW]


def worsened(seed: int, damage: np.ndarray, quality: np.ndarray | None = None) -> tuple[Version, Version]:
    """Return a model, and the same one with noise of some strength on the vectors of some images."""
    generator = np.random.default_rng(seed)
    before, _, drawn_quality = drawn_versions(generator)
    after = before + damage[:, None] * generator.standard_normal(before.shape)
    after /= np.linalg.norm(after, axis=1, keepdims=True)
    quality = drawn_quality if quality is None else quality
    return version(before, quality), version(after, quality)


def with_arrays(old: Version, eval_name: str, arrays: Mapping[str, np.ndarray]) -> Version:
    """Return a version whose evidence of an eval holds other arrays."""
    return Version(
        old.scored,
        tuple(
            dataclasses.replace(each, arrays={**each.arrays, **arrays}) if each.eval == eval_name else each
            for each in old.evidence
        ),
    )


def test_the_same_answers_are_identical() -> None:
    """Every case of every eval."""
    old, _ = drawn(0)

    changes = compared(old, old)

    assert {change.name for change in changes} == NEW
    assert {change.outcome for change in changes} == {"identical"}


def test_two_sound_models_exchanged_among_people_raise_no_more_alarms_than_asked() -> None:
    """Sixty pairs of versions, no margin, 5 % for all cases together: at most 5 %, within binomial error.

    The negative flip rate is left out: of two different models it is no null hypothesis.
    """
    repeats, rate = 60, 0.05
    alarms = 0
    for seed in range(repeats):
        changes = compared(*drawn(100 + seed), false_alarms=rate)
        alarms += any(change.outcome == "worse" for change in changes)
        assert {change.outcome for change in changes} <= {"worse", "better", "not worse", "undecided"}

    assert alarms <= binom.ppf(0.99, repeats, rate)


@pytest.mark.parametrize(
    ("damage", "worse"),
    [
        pytest.param(
            np.full(PEOPLE * IMAGES, 0.15),
            {"identification_rate", "dir_at_fpir", "edc_area", "cllr", "cllr_min"},
            id="everybody",
        ),
        pytest.param(0.35 * (OWNER % 3 == 0), {"worst_group_fnmr"}, id="one group"),
    ],
)
def test_a_real_loss_is_red(damage: np.ndarray, worse: set[str]) -> None:
    """With the usual margins, and nothing is called better."""
    changes = compared(*worsened(1, damage), Margins())
    outcomes = {name: {c.outcome for c in changes if c.name == name} for name in NEW}

    assert {name for name in worse if "worse" in outcomes[name]} == worse
    assert "better" not in set().union(*outcomes.values())


def test_a_search_that_lost_its_person_is_named() -> None:
    """The image that was searched and the enrolled one, in lines of 80 letters."""
    changes = compared(*worsened(1, np.full(PEOPLE * IMAGES, 0.15)), Margins())
    found = next(change for change in changes if change.name == "identification_rate")
    assert found.flips is not None
    probe, template, was, now = found.flips.worst[0]
    lines = against_lines(Against(model="m", line="m", baseline="m", red=("worse",), changes=(found,)))

    assert int(probe.removesuffix(".jpg")) // IMAGES == int(template.removesuffix(".jpg")) // IMAGES
    assert was is not None
    assert now is not None
    assert found.people == PEOPLE // 2
    assert found.gain == pytest.approx((found.flips.positive - found.flips.negative) / found.flips.pairs)
    assert any(" searches were judged correctly before and are not now" in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_values_are_those_that_the_evals_measure() -> None:
    """DIR beside the eval's, the worst group beside the rates of all, each at its own threshold."""
    old, new = drawn(3)
    changes = compared(old, new)
    searched = {each.eval: each.arrays for each in new.evidence}["identification"]
    arrays = {name: searched[name] for name in ("probe", "rival", "mated", "mate", "best_other", "ahead")}
    searches = Searches(**arrays, enrolled=len(searched["gallery"]))
    at_fpir = {m.conditions.fpir: m.estimate.value for m in open_set(Searched(searches)).named("dir_at_fpir").measured}
    scores = new.scored.scores
    threshold = fnmr_at_fmr(curve(scores), 0.01, impostors=int((~scores.genuine).sum())).threshold
    groups = {each.eval: each.arrays for each in new.evidence}["groups"]
    rates = rates_by_group(scores, groups["labels"][0][groups["indices"]], threshold)
    named = {change.name: change for change in changes}

    assert named["dir_at_fpir"].after == pytest.approx(at_fpir[named["dir_at_fpir"].conditions.fpir])
    assert named["worst_group_fnmr"].after == pytest.approx(max(e.value for e in rates.fnmr.values()))
    assert named["worst_group_fmr"].after == pytest.approx(max(e.value for e in rates.fmr.values()))


def test_what_each_observation_adds_sums_to_nothing_within_its_kind() -> None:
    """Else a variance would count the mean itself."""
    old, new = drawn(5)
    for before, after in zip(old.evidence, new.evidence, strict=True):
        for found in moved_by(before, after, (old.scored, new.scored)):
            assert isinstance(found, Moved)
            kinds = np.zeros(len(found.moved), dtype=bool) if found.kinds is None else found.kinds
            assert found.moved[kinds].sum() == pytest.approx(0, abs=1e-9)
            assert found.moved[~kinds].sum() == pytest.approx(0, abs=1e-9)
            assert found.moved.any()


@pytest.mark.parametrize(
    ("eval_name", "arrays", "name", "reason"),
    [
        ("groups", {"labels": np.full((1, PEOPLE * IMAGES), "b")}, "worst_group_fnmr", "the labels kind of the data"),
        ("quality", {"qualities": np.zeros((1, PEOPLE * IMAGES))}, "edc_area", "the column quality of the labels"),
        ("calibration", {"folds": np.zeros(3, dtype=int)}, "cllr", "the folds of the data set are not as they were"),
        ("identification", {"gallery": np.arange(36)}, "identification_rate", "who is enrolled and who is searched"),
    ],
)
def test_another_yardstick_is_incomparable(
    eval_name: str, arrays: Mapping[str, np.ndarray], name: str, reason: str
) -> None:
    """Labels, the user's own quality, folds and the split belong to the data: what differs is named."""
    old, new = drawn(0)

    changes = compared(with_arrays(old, eval_name, arrays), new)

    refused = [change for change in changes if change.outcome == "incomparable"]
    assert [change.name for change in refused] == [name]
    assert refused[0].reason.startswith(reason)


def test_what_cannot_be_judged_says_why() -> None:
    """Groups of a few people each, and one whose names are all there is: undecided, not silent."""
    labels = np.array([f"group {person % 12}" for person in OWNER])
    before, after, quality = drawn_versions(np.random.default_rng(0))
    old, new = (version(each, quality, labels=labels) for each in (before, after))
    refused = [change for change in compared(old, new) if change.reason]

    assert {(change.name, change.outcome) for change in refused} == {
        ("worst_group_fmr", "undecided"),
        ("worst_group_fnmr", "undecided"),
    }
    assert refused[0].reason == ("0 groups of 10 people, 30 genuine and 100 impostor pairs or more; 2 are needed")


def test_an_eval_that_was_not_run_is_not_measured() -> None:
    """And one whose pairs cannot be compared has their reason."""
    old, new = drawn(0)
    other = new._replace(scored=dataclasses.replace(new.scored, digest="e"))

    missing = compared(old, new._replace(evidence=()))
    refused = compared(old, other)

    assert {(change.name, change.outcome) for change in missing} == {
        (name, "not measured") for name in ("identification_rate", "worst_group_fnmr", "edc_area", "cllr")
    }
    assert {change.reason for change in refused} == {"pairs or images: baseline d, run e"}


@pytest.mark.parametrize(
    ("eval_name", "arrays"),
    [
        ("groups", {"indices": np.zeros((3, 2), dtype=int)}),
        ("groups", {"attributes": np.array(["kind", "more"])}),
        ("quality", {"indices": np.full((1, 2), -1)}),
        ("identification", {"mate": np.zeros(3)}),
        ("identification", {"probes": np.array(["x"])}),
    ],
)
def test_damaged_evidence_is_refused(eval_name: str, arrays: Mapping[str, np.ndarray]) -> None:
    """With the eval's name; nothing is compared with it."""
    old, _ = (with_arrays(each, eval_name, arrays) for each in drawn(0))

    with pytest.raises(FacecheckError, match=f"drawn: {eval_name} cannot be compared with the baseline"):
        compared(old, old)


def test_evidence_of_an_eval_that_is_not_known_is_left_out() -> None:
    """A later version may keep more."""
    old, _ = drawn(0)
    more = old._replace(evidence=(Evidence(eval="later", model="m", dataset="drawn", arrays={}),))

    assert compared(more, more) == []
