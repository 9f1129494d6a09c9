"""An old and a new model on the same pairs: gallery, threshold, people, twins, each by hand or against an oracle."""

import dataclasses

import numpy as np
import pytest
import torch

from facecheck.commands.migrate import report
from facecheck.comparison.update import TWINS, Update, twin_limits
from facecheck.corruptions import CLEAN
from facecheck.datasets import Dataset
from facecheck.evaluation.evaluator import Compared
from facecheck.evaluation.scoring import score
from facecheck.faces import Face, ImageSource, Pairs
from facecheck.gate.margins import Margins
from facecheck.metrics.thresholds import PairThresholds
from facecheck.models import Settings, torch_recognizer
from facecheck.pipeline.outcomes import Embedded, Outcome
from facecheck.results.conditions import DEPLOYED, Conditions

PEOPLE, EACH, WIDTH, FOLDS = 300, 2, 16, 5
SETTINGS = Settings(device=torch.device("cpu"))
GENERATOR = np.random.default_rng(3)
CENTRES = GENERATOR.standard_normal((PEOPLE, WIDTH))
SPREAD = 0.35 * GENERATOR.standard_normal((PEOPLE * EACH, WIDTH))


def protocol() -> Pairs:
    """Return one genuine pair a person and three impostor pairs with the next people of the fold."""
    faces = tuple(
        Face(
            source=ImageSource(__file__, f"{who}-{n}.png"),  # type: ignore[arg-type]
            subject=f"p{who}",
            groups=(("half", "first" if who < PEOPLE // 2 else "second"),),
        )
        for who in range(PEOPLE)
        for n in range(EACH)
    )
    rows, folds = [], []
    size = PEOPLE // FOLDS
    for who in range(PEOPLE):
        begin = who // size * size
        rows += [(2 * who, 2 * who + 1)]
        rows += [(2 * who, 2 * (begin + (who - begin + step) % size) + 1) for step in (1, 2, 3)]
        folds += [who // size] * 4
    return Pairs(faces, np.array(rows), np.array(folds))


PAIRS = protocol()
DATASET = Dataset(name="drawn", kind="drawn", spec="drawn:", pairs=PAIRS, protocol="drawn")


def vectors(seed: int = 0, *, noise: float = 0.0, rotated: bool = False, width: int = WIDTH) -> np.ndarray:
    """Return unit vectors of all images, of a network with some noise, perhaps in a space of its own."""
    made = CENTRES.repeat(EACH, axis=0) + SPREAD + noise * np.random.default_rng(seed).standard_normal(SPREAD.shape)
    if rotated:
        made = made @ np.linalg.qr(np.random.default_rng(9).standard_normal((WIDTH, WIDTH)))[0]
    made = made[:, :width]
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)


def compared(made: np.ndarray, *, name: str = "m", lost: tuple[int, ...] = (), threshold: float = 0.9) -> Compared:
    """Return a model that gives these vectors."""
    outcomes = np.full(len(made), Outcome.EMBEDDED, dtype=np.int8)
    made = made.copy()
    for row in lost:
        made[row], outcomes[row] = np.nan, Outcome.NO_FACE
    none = np.zeros(len(made), dtype=bool)
    embedded = Embedded(PAIRS.faces, made, outcomes, none, np.ones(len(made)), {})
    recognizer = torch_recognizer(name, torch.nn.Flatten(), SETTINGS, threshold=threshold)
    scores = score(embedded, PAIRS, distance="euclidean")
    assert PAIRS.folds is not None
    own = PairThresholds.cross_fitted(scores, PAIRS.folds)
    return Compared(recognizer, DATASET, CLEAN, embedded, scores, own)


def updated(new: np.ndarray, *, lost: tuple[int, ...] = ()) -> Update:
    return Update(compared(vectors(), name="old"), compared(new, name="new", lost=lost), Margins())


def test_the_mixed_scores_are_those_of_an_oracle() -> None:
    """First image from the old gallery, second embedded anew; a missing probe is a non-match."""
    old, new = vectors(), vectors(1, noise=0.1)
    mixed = updated(new, lost=(1,)).mixed

    expected = [
        -np.inf if b == 1 else -float(np.linalg.norm(old[a].astype(float) - new[b].astype(float)))
        for a, b in PAIRS.indices
    ]
    assert np.allclose(mixed.similarity, expected)


def test_the_same_model_is_compatible() -> None:
    """Its matrix has three equal rows, and every case is identical."""
    update = updated(vectors())
    matrix = update.matrix()
    values = {
        cell: matrix.named("accuracy", where=DEPLOYED | Conditions(reference=cell)).measured[0].estimate.value
        for cell in ("old-old", "new-old", "new-new")
    }

    assert len(set(values.values())) == 1
    assert {change.outcome for change in update.against_old_gallery.changes} == {"identical"}
    assert not update.against_old_gallery.is_red


def test_a_little_noise_is_compatible_and_another_space_is_not() -> None:
    """A rotated network is as good by itself, and no use with the old gallery."""
    near, rotated = updated(vectors(1, noise=0.02)), updated(vectors(rotated=True))

    assert not near.against_old_gallery.is_red
    assert rotated.against_old_gallery.is_red
    assert not rotated.against_old().is_red
    assert any("NOT COMPATIBLE: enrol the gallery anew" in line for line in report(rotated))
    assert any("COMPATIBLE" in line and "NOT" not in line for line in report(near))


def test_vectors_of_another_length_are_incompatible_in_words() -> None:
    """Nothing is compared, and the other two questions are answered."""
    update = updated(vectors(width=8))

    assert update.problem == "the old model's vectors hold 16 numbers, the new one's 8"
    told = list(report(update))
    assert any("NOT COMPATIBLE: the old model's vectors hold 16 numbers" in line for line in told)
    assert any(line.startswith("  new-old") and " - " in line for line in told)
    assert any(line.startswith("  FMR 0.01") for line in told)
    assert all(len(line) <= 80 for line in told)


def test_a_threshold_keeps_the_false_matches() -> None:
    """Distances grow by half: so does the threshold, and its interval covers what other people would have given."""
    old = compared(vectors(), name="old")
    far = compared(vectors(), name="new")
    stretched = dataclasses.replace(far, scores=dataclasses.replace(far.scores, similarity=1.5 * far.scores.similarity))
    found, notes = Update(old, stretched, Margins()).migrated()
    by_source = {each.source: each for each in found}

    assert set(by_source) == {"declared threshold", "FMR 0.01"}
    assert notes == ["FMR 0.001: 900 impostor pairs cannot show an FMR of 0.001"]
    one = by_source["FMR 0.01"]
    assert one.threshold.value == pytest.approx(1.5 * one.old_threshold)
    assert one.threshold.low < one.threshold.value < one.threshold.high
    assert one.fnmr.value == pytest.approx(one.old_fnmr)
    impostors = -old.scores.similarity[~old.scores.genuine]
    assert (impostors < one.old_threshold).mean() <= 0.01 < (impostors <= one.old_threshold + 0.02).mean()
    assert by_source["declared threshold"].old_threshold == 0.9


def test_the_people_who_lost_are_named() -> None:
    """Of three people the second image is another's now; all of the first half."""
    new = vectors()
    for who in (3, 5, 8):
        new[2 * who + 1] = -new[2 * who + 1]
    update = updated(new)

    assert sorted(update.worst_people()) == [("p3", 1, 1), ("p5", 1, 1), ("p8", 1, 1)]
    assert update.by_group()[0] == ("half first", 3, PEOPLE // 2)


def test_twins_are_measured_by_their_vectors_and_decisions() -> None:
    """One vector turned by a known angle; decisions as of the old threshold."""
    new = vectors()
    angle = 0.2
    other = np.zeros(WIDTH)
    other[0] = 1.0
    across = other - (other @ new[7]) * new[7]
    across /= np.linalg.norm(across)
    new[7] = np.cos(angle) * new[7] + np.sin(angle) * across
    found = updated(new).twin()
    values = {m.name: m.estimate.value for m in found.measured}

    assert values["twin_cosine_min"] == pytest.approx(np.cos(angle), abs=1e-6)
    assert "3-1.png: cosine 0.98" in found.notes[0]
    assert values["decisions_flipped"] <= 4 / len(PAIRS)
    assert values["score_shift_max"] <= angle


def test_each_precision_has_limits_that_a_lower_one_may_miss() -> None:
    """A tolerance of fp32 would fail every sound fp16."""
    cosines = [TWINS[precision].cosine for precision in ("fp32", "fp16", "bf16", "int8")]
    assert cosines == sorted(cosines, reverse=True)
    cosine, flips = twin_limits("fp16")
    assert (cosine.kept_by(0.99999), cosine.kept_by(0.999)) == (True, False)
    assert (flips.kept_by(0.0), flips.kept_by(0.01)) == (True, False)
