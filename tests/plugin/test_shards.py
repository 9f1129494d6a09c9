"""``--facecheck-shard``: what a shard fills, what it leaves alone, and how the last run joins them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from facecheck.cli import main
from facecheck.results.run import Run
from facecheck.results.scored_pairs import load_scores
from tests.plugin.test_interruptions import second, steady
from tests.plugin.test_suite import EASY, LONG, people, run_pytest, run_pytest_here
from tests.support.ijb import written_ijb

__all__ = ["people", "second", "steady"]

STEADY = "tests.plugin.test_interruptions:steady"


class Place:
    """A team's folders.

    Args:
        folder: of them.
        people: images.
    """

    def __init__(self, folder: Path, people: Path) -> None:
        self.reports, self.passes = folder / "reports", folder / "passes"
        self.folder, self._people, self.said = folder, people, ""
        (folder / "easy.toml").write_text(EASY)

    def evals(self, *more: str, cache: str = "cache", file: str = "evals/test_verification.py") -> int:
        """Run the evals and return the exit status."""
        arguments = (
            file,
            f"--facecheck-models={STEADY}",
            f"--facecheck-datasets=folders:{self._people}?name=people",
            f"--facecheck-limits={self.folder / 'easy.toml'}",
            f"--facecheck-reports={self.reports}",
            f"--facecheck-cache={self.folder / cache if cache != 'none' else cache}",
            *more,
        )
        environment = {"PASSES": str(self.passes)}
        if "-n2" in more:
            done = run_pytest(*arguments, environment=dict(os.environ) | environment)
        else:
            done = run_pytest_here(*arguments, environment=environment)
        self.said = " ".join((done.stdout + done.stderr).split())
        return done.returncode

    def embedded(self) -> int:
        """Return how many crops were embedded since the last call, those of the probe of each run left out."""
        sizes = [int(line.split()[1]) for line in self.passes.read_text().splitlines()] if self.passes.exists() else []
        self.passes.unlink(missing_ok=True)
        return sum(sizes)

    def scores(self) -> dict[str, object]:
        """Return the scores of every file of the last run."""
        folder = self.reports / "latest"
        found = load_scores(folder, hashes=Run.read(folder).scores)
        return {f"{each.dataset} {each.condition}": each.scores.similarity.tobytes() for each in found}


@pytest.fixture
def place(tmp_path: Path, people: Path) -> Place:
    """A new one."""
    return Place(tmp_path, people)


def test_shards_fill_judge_nothing_and_are_joined_by_a_last_run(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its scores equal those of one run over everything, and no image is embedded again; the shards write no run."""
    chosen = ("evals/test_degradations.py", "--facecheck-evals=verification,blur", "-kjudged_rightly")
    assert place.evals(*chosen, cache="whole") == pytest.ExitCode.OK
    whole, passes_of_all = place.scores(), place.embedded()
    runs, history = sorted(place.reports.iterdir()), (place.reports / "history.sqlite").read_bytes()

    filled = [place.evals(*chosen, f"--facecheck-shard={number}/2", cache=str(number)) for number in (1, 2)]
    said = place.said

    assert filled == [pytest.ExitCode.OK] * 2
    assert "steady on people, clean: " in said
    assert "of 60 images" in said
    assert "Nothing was judged: a shard fills the cache" in said
    assert (sorted(place.reports.iterdir()), (place.reports / "history.sqlite").read_bytes()) == (runs, history)
    place.embedded()
    assert main(["cache", "join", *(str(place.folder / n) for n in "12"), f"--folder={place.folder / 'joined'}"]) == 0
    capsys.readouterr()

    assert place.evals(*chosen, cache="joined") == pytest.ExitCode.OK

    assert place.scores() == whole
    assert len(whole) > 2
    assert passes_of_all - place.embedded() == 60 * len(whole), "only the probe and the preflight were embedded again"


