"""Models run over data sets, once a run however many cases ask."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facecheck.corruptions import CLEAN, Applied
from facecheck.datasets import Dataset
from facecheck.evaluation import estimates
from facecheck.evaluation.preflight import beyond_the_border, preflight, unprobed
from facecheck.evaluation.scoring import fold_means, score, score_centred
from facecheck.evaluation.timing import Prepared, prepare
from facecheck.evaluation.views import View, ranked
from facecheck.faces import Pairs
from facecheck.metrics.scores import Scores
from facecheck.metrics.thresholds import PairThresholds
from facecheck.models.recognizer import Recognizer
from facecheck.pipeline import Pipeline
from facecheck.pipeline.listed import ListedVectors
from facecheck.pipeline.outcomes import Embedded
from facecheck.results.conditions import ANY, DEPLOYED, NON_MATCH, RETUNED, Conditions, ThresholdKind
from facecheck.results.evidence import Evidence, save_evidence
from facecheck.results.measurement import Findings, Measured
from facecheck.results.probe_vectors import ProbeVectors, save_probe
from facecheck.results.scored_pairs import ScoredPairs, save_scores
from facecheck.storage.cache import Cache

__all__ = ["Compared", "Evaluator"]


@dataclass(frozen=True, eq=False)
class Compared:
    """One model on one data set under one corruption.

    Args:
        recognizer: the model.
        dataset: the data set.
        corruption: applied to every image.
        embedded: a vector a face.
        scores: a similarity a pair, failures as non-matches.
        own_thresholds: fitted on other folds under this corruption, None if that cannot be done.
        problem: why not.
        source: name of the file of scores, empty if none is kept.
    """

    recognizer: Recognizer
    dataset: Dataset
    corruption: Applied
    embedded: Embedded
    scores: Scores
    own_thresholds: PairThresholds | None
    problem: str = ""
    source: str = ""

    @property
    def declared(self) -> PairThresholds | None:
        """The threshold that the model declares, None if it has none."""
        threshold = self.recognizer.contract.threshold
        return None if threshold is None else PairThresholds.fixed(-threshold, len(self.scores))

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the file of scores, none if none is kept."""
        return (self.source,) if self.source else ()

    def view(self, threshold: ThresholdKind | None = None) -> View:
        """Return all comparisons, failures as non-matches.

        Args:
            threshold: ``clean`` or ``retuned`` for those that were fitted on other folds of these comparisons,
                ``declared`` for the model's own.
        """
        thresholds = {None: None, "clean": self.own_thresholds, "retuned": self.own_thresholds}
        at = {None: NON_MATCH, "clean": DEPLOYED, "retuned": RETUNED}
        if threshold == "declared":
            return View(self.scores, NON_MATCH | Conditions(threshold="declared"), self.declared, self.sources)
        return View(self.scores, at[threshold], thresholds[threshold], self.sources)

    def unconditioned(self) -> View:
        """Return all comparisons under no conditions: what is measured of completed comparisons alone needs none."""
        return View(self.scores, ANY, None, self.sources)

    @functools.cached_property
    def ranked(self) -> Findings:
        """AUC, EER with its threshold, and TAR, failures as non-matches: measured once, whoever asks."""
        return ranked(self.view())

    def fold_by_fold(self) -> Findings:
        """Return the accuracy of each fold at the clean threshold, and LFW's standard error over folds."""
        if self.own_thresholds is None:
            return Findings()
        view, pairs = self.view("clean"), self.dataset.pairs
        found = Findings.joined(
            view.measured({name: estimate}, Conditions(fold=fold))
            for name, estimate, fold in estimates.by_fold(self.scores, pairs, self.own_thresholds)
        )
        error = estimates.fold_standard_error(self.scores, pairs, self.own_thresholds)
        return found if error is None else found + view.measured({"accuracy_standard_error": error})

    def acquired(self) -> Findings:
        """Return detection rate, failures to acquire and time per image, with the images that gave no embedding."""
        embedded, corrupted = self.embedded, self.corruption.identity
        found = estimates.acquisition(embedded)
        time = estimates.time_per_image(embedded)
        measured = {**found, **({} if time is None else {"time_per_image_ms": time})}
        return Findings(
            tuple(Measured(name=name, estimate=estimate) for name, estimate in measured.items()),
            failures=tuple((corrupted, name, embedded.unreadable.get(name, "")) for name in embedded.failures),
        )


