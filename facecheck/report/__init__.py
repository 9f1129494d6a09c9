"""A run's graphs, drawn from what the run left: the same picture again whenever it is wanted."""

from __future__ import annotations

from facecheck.report.run import draw

__all__ = ["draw"]
