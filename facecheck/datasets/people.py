"""Who is in which pair: folds that share nobody, pairs that are listed twice, and one spelling for a name."""

from __future__ import annotations

import dataclasses
import unicodedata

import numpy as np

from facecheck.datasets.dataset import deal_into_folds
from facecheck.faces import Pairs

__all__ = ["folded_by_identity", "one_spelling", "repeated", "shared_between_folds"]

_NAMED = 3


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
