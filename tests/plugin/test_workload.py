"""How much work a run is, before it begins and while it goes on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from facecheck.corruptions import CLEAN, Applied
from facecheck.faces import Face, ImageSource
from facecheck.pipeline.pipeline import Pass
from facecheck.plugin import workload
from facecheck.plugin.workload import Wanted, Workload
from tests.plugin.test_interruptions import second, steady
from tests.plugin.test_shards import Place, place
from tests.plugin.test_suite import people

__all__ = ["people", "place", "second", "steady"]

IMAGES = {"lfw": 10_000, "faces": 50}
FACES = {name: (Face(source=ImageSource(Path("a.png"), "a.png"), subject="Ann"),) * n for name, n in IMAGES.items()}
BLUR = Applied("blur", 2.0), Applied("blur", 4.0)
NEEDS = [
    *(Wanted("mine", old=False, dataset="lfw", corruption=each) for each in (CLEAN, CLEAN, *BLUR)),
    Wanted("other", old=False, dataset="lfw", corruption=CLEAN),
    Wanted("mine", old=False, dataset="faces", corruption=CLEAN),
]


def passed(corruption: Applied = CLEAN, *, model: str = "mine", cached: bool = False, seconds: float = 360.0) -> Pass:
    """Return a pass over LFW."""
    return Pass(model, corruption.identity, FACES["lfw"], 0 if cached else 10_000, seconds)


def test_what_several_cases_need_is_counted_once() -> None:
    """Clean images of a model, and each corruption; a large run says what is smaller."""
    small = Workload(NEEDS, IMAGES, 0.0)
    assert (small.passes, small.embeddings) == (5, 40_050)
    assert small.header() == ["facecheck: 5 passes over images, 40,050 embeddings, less what is cached"]

    large = Workload(NEEDS, {"lfw": 10**6, "faces": 50}, 0.0)
    assert "4,000,050 embeddings" in large.header()[0]
    assert "--facecheck-sample 100" in large.header()[1]
    assert "a pass over images, 50 embeddings" in Workload(NEEDS[-1:], IMAGES, 0.0).header()[0]


def test_progress_is_told_at_growing_intervals() -> None:
    """At the pace of what was computed, not before two minutes, and not for what is nearly done."""
    work = Workload(NEEDS, IMAGES, began=1000.0)

    assert work.told(passed(cached=True, seconds=5.0), 1500.0) == ""  # nothing was computed, so there is no pace
    assert work.told(passed(BLUR[0]), 1860.0) == (
        "facecheck: 20,000 of 40,050 embeddings in 14 min; at this pace 12 min more, less what is cached"
    )
    assert work.told(passed(BLUR[0]), 1900.0) == ""  # not yet again
    assert work.told(passed(BLUR[0]), 1000.0 + 2 * 860.0).startswith("facecheck: 20,000 of")  # made again, counted once
    assert work.told(passed(BLUR[1], seconds=40_000.0), 1000.0 + 12 * 3600).endswith(
        "30,000 of 40,050 embeddings in 12 h 0 min; at this pace 2 h 52 min more, less what is cached"
    )
    assert work.told(passed(model="other"), 1000.0 + 12.2 * 3600) == ""  # half an hour later at most, if it is long
    assert work.told(passed(model="other"), 1000.0 + 16 * 3600) == ""  # seconds are left


def test_a_line_says_so_in_the_middle_of_a_case(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the output of cases is captured; one case may be hours of passes."""
    monkeypatch.setattr(workload, "_FIRST_TOLD_S", 0.0)
    monkeypatch.setattr(workload, "_WORTH_TELLING_S", 0.0)

    assert place.evals("--facecheck-evals=blur", "-kjudged_rightly", file="evals/test_degradations.py") == 5  # unjudged

    told = re.findall(r"facecheck: (\d+) of 360 embeddings in 0 min; at this pace 0 min more", place.said)
    assert told
    assert int(told[0]) == 60


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