class Evaluator:
    """Remembers every comparison of the run.

    Args:
        pipeline: does the work.
        folder: of the run; the scores are written there. None keeps none.
        cache: kept results, or None.
    """

    def __init__(self, pipeline: Pipeline, *, folder: Path | None = None, cache: Cache | None = None) -> None:
        self.pipeline = pipeline
        self._folder = folder
        self._cache = cache
        self._findings: dict[int, list[str]] = {}
        self._borders: dict[tuple[int, str], str] = {}
        self._done: dict[tuple[int, str, str], Compared] = {}
        self._prepared: dict[tuple[int, str], Prepared] = {}
        self._listed: dict[tuple[int, str], ListedVectors] = {}
        self._contents: dict[str, str] = {}
        self._silent: Evaluator | None = None

    def compare(self, recognizer: Recognizer, dataset: Dataset, corruption: Applied = CLEAN) -> Compared:
        """Return the comparison, made at the first call."""
        key = (id(recognizer), dataset.spec, corruption.identity)
        if key not in self._done:
            self._done[key] = self._compare(recognizer, dataset, corruption)
        return self._done[key]

    @property
    def done(self) -> tuple[Compared, ...]:
        """Everything that was compared so far."""
        return tuple(self._done.values())

    def unrecorded(self) -> Evaluator:
        """Return an evaluator of the same run that keeps no scores: for a model that is not under test."""
        if self._silent is None:
            self._silent = Evaluator(self.pipeline, cache=self._cache)
        return self._silent

    def content(self, dataset: Dataset) -> str:
        """Return a hash of the data set's images: equal names with other pixels are other data."""
        if dataset.spec not in self._contents:
            self._contents[dataset.spec] = self.pipeline.content_digest(dataset.faces)
        return self._contents[dataset.spec]

    def findings(self, recognizer: Recognizer, dataset: Dataset) -> list[str]:
        """Return what the preflight reports of the model's contract and of the data, once a run: mostly nothing."""
        if id(recognizer) not in self._findings:
            found = [finding.sentence for finding in preflight(recognizer, cache=self._cache)]
            self._keep_probe(recognizer)
            self._findings[id(recognizer)] = [*recognizer.doubts, *found, *filter(None, [unprobed(recognizer)])]
        both = id(recognizer), dataset.spec
        if both not in self._borders:
            self._borders[both] = beyond_the_border(recognizer, dataset, self.pipeline, cache=self._cache)
        return [*self._findings[id(recognizer)], *filter(None, [self._borders[both]])]

    def listed(self, recognizer: Recognizer, dataset: Dataset) -> ListedVectors:
        """Return the vectors of the images of a data set of templates, computed at the first call or kept."""
        assert dataset.templates is not None, "only such a set lists points"
        key = (id(recognizer), dataset.spec)
        if key not in self._listed:
            self._listed = {key: self.pipeline.listed(recognizer, dataset.faces, dataset.templates.points)}  # gigabytes
        return self._listed[key]

    def keep(self, evidence: Evidence) -> None:
        """Write what stands behind an eval beside the scores, for the comparison with later runs."""
        if self._folder is not None:
            save_evidence(self._folder, evidence)

    def _keep_probe(self, recognizer: Recognizer) -> None:
        """Write what the model answers to fixed crops, for the comparison with later runs."""
        if self._folder is not None:
            asked = recognizer.probe
            answers = ProbeVectors(
                model=recognizer.name, crops=asked.crops, vectors=asked.vectors.astype(np.float32), noise=asked.noise
            )
            save_probe(self._folder, answers)

    def prepare(self, recognizer: Recognizer, dataset: Dataset, count: int) -> Prepared:
        """Return the first images in which a face is found, ready to be timed, at most ``count``."""
        key = (id(recognizer), dataset.spec)
        if key not in self._prepared:
            self._prepared[key] = prepare(recognizer, self.pipeline.images(dataset.faces, count))
        return self._prepared[key]

    def _compare(self, recognizer: Recognizer, dataset: Dataset, corruption: Applied) -> Compared:
        pairs = dataset.pairs
        embedded = self.pipeline.run(recognizer, dataset.faces, corruption=corruption)
        distance = recognizer.contract.distance
        if recognizer.contract.centre == "folds":
            # The mean is the deployment's, of clean images, as its threshold is.
            clean = embedded if corruption.identity == CLEAN.identity else self.compare(recognizer, dataset).embedded
            scores, own, problem = score_centred(embedded, pairs, fold_means(clean, pairs), distance=distance)
        else:
            scores = score(embedded, pairs, distance=distance)
            own, problem = _thresholds(scores, pairs)
        compared = Compared(recognizer, dataset, corruption, embedded, scores, own, problem)
        return compared if self._folder is None else self._kept(compared, self._folder)

    def _kept(self, compared: Compared, folder: Path) -> Compared:
        """Write the scores of a comparison, and return it with their name."""
        dataset, scores, pairs = compared.dataset, compared.scores, compared.dataset.pairs
        thresholds = compared.own_thresholds or compared.declared or PairThresholds.fixed(np.inf, len(scores))
        scored = ScoredPairs(
            model=compared.recognizer.name,
            dataset=dataset.name,
            kind=dataset.kind,
            digest=hashlib.sha256(f"{dataset.digest} {self.content(dataset)}".encode()).hexdigest(),
            condition=compared.corruption.identity,
            scores=scores,
            thresholds=thresholds.of_pair,
            yaw_difference_rad=pairs.yaw_difference_rad,
            names=np.empty((0, 2), dtype=np.str_),
        )
        return dataclasses.replace(compared, source=save_scores(folder, scored, pairs))


def _thresholds(scores: Scores, pairs: Pairs) -> tuple[PairThresholds | None, str]:
    if pairs.folds is None:
        return None, "the data set has no folds"
    try:
        return PairThresholds.cross_fitted(scores, pairs.folds), ""
    except ValueError as error:
        return None, f"no threshold can be chosen: {error}"
