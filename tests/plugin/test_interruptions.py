"""``kill -9`` and a full disk, in a run, an approval and a write of the history: nothing that was finished is lost."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from facecheck.cli import main
from facecheck.gate.baselines import Baseline, leftovers, read_baseline
from facecheck.history.store import History
from facecheck.models import Settings, torch_recognizer
from facecheck.models.recognizer import Recognizer
from facecheck.results.run import Run
from tests.pipeline.test_pipeline import BrightDetector
from tests.plugin.test_suite import EASY, LONG, ROOT, MeanColour, people, run_pytest, run_pytest_here

__all__ = ["people"]

COLOURS = "tests.plugin.test_suite:colours?line=door"
COMMAND = "import tests.support.killed, sys; from facecheck.cli import main; sys.exit(main(sys.argv[1:]))"


class Counted(torch.nn.Module):
    """Mean colours, of which each pass is noted in a file; where ``MORTAL`` is set it kills its process instead."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        if self.name == os.environ.get("MORTAL"):
            os.kill(os.getpid(), signal.SIGKILL)
        with Path(os.environ["PASSES"]).open("a") as stream:
            stream.write(f"{self.name} {len(pixels)}\n")
        return pixels.mean((2, 3))


def _counted(name: str, settings: Settings) -> Recognizer:
    return torch_recognizer(name, Counted(name), settings, l2=False, threshold=0.05, detector=BrightDetector())


def steady(settings: Settings) -> Recognizer:
    """Return a model that counts its passes."""
    return _counted("steady", settings)


def second(settings: Settings) -> Recognizer:
    """Return a model that runs after it."""
    return _counted("second", settings)


def darker(settings: Settings) -> Recognizer:
    """Return another version of the colours: its similarities differ."""

    class Darker(MeanColour):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return 0.9 * super().forward(pixels)

    return torch_recognizer("darker", Darker(), settings, l2=False, threshold=0.05, detector=BrightDetector())


class Place:
    """Reports, baselines and cache of a team, and its data.

    Args:
        folder: of them.
        people: images.
    """

    def __init__(self, folder: Path, people: Path) -> None:
        self.folder, self._people = folder, people
        self.reports, self.baselines, self.cache = folder / "reports", folder / "baselines", folder / "cache"
        self.said = ""
        self.limits = people / "easy.toml"
        self.limits.write_text(EASY)

    def evals(self, *more: str, models: str = COLOURS, **environment: str) -> int:
        """Run the evals, in a process of their own if it is to be killed; return the status, negative by a signal."""
        arguments = (
            "evals/test_verification.py",
            "-kjudged",
            f"--facecheck-models={models}",
            f"--facecheck-datasets=folders:{self._people}?name=people",
            f"--facecheck-limits={self.limits}",
            f"--facecheck-reports={self.reports}",
            f"--facecheck-baselines={self.baselines}",
            f"--facecheck-cache={self.cache}",
            *more,
        )
        if environment.keys() & {"KILLED_AT", "MORTAL"}:
            done = run_pytest("-ptests.support.killed", *arguments, environment=dict(os.environ) | environment)
        else:
            done = run_pytest_here(*arguments, environment=environment)
        self.said = " ".join((done.stdout + done.stderr).split())
        return done.returncode

    def runs(self) -> list[Path]:
        """Return the folders of all runs, the oldest first."""
        return sorted(self.reports.glob("20*"))

    def in_history(self) -> int:
        """Return how many runs the history holds."""
        with History(self.reports / "history.sqlite") as history:
            return len(history.runs())

    def baseline(self) -> Baseline:
        """Return the baseline of the door, all of whose scores can be read."""
        found = read_baseline(self.baselines, "door")
        assert found is not None
        assert list(found.scored())
        assert found.probe() is not None
        return found

    def approve(self, run: Path, reason: str, *, killed_at: str = "") -> subprocess.CompletedProcess[str]:
        """Approve a run by the command, in a process that is killed at some call."""
        arguments = ["approve", str(run), "--why", reason, "--by", "Ann", "--baselines", str(self.baselines)]
        return subprocess.run(
            [sys.executable, "-c", COMMAND, *arguments],
            cwd=ROOT, env=os.environ | {"KILLED_AT": killed_at}, capture_output=True, text=True, timeout=300,
            check=False,
        )  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, people: Path) -> Place:
    """A folder where nothing was run yet."""
    return Place(tmp_path, people)


