"""A run against another on the same pairs: each outcome on drawn scores whose truth is known."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from facecheck.cli import main
from facecheck.comparison.between_runs import compare_scores
from facecheck.comparison.sides import sides_of
from facecheck.errors import FacecheckError
from facecheck.faces import Face, ImageSource, Pairs
from facecheck.gate.margins import Margin, Margins
from facecheck.metrics.scores import Scores
from facecheck.report.against import against_lines
from facecheck.results.change import Against, Change
from facecheck.results.run import Run
from facecheck.results.scored_pairs import ScoredPairs, hashes_of_scores, save_scores
from facecheck.results.signature import ModelSignature, Signature

PEOPLE = 400
CONDITIONS = ["clean", *(f"blur:{level}" for level in range(1, 20))]
WHO = np.array([[k, k] for k in range(PEOPLE)] + [[k, (k + 1) % PEOPLE] for k in range(PEOPLE)])


def scored(similarity: np.ndarray, *, model: str = "m", condition: str = "clean", digest: str = "d") -> ScoredPairs:
    """Return scores of one genuine pair a person and a ring of impostor pairs, judged at 0."""
    names = np.array([[f"{a}.jpg", f"{b}-{n}.jpg"] for n, (a, b) in enumerate(WHO)])
    return ScoredPairs(
        model=model,
        dataset="drawn",
        kind="drawn",
        digest=digest,
        condition=condition,
        name=f"{model}-{condition}",
        scores=Scores(similarity, WHO),
        thresholds=np.zeros(len(WHO)),
        yaw_difference_rad=np.full(len(WHO), np.nan),
        names=names,
    )


def drawn(seed: int = 0, *, gap: float = 4.0) -> np.ndarray:
    """Return normal similarities, genuine ones ``gap`` standard deviations above the others."""
    return np.where(WHO[:, 0] == WHO[:, 1], gap / 2, -gap / 2) + np.random.default_rng(seed).standard_normal(len(WHO))


def lines(changes: tuple[Change, ...]) -> list[str]:
    """Return what a person reads of these changes."""
    return against_lines(Against(model="b", line="b", baseline="a", red=("worse",), changes=changes))


def accuracy(changes: tuple[Change, ...]) -> Change:
    """Return the change of the accuracy at the run's own threshold, clean."""
    return next(c for c in changes if c.name == "accuracy" and c.conditions.threshold == "clean")


def test_the_same_scores_are_identical() -> None:
    """Every case, and nothing else is said."""
    changes = compare_scores([scored(drawn())], [scored(drawn())])

    assert {c.outcome for c in changes} == {"identical"}
    assert lines(changes) == [f"b against a: {len(changes)} identical"]


def test_a_model_that_lost_much_is_worse_and_names_the_pairs() -> None:
    """A fifth of the genuine pairs fall far below the threshold: .1 of all pairs change sides."""
    before = drawn()
    after = before.copy()
    after[:80] = -9.0 - np.arange(80)
    was_right = int((before[:80] >= 0).sum())

    changes = compare_scores([scored(before)], [scored(after)])
    found = accuracy(changes)

    assert found.outcome == "worse"
    assert found.gain == pytest.approx(-was_right / 800)
    assert found.high < -found.margin < 0
    assert max(found.p, found.p_holm) <= 0.01
    assert found.flips is not None
    assert (found.flips.negative, found.flips.positive, found.flips.pairs) == (was_right, 0, 800)
    assert all(new is not None and new <= -9 for *_, new in found.flips.worst)
    assert len(found.flips.worst) == 5
    text = lines(changes)
    assert all(len(line) <= 80 for line in text)
    assert any(line.startswith("WORSE: drawn, accuracy") for line in text)


def test_a_model_that_gained_is_better() -> None:
    """Said as plainly: the same pairs, the other way."""
    before = drawn()
    before[:80] = -9.0 - np.arange(80)

    assert accuracy(compare_scores([scored(before)], [scored(drawn())])).outcome == "better"


