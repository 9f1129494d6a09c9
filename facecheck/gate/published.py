"""Figures that others have published, shown beside what a run measured: a third kind of number, and no yardstick.

``evals/published.toml`` holds them with their sources. A run of a known model on a known set says both by itself, and
whether the published figure lies in its interval. Nothing is judged by it: a published figure has a detector, crops,
and often mirrored vectors of its own. Where the set has another number of pairs, the sentence says that first.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from facecheck.errors import FacecheckError, nearest, printable
from facecheck.results.catalogue import METRICS
from facecheck.results.conditions import DEPLOYED, NON_MATCH, Conditions
from facecheck.results.measurement import Measurement
from facecheck.results.signature import DatasetSignature, ModelSignature, Signature
from facecheck.storage.files import opened_regular

__all__ = ["WITHIN", "Figure", "KnownModel", "KnownSet", "Published", "PublishedError", "beside", "read_published"]

WITHIN = "the published figure lies within the interval"

_MOST_BYTES = 2**22
_EVALS = ("verification", "templates")


class PublishedError(FacecheckError):
    """The file of published figures cannot be used."""


class KnownModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a published model is recognised: by any of these.

    Args:
        specs: kinds of built-in models.
        files: regular expression of a file's whole name.
        sha256: of its file.
    """

    specs: tuple[str, ...] = ()
    files: str = ""
    sha256: tuple[str, ...] = ()


class KnownSet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a published set is recognised.

    Args:
        called: names of data sets.
        pairs: that the published figures were measured on.
        title: for the sentence.
    """

    called: tuple[str, ...]
    pairs: int
    title: str


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    model: str
    source: str
    accuracy: dict[str, float] = {}
    plus_minus: dict[str, float] = {}
    tar_at_far: dict[str, dict[str, float]] = {}


class _Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    models: dict[str, KnownModel]
    sets: dict[str, KnownSet]
    published: tuple[_Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A published number.

    Args:
        model: key of the model.
        dataset: key of the set.
        metric: its name in the results.
        where: conditions of the measurement that it is put beside.
        value: as published, a fraction.
        plus_minus: what is printed after it, a fraction, None if nothing is.
        source: where it stands.
    """

    model: str
    dataset: str
    metric: str
    where: Conditions
    value: float
    plus_minus: float | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The file's content.

    Args:
        models: by key.
        sets: by key.
        figures: of all of them.
    """

    models: Mapping[str, KnownModel]
    sets: Mapping[str, KnownSet]
    figures: tuple[Figure, ...]


def read_published(path: Path) -> Published:
    """Read a file of published figures.

    Raises:
        PublishedError: missing, malformed, a model or set that is not declared, a value that is no fraction.
    """
    try:
        with opened_regular(path, most=_MOST_BYTES) as stream:
            content: Any = tomllib.loads(stream.read().decode())
        parsed = msgspec.convert(content, _Content)
        for known in parsed.models.values():
            re.compile(known.files)
    except (OSError, ValueError, re.error, RecursionError) as error:
        raise PublishedError(f"{path}: not a file of published figures: {error}") from error
    return Published(models=parsed.models, sets=parsed.sets, figures=tuple(_figures(path, parsed)))


def _figures(path: Path, content: _Content) -> Iterator[Figure]:
    for number, entry in enumerate(content.published, 1):
        place = f"{path}, published {number}"
        if entry.model not in content.models:
            raise PublishedError(
                f"{place}: model {entry.model!a} is not declared. {nearest(entry.model, content.models)}"
            )
        told = [("accuracy", DEPLOYED, entry.accuracy)]
        for far, values in entry.tar_at_far.items():
            told.append(("tar_at_far", NON_MATCH | Conditions(far=_fraction(place, "far", far)), values))
        for metric, where, values in told:
            for name, value in values.items():
                if name not in content.sets:
                    raise PublishedError(f"{place}: set {name!a} is not declared. {nearest(name, content.sets)}")
                yield Figure(
                    model=entry.model,
                    dataset=name,
                    metric=metric,
                    where=where,
                    value=_fraction(place, name, value),
                    plus_minus=entry.plus_minus.get(name) if metric == "accuracy" else None,
                    source=entry.source,
                )


def _fraction(place: str, name: str, value: float | str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 < number <= 1:
        raise PublishedError(f"{place}: {name} = {value!a}: expected a fraction, above 0 and at most 1")
    return number


def beside(published: Published, signature: Signature, measurements: Sequence[Measurement]) -> list[str]:
    """Return a sentence for each published figure of the run's models on the run's sets.

    Args:
        published: the figures.
        signature: of the run, which says what its models and data sets are.
        measurements: of the run.
    """
    return [
        sentence
        for model in signature.models
        for dataset in signature.datasets
        for sentence in _told(published, model, dataset, measurements)
    ]


def _told(
    published: Published, model: ModelSignature, dataset: DatasetSignature, measurements: Sequence[Measurement]
) -> Iterator[str]:
    mine = [key for key, known in published.models.items() if _is_model(known, model)]
    its = [key for key, known in published.sets.items() if dataset.name.lower().replace("_", "-") in known.called]
    here = [m for m in measurements if m.eval in _EVALS and (m.model, m.dataset) == (model.name, dataset.name)]
    if not (mine and its and here):
        return
    about = [figure for figure in published.figures if figure.model in mine and figure.dataset in its]
    if not about:
        title = published.sets[its[0]].title
        yield f"{model.name} on {dataset.name}: no published figure of {mine[0]} on {title} is known to this run"
    for figure in about:
        for measured in here:
            # A recipe of templates is told, not asked for: published tables seldom say theirs.
            if measured.name == figure.metric and measured.conditions.without("recipe") == figure.where:
                yield _sentence(figure, measured, dataset, published.sets[figure.dataset])


def _is_model(known: KnownModel, model: ModelSignature) -> bool:
    """Whether a model is the published one, by its weights, its file's name, or its built-in name."""
    kind, _, place = model.spec.partition("?")[0].partition(":")
    if model.contract.get("weights_sha256") in known.sha256 and known.sha256:
        return True
    by_file = bool(known.files and place and re.fullmatch(known.files, Path(place).name, re.IGNORECASE))
    return by_file or (not place and kind in known.specs)


def _sentence(figure: Figure, measured: Measurement, dataset: DatasetSignature, known: KnownSet) -> str:
    title = METRICS[figure.metric].title
    at = f" {figure.where.far:g}" if figure.where.far is not None else ""
    recipe = f", templates {measured.conditions.recipe}," if measured.conditions.recipe else ""
    spread = "" if figure.plus_minus is None else f" +- {figure.plus_minus:.4f}"
    other = dataset.comparisons != known.pairs
    interval = f"[{measured.low:.4f}, {measured.high:.4f}]"
    says = f"{title}{at}{recipe} published {figure.value:.4f}{spread}, here {measured.value:.4f} {interval}"
    whole = f"{measured.model} on {measured.dataset}: {says}: {_verdict(figure, measured, other=other)}"
    if other:
        whole += f": {dataset.comparisons} pairs here, {known.pairs} in {known.title}"
    return printable(f"{whole} ({figure.source})")


def _verdict(figure: Figure, measured: Measurement, *, other: bool) -> str:
    if other:
        return "not of the published set"
    # Both are compared as they are printed: four digits.
    low, value, high = (round(number, 4) for number in (measured.low, figure.value, measured.high))
    if low <= value <= high:
        return WITHIN
    return f"the published figure lies {'above' if value > high else 'below'} the interval"