@pytest.fixture(scope="module")
def two_versions(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Runs of two versions of the door, of which the first is approved."""
    made = Place(tmp_path_factory.mktemp("versions"), people)
    assert made.evals() == pytest.ExitCode.OK, made.said
    assert made.evals(models="tests.plugin.test_interruptions:darker?line=door") == pytest.ExitCode.OK, made.said
    assert made.approve(made.runs()[0], "v1").returncode == 0
    return made


@pytest.fixture
def approving(two_versions: Place, tmp_path: Path, people: Path) -> Place:
    """A copy of their baselines, to be changed."""
    made = Place(tmp_path, people)
    shutil.copytree(two_versions.baselines, made.baselines)
    made.reports = two_versions.reports
    return made


def passes(folder: Path, name: str) -> list[str]:
    """Return what a model was asked for, and forget it."""
    file = folder / "passes"
    lines = [line for line in file.read_text().splitlines() if line.startswith(name)] if file.exists() else []
    file.write_text("")
    return lines


def test_a_killed_run_keeps_its_finished_work_and_is_told(place: Place) -> None:
    """The model that had finished is not asked again; the next run names the folder, until it is removed."""
    models = ",".join(f"tests.plugin.test_interruptions:{name}" for name in ("steady", "second"))
    told = {"PASSES": str(place.folder / "passes")}

    assert place.evals(models=models, MORTAL="second", **told) == -signal.SIGKILL
    whole = passes(place.folder, "steady")
    (dead,) = place.runs()
    assert not (dead / "results.json").exists()
    assert not (place.reports / "latest").exists()

    assert place.evals(models=models, **told) == pytest.ExitCode.OK, place.said
    again = passes(place.folder, "steady")
    assert f"1 run(s) in {place.reports} were interrupted before their results were written" in place.said
    assert dead.name in place.said
    assert len(Run.read(place.reports / "latest").signature.models) == 2

    shutil.rmtree(dead)
    assert place.evals(models=models, **told) == pytest.ExitCode.OK, place.said
    assert "interrupted" not in place.said
    assert again == passes(place.folder, "steady"), "finished work was done again"
    assert len(again) < len(whole)


@pytest.mark.parametrize(
    "where",
    [
        pytest.param("facecheck.comparison.sides:sides_of_run:1", id="before the comparison with the baseline"),
        pytest.param("facecheck.report.finish:_compared_models:1", id="before graphs"),
        pytest.param(
            "sqlalchemy.engine.default:DefaultDialect.do_commit:2", id="in the history's transaction", marks=LONG
        ),
    ],
)
def test_a_run_killed_after_its_results_is_whole(place: Place, where: str) -> None:
    """Nobody is told to remove it: it is told once, with the command that finishes it, and enters the history."""
    assert place.evals(KILLED_AT=where) == -signal.SIGKILL
    (dead,) = place.runs()
    assert Run.read(dead).measurements

    assert place.evals() == pytest.ExitCode.OK, place.said
    told = f"run {dead.name} was interrupted after its results were written: facecheck report {dead}"
    assert told in place.said
    assert "remove" not in place.said
    assert place.in_history() == 2
    assert main(["report", str(dead)]) == 0
    assert main(["history", "--history", str(place.reports / "history.sqlite")]) == 0

    assert place.evals() == pytest.ExitCode.OK, place.said
    assert "interrupted" not in place.said


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        pytest.param("os:fsync:1", "v1", id="in the scores"),
        pytest.param("os:fsync:2", "v1", id="in the vectors"),
        pytest.param("os:fsync:3", "v1", id="in baseline.json"),
        pytest.param("os:fsync:4", "v2", id="in the summary"),
        pytest.param("pathlib:Path.unlink:1", "v2", id="before old files are removed"),
    ],
)
def test_a_killed_approval_leaves_the_old_baseline_or_the_new_one(approving: Place, where: str, reason: str) -> None:
    """What it left is said; the next approval removes it."""
    second = approving.runs()[1]

    assert approving.approve(second, "v2", killed_at=where).returncode == -signal.SIGKILL
    found = approving.baseline()
    assert found.parts[-1].approval.reason == reason
    assert leftovers(found)

    done = approving.approve(second, "v2")
    assert done.returncode == 0, done.stderr
    found = approving.baseline()
    assert found.parts[-1].approval.reason == "v2"
    assert leftovers(found) == []
    assert not list(approving.baselines.rglob(".*"))


@LONG
def test_the_next_run_says_that_an_approval_was_killed(place: Place) -> None:
    """The first of a line too, of which there is no baseline yet."""
    assert place.evals("--facecheck-approve=v1", KILLED_AT="facecheck.gate.baselines:write_text:1") == -signal.SIGKILL

    assert place.evals() == pytest.ExitCode.OK, place.said
    assert f"{place.baselines / 'door'} holds 2 files of no approval" in place.said
    assert "no baseline yet for door" in place.said
    assert place.in_history() == 2

    assert place.evals("--facecheck-approve=v1") == pytest.ExitCode.TESTS_FAILED
    assert leftovers(place.baseline()) == []


@contextlib.contextmanager
def mounted(folder: Path, size: str) -> Iterator[None]:
    """Mount a disk of this size in memory; only root may."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "facecheck-tests", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here: it takes root")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path, people: Path) -> Iterator[Place]:
    """A disk of 8 MiB."""
    with mounted(tmp_path / "disk", "8m"):
        yield Place(tmp_path / "disk", people)


