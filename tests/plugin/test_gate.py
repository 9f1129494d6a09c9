"""The story of a team, with a real model on real pictures: approve, run again, change, compare, look back."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from facecheck.cli import main
from facecheck.results.run import Run

ROOT = Path(__file__).parents[2]
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
        command = [
            sys.executable, "-m", "pytest", "evals/test_verification.py", "-q",
            f"--facecheck-models=tests.support.faults:{factory}?line=door",
            "--facecheck-datasets=faces?part=sample",
            f"--facecheck-reports={self.folder / 'reports'}",
            f"--facecheck-baselines={self.folder / 'baselines'}",
            f"--facecheck-cache={self.folder / 'cache'}",
            f"--facecheck-limits={self.folder / 'limits.toml'}",
            *arguments,
        ]  # fmt: skip
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("FACECHECK", "PYTEST"))}
        done = subprocess.run(
            command, cwd=ROOT, env=inherited, capture_output=True, text=True, timeout=1800, check=False
        )
        self.said = " ".join((done.stdout + done.stderr).split())
        return done.returncode

    @property
    def latest(self) -> Run:
        """The newest run."""
        return Run.read(self.folder / "reports" / "latest")


def test_a_team_follows_its_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Approve, identical, same function, a wrong range red, a better model approved, compare, trend."""
    team = Team(tmp_path)

    assert team.evals("door") == pytest.ExitCode.OK
    assert "no baseline yet for door in" in team.said
    assert 'pytest evals/ --facecheck-approve "REASON"' in team.said

    assert team.evals("door", "--facecheck-approve=v1 ships") == pytest.ExitCode.TESTS_FAILED
    assert "a run never moves its own yardstick unseen" in team.said
    assert "v1 ships" in (tmp_path / "baselines" / "door" / "SUMMARY.md").read_text()

    assert team.evals("door") == pytest.ExitCode.OK
    (against,) = team.latest.against
    assert {change.outcome for change in against.changes} == {"identical"}
    assert "identical function: the same vectors to the bit" in team.said

    assert team.evals("door_in_threes") == pytest.ExitCode.OK
    (against,) = team.latest.against
    assert against.function is not None
    assert against.function.verdict == "same"
    assert {change.outcome for change in against.changes} <= {"identical", "not worse"}
    assert "same function within" in team.said

    assert team.evals("door_unit") == pytest.ExitCode.TESTS_FAILED
    (against,) = team.latest.against
    assert against.function is not None
    assert against.function.verdict == "another"
    assert against.harms
    assert "WORSE: faces-sample, " in team.said
    assert "contract std" in team.said
    assert "next: mend it, or accept the loss for a reason" in team.said
    assert team.latest.verdicts[0].outcome == "passed", "the limit alone does not see it"

    wrong = (tmp_path / "reports" / "latest").resolve()
    assert main(["compare", str(tmp_path / "baselines" / "door"), str(wrong)]) == 1
    assert "WORSE" in capsys.readouterr().out
    assert main(["compare", str(wrong), str(min((tmp_path / "reports").glob("20*")))]) == 0
    assert "BETTER" in capsys.readouterr().out

    picture = tmp_path / "trend.png"
    history = str(tmp_path / "reports" / "history.sqlite")
    assert main(["history", "--history", history, "--line", "door"]) == 0
    assert "5 of 5 run(s)" in capsys.readouterr().out
    assert main(["trend", "--history", history, "--out", str(picture)]) == 0
    assert picture.stat().st_size > 10_000
