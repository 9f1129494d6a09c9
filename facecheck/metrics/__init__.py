"""Verification metrics: functions from scores to one named value, with the definitions of ISO/IEC 19795-1.

Conventions. Higher similarity means more alike, and a pair matches when ``similarity >= threshold``. Rates are
fractions. A failed comparison (``-inf``) is a non-match; pass ``scores.completed()`` for the rates on
completed comparisons. An undefined value raises ``ValueError``; it is never 0 or NaN. Only the EER is
interpolated, as its docstring states.
"""

from __future__ import annotations

from facecheck.metrics.curves import (
    Curve,
    EqualErrorRate,
    OperatingPoint,
    Ranking,
    area_under_curve,
    auc,
    curve,
    eer,
    fnmr_at_fmr,
    resolvable,
)
from facecheck.metrics.decisions import Confusion, confusion
from facecheck.metrics.scores import Scores
from facecheck.metrics.separation import DprimeTerms, dprime
from facecheck.metrics.thresholds import (
    FoldAccuracy,
    PairThresholds,
    best_threshold,
    cross_fitted_thresholds,
    fold_accuracy,
)

__all__ = [
    "Confusion",
    "Curve",
    "DprimeTerms",
    "EqualErrorRate",
    "FoldAccuracy",
    "OperatingPoint",
    "PairThresholds",
    "Ranking",
    "Scores",
    "area_under_curve",
    "auc",
    "best_threshold",
    "confusion",
    "cross_fitted_thresholds",
    "curve",
    "dprime",
    "eer",
    "fnmr_at_fmr",
    "fold_accuracy",
    "resolvable",
]
