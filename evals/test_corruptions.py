"""What else may go wrong with an image? ImageNet-C's fifteen corruptions, and what faces meet outside."""

import pytest

from facecheck.datasets import Dataset
from facecheck.metrics.robustness import corruption_errors
from fixtures.recorder import CaseRecord
from fixtures.sweep import Point, Sweep, keep_collapse, keep_point, no_collapse, pinned_reference

pytestmark = [pytest.mark.robustness, pytest.mark.data("pairs"), pytest.mark.sweep("imagenet_c", "outdoors")]


def test_corrupted_pairs_are_judged_rightly(point: Point, record: CaseRecord) -> None:
    """At the threshold chosen on clean images, pairs of corrupted images are judged rightly as promised.

    That is the deployment number. The threshold chosen again on degraded images tells how separable they
    still are; it is recorded beside it.
    """
    verdict = record.judge(*keep_point(record, point), optional=True)

    assert verdict.passed, verdict.reason


def test_distances_do_not_collapse(sweep: Sweep, record: CaseRecord) -> None:
    """A corruption does not make strangers as alike as friends, but for the levels at which that is known."""
    verdict = record.judge(keep_collapse(record, sweep), promise=no_collapse(record, sweep))

    assert verdict.passed, verdict.reason


@pytest.mark.sweep("imagenet_c")
def test_errors_stay_within_those_of_the_reference_model(
    sweeps: dict[str, Sweep], dataset: Dataset, record: CaseRecord, pytestconfig: pytest.Config
) -> None:
    """Over ImageNet-C's corruptions it errs at most so many times as often as the pinned reference model."""
    reference = pinned_reference(pytestconfig, dataset)
    if not reference.errors:
        pytest.skip(f"evals/reference.json has no errors of {reference.model} on {dataset.name}: pin_reference.py")
    steps = {name: sweep.steps[1:] for name, sweep in sweeps.items()}
    errors = corruption_errors(steps, reference)
    at = {"reference": reference.model}
    for name in errors.keys() - {"mce"}:
        record.add("ce", errors[name], {**at, "corruption": name})

    verdict = record.judge(record.add("mce", errors["mce"], at), optional=True)

    assert verdict.passed, verdict.reason
