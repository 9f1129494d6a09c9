"""What each threshold would do: the counts behind the page's slider, as the library counts them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facecheck.metrics import curve, fnmr_at_fmr, resolvable
from facecheck.metrics.decisions import confusion
from facecheck.results.conditions import DEPLOYED, NON_MATCH, Conditions
from facecheck.results.measurement import Measurement
from facecheck.results.scored_pairs import ScoredPairs
from facecheck.results.signature import ModelSignature

__all__ = ["Mark", "Slider", "sliders"]

Array = npt.NDArray[np.float64]
_STEPS = 320  # thresholds of a slider
_BINS = 60
_CLEAN = "clean threshold, mean of the folds"
_FMRS = (1e-1, 1e-2, 1e-3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """An operating point on a slider.

    Args:
        name: what it is.
        step: position among the thresholds.
        distance: threshold.
        tp: genuine pairs that match.
        fp: impostor pairs that match.
    """

    name: str
    step: int
    distance: float
    tp: int
    fp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Slider:
    """One model on one data set, clean images, failures as non-matches.

    Args:
        model: name.
        dataset: name.
        genuine: pairs of one person.
        impostor: pairs of two.
        failed: comparisons that could not be made.
        distances: thresholds, rising.
        tp: genuine pairs at or below each.
        fp: impostor pairs at or below each.
        edges: of the histogram's bins.
        bins: genuine and impostor pairs in each.
        marks: operating points.
    """

    model: str
    dataset: str
    genuine: int
    impostor: int
    failed: int
    distances: tuple[float, ...]
    tp: tuple[int, ...]
    fp: tuple[int, ...]
    edges: tuple[float, ...]
    bins: tuple[tuple[int, int], ...]
    marks: tuple[Mark, ...]

    @property
    def has_clean_threshold(self) -> bool:
        """Whether the run chose a threshold for these pairs."""
        return any(mark.name == _CLEAN for mark in self.marks)

    @property
    def start(self) -> int:
        """The step at which the slider stands first: at the clean threshold, if there is one."""
        ordered = sorted(self.marks, key=lambda mark: mark.name != _CLEAN)
        return ordered[0].step if ordered else 0

    def as_json(self) -> dict[str, object]:
        """Return what the page's script needs."""
        return {
            "genuine": self.genuine,
            "impostor": self.impostor,
            "distances": self.distances,
            "tp": self.tp,
            "fp": self.fp,
            "low": self.edges[0],
            "high": self.edges[-1],
        }


def sliders(
    clean: Sequence[ScoredPairs], measurements: Sequence[Measurement], models: Sequence[ModelSignature]
) -> Iterator[Slider]:
    """Yield a slider for each file of clean scores that holds both kinds of pairs.

    Args:
        clean: the scores.
        measurements: of the run: where its threshold and its EER lie.
        models: of the run: which threshold they declare.
    """
    declared = {model.name: model.threshold for model in models}
    for each in clean:
        genuine = each.scores.genuine & each.scores.made
        if genuine.any() and (each.scores.made & ~each.scores.genuine).any():
            yield _slider(each, _points(each, measurements, declared.get(each.model)))


def _points(each: ScoredPairs, measurements: Sequence[Measurement], declared: float | None) -> Mapping[str, float]:
    mine = [m for m in measurements if (m.model, m.dataset) == (each.model, each.dataset) and m.conditions.fold is None]
    asked: tuple[tuple[str, str, Conditions], ...] = (
        (_CLEAN, "threshold_distance", DEPLOYED),
        ("equal error rate", "eer_threshold_distance", NON_MATCH),
    )
    found = {
        title: m.value
        for title, name, where in asked
        for m in mine
        if m.name == name and m.conditions.matches(where) and not m.conditions.is_swept
    }
    if declared is not None:
        found["declared threshold"] = declared
    rates = curve(each.scores)
    impostors = int((~each.scores.genuine).sum())
    for fmr in _FMRS:
        if resolvable(impostors, fmr):
            found[f"FMR at most {fmr:g}"] = -fnmr_at_fmr(rates, fmr, impostors=impostors).threshold
    return found


def _slider(each: ScoredPairs, points: Mapping[str, float]) -> Slider:
    scores = each.scores
    distance = -scores.similarity[scores.made]
    grid = np.quantile(distance, np.linspace(0, 1, _STEPS), method="nearest")
    ends = [np.nextafter(distance.min(), -np.inf), distance.max()]
    wanted = np.unique(np.concatenate((grid, ends, [p for p in points.values() if np.isfinite(p)])))
    counts = [confusion(scores, -float(threshold)) for threshold in wanted]
    tp, fp = (tuple(int(getattr(count, name)) for count in counts) for name in ("tp", "fp"))
    edges = np.linspace(distance.min(), distance.max(), _BINS + 1)
    split = [
        np.histogram(-scores.similarity[scores.made & kind], edges)[0] for kind in (scores.genuine, ~scores.genuine)
    ]
    steps = {name: int(np.searchsorted(wanted, point)) for name, point in points.items() if np.isfinite(point)}
    return Slider(
        model=each.model,
        dataset=each.dataset,
        genuine=int(scores.genuine.sum()),
        impostor=int((~scores.genuine).sum()),
        failed=int((~scores.made).sum()),
        distances=tuple(float(d) for d in wanted),
        tp=tp,
        fp=fp,
        edges=tuple(float(edge) for edge in edges),
        bins=tuple((int(g), int(i)) for g, i in zip(*split, strict=True)),
        marks=tuple(
            Mark(name=name, step=step, distance=float(wanted[step]), tp=tp[step], fp=fp[step])
            for name, step in sorted(steps.items(), key=lambda item: item[1])
        ),
    )
