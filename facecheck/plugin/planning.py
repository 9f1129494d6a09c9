"""When the plan of the run is made: at the first eval that is collected, on every process that collects."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from facecheck.plugin.markers import eval_asked, is_eval
from facecheck.plugin.options import text

if TYPE_CHECKING:
    from facecheck.plugin.plan import Plan

__all__ = ["planned", "refusing", "remember_problem", "watched"]

_PLAN = pytest.StashKey["Plan"]()
_WATCHED = pytest.StashKey[bool]()
_PROBLEM = pytest.StashKey[pytest.UsageError]()
_EVALS = pytest.StashKey[set[str]]()
_DOUBTS = pytest.StashKey[list[str]]()
_REFUSED = "facecheck_refused"


def planned(config: pytest.Config) -> Plan:
    """Return the run's plan, made at the first call.

    Raises:
        pytest.UsageError: what is asked for makes no sense, or is not there.
    """
    if _PLAN not in config.stash:
        from facecheck.plugin.plan import Plan  # noqa: PLC0415 - torch comes with it

        config.stash[_PLAN] = Plan.of(config)
    return config.stash[_PLAN]


def remember_problem(config: pytest.Config, problem: pytest.UsageError) -> None:
    """Keep a usage error that collection would turn into an error of one file."""
    config.stash.setdefault(_PROBLEM, problem)


def watched(config: pytest.Config) -> bool:
    """Whether someone watches the terminal."""
    return config.stash[_WATCHED]


def pytest_configure(config: pytest.Config) -> None:
    """Note whether someone watches, before output is captured."""
    config.stash[_WATCHED] = sys.stdout.isatty()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Note every eval, also those that are deselected later: limits may name them."""
    marker = item.get_closest_marker("eval")
    if marker is not None and marker.args:
        item.config.stash.setdefault(_EVALS, set()).add(str(marker.args[0]))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Stop the run where an eval could not be planned; let cases marked ``gpu`` run on a GPU only."""
    with refusing(config, items):
        _prepare(config, items)


@contextlib.contextmanager
def refusing(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Stop the run at a usage error; an xdist worker, which would crash of it, hands it to the controller."""
    try:
        yield
    except pytest.UsageError as problem:
        items.clear()
        output = getattr(config, "workeroutput", None)
        if output is None:
            raise
        output[_REFUSED] = str(problem)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # noqa: ANN401 - xdist has no types
    """Take what a worker refused to do."""
    problem = getattr(node, "workeroutput", {}).get(_REFUSED)
    if problem is not None:
        remember_problem(node.config, pytest.UsageError(problem))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Exit as at any usage error."""
    if _problem_of(session.config) is not None:
        session.exitstatus = pytest.ExitCode.USAGE_ERROR


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show the usage error of the workers."""
    problem = _problem_of(config)
    if problem is not None:
        terminalreporter.write_line(f"ERROR: {problem}", red=True)


def _problem_of(config: pytest.Config) -> pytest.UsageError | None:
    return config.stash.get(_PROBLEM, None)


def _prepare(config: pytest.Config, items: list[pytest.Item]) -> None:
    problem = _problem_of(config)
    if problem is not None:
        raise problem
    _check_evals_of_limits(config, items)
    _keep_asked(config, items)
    _leave_out_updates(config, items)
    _leave_out_templates(config, items)
    for item in items:
        if is_eval(item):
            planned(config)
        if item.get_closest_marker("gpu") and isinstance(item, pytest.Function):
            item.fixturenames.insert(0, "_needs_gpu")


def _check_evals_of_limits(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse limits for an eval whose name is nearly that of one, if all evals were collected; note the others."""
    whole = any(_is_folder_of_evals(config, Path(argument)) for argument in config.args)
    if not whole or not any(map(is_eval, items)):
        return
    from facecheck.gate import absent_evals  # noqa: PLC0415

    plan = planned(config)
    names: set[str] = config.stash.get(_EVALS, set())
    doubts = dict(absent_evals(plan.limits, names))
    near = [doubt for doubt, nearly in doubts.items() if nearly]
    if near:
        raise pytest.UsageError(f"{plan.limits_file}: {near[0]} A limit for it would never apply")
    config.stash[_DOUBTS] = [f"{plan.limits_file}: {doubt}" for doubt in doubts]


def _is_folder_of_evals(config: pytest.Config, argument: Path) -> bool:
    """Whether all of the evals' folder is asked for: of a part of it, others are simply not collected."""
    asked = (config.invocation_params.dir / argument).resolve()
    return asked.is_dir() and (config.rootpath / "evals").resolve().is_relative_to(asked)


def _keep_asked(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the evals whose names were not asked for."""
    asked = {name.strip() for name in text(config, "evals", "").split(",") if name.strip()}
    if not asked:
        return
    names = {item: eval_asked(item).name for item in items if is_eval(item)}
    unknown = sorted(asked - set(names.values()))
    if unknown:
        from facecheck.errors import nearest  # noqa: PLC0415

        known = sorted(set(names.values()))
        raise pytest.UsageError(f"--facecheck-evals {unknown[0]}: no such eval. {nearest(unknown[0], known)}")
    config.hook.pytest_deselected(items=[item for item, name in names.items() if name not in asked])
    items[:] = [item for item in items if names.get(item) in asked]


def _leave_out_updates(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the cases that need an old model, unless one was given; asked for alone, they stop the run."""
    wanted = {"updated": "against", "twin": "twin"}
    left_out = [
        item
        for item in items
        for fixture, option in wanted.items()
        if fixture in getattr(item, "fixturenames", ()) and is_eval(item) and not text(config, option, "")
    ]
    if left_out and len(set(left_out)) == len(items):
        raise pytest.UsageError(
            "nothing to judge: an update is judged against the old model: --facecheck-against SPEC (and for an export "
            "of the same network --facecheck-twin PRECISION)"
        )
    if left_out:
        config.hook.pytest_deselected(items=list(dict.fromkeys(left_out)))
        items[:] = [item for item in items if item not in set(left_out)]


def _leave_out_templates(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the cases about templates of several images, unless such a data set or nothing else was asked for."""
    about = [item for item in items if is_eval(item) and "templated" in getattr(item, "fixturenames", ())]
    if not about or len(about) == len(items):
        return
    if all(dataset.templates is None for dataset in planned(config).asked.values()):
        config.hook.pytest_deselected(items=about)
        items[:] = [item for item in items if item not in set(about)]


@pytest.fixture
def _needs_gpu(pytestconfig: pytest.Config) -> None:
    if planned(pytestconfig).settings.device.type != "cuda":
        pytest.skip("needs a CUDA device: run with --facecheck-device cuda on a machine that has one")


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Report what runs on what, once an eval was collected."""
    return [config.stash[_PLAN].header(), *config.stash.get(_DOUBTS, [])] if _PLAN in config.stash else []


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Keep a model's cases on one xdist worker, so that it is loaded and run there only."""
    if getattr(config.option, "numprocesses", None) and config.option.dist == "no":
        config.option.dist = "loadgroup"
