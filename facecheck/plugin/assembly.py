"""One run out of the reports of its cases."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import pytest

from facecheck.errors import FacecheckError, printable, shortened
from facecheck.evaluation.signatures import sign_code, sign_machine
from facecheck.gate import unmatched
from facecheck.gate.published import beside
from facecheck.plugin.options import switch, text
from facecheck.plugin.planning import planned
from facecheck.plugin.properties import PREFIX, properties
from facecheck.plugin.record import PROPERTY
from facecheck.plugin.unfinished import finished, interrupted_runs
from facecheck.plugin.yardstick import Compared
from facecheck.report.finish import UnfinishedError, finish_run, size_mib
from facecheck.report.terminal import table
from facecheck.results.evidence import hashes_of_evidence
from facecheck.results.measurement import Measurement
from facecheck.results.probe_vectors import hashes_of_probes
from facecheck.results.run import RESULTS, Failures, Run, new_run_id
from facecheck.results.scored_pairs import hashes_of_scores
from facecheck.results.signature import DatasetSignature, ModelSignature, Signature
from facecheck.results.timed import Timed
from facecheck.results.verdict import Outcome, Verdict
from facecheck.storage.versions import library_versions

__all__ = ["Assembly"]

_LONGEST = 20_000  # letters of a verdict's reason
_OUTCOMES: dict[str, Outcome] = {"passed": "passed", "failed": "failed", "skipped": "skipped"}


class Assembly:
    """Collects what the cases of a run kept.

    Args:
        started: when the run began.
    """

    def __init__(self, started: dt.datetime) -> None:
        self._started = started
        self._verdicts: dict[str, Verdict] = {}
        self._kept: dict[str, list[Any]] = defaultdict(list)
        self.compared = Compared()

    @property
    def outcomes(self) -> set[Outcome]:
        """Of all cases so far."""
        return {verdict.outcome for verdict in self._verdicts.values()}

    def take(self, report: pytest.TestReport) -> None:
        """Take one report of an eval: what it kept, and its outcome."""
        nodeid = _nodeid(report)
        kept = [json.loads(str(value)) for name, value in report.user_properties if name == PROPERTY]
        if report.when == "teardown":
            for entry in kept:
                for kind, content in entry.items():
                    self._kept[kind].append(content)
        unfinished = report.when != "call" and report.outcome == "passed"
        if unfinished or (nodeid in self._verdicts and report.outcome == "passed"):
            return
        self._verdicts[nodeid] = _verdict(nodeid, report, kept)

    def plain(self, report: pytest.TestReport) -> list[tuple[str, object]]:
        """Return the properties of a report with the numbers of the case instead of what it kept for the run."""
        kept = [json.loads(str(value)) for name, value in report.user_properties if name == PROPERTY]
        others = [(name, value) for name, value in report.user_properties if name != PROPERTY]
        if report.when != "teardown":  # JUnit XML takes them then, once
            return others
        outcome = self._verdicts.get(_nodeid(report))
        verdict = [] if outcome is None else [(f"{PREFIX}verdict", outcome.outcome)]
        found = dict(properties(kept)) | dict(verdict)
        return [*others, *found.items()]

    def finish(self, folder: Path, config: pytest.Config, *, whole: bool) -> list[str]:
        """Write the run, compare it with its yardstick and finish its folder; return the summary.

        Args:
            folder: of the run.
            config: of the session.
            whole: whether every case was run: of another, nothing is approved.

        Raises:
            FacecheckError: the run was to be approved, and could not.
            UnfinishedError: results, comparison or graphs could not be written.
        """
        run = self._run(folder, config)
        yardstick = planned(config).yardstick
        self._write(run, folder)
        self.compared = yardstick.compare(run, folder)
        if self.compared != Compared():
            notes = (*run.notes, *self.compared.notes, *self.compared.problems)
            run = dataclasses.replace(run, against=self.compared.against, notes=notes)
            self._write(run, folder)
        if run.measurements:  # a run that measured nothing must not hide the last one that did
            _point_latest(folder)
        try:
            # The history first: the page draws the trend up to this run.
            history = text(config, "history", str(folder.parent / "history.sqlite"))
            remembered = _in_history(run, folder, history)
            made = finish_run(folder, thumbnails=planned(config).thumbnails, history=history)
            told = [*_interrupted(folder), *made, *remembered, *_in_mlflow(run, folder, config)]
        finally:
            finished(folder)
        if yardstick.reason:
            broken = [
                verdict.case for verdict in run.verdicts if verdict.outcome == "failed" and not verdict.judgements
            ]
            if broken or not whole:
                why = f"{broken[0]} ended by an error" if broken else "the run was interrupted"
                raise UnfinishedError(f"nothing was approved: {why}", told)
            try:
                told += yardstick.approve(run, folder)
            except (FacecheckError, OSError) as error:
                raise UnfinishedError(f"nothing more was approved: {error}", told) from error
        return told

    def _write(self, run: Run, folder: Path) -> None:
        try:
            run.write(folder)
        except OSError as error:
            raise UnfinishedError(
                f"{folder}: results.json could not be written: {error.strerror or error}. {len(run.scores)} files of "
                f"scores are there ({size_mib(folder):.1f} MiB), and finished work is in the cache: make room, then "
                "run the same command again",
                table(run, folder=folder),
            ) from error

    def _run(self, folder: Path, config: pytest.Config) -> Run:
        plan = planned(config)
        models = msgspec.convert(_last_by_name(self._kept["model"]), tuple[ModelSignature, ...])
        datasets = msgspec.convert(_last_by_name(self._kept["dataset"]), tuple[DatasetSignature, ...])
        signature = Signature(
            models=models,
            datasets=datasets,
            code=sign_code(config.rootpath, reports=folder.parent),
            libraries=library_versions(),
            machine=sign_machine(plan.settings),
        )
        failures = {json.dumps({**entry, "images": ()}): entry for entry in self._kept["failures"]}
        measurements = msgspec.convert(self._kept["measurement"], tuple[Measurement, ...])
        idle = unmatched(plan.limits, measurements)
        published = [] if plan.published is None else beside(plan.published, signature, measurements)
        return Run(
            id=new_run_id(self._started),
            started=self._started.isoformat(timespec="seconds"),
            duration_s=round((dt.datetime.now().astimezone() - self._started).total_seconds(), 3),
            signature=signature,
            measurements=measurements,
            verdicts=tuple(self._verdicts.values()),
            failures=msgspec.convert(list(failures.values()), tuple[Failures, ...]),
            notes=(*dict.fromkeys(self._kept["note"]), *published, *filter(None, [idle])),
            questions={name: question for entry in self._kept["question"] for name, question in entry.items()},
            scores=hashes_of_scores(folder),
            probes=hashes_of_probes(folder),
            evidence=hashes_of_evidence(folder),
            timed=msgspec.convert(self._kept["timed"], tuple[Timed, ...]),
            options=_given(config),
        )


def _given(config: pytest.Config) -> dict[str, str]:
    """Return the options that decide which cases there are and how they are judged, where they were given."""
    names = ("datasets", "limits", "corruptions", "against", "twin", "quality")
    texts = {name: text(config, name, "") for name in names}
    switches = {name: "" for name in ("full", "strict") if switch(config, name)}
    return {name: printable(value) for name, value in texts.items() if value} | switches


def _in_history(run: Run, folder: Path, history: str) -> list[str]:
    """Put the run into the history; what goes wrong there costs no run."""
    if not run.measurements or history == "none":
        return []
    from facecheck.history.keeping import kept  # noqa: PLC0415 - SQLAlchemy takes a while to import

    return kept(folder, history)


def _in_mlflow(run: Run, folder: Path, config: pytest.Config) -> list[str]:
    """Put the run into MLflow, where one was named; what goes wrong there costs no run."""
    uri = text(config, "mlflow", "")
    if not run.measurements or not uri:
        return []
    from facecheck.history.mlflow import export_run  # noqa: PLC0415 - an extra

    try:
        return [f"in MLflow: {', '.join(export_run(folder, uri))}"]
    except FacecheckError as error:
        return [f"the run is not in MLflow: {error}"]


def _interrupted(folder: Path) -> list[str]:
    """Say which runs beside this one were killed, before their results were written or after; of the latter once."""
    dead = [folder.parent / name for name in interrupted_runs(folder.parent) if name != folder.name]
    whole = [each for each in dead if (each / RESULTS).is_file()]
    told = [
        f"run {each.name} was interrupted after its results were written: facecheck report {each} draws its graphs"
        for each in whole
    ]
    for each in whole:
        with contextlib.suppress(OSError):
            finished(each)
    lost = [each for each in dead if each not in whole]
    if lost:
        told.append(
            f"{len(lost)} run(s) in {folder.parent} were interrupted before their results were written, the last "
            f"{lost[-1].name}: what they finished is in the cache; remove their folders"
        )
    return told


def _last_by_name(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({entry["name"]: entry for entry in entries}.values())


def _nodeid(report: pytest.TestReport) -> str:
    """Return the case's name; xdist appends the group to it."""
    return (report.nodeid.rpartition("@")[0] if hasattr(report, "node") else "") or report.nodeid


