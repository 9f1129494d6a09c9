"""Judging a measurement against a promise."""

from __future__ import annotations

from facecheck.gate.limits import LimitsError, read_limits, read_margins
from facecheck.gate.unmatched import absent_evals, unmatched
from facecheck.gate.verdict import judge, judge_all, limit_for
from facecheck.results.verdict import Judgement, Limit, Verdict

__all__ = [
    "Judgement",
    "Limit",
    "LimitsError",
    "Verdict",
    "absent_evals",
    "judge",
    "judge_all",
    "limit_for",
    "read_limits",
    "read_margins",
    "unmatched",
]
