"""Which of a run's models is better, said only where a paired test by identity says so."""

from __future__ import annotations

from facecheck.comparison.tables import Rival, Row, Table, compare, compare_run
from facecheck.comparison.text import lines, markdown, write

__all__ = ["Rival", "Row", "Table", "compare", "compare_run", "lines", "markdown", "write"]