@pytest.mark.parametrize(("impostors", "fars"), [(499, []), (500, [0.01]), (4999, [0.01]), (5000, [0.01, 0.001])])
def test_a_far_is_compared_where_five_impostors_set_its_threshold(impostors: int, fars: list[float]) -> None:
    """Of fewer, two or three pairs decide: among people drawn twice, one harmless run in twenty was called worse."""
    who = np.array([[k, k] for k in range(50)] + [[k % 50, 50 + k % 50] for k in range(impostors)])
    genuine = who[:, 0] == who[:, 1]
    generator = np.random.default_rng(0)
    similarity = [np.where(genuine, 3.0, -3.0) + generator.standard_normal(len(who)) for _ in range(2)]
    names = np.array([[f"{n}-a.jpg", f"{n}-b.jpg"] for n in range(len(who))])
    before, after = (
        dataclasses.replace(
            scored(drawn()),
            scores=Scores(each, who),
            thresholds=np.zeros(len(who)),
            yaw_difference_rad=np.full(len(who), np.nan),
            names=names,
        )
        for each in similarity
    )

    changes = compare_scores([before], [after])

    assert [change.conditions.far for change in changes if change.name == "tar_at_far"] == fars


def test_one_pair_that_changed_sides_says_hardly_less_than_none() -> None:
    """Of 800 pairs, one broke: Student's t with one degree of freedom would allow a loss of a fifth."""
    before = drawn(gap=12.0)
    after = before.copy()
    after[7] = -1.0

    found = accuracy(compare_scores([scored(before)], [scored(after)]))

    # The interval of Clopper and Pearson for 1 of 400 at the tail of the gate, and for 0 of 400.
    assert found.gain == pytest.approx(-1 / 800)
    assert -0.03 < found.low < -1 / 400
    assert 0 < found.high < 0.02
    assert found.outcome == "undecided"


def test_few_broken_pairs_are_evidence_that_at_most_the_margin_was_lost() -> None:
    """One of 400 people broke; under a loss of 3 % it would be twelve. A loss of 0.1 % is not excluded."""
    before = drawn(gap=12.0)
    after = before.copy()
    after[7] = -1.0
    wide, narrow = (Margins((Margin(name="accuracy", tolerate=each, why="test"),)) for each in (0.03, 0.001))

    found = [accuracy(compare_scores([scored(before)], [scored(after)], margins=each)) for each in (wide, narrow)]

    assert [each.outcome for each in found] == ["not worse", "undecided"]


def test_a_little_noise_is_never_worse() -> None:
    """Thirty harmless re-runs, twenty conditions each: at 1 % over all cases of a run, none is called worse."""
    before = [drawn(seed) for seed in range(20)]
    for repeat in range(30):
        noise = np.random.default_rng(100 + repeat)
        changes = compare_scores(
            [scored(each, condition=CONDITIONS[n]) for n, each in enumerate(before)],
            [
                scored(each + 0.02 * noise.standard_normal(800), condition=CONDITIONS[n])
                for n, each in enumerate(before)
            ],
        )
        assert not [c for c in changes if c.outcome == "worse"]


def test_rounding_needs_no_people_to_be_harmless() -> None:
    """Another batch size: with any number of people the model is the same; a thousand times as much is a question."""
    noise = np.random.default_rng(1).standard_normal(800)
    near = compare_scores([scored(drawn())], [scored(drawn() + 1e-6 * noise)])
    far = compare_scores([scored(drawn())], [scored(drawn() + 1e-2 * noise)])

    assert {c.outcome for c in near} <= {"not worse", "identical"}
    assert "undecided" in {c.outcome for c in far}


def test_the_threshold_of_the_baseline_is_judged_beside_the_own() -> None:
    """All similarities rise by 3: nothing is lost at the new threshold, half of the impostors pass at the old one."""
    before = drawn(gap=6.0)
    moved = dataclasses.replace(scored(before + 3.0), thresholds=np.full(800, 3.0))
    changes = compare_scores([scored(before)], [moved])
    at_old = next(c for c in changes if c.conditions.reference == "approved threshold")

    assert accuracy(changes).gain == 0
    assert at_old.outcome == "worse"
    assert at_old.gain < -0.2


