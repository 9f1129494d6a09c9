"""How much worse than a pinned reference model does it bear ImageNet-C's fifteen corruptions?"""

from pathlib import Path

import pytest

from facecheck.datasets import Dataset
from facecheck.evaluation.degradations import Sweep, corruption_error, pinned_reference
from facecheck.plugin.record import Record

QUESTION = "Does it err more often under ImageNet-C's corruptions than the pinned reference model?"
REFERENCE = Path(__file__).with_name("reference.json")
pytestmark = [
    pytest.mark.sweep("corruptions", "imagenet_c", question=QUESTION),
    pytest.mark.robustness,
    pytest.mark.data("pairs"),
]


def test_errors_stay_within_those_of_the_reference_model(
    sweeps: dict[str, Sweep], dataset: Dataset, record: Record
) -> None:
    """Over ImageNet-C's corruptions it errs at most as many times as often as promised."""
    reference = pinned_reference(REFERENCE, dataset)
    if not reference.errors:
        pytest.skip(f"{REFERENCE.name} has no errors of {reference.model} on {dataset.name}")
    measured = record.add(corruption_error(sweeps, reference))

    verdict = record.judge(measured.named("mce"))

    assert verdict.passed, verdict.reason
