"""A mark in the folder of a run that goes on, so that the next run can say which were killed."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import psutil

from facecheck.storage.files import write_text

__all__ = ["begun", "finished", "interrupted_runs"]

_MARK = ".running"


def begun(folder: Path) -> None:
    """Mark the folder of a run as going on in this process.

    Raises:
        OSError: it cannot be written.
    """
    write_text(folder / _MARK, f"{socket.gethostname()} {os.getpid()} {psutil.Process().create_time():.0f}")


def finished(folder: Path) -> None:
    """Take the mark away: the run has said how it ended, or the next one has."""
    (folder / _MARK).unlink(missing_ok=True)


def interrupted_runs(reports: Path) -> list[str]:
    """Return the names of the folders whose process on this machine is gone, the oldest first."""
    return sorted(mark.parent.name for mark in reports.glob(f"*/{_MARK}") if _is_dead(mark))


def _is_dead(mark: Path) -> bool:
    try:
        host, process, started = mark.read_text().split()
        alive = psutil.pid_exists(int(process)) and abs(psutil.Process(int(process)).create_time() - float(started)) < 2  # noqa: PLR2004 - seconds of rounding
    except (OSError, ValueError, psutil.Error):
        return True
    return host == socket.gethostname() and not alive
