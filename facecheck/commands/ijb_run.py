"""What ``facecheck ijb`` measured, as a run like any other: measurements, verdict, signature."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch

from facecheck.evaluation.signatures import sign_code, sign_machine
from facecheck.evaluation.template_rates import of_pairs, of_recipe
from facecheck.gate import judge_all
from facecheck.gate.published import beside, read_published
from facecheck.models import Settings
from facecheck.results.measurement import Measurement
from facecheck.results.run import Run, new_run_id
from facecheck.results.signature import DatasetSignature, ModelSignature, Signature
from facecheck.results.verdict import Limit, Verdict
from facecheck.storage.files import write_text

__all__ = ["EVAL", "judged", "kept", "measurements"]

EVAL = "templates"
_PUBLISHED = Path("evals/published.toml")
_QUESTION = "Are templates of several images compared and found rightly?"


def measurements(measured: dict[str, Any]) -> tuple[Measurement, ...]:
    """Return every rate as a measurement under its recipe.

    Args:
        measured: what the command measured.
    """
    model, dataset = measured["model"]["name"], measured["set"]
    return tuple(
        Measurement.of(each, eval_name=EVAL, model=model, dataset=dataset)
        for recipe in measured["recipes"]
        for each in of_recipe(recipe).measured
    )


def judged(measured: dict[str, Any], limits: Sequence[Limit]) -> Verdict:
    """Return the verdict on everything that a limit of the eval ``templates`` is about; unjudged without one.

    Args:
        measured: what the command measured.
        limits: of a file.
    """
    every = measurements(measured)
    concerned = [each for each in every if any(limit.applies_to(each) for limit in limits)]
    return judge_all(concerned or every, limits, sampled=False)


def kept(measured: dict[str, Any], verdict: Verdict, folder: Path, *, started: dt.datetime, device: str) -> Path:
    """Write the run and every number, and return the folder.

    Args:
        measured: what the command measured.
        verdict: on it.
        folder: of the run; made if it is not there.
        started: when.
        device: that it ran on.
    """
    folder.mkdir(exist_ok=True)
    finished = dt.datetime.now().astimezone()
    every, signature = measurements(measured), _signature(measured, device)
    Run(
        id=new_run_id(started),
        started=started.isoformat(timespec="seconds"),
        duration_s=round((finished - started).total_seconds(), 3),
        signature=signature,
        measurements=every,
        verdicts=(Verdict(outcome=verdict.outcome, reason=verdict.reason, judgements=verdict.judgements, eval=EVAL),),
        notes=(*dict.fromkeys(_notes(measured)), *_published(signature, every)),
        questions={EVAL: _QUESTION},
    ).write(folder)
    write_text(folder / "ijb.json", json.dumps(measured, indent=1, allow_nan=False) + "\n")
    return folder


def _published(signature: Signature, every: Sequence[Measurement]) -> list[str]:
    """Return what is published of this model on this set, if the repository has a file of figures."""
    return beside(read_published(_PUBLISHED), signature, every) if _PUBLISHED.is_file() else []


def _signature(measured: dict[str, Any], device: str) -> Signature:
    pairs = measured["recipes"][0]["verification"]
    dataset = DatasetSignature(
        name=measured["set"],
        spec=f"ijb:{measured['folder']}",
        kind="ijb",
        protocol=f"{measured['set']}, templates of {measured['images']} images",
        comparisons=pairs["genuine"] + pairs["impostor"],
        images=measured["images"],
    )
    return Signature(
        models=(msgspec.convert(measured["model"], ModelSignature),),
        datasets=(dataset,),
        code=sign_code(Path.cwd()),
        machine=sign_machine(Settings(device=torch.device(device))),
    )


def _notes(measured: dict[str, Any]) -> Iterator[str]:
    if measured["unreadable"]:
        yield f"{len(measured['unreadable'])} images cannot be read: {next(iter(measured['unreadable'].values()))}"
    for recipe in measured["recipes"]:
        yield from of_pairs(recipe).notes
