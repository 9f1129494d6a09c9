"""Which of a run's models is better, said only where a paired test by identity says so."""

from __future__ import annotations

from facecheck.comparison.tables import Rival, Row, Table, compare
from facecheck.comparison.text import lines, markdown, write

__all__ = ["Rival", "Row", "Table", "compare", "lines", "markdown", "write"]
