"""A run that fills the cache with its part of the images, where there is no cluster, and judges nothing.

The cases that were chosen say which models, data sets and corruptions are needed; in their place stands one item for
each of these combinations. It passes when its part is in the cache and fails when it is not, so that the exit status
means what it says. No eval is run: no run is written, nothing is compared, approved or remembered.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from facecheck.plugin.markers import is_eval
from facecheck.plugin.options import text
from facecheck.plugin.planning import planned, refusing, watched
from facecheck.plugin.workload import Wanted, wanted

if TYPE_CHECKING:
    from facecheck.models.recognizer import Recognizer
    from facecheck.pipeline.shards import Shard

__all__: list[str] = []

_FILLED = "facecheck-filled"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put what fills the cache in the place of the evals, once a shard was asked for."""
    given = text(config, "shard", "")
    evals = [item for item in items if is_eval(item)]
    if not given or not evals:
        return
    with refusing(config, items):
        shard = _shard(config, given)
        needed = list(dict.fromkeys(each for item in evals for each in wanted(config, item)))
        if not needed:
            raise pytest.UsageError(
                f"--facecheck-shard {shard}: nothing to fill: the cases that were chosen need no embeddings of pairs"
            )
        config.hook.pytest_deselected(items=evals)
        items[:] = [item for item in items if not is_eval(item)]
        items += [_Filling.of(session, each, shard) for each in needed]


def _shard(config: pytest.Config, given: str) -> Shard:
    """Return the shard that was asked for.

    Raises:
        pytest.UsageError: it is none, or goes with another option that makes no sense then.
    """
    from facecheck.errors import FacecheckError  # noqa: PLC0415 - a session without shards needs none of it
    from facecheck.pipeline.shards import Shard  # noqa: PLC0415

    try:
        shard = Shard.parse(given)
    except FacecheckError as error:
        raise pytest.UsageError(f"--facecheck-shard: {error}") from error
    if planned(config).cache is None:
        raise pytest.UsageError(f"--facecheck-shard {shard}: fills the cache, and --facecheck-cache is none")
    if text(config, "approve", ""):
        raise pytest.UsageError(
            f"--facecheck-shard {shard}: judges nothing that could be approved: approve the last run, without a shard"
        )
    return shard


class _Filling(pytest.Item):
    """Fills the cache with a part of one data set under one corruption, for one model."""

    wanted: Wanted
    shard: Shard

    @classmethod
    def of(cls, session: pytest.Session, wanted: Wanted, shard: Shard) -> _Filling:
        """Return the item of a combination."""
        name = f"{wanted.model}-{wanted.dataset}-{wanted.corruption.identity}"
        made: _Filling = cls.from_parent(session, name=f"shard {shard}[{name}]")
        made.wanted, made.shard = wanted, shard
        made.add_marker(pytest.mark.xdist_group(ascii(wanted.model)))
        return made

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return where the item comes from: no file."""
        return self.config.rootpath, None, self.name

    def runtest(self) -> None:
        """Fill, and say with how many images; a cache that does not keep them is a failure."""
        from facecheck.errors import FacecheckError  # noqa: PLC0415

        try:
            self.user_properties.append((_FILLED, self._fill(self._recognizer())))
        except FacecheckError as error:
            pytest.fail(str(error), pytrace=False)

    def _recognizer(self) -> Recognizer:
        plan = planned(self.config)
        return plan.replaced() if self.wanted.old else plan.recognizer(self.wanted.model)

    def _fill(self, recognizer: Recognizer) -> str:
        from facecheck.pipeline.shards import fill  # noqa: PLC0415
        from facecheck.plugin.plan import on_terminal  # noqa: PLC0415

        plan, corruption = planned(self.config), self.wanted.corruption
        dataset = plan.dataset(self.wanted.dataset)
        with plan.open_cache() as cache, on_terminal(watched=watched(self.config)) as terminal:
            assert cache is not None, "a shard without a cache was refused"
            done = fill(recognizer, dataset.faces, corruption, shard=self.shard, cache=cache, terminal=terminal)
        left_out = f", {done.unreadable} of them cannot be read" if done.unreadable else ""
        where = f"{recognizer.name} on {dataset.name}, {corruption.identity}"
        return f"{where}: {done.images} of {done.of} images{left_out}"


class _Summary:
    """Says at the end what was filled."""

    def __init__(self) -> None:
        self._filled: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what an item filled."""
        if report.when == "teardown":
            self._filled += [str(told) for name, told in report.user_properties if name == _FILLED]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        """Show it, and what comes next."""
        if not self._filled:
            return
        terminalreporter.section(f"facecheck: shard {text(config, 'shard', '')}")
        for line in self._filled:
            terminalreporter.write_line(line)
        terminalreporter.write_line(
            "Nothing was judged: a shard fills the cache with its part of the images. When all shards are green, join "
            "their caches (facecheck cache join FOLDER...) and run the same command without --facecheck-shard."
        )


def pytest_configure(config: pytest.Config) -> None:
    """Listen where reports arrive."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Summary(), "facecheck-shards")
