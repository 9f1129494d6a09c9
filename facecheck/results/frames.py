"""A finished run as pandas frames, for notebooks and for questions that no report answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from facecheck.results.change import Against, Change
from facecheck.results.conditions import Conditions
from facecheck.results.run import Run
from facecheck.results.scored_pairs import load_scores
from facecheck.results.verdict import Judgement, Verdict

__all__ = ["Frames", "load"]

_TEXT, _NUMBER, _WHOLE, _YES = "string", "float64", "Int64", "bool"
_OF_CONDITIONS: Mapping[str, str] = {
    field.name: _WHOLE if "int" in str(field.type) else _NUMBER if "float" in str(field.type) else _TEXT
    for field in dataclasses.fields(Conditions)
}
_OF_MEASUREMENTS: Mapping[str, str] = {
    **dict.fromkeys(("eval", "model", "dataset", "name"), _TEXT),
    **dict.fromkeys(("value", "low", "high"), _NUMBER),
    "n": _WHOLE,
    **_OF_CONDITIONS,
}
_OF_VERDICTS: Mapping[str, str] = {
    **dict.fromkeys(("eval", "case", "model", "dataset", "outcome", "reason"), _TEXT),
    "margin": _NUMBER,
}
_OF_JUDGEMENTS: Mapping[str, str] = {
    **dict.fromkeys(("eval", "case", "model", "dataset", "name", "outcome"), _TEXT),
    **dict.fromkeys(("value", "low", "high", "at_least", "at_most", "margin"), _NUMBER),
    **_OF_CONDITIONS,
}
_OF_SCORES: Mapping[str, str] = {
    **dict.fromkeys(("model", "dataset", "corrupted", "first", "second"), _TEXT),
    "genuine": _YES,
    **dict.fromkeys(("similarity", "threshold", "yaw_difference_rad"), _NUMBER),
}
_OF_CHANGES: Mapping[str, str] = {
    **dict.fromkeys(("model", "line", "baseline", "dataset", "name", "outcome"), _TEXT),
    **dict.fromkeys(("before", "after", "gain", "low", "high", "margin", "p", "p_holm"), _NUMBER),
    **dict.fromkeys(("people", "people_needed", "broke", "mended", "pairs"), _WHOLE),
    "reason": _TEXT,
    **_OF_CONDITIONS,
}


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """A run in tables; each has all of its columns, of the same types, however little the run holds.

    Texts are pandas' ``string``, numbers ``float64``, counts ``Int64``; what does not apply is NA.

    Args:
        measurements: a row a measurement: eval, model, dataset, name, value, low, high, n, a column a condition.
        verdicts: a row a case: eval, case, model and dataset (NA if it ended before they were known), outcome, reason,
            margin (the smallest of its judgements).
        judgements: a row a measurement that was judged: its case, values, the limit as ``at_least`` or ``at_most``, and
            the margin, negative where it is missed.
        scores: a row a comparison: model, dataset, corrupted, first, second, genuine, similarity, threshold,
            yaw_difference_rad; a pair is accepted where the similarity reaches the threshold, and the similarity is
            -inf where a face was not found.
        against: a row a metric that was compared with the baseline: outcome, before, after, gain (negative for a loss,
            whatever the direction of the metric) with its interval, p, margin, and how many pairs broke or were mended.
    """

    measurements: pd.DataFrame
    verdicts: pd.DataFrame
    judgements: pd.DataFrame
    scores: pd.DataFrame
    against: pd.DataFrame


def load(folder: Path | str) -> Frames:
    """Read a finished run into pandas frames.

    Args:
        folder: of the run, such as ``reports/latest``.

    Raises:
        FacecheckError: no results of a run there, or damaged or changed scores.
    """
    folder = Path(folder)
    run = Run.read(folder)
    return Frames(
        measurements=_measurements(run),
        verdicts=_frame(map(_verdict, run.verdicts), _OF_VERDICTS),
        judgements=_frame((_judged(v, j) for v in run.verdicts for j in v.judgements), _OF_JUDGEMENTS),
        scores=_scores(folder, run),
        against=_frame((_changed(each, change) for each in run.against for change in each.changes), _OF_CHANGES),
    )


def _frame(rows: Iterable[Mapping[str, object]], columns: Mapping[str, str]) -> pd.DataFrame:
    """Return rows with every column, of the types that are promised."""
    made = pd.DataFrame.from_records(list(rows), columns=list(columns))
    return made.astype(dict(columns))


def _given(conditions: Conditions) -> dict[str, object]:
    return {key: value for key, value in dataclasses.asdict(conditions).items() if key in _OF_CONDITIONS}


def _measurements(run: Run) -> pd.DataFrame:
    rows = (
        {"eval": m.eval, "model": m.model, "dataset": m.dataset, "name": m.name, **m.estimate._asdict()}
        | _given(m.conditions)
        for m in run.measurements
    )
    return _frame(rows, _OF_MEASUREMENTS)


def _verdict(verdict: Verdict) -> dict[str, object]:
    margins = [judgement.margin for judgement in verdict.judgements if judgement.margin is not None]
    about = verdict.judgements[0].measurement if verdict.judgements else None
    return {
        "eval": verdict.eval,
        "case": verdict.case,
        "model": about and about.model,
        "dataset": about and about.dataset,
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "margin": min(margins, default=None),
    }


def _judged(verdict: Verdict, judgement: Judgement) -> dict[str, object]:
    m, limit = judgement.measurement, judgement.limit
    bound = {} if limit is None else {"at_most" if limit.upper else "at_least": limit.bound}
    return {
        "eval": verdict.eval,
        "case": verdict.case,
        "model": m.model,
        "dataset": m.dataset,
        "name": m.name,
        "outcome": judgement.outcome,
        "value": m.value,
        "low": m.low,
        "high": m.high,
        "at_least": None,
        "at_most": None,
        **bound,
        "margin": judgement.margin,
        **_given(m.conditions),
    }


def _changed(against: Against, change: Change) -> dict[str, object]:
    plain = {key: getattr(change, key) for key in _OF_CHANGES if hasattr(change, key)}
    flips = change.flips
    counts = {
        "broke": None if flips is None else flips.negative,
        "mended": None if flips is None else flips.positive,
        "pairs": None if flips is None else flips.pairs,
    }
    if change.before is None or change.after is None:  # nothing could be compared: a gain of 0 would be a claim
        plain |= dict.fromkeys(("gain", "low", "high", "p", "p_holm"))
    about = {"model": against.model, "line": against.line, "baseline": against.baseline}
    return {**about, **plain, **counts, **_given(change.conditions)}


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
                "similarity": scored.scores.similarity.astype(np.float64),
                "threshold": scored.thresholds,
                "yaw_difference_rad": scored.yaw_difference_rad,
            }
        )
        for scored in load_scores(folder, hashes=run.scores)
    ]
    if not frames:
        return _frame((), _OF_SCORES)
    return pd.concat(frames, ignore_index=True).astype(dict(_OF_SCORES))
