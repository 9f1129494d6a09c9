"""Putting runs into the history: at the end of each, and again from their folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from facecheck.errors import FacecheckError
from facecheck.history.store import History, HistoryError, shown_address
from facecheck.results.run import RESULTS, Run

__all__ = ["import_runs", "kept", "run_folders"]

_BUSY_S = 20.0  # that a finished run waits for other writers
_MOST_AT_ONCE = 50  # runs that are taken along: the others wait for the next time


def kept(folder: Path, given: str | Path) -> list[str]:
    """Put a finished run into the history, with runs beside it that are not there yet; return lines to be shown.

    A history that cannot be written costs no run: what to do is said.

    Args:
        folder: of the run.
        given: a file's path or a URL.
    """
    try:
        with History(given, wait_s=_BUSY_S) as history:
            run = Run.read(folder)
            history.add(run, folder)
            known = history.folders()
            missing = [each for each in run_folders(folder.parent) if each.name not in known][-_MOST_AT_ONCE:]
            found = [name for name, problem in import_runs(history, missing) if not problem]
    except FacecheckError as error:
        command = f"facecheck history import {folder} --history '{shown_address(given)}'"
        return [f"the run is not in the history yet: {error}. Nothing is lost; later: {command}"]
    if found:
        return [f"history: {len(found)} earlier run(s) were missing, such as {found[0]}, and are there now"]
    return []


def run_folders(reports: Path) -> list[Path]:
    """Return the folders of finished runs, the oldest first; links such as ``latest`` are left out."""
    found = (path.parent for path in reports.glob(f"*/{RESULTS}"))
    return sorted(folder for folder in found if not folder.is_symlink())


def import_runs(history: History, folders: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Put runs into the history; yield the name of each and why it could not be, empty if it could.

    Args:
        history: that gets them.
        folders: of runs.
    """
    for folder in folders:
        try:
            history.add(Run.read(folder), folder)
        except HistoryError:
            raise
        except (FacecheckError, OSError) as error:
            yield str(folder), str(error)
        else:
            yield str(folder), ""
