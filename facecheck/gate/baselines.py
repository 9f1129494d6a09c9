"""The last approved run of a model line: the yardstick of later runs, as files that a reviewer reads.

A line is a name that survives the versions of a model. Its folder holds ``baseline.json`` (who approved what, when and
why, the signature and the metrics with their intervals), ``SUMMARY.md`` (the same for a pull request) and, in
``scores/``, the similarity of every pair: one file a data set, named by its hash. An approval replaces the data sets of
its run and leaves those of others as they were. A run never changes a baseline; an approval writes the new files of
scores first, then replaces ``baseline.json`` in one step, and only then removes files that nothing refers to. An
interruption at any point leaves the old baseline or the new one.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from facecheck.errors import FacecheckError
from facecheck.gate.baseline_scores import ADVICE, read_evidence, read_scores
from facecheck.results.catalogue import METRICS
from facecheck.results.conditions import Conditions
from facecheck.results.evidence import Evidence
from facecheck.results.measurement import Measurement
from facecheck.results.probe_vectors import ProbeVectors, load_probe
from facecheck.results.run import Failures
from facecheck.results.scored_pairs import ScoredPairs
from facecheck.results.signature import Signature
from facecheck.results.timed import Timed
from facecheck.results.wording import in_markdown, title
from facecheck.results.wording import value as number
from facecheck.storage.files import opened_regular, write_text

__all__ = ["Approval", "Baseline", "Part", "baseline_folder", "leftovers", "read_baseline", "summary", "write_baseline"]

SCHEMA = 2
_JSON, _SUMMARY = "baseline.json", "SUMMARY.md"
_LINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=+-]{0,99}")
_MOST_BYTES = 512 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Who approved what, and why.

    Args:
        line: name of the model line.
        model: name of the recogniser that was approved.
        reason: in words.
        by: who.
        at: when, ISO 8601 with its zone.
        run: id of the run.
        started: when the run began, ISO 8601.
    """

    line: str
    model: str
    reason: str
    by: str
    at: str
    run: str
    started: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The data sets of one approved run.

    Args:
        approval: who, when and why.
        signature: of the model, these data sets, code and machine.
        measurements: that later runs are compared in.
        failures: images that gave no embedding.
        scores: SHA-256 of each file of scores by its name.
        evidence: SHA-256 of each file of what stands behind an eval beside the scores.
        elsewhere: folder or URL that the files of scores and evidence are in; empty for the baseline's own.
        probes: SHA-256 of the file of vectors on fixed crops by its name; it is beside the baseline.
        timed: the rounds of each timing.
        concerns: cases of the approved run that were not green, in words.
    """

    approval: Approval
    signature: Signature
    measurements: tuple[Measurement, ...] = ()
    failures: tuple[Failures, ...] = ()
    scores: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, str] = field(default_factory=dict)
    elsewhere: str = ""
    probes: Mapping[str, str] = field(default_factory=dict)
    timed: tuple[Timed, ...] = ()
    concerns: tuple[str, ...] = ()

    @property
    def datasets(self) -> frozenset[str]:
        """The names of the data sets."""
        return frozenset(dataset.name for dataset in self.signature.datasets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What a model line is compared with.

    Args:
        line: its name.
        parts: one an approval, the newest last; no data set is in two.
        folder: that it was read from.
        earlier: approvals of which no data set is left in a part, the oldest first.
    """

    line: str
    parts: tuple[Part, ...]
    folder: Path
    earlier: tuple[Approval, ...] = ()

    @property
    def approvals(self) -> tuple[Approval, ...]:
        """Every approval that the file remembers, the oldest first."""
        return tuple(sorted((*self.earlier, *(part.approval for part in self.parts)), key=_moment))

    @property
    def scores_folder(self) -> Path:
        """Where the files of scores and vectors are, unless they are kept elsewhere."""
        return self.folder / "scores"

    def scored(self) -> Iterator[ScoredPairs]:
        """Yield the scores of every data set and corruption.

        Raises:
            FacecheckError: a file is missing, or is not the one that was approved.
        """
        for part in self.parts:
            for name, expected in part.scores.items():
                place = part.elsewhere or str(self.scores_folder)
                yield from read_scores(place, name, expected, model=part.approval.model)

    def evidence(self) -> Iterator[Evidence]:
        """Yield what stands behind the evals of every data set beside the scores.

        Raises:
            FacecheckError: a file is missing, or is not the one that was approved.
        """
        for part in self.parts:
            for name, expected in part.evidence.items():
                yield read_evidence(part.elsewhere or str(self.scores_folder), name, expected)

    def probe(self) -> ProbeVectors | None:
        """Return what the newest approved version answered to fixed crops, None if that was not recorded.

        Raises:
            FacecheckError: the file is missing, or is not the one that was approved.
        """
        found = [(name, expected) for part in self.parts for name, expected in part.probes.items()]
        return load_probe(self.scores_folder / found[-1][0], found[-1][1]) if found else None


