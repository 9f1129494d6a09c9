"""The faces that a model gets wrong, chosen and drawn while the run still holds pixels, boxes and crops.

A page that is made later has none of them, and must not run a model to get them again: a run's folder may come from
anybody. Of each model and data set the clean images are shown, and of each corruption the level with most errors.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from facecheck.corruptions import CLEAN
from facecheck.datasets import Dataset
from facecheck.detection.selection import ChosenFace
from facecheck.errors import FacecheckError, printable
from facecheck.evaluation.evaluator import Compared, Evaluator
from facecheck.faces import Face, Image
from facecheck.faces.columns import names_of
from facecheck.metrics.scores import Scores
from facecheck.metrics.thresholds import PairThresholds
from facecheck.pipeline.outcomes import Outcome
from facecheck.pipeline.work import Inspected
from facecheck.results.shown import FACES, Found, Mistake, ShownFace, ShownFaces, ShownPair, StruckPerson
from facecheck.storage.cache import CacheWarning
from facecheck.storage.files import writing

__all__ = ["keep_mistakes", "keep_picture", "mistakes_of", "picture"]

_PAIRS, _PAIRS_CORRUPTED = 6, 1  # of each kind
_FAILED, _FAILED_CORRUPTED = 6, 2
_PEOPLE = 6
_SIDE, _GAP = 112, 4  # pixels of each half of a picture, and between them
_AROUND = 2.0  # sides of the box that the surroundings show
_QUALITY = 72
_BOX, _POINT, _EMPTY = (255, 214, 0), (0, 229, 255), (118, 118, 118)
_FOUND: Mapping[Outcome, Found] = {
    Outcome.EMBEDDED: "found",
    Outcome.NO_FACE: "no face",
    Outcome.UNREADABLE: "unreadable",
}


def keep_mistakes(
    compared: Iterable[Compared], evaluator: Evaluator, folder: Path, *, withheld: Mapping[str, str]
) -> None:
    """Write the faces that models get wrong into ``faces/`` of a run's folder, with pictures where they are allowed.

    What cannot be drawn is left out, and of what cannot be written a warning tells: the run's results are not lost.

    Args:
        compared: everything that the run compared.
        evaluator: that compared it.
        folder: of the run.
        withheld: why pictures of a data set's images must not be kept, by its specification: empty if they may be.
    """
    try:
        for each, thresholds, kind in _chosen(compared):
            (folder / FACES).mkdir(parents=True, exist_ok=True)
            found = mistakes_of(each, thresholds, kind=kind)
            reason = withheld.get(each.dataset.spec, "nobody said that they may be kept")
            if reason:
                found = dataclasses.replace(found, withheld=reason)
            else:
                found = _drawn(found, each, evaluator, folder / FACES)
            found.write(folder)
    except OSError as error:
        told = f"{folder}: the page will lack faces that models get wrong: {error.strerror or error}"
        warnings.warn(told, CacheWarning, stacklevel=2)


def _chosen(compared: Iterable[Compared]) -> Iterator[tuple[Compared, PairThresholds | None, str]]:
    """Yield the clean comparisons, and of each corruption the one with most errors, with the thresholds to judge by."""
    everything = list(compared)
    clean = {(c.recognizer.name, c.dataset.spec): c for c in everything if c.corruption.identity == CLEAN.identity}
    worst: dict[tuple[str, str, str], tuple[int, Compared]] = {}
    for each in everything:
        at = clean.get((each.recognizer.name, each.dataset.spec))
        thresholds, _ = _thresholds(each if at is None else at)
        key = each.recognizer.name, each.dataset.spec, each.corruption.name if each is not at else ""
        errors = -1 if thresholds is None else int(_wrong(each.scores, thresholds).sum())
        if key not in worst or errors >= worst[key][0]:
            worst[key] = errors, each
    for (model, spec, _), (_, each) in worst.items():
        yield each, *_thresholds(clean.get((model, spec), each))


def _thresholds(compared: Compared) -> tuple[PairThresholds | None, str]:
    if compared.own_thresholds is not None:
        return compared.own_thresholds, "clean"
    return compared.declared, "declared"


def _wrong(scores: Scores, thresholds: PairThresholds) -> npt.NDArray[np.bool_]:
    return np.asarray(scores.matched(thresholds.of_pair) != scores.genuine)


def mistakes_of(compared: Compared, thresholds: PairThresholds | None, *, kind: str) -> ShownFaces:
    """Choose the worst false matches and non-matches, images without a vector, and the people concerned; no pictures.

    No image and no two people are shown twice among the false matches, or among the false non-matches: bad ones would
    fill the list.

    Args:
        compared: the comparison.
        thresholds: that its pairs are judged at, None if there are none: then only failed images are chosen.
        kind: of the thresholds, in a word.
    """
    clean = compared.corruption.identity == CLEAN.identity
    scores, dataset = compared.scores, compared.dataset
    most = _PAIRS if clean else _PAIRS_CORRUPTED
    wrong = np.zeros(len(scores), dtype=bool) if thresholds is None else _wrong(scores, thresholds)
    limits = np.full(len(scores), np.inf) if thresholds is None else thresholds.of_pair
    beyond = scores.similarity - limits
    kinds: tuple[tuple[Mistake, npt.NDArray[np.bool_], npt.NDArray[np.float64]], ...] = (
        ("false match", wrong & ~scores.genuine, -beyond),
        ("false non-match", wrong & scores.genuine & scores.made, beyond),
    )
    pairs = [
        _pair(compared, row, mistake, float(limits[row]))
        for mistake, rows, order in kinds
        for row in _different(dataset, np.flatnonzero(rows)[np.argsort(order[rows], kind="stable")], most)
    ]
    failed = np.flatnonzero(compared.embedded.outcomes != Outcome.EMBEDDED).tolist()
    return ShownFaces(
        model=compared.recognizer.name,
        dataset=dataset.name,
        condition=compared.corruption.identity,
        threshold=kind,
        false_matches=int((wrong & ~scores.genuine).sum()),
        false_non_matches=int((wrong & scores.genuine).sum()),
        pairs=tuple(pairs),
        failed=tuple(_face(compared, i) for i in failed[: _FAILED if clean else _FAILED_CORRUPTED]),
        failures=len(failed),
        people=tuple(_struck(dataset, scores, wrong)) if clean else (),
    )


def _different(dataset: Dataset, rows: npt.NDArray[np.int64], most: int) -> Iterator[int]:
    images: set[int] = set()
    people: set[frozenset[str]] = set()
    for row in rows.tolist():
        both = dataset.pairs.indices[row].tolist()
        who = frozenset(dataset.faces[i].subject for i in both)
        if most and who not in people and not images.intersection(both):
            images.update(both)
            people.add(who)
            most -= 1
            yield row


def _pair(compared: Compared, row: int, mistake: Mistake, threshold: float) -> ShownPair:
    first, second = (_face(compared, int(i)) for i in compared.dataset.pairs.indices[row])
    similarity = float(compared.scores.similarity[row])
    return ShownPair(
        mistake=mistake,
        first=first,
        second=second,
        similarity=similarity if np.isfinite(similarity) else None,
        threshold=threshold,
    )


def _face(compared: Compared, number: int) -> ShownFace:
    face: Face = compared.dataset.faces[number]
    found = _FOUND[Outcome(int(compared.embedded.outcomes[number]))]
    if found == "found" and compared.embedded.fallback[number]:
        found = "fallback"
    return ShownFace(
        name=face.source.name,
        subject=printable(face.subject),
        found=found,
        yaw_rad=face.yaw_rad,
    )


def _struck(dataset: Dataset, scores: Scores, wrong: npt.NDArray[np.bool_]) -> Iterator[StruckPerson]:
    """Yield the people with most errors in their pairs, of a genuine pair one, of an impostor pair both."""
    people = int(scores.who.max()) + 1 if len(scores) else 0
    counts = np.zeros((people, 4), dtype=np.int64)  # rejected, genuine, confused, impostor
    for rows, column in ((scores.genuine & wrong, 0), (scores.genuine, 1)):
        counts[:, column] = np.bincount(scores.who[rows, 0], minlength=people)
    for rows, column in ((~scores.genuine & wrong, 2), (~scores.genuine, 3)):
        counts[:, column] = np.bincount(scores.who[rows].ravel(), minlength=people)
    errors = counts[:, 0] + counts[:, 2]
    for person in np.argsort(-errors, kind="stable")[:_PEOPLE].tolist():
        if errors[person]:
            side = 0 if (scores.who[:, 0] == person).any() else 1
            row = int(np.argmax(scores.who[:, side] == person))
            subject = dataset.faces[int(dataset.pairs.indices[row, side])].subject
            rejected, genuine, confused, impostor = counts[person].tolist()
            yield StruckPerson(
                subject=printable(subject), rejected=rejected, genuine=genuine, confused=confused, impostor=impostor
            )


# Pictures.


def _drawn(found: ShownFaces, compared: Compared, evaluator: Evaluator, folder: Path) -> ShownFaces:
    """Return the same with pictures, which are written into the folder."""
    faces, shown = compared.dataset.faces, dict.fromkeys(face.name for face in found.shown)
    sources = {name: faces[row].source for row, name in enumerate(names_of(faces)) if name in shown}
    wanted = [sources[name] for name in shown]
    pictures = {}
    for source in wanted:
        # A picture is worth no failed case: an aligner that cannot, a resize that OpenCV refuses.
        with contextlib.suppress(FacecheckError, ValueError, cv2.error):
            for each in evaluator.pipeline.inspect(compared.recognizer, [source], corruption=compared.corruption):
                if each.image is not None:
                    pictures[each.source.name] = keep_picture(picture(each), folder)

    def with_picture(face: ShownFace) -> ShownFace:
        return dataclasses.replace(face, picture=pictures.get(face.name, ""))

    return dataclasses.replace(
        found,
        pairs=tuple(
            dataclasses.replace(pair, first=with_picture(pair.first), second=with_picture(pair.second))
            for pair in found.pairs
        ),
        failed=tuple(with_picture(face) for face in found.failed),
    )


def keep_picture(content: bytes, folder: Path) -> str:
    """Write a picture into a folder under the hash of its content, and return the file's name."""
    name = f"{hashlib.sha256(content).hexdigest()[:24]}.webp"
    if not (folder / name).is_file():
        with writing(folder / name) as stream:
            stream.write(content)
    return name


