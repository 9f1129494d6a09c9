"""What each name in the results stands for: unit, direction and title. One table for measuring, limits and reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["METRICS", "Metric"]


@dataclass(frozen=True, slots=True)
class Metric:
    """What a name in the results stands for.

    Args:
        unit: of the value.
        better: ``higher``, ``lower`` or ``neither``.
        title: for graphs and tables.
    """

    unit: str
    better: str
    title: str


METRICS: Mapping[str, Metric] = {
    "accuracy": Metric("fraction", "higher", "accuracy"),
    "accuracy_standard_error": Metric("fraction", "lower", "standard error of the accuracy over folds"),
    "accuracy_over_levels": Metric("fraction", "higher", "mean accuracy over levels"),
    "auc": Metric("fraction", "higher", "area under the ROC"),
    "eer": Metric("fraction", "lower", "equal error rate"),
    "tar_at_far": Metric("fraction", "higher", "TAR at FAR"),
    "fnmr_at_far": Metric("fraction", "lower", "FNMR at FAR"),
    "fmr": Metric("fraction", "lower", "false match rate"),
    "fnmr": Metric("fraction", "lower", "false non-match rate"),
    "negative_flip_rate": Metric("fraction", "lower", "negative flip rate"),
    "precision": Metric("fraction", "higher", "precision"),
    "recall": Metric("fraction", "higher", "recall"),
    "f1": Metric("fraction", "higher", "F1"),
    "tp": Metric("pairs", "higher", "true positives, genuine pairs that match"),
    "fn": Metric("pairs", "lower", "false negatives, genuine pairs that do not match"),
    "fp": Metric("pairs", "lower", "false positives, impostor pairs that match"),
    "tn": Metric("pairs", "higher", "true negatives, impostor pairs that do not match"),
    "dprime": Metric("standard deviations", "higher", "d-prime"),
    "genuine_distance_mean": Metric("distance", "lower", "mean genuine distance"),
    "impostor_distance_mean": Metric("distance", "higher", "mean impostor distance"),
    "detection_rate": Metric("fraction", "higher", "detection rate"),
    "comparisons_made": Metric("fraction", "higher", "comparisons made"),
    "fta": Metric("fraction", "lower", "failure to acquire"),
    "threshold_distance": Metric("distance", "neither", "threshold"),
    "eer_threshold_distance": Metric("distance", "neither", "threshold at the EER"),
    "migrated_threshold_distance": Metric("distance", "neither", "threshold that keeps the FMR"),
    "migrated_fnmr": Metric("fraction", "lower", "false non-match rate at the threshold that keeps the FMR"),
    "twin_cosine_min": Metric("fraction", "higher", "smallest cosine of twin vectors"),
    "score_shift_mean": Metric("distance", "lower", "mean shift of scores near the threshold"),
    "score_shift_max": Metric("distance", "lower", "largest shift of scores near the threshold"),
    "decisions_flipped": Metric("fraction", "lower", "decisions that differ"),
    "time_per_image_ms": Metric("ms", "lower", "time per image on one worker"),
    "accuracy_change": Metric("fraction", "higher", "change of the accuracy against clean"),
    "ce": Metric("ratio", "lower", "corruption error, the reference model's is 1"),
    "mce": Metric("ratio", "lower", "mean corruption error, the reference model's is 1"),
    "levels_before_collapse": Metric("levels", "higher", "levels before distances collapse"),
    "model_size_mb": Metric("MB", "lower", "size of the network's weights"),
    "latency_ms": Metric("ms", "lower", "latency at batch 1"),
    "identification_rate": Metric("fraction", "higher", "closed-set identification rate"),
    "fnir": Metric("fraction", "lower", "false negative identification rate"),
    "dir_at_fpir": Metric("fraction", "higher", "detection and identification rate"),
    "search_threshold_distance": Metric("distance", "neither", "threshold of searches"),
    "group_fmr": Metric("fraction", "lower", "false match rate of a group"),
    "group_fnmr": Metric("fraction", "lower", "false non-match rate of a group"),
    "worst_group_fmr": Metric("fraction", "lower", "false match rate of the worst group"),
    "worst_group_fnmr": Metric("fraction", "lower", "false non-match rate of the worst group"),
    "fmr_worst_ratio": Metric("ratio", "lower", "worst group's FMR over the geometric mean"),
    "fnmr_worst_ratio": Metric("ratio", "lower", "worst group's FNMR over the geometric mean"),
    "inequity_ratio": Metric("ratio", "lower", "inequity ratio, 1 is equal"),
    "garbe": Metric("fraction", "lower", "GARBE, 0 is equal"),
    "fnmr_after_discard": Metric("fraction", "lower", "FNMR of the comparisons that are left"),
    "edc_area": Metric("fraction", "lower", "area under error against discard"),
    "edc_relative_area": Metric("ratio", "lower", "area under error against discard, 1 is without use"),
    "cllr": Metric("bits", "lower", "cost of the log-likelihood ratios, Cllr"),
    "cllr_min": Metric("bits", "lower", "smallest cost of the similarities' order, minCllr"),
    "ece": Metric("fraction", "lower", "expected calibration error"),
    "genuine_share": Metric("fraction", "neither", "observed share of genuine pairs"),
    "throughput_per_s": Metric("1/s", "higher", "throughput"),
}
