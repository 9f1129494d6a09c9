"""What a measurement was made under: one type, with one equality, one match, one wording and one JSON form.

Measuring, limits, sweeps, comparison, summary and report all use it, so that they cannot disagree.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from facecheck.errors import FacecheckError, nearest
from facecheck.specs import spelt_number

__all__ = [
    "ANY",
    "COMPLETED",
    "DEPLOYED",
    "NON_MATCH",
    "RETUNED",
    "Calibration",
    "Conditions",
    "FailureView",
    "ThresholdKind",
]

ThresholdKind = Literal["clean", "retuned", "declared"]
Calibration = Literal["none", "platt", "isotonic"]
FailureView = Literal["non-match", "left out"]
_WORDS: Mapping[str, tuple[str, ...]] = {
    "threshold": get_args(ThresholdKind),
    "failures": get_args(FailureView),
    "calibration": get_args(Calibration),
}
_TEXTS = ("corruption", "stage", "reference", "group", "other_group", "quality", "recipe", "gallery", "sweep")
_WHOLE = ("severity", "fold", "batch", "rank", "levels")
# What a number can be at all, both ends included: lowest, highest and in words. Others are finite.
_RANGES: Mapping[str, tuple[float, float, str]] = {
    "level": (0, math.inf, "0, which is clean, or more"),
    "far": (0, 1, "a fraction, 0 to 1"),
    "yaw_rad": (-math.pi, math.pi, "radians, at most half a turn"),
    "yaw_difference_rad": (0, 2 * math.pi, "radians, 0 or more, at most a turn"),
    "severity": (0, math.inf, "0, which is clean, or more"),
    "fold": (0, math.inf, "0 or more"),
    "batch": (1, math.inf, "1 or more"),
    "rank": (1, math.inf, "1 or more"),
    "fpir": (0, 1, "a fraction, 0 to 1"),
    "discarded": (0, 1, "a fraction, 0 to 1"),
    "probability": (0, 1, "a fraction, 0 to 1"),
    "levels": (1, math.inf, "1 or more"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The conditions of a measurement; what is None does not apply to it.

    Two are equal if all fields are. Where one asks for measurements, :meth:`matches` decides.

    Args:
        corruption: its name; of a composition its identity, such as ``blur:2+jpeg:30``.
        level: of the corruption in its unit, 0 is clean.
        severity: position of the level in the corruption's own order, 0 is clean.
        threshold: ``clean`` was chosen on other people's clean images, ``retuned`` on their degraded ones,
            ``declared`` is the model's own.
        failures: whether a comparison that could not be made is a ``non-match`` or ``left out``.
        far: false accept rate, a fraction.
        yaw_rad: of the head.
        yaw_difference_rad: between the two heads of a pair, absolute.
        fold: number of the fold.
        stage: of the pipeline that was timed.
        batch: images at once.
        reference: model that the measurement is relative to.
        group: of the people, such as ``sex=female``; of an index over all groups the label, ``sex``.
        other_group: that the second person of each pair is in, where it is another.
        rank: the worst at which an identified person stands, 1 is the most similar.
        fpir: false positive identification rate, a fraction.
        quality: by which images are discarded, such as ``detector``.
        discarded: fraction of the comparisons that were discarded.
        calibration: that turned similarities into probabilities.
        probability: predicted, the mean of a group of comparisons.
        recipe: by which several images became one template.
        gallery: that was searched, where there are several.
        sweep: family of corruptions, or ``all corruptions``, over whose levels a mean is taken.
        levels: how many those are.

    Raises:
        FacecheckError: a word that is not known, or a value of another type.

    >>> at = Conditions(corruption="blur", level=3, threshold="clean", failures="non-match")
    >>> at.matches(DEPLOYED), DEPLOYED.matches(at)
    (True, False)
    >>> at.in_words()
    'blur 3, clean threshold'
    """

    corruption: str | None = None
    level: float | None = None
    severity: int | None = None
    threshold: ThresholdKind | None = None
    failures: FailureView | None = None
    far: float | None = None
    yaw_rad: float | None = None
    yaw_difference_rad: float | None = None
    fold: int | None = None
    stage: str | None = None
    batch: int | None = None
    reference: str | None = None
    group: str | None = None
    other_group: str | None = None
    rank: int | None = None
    fpir: float | None = None
    quality: str | None = None
    discarded: float | None = None
    calibration: Calibration | None = None
    probability: float | None = None
    recipe: str | None = None
    gallery: str | None = None
    sweep: str | None = None
    levels: int | None = None

    def __post_init__(self) -> None:
        """Refuse what could never match a measurement, and keep each number in one form."""
        for name, value in self._given():
            object.__setattr__(self, name, _checked(name, value))

    def _given(self) -> list[tuple[str, Any]]:
        return [(name, value) for name in _FIELDS if (value := getattr(self, name)) is not None]

    def matches(self, where: Conditions) -> bool:
        """Whether every condition that ``where`` gives holds here; one that is absent here does not."""
        return all(getattr(self, name) == value for name, value in where._given())

    def __or__(self, more: Conditions) -> Conditions:
        """Return these conditions with those of ``more``, which take precedence."""
        return dataclasses.replace(self, **dict(more._given()))

    def without(self, *names: str) -> Conditions:
        """Return these conditions but for some."""
        return dataclasses.replace(self, **dict.fromkeys(names))

    def __len__(self) -> int:
        """How many conditions are given."""
        return len(self._given())

    @property
    def is_swept(self) -> bool:
        """Whether this is one level of a corruption."""
        return self.corruption is not None and self.level is not None

    @property
    def corrupted(self) -> str:
        """The corruption's identity, which :meth:`facecheck.corruptions.Applied.parse` reads; ``clean`` at level 0."""
        if not self.corruption or not self.level:
            return "clean"
        composed = ":" in self.corruption  # a composition's name holds its levels
        return self.corruption if composed else f"{self.corruption}:{spelt_number(self.level)}"

    @classmethod
    def of_corrupted(cls, identity: str) -> Conditions:
        """Return the conditions that have this :attr:`corrupted`.

        >>> Conditions.of_corrupted("blur:2.5").in_words(), Conditions.of_corrupted("blur:2+jpeg:30").corrupted
        ('blur 2.5', 'blur:2+jpeg:30')
        """
        if identity == "clean":
            return cls()
        name, _, level = identity.rpartition(":")
        if "+" in identity:  # a composition's name holds its levels
            return cls(corruption=identity, level=1.0)
        try:
            return cls(corruption=name, level=float(level))
        except ValueError as error:
            raise FacecheckError(f"{identity!r} is no corruption's identity: expected name:level") from error

    def as_json(self) -> dict[str, str | float | int]:
        """Return what is given, by name."""
        return dict(self._given())

    @classmethod
    def of_json(cls, entry: Mapping[str, object], *, beside: Sequence[str] = ()) -> Conditions:
        """Return what :meth:`as_json` gave.

        Args:
            entry: values by name.
            beside: names that may stand beside the conditions; they are left out.

        Raises:
            FacecheckError: an unknown name, or a value that the name cannot have.
        """
        known = (*beside, *_FIELDS)
        for name in entry:
            if name not in known:
                raise FacecheckError(f"{name!r} is no condition. {nearest(str(name), known)}")
        return cls(**{name: value for name, value in entry.items() if name not in beside})  # type: ignore[arg-type]

    def in_words(self, *, without: Collection[str] = ()) -> str:
        """Return the conditions in words, empty where they are the usual ones.

        Args:
            without: names to leave out.
        """
        told = [_WORDING[name](self) for name, _ in self._given() if name not in without and name in _WORDING]
        return ", ".join(word for word in told if word)


