"""Judging a measurement against a promise."""

from __future__ import annotations

from facecheck.gate.limits import LimitsError, read_limits
from facecheck.gate.unmatched import misspelt_evals, unmatched
from facecheck.gate.verdict import judge, judge_all, limit_for
from facecheck.results.verdict import Judgement, Limit, Verdict

__all__ = [
    "Judgement",
    "Limit",
    "LimitsError",
    "Verdict",
    "judge",
    "judge_all",
    "limit_for",
    "misspelt_evals",
    "read_limits",
    "unmatched",
]