@contextlib.contextmanager
def full(place: Place, *, but_bytes: int = 0) -> Iterator[None]:
    """Fill the disk but for some bytes, and empty it again."""
    filler = place.folder / "filler"
    free = shutil.disk_usage(place.folder).free - but_bytes
    filler.write_bytes(bytes(free))
    yield
    filler.unlink()


@LONG
@pytest.mark.parametrize("kib", [0, 16, 100])
def test_a_disk_that_fills_up_during_a_run_costs_no_earlier_work(disk: Place, kib: int) -> None:
    """Wherever the room ends: a red run that says so, earlier runs, cache and history as they were."""
    assert disk.evals() == pytest.ExitCode.OK, disk.said
    first = disk.runs()[0]
    before = (first / "results.json").read_bytes()

    with full(disk, but_bytes=kib * 1024):
        status = disk.evals()
        assert status not in (pytest.ExitCode.OK, -signal.SIGKILL), disk.said
        assert "No space left on device" in disk.said
        assert "INTERNALERROR" not in disk.said
        assert (first / "results.json").read_bytes() == before
        assert not [path for path in disk.reports.rglob(".*.*.*") if path.is_file()], "a part of a file was left"

    assert disk.evals() == pytest.ExitCode.OK, disk.said
    whole = [each for each in disk.runs() if (each / "results.json").exists()]
    assert first in whole
    assert disk.in_history() == len(whole)
    assert main(["history", "import", str(disk.reports), "--history", str(disk.reports / "history.sqlite")]) == 0


@LONG
@pytest.mark.parametrize("bytes_left", [0, 4096, 8192])
def test_a_full_disk_in_an_approval_leaves_the_old_baseline(disk: Place, two_versions: Place, bytes_left: int) -> None:
    """One clear line; with room the same command works."""
    shutil.copytree(two_versions.baselines, disk.baselines)
    before = {path: path.read_bytes() for path in sorted(disk.baselines.rglob("*")) if path.is_file()}
    second = two_versions.runs()[1]

    with full(disk, but_bytes=bytes_left):
        done = disk.approve(second, "v2")
        assert done.returncode == 2
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr
        assert {path: path.read_bytes() for path in before} == before
        assert disk.baseline().parts[-1].approval.reason == "v1"

    assert disk.approve(second, "v2").returncode == 0
    assert disk.baseline().parts[-1].approval.reason == "v2"
    assert leftovers(disk.baseline()) == []


@LONG
def test_a_full_disk_in_the_history_costs_no_run(disk: Place) -> None:
    """The run is green, and its line says how it gets in; the next run takes it along."""
    history = disk.folder / "history.sqlite"
    elsewhere = Place(disk.folder.parent, disk.limits.parent)

    with full(disk):
        assert elsewhere.evals(f"--facecheck-history={history}") == pytest.ExitCode.OK, elsewhere.said
        assert "the run is not in the history yet" in elsewhere.said
        assert "facecheck history import" in elsewhere.said

    assert elsewhere.evals(f"--facecheck-history={history}") == pytest.ExitCode.OK, elsewhere.said
    assert "history: 1 earlier run(s) were missing" in elsewhere.said
    with History(history) as opened:
        assert len(opened.runs()) == 2