@pytest.mark.parametrize("workers", ["-n0", pytest.param("-n2", marks=LONG)])
def test_a_shard_is_filled_for_the_model_that_is_replaced_as_well(place: Place, workers: str) -> None:
    """A model and the old one, by the workers of one machine as without."""
    against = "--facecheck-against=tests.plugin.test_interruptions:second"

    assert place.evals(against, "--facecheck-shard=1/2", workers, file="evals/test_update.py") == pytest.ExitCode.OK

    for name in ("steady", "second (old)"):
        assert f"{name} on people, clean: " in place.said
    assert not place.reports.exists()


@pytest.mark.parametrize("shard", ["0/4", "5/4", "x"])
def test_a_shard_that_is_none_stops_the_run(place: Place, shard: str) -> None:
    """Before any image is read."""
    assert place.evals(f"--facecheck-shard={shard}") == pytest.ExitCode.USAGE_ERROR
    assert f"--facecheck-shard: shard '{shard}': expected NUMBER/COUNT such as 3/16" in place.said
    assert place.embedded() == 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--facecheck-approve=ready",), "judges nothing that could be approved"),
        (("--facecheck-cache=none",), "fills the cache, and --facecheck-cache is none"),
        (("-mtiming", "evals/test_timing.py"), "the cases that were chosen need no embeddings of pairs"),
    ],
    ids=["approve", "no-cache", "timings"],
)
def test_what_a_shard_cannot_do_stops_the_run(place: Place, more: tuple[str, ...], said: str) -> None:
    """Before any image is read."""
    assert place.evals("--facecheck-shard=1/4", *more) == pytest.ExitCode.USAGE_ERROR
    assert said in place.said
    assert place.embedded() == 0


def test_a_shard_without_an_image_is_green(place: Place) -> None:
    """A small data set has fewer batches than there are shards: nothing is to be filled, and nothing is missing."""
    assert place.evals("--facecheck-shard=900/900") == pytest.ExitCode.OK
    assert "steady on people, clean: 0 of 60 images" in place.said


def test_a_shard_whose_results_cannot_be_kept_is_red(place: Place) -> None:
    """A run goes on without its cache; a shard is for nothing else."""
    (place.folder / "cache").write_bytes(b"mine")

    assert place.evals("--facecheck-shard=1/2") == pytest.ExitCode.TESTS_FAILED
    assert "cannot be written, so that a shard has no place for its results" in place.said


def test_a_shard_whose_model_cannot_be_built_is_red(place: Place) -> None:
    """The other models are filled all the same."""
    models = f"--facecheck-models={STEADY},tests.plugin.test_suite:failing"

    assert place.evals("--facecheck-shard=1/2", models) == pytest.ExitCode.TESTS_FAILED
    assert "the factory failed: OSError: no weights today" in place.said
    assert "steady on people, clean: " in place.said


def test_a_cache_that_is_too_small_for_a_shard_is_red(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run would remove again, the last run would compute once more."""
    monkeypatch.setattr("facecheck.plugin.plan._cache_bytes", lambda _: 10_000)

    assert place.evals("--facecheck-shard=1/2") == pytest.ExitCode.TESTS_FAILED
    assert "give more with --facecheck-cache-size, or make more shards" in place.said


@pytest.mark.parametrize("given", ["0", "-1", "x", "1.5", "9" * 40])
def test_a_size_of_the_cache_that_is_none_stops_the_run(place: Place, given: str) -> None:
    """Whole GiB, at least one."""
    assert place.evals(f"--facecheck-cache-size={given}") == pytest.ExitCode.USAGE_ERROR
    assert "expected a number of GiB, at least 1" in place.said


def test_templates_are_left_to_the_last_run(place: Place, tmp_path: Path) -> None:
    """Their points are listed, so that nothing is detected in them."""
    listed = f"--facecheck-datasets=ijb:{written_ijb(tmp_path / 'ijb')}"

    assert place.evals("--facecheck-shard=1/2", listed, file="evals/test_ijb.py") == pytest.ExitCode.USAGE_ERROR
    assert "the cases that were chosen need no embeddings of pairs" in place.said
