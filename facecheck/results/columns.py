"""Tables and sentences for a terminal that is 80 columns wide."""

from __future__ import annotations

import itertools
import re
import textwrap
from collections.abc import Iterator, Sequence

__all__ = ["WIDTH", "aligned", "wrapped"]

WIDTH = 80
_GAP = "  "
# Letters of names and of other cells that are broken into lines: the first that make the table fit.
_NARROW = ((32, 16), (28, 12), (24, 12), (24, 9), (16, 9))
_BREAK_AFTER = re.compile(r"(?<=[-_:/,])(?=[^\W\d_])")


def wrapped(text: str, *, indent: str = "", width: int = WIDTH) -> list[str]:
    """Return a sentence in lines; what follows the first is indented. A path or a long word is never broken.

    Args:
        text: whatever its line breaks.
        indent: of the first line.
        width: letters of a line.

    >>> wrapped("note: a b c", width=8)
    ['note: a', '  b c']
    """
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def aligned(lines: Sequence[Sequence[str]], *, names: int, width: int = WIDTH) -> list[str]:
    r"""Return a table: names to the left, numbers to the right, no line wider than the terminal if that can be.

    Where it is too wide, cells are broken into lines, then columns continue below, with the names again.

    Args:
        lines: rows of equally many cells; the first is the heading.
        names: columns that hold names; the others hold numbers.
        width: letters of a line.

    >>> print("\n".join(aligned([["model", "accuracy"], ["dlib", "0.9"]], names=1)))
    model  accuracy
    dlib        0.9
    """
    if _fits(lines, width):
        return _plain(lines, names)
    for name, other in _NARROW:
        broken = [[_broken(cell, name if i < names else other) for i, cell in enumerate(line)] for line in lines]
        if _fits([[max(cell, key=len) for cell in line] for line in broken], width):
            break
    blocks = list(_blocks(broken, names, width))
    return [line for block in blocks for line in (*([""] if block is not blocks[0] else []), *_of_lines(block, names))]


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*lines, strict=True)]


def _fits(lines: Sequence[Sequence[str]], width: int) -> bool:
    widths = _widths(lines)
    return sum(widths) + len(_GAP) * (len(widths) - 1) <= width


def _plain(lines: Sequence[Sequence[str]], names: int) -> list[str]:
    widths = _widths(lines)
    return [
        _GAP.join(
            cell.ljust(width) if i < names else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def _broken(cell: str, most: int) -> list[str]:
    """Return a cell in lines, broken at spaces, after hyphens and the like, and within a word if it must be."""
    if len(cell) <= most:
        return [cell]
    found = [""]
    for word in cell.split(" "):
        for number, part in enumerate(_BREAK_AFTER.split(word)):
            piece = f" {part}" if not number and found[-1] else part
            if len(found[-1]) + len(piece) <= most:
                found[-1] += piece
                continue
            found += [part[start : start + most] for start in range(0, len(part), most)]
    return [line for line in found if line] or [""]


def _blocks(broken: Sequence[Sequence[list[str]]], names: int, width: int) -> Iterator[list[list[list[str]]]]:
    """Yield groups of columns that fit, each with the names before it."""
    widths = _widths([[max(cell, key=len) for cell in line] for line in broken])
    left = list(range(names, len(widths)))
    taken = sum(widths[:names]) + len(_GAP) * (names - 1)
    while left:
        ends = itertools.accumulate((widths[i] + len(_GAP) for i in left), initial=taken)
        count = max(1, sum(end <= width for end in list(ends)[1:]))
        chosen, left = [*range(names), *left[:count]], left[count:]
        yield [[line[i] for i in chosen] for line in broken]


def _of_lines(block: Sequence[Sequence[list[str]]], names: int) -> list[str]:
    """Return a table whose cells have lines: numbers of a heading stand at its foot, all else at the top."""
    flat: list[list[str]] = []
    for number, line in enumerate(block):
        height = max(map(len, line))
        cells = [
            [""] * (height - len(cell)) + cell if not number else cell + [""] * (height - len(cell)) for cell in line
        ]
        flat += [list(row) for row in zip(*cells, strict=True)]
    return _plain(flat, names)