def _moment(approval: Approval) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(approval.at).astimezone(dt.UTC)
    except (ValueError, OverflowError, OSError):
        return dt.datetime.min.replace(tzinfo=dt.UTC)


def baseline_folder(baselines: Path, line: str) -> Path:
    """Return the folder of a line's baseline, whether it exists or not.

    Raises:
        FacecheckError: a name that cannot be a folder's everywhere.
    """
    return baselines / _checked_line(line)


def _checked_line(name: str) -> str:
    """Return the name of a line, which is also that of its folder.

    Raises:
        FacecheckError: it cannot be a folder's name everywhere.
    """
    made = re.sub(r"[^A-Za-z0-9._=+-]+", "-", name).lstrip("-._=+").rstrip("-.")[:100]
    if not _LINE.fullmatch(made):
        raise FacecheckError(f"line {name!r}: expected a name of letters, digits and . _ = + -")
    return made


# The file, and what a reviewer reads.


def write_baseline(baseline: Baseline) -> None:
    """Replace what was approved in one step; its scores are there already. Then remove files that nothing refers to.

    Raises:
        OSError: it cannot be written; the last baseline is as it was.
    """
    baseline.folder.mkdir(parents=True, exist_ok=True)
    write_text(baseline.folder / _JSON, _as_text(baseline))
    write_text(baseline.folder / _SUMMARY, summary(baseline))
    for path in _strays(baseline):
        path.unlink(missing_ok=True)


def leftovers(baseline: Baseline) -> list[str]:
    """Return what an interrupted approval left behind, in words: the baseline itself is whole.

    Args:
        baseline: as it was read; one without parts stands for a line of which nothing was approved yet.
    """
    found = []
    if baseline.parts and _is_stale(baseline):
        found.append(
            f"{baseline.folder / _SUMMARY} is not of this baseline: an approval was interrupted, or it was edited"
        )
    strays = _strays(baseline)
    if strays:
        found.append(
            f"{baseline.folder} holds {len(strays)} files of no approval, such as {strays[0].name}: one was "
            "interrupted; the next removes them"
        )
    return found


def _is_stale(baseline: Baseline) -> bool:
    try:
        return (baseline.folder / _SUMMARY).read_text(encoding="utf-8") != summary(baseline)
    except (OSError, ValueError):
        return True


def _strays(baseline: Baseline) -> list[Path]:
    """Return files that nothing refers to, and those that were being written when an approval was killed."""
    referred = {name for part in baseline.parts for name in (*part.scores, *part.evidence, *part.probes)}
    begun = [path for name in (_JSON, _SUMMARY) for path in baseline.folder.glob(f".{name}.*")]
    return sorted(path for path in (*baseline.scores_folder.glob("*"), *begun) if path.name not in referred)


def _as_text(baseline: Baseline) -> str:
    """Write a measurement a line: what a review shows as changed is what changed."""
    parts = ",\n".join(map(_part_as_text, baseline.parts))
    earlier = _lines_of(map(msgspec.to_builtins, baseline.earlier))
    before = f' "earlier": [\n{earlier}\n ],\n' if earlier else ""
    head = f'{{\n "schema": {SCHEMA},\n "line": {json.dumps(baseline.line)},\n'
    return f'{head}{before} "parts": [\n{parts}\n ]\n}}\n'


def _part_as_text(part: Part) -> str:
    content = {
        "approval": msgspec.to_builtins(part.approval),
        "concerns": list(part.concerns),
        "signature": msgspec.to_builtins(part.signature),
        "elsewhere": part.elsewhere,
        "scores": dict(part.scores),
        "evidence": dict(part.evidence),
        "probes": dict(part.probes),
        "failures": msgspec.to_builtins(part.failures),
    }
    head = json.dumps(content, indent=1, allow_nan=False)
    measured = _lines_of(m.as_json() for m in part.measurements)
    timed = _lines_of({**msgspec.to_builtins(t), "conditions": t.conditions.as_json()} for t in part.timed)
    return f'{head[:-2]},\n "measurements": [\n{measured}\n ],\n "timed": [\n{timed}\n ]\n}}'


