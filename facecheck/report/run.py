"""A run's graphs, drawn from what the run left: the same picture again whenever it is wanted.

Every graph is a PNG to look at and an SVG to zoom into, in ``graphs/`` of the run's folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

from facecheck import plots
from facecheck.record import Record, ScoredPairs, load_scores
from facecheck.report import models, pairs, sweeps
from facecheck.report.graph import Graph

__all__ = ["draw", "graphs_of"]

# The font comes with matplotlib: the same picture on every machine, and no search through the others for each text.
_STYLE: dict[Any, Any] = {"svg.hashsalt": "facecheck", "svg.fonttype": "path", "font.sans-serif": ["DejaVu Sans"]}


def draw(folder: Path) -> list[Path]:
    """Draw every graph that a run's results hold and return their PNG files.

    Raises:
        FacecheckError: the folder holds no results of a run.
    """
    record = Record.read(folder)
    clean = [each for each in load_scores(folder) if each.condition == "clean"]
    graphs = folder / "graphs"
    graphs.mkdir(exist_ok=True)
    return [_save(graph, graphs) for graph in graphs_of(record, clean)]


def graphs_of(record: Record, clean: Sequence[ScoredPairs]) -> Iterator[Graph]:
    """Yield every graph of a run, one after the other: all at once would fill the memory.

    Args:
        record: of the run.
        clean: the scores of clean images.
    """
    colours = plots.model_colours(
        [
            *(m.model for m in record.measurements),
            *(each.model for each in clean),
        ]  # one colour a run, whatever is drawn
    )
    yield from pairs.verification(clean, colours)
    yield from pairs.pose(record, clean, colours)
    yield from sweeps.graphs(record, colours)
    yield from models.graphs(record, colours)


def _save(graph: Graph, folder: Path) -> Path:
    stem = re.sub(r"[^A-Za-z0-9_.=-]+", "-", graph.name)
    with mpl.rc_context(_STYLE):
        graph.figure.savefig(folder / f"{stem}.svg", metadata={"Date": None})
        graph.figure.set_layout_engine("none")  # where everything goes is settled now
        graph.figure.savefig(folder / f"{stem}.png", dpi=140)
    return folder / f"{stem}.png"
