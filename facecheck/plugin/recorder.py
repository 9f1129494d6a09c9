"""What cases keep travels in their reports; at the end one process writes one run and finishes its folder.

Reports reach the controller from every xdist worker, so ``-n 4`` leaves the same files as ``-n 0``.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from facecheck.plugin.markers import is_eval
from facecheck.plugin.options import switch, text
from facecheck.plugin.planning import refusing
from facecheck.plugin.unfinished import begun

if TYPE_CHECKING:
    from facecheck.plugin.assembly import Assembly

__all__ = ["RUN_FOLDER", "run_folder"]

RUN_FOLDER = pytest.StashKey[Path]()
_EVAL = "facecheck-eval"


def run_folder(config: pytest.Config) -> Path:
    """Return the run's folder, made at the first call.

    Raises:
        pytest.UsageError: it cannot be written.
    """
    folder = config.stash[RUN_FOLDER]
    with _refusing_to_start(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def _refusing_to_start(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise pytest.UsageError(f"--facecheck-reports {folder.parent}: cannot be written: {error.strerror}") from error


class Recorder:
    """Collects the reports of all evals; registered on the process that reports.

    Args:
        config: of the run.
        started: when.
    """

    def __init__(self, config: pytest.Config, started: dt.datetime) -> None:
        self._config = config
        self._started = started
        self._assembly: Assembly | None = None
        self._lines: list[str] = []
        self._problem = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what an eval kept, and its outcome, and leave plain numbers in its place, for JUnit XML."""
        if not any(name == _EVAL for name, _ in report.user_properties):
            return
        if self._assembly is None:
            from facecheck.plugin.assembly import Assembly  # noqa: PLC0415 - a session without evals needs none of it

            self._assembly = Assembly(self._started)
        self._assembly.take(report)
        report.user_properties = self._assembly.plain(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the run, finish its folder, and refuse to be green about nothing."""
        if self._assembly is None:
            return
        whole = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and not (
            session.shouldstop or session.shouldfail
        )
        try:
            self._lines = self._assembly.finish(run_folder(self._config), self._config, whole=whole)
        except _problems() as error:
            self._problem = str(error)
            self._lines = list(getattr(error, "summary", ()))
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
            return
        if exitstatus == pytest.ExitCode.OK:
            session.exitstatus = self._status()

    def _status(self) -> pytest.ExitCode:
        """Return the status where all cases passed: not green if the comparison is red, or nothing was judged."""
        assert self._assembly is not None, "evals were reported"
        if self._assembly.compared.is_red or text(self._config, "approve", ""):
            return pytest.ExitCode.TESTS_FAILED
        strict = switch(self._config, "strict") and self._assembly.outcomes & {"skipped", "unjudged"}
        return pytest.ExitCode.NO_TESTS_COLLECTED if strict or self._says_nothing() else pytest.ExitCode.OK

    def _says_nothing(self) -> bool:
        """Whether neither a limit nor a baseline judged anything."""
        if self._assembly is None or not self._assembly.outcomes <= {"skipped", "unjudged"}:
            return False
        return not self._assembly.compared.judged

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the short table, and where everything is."""
        if self._assembly is None:
            return
        terminalreporter.section("facecheck")
        for line in self._lines:
            terminalreporter.write_line(line)
        for problem in self._assembly.compared.problems:
            terminalreporter.write_line(problem, red=True)
        if self._says_nothing() and not text(self._config, "approve", ""):
            terminalreporter.write_line(
                "Nothing was judged: every case was skipped or unjudged, so this run is not green.", red=True
            )
        if self._problem:
            terminalreporter.write_line(self._problem, red=True)


def _problems() -> tuple[type[BaseException], ...]:
    from facecheck.errors import FacecheckError  # noqa: PLC0415

    return FacecheckError, pytest.UsageError, OSError


def pytest_configure(config: pytest.Config) -> None:
    """Settle the run's folder, the same for all workers, and listen where reports arrive."""
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        config.stash[RUN_FOLDER] = Path(worker["facecheck_run_folder"])
        return
    started = dt.datetime.now().astimezone()
    reports = Path(text(config, "reports", str(config.rootpath / "reports"))).expanduser()
    config.stash[RUN_FOLDER] = reports / started.strftime("%Y-%m-%d-%H%M%S-%f")
    config.pluginmanager.register(Recorder(config, started), "facecheck-recorder")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401 - xdist has no types
    """Give an xdist worker the run's folder."""
    node.workerinput["facecheck_run_folder"] = str(node.config.stash[RUN_FOLDER])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the evals' reports, and report early if results could not be written: after the work would be too late."""
    evals = [item for item in items if is_eval(item)]
    for item in evals:
        item.user_properties.append((_EVAL, item.get_closest_marker("eval").args[0] if _named(item) else ""))  # type: ignore[union-attr]
    if evals and not config.getoption("collectonly"):
        with refusing(config, items):
            folder = run_folder(config)
            if not hasattr(config, "workerinput"):
                with _refusing_to_start(folder):
                    begun(folder)


def _named(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("eval")
    return marker is not None and bool(marker.args)
