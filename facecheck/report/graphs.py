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

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from facecheck import plots
from facecheck.plots.style import drawing
from facecheck.report import models, pairs, protocols, sweeps
from facecheck.report.graph import Drawn, Graph
from facecheck.results.measurement import Measurement
from facecheck.results.run import Run
from facecheck.results.scored_pairs import ScoredPairs
from facecheck.storage.files import file_stem, writing

__all__ = ["draw", "graphs_of"]

# Of shapes and places, a hundredth of a point is not seen, and what is finer is a third of the file; scales need it.
_PLACE = re.compile(rb"^(?:[MLQC] |<(?:path|use|rect)\b).*$|<text [^>]*>", re.MULTILINE)
_TOO_FINE = re.compile(rb"(?<=\d\.\d\d)\d+")
_LEFT_OUT = re.compile(rb"^\s+|<!--.*?-->\s*|[\x00-\x08\x0b-\x1f]|\xef\xbf[\xbe\xbf]", re.MULTILINE | re.DOTALL)
_FONT = b"font-family: 'DejaVu Sans', sans-serif"
_DPI = 120
_WHITE = 253
_LONGEST = 150  # letters of a file's name
_WIDEST = 40  # letters of a name of a model or data set


def draw(run: Run, clean: Sequence[ScoredPairs], folder: Path, *, part: int = 0, parts: int = 1) -> list[Drawn]:
    """Draw every graph that a run's results hold and return their PNG files, with what each is called.

    Args:
        run: whose graphs are drawn.
        clean: the scores of clean images.
        folder: of the run.
        part: which graphs are drawn, of as many parts; the others are named all the same.
        parts: 1 for all graphs.
    """
    run, clean = _readable(run, clean)
    graphs = folder / "graphs"
    graphs.mkdir(exist_ok=True)
    with drawing():
        taken: set[str] = set()
        drawn = []
        for number, graph in enumerate(graphs_of(run, clean)):
            path = graphs / _stem(graph.name, taken)
            if number % parts == part:
                _save(graph, path)
            drawn.append(Drawn(graph.name, f"Graph: {graph.name}", _of_pixels(path)))
        return drawn


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
    items: list[Measurement | ScoredPairs] = [*run.measurements, *clean]
    names = {each.model for each in items} | {each.dataset for each in items}
    if not any(len(name) > _WIDEST or not name.isprintable() for name in names):
        return run, clean
    shown = {name: _short(name) for name in names}
    measurements = [dataclasses.replace(m, model=shown[m.model], dataset=shown[m.dataset]) for m in run.measurements]
    return (
        dataclasses.replace(run, measurements=tuple(measurements)),
        [dataclasses.replace(each, model=shown[each.model], dataset=shown[each.dataset]) for each in clean],
    )


def _short(name: str) -> str:
    line = "".join(letter if letter.isprintable() else " " for letter in name)
    if line == name and len(line) <= _WIDEST:
        return name
    return f"{line[:_WIDEST]}… {hashlib.sha256(name.encode('utf-8', 'backslashreplace')).hexdigest()[:4]}"


def _stem(name: str, taken: set[str]) -> str:
    """Return what a graph's files are called; of names that would be called alike, each its own."""
    stem = file_stem(name)
    if stem in taken or len(stem) > _LONGEST:
        stem = f"{stem[:_LONGEST]}-{hashlib.sha256(name.encode('utf-8', 'backslashreplace')).hexdigest()[:8]}"
    taken.add(stem)
    return stem


def _of_pixels(path: Path) -> Path:
    return path.with_name(f"{path.name}.png")


def _save(graph: Graph, path: Path) -> Path:
    vector, pixels = path.with_name(f"{path.name}.svg"), _of_pixels(path)
    drawn = io.BytesIO()
    graph.figure.savefig(drawn, format="svg", metadata={"Date": None})
    with writing(vector) as stream:
        stream.write(_shorter(drawn.getvalue()))
    graph.figure.set_layout_engine("none")  # where everything goes is settled now
    with writing(pixels) as stream:
        _pixels(graph.figure).save(stream, "PNG", compress_level=6)
    return pixels


def _shorter(svg: bytes) -> bytes:
    """Return the same picture in fewer bytes, and without letters that XML forbids."""
    svg = svg.replace(_FONT + b"; ", b"").replace(b"; " + _FONT, b"")
    svg = svg.replace(b"</style>", b"text{" + _FONT + b"}</style>", 1)
    return _PLACE.sub(lambda line: _TOO_FINE.sub(b"", line[0]), _LEFT_OUT.sub(b"", svg))


def _pixels(figure: Figure) -> Image.Image:
    """Return a picture of 256 colours: a third of the bytes, and nobody sees it in lines, text and few colours."""
    figure.set_dpi(_DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])  # type: ignore[no-untyped-call]
    reduced = drawn.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    palette = np.array(reduced.getpalette(), dtype=np.uint8)
    palette[palette >= _WHITE] = 255  # the paper is white, whatever the mean of its neighbours is
    reduced.putpalette(palette.tobytes())
    return reduced
