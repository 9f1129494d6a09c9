"""Judging measurements by the limits that apply to them.

A run on a sample of the comparisons is judged leniently and says so: it fails when its whole interval is worse than
the limit, the interval widened so that a run of fifty cases raises a false alarm no more often than a single one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from facecheck.gate.specific import most_specific
from facecheck.results.measurement import Measurement
from facecheck.results.verdict import Judgement, Limit, Verdict

__all__ = ["judge", "judge_all", "limit_for"]

# Half-width of a two-sided interval at 1 - 0.05/50 over that at 0.95, both of the normal (Bonferroni).
_FIFTY_CASES = 3.2905 / 1.9600


def limit_for(measurement: Measurement, limits: Sequence[Limit]) -> Limit | None:
    """Return the most specific limit that applies to a measurement, of equals the last; None if there is none."""
    return most_specific([limit for limit in limits if limit.applies_to(measurement)])


def judge(measurement: Measurement, limits: Sequence[Limit], *, sampled: bool) -> Judgement:
    """Judge a measurement by the limit that applies to it; without one it is unjudged.

    Args:
        measurement: what was measured.
        limits: of the file.
        sampled: whether only a part of the comparisons was made.
    """
    limit = limit_for(measurement, limits)
    if limit is None:
        return Judgement(measurement=measurement, outcome="unjudged", reason=_unjudged(measurement))
    end = measurement.low if limit.upper else measurement.high
    favourable = measurement.value + _FIFTY_CASES * (end - measurement.value)
    lenient = sampled and not math.isnan(measurement.value) and limit.kept_by(favourable)
    kept = limit.kept_by(measurement.value) or lenient
    return Judgement(
        measurement=measurement,
        outcome="passed" if kept else "failed",
        reason=_reason(measurement, limit, kept=kept, sampled=sampled),
        limit=limit,
        margin=None if math.isnan(measurement.value) else limit.margin(measurement.value),
    )


def judge_all(measurements: Sequence[Measurement], limits: Sequence[Limit], *, sampled: bool) -> Verdict:
    """Judge several at once: failed if one fails, else unjudged if one has no limit, else passed.

    Raises:
        ValueError: nothing to judge.
    """
    if not measurements:
        raise ValueError("nothing was measured, so nothing can be judged")
    return Verdict.of(judge(measurement, limits, sampled=sampled) for measurement in measurements)


def _unjudged(m: Measurement) -> str:
    return (
        f"{m.eval}, {_measured(m)}: no limit applies, so it is unjudged. Add a [[limit]] to the file of limits; "
        "'facecheck limits' proposes some"
    )


def _reason(m: Measurement, limit: Limit, *, kept: bool, sampled: bool) -> str:
    promise = f"{'at most' if limit.upper else 'at least'} {limit.bound:g}"
    by = f", missed by {abs(limit.margin(m.value)):.4f}" if not limit.kept_by(m.value) else ""
    sample = "; judged by its interval, widened for fifty cases, since this is a sample" if sampled and by else ""
    reason = f"{_measured(m)}, promised {promise}{by}{sample}"
    return reason if kept else f"{reason}. The promise: {limit.why}"


def _measured(m: Measurement) -> str:
    at = m.conditions.in_words()
    return f"{m.model} on {m.dataset}: {m.name} {m.value:.4f} [{m.low:.4f}, {m.high:.4f}] (n = {m.n}{at and ', '}{at})"
