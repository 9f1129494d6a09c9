"""The command ``facecheck generate eg3d``.

Slow modules are imported in the functions that use them, so that building the parser is fast.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from facecheck.errors import DatasetError

if TYPE_CHECKING:
    from facecheck.generate.eg3d.yaws import Turn

__all__ = ["add_arguments", "run"]

_Value = TypeVar("_Value")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``facecheck generate eg3d`` to a parser."""
    parser.add_argument("out", type=Path, help="output folder; finished strips in it are kept")
    parser.add_argument("--repo", type=Path, required=True, help="your checkout of https://github.com/NVlabs/eg3d")
    parser.add_argument("--network", type=Path, required=True, help="your checkpoint: a pickle, which can run code")
    parser.add_argument(
        "--trust-pickle", action="store_true", help="let the checkpoint and the checkout run code on this machine"
    )
    parser.add_argument("--seeds", type=_seeds, default="0-149", help="people: 0-149 or 1,4,7-9 (default %(default)s)")
    parser.add_argument(
        "--yaws",
        type=_yaws,
        default="-0.8:0.8:0.4",
        metavar="FIRST:LAST:STEP",
        help="yaws of the tiles from left to right, rad; positive: the nose points right (default %(default)s)",
    )
    parser.add_argument("--pitch", type=float, default=0.0, help="rad, positive: seen from above (default %(default)s)")
    parser.add_argument(
        "--truncation", type=float, default=0.7, help="1: none; lower: closer to the average (default %(default)s)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default %(default)s)")
    parser.add_argument(
        "--batch", type=_at_least_one, default=8, help="tiles of a strip rendered at once (default %(default)s)"
    )
    parser.add_argument("--no-progress", action="store_true", help="show no progress bar")


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit status.

    Raises:
        FacecheckError: an error that the user can correct.
    """
    from facecheck.generate.eg3d.checkpoint import vouched_checkpoint  # noqa: PLC0415 - torch takes seconds to import
    from facecheck.generate.eg3d.generate import Series, generate_strips  # noqa: PLC0415

    try:
        series = Series(seeds=args.seeds, turn=args.yaws, pitch_rad=args.pitch, truncation_psi=args.truncation)
    except ValueError as error:
        raise DatasetError(str(error)) from error
    checkpoint = vouched_checkpoint(args.repo, args.network, trust=args.trust_pickle, device=args.device)
    sys.stdout.write(f"{args.network}: sha256 {checkpoint.sha256}\n")
    sys.stdout.flush()  # before the pickle runs
    made = generate_strips(
        args.out, checkpoint=checkpoint, series=series, batch=args.batch, progress=not args.no_progress
    )
    sys.stdout.write(f"{made.new} strips made, {made.kept} kept; --facecheck-datasets strips:{args.out} reads them\n")
    return 0


def _seeds(text: str) -> tuple[int, ...]:
    from facecheck.generate.synthesis.command import parse_seeds  # noqa: PLC0415 - imports the renderer

    return _read(parse_seeds, text)


def _yaws(text: str) -> Turn:
    from facecheck.generate.eg3d.yaws import parse_yaws  # noqa: PLC0415 - imports the renderer

    return _read(parse_yaws, text)


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def _read(parse: Callable[[str], _Value], text: str) -> _Value:
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
