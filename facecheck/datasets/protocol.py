"""``facecheck pairs``: write a protocol for a folder with one folder a person, to be read by ``pairs:``.

People are dealt into folds, so that folds share nobody. Genuine pairs are all there are, or as many as asked for, in
equal numbers from each person as far as there are so many; each fold has as many impostor pairs, of people at random.
"""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from facecheck.datasets.dataset import image_files, person_folders
from facecheck.datasets.people import one_spelling
from facecheck.errors import DatasetError
from facecheck.storage.files import write_text

__all__ = ["FORMS", "HEADER", "Form", "Protocol", "make_protocol", "write_protocol"]

Form = Literal["table", "lfw"]
FORMS: tuple[Form, ...] = ("table", "lfw")

HEADER = ("image1", "image2", "subject1", "subject2", "fold")
_MOST_PAIRS = 1_000_000
_MOST_FOLDS = 9999
_PATIENCE = 10  # attempts a pair


class _Pair(NamedTuple):
    images: tuple[str, str]
    subjects: tuple[str, str]
    fold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """Pairs that were chosen.

    Args:
        pairs: each with the images relative to the folder, their subjects and its fold from 0.
        people: in the pairs.
        folds: how many.
        notes: what a person should know, such as people who are in no pair.
    """

    pairs: tuple[_Pair, ...]
    people: int
    folds: int
    notes: tuple[str, ...]

    @property
    def genuine(self) -> int:
        """How many pairs are genuine."""
        return sum(pair.subjects[0] == pair.subjects[1] for pair in self.pairs)


_Person = tuple[str, tuple[str, ...]]  # subject and images, relative to the folder


