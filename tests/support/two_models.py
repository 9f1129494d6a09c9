"""Two sound models drawn as vectors, exchanged among people: scores and evidence of a run and of one beside it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from facecheck.metrics.identification import search
from facecheck.metrics.scores import Scores
from facecheck.results.evidence import Evidence
from facecheck.results.scored_pairs import ScoredPairs

__all__ = ["PEOPLE", "Version", "drawn_versions", "version"]

PEOPLE, IMAGES, FOLDS = 72, 6, 6
_DIMENSIONS = 24
Array = npt.NDArray[np.float64]


class Version(NamedTuple):
    """What a run of one model keeps of one data set."""

    scored: ScoredPairs
    evidence: tuple[Evidence, ...]


def drawn_versions(generator: np.random.Generator) -> tuple[Array, Array, Array]:
    """Return the vectors of two models that are equally good, each person's drawn from either, and image qualities.

    Some people and some images are harder than others, for both models; a quality knows the hard images in part.
    """
    people, images = (PEOPLE, 1, 1), (PEOPLE, IMAGES, 1)
    centre = generator.standard_normal((PEOPLE, 1, _DIMENSIONS))
    hard = np.exp(0.35 * generator.standard_normal(people)) * np.exp(0.4 * generator.standard_normal(images))
    both_see = generator.standard_normal((PEOPLE, IMAGES, _DIMENSIONS))
    models = []
    for _ in range(2):
        own = 0.25 * generator.standard_normal((PEOPLE, 1, _DIMENSIONS))
        noise = 0.8 * both_see + 0.6 * generator.standard_normal((PEOPLE, IMAGES, _DIMENSIONS))
        vectors = centre + own + 1.05 * hard * noise
        models.append(vectors / np.linalg.norm(vectors, axis=2, keepdims=True))
    exchanged = generator.random(people) < 0.5
    before, after = np.where(exchanged, models[1], models[0]), np.where(exchanged, models[0], models[1])
    quality = -hard[..., 0] * np.exp(0.2 * generator.standard_normal(hard.shape[:2]))
    return before.reshape(-1, _DIMENSIONS), after.reshape(-1, _DIMENSIONS), quality.ravel()


def version(vectors: Array, quality: Array, *, labels: npt.NDArray[np.str_] | None = None) -> Version:
    """Return what a run of a model with these vectors keeps; the pairs and the split are always the same.

    Args:
        vectors: ``(n, d)`` of length one, image by image, person by person.
        quality: ``(n,)``.
        labels: ``(n,)`` group of each image; three groups of people by default.
    """
    generator = np.random.default_rng(0)
    who = np.repeat(np.arange(PEOPLE), IMAGES)
    of_person = np.arange(PEOPLE) % FOLDS
    pairs = [(IMAGES * p + i, IMAGES * p + j) for p in range(PEOPLE) for i in range(IMAGES) for j in range(i)]
    for first in range(PEOPLE):
        for second in range(first + 1, PEOPLE):
            if of_person[first] == of_person[second]:
                chosen = generator.integers(0, IMAGES, (8, 2))
                pairs += [(IMAGES * first + i, IMAGES * second + j) for i, j in np.unique(chosen, axis=0).tolist()]
    indices = np.array(pairs)
    names = np.array([f"{person}/{image}.jpg" for person in range(PEOPLE) for image in range(IMAGES)])
    scored = ScoredPairs(
        model="m",
        dataset="drawn",
        kind="drawn",
        digest="d",
        condition="clean",
        scores=Scores((vectors[indices[:, 0]] * vectors[indices[:, 1]]).sum(axis=1), who[indices]),
        thresholds=np.full(len(indices), 0.3),
        yaw_difference_rad=np.full(len(indices), np.nan),
        names=names[indices],
    )
    labels = np.array(["a", "b", "c"])[who % 3] if labels is None else labels
    return Version(scored, tuple(_evidence(vectors, quality, labels, indices, of_person[who[indices[:, 0]]])))


def _evidence(
    vectors: Array, quality: Array, labels: npt.NDArray[np.str_], indices: npt.NDArray[np.int64], folds: Array
) -> list[Evidence]:
    who = np.repeat(np.arange(PEOPLE), IMAGES)
    gallery = np.arange(0, PEOPLE, 2) * IMAGES
    probes = np.setdiff1d(np.arange(len(who)), gallery)
    found = search(vectors[probes] @ vectors[gallery].T, who[probes], who[gallery])
    names = ("probe", "rival", "mated", "mate", "best_other", "ahead")
    arrays = {
        "groups": {"attributes": np.array(["kind"]), "labels": labels[None], "indices": indices},
        "quality": {"names": np.array(["column"]), "qualities": quality[None], "indices": indices},
        "calibration": {"folds": folds},
        "identification": {
            "images": np.array([f"{n}.jpg" for n in range(len(who))]),
            "probes": probes,
            "gallery": gallery,
            "enrolled": who[gallery],
            **{name: getattr(found, name) for name in names},
        },
    }
    return [Evidence(eval=name, model="m", dataset="drawn", arrays=each) for name, each in arrays.items()]
