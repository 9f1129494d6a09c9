"""Runs for histories: a model of a line that is retrained from run to run, judged on 6000 pairs."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np

from facecheck.metrics.intervals import wilson
from facecheck.results.change import Against, Change
from facecheck.results.conditions import DEPLOYED, NON_MATCH, Conditions
from facecheck.results.measurement import Measurement
from facecheck.results.run import Run
from facecheck.results.signature import Code, DatasetSignature, Machine, ModelSignature, Repository, Signature
from facecheck.results.verdict import Verdict

__all__ = ["PAIRS", "drifting", "recorded", "written"]

PAIRS = 6000
_BEGIN = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


def recorded(
    number: int,
    *,
    accuracy: float = 0.985,
    line: str = "door",
    version: str = "",
    digest: str = "d" * 64,
    prefix: str = "run",
) -> Run:
    """Return a run of one model on clean and blurred pairs.

    Args:
        number: of the run, a day apart.
        accuracy: share of the pairs that it judges correctly.
        line: of its model.
        version: of its model, another one each run by default.
        digest: of the data set.
        prefix: of the run's id.
    """
    model = ModelSignature(
        name=f"{line}-model",
        line=line,
        contract={"weights_sha256": f"{version or number:0<64}"},
        fingerprint=f"f{version or number:0<63}",
    )
    return Run(
        id=f"{prefix}-{number:04d}",
        started=(_BEGIN + dt.timedelta(days=number)).isoformat(),
        duration_s=60.0,
        signature=Signature(
            models=(model,),
            datasets=(DatasetSignature(name="lfw-pairs", digest=digest, content="c" * 64, comparisons=PAIRS),),
            code=Code(facecheck="0.1", sources="s" * 64, repository=Repository(commit="1" * 40, dirty=False)),
            machine=Machine(device="cpu", processor="EPYC"),
        ),
        measurements=tuple(
            _measured(model.name, name, at, value)
            for name, at, value in (
                ("accuracy", DEPLOYED, accuracy),
                ("accuracy", DEPLOYED | Conditions(corruption="blur", level=3), accuracy - 0.1),
                ("auc", NON_MATCH, 0.999),
            )
        ),
        verdicts=(Verdict(outcome="passed", reason="", eval="verification", case="a"),),
        against=(
            Against(
                model=model.name,
                line=line,
                baseline="b",
                changes=(Change(dataset="lfw-pairs", name="auc", conditions=NON_MATCH, outcome="not worse"),),
            ),
        ),
    )


def _measured(model: str, name: str, at: Conditions, value: float) -> Measurement:
    low, high = wilson(value, PAIRS)
    return Measurement(
        eval="verification", name=name, value=value, low=low, high=high, n=PAIRS, model=model, dataset="lfw-pairs",
        conditions=at,
    )  # fmt: skip


def written(run: Run, reports: Path) -> Path:
    """Write a run's folder among the reports."""
    folder = reports / run.id
    folder.mkdir(parents=True)
    run.write(folder)
    return folder


def drifting(count: int, *, slope: float, begin: int = 0, seed: int = 0) -> np.ndarray:
    """Return the accuracy of versions that lose ``slope`` each from one on, with the noise of retraining."""
    noise = 0.001 * np.random.default_rng(seed).standard_normal(count)
    values = 0.985 - slope * np.maximum(np.arange(count) - begin, 0) + noise
    return np.round(values * PAIRS) / PAIRS
