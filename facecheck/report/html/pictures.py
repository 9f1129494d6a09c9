"""The pictures of a page: which file, what it shows in words, how large it is."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from facecheck.errors import FacecheckError
from facecheck.report.graph import Drawn
from facecheck.storage.files import opened_regular

__all__ = ["Picture", "as_data", "graph_of", "pictures"]

_SIZE = re.compile(rb'viewBox="0 0 ([\d.]+) ([\d.]+)"')
_HEAD = 4096  # bytes of a file in which its size stands
_LARGE = 250_000  # bytes of an SVG from which pixels may be less
_MANY_PANELS = 1000  # CSS pixels: of a graph that has several panels side by side
_TALL = 2.0  # heights of a width from which a picture is folded away
_WIDE = 1.9  # widths of a height from which a picture takes the whole line
_POINT = 96 / 72  # CSS pixels
_TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp"}
_BEGINS = {".svg": b"<?xml", ".png": b"\x89PNG", ".webp": b"RIFF"}
_MOST = 2**25  # bytes of one picture
# The graph that shows a metric, by the end of its name; other graphs end with the metric itself, or the first shows it.
_GRAPH_OF = {
    **dict.fromkeys(("precision", "recall", "f1", "eer"), "rates"),
    **dict.fromkeys(("genuine_distance_mean", "impostor_distance_mean"), "distances"),
    "detection_rate": "detection",
}
# What a reader looks at first: the ends of graphs' names.
_FIRST = (
    "accuracy",
    "roc",
    "det",
    "heat map",
    "distance",
    "change",
    "bars",
    "trade-off",
    "stages",
    "detection_rate",
    "fnmr",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture of the page.

    Args:
        file: path within the run's folder.
        title: what it is called.
        words: what it shows, for those who do not see it.
        width: CSS pixels.
        height: CSS pixels.
        is_photo: whether it shows photographs, whose colours must stay.
        lead: whether it is among those that a reader looks at first.
    """

    file: str
    title: str
    words: str
    width: int
    height: int
    is_photo: bool = False
    lead: bool = False

    @property
    def anchor(self) -> str:
        """What a link within the page calls it."""
        return f"graph-{Path(self.file).stem}"

    @property
    def is_wide(self) -> bool:
        """Whether it takes a whole line."""
        return self.width > _WIDE * self.height or self.has_many_panels

    @property
    def has_many_panels(self) -> bool:
        """Whether it is scrolled on a narrow screen, since its letters would become too small."""
        return self.width > _MANY_PANELS

    @property
    def is_tall(self) -> bool:
        """Whether it is folded away."""
        return self.height > _TALL * self.width


def pictures(folder: Path, drawn: Iterable[Drawn]) -> dict[str, list[Picture]]:
    """Return the pictures of each eval, the first word of a graph's name, the important first.

    Args:
        folder: of the run.
        drawn: its graphs.
    """
    found: dict[str, list[Picture]] = {}
    for each in drawn:
        eval_name, _, rest = each.name.partition(" ")
        found.setdefault(eval_name, []).append(_picture(folder, each, rest))
    for group in found.values():
        group.sort(key=lambda picture: (not picture.lead, picture.is_photo, picture.has_many_panels))
    return found


def graph_of(found: Sequence[Picture], dataset: str, metric: str) -> str:
    """Return the anchor of the graph that shows a metric of a data set, empty if there is none.

    Args:
        found: pictures of one eval, the important first.
        dataset: name.
        metric: name.
    """
    mine = [picture for picture in found if dataset in picture.title and not picture.is_photo]
    named = _GRAPH_OF.get(metric, metric)
    return next((picture.anchor for picture in mine if picture.title.endswith(named)), mine[0].anchor if mine else "")


def _picture(folder: Path, each: Drawn, rest: str) -> Picture:
    pixels = each.picture
    vector = pixels.with_suffix(".svg") if pixels.suffix == ".png" else pixels
    if vector.is_file():
        large = vector.stat().st_size > _LARGE
        chosen = min((vector, pixels), key=lambda path: path.stat().st_size) if large else vector
        width, height = _vector_size(vector)
    else:
        chosen = pixels
        with Image.open(pixels) as opened:
            width, height = opened.size
    return Picture(
        file=chosen.relative_to(folder).as_posix(),
        title=rest,
        words=f"{each.title}. The numbers are in the tables of this eval.",
        width=width,
        height=height,
        is_photo=each.is_photo,
        lead=rest.endswith(_FIRST) and not each.is_photo,
    )


def _vector_size(path: Path) -> tuple[int, int]:
    with path.open("rb") as stream:
        found = _SIZE.search(stream.read(_HEAD))
    if found is None:
        return 640, 480
    return round(float(found[1]) * _POINT), round(float(found[2]) * _POINT)


def as_data(path: Path) -> str:
    """Return a picture as a data URI.

    Raises:
        FacecheckError: it is a link, or no picture of its kind: the file would leave the machine in the page.
    """
    try:
        if path.is_symlink():
            raise FacecheckError(f"{path}: a link: expected a picture of the run")
        with opened_regular(path, most=_MOST) as stream:
            content = stream.read()
    except OSError as error:
        raise FacecheckError(f"{path}: cannot be put into the page: {error.strerror or error}") from error
    if not content.startswith(_BEGINS[path.suffix]):
        raise FacecheckError(f"{path}: no picture as its name says")
    return f"data:{_TYPES[path.suffix]};base64,{base64.b64encode(content).decode()}"
