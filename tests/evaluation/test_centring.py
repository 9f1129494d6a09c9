"""The mean of the other folds, subtracted before vectors are compared: a declared part of the contract."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from facecheck.corruptions import Applied
from facecheck.datasets import Dataset
from facecheck.embedders.distances import distance_between
from facecheck.errors import DatasetError, ModelError
from facecheck.evaluation.evaluator import Evaluator
from facecheck.evaluation.scoring import fold_means, score, score_centred
from facecheck.faces import Face, ImageSource, Pairs
from facecheck.metrics import best_threshold
from facecheck.metrics.scores import Scores
from facecheck.models import Settings, build
from facecheck.models.recognizer import Contract
from facecheck.pipeline.outcomes import Embedded, Outcome

CPU = Settings(device=torch.device("cpu"))
PEOPLE, EACH, FOLDS, WIDTH = 12, 3, 4, 6


def protocol() -> Pairs:
    """Return all genuine pairs of each person, and each person with the next of their fold."""
    faces = tuple(
        Face(source=ImageSource(Path(f"{who}-{n}.png"), f"{who}-{n}"), subject=str(who))
        for who in range(PEOPLE)
        for n in range(EACH)
    )
    rows, folds = [], []
    for who in range(PEOPLE):
        fold = who // (PEOPLE // FOLDS)
        first = fold * (PEOPLE // FOLDS)
        other = first + (who - first + 1) % (PEOPLE // FOLDS)
        mine = [who * EACH + n for n in range(EACH)]
        rows += [(mine[0], mine[1]), (mine[1], mine[2]), (mine[0], other * EACH), (mine[2], other * EACH + 1)]
        folds += [fold] * 4
    return Pairs(faces, np.array(rows), np.array(folds))


def embedded(pairs: Pairs, *, offset: float, lost: tuple[int, ...] = ()) -> Embedded:
    """Return vectors of people around a common offset, as a network that was not centred gives them."""
    generator = np.random.default_rng(5)
    people = generator.normal(size=(PEOPLE, WIDTH))
    vectors = (people.repeat(EACH, axis=0) + 0.4 * generator.normal(size=(PEOPLE * EACH, WIDTH))).astype(np.float32)
    vectors += np.float32(offset)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    outcomes = np.full(len(vectors), Outcome.EMBEDDED, dtype=np.int8)
    for row in lost:
        vectors[row], outcomes[row] = np.nan, Outcome.NO_FACE
    none = np.zeros(len(vectors), dtype=bool)
    return Embedded(pairs.faces, vectors, outcomes, none, np.ones(len(vectors)), {})


def slow(found: Embedded, pairs: Pairs, distance: str) -> tuple[NDArray[np.float64], list[float]]:
    """Return similarities and thresholds as FaceNet's evaluation computes them, fold by fold, with loops."""
    assert pairs.folds is not None
    ok = found.outcomes == Outcome.EMBEDDED
    similarity, thresholds = np.full(len(pairs), -np.inf), []
    for fold in range(FOLDS):
        training = [face for row, f in zip(pairs.indices, pairs.folds, strict=True) if f != fold for face in row]
        mean = np.mean([found.vectors[face].astype(float) for face in training if ok[face]], axis=0)
        all_pairs = np.full(len(pairs), -np.inf)
        for number, (a, b) in enumerate(pairs.indices):
            if ok[a] and ok[b]:
                first, second = ((found.vectors[face] - mean)[None] for face in (a, b))
                all_pairs[number] = -distance_between(first, second, distance=distance)[0]
        similarity[pairs.folds == fold] = all_pairs[pairs.folds == fold]
        thresholds.append(best_threshold(Scores(all_pairs, pairs.who).take(pairs.folds != fold)))
    return similarity, thresholds


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
@pytest.mark.parametrize("lost", [(), (0, 7, 20)], ids=["all-found", "three-lost"])
def test_each_fold_is_compared_less_the_others_mean(distance: str, lost: tuple[int, ...]) -> None:
    """Scores and thresholds of a slow loop over FaceNet's own steps; failures stay failures."""
    pairs = protocol()
    found = embedded(pairs, offset=0.8, lost=lost)

    scores, thresholds, problem = score_centred(found, pairs, fold_means(found, pairs), distance=distance)

    similarity, by_fold = slow(found, pairs, distance)
    assert problem == ""
    np.testing.assert_allclose(scores.similarity, similarity, atol=1e-6)
    assert thresholds is not None
    assert thresholds.by_fold is not None
    np.testing.assert_allclose(thresholds.by_fold, by_fold, atol=1e-6)
    assert pairs.folds is not None
    np.testing.assert_array_equal(thresholds.of_pair, thresholds.by_fold[pairs.folds])
    assert scores.made.sum() == len(pairs) - np.isin(pairs.indices, lost).any(axis=1).sum()


def test_no_picture_of_a_fold_counts_for_its_mean() -> None:
    """Its people may be anything: the mean that is subtracted from them does not change."""
    pairs = protocol()
    found = embedded(pairs, offset=0.8)
    before = fold_means(found, pairs)
    found.vectors[: 3 * EACH] = 9.0

    after = fold_means(found, pairs)

    np.testing.assert_array_equal(after[0], before[0])
    assert (np.abs(after[1:] - before[1:]) > 0.1).all()