_FIELDS = tuple(field.name for field in dataclasses.fields(Conditions))


def _checked(name: str, value: object) -> str | float | int:
    if name in _WORDS:
        if value not in _WORDS[name]:
            raise FacecheckError(f"{name} {value!r} is unknown. {nearest(str(value), _WORDS[name])}")
        return str(value)
    if name in _TEXTS:
        if not isinstance(value, str) or not value:
            raise FacecheckError(f"{name} must be text, not {value!r}")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise FacecheckError(f"{name} must be a finite number, not {value!r}")
    low, high, words = _RANGES[name]
    if not low <= value <= high:
        raise FacecheckError(f"{name} must be {words}, not {value!r}")
    if name in _WHOLE and value != int(value):
        raise FacecheckError(f"{name} must be a whole number, not {value!r}")
    return int(value) if name in _WHOLE else float(value)


def _corruption_in_words(at: Conditions) -> str:
    composed = at.corruption is None or ":" in at.corruption
    return str(at.corruption) if at.level is None or composed else f"{at.corruption} {spelt_number(at.level)}"


_WORDING: Mapping[str, Callable[[Conditions], str]] = {
    "corruption": _corruption_in_words,
    "level": lambda at: "" if at.corruption else f"level {spelt_number(at.level or 0)}",
    "severity": lambda at: "" if at.corruption else f"severity {at.severity}",
    "threshold": lambda at: f"{at.threshold} threshold",
    "failures": lambda at: "" if at.failures == "non-match" else "completed only",
    "far": lambda at: f"FAR {at.far:g}",
    "yaw_rad": lambda at: f"yaw {at.yaw_rad:g} rad",
    "yaw_difference_rad": lambda at: f"yaw difference {at.yaw_difference_rad:g} rad",
    "fold": lambda at: f"fold {at.fold}",
    "stage": lambda at: "all stages" if at.stage == "all" else str(at.stage),
    "batch": lambda at: f"batch {at.batch}",
    "reference": lambda at: f"against {at.reference}",
    "group": lambda at: f"group {at.group}",
    "other_group": lambda at: f"with {at.other_group}",
    "rank": lambda at: f"rank {at.rank}",
    "fpir": lambda at: f"FPIR {at.fpir:g}",
    "quality": lambda at: f"quality {at.quality}",
    "discarded": lambda at: f"{100 * (at.discarded or 0):g} % discarded",
    "calibration": lambda at: "uncalibrated" if at.calibration == "none" else str(at.calibration),
    "probability": lambda at: f"predicted {at.probability:.3g}",
    "recipe": lambda at: f"templates {at.recipe}",
    "gallery": lambda at: f"gallery {at.gallery}",
    "sweep": lambda at: f"{at.levels or 'all'} levels of {at.sweep}",
    "levels": lambda at: "" if at.sweep else f"{at.levels} levels",
}

ANY = Conditions()
NON_MATCH = Conditions(failures="non-match")
COMPLETED = Conditions(failures="left out")
DEPLOYED = Conditions(threshold="clean", failures="non-match")
RETUNED = Conditions(threshold="retuned", failures="non-match")
