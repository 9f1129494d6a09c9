"""Approving a run: the one way in which a baseline changes."""

from __future__ import annotations

import dataclasses
import datetime as dt
import getpass
import hashlib
import re
import subprocess
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from facecheck.errors import FacecheckError, nearest
from facecheck.gate.baseline_scores import LONGEST_STEM, write_evidence, write_scores
from facecheck.gate.baselines import Approval, Baseline, Part, baseline_folder, read_baseline, write_baseline
from facecheck.results.evidence import load_evidence
from facecheck.results.measurement import Measurement
from facecheck.results.probe_vectors import load_probes, packed
from facecheck.results.run import Run
from facecheck.results.scored_pairs import ScoredPairs, load_scores
from facecheck.results.signature import ModelSignature
from facecheck.storage.files import file_stem, writing

__all__ = ["approve", "approver", "check_reason"]

# What later runs are compared in; the rest of a run's numbers is in its own folder.
_COMPARED = frozenset(
    {"accuracy", "fmr", "fnmr", "auc", "eer", "tar_at_far", "dprime", "detection_rate", "fta"}
    | {"genuine_distance_mean", "impostor_distance_mean", "threshold_distance", "latency_ms", "throughput_per_s"}
    | {"identification_rate", "dir_at_fpir", "group_fmr", "group_fnmr"}
)
_OF_COMPLETED = frozenset({"edc_area", "edc_relative_area", "cllr", "cllr_min", "ece"})  # what failed has no part in it
_RANKS, _FPIRS = (None, 1, 5, 10), (None, 0.1, 0.01, 0.001)
_EVALS = ("identification", "groups", "quality", "calibration")  # that rest on more than the scores of pairs


