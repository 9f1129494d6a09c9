"""How much blur, how few pixels, which filters, covers and other corruptions does it bear? Pairs, level by level."""

import pytest

from facecheck.evaluation.degradations import Point, Sweep, at_level, no_collapse, over_levels
from facecheck.plugin.record import Record
from facecheck.results.conditions import DEPLOYED

pytestmark = [
    pytest.mark.sweep("blur", "blur", question="How much blur does it bear? Gaussian blur of 1 to 5 px."),
    pytest.mark.sweep(
        "resolution",
        "resolution",
        question="How few pixels does it bear? Images of 128 to 32 px, left small or brought back to size.",
    ),
    pytest.mark.sweep("filters", "filters", question="Does a filter change who it sees?"),
    pytest.mark.sweep(
        "occlusion",
        "occlusion",
        question="How much of a face may be covered? A black square, sunglasses, a mask, a patch.",
    ),
    pytest.mark.sweep(
        "corruptions",
        "imagenet_c",
        "outdoors",
        question="What else may go wrong? ImageNet-C's fifteen, low light, motion, JPEG, WebP, colour casts.",
    ),
    pytest.mark.robustness,
    pytest.mark.data("pairs"),
]


def test_degraded_pairs_are_judged_rightly(point: Point, record: Record) -> None:
    """At the threshold chosen on clean images, pairs of degraded images are judged rightly as promised.

    That is the deployment number. The threshold chosen again on degraded images shows how separable they still are; it
    is recorded beside it.
    """
    measured = record.add(at_level(point))

    verdict = record.judge((*measured.named("accuracy", where=DEPLOYED), *measured.named("fta")))

    assert verdict.passed, verdict.reason


def test_distances_do_not_collapse(sweep: Sweep, record: Record) -> None:
    """A degradation does not make impostors as alike as genuine pairs, but for the levels at which that is known."""
    measured = record.add(over_levels(sweep))

    verdict = record.judge(measured.named("levels_before_collapse"), promise=no_collapse(sweep, eval_name=record.eval))

    assert verdict.passed, verdict.reason
