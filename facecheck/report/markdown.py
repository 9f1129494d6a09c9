"""A run as Markdown, for a job's summary and for the one comment on a pull request: the verdict first.

The text never exceeds a given size: rows that do not fit are counted, and the page has them. Names out of somebody's
files stand in code spans, where nothing is a link, a mention or markup; no pair of images is named, because a comment
is read by more people than a report.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from facecheck.errors import FacecheckError, printable, shortened
from facecheck.report.against import LEAST_P
from facecheck.report.standings import Standing, repeated, standings, worst
from facecheck.results import wording
from facecheck.results.change import Against, Change, ChangeOutcome
from facecheck.results.run import Run
from facecheck.results.verdict import Judgement, Verdict

__all__ = ["COMMENT_BYTES", "LEAST_BYTES", "MARKER", "SUMMARY_BYTES", "markdown"]

MARKER = "<!-- facecheck -->"
SUMMARY_BYTES = 1_000_000  # GitHub refuses a job's summary above 1 MiB, and then shows none of it
COMMENT_BYTES = 65_000  # and a comment above 65,536 characters
LEAST_BYTES = 8_192  # room for every heading
_ROWS = 200  # of a section, whatever room is left: more are not read
_NAME = 120  # letters of a name
_SENTENCE = 600
_COMMAND = 2_000
_LINK = 500
_COUNTED = ("passed", "failed", "worse", "undecided", "unjudged", "incomparable", "skipped")
_TICKS = re.compile("`+")
# What GitHub turns into a mention, a reference or a link although no markup stands there.
_LIVELY = re.compile(r"(?<=[@#])(?=\w)|(?<=:)(?=//)|(?<=\bwww)(?=\.)", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s<>()\[\]\"'`\\]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """A part of the text, of which only rows may be cut.

    Args:
        head: lines before the rows.
        rows: a line each.
        foot: lines after the rows.
        unit: what a row is, for the line that counts those that were cut.
    """

    head: tuple[str, ...]
    rows: tuple[str, ...]
    foot: tuple[str, ...] = ()
    unit: str = "more"


def markdown(run: Run, *, link: str = "", most_bytes: int = SUMMARY_BYTES, comment: bool = False) -> str:
    """Return a run as Markdown: verdicts, what was promised and not kept, what got worse and better, notes, commands.

    Args:
        run: that is finished.
        link: address of the page, empty if there is none.
        most_bytes: size of the text in UTF-8, at most.
        comment: whether it begins with the hidden :data:`MARKER` by which a comment is found again and updated.

    Raises:
        FacecheckError: too little room, or a link that is no http or https address.

    >>> print(markdown(Run()).splitlines()[0])
    ## facecheck: skipped
    """
    if most_bytes < LEAST_BYTES:
        raise FacecheckError(f"--most-bytes {most_bytes}: expected {LEAST_BYTES} or more, which the headings need")
    if link and (len(link) > _LINK or not _URL.fullmatch(link)):
        raise FacecheckError(f"--link {shortened(link, 80)}: expected an address that begins with https:// or http://")
    made = standings(run)
    where = f"[the page]({link})" if link else "the page (`index.html` of the run's folder)"
    top = [*((MARKER,) if comment else ()), f"## facecheck: {worst(made)}", "", _about(run, where), ""]
    return _fitted(top, [section for section in _sections(run, made) if section.rows], most_bytes)


def _about(run: Run, where: str) -> str:
    told = ", ".join(_where(run))
    return f"{told}. All of it: {where}." if told else f"All of it: {where}."


def _where(run: Run) -> Iterator[str]:
    repository, device = run.signature.code.repository, run.signature.machine.device
    if run.started:
        yield f"Run of {_code(run.started)}"
    if repository is not None:
        yield f"commit {_code(repository.commit[:12])}{' with changes' if repository.dirty else ''}"
    if device:
        yield f"on {_code(device)}"


def _fitted(top: Sequence[str], sections: Sequence[_Section], most: int) -> str:
    """Return the text with as many rows as there is room for, those of earlier sections first."""
    # Each line ends in a line break; room for the largest count of a section's missing rows is kept.
    fixed = [*top, *(line for each in sections for line in (*each.head, *each.foot, _more(each, len(each.rows)), ""))]
    room = most - sum(map(_bytes, fixed))
    lines = list(top)
    for section in sections:
        shown: list[str] = []
        for row in section.rows[:_ROWS]:
            if _bytes(row) > room:
                break
            room -= _bytes(row)
            shown.append(row)
        missing = len(section.rows) - len(shown)
        lines += [*section.head, *shown, *section.foot, *((_more(section, missing),) if missing else ()), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _more(section: _Section, count: int) -> str:
    return f"\n{count} {section.unit} in the page."


def _bytes(line: str) -> int:
    return len(line.encode()) + 1


def _sections(run: Run, made: Sequence[Standing]) -> Iterator[_Section]:
    yield _table(("model", "verdict", *_COUNTED), map(_standing_row, made), unit="more models")
    failed = [verdict for verdict in run.verdicts if verdict.outcome == "failed"]
    yield _promises(failed)
    yield _list("Other cases that failed", (_error(v) for v in failed if not _broken(v)), unit="more cases")
    yield _changed("What got worse since the baseline", run.against, "worse")
    yield _slower(run.against)
    yield _changed("What got better", run.against, "better")
    yield _list("What could not be compared", _incomparable(run.against), unit="more")
    yield _list("Undecided: more people would be needed", _undecided(run.against), unit="more")
    yield _commands(failed, run)
    yield _list("Compared with", map(_yardstick, run.against), unit="more")
    yield _list("Notes", map(_sentence, run.notes), unit="more notes")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "", unit: str) -> _Section:
    above = (f"### {title}", "") if title else ()
    first = (_row(head), _row(["---"] * len(head)))
    return _Section(head=(*above, *first), rows=tuple(map(_row, rows)), unit=unit)


def _list(title: str, rows: Iterable[str], *, unit: str) -> _Section:
    return _Section(head=(f"### {title}", ""), rows=tuple(f"- {row}" for row in rows), unit=unit)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


# Verdicts.


def _standing_row(each: Standing) -> list[str]:
    word = f"**{each.word}**" if each.word in ("failed", "worse than baseline") else each.word
    counts = {name: str(each.cases.get(name, 0) or "") for name in _COUNTED}
    if each.has_baseline:
        counts |= {name: str(each.changes.get(name, 0) or "") for name in ("worse", "undecided", "incomparable")}
        slower = f"{each.slower} slower" if each.slower else ""
        counts["worse"] = " + ".join(filter(None, (counts["worse"], slower))) or "0"
    return [_code(each.model), word, *(counts[name] for name in _COUNTED)]


def _broken(verdict: Verdict) -> list[Judgement]:
    """Return the judgements of a case that name a limit which was not kept."""
    return [each for each in verdict.judgements if each.outcome == "failed" and each.limit is not None]


def _promises(failed: Sequence[Verdict]) -> _Section:
    head = ("model", "data set", "what", "measured", "promised", "missed by", "why")
    rows = (_promise(judgement) for verdict in failed for judgement in _broken(verdict))
    return _table(head, rows, title="Promises that were not kept", unit="more promises")


def _promise(judgement: Judgement) -> list[str]:
    m, limit = judgement.measurement, judgement.limit
    assert limit is not None, "a broken promise is one"
    value, low, high, bound = (wording.value(m.name, number) for number in (m.value, m.low, m.high, limit.bound))
    missed = "" if judgement.margin is None else wording.value(m.name, -judgement.margin)
    return [
        _code(m.model),
        _code(m.dataset),
        _code(f"{m.eval}: {wording.title(m.name, m.conditions)}"),
        f"{value} [{low}, {high}]",
        f"at {'most' if limit.upper else 'least'} {bound}",
        missed,
        _sentence(limit.why),
    ]


def _error(verdict: Verdict) -> str:
    reasons = [line for line in verdict.reason.splitlines() if line.strip()]
    return f"{_code(verdict.case)}: {_sentence(reasons[0] if reasons else 'no reason was given')}"


# Since the baseline.


def _chosen(against: Sequence[Against], outcome: ChangeOutcome) -> list[tuple[Against, Change]]:
    """Return the changes of one outcome: clean images first, then the largest."""
    found = [(each, change) for each in against for change in each.changes if change.outcome == outcome]
    sign = -1 if outcome == "better" else 1
    return sorted(found, key=lambda pair: (pair[1].conditions.is_swept, sign * pair[1].gain))


def _changed(title: str, against: Sequence[Against], outcome: ChangeOutcome) -> _Section:
    harm = outcome == "worse"
    head = ("model", "data set", "what", "baseline", "now", "difference", *(("p", "margin") if harm else ()), "pairs")
    rows = (_change(each, change) for each, change in _chosen(against, outcome))
    return _table(head, rows, title=title, unit="more cases")


def _change(against: Against, change: Change) -> list[str]:
    before, after = ("" if v is None else wording.value(change.name, v) for v in (change.before, change.after))
    p = (f"{'&le; ' if change.p <= LEAST_P else ''}{change.p:.2g}", f"{change.margin:g}")
    return [
        _code(against.model),
        _code(change.dataset),
        _code(wording.title(change.name, change.conditions)),
        before,
        after,
        f"{change.gain:+.4f} [{change.low:+.4f}, {change.high:+.4f}]",
        *(p if change.outcome == "worse" else ()),
        _flips(change),
    ]


def _flips(change: Change) -> str:
    """Say how many pairs changed sides; who they are is said by the page alone."""
    flips = change.flips
    if flips is None:
        return ""
    return f"{flips.negative} of {flips.pairs} broke, {flips.positive} the reverse"


def _slower(against: Sequence[Against]) -> _Section:
    rows = (
        [
            _code(each.model),
            _code(f"{timing.dataset}, {timing.conditions.in_words()}"),
            f"{timing.ratio:.2f} x",
            f"{timing.p:.2g}",
            f"{timing.margin:g}",
        ]
        for each in against
        for timing in each.timings
        if timing.outcome == "worse" and timing.ratio is not None
    )
    head = ("model", "what", "time against the baseline's", "p", "margin")
    return _table(head, rows, title="What got slower", unit="more timings")


def _incomparable(against: Sequence[Against]) -> Iterator[str]:
    """Yield each reason once, with the cases that it holds for counted: one change of the data concerns all of them."""
    for each in against:
        reasons = dict.fromkeys(c.reason for c in each.changes if c.outcome == "incomparable")
        for reason in reasons:
            count = sum(c.outcome == "incomparable" and c.reason == reason for c in each.changes)
            yield f"{_code(each.model)}, {count} case{'s' if count > 1 else ''}: {_sentence(reason)}"
        for reason in dict.fromkeys(t.reason for t in each.timings if t.outcome == "incomparable"):
            yield f"{_code(each.model)}, timings: {_sentence(reason)}"


def _undecided(against: Sequence[Against]) -> Iterator[str]:
    for each, change in _chosen(against, "undecided"):
        what = _code(f"{change.dataset}, {wording.title(change.name, change.conditions)}")
        needed = f"; some {change.people_needed} people would decide" if change.people_needed is not None else ""
        yield f"{_code(each.model)}, {what}: {change.gain:+.4f} [{change.low:+.4f}, {change.high:+.4f}]{needed}"


def _yardstick(against: Against) -> str:
    differences = [_code(f"{each.key} {each.before} -> {each.after}") for each in against.differences[:6]]
    more = len(against.differences) - len(differences)
    changed = f"; changed: {', '.join(differences)}{f' and {more} more' if more else ''}" if differences else ""
    return f"{_code(against.model)}: {_sentence(against.baseline)}{changed}"


# Commands.


def _commands(failed: Sequence[Verdict], run: Run) -> _Section:
    rows = tuple(dict.fromkeys(repeated(verdict, run) for verdict in failed))
    kept = tuple(row for row in rows if len(row) <= _COMMAND)  # a part of a command would do something else
    longest = max((len(ticks) for row in kept for ticks in _TICKS.findall(row)), default=0)
    if longest > _NAME:
        kept = tuple(row for row in kept if "`" not in row)
        longest = 0
    fence = "`" * max(3, longest + 1)
    head = ("### Each failed case again", "", f"{fence}sh")
    return _Section(head=head, rows=kept, foot=(fence,), unit="more commands")


# Text out of other people's files.


def _code(text: str) -> str:
    r"""Return a name in a code span, also within a table: neither link nor mention nor markup.

    >>> print(_code("a|b `c` @d"))
    ``a\|b `c` @d``
    """
    plain = shortened(" ".join(printable(" ".join(text.split())).split()), _NAME) or " "
    fence = "`" * (1 + max((len(ticks) for ticks in _TICKS.findall(plain)), default=0))
    padded = f" {plain} " if plain.startswith("`") or plain.endswith("`") else plain
    # A backslash before a bar would be escaped itself, and the bar would end the cell and the code.
    escaped = re.sub(r"(\\?)\|", lambda found: f"{found[1]}\u200b\\|" if found[1] else "\\|", padded)
    return f"{fence}{escaped}{fence}"


def _sentence(text: str) -> str:
    """Return a sentence of others without markup, mentions and links."""
    return _LIVELY.sub("\u200b", wording.in_markdown(shortened(text, _SENTENCE)))
