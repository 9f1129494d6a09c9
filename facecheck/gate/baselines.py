"""The last approved run of a model line: the yardstick of later runs, as files that a reviewer reads.

A line is a name that survives the versions of a model. Its folder holds ``baseline.json`` (who approved what, when and
why, the signature and the metrics with their intervals), ``SUMMARY.md`` (the same for a pull request) and, in
``scores/``, the similarity of every pair: one file a data set, named by its hash. A run never changes a baseline; an
approval writes the new files of scores first, then replaces ``baseline.json`` in one step, and only then removes files
that nothing refers to. An interruption at any point leaves the old baseline or the new one.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import getpass
import hashlib
import io
import json
import re
import subprocess
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from facecheck.errors import FacecheckError, nearest
from facecheck.metrics.scores import Scores
from facecheck.results.catalogue import METRICS
from facecheck.results.conditions import Conditions
from facecheck.results.measurement import Measurement
from facecheck.results.run import Failures, Run
from facecheck.results.scored_pairs import ScoredPairs, load_scores
from facecheck.results.signature import Signature
from facecheck.results.wording import in_markdown, title
from facecheck.storage.files import file_stem, opened_regular, write_text, writing

__all__ = ["Approval", "Baseline", "approve", "approver", "read_baseline"]

SCHEMA = 1
_JSON, _SUMMARY, _SCORES = "baseline.json", "SUMMARY.md", "scores"
_LINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=+-]{0,99}")
_MOST_BYTES = 512 * 2**20
# What later runs are compared in; the rest of a run's numbers is in its own folder.
_COMPARED = frozenset(
    {"accuracy", "fmr", "fnmr", "auc", "eer", "tar_at_far", "dprime", "detection_rate", "fta"}
    | {"genuine_distance_mean", "impostor_distance_mean", "threshold_distance"}
)


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
class Baseline:
    """An approved run of one model.

    Args:
        approval: who, when and why.
        signature: of the model, its data sets, code and machine.
        measurements: that later runs are compared in.
        failures: images that gave no embedding.
        scores: SHA-256 of each file of scores by its name.
        folder: that it was read from.
    """

    approval: Approval
    signature: Signature
    measurements: tuple[Measurement, ...]
    failures: tuple[Failures, ...]
    scores: Mapping[str, str]
    folder: Path

    def scored(self) -> Iterator[ScoredPairs]:
        """Yield the scores of every data set and corruption.

        Raises:
            FacecheckError: a file is missing, or is not the one that was approved.
        """
        for name, expected in self.scores.items():
            path = self.folder / _SCORES / name
            yield from _read_scores(path, expected, self.approval.model)


def _checked_line(name: str) -> str:
    """Return the name of a line, which is also that of its folder.

    Raises:
        FacecheckError: it cannot be a folder's name everywhere.
    """
    made = re.sub(r"[^A-Za-z0-9._=+-]+", "-", name).strip("-.")[:100]
    if not _LINE.fullmatch(made):
        raise FacecheckError(f"line {name!r}: expected a name of letters, digits and . _ = + -")
    return made


def approver() -> str:
    """Return who works here: git's name, or the login."""
    try:
        named = subprocess.run(["git", "config", "user.name"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S607
        return named.stdout.strip() or getpass.getuser()
    except (OSError, KeyError, subprocess.TimeoutExpired):
        return "unknown"


def approve(
    folder: Path, baselines: Path, *, model: str | None, line: str | None = None, reason: str, by: str
) -> Baseline:
    """Make a finished run the baseline of a line, in place of the last one.

    Args:
        folder: of the run.
        baselines: folder of all baselines.
        model: name of the recogniser in the run, None for the only one.
        line: name of the line, the model's by default.
        reason: why it is approved.
        by: who approves it.

    Raises:
        FacecheckError: no such run, or the model is not in it.
        OSError: it cannot be written; the last baseline is as it was.
    """
    run = Run.read(folder)
    if model is None and len(run.signature.models) != 1:
        raise FacecheckError(f"{folder}: which model? Say --model, one of {', '.join(_models(run))}")
    model = run.signature.models[0].name if model is None else model
    measurements = tuple(m for m in run.measurements if m.model == model and _is_compared(m))
    signed = run.signature.model(model)
    if signed is None or not measurements:
        raise FacecheckError(f"{folder}: nothing of {model!r} to approve. {nearest(model, _models(run))}")
    if not reason.strip():
        raise FacecheckError("an approval needs a reason, in words: it is what a reviewer reads first")
    sampled = [dataset.name for dataset in run.signature.datasets if dataset.sampled]
    if sampled:
        raise FacecheckError(f"{folder}: {', '.join(sampled)}: a run of a sample is no yardstick; run all comparisons")
    place = baselines / _checked_line(line or model)
    (place / _SCORES).mkdir(parents=True, exist_ok=True)
    behind = {name for m in measurements for name in m.scores}
    scored = [each for each in load_scores(folder, hashes=run.scores) if each.model == model and each.name in behind]
    scores = dict(_write_scores(place / _SCORES, scored))
    names = {m.dataset for m in measurements}
    baseline = Baseline(
        approval=Approval(
            line=place.name,
            model=model,
            reason=reason.strip(),
            by=by,
            at=dt.datetime.now().astimezone().isoformat(timespec="seconds"),
            run=run.id,
            started=run.started,
        ),
        signature=dataclasses.replace(
            run.signature,
            models=(signed,),
            datasets=tuple(dataset for dataset in run.signature.datasets if dataset.name in names),
        ),
        measurements=measurements,
        failures=tuple(f for f in run.failures if f.model == model),
        scores=scores,
        folder=place,
    )
    write_text(place / _JSON, _as_text(baseline))
    write_text(place / _SUMMARY, summary(baseline))
    for path in (place / _SCORES).glob("*"):
        if path.name not in scores:
            path.unlink(missing_ok=True)
    return baseline


def _models(run: Run) -> list[str]:
    return [model.name for model in run.signature.models]


def _is_compared(m: Measurement) -> bool:
    return m.name in _COMPARED and m.conditions.fold is None and m.conditions.failures != "left out"


# Scores: one file a data set, a row a corruption.


def _write_scores(folder: Path, scored: Sequence[ScoredPairs]) -> Iterator[tuple[str, str]]:
    """Write the files of all data sets, and yield name and hash of each."""
    of_dataset: dict[tuple[str, str], list[ScoredPairs]] = defaultdict(list)
    for each in scored:
        of_dataset[each.dataset, each.digest].append(each)
    for (dataset, _), group in of_dataset.items():
        stream = io.BytesIO()
        first = group[0]
        images, indices = np.unique(first.names, return_inverse=True)
        titles = [{"name": each.name, "condition": each.condition} for each in group]
        for each in group[1:]:
            if not (np.array_equal(each.names, first.names) and np.array_equal(each.scores.who, first.scores.who)):
                raise FacecheckError(
                    f"{dataset}: {each.condition}: its scores are of other pairs than {first.condition}"
                )
        np.savez_compressed(
            stream,
            title=np.array(
                json.dumps({"dataset": dataset, "kind": first.kind, "digest": first.digest, "rows": titles})
            ),
            similarity=np.stack([each.scores.similarity for each in group]),
            thresholds=np.stack([each.thresholds for each in group]),
            who=first.scores.who.astype(np.int32),
            yaw_difference_rad=first.yaw_difference_rad,
            images=images,
            indices=indices.reshape(first.names.shape).astype(np.int32),
        )
        content = stream.getvalue()
        digest = hashlib.sha256(content).hexdigest()
        name = f"{file_stem(dataset, most=80)}-{digest[:12]}.npz"
        with writing(folder / name) as file:
            file.write(content)
        yield name, digest


def _read_scores(path: Path, expected: str, model: str) -> Iterator[ScoredPairs]:
    advice = "restore it from the repository's history, or approve a run again"
    try:
        with opened_regular(path, most=_MOST_BYTES) as stream:
            content = stream.read()
    except OSError as error:
        raise FacecheckError(f"{path}: scores of the baseline cannot be read ({error.strerror}): {advice}") from error
    if hashlib.sha256(content).hexdigest() != expected:
        raise FacecheckError(f"{path}: not the scores that were approved: {advice}")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            yield from _rows(arrays, model)
    except (EOFError, ValueError, LookupError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise FacecheckError(f"{path}: no scores of a baseline: {error}") from error


def _rows(arrays: Mapping[str, npt.NDArray[np.generic]], model: str) -> Iterator[ScoredPairs]:
    title = json.loads(str(arrays["title"]))
    rows = title.pop("rows")
    who = np.asarray(arrays["who"], dtype=np.int64)
    names = np.asarray(arrays["images"], dtype=np.str_)[np.asarray(arrays["indices"], dtype=np.int64)]
    similarity = np.asarray(arrays["similarity"], dtype=np.float64)
    thresholds = np.asarray(arrays["thresholds"], dtype=np.float64)
    for number, row in enumerate(rows):
        yield ScoredPairs(
            **title,
            **row,
            model=model,
            scores=Scores(similarity[number], who),
            thresholds=thresholds[number],
            yaw_difference_rad=np.asarray(arrays["yaw_difference_rad"], dtype=np.float64),
            names=names,
        )


# The file, and what a reviewer reads.


def _as_text(baseline: Baseline) -> str:
    content = {
        "schema": SCHEMA,
        "approval": msgspec.to_builtins(baseline.approval),
        "signature": msgspec.to_builtins(baseline.signature),
        "scores": dict(baseline.scores),
        "failures": msgspec.to_builtins(baseline.failures),
    }
    head = json.dumps(content, indent=1, allow_nan=False)
    rows = ",\n".join(
        "  " + json.dumps(m.as_json() | {"conditions": m.conditions.as_json()}, allow_nan=False)
        for m in baseline.measurements
    )
    return f'{head[:-2]},\n "measurements": [\n{rows}\n ]\n}}\n'


def read_baseline(baselines: Path, line: str) -> Baseline | None:
    """Return the baseline of a line, None if there is none.

    Raises:
        FacecheckError: the file is damaged, or of a newer facecheck.
    """
    place = baselines / line
    path = place / _JSON
    if not path.exists():
        return None
    try:
        content = msgspec.json.decode(path.read_bytes())
        schema = content["schema"]
        if schema == SCHEMA:
            for entry in content["measurements"]:
                Conditions.of_json(entry["conditions"])
                METRICS[entry["name"]]
            return Baseline(
                approval=msgspec.convert(content["approval"], Approval),
                signature=msgspec.convert(content["signature"], Signature),
                measurements=msgspec.convert(content["measurements"], tuple[Measurement, ...]),
                failures=msgspec.convert(content["failures"], tuple[Failures, ...]),
                scores=_file_names(content["scores"]),
                folder=place,
            )
    except (FacecheckError, OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise FacecheckError(f"{path}: no baseline of facecheck: {error}") from error
    raise FacecheckError(f"{path}: written by a newer facecheck (schema {schema!r}; this one reads {SCHEMA}): upgrade")


def _file_names(scores: Mapping[str, str]) -> dict[str, str]:
    for name in scores:
        if Path(name).name != name or not name.endswith(".npz"):
            raise FacecheckError(f"{name!r} is no name of a file of scores")
    return dict(scores)


def summary(baseline: Baseline) -> str:
    """Return what a reviewer reads: who approved what and why, and the metrics on clean images, in Markdown."""
    a, code = baseline.approval, baseline.signature.code
    commit = (
        f"{code.repository.commit[:12]}{' (with changes)' if code.repository.dirty else ''}" if code.repository else "-"
    )
    (model,) = baseline.signature.models
    weights = str(model.contract.get("weights_sha256", ""))[:16] or "-"
    head = [
        f"# Baseline of {in_markdown(a.line)}",
        "",
        in_markdown(a.reason),
        "",
        f"- approved by {in_markdown(a.by)}, {a.at}",
        f"- run {in_markdown(a.run)} of {in_markdown(a.started)}, commit {commit}, facecheck {code.facecheck}",
        f"- model {in_markdown(a.model)}, {in_markdown(model.spec)}, weights {weights}",
        *(
            f"- data {in_markdown(d.name)}: {d.comparisons} comparisons of {d.people} people, {d.digest[:12]}"
            for d in baseline.signature.datasets
        ),
        "",
        "| data set | metric | value | 95 % interval |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *_table(baseline.measurements)]) + "\n"


def _table(measurements: Iterable[Measurement]) -> Iterator[str]:
    seen: set[tuple[str, str, Conditions]] = set()
    for m in measurements:
        key = (m.dataset, m.name, m.conditions)
        if m.conditions.is_swept or key in seen:
            continue
        seen.add(key)
        cells = in_markdown(m.dataset), in_markdown(title(m.name, m.conditions))
        yield f"| {' | '.join(cells)} | {m.value:.4f} | {m.low:.4f} to {m.high:.4f} |"
