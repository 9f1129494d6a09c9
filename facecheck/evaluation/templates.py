"""Templates: several images of one person made one vector, compared 1:1 and searched 1:N, as IJB-B and IJB-C ask.

A recipe says how a template is made of its images, and belongs to every result. The published ones differ in three
choices: whether the mirrored crop's vector is added; whether an image's vector keeps its norm, which is larger for
clear faces, or is scaled to length one; whether it is weighted with the detector's score. Then, in all of them, the
mean is taken over the images of one medium, so that a long video counts once, the sum over media, and the sum is scaled
to length one.

Source: deepinsight/insightface, recognition/_evaluation_/ijb/ijb_evals.py; Whitelam et al., IJB-B, CVPRW 2017.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from facecheck.errors import FacecheckError
from facecheck.metrics.curves import resolvable
from facecheck.metrics.identification import Searches, search

__all__ = [
    "FARS",
    "FarPoint",
    "PairScores",
    "Pooled",
    "Recipe",
    "at_far",
    "nearest_far",
    "pair_scores",
    "pool",
    "searched",
]

Vectors = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]
Norm = Literal["kept", "unit"]
Weight = Literal["none", "score"]

FARS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
_AT_ONCE = 2**14  # images whose vectors are weighted at once
_SEARCHED = 2**24  # similarities of a search that are held at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a template's vector is made of its images'.

    Args:
        flip: whether the mirrored crop's vector is added to the crop's.
        norm: ``kept``, or ``unit`` for images of length one.
        weight: ``score`` of the detector, or ``none``.
    """

    flip: bool = True
    norm: Norm = "kept"
    weight: Weight = "score"

    @property
    def name(self) -> str:
        """All three choices in a word.

        >>> Recipe(norm="unit", weight="none").name
        'flip+unit+none'
        """
        return f"{'flip' if self.flip else 'plain'}+{self.norm}+{self.weight}"

    @classmethod
    def parse(cls, text: str) -> Recipe:
        """Return the recipe of a name.

        Raises:
            FacecheckError: it is none.

        >>> Recipe.parse("plain+kept+none")
        Recipe(flip=False, norm='kept', weight='none')
        """
        for flip in (True, False):
            for norm in get_args(Norm):
                for weight in get_args(Weight):
                    recipe = cls(flip=flip, norm=norm, weight=weight)
                    if recipe.name == text:
                        return recipe
        raise FacecheckError(f"recipe {text!r}: expected flip or plain, kept or unit, score or none: flip+kept+score")

    def applied(self, plain: Vectors, mirrored: Vectors, scores: Vectors) -> npt.NDArray[np.float64]:
        """Return what each image adds to its medium, ``(n, d)``.

        Args:
            plain: ``(n, d)`` of the crops.
            mirrored: ``(n, d)`` of the mirrored crops.
            scores: ``(n,)`` of the detector.
        """
        vectors = plain.astype(np.float64) + (mirrored if self.flip else 0)
        if self.norm == "unit":
            vectors = _unit(vectors)
        return vectors * scores[:, None] if self.weight == "score" else vectors


def _unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1))


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """The templates of a set.

    Args:
        templates: ``(t,)`` their numbers, rising.
        vectors: ``(t, d)`` of length one, zeros where a template has no image with a vector.
    """

    templates: Numbers
    vectors: Vectors

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """Whether each template has a vector, ``(t,)``."""
        return np.asarray(self.vectors.any(axis=1))

    def rows(self, templates: Numbers) -> Numbers:
        """Return the rows of templates.

        Raises:
            ValueError: a template that has no images.
        """
        rows = np.minimum(np.searchsorted(self.templates, templates), len(self.templates) - 1)
        missing = np.flatnonzero(self.templates[rows] != templates)
        if len(missing):
            raise ValueError(f"template {int(templates[missing[0]])} has no images")
        return rows.astype(np.int64)


class _Images(NamedTuple):
    """The vectors of the images of a set.

    Args:
        plain: ``(n, d)``, NaN where an image has none.
        mirrored: likewise, of the mirrored crops.
        scores: ``(n,)`` of the detector.
        templates: ``(n,)``.
        media: ``(n,)``.
    """

    plain: Vectors
    mirrored: Vectors
    scores: Vectors
    templates: Numbers
    media: Numbers


