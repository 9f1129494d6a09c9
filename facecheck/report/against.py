"""What became of a model since its baseline, in lines of at most 80 letters, the important first."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from facecheck.results import wording
from facecheck.results.change import Against, Change, ChangeOutcome, SameFunction, Slower

__all__ = ["LEAST_P", "WIDTH", "against_lines"]

WIDTH = 80
_ORDER: tuple[ChangeOutcome, ...] = (
    "worse", "incomparable", "better", "undecided", "not worse", "identical", "not measured",
)  # fmt: skip
_TOLD = _ORDER[:4]
_MOST = {"worse": 12, "incomparable": 4, "better": 4, "undecided": 3}  # cases of one outcome that are shown
_WITH_NAMES = 3  # cases whose pairs are named: what comes after is the same pairs, mostly
_DIFFERENCES = 6
LEAST_P = 5e-5
_TINY = 1e-4  # below it a number is written with an exponent


def against_lines(against: Against, *, width: int = WIDTH, advice: bool = True) -> list[str]:
    """Return the comparison of a model with its yardstick.

    Args:
        against: every case, what differs, the function and the timings.
        width: letters of a line, at most.
        advice: whether the last lines say what to do next.
    """
    lines = [*_about(against), *(_next(against) if advice else ())]
    if width == WIDTH:
        return lines
    return [each for line in lines for each in _rewrapped(line, width)]


def _rewrapped(line: str, width: int) -> list[str]:
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(line, width, subsequent_indent=indent + "  ", break_on_hyphens=False)


def _about(against: Against) -> list[str]:
    counts = Counter(change.outcome for change in against.changes)
    told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in _ORDER if counts[outcome]) or "nothing in common"
    return [
        *_wrapped(f"{against.model} against {against.baseline}: {told}"),
        *_function(against.function),
        *_what_differs(against),
        *(line for note in against.notes for line in _wrapped(f"note: {note}", indent="  ")),
        *_cases(against.changes),
        *_timings(against.timings),
    ]


def _function(found: SameFunction | None) -> list[str]:
    if found is None:
        return []
    apart = "" if found.apart is None else _small(found.apart)
    told = {
        "identical": "identical function: the same vectors to the bit on fixed crops",
        "same": f"same function within {apart} ({found.noises or 0:.1f} x the noise of fp32)",
        "another": f"another function: {found.reason}" if found.reason else (
            f"another function: vectors of fixed crops differ by up to {apart} ({found.noises or 0:.3g} x the noise "
            f"of fp32), smallest cosine {found.cosine or 0:.6f}"
        ),
        "unknown": f"whether it is the same function is unknown: {found.reason}",
    }  # fmt: skip
    return _wrapped(told[found.verdict], indent="  ")


def _small(number: float) -> str:
    return f"{number:.1g}" if number < _TINY else f"{number:.4f}"


def _what_differs(against: Against) -> Iterator[str]:
    if not against.differences:
        return
    shown = [f"{each.key} {each.before} -> {each.after}" for each in against.differences[:_DIFFERENCES]]
    more = len(against.differences) - len(shown)
    yield from _wrapped(f"changed: {'; '.join(shown)}{f'; and {more} more' if more else ''}", indent="  ")


def _cases(changes: Sequence[Change]) -> Iterator[str]:
    for outcome in _TOLD:
        cases = sorted((c for c in changes if c.outcome == outcome), key=lambda c: _importance(c, outcome))
        named = 0
        for change in cases[: _MOST[outcome]]:
            with_names = named < _WITH_NAMES and change.flips is not None
            named += with_names
            yield from _case(change, with_names=with_names)
        if len(cases) > _MOST[outcome]:
            yield f"  ... and {len(cases) - _MOST[outcome]} more are {outcome}"


def _importance(change: Change, outcome: ChangeOutcome) -> tuple[bool, float]:
    """Sort clean images first, then the largest loss, or the largest gain."""
    return change.conditions.is_swept, -change.gain if outcome == "better" else change.gain


def _case(change: Change, *, with_names: bool) -> Iterator[str]:
    title = f"{change.outcome.upper()}: {change.dataset}, {wording.title(change.name, change.conditions)}"
    yield from _wrapped(title)
    if change.outcome == "incomparable" or change.before is None or change.after is None:
        yield from _wrapped(change.reason, indent="    ")
        return
    before, after = (wording.value(change.name, value) for value in (change.before, change.after))
    yield from _wrapped(
        f"{before} -> {after}, gain {change.gain:+.4f} [{change.low:+.4f}, {change.high:+.4f}], "
        f"margin {change.margin:g}, {_p(change)}{change.people} people",
        indent="    ",
    )
    if change.people_needed is not None and change.outcome == "undecided":
        yield f"    undecided: some {change.people_needed} people like these would decide"
    if change.flips is not None and change.outcome in ("worse", "better"):
        yield from _flips(change, with_names=with_names)


def _p(change: Change) -> str:
    """Return the p-value of harm over all cases; the joint draws of max-T cannot show a smaller one than 5e-5."""
    if change.outcome == "better":
        return ""
    floor = "<=" if change.p <= LEAST_P else "="
    return f"p {floor} {change.p:.2g} (Holm {change.p_holm:.2g}), "


def _flips(change: Change, *, with_names: bool) -> Iterator[str]:
    flips = change.flips
    assert flips is not None, "only decisions flip"
    if change.conditions.levels is None:
        told, what, moved = "judged correctly before and are not now", "similarity", _similarity
    else:
        told, what, moved = "judged correctly at more levels before", "levels judged correctly", _share
    judged = "searches" if change.conditions.rank is not None else "pairs"
    yield from _wrapped(
        f"{flips.negative} of {flips.pairs} {judged} were {told} ({100 * flips.negative_rate:.2f} %), "
        f"{flips.positive} the reverse",
        indent="    ",
    )
    for first, second, old, new in flips.worst if with_names else ():
        yield from _wrapped(f"{first} | {second}: {what} {moved(old)} -> {moved(new)}", indent="      ")


def _share(value: float | None) -> str:
    return f"{value or 0:.0%}"


def _similarity(value: float | None) -> str:
    return "none, no face" if value is None else f"{value:.4f}"


def _timings(timings: Sequence[Slower]) -> Iterator[str]:
    refused = [each for each in timings if each.outcome == "incomparable"]
    if refused:
        yield from _wrapped(f"timings are incomparable: {refused[0].reason}", indent="  ")
    for each in timings:
        if each.outcome in ("worse", "better") and each.ratio is not None:
            how = "slower" if each.outcome == "worse" else "faster"
            yield from _wrapped(
                f"{how.upper()}: {each.dataset}, {each.conditions.in_words()}: {each.ratio:.2f} x the baseline's time, "
                f"in units of a reference kernel of the same run, p {each.p:.2g}, margin {each.margin:g}"
            )


def _next(against: Against) -> Iterator[str]:
    """Say what to do: about harm, or about a baseline that could be renewed."""
    outcomes = {change.outcome for change in against.changes}
    if against.is_red:
        red = Counter(change.outcome for change in against.harms)
        told = ", ".join(f"{count} {outcome}" for outcome, count in red.items())
        told = ", ".join(filter(None, (told, f"{len(against.delays)} slower" if against.delays else "")))
        yield from _wrapped(f"RED: {against.model} against its baseline: {told}")
    if against.harms and "worse" in {change.outcome for change in against.harms}:
        own = any(c.outcome == "worse" and c.conditions.threshold == "clean" and c.flips for c in against.changes)
        at_old = any(c.outcome == "worse" and c.conditions.reference for c in against.changes)
        if at_old and not own:
            yield from _wrapped(
                "next: it needs another threshold than the approved version: facecheck migrate OLD NEW says which"
            )
        yield from _wrapped(
            'next: mend it, or accept the loss for a reason: pytest evals/ --facecheck-approve "REASON"'
        )
    elif "incomparable" in outcomes:
        yield from _wrapped('next: if the change of the yardstick is meant: pytest evals/ --facecheck-approve "REASON"')
    elif "better" in outcomes:
        yield from _wrapped('next: to hold later versions to this one: pytest evals/ --facecheck-approve "REASON"')


def _wrapped(text: str, *, indent: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False)
