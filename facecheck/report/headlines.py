"""The few numbers of a model on a data set that every summary begins with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from facecheck.results.conditions import ANY, DEPLOYED, NON_MATCH, Conditions
from facecheck.results.measurement import Measurement

__all__ = ["COLUMNS", "Column", "headline_of"]


class Column(NamedTuple):
    """One number: eval and name of the metric, conditions that must hold, and heading."""

    eval: str
    name: str
    where: Conditions
    heading: str


COLUMNS: tuple[Column, ...] = (
    Column("verification", "accuracy", DEPLOYED, "accuracy"),
    Column("verification", "accuracy_standard_error", ANY, "S_E"),
    Column("verification", "eer", NON_MATCH, "EER"),
    Column("verification", "tar_at_far", NON_MATCH | Conditions(far=0.01), "TAR@1%"),
    Column("verification", "detection_rate", ANY, "detected"),
    Column("pose", "auc", NON_MATCH, "AUC turned"),
    Column("timing", "latency_ms", Conditions(stage="all"), "latency ms"),
    Column("timing", "throughput_per_s", ANY, "images/s"),
)


def headline_of(measurements: Iterable[Measurement], row: tuple[str, str], column: Column) -> Measurement | None:
    """Return the measurement of a column, None if it was not made.

    Args:
        measurements: of a run.
        row: names of model and data set.
        column: that is asked for.
    """
    return next(
        (
            m
            for m in measurements
            if (m.model, m.dataset) == row
            and (m.eval, m.name) == (column.eval, column.name)
            and m.conditions.matches(column.where)
        ),
        None,
    )