def test_few_pairs_that_changed_sides_prove_nothing() -> None:
    """Three of one person's kind each: as many coins fall alike once in eight times."""
    before = np.where(WHO[:, 0] == WHO[:, 1], 1.0, -1.0)
    after = before.copy()
    after[[0, 100, 200]] = -1.0

    found = accuracy(compare_scores([scored(before)], [scored(after)]))
    assert found.outcome == "undecided"
    assert found.p >= 0.1


def test_the_same_loss_in_every_pair_is_bounded_by_people() -> None:
    """All impostors match now: with 400 people the bound is .011 from the value."""
    before = np.where(WHO[:, 0] == WHO[:, 1], 1.0, -1.0)
    found = accuracy(compare_scores([scored(before)], [scored(np.ones(800))]))

    assert found.outcome == "worse"
    assert found.gain == -0.5
    assert found.high == pytest.approx(-0.5 + 1 - 0.01 ** (1 / PEOPLE))


def test_other_pairs_are_incomparable() -> None:
    """With both digests; what the baseline alone has is said, what the run alone has is new and left out."""
    found, missing = compare_scores(
        [scored(drawn(), digest="a" * 64), scored(drawn(), condition="blur:2")],
        [scored(drawn(), digest="b" * 64), scored(drawn(), condition="blur:1")],
    )

    assert (found.outcome, missing.outcome) == ("incomparable", "not measured")
    assert (missing.conditions.corrupted, missing.reason) == ("blur:2", "the run did not measure it")
    assert found.reason == f"pairs or images: baseline {'a' * 12}, run {'b' * 12}"


def kept(folder: Path, similarity: np.ndarray, *models: str) -> Path:
    """Write a run that holds these scores for each model."""
    folder.mkdir()
    names = scored(similarity).names.ravel().tolist()
    faces = tuple(Face(source=ImageSource(Path(n), n), subject=n) for n in names)
    pairs = Pairs(faces, np.arange(len(names)).reshape(-1, 2))
    for model in models:
        save_scores(folder, scored(similarity, model=model), pairs)
    signature = Signature(models=tuple(ModelSignature(name=name) for name in models))
    Run(id=folder.name, signature=signature, scores=hashes_of_scores(folder)).write(folder)
    return folder


def test_the_command_exits_with_1_if_anything_is_worse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And with 0 where all is as it was, whatever the only model of each run is called."""
    worse = drawn()
    worse[:80] = -9.0
    before, same = kept(tmp_path / "a", drawn(), "old"), kept(tmp_path / "b", drawn(), "new")
    after = kept(tmp_path / "c", worse, "new", "other")

    assert main(["compare", str(before), str(same)]) == 0
    assert "new against old of run a:" in capsys.readouterr().out
    assert main(["compare", str(before), str(after), "--model", "new"]) == 1
    assert "WORSE: drawn, accuracy" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "no model in common"),
        (["--model", "newer"], "'newer' is no model of the second run. Did you mean new"),
        (["--against", "odl"], "'odl' is no model of the first run. Did you mean old"),
        (["--false-alarms", "1.5"], "expected a fraction between 0 and 1"),
    ],
)
def test_models_that_cannot_be_matched_are_named(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is compared."""
    before, after = kept(tmp_path / "a", drawn(), "old"), kept(tmp_path / "b", drawn(), "new", "other")

    assert main(["compare", str(before), str(after), *options]) == 2
    assert message in capsys.readouterr().err


def test_nothing_in_common_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A comparison of nothing would be green for ever."""
    before, after = kept(tmp_path / "a", drawn(), "m"), kept(tmp_path / "b", drawn(), "m")
    for path in (after / "scores").iterdir():
        path.unlink()

    assert main(["compare", str(before), str(after)]) == 2
    assert "nothing could be compared" in capsys.readouterr().err


def test_without_clean_thresholds_nothing_is_decided() -> None:
    """Those of degraded images would be taken for them."""
    changes = compare_scores([scored(drawn(), condition="blur:1")], [scored(drawn(1), condition="blur:1")])

    assert {c.name for c in changes} == {"comparisons_made", "auc", "eer"}


def test_a_folder_of_no_run_is_refused(tmp_path: Path) -> None:
    """By name."""
    with pytest.raises(FacecheckError, match="no run of facecheck"):
        sides_of(tmp_path)
