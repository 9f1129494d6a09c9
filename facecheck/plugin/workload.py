"""How much work the chosen cases are: said before it begins, and how far it is while it goes on.

A shard (:mod:`facecheck.plugin.shards`) fills the cache with its part of the same.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from facecheck.plugin.markers import is_eval
from facecheck.plugin.planning import planned

if TYPE_CHECKING:
    from facecheck.corruptions import Applied
    from facecheck.pipeline.pipeline import Pass

__all__ = ["Wanted", "Workload", "wanted"]

_MUCH = 200_000  # embeddings above which a smaller run is proposed
_FIRST_TOLD_S = 120.0
_WORTH_TELLING_S = 600.0
_MOST_BETWEEN_S = 1800.0


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
    """What all cases need, and how much of it is done.

    Args:
        needs: of all cases.
        images: of each data set, by its specification.
        began: when, in seconds of a clock that never goes back.
    """

    def __init__(self, needs: Iterable[Wanted], images: Mapping[str, int], began: float) -> None:
        different = set(needs)
        self.passes, self.embeddings = len(different), sum(images[each.dataset] for each in different)
        self._began, self._next = began, _FIRST_TOLD_S
        self._seen: set[tuple[str, str, int]] = set()
        self._done = self._computed = 0
        self._seconds = 0.0

    def header(self) -> list[str]:
        """Return what the run says before it begins."""
        many = "a pass" if self.passes == 1 else f"{self.passes:,} passes"
        found = [f"facecheck: {many} over images, {self.embeddings:,} embeddings, less what is cached"]
        if self.embeddings > _MUCH:
            found.append(
                "facecheck: that is much for one machine: --facecheck-sample 100 is a quick look, --facecheck-evals "
                "verification looks at clean images, --facecheck-shard and --facecheck-executor take more machines"
            )
        return found

    def told(self, done: Pass, now: float) -> str:
        """Return how far the run is after a pass, empty if it is not time to say so, or nearly done.

        The pace is that of what was computed, so that what came from the cache promises nothing.

        Args:
            done: the pass; a pass that is made again counts once.
            now: of the clock of ``began``.
        """
        self._computed += done.computed
        self._seconds += done.seconds if done.computed else 0.0
        key = (done.recognizer, done.corruption, id(done.faces))
        if key not in self._seen:
            self._seen.add(key)
            self._done = min(self._done + len(done.faces), self.embeddings)
        passed = now - self._began
        if passed < self._next or not self._computed:
            return ""
        left = (self.embeddings - self._done) * self._seconds / self._computed
        if left < _WORTH_TELLING_S:
            return ""
        self._next = passed + min(passed, _MOST_BETWEEN_S)
        return (
            f"facecheck: {self._done:,} of {self.embeddings:,} embeddings in {_told(passed)}; at this pace "
            f"{_told(left)} more, less what is cached"
        )


def _told(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


class _Progress:
    """Says in the terminal how much there is to do, and how far the run is.

    Args:
        workload: of the run.
        config: of the session.
    """

    def __init__(self, workload: Workload, config: pytest.Config) -> None:
        self._workload, self._config = workload, config

    @pytest.hookimpl(tryfirst=True)  # the terminal turns the order round
    def pytest_report_collectionfinish(self) -> list[str]:
        """Say how much there is to do."""
        return self._workload.header()

    def ran(self, done: Pass) -> None:
        """Say how far it is, on a line of its own, though the output of the case is captured."""
        told = self._workload.told(done, time.monotonic())
        plugins = self._config.pluginmanager
        terminal, capturing = plugins.getplugin("terminalreporter"), plugins.getplugin("capturemanager")
        if told and terminal is not None:
            with capturing.global_and_fixture_disabled() if capturing else contextlib.nullcontext():
                terminal.ensure_newline()
                terminal.write_line(told)


@pytest.hookimpl(tryfirst=True)  # before the terminal asks what there is to say
def pytest_collection_finish(session: pytest.Session) -> None:
    """Count what the cases need, in a process that both runs them and reports."""
    config = session.config
    if hasattr(config, "workerinput") or not config.pluginmanager.hasplugin("terminalreporter"):
        return
    needs = [each for item in session.items if is_eval(item) for each in wanted(config, item)]
    if not needs:
        return
    plan = planned(config)
    images = {spec: len(plan.dataset(spec).faces) for spec in {each.dataset for each in needs}}
    progress = _Progress(Workload(needs, images, time.monotonic()), config)
    plan.told = progress.ran
    config.pluginmanager.register(progress, "facecheck-progress")
