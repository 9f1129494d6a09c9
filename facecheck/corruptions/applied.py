"""Corruptions at given levels, single or composed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from facecheck.corruptions.corruption import Given, Landmarks
from facecheck.corruptions.table import CORRUPTIONS
from facecheck.errors import FacecheckError, nearest
from facecheck.faces import Image
from facecheck.specs import spelt_number

__all__ = ["CLEAN", "Applied"]

_PART = re.compile(r"(?P<name>[^:+]+):(?P<level>-?[0-9]+(\.[0-9]+)?)")


@dataclass(frozen=True, slots=True)
class Applied:
    """A corruption at a level, or a composition of several.

    Args:
        name: of the corruption; for a composition the names joined by ``+``.
        level: 0 is clean; 1 for a composition.
        parts: of a composition, in the order of application; :meth:`composed` fills them in.

    Raises:
        FacecheckError: an unknown corruption, or a level at which it is not defined.
        ValueError: parts that do not fit the name.

    >>> Applied("blur", 2.0).identity
    'blur:2'
    >>> Applied.parse("blur:2+jpeg:30").name
    'blur+jpeg'
    """

    name: str
    level: float
    parts: tuple[Applied, ...] = ()

    def __post_init__(self) -> None:
        """Refuse at once what cannot be applied, not in the middle of a run."""
        if self.parts:
            self._check_parts()
        elif self.name not in CORRUPTIONS:
            raise FacecheckError(f"corruption {self.name!r} is unknown. {nearest(self.name, CORRUPTIONS)}")
        elif self.level and self.level not in CORRUPTIONS[self.name].domain:
            entry = CORRUPTIONS[self.name]
            usual = ", ".join(map(spelt_number, entry.levels[1:]))
            raise FacecheckError(
                f"corruption {self.name!r}: expected a level that is {entry.domain}, or 0 for clean, not "
                f"{spelt_number(self.level)} ({entry.unit}; its usual levels are {usual})"
            )

    def _check_parts(self) -> None:
        several = len(self.parts) > 1 and all(part.level and not part.parts for part in self.parts)
        if not several or (self.name, self.level) != ("+".join(part.name for part in self.parts), 1):
            raise ValueError("expected two or more degrading parts, their names joined by +, and level 1")

    @classmethod
    def composed(cls, parts: Iterable[Applied]) -> Applied:
        """Return the composition that applies these in order; clean ones are left out.

        >>> Applied.composed([Applied("blur", 0), Applied("jpeg", 30)])
        Applied(name='jpeg', level=30, parts=())
        """
        flat = tuple(step for part in parts for step in part.steps)
        if len(flat) > 1:
            return cls("+".join(step.name for step in flat), 1.0, flat)
        return flat[0] if flat else CLEAN

    @classmethod
    def parse(cls, text: str) -> Applied:
        """Read an identity: ``clean``, ``name:level``, or several of these joined by ``+``.

        Raises:
            FacecheckError: not of this form, an unknown corruption, or a level at which it is not defined.

        >>> Applied.parse("blur:2+jpeg:30").identity
        'blur:2+jpeg:30'
        """
        if text == CLEAN.identity:
            return CLEAN
        return cls.composed([cls._parse_part(part, text) for part in text.split("+")])

    @classmethod
    def _parse_part(cls, part: str, text: str) -> Applied:
        matched = _PART.fullmatch(part.strip())
        if not matched:
            raise FacecheckError(
                f"corruption {text!r}: expected name:level such as blur:2, or several joined by + such as "
                f"blur:2+jpeg:30, not {part!r}"
            )
        return cls(matched["name"], float(matched["level"]))

    @property
    def steps(self) -> tuple[Applied, ...]:
        """The single corruptions in the order of application, none if clean."""
        return self.parts or ((self,) if self.level else ())

    @property
    def identity(self) -> str:
        """Names and levels in the form that :meth:`parse` reads; ``clean`` for every clean image."""
        return "+".join(f"{step.name}:{spelt_number(step.level)}" for step in self.steps) or "clean"

    @property
    def needs_landmarks(self) -> bool:
        """Whether a position or a size depends on the face's landmarks."""
        return any(CORRUPTIONS[step.name].needs_landmarks for step in self.steps)

    def apply(self, image: Image, digest: bytes, landmarks: Landmarks | None = None) -> Image:
        """Return the degraded image; a clean corruption returns the same object.

        The first part of a composition has the same effect as alone: the generator of each part is seeded by all
        parts up to it. If a part changes the image's size, the landmarks are scaled with it.

        Args:
            image: ``(h, w, 3)`` uint8. It is not changed.
            digest: identifies the image; seeds the generator.
            landmarks: ``(5, 2)`` in the clean image, as in :class:`~facecheck.corruptions.Given`. None, or a value
                that is not finite, means that the position of the face is unknown: then a centred face is
                assumed, and sizes are those of a face of 224 px.

        Raises:
            ValueError: an image or landmarks of a wrong shape.
        """
        _refuse_other_shapes(image, landmarks)
        points = landmarks if landmarks is not None and np.isfinite(landmarks).all() else None
        for number, step in enumerate(self.steps, start=1):
            so_far = Applied.composed(self.steps[:number]).identity
            given = Given(_generator(so_far, digest), points)
            degraded = CORRUPTIONS[step.name].function(np.ascontiguousarray(image), step.level, given)
            points = _moved(points, image, degraded)
            image = degraded
        return image


CLEAN = Applied("blur", 0.0)


def _generator(identity: str, digest: bytes) -> np.random.Generator:
    seed = hashlib.sha256(identity.encode() + digest).digest()
    return np.random.default_rng(int.from_bytes(seed, "little"))


def _moved(points: Landmarks | None, before: Image, after: Image) -> Landmarks | None:
    if points is None or before.shape == after.shape:
        return points
    factor = np.array([after.shape[1] / before.shape[1], after.shape[0] / before.shape[0]])
    return np.asarray(points * factor, dtype=np.float32)


def _refuse_other_shapes(image: Image, landmarks: Landmarks | None) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:  # noqa: PLR2004 - RGB
        raise ValueError(f"expected an image (h, w, 3) of uint8, not {image.shape} of {image.dtype}")
    if landmarks is not None and landmarks.shape != (5, 2):
        raise ValueError(f"expected landmarks (5, 2), not {landmarks.shape}")