def test_centring_parts_impostors_that_share_an_offset() -> None:
    """By the angle: with a common offset all vectors are alike, less their mean they are not."""
    pairs = protocol()
    found = embedded(pairs, offset=1.5)

    plain = score(found, pairs, distance="cosine")
    centred, _, _ = score_centred(found, pairs, fold_means(found, pairs), distance="cosine")

    assert plain.similarity[~plain.genuine].mean() > -0.4
    assert centred.similarity[~plain.genuine].mean() < -0.9


def test_pairs_without_folds_are_refused() -> None:
    """There is no mean of other people; the message says what to do."""
    pairs = protocol()
    whole = Pairs(pairs.faces, pairs.indices)

    with pytest.raises(DatasetError, match=r"centre=folds: the pairs have no folds.*leave centre out"):
        fold_means(embedded(whole, offset=0), whole)


def test_where_nothing_was_found_there_is_no_threshold() -> None:
    """And a reason."""
    pairs = protocol()
    found = embedded(pairs, offset=0, lost=tuple(range(PEOPLE * EACH)))

    scores, thresholds, problem = score_centred(found, pairs, fold_means(found, pairs), distance="euclidean")

    assert thresholds is None
    assert problem.startswith("no threshold can be chosen: ")
    assert not scores.made.any()


def test_the_centre_is_declared() -> None:
    """In the contract and so in every report; not in what is cached of a face, which it does not change."""
    plain, centred = (build(f"facenet-casia-webface{option}", CPU) for option in ("", "?centre=folds"))

    assert (plain.contract.centre, centred.contract.centre) == ("none", "folds")
    assert centred.contract.as_dict()["centre"] == "folds"
    assert plain.identity == centred.identity
    assert (plain.contract.threshold, centred.contract.threshold) == (1.13, None)
    assert centred.name == "facenet-casia-webface?centre=folds"


@pytest.mark.parametrize("wrong", ["fold", "FOLDS", "mean", ""])
def test_an_unknown_centre_is_refused(wrong: str) -> None:
    """With what is known, in Python and in a specification."""
    with pytest.raises(ModelError, match=r"centre '.*' is unknown\. .*Known: none, folds"):
        Contract(centre=wrong)  # type: ignore[arg-type]
    if wrong:
        with pytest.raises(ModelError, match=rf"centre={wrong}: unknown\..*none, folds"):
            build(f"facenet-casia-webface?centre={wrong}", CPU)


class Recorded:
    """A pipeline that gives recorded vectors: clean ones, and others for degraded images."""

    def __init__(self, clean: Embedded, degraded: Embedded) -> None:
        self.given = {"clean": clean, "blur:2": degraded}
        self.runs: list[str] = []

    def run(self, _recognizer: object, _faces: object, *, corruption: Applied) -> Embedded:
        self.runs.append(corruption.identity)
        return self.given[corruption.identity]


def test_degraded_images_are_compared_less_the_clean_mean() -> None:
    """A deployment has no other; its threshold is of clean images too."""
    pairs = protocol()
    clean, degraded = embedded(pairs, offset=0.8), embedded(pairs, offset=2.0)
    recorded = Recorded(clean, degraded)
    evaluator = Evaluator(recorded)  # type: ignore[arg-type]
    dataset = Dataset(name="made", kind="made", spec="made", pairs=pairs, protocol="made")
    plain = build("facenet-casia-webface", CPU)
    model = dataclasses.replace(plain, contract=dataclasses.replace(plain.contract, centre="folds"))

    compared = evaluator.compare(model, dataset, Applied("blur", 2))

    expected, _, _ = score_centred(degraded, pairs, fold_means(clean, pairs), distance="euclidean")
    np.testing.assert_array_equal(compared.scores.similarity, expected.similarity)
    assert sorted(recorded.runs) == ["blur:2", "clean"]
    as_declared = evaluator.compare(plain, dataset).scores
    np.testing.assert_array_equal(as_declared.similarity, score(clean, pairs, distance="euclidean").similarity)


@pytest.mark.parametrize("at_once", [1, 5, 7])
def test_portions_change_no_bit(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Means are summed and pairs compared a portion at a time, and give what one sum over all of them gives."""
    pairs = protocol()
    found = embedded(pairs, offset=0.7, lost=(4,))
    assert pairs.folds is not None
    seen = [pairs.indices[pairs.folds != fold].ravel() for fold in np.unique(pairs.folds)]
    seen = [rows[rows != 4] for rows in seen]
    whole = [(found.vectors[rows].sum(axis=0, dtype=np.float64) / len(rows)).astype(np.float32) for rows in seen]
    scores, thresholds, _ = score_centred(found, pairs, np.stack(whole), distance="cosine")
    monkeypatch.setattr("facecheck.evaluation.scoring._AT_ONCE", at_once)

    means = fold_means(found, pairs)
    again, chosen, _ = score_centred(found, pairs, means, distance="cosine")

    assert means.tobytes() == np.stack(whole).tobytes()
    assert again.similarity.tobytes() == scores.similarity.tobytes()
    assert thresholds is not None
    assert chosen is not None
    assert chosen.of_pair.tobytes() == thresholds.of_pair.tobytes()
