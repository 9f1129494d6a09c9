"""Who is in which pair: folds that share nobody, people who are linked, pairs listed twice, one spelling for a name."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from facecheck.datasets.dataset import deal_into_folds
from facecheck.faces import Pairs

__all__ = ["Linked", "folded_by_identity", "one_spelling", "repeated", "shared_between_folds", "tenths"]

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
    folds: dict[str, set[int]] = {}
    for (a, b), fold in zip(pairs.indices.tolist(), pairs.folds.tolist(), strict=True):
        for face in (pairs.faces[a], pairs.faces[b]):
            folds.setdefault(face.subject, set()).add(fold)
    return sorted(person for person, found in folds.items() if len(found) > 1)


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


def repeated(pairs: Pairs, places: list[str], *, source: str) -> tuple[str, ...]:
    """Return a sentence on pairs that are listed more than once, either way round; each of them counts.

    Args:
        pairs: in the order of the list.
        places: of each pair in the list, such as ``line 7``.
        source: of the list.
    """
    first: dict[tuple[int, int], int] = {}
    found = []
    for row, (a, b) in enumerate(pairs.indices.tolist()):
        before = first.setdefault((min(a, b), max(a, b)), row)
        if before != row:
            how = "the same" if [a, b] == pairs.indices[before].tolist() else "the same, swapped,"
            found.append(f"{places[row]} is {how} as {places[before]}")
    if not found:
        return ()
    more = f", and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return (f"{source}: {len(found)} pairs are listed again and count each time: {', '.join(found[:_NAMED])}{more}",)
