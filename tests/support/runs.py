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

from facecheck.evaluation.views import View, decided, ranked, separated
from facecheck.faces import Face, ImageSource, Pairs
from facecheck.metrics.intervals import Estimate
from facecheck.metrics.scores import Scores
from facecheck.metrics.thresholds import PairThresholds, best_threshold
from facecheck.results.conditions import DEPLOYED, RETUNED, Conditions
from facecheck.results.measurement import Findings, Measured, Measurement
from facecheck.results.run import Run
from facecheck.results.scored_pairs import ScoredPairs, save_scores
from facecheck.results.signature import Machine, Signature
from facecheck.results.verdict import Verdict

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


class Made(NamedTuple):
    """A run with the scores that it was made of."""

    run: Run
    scored: list[ScoredPairs]
    pairs: Pairs

    def write(self, folder: Path) -> Path:
        """Leave everything in a folder, as the suite does."""
        folder.mkdir(parents=True, exist_ok=True)
        self.run.write(folder)
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
    impostors = np.stack((first, (first + other * (genuine + 1)) % len(faces)), axis=1)
    return Pairs(faces, np.concatenate((same, impostors)))


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


def _known(value: float) -> Estimate:
    return Estimate(value, value * 0.95, value * 1.05, 16)


def _measured(model: Model, views: Sequence[View], *, acquired: float) -> Findings:
    """Measure views of the drawn scores as the evals do, and add what comes from no scores."""
    found = Findings.joined(decided(view) for view in views)
    whole = views[0]
    everyone = View(whole.scores, whole.conditions.without("threshold"), None, whole.sources[:1])
    bare = View(whole.scores, everyone.conditions.without("failures"), None, whole.sources[:1])
    at = bare.conditions
    acquisition = (
        Measured(name="detection_rate", estimate=Estimate(acquired, acquired, acquired, 9), conditions=at),
        Measured(name="fta", estimate=Estimate(1 - acquired, 1 - acquired, 1 - acquired, 9), conditions=at),
        Measured(name="time_per_image_ms", estimate=_known(model.latency_ms), conditions=at),
    )
    return found + ranked(everyone, fars=(0.1,)) + separated(everyone) + Findings(acquisition)


def made_run(
    models: Sequence[Model],
    levels: Levels,
    *,
    dataset: str = "faces",
    pairs: Pairs | None = None,
    verdicts: Sequence[Verdict] = (),
) -> Made:
    """Return a run of models over sweeps, with verification and timing, as the suite records it."""
    pairs = pairs or people(40)
    found: list[Measurement] = []
    scored: dict[tuple[str, str], ScoredPairs] = {}
    for model in models:
        clean = _draw(model, pairs, "", 0.0)
        threshold = PairThresholds.fixed(best_threshold(clean), len(pairs))
        kept = _scored(model.name, dataset, "clean", clean, threshold.of_pair, pairs)
        scored[model.name, "clean"] = kept

        def keep(eval_name: str, findings: Findings, model: Model = model) -> None:
            found.extend(
                Measurement.of(measured, eval_name=eval_name, model=model.name, dataset=dataset)
                for measured in findings.measured
            )

        view = View(clean, DEPLOYED, threshold, (kept.name,))
        keep("verification", _measured(model, [view], acquired=float(clean.made.mean())))
        for stage, share in (("detect", 0.6), ("align", 0.1), ("embed", 0.3), ("all", 1.0)):
            at = Conditions(stage=stage, batch=1)
            latency = Measured(name="latency_ms", estimate=_known(model.latency_ms * share), conditions=at)
            keep("timing", Findings((latency,)))
        for eval_name, corruption, severity, level, worst in _points(levels):
            scores = clean if not severity else _draw(model, pairs, corruption, severity / worst)
            own = PairThresholds.fixed(best_threshold(scores), len(pairs))
            at = Conditions(corruption=corruption, level=level, severity=severity)
            degraded = _scored(model.name, dataset, at.corrupted, scores, own.of_pair, pairs)
            scored[model.name, at.corrupted] = degraded
            sources = tuple(dict.fromkeys((degraded.name, kept.name)))
            views = [
                View(scores, at | DEPLOYED, threshold, sources),
                View(scores, at | RETUNED, own, (degraded.name,)),
            ]
            keep(eval_name, _measured(model, views, acquired=float(scores.made.mean())))
    signature = Signature(machine=Machine(device="cpu"))
    run = Run(signature=signature, measurements=tuple(found), verdicts=tuple(verdicts))
    return Made(run, list(scored.values()), pairs)


def _points(levels: Levels) -> Iterator[tuple[str, str, int, float, int]]:
    for eval_name, of_corruption in levels.items():
        for corruption, each in of_corruption.items():
            for severity, level in enumerate(each):
                yield eval_name, corruption, severity, float(level), len(each) - 1


def _scored(
    model: str, dataset: str, condition: str, scores: Scores, thresholds: npt.NDArray[np.float64], pairs: Pairs
) -> ScoredPairs:
    made = ScoredPairs(
        model=model,
        dataset=dataset,
        kind="folders",
        digest="abc",
        condition=condition,
        scores=scores,
        thresholds=thresholds,
        yaw_difference_rad=np.full(len(scores), np.nan),
        names=np.array([face.source.name for face in pairs.faces])[pairs.indices],
    )
    return dataclasses.replace(made, name=made.file_name)
