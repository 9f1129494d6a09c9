"""What became of a model between two runs, in lines of at most 80 letters, the important first."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from facecheck.comparison.between_runs import Change, ChangeOutcome
from facecheck.results import wording

__all__ = ["change_lines"]

_WIDTH = 80
_ORDER: tuple[ChangeOutcome, ...] = ("worse", "incomparable", "better", "undecided", "not worse", "identical")
_IN_FULL = ("worse", "better")
_MOST = {"undecided": 3}  # cases of one outcome that are shown
_USUALLY = 12


def change_lines(changes: Sequence[Change], *, before: str, after: str) -> list[str]:
    """Return the comparison of two runs of a model.

    Args:
        changes: every case.
        before: what the baseline is called.
        after: what the run is called.
    """
    counts = Counter(change.outcome for change in changes)
    told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in _ORDER if counts[outcome]) or "nothing in common"
    found = [*_wrapped(f"{after} against {before}: {told}")]
    for outcome in _ORDER[:-2]:
        cases = sorted((c for c in changes if c.outcome == outcome), key=lambda c: c.gain)
        shown = _MOST.get(outcome, _USUALLY)
        for change in cases[:shown]:
            found += _case(change)
        if len(cases) > shown:
            found.append(f"  ... and {len(cases) - shown} more are {outcome}")
    return found


def _case(change: Change) -> Iterator[str]:
    title = f"{change.outcome.upper()}: {change.dataset}, {wording.title(change.name, change.conditions)}"
    yield from _wrapped(title)
    if change.outcome == "incomparable":
        yield from _wrapped(change.reason, indent="    ")
        return
    yield from _wrapped(
        f"{change.before:.4f} -> {change.after:.4f}, gain {change.gain:+.4f} [{change.low:+.4f}, {change.high:+.4f}], "
        f"margin {change.margin:g}, p {change.p:.2g} (Holm {change.p_holm:.2g}), {change.people} people",
        indent="    ",
    )
    if change.people_needed is not None and change.outcome == "undecided":
        yield f"    undecided: some {change.people_needed} people like these would decide"
    if change.flips is not None and change.outcome in _IN_FULL:
        flips = change.flips
        yield from _wrapped(
            f"{flips.negative} of {flips.pairs} pairs were judged correctly before and are not now "
            f"({100 * flips.negative_rate:.2f} %), {flips.positive} the reverse",
            indent="    ",
        )
        for first, second, old, new in flips.worst:
            yield from _wrapped(f"{first} | {second}: similarity {old:.4f} -> {new:.4f}", indent="      ")


def _wrapped(text: str, *, indent: str = "") -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")
