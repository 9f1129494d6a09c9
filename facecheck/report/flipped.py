"""Pictures of the pairs that changed sides since the baseline: which those are is known only at the end of a run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from facecheck.corruptions import Applied
from facecheck.datasets import open_dataset
from facecheck.errors import FacecheckError
from facecheck.evaluation.mistakes import keep_picture, picture
from facecheck.faces import ImageSource
from facecheck.faces.columns import names_of
from facecheck.faces.decoding import cut_tile, decode, digest, read
from facecheck.pipeline import find_landmarks
from facecheck.pipeline.work import Inspected
from facecheck.report.privacy import Thumbnails, withheld
from facecheck.results.change import telling_flips, worst_of
from facecheck.results.run import Run
from facecheck.results.shown import FACES

__all__ = ["flipped_pictures"]


def flipped_pictures(run: Run, folder: Path, thumbnails: Thumbnails) -> Mapping[tuple[str, str, str], str]:
    """Draw the images of the pairs that changed sides; return their files by data set, corruption and name.

    What cannot be opened again is left out.

    Args:
        run: with its comparisons.
        folder: of the run.
        thumbnails: whether pictures of real faces are kept.
    """
    wanted: dict[str, set[tuple[str, str]]] = {}
    for change in (change for against in run.against for change in telling_flips(against)):
        names = {name for pair in worst_of(change) for name in pair[:2]}
        wanted.setdefault(change.dataset, set()).update((change.conditions.corrupted, name) for name in names)
    found = {}
    for name, images in wanted.items():
        signed = run.signature.dataset(name)
        if signed is not None and not withheld(signed.spec, thumbnails):
            found.update({(name, *key): file for key, file in _drawn(signed.spec, sorted(images), folder / FACES)})
    return found


def _drawn(spec: str, images: Sequence[tuple[str, str]], folder: Path) -> Iterator[tuple[tuple[str, str], str]]:
    try:
        faces, wanted = open_dataset(spec).faces, {name for _, name in images}
        sources = {name: faces[row].source for row, name in enumerate(names_of(faces)) if name in wanted}
    except FacecheckError:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for condition, name in images:
        with contextlib.suppress(FacecheckError):  # an image that cannot be read is often what changed
            if name in sources:
                corruption = Applied.parse("blur:0" if condition == "clean" else condition)
                yield (condition, name), keep_picture(picture(_degraded(sources[name], corruption)), folder)


def _degraded(source: ImageSource, corruption: Applied) -> Inspected:
    content = read(source)
    whole = decode(content, source.name)
    image = whole if source.tile is None else cut_tile(whole, source.tile)
    landmarks = find_landmarks(image) if corruption.needs_landmarks else None
    return Inspected(source, corruption.apply(image, digest(content, source.tile), landmarks))
