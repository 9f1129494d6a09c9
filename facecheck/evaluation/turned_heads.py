"""What is measured of strips: one person a strip at known yaws."""

from __future__ import annotations

import numpy as np

from facecheck.evaluation import estimates
from facecheck.evaluation.evaluator import Compared
from facecheck.evaluation.views import decided, ranked, separated
from facecheck.metrics import intervals
from facecheck.metrics.intervals import Estimate
from facecheck.results.conditions import Conditions
from facecheck.results.measurement import Findings, Measured

__all__ = ["detection_by_yaw", "distances_by_yaw_difference", "matches_by_yaw_difference", "ranked_both_ways"]


def detection_by_yaw(compared: Compared) -> Findings:
    """Measure the detection rate at each yaw."""
    embedded = compared.embedded
    yaws = np.array([face.yaw_rad for face in embedded.faces], dtype=np.float64)
    people = np.unique([face.subject for face in embedded.faces], return_inverse=True)[1]
    return Findings(
        tuple(
            Measured(
                name="detection_rate",
                estimate=intervals.proportion(embedded.found[yaws == yaw], people[yaws == yaw]),
                conditions=Conditions(yaw_rad=float(yaw)),
            )
            for yaw in np.unique(yaws)
        )
    )


def distances_by_yaw_difference(compared: Compared) -> Findings:
    """Measure the genuine distances at each yaw difference, and the mean impostor distance over all of them."""
    scores, difference = compared.scores, compared.dataset.pairs.yaw_difference_rad
    everyone = compared.unconditioned()
    genuine = [
        separated(everyone.take(scores.genuine & (difference == step), Conditions(yaw_difference_rad=float(step))))
        for step in np.unique(difference[scores.genuine])
    ]
    impostor = tuple(m for m in separated(everyone).measured if m.name == "impostor_distance_mean")
    return Findings.joined([*genuine, Findings(impostor)])


def ranked_both_ways(compared: Compared) -> Findings:
    """Measure AUC and EER over all yaw differences, with failures as non-matches and with failures left out."""
    everyone = compared.view()
    return ranked(everyone, fars=()) + ranked(everyone.completed(), fars=())


def matches_by_yaw_difference(compared: Compared) -> Findings:
    """Measure FNMR and recall at each yaw difference, and the FMR, at the threshold that the model declares.

    Raises:
        ValueError: it declares none.
    """
    view = compared.view("declared")
    if view.thresholds is None:
        raise ValueError(f"{compared.recognizer.name} declares no threshold")
    threshold = float(view.thresholds.of_pair[0])
    rates = estimates.match_rates(view.scores, compared.dataset.pairs.yaw_difference_rad, threshold)
    found = Findings.joined(
        view.measured(
            {"fnmr": rate, "recall": Estimate(1 - rate.value, 1 - rate.high, 1 - rate.low, rate.n)},
            Conditions(yaw_difference_rad=step),
        )
        for step, rate in rates.items()
    )
    whole = {m.name: m.estimate for m in decided(view).measured}
    return found + view.measured({name: whole[name] for name in ("threshold_distance", "fmr") if name in whole})
