"""The tables behind the graphs of scores: operating points of ROC and DET, and distances in twenty bins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from facecheck.metrics import curve, fnmr_at_fmr, resolvable
from facecheck.report.html.tables import Cell, Table
from facecheck.results.scored_pairs import ScoredPairs

__all__ = ["curve_tables"]

_FMRS = (1e-1, 1e-2, 1e-3, 1e-4)
_BINS = 20
_OF_POINTS = ("model", "FMR asked for", "FMR", "FNMR", "TMR", "threshold, distance")
_OF_BINS = ("model", "distance from", "to", "genuine pairs", "impostor pairs")
_TURNED = "strips"  # the kind of data set that asks about turned heads, which has graphs of its own


def curve_tables(clean: Sequence[ScoredPairs]) -> Iterator[Table]:
    """Yield two tables a data set: what ROC and DET show, and what the histograms show.

    Args:
        clean: the scores of clean images.
    """
    drawn = [each for each in clean if each.kind != _TURNED and 0 < each.scores.genuine.sum() < len(each.scores)]
    for dataset in dict.fromkeys(each.dataset for each in drawn):
        mine = sorted((each for each in drawn if each.dataset == dataset), key=lambda each: each.model)
        points = tuple(row for each in mine for row in _points(each))
        if points:
            yield Table(title=f"{dataset}: ROC and DET", head=_OF_POINTS, rows=points)
        bins = tuple(row for each in mine if each.scores.made.any() for row in _bins(each))
        if bins:
            yield Table(title=f"{dataset}: distances", head=_OF_BINS, rows=bins)


def _points(each: ScoredPairs) -> Iterator[tuple[Cell, ...]]:
    """Yield the operating points that the impostor pairs resolve; failures are non-matches."""
    rates, impostors = curve(each.scores), int((~each.scores.genuine).sum())
    for fmr in _FMRS:
        if resolvable(impostors, fmr):
            point = fnmr_at_fmr(rates, fmr, impostors=impostors)
            values = (point.fmr, point.fnmr, 1 - point.fnmr, -point.threshold)
            yield Cell(each.model), Cell(f"{fmr:g}", fmr), *(Cell(f"{value:.4f}", value) for value in values)


def _bins(each: ScoredPairs) -> Iterator[tuple[Cell, ...]]:
    completed = each.scores.completed()
    distance, genuine = -completed.similarity, completed.genuine
    edges = np.histogram_bin_edges(distance, bins=_BINS)
    counts = zip(*(np.histogram(distance[kind], edges)[0].tolist() for kind in (genuine, ~genuine)), strict=True)
    for low, high, both in zip(edges[:-1].tolist(), edges[1:].tolist(), counts, strict=True):
        yield (
            Cell(each.model),
            *(Cell(f"{edge:.3f}", edge) for edge in (low, high)),
            *(Cell(str(count), count) for count in both),
        )
