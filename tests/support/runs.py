"""Runs as the suite leaves them, made of drawn scores instead of images: every number is counted from its scores."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from facecheck.faces import Face, ImageSource, Pairs
from facecheck.metrics import area_under_curve, best_threshold, curve, dprime, eer, fnmr_at_fmr, intervals
from facecheck.metrics.intervals import Estimate
from facecheck.metrics.scores import Scores
from facecheck.results.run import Measurement, Record
from facecheck.results.scored_pairs import ScoredPairs, save_scores

Conditions = dict[str, str | float]
Levels = Mapping[str, Mapping[str, Sequence[float]]]

# Eval, corruption, levels from clean to worst, as the suite will have them.
STUDIES: Levels = {
    "blur": {"blur": (0, 1, 2, 3, 4, 5)},
    "resolution": {"resolution": (0, 128, 96, 64, 48, 32), "upscaled": (0, 128, 96, 64, 48, 32)},
    "filters": dict.fromkeys(("greyscale", "sepia", "tint", "invert", "contrast", "brightness"), (0, 1)),
    "occlusion": {"square": (0, 5, 10, 15, 20), **dict.fromkeys(("sunglasses", "mask", "patch"), (0, 1, 2, 3))},
}
COMMON = (
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "snow",
    "frost",
    "fog",
    "brighter",
    "lower_contrast",
    "elastic_transform",
    "pixelate",
    "jpeg_compression",
    "low_light",
    "motion_angle",
    "jpeg",
    "webp",
    "colour_cast",
)
EVERYTHING: Levels = {**STUDIES, "corruptions": dict.fromkeys(COMMON, (0, 1, 2, 3, 4, 5))}


@dataclass(frozen=True, kw_only=True)
class Model:
    """How a model's distances are drawn.

    Args:
        name: of the recogniser.
        apart: distance between the genuine and the impostor mean on clean images.
        frail: by how much of that they draw together at the worst level of the worst corruption.
        collapses: whether impostors come nearer, instead of genuine pairs moving away.
        fails: fraction of comparisons without a face at the worst level.
        latency_ms: at batch 1.
        size_mb: of its weights.
    """

    name: str
    apart: float = 0.6
    frail: float = 0.8
    collapses: bool = False
    fails: float = 0.2
    latency_ms: float = 40.0
    size_mb: float = 20.0


DLIB = Model(name="dlib", apart=0.5, frail=0.6, fails=0.35, latency_ms=30.0, size_mb=22.0)
FACENET = Model(name="facenet-casia-webface", apart=0.62, frail=1.0, collapses=True, latency_ms=55.0, size_mb=110.0)
EDGEFACE = Model(name="edgeface-xs", apart=0.66, frail=0.7, fails=0.05, latency_ms=38.0, size_mb=7.0)
XXS = Model(name="edgeface-xxs", apart=0.63, frail=0.75, fails=0.05, latency_ms=25.0, size_mb=5.0)
MOBILE = Model(name="mobilefacenet", apart=0.64, frail=0.72, fails=0.05, latency_ms=60.0, size_mb=4.0)


class Run(NamedTuple):
    """A record with the scores that it was made of."""

    record: Record
    scored: list[ScoredPairs]
    pairs: Pairs

    def write(self, folder: Path) -> Path:
        """Leave everything in a folder, as the suite does."""
        folder.mkdir(parents=True, exist_ok=True)
        self.record.write(folder)
        for scored in self.scored:
            save_scores(folder, scored, self.pairs)
        return folder


def people(count: int, genuine: int = 3) -> Pairs:
    """Return pairs of people: some genuine ones of each, and as many with the next people round a table."""
    names = [f"p{person:03d}/{image}.jpg" for person in range(count) for image in range(genuine + 1)]
    faces = tuple(Face(source=ImageSource(Path(name), name), subject=name.partition("/")[0]) for name in names)
    first = np.repeat(np.arange(count) * (genuine + 1), genuine)
    other = np.tile(np.arange(1, genuine + 1), count)
    same = np.stack((first, first + other), axis=1)
    strangers = np.stack((first, (first + other * (genuine + 1)) % len(faces)), axis=1)
    return Pairs(faces, np.concatenate((same, strangers)))


def _draw(model: Model, pairs: Pairs, corruption: str, badness: float) -> Scores:
    digest = hashlib.sha256(f"{model.name} {corruption} {badness}".encode()).digest()
    own = np.random.default_rng(int.from_bytes(digest[:8], "little"))
    shared = np.random.default_rng(5).normal(size=len(pairs))  # what is hard is hard for every model
    harm = 0.35 + 0.65 * digest[-1] / 255 if corruption != "blur" else 1.0
    lost = badness * model.frail * harm * model.apart
    genuine, impostor = (0.6, 0.6 + model.apart - lost) if model.collapses else (0.6 + lost, 0.6 + model.apart)
    if model.collapses:
        genuine -= lost / 3
    distance = np.where(pairs.genuine, genuine, impostor) + 0.12 * shared + 0.05 * own.normal(size=len(pairs))
    failed = own.random(len(pairs)) < 0.02 + badness * model.fails * harm
    return Scores(np.where(failed, -np.inf, -np.maximum(distance, 0.01)), pairs.who)


def _around(value: float, n: int) -> Estimate:
    half = 1.96 * np.sqrt(max(value * (1 - value), 0.001) / n) if value <= 1 else 0.05 * value
    return Estimate(value, value - half, value + half, n)


def _decisions(scores: Scores, thresholds: npt.NDArray[np.float64]) -> Iterator[tuple[str, Estimate]]:
    matched, genuine = (scores.similarity >= thresholds) & scores.made, scores.genuine
    yield "accuracy", intervals.proportion(matched == genuine, scores.who)
    yield "fmr", intervals.proportion(matched[~genuine], scores.who[~genuine])
    yield "fnmr", intervals.proportion(~matched[genuine], scores.who[genuine])
    yield "recall", intervals.proportion(matched[genuine], scores.who[genuine])
    if matched.any():
        precision = intervals.proportion(genuine[matched], scores.who[matched])
        recall = float(matched[genuine].mean())
        yield "precision", precision
        if precision.value + recall > 0:
            f1 = 2 * precision.value * recall / (precision.value + recall)
            yield "f1", _around(f1, len(scores))
    distance = float(-thresholds[0])
    yield "threshold_distance", Estimate(distance, distance, distance, len(scores))


def _separations(scores: Scores) -> Iterator[tuple[str, Estimate, Conditions]]:
    points, n = curve(scores), len(scores)
    yield "auc", _around(area_under_curve(points), n), {}
    yield "eer", _around(eer(points).rate, n), {}
    impostors = int((~scores.genuine).sum())
    yield "tar_at_far", _around(1 - fnmr_at_fmr(points, 0.1, impostors=impostors).fnmr, n), {"far": 0.1}
    yield "dprime", _around(dprime(scores), n), {}
    for name, kind in (("genuine_distance_mean", scores.genuine), ("impostor_distance_mean", ~scores.genuine)):
        rows = kind & scores.made
        yield name, intervals.mean(-scores.similarity[rows], scores.who[rows]), {}


def _measured(
    model: Model, scores: Scores, clean: npt.NDArray[np.float64], retuned: npt.NDArray[np.float64]
) -> Iterator[tuple[str, Estimate, Conditions]]:
    everyone: Conditions = {"failures": "non-match"}
    for told, thresholds in (("clean", clean), ("retuned", retuned)):
        for name, estimate in _decisions(scores, thresholds):
            yield name, estimate, {"threshold": told, **everyone}
    for name, estimate, conditions in _separations(scores):
        yield name, estimate, {**conditions, **everyone}
    yield "detection_rate", _around(float(scores.made.mean()), len(scores)), {}
    yield "fta", _around(float(1 - scores.made.mean()), len(scores)), {}
    yield "time_per_image_ms", _around(model.latency_ms, len(scores)), {}


def made_run(
    models: Sequence[Model],
    levels: Levels,
    *,
    dataset: str = "faces",
    pairs: Pairs | None = None,
    verdicts: Sequence[Mapping[str, str]] = (),
) -> Run:
    """Return a run of models over sweeps, with verification and timing, as the suite records it."""
    pairs = pairs or people(40)
    found: list[Measurement] = []
    scored: dict[tuple[str, str], ScoredPairs] = {}
    for model in models:
        clean = _draw(model, pairs, "", 0.0)
        threshold = np.full(len(pairs), best_threshold(clean))

        def keep(eval_name: str, name: str, estimate: Estimate, conditions: Conditions, model: Model = model) -> None:
            about = {**estimate._asdict(), "eval": eval_name, "name": name, "model": model.name, "dataset": dataset}
            found.append(Measurement(**about, conditions=conditions))

        for name, estimate, conditions in _measured(model, clean, threshold, threshold):
            if conditions.get("threshold") != "retuned":
                keep("verification", name, estimate, conditions)
        for stage, share in (("detect", 0.6), ("align", 0.1), ("embed", 0.3), ("all", 1.0)):
            keep("timing", "latency_ms", _around(model.latency_ms * share, 16), {"stage": stage, "batch": 1})
        for eval_name, corruption, severity, level, worst in _points(levels):
            scores = clean if not severity else _draw(model, pairs, corruption, severity / worst)
            retuned = np.full(len(pairs), best_threshold(scores))
            at: Conditions = {"corruption": corruption, "level": level, "severity": severity}
            for name, estimate, conditions in _measured(model, scores, threshold, retuned):
                keep(eval_name, name, estimate, {**at, **conditions})
            identity = f"{corruption}:{level:g}" if severity else "clean"
            scored[model.name, identity] = _scored(model.name, dataset, identity, scores, retuned)
        scored.setdefault((model.name, "clean"), _scored(model.name, dataset, "clean", clean, threshold))
    signature = {"machine": {"device": "cpu"}}
    record = Record(signature=signature, measurements=found, verdicts=list(verdicts), failures={})
    return Run(record, [_with_names(each, pairs) for each in scored.values()], pairs)


def _points(levels: Levels) -> Iterator[tuple[str, str, int, float, int]]:
    for eval_name, of_corruption in levels.items():
        for corruption, each in of_corruption.items():
            for severity, level in enumerate(each):
                yield eval_name, corruption, severity, float(level), len(each) - 1


def _scored(
    model: str, dataset: str, condition: str, scores: Scores, thresholds: npt.NDArray[np.float64]
) -> ScoredPairs:
    return ScoredPairs(
        model=model,
        dataset=dataset,
        kind="folders",
        digest="abc",
        condition=condition,
        scores=scores,
        thresholds=thresholds,
        yaw_difference_rad=np.full(len(scores), np.nan),
        names=np.empty((0, 2), dtype=np.str_),
    )


def _with_names(scored: ScoredPairs, pairs: Pairs) -> ScoredPairs:
    names = np.array([face.source.name for face in pairs.faces])[pairs.indices]
    return dataclasses.replace(scored, names=names)
