"""``facecheck init``: write what is missing, show what differs, overwrite nothing."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from facecheck.errors import FacecheckError
from facecheck.init.sources import CI, CONFIGURATION, ci_files, repository_files
from facecheck.storage.files import writing

__all__ = ["Written", "add_arguments", "initialise", "run"]

_NEW = ".new"
_LINES_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of one file.

    Args:
        path: relative to the repository.
        state: ``written`` was missing, ``same`` is as facecheck has it, ``differs`` was left alone, ``offered`` was
            left alone with facecheck's version beside it, ``yours`` is a configuration that facecheck never compares.
        difference: unified diff from theirs to facecheck's; of a configuration without a word of facecheck what may be
            added to it; else empty.
    """

    path: str
    state: Literal["written", "same", "differs", "offered", "yours"]
    difference: tuple[str, ...] = ()


def initialise(repository: Path, *, update: bool = False, ci: str = "") -> Iterator[Written]:
    """Write each file that is missing from a repository, and report on those that are there.

    Args:
        repository: its folder, which exists.
        update: write facecheck's version of a file that differs beside it, its name ending in ``.new``.
        ci: the service whose files are written too, ``github`` or ``gitlab``; empty for none.

    Raises:
        FacecheckError: no such folder, or something else stands where a file should go.
    """
    if not repository.is_dir():
        raise FacecheckError(f"{repository}: no such folder; expected the repository that gets the evals")
    for relative, content in {**repository_files(), **(ci_files(ci) if ci else {})}.items():
        path = repository / relative
        if not path.exists() and not path.is_symlink():
            _write(path, content)
            yield Written(path=str(relative), state="written")
        elif not path.is_file():
            raise FacecheckError(f"{path}: is there, and is no file: move it away, then run facecheck init again")
        elif relative in CONFIGURATION:
            mentioned = b"facecheck" in path.read_bytes()
            proposed = () if mentioned else ("may be added:", *content.decode().splitlines())
            yield Written(path=str(relative), state="yours", difference=proposed)
        elif path.read_bytes() == content:
            yield Written(path=str(relative), state="same")
        else:
            if update:
                _offer(path.with_name(path.name + _NEW), content)
            difference = _difference(path.read_bytes(), content, str(relative))
            yield Written(path=str(relative), state="offered" if update else "differs", difference=difference)


def _offer(path: Path, content: bytes) -> None:
    """Write facecheck's version beside theirs; what somebody has written there stays."""
    if path.is_symlink() or (path.exists() and not (path.is_file() and path.read_bytes() == content)):
        raise FacecheckError(f"{path}: is there already, and is not this version: move it away, then run it again")
    _write(path, content)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as stream:
        stream.write(content)


def _difference(theirs: bytes, ours: bytes, name: str) -> tuple[str, ...]:
    old, new = (text.decode("utf-8", "replace").splitlines() for text in (theirs, ours))
    return tuple(difflib.unified_diff(old, new, f"{name} (yours)", f"{name} (facecheck's)", lineterm=""))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="of the repository, this one by default")
    parser.add_argument("--update", action="store_true", help="write facecheck's version beside each file that differs")
    parser.add_argument("--ci", choices=list(CI), default="", help="write what this service runs as well")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command: report every file, then what to do next."""
    different = 0
    for written in initialise(options.folder, update=options.update, ci=options.ci):
        beside = f", facecheck's is {written.path}{_NEW}" if written.state == "offered" else ""
        print(f"{written.state:8} {written.path}{beside}")
        for line in written.difference[:_LINES_SHOWN]:
            print(f"    {line}")
        if len(written.difference) > _LINES_SHOWN:
            print(f"    ... {len(written.difference) - _LINES_SHOWN} more lines differ")
        different += written.state == "differs"
    if different:
        print(f"{different} files differ and were left alone: 'facecheck init --update' writes facecheck's beside them")
    conftest = options.folder / "conftest.py"
    if b"facecheck.plugin" not in conftest.read_bytes():
        print('add to conftest.py: pytest_plugins = ("facecheck.plugin", "fixtures.evaluation")')
    if options.ci:
        print("read docs/ci.md: runners with GPUs, data, and what a pull request shows")
    print("next: pytest evals/")
    return 0
