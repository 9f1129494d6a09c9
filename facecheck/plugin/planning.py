"""When the plan of the run is made: at the first eval, or at once where the controller must refuse it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from facecheck.plugin.markers import is_eval
from facecheck.plugin.options import asked_outright

if TYPE_CHECKING:
    from facecheck.plugin.plan import Plan

__all__ = ["planned", "problem_of", "remember_problem", "watched"]

_PLAN = pytest.StashKey["Plan"]()
_WATCHED = pytest.StashKey[bool]()
_PROBLEM = pytest.StashKey[pytest.UsageError]()


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


def problem_of(config: pytest.Config) -> pytest.UsageError | None:
    """Return the usage error that was kept."""
    return config.stash.get(_PROBLEM, None)


def watched(config: pytest.Config) -> bool:
    """Whether someone watches the terminal."""
    return config.stash[_WATCHED]


def pytest_configure(config: pytest.Config) -> None:
    """Note whether someone watches, before output is captured."""
    config.stash[_WATCHED] = sys.stdout.isatty()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Refuse before any work what was asked for on the command line, and what the workers would refuse."""
    config = session.config
    distributed = bool(getattr(config.option, "numprocesses", None)) and not hasattr(config, "workerinput")
    if distributed or asked_outright(config, "device") not in ("", "auto"):
        planned(config)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Stop the run where an eval could not be planned; let cases marked ``gpu`` run on a GPU only."""
    problem = problem_of(config)
    if problem is not None:
        raise problem
    for item in items:
        if is_eval(item):
            planned(config)
        if item.get_closest_marker("gpu") and isinstance(item, pytest.Function):
            item.fixturenames.insert(0, "_needs_gpu")


@pytest.fixture
def _needs_gpu(pytestconfig: pytest.Config) -> None:
    if planned(pytestconfig).settings.device.type != "cuda":
        pytest.skip("needs a CUDA device: run with --facecheck-device cuda on a machine that has one")


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Report what runs on what, once an eval was collected."""
    return [config.stash[_PLAN].header()] if _PLAN in config.stash else []


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Keep a model's cases on one xdist worker, so that it is loaded and run there only."""
    if getattr(config.option, "numprocesses", None) and config.option.dist == "no":
        config.option.dist = "loadgroup"
