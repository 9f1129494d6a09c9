"""How much work the chosen cases are: said before it begins, and how far it is while it goes on."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from facecheck.plugin.markers import is_eval
from facecheck.plugin.planning import planned

if TYPE_CHECKING:
    from facecheck.corruptions import Applied

__all__ = ["Wanted", "Workload", "wanted"]

_MUCH = 200_000  # embeddings above which a smaller run is proposed
_FIRST_TOLD_S = 120.0
_WORTH_TELLING_S = 600.0


class Wanted(NamedTuple):
    """All images of a data set under one corruption, embedded by one model.

    Args:
        model: specification.
        old: whether it is the model that the others are to replace.
        dataset: specification.
        corruption: applied to every image.
    """

    model: str
    old: bool
    dataset: str
    corruption: Applied


def wanted(config: pytest.Config, item: pytest.Item) -> Iterator[Wanted]:
    """Yield what a case needs: the clean images always, by which thresholds are chosen."""
    from facecheck.corruptions import CLEAN  # noqa: PLC0415

    given: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    model, dataset = given.get("recognizer"), given.get("dataset")
    if not model or not dataset or item.get_closest_marker("skip") or item.get_closest_marker("timing"):
        return
    if planned(config).dataset(dataset).templates is not None:
        return  # their points are listed, so that no detection is kept of them; the last run computes them
    for corruption in (CLEAN, *_corruptions(given.get("levels", ()))):
        yield Wanted(model, old=False, dataset=dataset, corruption=corruption)
    if "updated" in getattr(item, "fixturenames", ()):
        yield Wanted(planned(config).against, old=True, dataset=dataset, corruption=CLEAN)


def _corruptions(levels: object) -> Iterable[Applied]:
    """Return the corruptions of a case: one of a point, or all levels of those of a sweep."""
    from facecheck.corruptions import Applied  # noqa: PLC0415

    if isinstance(levels, dict):
        every = [Applied(entry.name, level) for entry, several in levels.items() for _, level in several]
        return [each for each in every if each.level]
    return [each for each in levels if isinstance(each, Applied)] if isinstance(levels, tuple) else []


class Workload:
    """What all cases need, and what those that ended needed.

    Args:
        needs: of each case, by its id.
        images: of each data set, by its specification.
        began: when, in seconds of a clock that never goes back.
    """

    def __init__(self, needs: Mapping[str, Sequence[Wanted]], images: Mapping[str, int], began: float) -> None:
        self._needs, self._images, self._began = needs, images, began
        self._done: set[Wanted] = set()
        self._next = _FIRST_TOLD_S
        self.passes = len({each for several in needs.values() for each in several})
        self.embeddings = self._count({each for several in needs.values() for each in several})

    def _count(self, several: Iterable[Wanted]) -> int:
        return sum(self._images[each.dataset] for each in several)

    def header(self) -> list[str]:
        """Return what the run says before it begins."""
        found = [f"facecheck: {self.passes:,} passes over images, {self.embeddings:,} embeddings, less what is cached"]
        if self.embeddings > _MUCH:
            found.append(
                "facecheck: that is much for one machine: --facecheck-sample 200 is a quick look, --facecheck-evals "
                "verification looks at clean images, --facecheck-shard and --facecheck-executor take more machines"
            )
        return found

    def told(self, nodeid: str, now: float) -> str:
        """Return how far the run is once a case has ended, empty if it is not time to say so, or nearly done.

        Args:
            nodeid: of the case.
            now: of the clock of ``began``.
        """
        self._done.update(self._needs.get(nodeid, ()))
        done, passed = self._count(self._done), now - self._began
        if passed < self._next or not done:
            return ""
        self._next = 2 * passed
        left = passed * (self.embeddings / done - 1)
        if left < _WORTH_TELLING_S:
            return ""
        return (
            f"facecheck: {done:,} of {self.embeddings:,} embeddings in {_told(passed)}; at this pace {_told(left)} more"
        )


def _told(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


class _Progress:
    """Says in the terminal how far the run is.

    Args:
        workload: of the run.
        terminal: of the session.
    """

    def __init__(self, workload: Workload, terminal: pytest.TerminalReporter) -> None:
        self._workload, self._terminal = workload, terminal

    @pytest.hookimpl(tryfirst=True)  # the terminal turns the order round
    def pytest_report_collectionfinish(self) -> list[str]:
        """Say how much there is to do."""
        return self._workload.header()

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Say how far it is, on a line of its own."""
        told = self._workload.told(report.nodeid, time.monotonic()) if report.when == "teardown" else ""
        if told:
            self._terminal.ensure_newline()
            self._terminal.write_line(told)


@pytest.hookimpl(tryfirst=True)  # before the terminal asks what there is to say
def pytest_collection_finish(session: pytest.Session) -> None:
    """Count what the cases need, in the process that runs them and reports."""
    config = session.config
    terminal = config.pluginmanager.getplugin("terminalreporter")
    needs = {item.nodeid: tuple(wanted(config, item)) for item in session.items if is_eval(item)}
    if terminal is None or hasattr(config, "workerinput") or not any(needs.values()):
        return
    plan = planned(config)
    specs = {each.dataset for several in needs.values() for each in several}
    images = {spec: len(plan.dataset(spec).faces) for spec in specs}
    config.pluginmanager.register(_Progress(Workload(needs, images, time.monotonic()), terminal), "facecheck-progress")