def _verdict(nodeid: str, report: pytest.TestReport, kept: list[dict[str, Any]]) -> Verdict:
    """Return the verdict that the case kept, unless it ended otherwise: by an error, or by a later assertion."""
    eval_name = next((str(value) for name, value in report.user_properties if name == "facecheck-eval"), "")
    judged = [msgspec.convert(entry["verdict"], Verdict) for entry in kept if "verdict" in entry]
    outcome = _OUTCOMES[report.outcome]
    if judged and (judged[-1].outcome == outcome or (judged[-1].outcome, outcome) == ("unjudged", "skipped")):
        outcome, reason = judged[-1].outcome, judged[-1].reason
    else:
        reason = "\n".join(filter(None, [*(v.reason for v in judged if v.outcome == "failed"), _why(report)]))
    judgements = tuple(judgement for verdict in judged for judgement in verdict.judgements)
    reason = shortened(printable(reason, lines=True), _LONGEST)
    return Verdict(outcome=outcome, reason=reason, judgements=judgements, eval=eval_name, case=nodeid)


def _why(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    lines = str(report.longrepr or "").strip().splitlines()
    return lines[-1] if lines else ""


def _point_latest(folder: Path) -> None:
    """Make ``latest`` the newest run: a link, put in place at once so that concurrent runs do not clash.

    Where the system has no links, or ``latest`` is somebody's own folder, it stays as it is.
    """
    latest = folder.parent / "latest"
    link = folder.parent / f".latest-{folder.name}"
    try:
        link.symlink_to(folder.name, target_is_directory=True)
        link.replace(latest)
    except OSError:
        link.unlink(missing_ok=True)
