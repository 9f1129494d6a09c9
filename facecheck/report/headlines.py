"""The few numbers of a model on a data set that every summary begins with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from facecheck.results.conditions import ANY, DEPLOYED, NON_MATCH, Conditions
from facecheck.results.measurement import Measurement

__all__ = ["COLUMNS", "Column", "headline_of"]


class Column(NamedTuple):
    """One number: eval and name of the metric, conditions that must hold, heading, and which of several is shown."""

    eval: str
    name: str
    where: Conditions
    heading: str
    highest: bool = False


COLUMNS: tuple[Column, ...] = (
    Column("verification", "accuracy", DEPLOYED, "accuracy"),
    Column("verification", "accuracy_standard_error", ANY, "S_E"),
    Column("verification", "eer", NON_MATCH, "EER"),
    Column("verification", "tar_at_far", NON_MATCH | Conditions(far=0.01), "TAR@1%"),
    Column("verification", "detection_rate", ANY, "detected"),
    Column("pose", "auc", NON_MATCH, "AUC turned"),
    Column("identification", "identification_rate", Conditions(rank=1), "rank 1"),
    Column("identification", "fnir", Conditions(fpir=0.1), "FNIR@10%"),
    Column("identification", "fnir", Conditions(fpir=0.01), "FNIR@1%"),
    Column("groups", "fnmr_worst_ratio", ANY, "FNMR ratio", highest=True),
    Column("quality", "edc_area", Conditions(quality="detector"), "EDC area"),
    Column("calibration", "cllr", Conditions(calibration="platt"), "Cllr"),
    Column("calibration", "ece", Conditions(calibration="platt"), "ECE"),
    Column("templates", "tar_at_far", Conditions(far=1e-4), "TAR@1e-4"),
    Column("templates", "identification_rate", Conditions(rank=1), "rank 1"),
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
    found = (
        m
        for m in measurements
        if (m.model, m.dataset) == row
        and (m.eval, m.name) == (column.eval, column.name)
        and m.conditions.matches(column.where)
    )
    return max(found, key=lambda m: m.value, default=None) if column.highest else next(found, None)
