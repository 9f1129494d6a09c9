"""``facecheck search``: every probe in a gallery of a million templates, both in files of vectors."""

from __future__ import annotations

import argparse
from pathlib import Path

from facecheck.errors import FacecheckError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``facecheck search`` takes."""
    parser.add_argument("gallery", type=Path, help=".npy of float32 or float16, a template a row; it is memory-mapped")
    parser.add_argument("probes", type=Path, help=".npy of float32 or float16, a probe a row")
    people = "who each row shows: a .npy of whole numbers, or a text file with a name a line"
    parser.add_argument("--gallery-people", type=Path, required=True, help=people)
    parser.add_argument("--probe-people", type=Path, required=True, help="likewise")
    parser.add_argument("--distance", choices=["cosine", "euclidean"], default="cosine", help="cosine by default")
    parser.add_argument("--top", type=int, default=50, help="templates that are found of each probe, 50 by default")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results; an interrupted search goes on")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Search, print the rates and write them, with the matches of every probe."""
    from facecheck.commands.search_run import search  # noqa: PLC0415 - torch comes with it, and --help should not wait

    if not options.out.parent.is_dir():
        raise FacecheckError(f"{options.out}: there is no folder {options.out.parent}")
    if options.top < 1:
        raise FacecheckError(f"--top {options.top}: expected 1 or more")
    search(options)
    return 0
