"""How much work a run is, before it begins and while it goes on."""

from __future__ import annotations

import re

from facecheck.corruptions import CLEAN, Applied
from facecheck.plugin.workload import Wanted, Workload
from tests.plugin.test_interruptions import second, steady
from tests.plugin.test_shards import Place, place
from tests.plugin.test_suite import people

__all__ = ["people", "place", "second", "steady"]

IMAGES = {"lfw": 10_000, "faces": 50}


def case(*corruptions: Applied, model: str = "mine", dataset: str = "lfw") -> tuple[Wanted, ...]:
    """Return what a case needs, clean images first."""
    return tuple(Wanted(model, old=False, dataset=dataset, corruption=each) for each in (CLEAN, *corruptions))


NEEDS = {
    "clean": case(),
    "blur": case(Applied("blur", 2.0), Applied("blur", 4.0)),
    "other": case(model="other"),
    "faces": case(dataset="faces"),
}


def test_what_several_cases_need_is_counted_once() -> None:
    """Clean images of a model, and each corruption; a large run says what is smaller."""
    small = Workload(NEEDS, IMAGES, 0.0)
    assert (small.passes, small.embeddings) == (5, 40_050)
    assert small.header() == ["facecheck: 5 passes over images, 40,050 embeddings, less what is cached"]

    large = Workload(NEEDS, {"lfw": 10**6, "faces": 50}, 0.0)
    assert "4,000,050 embeddings" in large.header()[0]
    assert "--facecheck-sample 200" in large.header()[1]


def test_progress_is_told_at_growing_intervals() -> None:
    """At the pace so far, not before two minutes, and not for what is nearly done."""
    work = Workload(NEEDS, IMAGES, began=1000.0)

    assert work.told("unknown", 1300.0) == ""  # nothing is done, so there is no pace
    assert work.told("clean", 1100.0) == ""
    assert work.told("clean", 1360.0) == "facecheck: 10,000 of 40,050 embeddings in 6 min; at this pace 18 min more"
    assert work.told("blur", 1719.0) == ""  # not twice as long
    assert work.told("blur", 1000.0 + 3 * 3600) == (
        "facecheck: 30,000 of 40,050 embeddings in 3 h 0 min; at this pace 1 h 0 min more"
    )
    assert work.told("other", 1000.0 + 6 * 3600) == ""  # seconds are left


def test_a_run_embeds_what_its_header_says(place: Place) -> None:
    """Less what is cached; a session without evals says nothing of it."""
    assert place.evals() == 0  # clean images, and the preflight
    place.embedded()
    evals = ("--facecheck-evals=verification,blur",)

    assert place.evals(*evals, file="evals/") in (0, 1)
    found = re.search(r"facecheck: (\d+) passes over images, ([\d,]+) embeddings", place.said)
    embedded = place.embedded()
    assert place.evals(*evals, file="evals/") in (0, 1)
    embedded -= place.embedded()  # of the probe, in each run

    assert found is not None, place.said
    assert int(found[2].replace(",", "")) == 60 * int(found[1]) == embedded + 60
    assert place.evals(file="tests/test_specs.py") == 0
    assert "passes over images" not in place.said