def make_protocol(folder: Path, *, folds: int, genuine: int | None, generator: np.random.Generator) -> Protocol:
    """Choose pairs of the images of a folder with one folder a person.

    Args:
        folder: its subfolders are people; hidden ones and files that are no images are passed by.
        folds: how many folds; fewer if so many cannot have pairs of both kinds.
        genuine: how many genuine pairs, None for all.
        generator: the only source of chance.

    Raises:
        DatasetError: fewer than four people, or than two with several images; a name that a list cannot hold; more than
            a million pairs.
    """
    people = _people(folder)
    several = [person for person in people if len(person[1]) > 1]
    if len(several) < 2 or len(people) < 4:  # noqa: PLR2004 - two folds, each with two people
        raise DatasetError(
            f"{folder}: {len(people)} people, {len(several)} of them with several images: expected one folder per "
            "person, four people at least, two of them with two images, for two folds with pairs of both kinds"
        )
    if not 2 <= folds <= _MOST_FOLDS:  # noqa: PLR2004
        raise DatasetError(f"{folds} folds: expected 2 to {_MOST_FOLDS}, so that thresholds are chosen on other people")
    there = sum(math.comb(len(images), 2) for _, images in several)
    wanted = min(there, genuine or there)
    if 2 * wanted > _MOST_PAIRS:
        raise DatasetError(
            f"{folder}: {there} genuine pairs and as many impostor pairs: above the limit of {_MOST_PAIRS}. Ask for a "
            "sample of the genuine pairs (--genuine)"
        )
    used = min(folds, len(several), len(people) // 2, wanted)
    dealt = _dealt(people, used, generator)
    shares = _shares([sum(math.comb(len(images), 2) for _, images in fold) for fold in dealt], wanted)
    pairs: list[_Pair] = []
    for number, (fold, share) in enumerate(zip(dealt, shares, strict=True)):
        matched = list(_genuine(fold, share, generator))
        mismatched = list(_impostors(fold, len(matched), generator))
        pairs += [_Pair(images, subjects, number) for images, subjects in (*matched, *mismatched)]
    in_pairs = {subject for pair in pairs for subject in pair.subjects}
    return Protocol(
        pairs=tuple(pairs), people=len(in_pairs), folds=used, notes=tuple(_notes(pairs, folds, used, len(people)))
    )


def _notes(pairs: Sequence[_Pair], folds: int, used: int, people: int) -> Iterator[str]:
    if used < folds:
        yield f"{used} folds, not {folds}: each needs two people, one of them with two images, and a genuine pair"
    unused = people - len({subject for pair in pairs for subject in pair.subjects})
    if unused:
        yield f"{unused} people are in no pair"
    genuine = sum(pair.subjects[0] == pair.subjects[1] for pair in pairs)
    if genuine != len(pairs) - genuine:
        yield f"{len(pairs) - genuine} impostor pairs beside {genuine} genuine ones: the folds have no more"


def _people(folder: Path) -> list[_Person]:
    """Return everybody with an image, in the order of names; two spellings of one name in Unicode are one person."""
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder; expected one folder per person")
    found: dict[str, list[str]] = {}
    for person in person_folders(folder):
        images = [f"{person.name}/{path.name}" for path in image_files(person)]
        for name in (person.name, *images):
            _refuse_unwritable(folder, name)
        if images:
            found.setdefault(one_spelling(person.name), []).extend(images)
    return [(subject, tuple(images)) for subject, images in found.items()]


def _refuse_unwritable(folder: Path, name: str) -> None:
    """Refuse names that a line of text cannot hold, or that would be read back otherwise."""
    sound = name.isprintable() and "\\" not in name and all(part == part.strip() for part in name.split("/"))
    if not sound:
        raise DatasetError(
            f"{folder}: {name!r}: a list cannot hold this name (not UTF-8, a line break, a backslash, or spaces at its "
            "ends): rename it"
        )


def _dealt(people: Sequence[_Person], folds: int, generator: np.random.Generator) -> list[list[_Person]]:
    """Deal people into folds: whoever has most pairs first, each to the fold that has fewest, then fewest people."""
    dealt: list[list[_Person]] = [[] for _ in range(folds)]
    pairs = [0] * folds
    shuffled = [people[number] for number in generator.permutation(len(people))]
    for place, person in enumerate(sorted(shuffled, key=lambda person: -len(person[1]))):
        own = math.comb(len(person[1]), 2)
        lacking = [number for number in range(folds) for _ in range(2 - len(dealt[number]))]
        # The last people go where a fold has no two yet: an impostor pair needs them.
        among = lacking if len(lacking) >= len(people) - place else range(folds)
        fold = min(among, key=lambda number: (pairs[number] if own else 0, len(dealt[number])))
        dealt[fold].append(person)
        pairs[fold] += own
    return dealt


def _shares(there: Sequence[int], wanted: int) -> list[int]:
    """Divide a number of pairs over folds as equally as their own numbers allow.

    >>> _shares([2, 100, 100], 50)
    [2, 24, 24]
    """
    shares = [0] * len(there)
    left = wanted
    for rank, number in enumerate(sorted(range(len(there)), key=lambda number: there[number])):
        shares[number] = min(there[number], left // (len(there) - rank))
        left -= shares[number]
    return shares


_Both = tuple[tuple[str, str], tuple[str, str]]  # images and subjects


def _genuine(fold: Sequence[_Person], share: int, generator: np.random.Generator) -> Iterator[_Both]:
    """Yield genuine pairs of a fold: as many of each person as of any other, as far as they have them."""
    people = sorted(fold, key=lambda person: len(person[1]))
    counts = [math.comb(len(images), 2) for _, images in people]
    shuffled = generator.permutation(len(people))  # who gets one more where a share does not divide
    order = sorted(range(len(people)), key=lambda number: (counts[number], shuffled[number]))
    of_person = dict(zip(order, _shares([counts[number] for number in order], share), strict=True))
    for number, (subject, images) in enumerate(people):
        for first, second in _two_of(len(images), of_person[number], generator):
            yield (images[first], images[second]), (subject, subject)


def _two_of(count: int, wanted: int, generator: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Yield different pairs of different numbers below a count, in order.

    >>> list(_two_of(3, 3, np.random.default_rng(0)))
    [(0, 1), (0, 2), (1, 2)]
    """
    for row in sorted(generator.choice(math.comb(count, 2), wanted, replace=False).tolist()):
        second = (1 + math.isqrt(1 + 8 * row)) // 2  # pairs are numbered (0, 1), (0, 2), (1, 2), (0, 3), ...
        yield row - second * (second - 1) // 2, second


def _impostors(fold: Sequence[_Person], wanted: int, generator: np.random.Generator) -> Iterator[_Both]:
    """Yield different impostor pairs of a fold: two people at random, an image of each at random.

    Where few people have nearly all images, that finds no new pairs in the end: then two images at random.
    """
    sizes = np.array([len(images) for _, images in fold])
    there = (int(sizes.sum()) ** 2 - int((sizes**2).sum())) // 2
    if there <= 2 * wanted:
        yield from _chosen_impostors(fold, min(wanted, there), generator)
        return
    seen: set[frozenset[str]] = set()
    for attempt in itertools.count():
        if len(seen) == wanted:
            return
        by_image = attempt > _PATIENCE * wanted
        people = generator.choice(len(fold), 2, replace=by_image, p=sizes / sizes.sum() if by_image else None)
        (one, theirs), (other, others) = (fold[number] for number in people.tolist())
        first, second = theirs[generator.integers(len(theirs))], others[generator.integers(len(others))]
        if one != other and frozenset((first, second)) not in seen:
            seen.add(frozenset((first, second)))
            yield (first, second), (one, other)


def _chosen_impostors(fold: Sequence[_Person], wanted: int, generator: np.random.Generator) -> Iterator[_Both]:
    """Yield some of all impostor pairs, where most of them are wanted."""
    every = [
        ((first, second), (one[0], other[0]))
        for one, other in itertools.combinations(fold, 2)
        for first, second in itertools.product(one[1], other[1])
    ]
    for row in sorted(generator.choice(len(every), wanted, replace=False).tolist()):
        yield every[row]


def write_protocol(path: Path, protocol: Protocol, *, form: Form = "table") -> tuple[str, ...]:
    """Write a protocol, whole or not at all, and return what a person should know of the file.

    Args:
        path: of the file.
        protocol: what is written.
        form: ``table`` has a header and a column for each subject and the fold; ``lfw`` is the form of LFW's
            ``pairs.txt``, in which all folds have as many pairs of both kinds: what is over is left out.

    Raises:
        DatasetError: a file of this name is there: a protocol that was used is not overwritten. An image is not called
            as LFW's are, ``NAME/NAME_0001.jpg``.
    """
    if path.exists() or path.is_symlink():
        raise DatasetError(f"{path}: is there, and a list that was used is not overwritten: choose another name")
    if not path.parent.is_dir():
        raise DatasetError(f"{path}: there is no folder {path.parent}")
    if form == "lfw":
        text, left_out = _as_lfw(protocol)
        write_text(path, text)
        return (f"{left_out} pairs are left out: all folds of LFW's form have as many",) if left_out else ()
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows((*pair.images, *pair.subjects, pair.fold) for pair in protocol.pairs)
    write_text(path, table.getvalue())
    return ()


def _as_lfw(protocol: Protocol) -> tuple[str, int]:
    """Return the lines of LFW's form, and how many pairs are left out."""
    sides = [[_named_as_lfw(image) for image in pair.images] for pair in protocol.pairs]
    of_fold: dict[tuple[int, bool], list[str]] = {}
    for pair, ((name, number), (other, another)) in zip(protocol.pairs, sides, strict=True):
        genuine = pair.subjects[0] == pair.subjects[1]
        line = f"{name}\t{number}\t{another}" if genuine else f"{name}\t{number}\t{other}\t{another}"
        of_fold.setdefault((pair.fold, genuine), []).append(line)
    each = min(map(len, of_fold.values()))
    lines = [line for fold in range(protocol.folds) for kind in (True, False) for line in of_fold[fold, kind][:each]]
    return "\n".join([f"{protocol.folds}\t{each}", *lines]) + "\n", len(protocol.pairs) - len(lines)


def _named_as_lfw(image: str) -> tuple[str, int]:
    found = re.fullmatch(r"([^/\t]+)/\1_([0-9]{4})\.jpg", image)
    if found is None:
        raise DatasetError(
            f"{image}: LFW's form names people and numbers, so that images must be called NAME/NAME_0001.jpg. Rename "
            "them, or write the table"
        )
    return found[1], int(found[2])