def _lines_of(entries: Iterable[Mapping[str, object]]) -> str:
    return ",\n".join("  " + json.dumps(entry, allow_nan=False) for entry in entries)


def read_baseline(baselines: Path, line: str) -> Baseline | None:
    """Return the baseline of a line, None if there is none.

    Raises:
        FacecheckError: the file is damaged, or of another version of facecheck.
    """
    place = baselines / line
    path = place / _JSON
    if not path.exists():
        return None
    try:
        with opened_regular(path, most=_MOST_BYTES) as stream:
            content = msgspec.json.decode(stream.read())
        schema = content["schema"]
        if schema == SCHEMA:
            return Baseline(
                line=str(content["line"]),
                parts=tuple(map(_part, content["parts"])),
                folder=place,
                earlier=msgspec.convert(content.get("earlier", []), tuple[Approval, ...]),
            )
    except (FacecheckError, OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise FacecheckError(f"{path}: no baseline of facecheck: {error}. {ADVICE.capitalize()}") from error
    raise FacecheckError(
        f"{path}: of another version of facecheck (schema {schema!r}; this one reads {SCHEMA}): use that version, or "
        "approve a run again"
    )


def _part(content: Mapping[str, Any]) -> Part:
    for entry in (*content["measurements"], *content["timed"]):
        Conditions.of_json(entry["conditions"])  # msgspec would leave out names that are not known
    for entry in content["measurements"]:
        METRICS[entry["name"]]
    part = msgspec.convert(content, Part)
    _checked_names(part.scores)
    _checked_names(part.evidence)
    _checked_names(part.probes)
    if not part.signature.models:
        raise FacecheckError("a part names no model")
    return part


def _checked_names(files: Mapping[str, str]) -> None:
    for name in files:
        if Path(name).name != name or not name.endswith(".npz"):
            raise FacecheckError(f"{name!r} is no name of a file of scores")


def summary(baseline: Baseline) -> str:
    """Return what a reviewer reads: who approved what and why, and the metrics on clean images, in Markdown."""
    parts = [line for part in reversed(baseline.parts) for line in ("", *_part_summary(part))]
    earlier = [
        f"- {in_markdown(a.at[:10])}, {in_markdown(a.by)}, run {in_markdown(a.run)}: {in_markdown(a.reason)}"
        for a in reversed(baseline.earlier)
    ]
    before = ["", "## Approved before", "", *earlier] if earlier else []
    return "\n".join([f"# Baseline of {in_markdown(baseline.line)}", *parts, *before]) + "\n"


def _part_summary(part: Part) -> list[str]:
    a, code = part.approval, part.signature.code
    commit = (
        f"{code.repository.commit[:12]}{' (with changes)' if code.repository.dirty else ''}" if code.repository else "-"
    )
    (model,) = part.signature.models
    weights = str(model.contract.get("weights_sha256", ""))[:16] or "-"
    return [
        in_markdown(a.reason),
        "",
        f"- approved by {in_markdown(a.by)}, {in_markdown(a.at)}",
        f"- run {in_markdown(a.run)} of {in_markdown(a.started)}, commit {commit}, facecheck {code.facecheck}",
        f"- model {in_markdown(a.model)}, {in_markdown(model.spec)}, weights {weights}",
        *(
            f"- data {in_markdown(d.name)}: {d.comparisons} comparisons of {d.people} people, {d.digest[:12]}"
            for d in part.signature.datasets
        ),
        *(f"- note: {in_markdown(concern)}" for concern in part.concerns),
        "",
        "| data set | metric | value | 95 % interval |",
        "|---|---|---|---|",
        *_table(part.measurements),
    ]


def _table(measurements: Iterable[Measurement]) -> Iterator[str]:
    """Yield a row a metric of clean images, those of single yaws last."""
    seen: set[tuple[str, str, Conditions]] = set()
    for m in sorted(measurements, key=lambda m: _is_of_a_yaw(m.conditions)):
        key = (m.dataset, m.name, m.conditions)
        if m.conditions.is_swept or key in seen:
            continue
        seen.add(key)
        cells = in_markdown(m.dataset), in_markdown(title(m.name, m.conditions))
        shown = [number(m.name, each) for each in (m.value, m.low, m.high)]
        yield f"| {' | '.join(cells)} | {shown[0]} | {shown[1]} to {shown[2]} |"


def _is_of_a_yaw(at: Conditions) -> bool:
    return at.yaw_rad is not None or at.yaw_difference_rad is not None
