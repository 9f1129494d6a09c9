"""Graphs: functions from values to a matplotlib figure. No state, no files, no printing.

Colours have the same meaning in all graphs: genuine pairs are blue, impostor pairs vermilion, and a model has one
colour in all graphs of a run (:func:`model_colours`).
"""

from __future__ import annotations

from facecheck.plots.bars import Bars, Change, Changes, bar_panels, change_bars, stage_bars
from facecheck.plots.curves import cmc, det, det_of_points, reliability, roc
from facecheck.plots.groups import group_heat_map
from facecheck.plots.lines import Panel, Series, line_panels, series
from facecheck.plots.overview import Cost, heat_map, non_dominated, trade_off
from facecheck.plots.pairs import decision_rows, histogram, pose_distance
from facecheck.plots.style import GENUINE, IMPOSTOR, model_colours

__all__ = [
    "GENUINE",
    "IMPOSTOR",
    "Bars",
    "Change",
    "Changes",
    "Cost",
    "Panel",
    "Series",
    "bar_panels",
    "change_bars",
    "cmc",
    "decision_rows",
    "det",
    "det_of_points",
    "group_heat_map",
    "heat_map",
    "histogram",
    "line_panels",
    "model_colours",
    "non_dominated",
    "pose_distance",
    "reliability",
    "roc",
    "series",
    "stage_bars",
    "trade_off",
]
