"""``bin:FILE``: insightface's ``.bin``, a pickle of images and of whether two in a row show one person.

Images 2i and 2i+1 are a pair, aligned at 112 px; the ten folds are the tenths of the file, as insightface cuts them.
The file is read without unpickling (:mod:`facecheck.datasets.pickled`), and its images stay in it until the pipeline
reads each from where it lies.

It names nobody: images that genuine pairs connect are one person, and images of the same bytes are one image, so that
people are known in more than one pair of theirs.

Source: deepinsight/insightface, recognition/arcface_torch/eval/verification.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from facecheck.datasets.dataset import Dataset
from facecheck.datasets.people import Linked, folded_by_identity, tenths
from facecheck.datasets.pickled import Array, Stored, content, read_pickle
from facecheck.datasets.places import existing_file
from facecheck.datasets.sizes import SIDE
from facecheck.errors import DatasetError, UnreadableImageError
from facecheck.faces import Face, ImageSource, Pairs, Portion
from facecheck.faces.decoding import file_digest, image_size
from facecheck.specs import Spec

__all__ = ["read_bin"]

_NAMED = 3


def read_bin(spec: Spec) -> Dataset:
    """Open ``bin:FILE``.

    Raises:
        DatasetError: no such file, a pickle of anything else, images that do not fit the pairs, a pair of one image.
    """
    spec.refuse_unknown({"name"})
    if not spec.path:
        raise DatasetError(f"{spec.text!r}: expected a file, bin:FILE")
    file = existing_file(spec, spec.path)
    portions, genuine = _listed(file)
    sources = _sources(file, portions)
    pairs, notes = _pairs(file, sources, genuine)
    aligned, of_size = _size(file, portions[0])
    return Dataset(
        name=spec.options.get("name", file.stem),
        kind="bin",
        spec=spec.text,
        pairs=pairs,
        protocol=f"{len(pairs)} pairs of {file.name}, {_told(pairs)}",
        notes=(*notes, *of_size),
        people_known=False,
        aligned=aligned,
    )


def _told(pairs: Pairs) -> str:
    return "no folds" if pairs.folds is None else f"{len(np.unique(pairs.folds))} folds"


# The file.


def _listed(file: Path) -> tuple[list[Portion], npt.NDArray[np.bool_]]:
    """Return where each image lies, and whether each pair is genuine."""
    whole = read_pickle(file)
    if not (isinstance(whole, tuple | list) and len(whole) == 2 and isinstance(whole[0], tuple | list)):  # noqa: PLR2004
        raise DatasetError(f"{file}: expected a list of images and a list of truth values, as insightface's .bin files")
    images = [_portion(file, number, image) for number, image in enumerate(whole[0])]
    genuine = np.array(list(_truths(file, whole[1])), dtype=np.bool_)
    if len(images) != 2 * len(genuine) or not images:
        raise DatasetError(
            f"{file}: {len(images)} images and {len(genuine)} pairs: expected two images for each pair: the file is "
            "truncated, or it is another"
        )
    return images, genuine


def _portion(file: Path, number: int, image: object) -> Portion:
    stored = image
    if isinstance(image, Array):
        # An encoded image is one row of bytes, however numpy calls its shape.
        stored = image.stored if image.dtype == "u1" and max(image.shape, default=0) == np.prod(image.shape) else None
    if not isinstance(stored, Stored) or stored.kind == "text":
        raise DatasetError(
            f"{file}: image {number} is {_kind(image)}: expected the bytes of a JPEG or PNG file, as a byte string or "
            "an array of uint8"
        )
    return stored.portion


def _kind(value: object) -> str:
    if isinstance(value, Array):
        return f"an array {value.dtype or 'without a type'} {value.shape}"
    return "a text" if isinstance(value, Stored) else f"a {type(value).__name__}"


def _truths(file: Path, listed: object) -> Iterator[bool]:
    if isinstance(listed, Array) and listed.stored is not None:
        yield from map(bool, _bytes(file, listed.stored))
        return
    if not isinstance(listed, tuple | list):
        raise DatasetError(f"{file}: the labels are {_kind(listed)}: expected a list of truth values")
    for number, value in enumerate(listed):
        if isinstance(value, Array) and value.stored is not None and not value.shape:
            yield any(_bytes(file, value.stored))
        elif isinstance(value, int):
            yield bool(value)
        else:
            raise DatasetError(f"{file}: label {number} is {_kind(value)}: expected a truth value")


def _bytes(file: Path, stored: Stored) -> bytes:
    try:
        return content(file, stored)
    except UnreadableImageError as error:
        raise DatasetError(f"{file}: its labels cannot be read: {error}") from error


# Images and people.


def _sources(file: Path, portions: Sequence[Portion]) -> list[ImageSource]:
    """Return each image's source; an image that the file refers to again is called by its first place."""
    first: dict[Portion, int] = {}
    return [
        ImageSource(file, f"{file.name}#{first.setdefault(portion, number)}", portion=portion)
        for number, portion in enumerate(portions)
    ]


