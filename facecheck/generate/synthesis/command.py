"""``facecheck generate faces``: its arguments, and running it.

The command line adds the arguments to its own subparser and returns what `run` returns::

    faces = generate_subparsers.add_parser("faces", help="faces of people who do not exist")
    add_arguments(faces)
    faces.set_defaults(run=run)
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from facecheck.generate.synthesis.conditions import KINDS
from facecheck.generate.synthesis.generate import LAYOUTS, generate_faces

__all__ = ["add_arguments", "parse_seeds", "run"]

_DIFFERENT = 1
_USAGE_ERROR = 2


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds of a list of numbers and ranges.

    >>> parse_seeds("0-2,7")
    (0, 1, 2, 7)

    Raises:
        ValueError: an entry that is neither a whole number nor a range such as 0-149.
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ValueError(f"expected seeds like 0-149 or 3,17,40, got {text!r}")
        stop = int(last) if dash else int(first)
        if stop < int(first):
            raise ValueError(f"expected a rising range, got {part.strip()!r}")
        seeds.extend(range(int(first), stop + 1))
    return tuple(seeds)


def _seeds_argument(text: str) -> tuple[int, ...]:
    try:
        return parse_seeds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``facecheck generate faces`` to a parser."""
    parser.add_argument("out", type=Path, help="output folder; finished files in it are kept")
    parser.add_argument("--seeds", type=_seeds_argument, default=None, help="people: 0-149 or 3,17,40 (default 0-9)")
    parser.add_argument("--siblings", type=int, default=0, help="near look-alikes for each seed (default %(default)s)")
    parser.add_argument("--layout", choices=LAYOUTS, default="strips", help="what to write (default %(default)s)")
    parser.add_argument("--tiles", type=int, default=9, help="tiles of a strip (default %(default)s)")
    parser.add_argument("--start", type=float, default=-0.8, help="yaw of the first tile, rad (default %(default)s)")
    parser.add_argument("--step", type=float, default=0.2, help="yaw from tile to tile, rad (default %(default)s)")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, help="further pictures in folders and manifests")
    parser.add_argument("--size", type=int, default=256, help="px of a picture or tile (default %(default)s)")
    parser.add_argument("--format", choices=("png", "jpeg", "webp"), default="png", help="default %(default)s")
    parser.add_argument("--quality", type=int, default=90, help="of JPEG and WebP (default %(default)s)")
    parser.add_argument("--no-progress", action="store_true", help="draw no progress bar")
    parser.add_argument(
        "--bundled",
        action="store_true",
        help="make the bundled set (fixtures/faces) again; only --check, --workers and --no-progress apply",
    )
    parser.add_argument(
        "--check", action="store_true", help="with --bundled: render the set again and compare it with OUT"
    )
    parser.add_argument(
        "--workers", type=int, default=None, help="with --bundled: number of processes (default: one per core)"
    )


def _check(folder: Path, workers: int, *, progress: bool) -> int:
    """Compare a set with a second rendering, and print the differences."""
    from facecheck.generate.synthesis.check import TOLERANCE_LEVELS, check_bundled_set  # noqa: PLC0415 - as below

    compared = check_bundled_set(folder, workers=workers, progress=progress)
    same = sum(each.same_pixels for each in compared)
    worst = max(each.difference_levels for each in compared)
    sys.stdout.write(
        f"{same} of {len(compared)} files have the manifest's pixels to the bit; after decompression files differ "
        f"by at most {worst:.2f} levels (tolerated: {TOLERANCE_LEVELS:g})\n"
    )
    for each in compared:
        if not each.passed:
            sys.stdout.write(f"{each.file}: differs by {each.difference_levels:.2f} levels\n")
    return 0 if all(each.passed for each in compared) else _DIFFERENT


def _bundled(args: argparse.Namespace) -> int:
    from facecheck.generate.synthesis.bundled_set import make_bundled_set  # noqa: PLC0415 - as below

    workers = args.workers or os.cpu_count() or 1
    if args.check:
        return _check(args.out, workers, progress=not args.no_progress)
    make_bundled_set(args.out, workers=workers, progress=not args.no_progress)
    return 0


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    if args.check and not args.bundled:
        sys.stderr.write("facecheck generate faces: --check applies to the bundled set: expected --bundled, too\n")
        return _USAGE_ERROR
    try:
        if args.bundled:
            return _bundled(args)
        made = generate_faces(
            args.out,
            seeds=args.seeds or range(10),
            siblings=args.siblings,
            layout=args.layout,
            tiles=args.tiles,
            start_rad=args.start,
            step_rad=args.step,
            size=args.size,
            image_format=args.format,
            quality=args.quality,
            progress=not args.no_progress,
            **({"kinds": args.kinds} if args.kinds else {}),
        )
    except (ValueError, OSError) as error:
        sys.stderr.write(f"facecheck generate faces: {error}\n")
        return _USAGE_ERROR
    spec = {"strips": f"strips:{args.out}", "folders": f"folders:{args.out}"}.get(args.layout)
    sys.stdout.write(
        f"{len(made)} files in {args.out}" + (f"; --facecheck-datasets {spec} reads them\n" if spec else "\n")
    )
    return 0
