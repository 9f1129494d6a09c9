"""The faces that a model gets wrong, as a run keeps them for its page: names and scores, and pictures where allowed.

``faces/*.json`` of the run's folder hold them, a file a model, data set and corruption; the pictures lie beside.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from facecheck.errors import FacecheckError
from facecheck.storage.files import file_stem, opened_regular, write_text

__all__ = ["FACES", "Found", "Mistake", "ShownFace", "ShownFaces", "ShownPair", "StruckPerson", "load_shown"]

FACES = "faces"
_SCHEMA = 1
_MOST = 2**24  # bytes of one file
_PICTURE = re.compile(r"[0-9a-f]{24}\.webp")
Found = Literal["found", "fallback", "no face", "unreadable"]
Mistake = Literal["false match", "false non-match"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFace:
    """An image that a model was wrong about.

    Args:
        name: of the image.
        subject: who it shows.
        picture: file beside this one: the surroundings of the face with its box and landmarks, and the crop that the
            network got; empty if pictures are not allowed, or the image cannot be read.
        found: what the detector said: ``found``, ``fallback`` or ``no face``; ``unreadable``.
        yaw_rad: of the head, None if unknown.
    """

    name: str
    subject: str
    picture: str = ""
    found: Found = "found"
    yaw_rad: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPair:
    """A pair that a model judges wrongly.

    Args:
        mistake: which.
        first: of the images.
        second: of the images.
        similarity: of both, None where there is none.
        threshold: that it was judged at, on the similarity.
    """

    mistake: Mistake
    first: ShownFace
    second: ShownFace
    similarity: float | None
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StruckPerson:
    """Somebody about whom a model is often wrong.

    Args:
        subject: who.
        rejected: genuine pairs that did not match.
        genuine: of so many.
        confused: impostor pairs that matched.
        impostor: of so many.
    """

    subject: str
    rejected: int
    genuine: int
    confused: int
    impostor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFaces:
    """What one model gets wrong on one data set under one corruption.

    Args:
        model: name of the recogniser.
        dataset: name of the data set.
        condition: identity of the corruption, ``clean`` for none.
        threshold: which one the pairs were judged at: ``clean`` or ``declared``.
        false_matches: of how many impostor pairs there were.
        false_non_matches: of how many genuine pairs there were.
        pairs: the worst of each kind.
        failed: images without a vector, the first of them.
        failures: how many there are.
        people: those that it fails most.
        withheld: why there are no pictures, empty if there are.
    """

    model: str
    dataset: str
    condition: str
    threshold: str
    false_matches: int
    false_non_matches: int
    pairs: tuple[ShownPair, ...] = ()
    failed: tuple[ShownFace, ...] = ()
    failures: int = 0
    people: tuple[StruckPerson, ...] = ()
    withheld: str = ""

    @property
    def errors(self) -> int:
        """How many pairs are judged wrongly."""
        return self.false_matches + self.false_non_matches

    @property
    def shown(self) -> Iterator[ShownFace]:
        """Every image."""
        for pair in self.pairs:
            yield from (pair.first, pair.second)
        yield from self.failed

    def write(self, folder: Path) -> Path:
        """Write the file into ``faces/`` of a run's folder, which is there, and return its path.

        Raises:
            OSError: it cannot be written.
        """
        key = "__".join((self.model, self.dataset, self.condition))
        path = folder / FACES / f"{file_stem(key, most=100)}__{_exact(key)}.json"
        content = {"schema": _SCHEMA, **msgspec.to_builtins(self)}
        return write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def _exact(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "backslashreplace")).hexdigest()[:8]


def load_shown(folder: Path) -> list[ShownFaces]:
    """Return what a run kept, by model, data set and corruption; none if it kept nothing.

    Args:
        folder: of the run.

    Raises:
        FacecheckError: a file is damaged, or names a picture outside its folder.
    """
    return [_read(path) for path in sorted((folder / FACES).glob("*.json"))]


def _read(path: Path) -> ShownFaces:
    try:
        with opened_regular(path, most=_MOST) as stream:
            return _checked(msgspec.json.decode(stream.read()))
    except (FacecheckError, OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise FacecheckError(f"{path}: not faces of a facecheck run: {error}") from error


def _checked(content: dict[str, object]) -> ShownFaces:
    if content.get("schema") != _SCHEMA:
        raise FacecheckError(f"schema {content.get('schema')!r}, this facecheck reads {_SCHEMA}")
    found = msgspec.convert(content, ShownFaces)
    for face in found.shown:
        if face.picture and not _PICTURE.fullmatch(face.picture):
            raise FacecheckError(f"{face.picture[:40]!r} is no name of a picture")
    return found