def approver() -> str:
    """Return who works here: git's name, or the login."""
    try:
        named = subprocess.run(["git", "config", "user.name"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S607
        return named.stdout.strip() or getpass.getuser()
    except (OSError, KeyError, subprocess.TimeoutExpired):
        return "unknown"


def check_reason(reason: str) -> str:
    """Return the reason of an approval.

    Raises:
        FacecheckError: there is none.
    """
    if not reason.strip():
        raise FacecheckError("an approval needs a reason, in words: it is what a reviewer reads first")
    return reason.strip()


def approve(  # noqa: PLR0913 - the parts of an approval, all named
    folder: Path,
    baselines: Path,
    *,
    model: str | None,
    line: str | None = None,
    reason: str,
    by: str,
    elsewhere: str = "",
) -> Baseline:
    """Make a finished run the baseline of a line, in place of the last one of the same data sets.

    Args:
        folder: of the run.
        baselines: folder of all baselines.
        model: name of the recogniser in the run, None for the only one.
        line: name of the line; by default the one that the model names, or its own name.
        reason: why it is approved.
        by: who approves it.
        elsewhere: folder or URL for the files of scores, of which the baseline then holds the hashes only.

    Raises:
        FacecheckError: no such run, the model is not in it, it is a sample, or it measured less than the baseline.
        OSError: it cannot be written; the last baseline is as it was.
    """
    run = Run.read(folder)
    signed, measurements = _approvable(run, folder, model)
    reason = check_reason(reason)
    baseline = Baseline(line="", parts=(), folder=baseline_folder(baselines, line or signed.in_line))
    last = read_baseline(baselines, baseline.folder.name)
    place = baseline.scores_folder
    scored = _behind(run, folder, measurements)
    evidence = [each for each in load_evidence(folder, run.evidence) if each.model == signed.name]
    now = {(each.dataset, each.condition) for each in scored} | {(each.dataset, each.eval) for each in evidence}
    _refuse_less(last, measurements, now, run.id)
    names = {m.dataset for m in measurements}
    part = Part(
        approval=Approval(
            line=baseline.folder.name,
            model=signed.name,
            reason=reason,
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
        failures=tuple(f for f in run.failures if f.model == signed.name),
        scores=dict(write_scores(elsewhere or str(place), scored)),
        evidence=dict(write_evidence(elsewhere or str(place), evidence)),
        elsewhere=elsewhere,
        probes=_copy_probe(run, folder, signed.name, place),
        timed=tuple(each for each in run.timed if each.model == signed.name),
        concerns=tuple(_concerns(run, signed.name)),
    )
    kept = tuple(without for each in (last.parts if last else ()) for without in _without(each, part.datasets))
    stand = {each.approval for each in kept}
    made = Baseline(
        line=baseline.folder.name,
        parts=(*kept, part),
        folder=baseline.folder,
        earlier=tuple(each for each in (last.approvals if last else ()) if each not in stand),
    )
    write_baseline(made)
    return made


def _approvable(run: Run, folder: Path, model: str | None) -> tuple[ModelSignature, tuple[Measurement, ...]]:
    if model is None and len(run.signature.models) != 1:
        raise FacecheckError(f"{folder}: which model? Say --model, one of {', '.join(_models(run))}")
    model = run.signature.models[0].name if model is None else model
    measurements = tuple(m for m in run.measurements if m.model == model and _is_compared(m))
    signed = run.signature.model(model)
    if signed is None or not measurements:
        raise FacecheckError(f"{folder}: nothing of {model!r} to approve. {nearest(model, _models(run))}")
    sampled = [dataset.name for dataset in run.signature.datasets if dataset.sampled]
    if sampled:
        raise FacecheckError(f"{folder}: {', '.join(sampled)}: a run of a sample is no yardstick; run all comparisons")
    return signed, measurements


def _behind(run: Run, folder: Path, measurements: Iterable[Measurement]) -> list[ScoredPairs]:
    """Return the scores behind the measurements of a model."""
    behind = {name for m in measurements for name in m.scores}
    return [each for each in load_scores(folder, hashes=run.scores) if each.name in behind]


def _refuse_less(
    last: Baseline | None, measurements: Sequence[Measurement], now: Collection[tuple[str, str]], run: str
) -> None:
    """Refuse a run that did not measure all that the baseline holds of its data sets: that would be forgotten.

    Args:
        last: that is to be replaced.
        measurements: of the run.
        now: data set and corruption, or eval, that the run kept something of.
        run: its id.
    """
    names = {m.dataset for m in measurements}
    for part in last.parts if last else ():
        if not part.datasets & names:
            continue
        before = {(m.dataset, m.conditions.corrupted) for m in part.measurements if m.scores and m.dataset in names}
        of_evals = {(m.dataset, m.eval) for m in part.measurements if m.eval in _EVALS and m.dataset in names}
        missing = sorted((before | of_evals).difference(now))
        if missing and last is not None:
            shown = ", ".join(f"{dataset} {condition}" for dataset, condition in missing[:3])
            raise FacecheckError(
                f"{last.folder}: the baseline also holds {shown}{' ...' * (len(missing) > 3)} ({len(missing)} in all), "  # noqa: PLR2004
                f"which run {run} did not measure: run all of its evals, or remove the folder to begin anew"
            )


def _copy_probe(run: Run, folder: Path, model: str, place: Path) -> dict[str, str]:
    """Write the model's vectors on fixed crops beside the baseline, and return name and hash."""
    for answers in load_probes(folder, run.probes):
        if answers.model == model:
            content = packed(answers)
            digest = hashlib.sha256(content).hexdigest()
            name = f"probe-{digest[:12]}.npz"
            place.mkdir(parents=True, exist_ok=True)
            with writing(place / name) as stream:
                stream.write(content)
            return {name: digest}
    return {}


def _concerns(run: Run, model: str) -> Iterator[str]:
    """Yield what a reviewer should know of the approved run: cases that failed, and what became worse."""
    failed = [
        verdict.case
        for verdict in run.verdicts
        if verdict.outcome == "failed" and any(j.measurement.model == model for j in verdict.judgements)
    ]
    if failed:
        yield f"{len(failed)} cases miss their limits, the first {failed[0]}"
    for against in run.against:
        counts = Counter(change.outcome for change in against.changes)
        if against.model == model and counts:
            told = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
            yield f"against {against.baseline}: {told}"


def _without(part: Part, datasets: Collection[str]) -> Iterator[Part]:
    """Yield what is left of a part without these data sets, if anything is."""
    kept = part.datasets - set(datasets)
    if not kept:
        return
    stems = {f"{file_stem(name, most=LONGEST_STEM)}-" for name in kept}
    yield dataclasses.replace(
        part,
        signature=dataclasses.replace(
            part.signature, datasets=tuple(d for d in part.signature.datasets if d.name in kept)
        ),
        measurements=tuple(m for m in part.measurements if m.dataset in kept),
        failures=tuple(f for f in part.failures if f.dataset in kept),
        scores={name: each for name, each in part.scores.items() if any(_is_of(name, stem) for stem in stems)},
        evidence={
            name: each
            for name, each in part.evidence.items()
            if any(_is_of(name, f"{stem}{of_eval}-") for stem in stems for of_eval in _EVALS)
        },
        timed=tuple(each for each in part.timed if each.dataset in kept),
    )


def _is_of(name: str, stem: str) -> bool:
    """Whether a file of scores is that of a data set: its stem and twelve digits of the hash."""
    return name.startswith(stem) and re.fullmatch(r"[0-9a-f]{12}\.npz", name.removeprefix(stem)) is not None


def _models(run: Run) -> list[str]:
    return [model.name for model in run.signature.models]


def _is_compared(m: Measurement) -> bool:
    at = m.conditions
    usual = m.name in _COMPARED and at.fold is None and at.failures != "left out" and at.other_group is None
    return (usual and at.rank in _RANKS and at.fpir in _FPIRS) or m.name in _OF_COMPLETED
