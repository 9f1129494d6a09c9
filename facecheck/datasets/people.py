"""Who is in which pair: folds that share nobody, people who are linked, pairs listed twice, one spelling for a name."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from facecheck.datasets.dataset import deal_into_folds
from facecheck.faces import Pairs

__all__ = [
    "Linked",
    "folded_by_identity",
    "listed_before",
    "one_spelling",
    "repeated",
    "shared_between_folds",
    "tenths",
]

_NAMED = 3
_FOLDS = 10


class Linked:
    """Names that are linked with each other, directly or through others.

    Args:
        names: all of them, each at first linked with itself only.

    >>> linked = Linked("abcd")
    >>> linked.join("a", "b")
    >>> linked.join("c", "b")
    >>> [linked.first(name) for name in "abcd"]
    ['c', 'c', 'c', 'd']
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._first = {name: name for name in names}

    def first(self, name: str) -> str:
        """Return the name that stands for all that are linked with this one."""
        first = self._first
        while first[name] != name:
            first[name] = first[first[name]]
            name = first[name]
        return name

    def join(self, one: str, other: str) -> None:
        """Link two names, and all that are linked with them."""
        self._first[self.first(other)] = self.first(one)


def tenths(genuine: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64] | None, tuple[str, ...]]:
    """Return ten folds in the order of a list, and what was done where that would leave a fold without one kind.

    Lists of 3000 genuine and then 3000 impostor pairs have folds of one kind if they are cut in order: their folds are
    the tenths of both kinds. There are fewer folds where a kind has fewer than ten pairs, and none where it has one.

    Args:
        genuine: ``(n,)`` whether each pair is genuine.

    Source: deepinsight/insightface, eval/verification.py: scikit-learn's KFold(10, shuffle=False).

    >>> tenths(np.array([True, True, False, False]))[0].tolist()
    [0, 1, 0, 1]
    """
    counts = int(genuine.sum()), int((~genuine).sum())
    folds = min(_FOLDS, *counts)
    if folds < 2:  # noqa: PLR2004 - a threshold is chosen on another fold
        return None, ()
    in_order = _cut(len(genuine), folds)
    if all(0 < genuine[in_order == fold].sum() < (in_order == fold).sum() for fold in range(folds)):
        return in_order, ()
    of_kinds = np.empty(len(genuine), dtype=np.int64)
    for kind, count in ((genuine, counts[0]), (~genuine, counts[1])):
        of_kinds[kind] = _cut(count, folds)
    return of_kinds, (
        f"its {folds} folds are parts of the genuine and of the impostor pairs, which the list separates",
    )


def _cut(count: int, folds: int) -> npt.NDArray[np.int64]:
    """Return a fold for each of n in order, the first ones one longer where it does not divide."""
    return np.repeat(np.arange(folds), [len(part) for part in np.array_split(np.arange(count), folds)])


def one_spelling(name: str) -> str:
    """Return a name in Unicode's composed form: one name has two, and files of two systems hold both.

    >>> one_spelling("Rene" + chr(0x301)) == "Ren" + chr(0xE9)
    True
    """
    return unicodedata.normalize("NFC", name)


def shared_between_folds(pairs: Pairs) -> list[str]:
    """Return who is in pairs of more than one fold, in the order of the names; nobody without folds."""
    if pairs.folds is None:
        return []
    last = np.zeros(int(pairs.who.max(initial=-1)) + 1, dtype=np.int64)
    last[pairs.who] = pairs.folds[:, None]  # of each person, the fold of one of the pairs
    others = last[pairs.who] != pairs.folds[:, None]
    rows, sides = np.nonzero(others)
    _, first = np.unique(pairs.who[rows, sides], return_index=True)
    return sorted(pairs.faces[row].subject for row in pairs.indices[rows[first], sides[first]].tolist())


def folded_by_identity(pairs: Pairs, *, source: str) -> tuple[Pairs, tuple[str, ...]]:
    """Return pairs whose folds share no person, and what was changed for that, in words.

    A threshold is chosen on the other folds. If the same people are in them, it is chosen on those whom it judges. So
    folds that share people are dealt anew, and left out where the pairs are too connected for it.

    Args:
        pairs: with the folds that their list declares.
        source: of the list, for the sentence.
    """
    shared = shared_between_folds(pairs)
    if not shared:
        return pairs, ()
    dealt = deal_into_folds(dataclasses.replace(pairs, folds=None))
    if dealt is None:
        made = "its pairs connect too many people for others: no threshold can be chosen on other people"
    else:
        made = f"folds were dealt anew by identity ({len(np.unique(dealt))}), so that thresholds are chosen on others"
    more = f" and {len(shared) - _NAMED} more" if len(shared) > _NAMED else ""
    note = f"{source}: its folds share people ({', '.join(shared[:_NAMED])}{more}): {made}"
    return dataclasses.replace(pairs, folds=dealt), (note,)


def repeated(pairs: Pairs, places: Sequence[str], *, source: str) -> tuple[str, ...]:
    """Return a sentence on pairs that are listed more than once, either way round; each of them counts.

    Args:
        pairs: in the order of the list.
        places: of each pair in the list, such as ``line 7``.
        source: of the list.
    """
    rows, before = listed_before(pairs.indices)
    if not len(rows):
        return ()
    swapped = pairs.indices[rows, 0] != pairs.indices[before, 0]
    found = [
        f"{places[row]} is {'the same, swapped,' if turned else 'the same'} as {places[first]}"
        for row, first, turned in zip(*(each[:_NAMED].tolist() for each in (rows, before, swapped)), strict=True)
    ]
    more = f", and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
    return (f"{source}: {len(rows)} pairs are listed again and count each time: {', '.join(found)}{more}",)


def listed_before(indices: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the rows of pairs that are listed again, either way round, and for each the row that has it first.

    Args:
        indices: ``(n, 2)`` faces.

    >>> [rows.tolist() for rows in listed_before(np.array([[0, 1], [2, 1], [1, 0], [1, 2]]))]
    [[2, 3], [0, 1]]
    """
    both = indices.min(axis=1) * (indices.max(initial=0) + 1) + indices.max(axis=1)
    _, first, inverse = np.unique(both, return_index=True, return_inverse=True)
    before = first[inverse]
    rows = np.flatnonzero(before != np.arange(len(both)))
    return rows, before[rows]