def pool(
    recipe: Recipe, plain: Vectors, mirrored: Vectors, *, scores: Vectors, templates: Numbers, media: Numbers
) -> Pooled:
    """Return the templates of a set: the mean of each medium's images, summed over media, scaled to length one.

    Images without a vector are left out; a template that has no other gets zeros, and no comparison.

    Args:
        recipe: how an image's vector is taken.
        plain: ``(n, d)`` of the crops, NaN where there is none.
        mirrored: ``(n, d)`` of the mirrored crops.
        scores: ``(n,)`` of the detector.
        templates: ``(n,)`` numbers.
        media: ``(n,)`` numbers; those of two templates are two media.

    >>> one = np.array([[1, 0], [0, 1], [0, 1]], dtype=np.float32)
    >>> numbers = np.array([7, 7, 7]), np.array([1, 2, 2])
    >>> plain = Recipe(flip=False, norm="kept", weight="none")
    >>> pool(plain, one, one, scores=np.ones(3, np.float32), templates=numbers[0], media=numbers[1]).vectors.round(3)
    array([[0.707, 0.707]], dtype=float32)
    """
    images = _Images(plain, mirrored, scores, templates, media)
    order = np.lexsort((media, templates))
    numbers, first = np.unique(templates[order], return_index=True)
    pooled = np.zeros((len(numbers), plain.shape[1]), dtype=np.float32)
    ends = np.append(first[1:], len(order))
    for start, end in _portions(first, ends):
        chosen = order[first[start] : ends[end - 1]]
        pooled[start:end] = _summed(recipe, images, chosen, first[start:end] - first[start])
    return Pooled(numbers, pooled)


def _portions(first: Numbers, ends: Numbers) -> Iterator[tuple[int, int]]:
    """Yield ranges of templates that have at most so many images together, one at least."""
    start = 0
    while start < len(first):
        end = int(np.searchsorted(ends, first[start] + _AT_ONCE, side="right"))
        end = max(end, start + 1)
        yield start, end
        start = end


def _summed(recipe: Recipe, images: _Images, rows: Numbers, first: Numbers) -> npt.NDArray[np.float64]:
    """Return the vectors of some templates, whose images are the rows, in the order of templates and media.

    Args:
        recipe: how an image's vector is taken.
        images: all of them.
        rows: of the images of these templates.
        first: place in the rows where each template begins.
    """
    has = np.isfinite(images.plain[rows]).all(axis=1)
    vectors = np.zeros((len(rows), images.plain.shape[1]))
    some = rows[has]
    vectors[has] = recipe.applied(images.plain[some], images.mirrored[some], images.scores[some])
    template = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(rows))))
    medium = images.media[rows]
    starts = np.flatnonzero(np.append(True, (template[1:] != template[:-1]) | (medium[1:] != medium[:-1])))
    counts = np.add.reduceat(has.astype(np.int64), starts)
    means = np.add.reduceat(vectors, starts, axis=0) / np.maximum(counts, 1)[:, None]
    of_template = np.flatnonzero(np.append(True, np.diff(template[starts]) > 0))
    return _unit(np.add.reduceat(means, of_template, axis=0))


# 1:1.


@dataclass(frozen=True, slots=True, eq=False)
class PairScores:
    """The cosines of all listed pairs of templates; ``-inf`` where a template has no vector.

    Args:
        genuine: ``(g,)``, in the order of the list.
        impostor: ``(i,)``, falling.
        templates: ``(g,)`` the first template of each genuine pair.
    """

    genuine: Vectors
    impostor: Vectors
    templates: Numbers


def pair_scores(pooled: Pooled, blocks: Iterable[tuple[int, Numbers]]) -> PairScores:
    """Return the cosine of every listed pair of templates.

    Args:
        pooled: the templates.
        blocks: ``(k, 3)`` two templates and the label, with the line of the first.

    Raises:
        FacecheckError: a template without images is compared.
    """
    genuine, impostor, templates = [np.empty(0, np.float32)], [np.empty(0, np.float32)], [np.empty(0, np.int64)]
    for line, block in blocks:
        try:
            first, second = pooled.rows(block[:, 0]), pooled.rows(block[:, 1])
        except ValueError as error:
            raise FacecheckError(f"the list of pairs, from line {line} on: {error}") from error
        scores, same = _cosines(pooled, first, second), block[:, 2] == 1
        genuine.append(scores[same])
        impostor.append(scores[~same])
        templates.append(block[same, 0])
    falling = np.sort(np.concatenate(impostor))[::-1]
    return PairScores(np.concatenate(genuine), falling, np.concatenate(templates))


