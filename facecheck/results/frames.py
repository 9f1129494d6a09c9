"""A finished run as pandas frames, for notebooks and for questions that no report answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from facecheck.results.run import Run
from facecheck.results.scored_pairs import load_scores

__all__ = ["Frames", "load"]


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """A run in tables.

    Args:
        measurements: a row a measurement: eval, model, dataset, name, value, low, high, n, a column a condition.
        verdicts: a row a case: eval, case, outcome, reason, margin (the smallest of its judgements).
        scores: a row a comparison: model, dataset, corrupted, first, second, genuine, similarity, threshold,
            yaw_difference_rad; the similarity is -inf where a face was not found.
    """

    measurements: pd.DataFrame
    verdicts: pd.DataFrame
    scores: pd.DataFrame


def load(folder: Path | str) -> Frames:
    """Read a finished run into pandas frames.

    Args:
        folder: of the run, such as ``reports/latest``.

    Raises:
        FacecheckError: no results of a run there, or damaged or changed scores.
    """
    folder = Path(folder)
    run = Run.read(folder)
    return Frames(_measurements(run), _verdicts(run), _scores(folder, run))


def _measurements(run: Run) -> pd.DataFrame:
    rows = [
        {"eval": m.eval, "model": m.model, "dataset": m.dataset, "name": m.name, **m.estimate._asdict()}
        | m.conditions.as_json()
        for m in run.measurements
    ]
    return pd.DataFrame(rows)


def _verdicts(run: Run) -> pd.DataFrame:
    rows = []
    for verdict in run.verdicts:
        margins = [judgement.margin for judgement in verdict.judgements if judgement.margin is not None]
        about = {"eval": verdict.eval, "case": verdict.case, "outcome": verdict.outcome, "reason": verdict.reason}
        rows.append({**about, "margin": min(margins, default=None)})
    return pd.DataFrame(rows)


def _scores(folder: Path, run: Run) -> pd.DataFrame:
    frames = [
        pd.DataFrame(
            {
                "model": scored.model,
                "dataset": scored.dataset,
                "corrupted": scored.condition,
                "first": scored.names[:, 0],
                "second": scored.names[:, 1],
                "genuine": scored.scores.genuine,
                "similarity": scored.scores.similarity,
                "threshold": scored.thresholds,
                "yaw_difference_rad": scored.yaw_difference_rad,
            }
        )
        for scored in load_scores(folder, hashes=run.scores)
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
