"""A part of the images of a data set, where several runs without a cluster share the work."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TextIO

from facecheck.corruptions import Applied
from facecheck.errors import FacecheckError
from facecheck.faces import Face, ImageSource
from facecheck.models.recognizer import Recognizer
from facecheck.pipeline.executor import Threads, cores
from facecheck.pipeline.outcomes import Outcome
from facecheck.pipeline.pipeline import Pipeline
from facecheck.storage.cache import Cache, CacheWarning

__all__ = ["Filled", "Shard", "fill"]

_FORM = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several parts that do not overlap and together are all images.

    Args:
        number: from 1.
        count: of all parts.
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``3/16``.

        Raises:
            FacecheckError: not of this form, or a part that is none of so many.

        >>> Shard.parse("3/16")
        Shard(number=3, count=16)
        """
        matched = _FORM.fullmatch(text)
        number, count = map(int, matched.groups()) if matched else (0, 0)
        if not 1 <= number <= count:
            raise FacecheckError(
                f"shard {text[:30]!r}: expected NUMBER/COUNT such as 3/16, the third of sixteen, from 1/16 to 16/16"
            )
        return cls(number, count)

    def part(self, faces: Sequence[Face], batch: int) -> list[Face]:
        """Return the faces of this part: every ``count``-th batch of the images, in their order.

        Whole batches are dealt, of the size that one run over all images would make. The last bits of a vector depend
        on the size of its batch, so that a run over all, and shards of it, give the same vectors to the bit.

        Args:
            faces: of the data set.
            batch: images in one; parts differ in size by one batch at most.
        """
        mine = {
            source for place, source in enumerate(_sources(faces)) if place // batch % self.count == self.number - 1
        }
        return [face for face in faces if face.source in mine]

    def __str__(self) -> str:
        """Return what :meth:`parse` reads."""
        return f"{self.number}/{self.count}"


@dataclass(frozen=True, slots=True)
class Filled:
    """What a shard has put into the cache.

    Args:
        images: of its part, each once.
        of: of the whole data set.
        unreadable: of its part; nothing is kept of them, and the last run reads them again.
    """

    images: int
    of: int
    unreadable: int


def fill(
    recognizer: Recognizer,
    faces: Sequence[Face],
    corruption: Applied,
    *,
    shard: Shard,
    cache: Cache,
    terminal: TextIO | None = None,
) -> Filled:
    """Compute a shard's part, and keep it.

    Args:
        recognizer: the model.
        faces: of the whole data set.
        corruption: applied to every image.
        shard: which part.
        cache: that is filled.
        terminal: where progress is drawn, or None.

    Raises:
        FacecheckError: the cache cannot keep it.
    """
    if not cache.writable:
        raise FacecheckError(f"{cache.path}: cannot be written, so that a shard has no place for its results")
    images = len(_sources(faces))
    batch = Threads(cores()).size(images, recognizer.device)
    part = shard.part(faces, batch)
    with warnings.catch_warnings():
        warnings.simplefilter("error", CacheWarning)
        try:
            found = Pipeline(cache=cache, batch=batch, terminal=terminal).run(recognizer, part, corruption=corruption)
            size = cache.size_bytes()
        except CacheWarning as warning:
            raise FacecheckError(str(warning)) from warning
    if size > cache.max_bytes:
        raise FacecheckError(
            f"{cache.path}: takes {size / 2**30:.1f} GiB, and what exceeds {cache.max_bytes / 2**30:g} is removed: "
            "give more with --facecheck-cache-size, or make more shards"
        )
    rows = zip(found.faces, found.outcomes, strict=True)
    unreadable = {face.source for face, outcome in rows if outcome == Outcome.UNREADABLE}
    return Filled(len(_sources(part)), images, len(unreadable))


def _sources(faces: Iterable[Face]) -> list[ImageSource]:
    """Return every image once, in the order of the faces."""
    return list(dict.fromkeys(face.source for face in faces))