def picture(each: Inspected) -> bytes:
    """Return a small WebP: the surroundings of the face with its box and landmarks, and the crop of the network.

    Without a face it is the whole image.

    Args:
        each: an image that could be read.
    """
    assert each.image is not None, "an image that could be read"
    parts: Sequence[Image] = [_fitted(each.image)]
    if each.face is not None and each.crop is not None:
        parts = [_surroundings(each.image, each.face), _fitted(each.crop)]
    gap = np.full((_SIDE, _GAP, 3), 255, dtype=np.uint8)
    row = np.concatenate([piece for part in parts for piece in (gap, part)][1:], axis=1)
    stream = io.BytesIO()
    Pillow.fromarray(row).save(stream, format="webp", quality=_QUALITY, method=4)
    return stream.getvalue()


def _fitted(image: Image) -> Image:
    """Return an image in a square, whole, with grey beside it."""
    height, width = image.shape[:2]
    factor = _SIDE / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    square = np.full((_SIDE, _SIDE, 3), _EMPTY, dtype=np.uint8)
    top, left = (_SIDE - size[1]) // 2, (_SIDE - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = small
    return square


def _surroundings(image: Image, face: ChosenFace) -> Image:
    """Return the part of the image around a face, grey where the image ends, with box and landmarks drawn."""
    left, top, right, bottom = face.box.astype(np.float64)
    side = max(_AROUND * max(right - left, bottom - top), 1.0)
    scale = _SIDE / side
    corner = np.array([(left + right - side) / 2, (top + bottom - side) / 2])
    to_square = np.array([[scale, 0, -corner[0] * scale], [0, scale, -corner[1] * scale]])
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    around = cv2.warpAffine(image, to_square, (_SIDE, _SIDE), flags=flags, borderValue=_EMPTY)
    ends = [
        tuple(np.clip((np.array(end) - corner) * scale, -9, _SIDE + 9).round().astype(int).tolist())
        for end in ((left, top), (right, bottom))
    ]
    cv2.rectangle(around, ends[0], ends[1], _BOX, 1, cv2.LINE_AA)
    for point in (face.landmarks - corner) * scale:
        if np.isfinite(point).all():
            cv2.circle(around, tuple(point.round().astype(int).tolist()), 2, _POINT, -1, cv2.LINE_AA)
    return np.asarray(around, dtype=np.uint8)
