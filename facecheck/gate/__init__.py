"""Judging a measurement against a promise."""

from __future__ import annotations

from facecheck.gate.limits import Limit, LimitsError, NoLimitError, Verdict, judge, judge_all, read_limits

__all__ = ["Limit", "LimitsError", "NoLimitError", "Verdict", "judge", "judge_all", "read_limits"]