def _cosines(pooled: Pooled, first: Numbers, second: Numbers) -> Vectors:
    cosine = np.empty(len(first), dtype=np.float32)
    for start in range(0, len(first), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        cosine[part] = np.einsum("nd,nd->n", pooled.vectors[first[part]], pooled.vectors[second[part]])
    cosine[~(pooled.found[first] & pooled.found[second])] = -np.inf
    return cosine


class FarPoint(NamedTuple):
    """Rates observed at a threshold: what is more alike than ``above`` matches.

    Args:
        above: similarity that a pair must exceed.
        far: fraction of impostor pairs that match.
        tar: fraction of genuine pairs that match.
    """

    above: float
    far: float
    tar: float


def at_far(genuine: Vectors, impostor: Vectors, far: float) -> FarPoint:
    """Return the highest TAR at which the FAR is at most the one asked for.

    Args:
        genuine: similarities.
        impostor: similarities, falling.
        far: fraction, resolved by the impostor pairs: at least one in their number.

    Raises:
        ValueError: no genuine pair, or too few impostor pairs to resolve the FAR.

    Source: ISO/IEC 19795-1; the metrics' reference: the most permissive threshold whose FAR does not exceed it.

    >>> at_far(np.array([0.9, 0.5], np.float32), np.array([0.8, 0.4, 0.4, 0.1], np.float32), 0.5).tar
    1.0
    >>> at_far(np.array([0.9, 0.5], np.float32), np.array([0.8, 0.4, 0.4, 0.1], np.float32), 0.5).far
    0.25
    """
    strict, _ = _around(genuine, impostor, far)
    return strict


def nearest_far(genuine: Vectors, impostor: Vectors, far: float) -> FarPoint:
    """Return the point whose FAR is nearest to the one asked for, above it or below: as published tables take it.

    Of two that are as near, the one with the higher FAR, as insightface's evaluation. Arguments and errors are those of
    :func:`at_far`.

    >>> nearest_far(np.array([0.9, 0.5], np.float32), np.array([0.8, 0.4, 0.4, 0.1], np.float32), 0.5).far
    0.75
    """
    strict, loose = _around(genuine, impostor, far)
    return strict if far - strict.far < loose.far - far else loose


def _around(genuine: Vectors, impostor: Vectors, far: float) -> tuple[FarPoint, FarPoint]:
    """Return the last point whose FAR is at most the one asked for, and the next one; the last twice at the end."""
    count = len(impostor)
    if not len(genuine) or not resolvable(count, far):
        raise ValueError(f"{len(genuine)} genuine and {count} impostor pairs cannot resolve a FAR of {far:g}")
    allowed = min(int(far * count) + 1, count)
    while allowed / count > far:  # rates are compared, not products, which are rounded
        allowed -= 1
    if allowed == count:
        point = FarPoint(-np.inf, float((impostor > -np.inf).mean()), float((genuine > -np.inf).mean()))
        return point, point
    bar = impostor[allowed]  # the first impostor pair that must not match, nor any as alike
    at = int(np.searchsorted(-impostor, -bar, side="left"))
    after = int(np.searchsorted(-impostor, -bar, side="right"))
    below = impostor[after] if after < count else -np.inf
    strict = FarPoint(float(bar), at / count, float((genuine > bar).mean()))
    loose = FarPoint(float(below), after / count, float((genuine > below).mean()))
    return strict, loose if bar > -np.inf else strict


# 1:N.


def searched(pooled: Pooled, *, gallery: tuple[Numbers, Numbers], probes: tuple[Numbers, Numbers]) -> Searches:
    """Return what each probe finds in a gallery; both are templates and subjects.

    Args:
        pooled: the templates.
        gallery: ``(g,)`` templates and their subjects.
        probes: ``(n,)`` templates and their subjects.

    Raises:
        ValueError: a template without images, an empty gallery.
    """
    rows, columns = pooled.rows(probes[0]), pooled.rows(gallery[0])
    found, enrolled = pooled.found, pooled.vectors[columns]
    step = max(1, _SEARCHED // max(1, len(columns)))
    return Searches.joined(
        search(
            np.where(
                found[part][:, None] & found[columns], pooled.vectors[part].astype(np.float64) @ enrolled.T, -np.inf
            ),
            probes[1][start : start + step],
            gallery[1],
        )
        for start in range(0, len(rows), step)
        for part in [rows[start : start + step]]
    )
