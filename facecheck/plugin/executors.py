"""Where batches are computed: threads of this process, or actors of Ray."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from facecheck.errors import FacecheckError
from facecheck.plugin.options import text
from facecheck.specs import Spec

if TYPE_CHECKING:
    from facecheck.pipeline.executor import Executor

__all__ = ["RayAsked", "asked_executor"]

_WORKERS = re.compile(r"[1-9][0-9]{0,4}")


@dataclass(frozen=True, slots=True)
class RayAsked:
    """Actors of Ray.

    Args:
        address: of the cluster, empty for one on this machine that the run starts and ends.
        workers: how many actors, None for one a core or a GPU of the cluster.
    """

    address: str = ""
    workers: int | None = None

    @contextlib.contextmanager
    def started(self) -> Iterator[Executor]:
        """Give the executor, and end its actors."""
        from facecheck.pipeline.ray_actors import RayActors  # noqa: PLC0415 - an extra

        with RayActors(self.address, actors=self.workers) as actors:
            yield actors


def asked_executor(config: pytest.Config) -> RayAsked | None:
    """Return what was asked for, None for threads of this process.

    Raises:
        pytest.UsageError: it is neither, or cannot be had.
    """
    given = text(config, "executor", "threads")
    if given == "threads":
        return None
    asked = _ray(given)
    if importlib.util.find_spec("ray") is None:
        raise pytest.UsageError(f"--facecheck-executor {given}: Ray is not installed: pip install 'facecheck[ray]'")
    if "PYTEST_XDIST_WORKER" in os.environ:
        raise pytest.UsageError(f"--facecheck-executor {given}: Ray has its own workers: leave out -n")
    if text(config, "shard", ""):
        raise pytest.UsageError(f"--facecheck-executor {given}: shards are for where there is no cluster")
    return asked


def _ray(given: str) -> RayAsked:
    shown = given[:100]
    try:
        spec = Spec.parse(given, error=FacecheckError)
        spec.refuse_unknown(["workers"])
    except FacecheckError as error:
        raise pytest.UsageError(f"--facecheck-executor: {error}") from error
    if spec.kind != "ray":
        raise pytest.UsageError(f"--facecheck-executor {shown}: expected threads, ray, ray:ADDRESS or ray?workers=N")
    workers = spec.options.get("workers")
    if workers is not None and not _WORKERS.fullmatch(workers):
        raise pytest.UsageError(f"--facecheck-executor {shown}: expected a number of workers, at least 1")
    return RayAsked(spec.path, None if workers is None else int(workers))
