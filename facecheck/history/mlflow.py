"""Runs where MLflow's users look for them: metrics, parameters, tags and figures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from facecheck.errors import FacecheckError
from facecheck.results.measurement import Measurement
from facecheck.results.run import Run

__all__ = ["export_run"]

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_\-. /]+")
_LONGEST = 240
_FIGURES = (".png", ".jpg")
_FILES = ("results.json", "comparison.md", "timing.json")


def export_run(folder: Path, uri: str, *, experiment: str = "facecheck") -> list[str]:
    """Write a finished run to an MLflow server or store: one MLflow run a model, found by facecheck's id.

    A run that is there already is not written again.

    Args:
        folder: of the run.
        uri: tracking URI.
        experiment: name in MLflow.

    Returns:
        ids of the MLflow runs, a model each.

    Raises:
        FacecheckError: no such run, MLflow is missing or does not answer.
    """
    try:
        import mlflow  # noqa: PLC0415 - an extra
        from mlflow.exceptions import MlflowException  # noqa: PLC0415 - likewise
    except ImportError as error:
        raise FacecheckError("MLflow is not installed: pip install 'facecheck[mlflow]'") from error
    run = Run.read(folder)
    try:
        client = mlflow.MlflowClient(tracking_uri=uri)
        known = client.get_experiment_by_name(experiment)
        where = known.experiment_id if known is not None else client.create_experiment(experiment)
        return [_export_model(client, where, run, folder, model.name) for model in run.signature.models]
    except (MlflowException, ImportError, OSError) as error:
        raise FacecheckError(f"MLflow at {uri.rpartition('@')[2]}: {str(error)[:300]}") from error


def _export_model(client: Any, experiment: str, run: Run, folder: Path, model: str) -> str:  # noqa: ANN401 - MLflow's
    found = client.search_runs(
        [experiment], f"tags.`facecheck.run` = '{run.id}' and tags.`facecheck.model` = '{_quoted(model)}'"
    )
    if found:
        return str(found[0].info.run_id)
    made = client.create_run(experiment, tags=_tags(run, model), run_name=f"{model} {run.started[:16]}")
    key = made.info.run_id
    for name, value in _params(run, model):
        client.log_param(key, name, value)
    for name, number in _metrics(run, model):
        client.log_metric(key, name, number)
    for path in sorted(folder.rglob("*")):
        if path.suffix in _FIGURES or path.name in _FILES:
            client.log_artifact(key, str(path), str(path.parent.relative_to(folder)) if path.parent != folder else None)
    client.set_terminated(key, "FAILED" if any(v.outcome == "failed" for v in run.verdicts) else "FINISHED")
    return str(key)


def _quoted(text: str) -> str:
    return text.replace("'", "")


def _tags(run: Run, model: str) -> dict[str, str]:
    code = run.signature.code
    signed = run.signature.model(model)
    commit = {"mlflow.source.git.commit": code.repository.commit} if code.repository else {}
    return {
        "facecheck.run": _quoted(run.id),
        "facecheck.model": _quoted(model),
        "facecheck.line": signed.in_line if signed else model,
        "mlflow.source.type": "JOB",
        "mlflow.source.name": "pytest evals/",
        "mlflow.note.content": "\n\n".join(run.notes)[:5000],
        **commit,
    }


def _params(run: Run, model: str) -> Iterator[tuple[str, str]]:
    signed = run.signature.model(model)
    if signed is not None:
        for name in ("spec", "detector", "policy", "aligner", "precision", "device", "fingerprint"):
            yield name, str(getattr(signed, name))[:500]
        yield from ((f"contract.{name}", str(value)[:500]) for name, value in signed.contract.items())
    for name in ("processor", "python"):
        yield f"machine.{name}", str(getattr(run.signature.machine, name))
    yield "facecheck", f"{run.signature.code.facecheck} {run.signature.code.sources[:12]}"


def _metrics(run: Run, model: str) -> Iterator[tuple[str, float]]:
    """Yield each measurement on all comparisons once, by a name that sorts by eval and data set."""
    seen: set[str] = set()
    for m in run.measurements:
        if m.model != model or m.conditions.fold is not None or m.conditions.failures == "left out":
            continue
        name = _name(m)
        if name not in seen:
            seen.add(name)
            yield name, m.value


def _name(m: Measurement) -> str:
    at = m.conditions.in_words().replace(",", "")
    words = "/".join(filter(None, (m.eval, m.dataset, f"{m.name} {at}".strip())))
    return _NOT_IN_NAMES.sub("-", words)[:_LONGEST]