class _Image(NamedTuple):
    name: str
    digest: bytes | str


def _pairs(file: Path, sources: Sequence[ImageSource], genuine: npt.NDArray[np.bool_]) -> tuple[Pairs, tuple[str, ...]]:
    position = {source: number for number, source in enumerate(dict.fromkeys(sources))}
    same = [pair for pair in range(len(genuine)) if sources[2 * pair] == sources[2 * pair + 1]]
    if same:
        raise DatasetError(f"{file}: pair {same[0]} compares an image with itself")
    images = [_Image(source.name, _content(source)) for source in position]
    indices = np.array([position[source] for source in sources], dtype=np.int64).reshape(-1, 2)
    subjects, doubts = _subjects(file, images, indices, genuine)
    faces = tuple(Face(source=source, subject=subject) for source, subject in zip(position, subjects, strict=True))
    folds, how = tenths(genuine)
    pairs, changed = folded_by_identity(Pairs(faces, indices, folds), source=file.name)
    return pairs, (*doubts, *how, *changed)


def _content(source: ImageSource) -> bytes | str:
    """Return the hash of an image's bytes; its name where they cannot be read, which the run will say."""
    try:
        return file_digest(source)
    except UnreadableImageError:
        return source.name


def _subjects(
    file: Path, images: Sequence[_Image], indices: npt.NDArray[np.int64], genuine: npt.NDArray[np.bool_]
) -> tuple[list[str], tuple[str, ...]]:
    """Return who is in each image, by the genuine pairs, and by equal bytes unless that contradicts a label."""
    rows = indices.tolist()
    for by_bytes in (True, False):
        linked = Linked(image.name for image in images)
        for a, b in indices[genuine].tolist():
            linked.join(images[a].name, images[b].name)
        first: dict[bytes | str, str] = {}
        for image in images if by_bytes else ():
            linked.join(first.setdefault(image.digest, image.name), image.name)
        wrong = [
            pair
            for pair, (a, b) in enumerate(rows)
            if not genuine[pair] and linked.first(images[a].name) == linked.first(images[b].name)
        ]
        if not wrong:
            return [linked.first(image.name) for image in images], () if by_bytes else (_contradiction(file),)
    # Without equal bytes, images that the file refers to more than once are all that can connect two pairs.
    raise DatasetError(f"{file}: pair {wrong[0]} is labelled as two people, and genuine pairs make one of them")


def _contradiction(file: Path) -> str:
    return (
        f"{file.name}: labels contradict each other where images are equal: each pair's people count as people of "
        "their own, so that intervals take pairs as independent"
    )


def _size(file: Path, portion: Portion) -> tuple[bool, tuple[str, ...]]:
    """Return whether the first image is an aligned crop, and a sentence where it is none."""
    try:
        width, height = image_size(file, portion)
    except UnreadableImageError:
        return True, (f"{file.name}: its first image cannot be read",)
    if (width, height) == (SIDE, SIDE):
        return True, ()
    return False, (f"{file.name}: its images are of {width} x {height} px, not aligned crops of {SIDE} px",)
