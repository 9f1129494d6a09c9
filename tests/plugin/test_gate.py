"""The story of a team, on real pictures with a model that is fitted in a second: approve, change, look back."""

from pathlib import Path

import pytest

from facecheck.cli import main
from facecheck.results.change import Against
from facecheck.results.run import Run
from tests.plugin.test_suite import run_pytest_here

LIMITS = """
[[limit]]
eval = "verification"
name = "accuracy"
at_least = 0.4
why = "a promise of the tests"
"""


class Team:
    """A repository's reports, baselines and cache.

    Args:
        folder: that holds them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "limits.toml").write_text(LIMITS)
        self.said = ""

    def evals(self, factory: str, *arguments: str) -> int:
        """Run the evals on a model of the line "door"; return the exit status."""
        done = run_pytest_here(
            "evals/test_verification.py",
            "-q",
            f"--facecheck-models=tests.support.fitted:{factory}?line=door",
            "--facecheck-datasets=faces?part=sample",
            f"--facecheck-reports={self.folder / 'reports'}",
            f"--facecheck-baselines={self.folder / 'baselines'}",
            f"--facecheck-cache={self.folder / 'cache'}",
            f"--facecheck-limits={self.folder / 'limits.toml'}",
            *arguments,
            environment={},
        )
        self.said = " ".join((done.stdout + done.stderr).split())
        return done.returncode

    @property
    def run(self) -> Path:
        """The folder of the newest run."""
        return (self.folder / "reports" / "latest").resolve()

    @property
    def against(self) -> Against:
        """What became of the door in the newest run."""
        (found,) = Run.read(self.run).against
        return found

    def lost(self, name: str, **conditions: str) -> float:
        """Return by how much a case became worse, and assert that it did."""
        (change,) = (
            each
            for each in self.against.changes
            if each.name == name and conditions.items() <= each.conditions.as_json().items()
        )
        assert change.outcome == "worse", change
        return -change.gain


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Team:
    """A team that has approved its first version."""
    made = Team(tmp_path_factory.mktemp("team"))
    assert made.evals("coarse") == pytest.ExitCode.OK, made.said
    assert "no baseline yet for door in" in made.said
    assert 'pytest evals/ --facecheck-approve "REASON"' in made.said

    assert made.evals("coarse", "--facecheck-approve=v1 ships") == pytest.ExitCode.TESTS_FAILED
    assert "a run never moves its own yardstick unseen" in made.said
    assert "v1 ships" in (made.folder / "baselines" / "door" / "SUMMARY.md").read_text()
    return made


def test_the_same_again_is_identical(team: Team) -> None:
    """To the bit, and it says so."""
    assert team.evals("coarse") == pytest.ExitCode.OK, team.said

    assert {change.outcome for change in team.against.changes} == {"identical"}
    assert "identical function: the same vectors to the bit" in team.said


def test_another_batch_size_is_the_same_function(team: Team) -> None:
    """One crop at a time in place of all: sums are taken in another order."""
    assert team.evals("coarse_one_by_one") == pytest.ExitCode.OK, team.said

    assert team.against.function is not None
    # Whether the order of sums changes a bit at all is the processor's.
    assert team.against.function.verdict in ("same", "identical")
    assert {change.outcome for change in team.against.changes} <= {"identical", "not worse"}
    assert "same function within" in team.said or "identical function" in team.said


def test_swapped_channels_are_red_and_a_better_model_is_approved(
    team: Team, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which cases, by how much; then a better version, compared with both, and the trend of all runs."""
    assert team.evals("coarse_swapped") == pytest.ExitCode.TESTS_FAILED
    swapped = team.run
    assert team.against.function is not None
    assert team.against.function.verdict == "another"
    assert team.lost("accuracy", reference="approved threshold") > 0.15
    assert team.lost("negative_flip_rate") > 0.1
    assert "WORSE: faces-sample, accuracy, against approved threshold" in team.said
    assert "pairs were judged correctly before and are not now" in team.said
    assert "next: " in team.said
    assert Run.read(swapped).verdicts[0].outcome == "passed", "the limit alone does not see it"

    assert team.evals("fine") == pytest.ExitCode.OK, team.said
    assert "BETTER: faces-sample, accuracy, clean threshold" in team.said
    assert 'next: to hold later versions to this one: pytest evals/ --facecheck-approve "REASON"' in team.said
    assert main(["approve", str(team.run), "--why", "v2 ships", "--baselines", str(team.folder / "baselines")]) == 0
    better = team.run
    capsys.readouterr()

    assert main(["compare", str(team.folder / "baselines" / "door"), str(swapped)]) == 1
    assert "WORSE: faces-sample, accuracy, clean threshold" in capsys.readouterr().out
    assert main(["compare", str(swapped), str(better)]) == 0
    assert "BETTER" in capsys.readouterr().out

    assert team.evals("coarse") == pytest.ExitCode.TESTS_FAILED, "back to v1: the yardstick is v2 now"

    history, picture = str(team.folder / "reports" / "history.sqlite"), tmp_path / "trend.png"
    assert main(["history", "--history", history, "--line", "door"]) == 0
    assert "7 of 7 run(s)" in capsys.readouterr().out
    assert main(["trend", "--history", history, "--out", str(picture)]) == 0
    assert picture.stat().st_size > 10_000
