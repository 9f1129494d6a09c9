"""``--facecheck-executor``: what it takes, what it refuses, and a run by actors of Ray."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from facecheck.plugin.executors import RayAsked, _ray
from tests.plugin.test_shards import Place
from tests.plugin.test_suite import LONG, people

__all__ = ["people"]

COLOURS = "--facecheck-models=tests.plugin.test_suite:colours"


@pytest.fixture
def place(tmp_path: Path, people: Path) -> Place:
    """A new one."""
    return Place(tmp_path, people)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("ray", RayAsked()),
        ("ray:auto", RayAsked("auto")),
        ("ray:10.0.0.1:6379", RayAsked("10.0.0.1:6379")),
        ("ray:ray://head:10001?workers=8", RayAsked("ray://head:10001", 8)),
        ("ray?workers=2", RayAsked("", 2)),
    ],
)
def test_an_address_and_a_number_of_workers_are_read(given: str, asked: RayAsked) -> None:
    """An address may hold colons."""
    assert _ray(given) == asked


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("rey", "expected threads, ray, ray:ADDRESS or ray?workers=N"),
        ("threads:4", "expected threads, ray"),
        ("ray?workers=0", "expected a number of workers, at least 1"),
        ("ray?workers=x", "expected a number of workers, at least 1"),
        ("ray?actors=2", "ray has no option 'actors'. Known: workers"),
        ("ray?workers", "expected options like name=value"),
    ],
)
def test_what_is_no_executor_stops_the_run(place: Place, given: str, said: str) -> None:
    """Before any model is built."""
    assert place.evals(f"--facecheck-executor={given}") == pytest.ExitCode.USAGE_ERROR
    assert said in place.said


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
def test_shards_are_for_where_there_is_no_cluster(place: Place) -> None:
    """Both together would be one run in two ways."""
    given = ("--facecheck-executor=ray", "--facecheck-shard=1/2")

    assert place.evals(*given) == pytest.ExitCode.USAGE_ERROR
    assert "shards are for where there is no cluster" in place.said


def test_ray_that_is_not_installed_stops_the_run(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says how it is."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    assert place.evals("--facecheck-executor=ray") == pytest.ExitCode.USAGE_ERROR
    assert "Ray is not installed: pip install 'facecheck[ray]'" in place.said


@LONG
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
def test_a_run_by_actors_leaves_the_scores_of_a_local_one(place: Place) -> None:
    """Of every condition, to the bit."""
    chosen = ("evals/test_degradations.py", "--facecheck-evals=verification,blur", "-kjudged_rightly", COLOURS)
    assert place.evals(*chosen, cache="none") == pytest.ExitCode.OK
    local = place.scores()

    assert place.evals(*chosen, "--facecheck-executor=ray?workers=2", cache="none") == pytest.ExitCode.OK

    assert place.scores() == local
    assert len(local) > 2
