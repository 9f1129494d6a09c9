"""A run's graphs, drawn from what the run left: the same picture again whenever it is wanted.

Every graph is a PNG to look at and an SVG to zoom into, in ``graphs/`` of the run's folder.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from facecheck import plots
from facecheck.plots.style import drawing
from facecheck.report import models, pairs, protocols, sweeps
from facecheck.report.graph import Drawn, Graph
from facecheck.results.run import Run
from facecheck.results.scored_pairs import ScoredPairs
from facecheck.storage.files import file_stem, writing

__all__ = ["draw", "graphs_of"]

# In the lines of paths, a hundredth of a point is not seen, and what is finer is a third of the file.
_PATH = re.compile(rb'^(?:[MLQC] |<path[^>]* d="M ).*$', re.MULTILINE)
_TOO_FINE = re.compile(rb"(\d\.\d\d)\d+")
_LONGEST = 150  # letters of a file's name
_WIDEST = 40  # letters of a model's name


def draw(run: Run, clean: Sequence[ScoredPairs], folder: Path) -> list[Drawn]:
    """Draw every graph that a run's results hold and return their PNG files, with what each is called.

    Args:
        run: whose graphs are drawn.
        clean: the scores of clean images.
        folder: of the run.
    """
    run, clean = _readable(run, clean)
    graphs = folder / "graphs"
    graphs.mkdir(exist_ok=True)
    with drawing():
        taken: set[str] = set()
        return [
            Drawn(graph.name, f"Graph: {graph.name}", _save(graph, graphs / _stem(graph.name, taken)))
            for graph in graphs_of(run, clean)
        ]


def graphs_of(run: Run, clean: Sequence[ScoredPairs]) -> Iterator[Graph]:
    """Yield every graph of a run, one after the other: all at once would fill the memory.

    Args:
        run: whose graphs are drawn.
        clean: the scores of clean images.
    """
    colours = plots.model_colours(
        [
            *(m.model for m in run.measurements),
            *(each.model for each in clean),
        ]  # one colour a run, whatever is drawn
    )
    yield from pairs.verification(clean, colours)
    yield from pairs.pose(run, clean, colours)
    yield from sweeps.graphs(run, colours)
    yield from models.graphs(run, colours)
    yield from protocols.graphs(run, colours)


def _readable(run: Run, clean: Sequence[ScoredPairs]) -> tuple[Run, Sequence[ScoredPairs]]:
    """Return both with names that fit into a graph: on one line, and not longer than the graph is wide."""
    models = {m.model for m in run.measurements} | {each.model for each in clean}
    if not any(len(model) > _WIDEST or not model.isprintable() for model in models):
        return run, clean
    shown = {model: _short(model) for model in models}
    measurements = [dataclasses.replace(m, model=shown[m.model]) for m in run.measurements]
    return (
        dataclasses.replace(run, measurements=tuple(measurements)),
        [dataclasses.replace(each, model=shown[each.model]) for each in clean],
    )


def _short(model: str) -> str:
    line = "".join(letter if letter.isprintable() else " " for letter in model)
    if line == model and len(line) <= _WIDEST:
        return model
    return f"{line[:_WIDEST]}… {hashlib.sha256(model.encode('utf-8', 'backslashreplace')).hexdigest()[:4]}"


def _stem(name: str, taken: set[str]) -> str:
    """Return what a graph's files are called; of names that would be called alike, each its own."""
    stem = file_stem(name)
    if stem in taken or len(stem) > _LONGEST:
        stem = f"{stem[:_LONGEST]}-{hashlib.sha256(name.encode('utf-8', 'backslashreplace')).hexdigest()[:8]}"
    taken.add(stem)
    return stem


def _save(graph: Graph, path: Path) -> Path:
    vector, pixels = path.with_name(f"{path.name}.svg"), path.with_name(f"{path.name}.png")
    drawn = io.BytesIO()
    graph.figure.savefig(drawn, format="svg", metadata={"Date": None})
    with writing(vector) as stream:
        stream.write(_PATH.sub(lambda line: _TOO_FINE.sub(rb"\1", line[0]), drawn.getvalue()))
    graph.figure.set_layout_engine("none")  # where everything goes is settled now
    with writing(pixels) as stream:
        graph.figure.savefig(stream, format="png", dpi=140, pil_kwargs={"compress_level": 4})
    return pixels
