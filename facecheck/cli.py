"""What is done around the runs of the suite: set up, report, propose limits, make faces."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from facecheck import __version__
from facecheck.errors import FacecheckError, nearest, printable

__all__ = ["main"]

_CLOSED = 141  # as a shell says of a process that ended because nobody reads what it writes
_NEGATIVE_VALUE = re.compile(r"-[\d.]+:.*")
# Commands whose arguments are declared elsewhere: what each does, the module, and its function.
_ELSEWHERE = {
    "init": ("write evals and fixtures into a repository of yours", "facecheck.init.command", "add_arguments"),
    "approve": (
        "make a run the baseline that later runs are compared with",
        "facecheck.commands.baselines",
        "add_approve_arguments",
    ),
    "compare": (
        "compare a model of two runs on the same pairs: worse, better?",
        "facecheck.commands.baselines",
        "add_compare_arguments",
    ),
    "calibrate": (
        "write a table from a model's distances to probabilities, out of a run",
        "facecheck.commands.calibrate",
        "add_arguments",
    ),
    "migrate": (
        "may a new model replace the old one: gallery, threshold, and for whom it is worse",
        "facecheck.commands.migrate",
        "add_arguments",
    ),
    "ijb": ("IJB-B and IJB-C: templates by named recipes, 1:1 and 1:N", "facecheck.commands.ijb", "add_arguments"),
    "make-bin": (
        "write insightface's .bin out of a verification protocol",
        "facecheck.commands.make_bin",
        "add_arguments",
    ),
    "plan": (
        "what many images on many machines take, from measured or assumed rates",
        "facecheck.commands.plan",
        "add_arguments",
    ),
    "report": (
        "write a run's page and graphs again, or print its verdicts as Markdown",
        "facecheck.commands.report",
        "add_arguments",
    ),
    "search": (
        "every probe in a gallery of a million templates: ranks, FNIR at FPIR, the best matches",
        "facecheck.commands.search",
        "add_arguments",
    ),
    "history": ("list the runs of a history, or import runs into it", "facecheck.commands.history", "add_arguments"),
    "trend": (
        "draw metrics over runs, and say since when they changed",
        "facecheck.commands.history",
        "add_trend_arguments",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0, 1 if ``compare`` finds harm, or 2 with the reason on stderr."""
    given = _joined(sys.argv[1:] if arguments is None else arguments)
    options = _parser(given).parse_args(given)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except (FacecheckError, OSError) as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return _CLOSED
        print(f"facecheck: {error}", file=sys.stderr)
        return 2
    return status


def _nobody_reads() -> bool:
    """Whether whoever read the answer, such as head, has enough of it; another pipe may be the broken one."""
    try:
        print(flush=True)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - Python flushes it when it ends
        return True
    return False


class _Exact(argparse.ArgumentParser):
    """A parser that takes no abbreviated options: a new option must not change what an old command means."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - argparse's own
        super().__init__(**settings, allow_abbrev=False)


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """Return a parser that knows all commands, and the arguments of those that were given.

    The arguments' choices come from modules that take a second to import, which ``--help`` should not cost.
    """
    parser = _Exact(prog="facecheck", description=__doc__)
    parser.add_argument("--version", action="version", version=f"facecheck {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Exact)

    split = commands.add_parser("split-lfw", help="make matched and mismatched folders out of an LFW tree")
    if "split-lfw" in given:
        _add_split_arguments(split)

    pairs = commands.add_parser("pairs", help="write a list of pairs for a folder with one folder a person")
    pairs.add_argument("folder", type=Path, help="one folder for each person")
    pairs.add_argument(
        "--out", type=Path, required=True, help="the list to write, .csv; read by pairs:FILE?root=FOLDER"
    )
    pairs.add_argument("--genuine", default="3000", help="how many genuine pairs, or 'all'; 3000 (default) as in LFW")
    pairs.add_argument("--folds", type=int, default=10, help="how many, 10 by default; they share no person")
    pairs.add_argument("--form", choices=["table", "lfw"], default="table", help="lfw: as LFW's pairs.txt")
    pairs.add_argument("--seed", type=int, default=0, help="of the choice, 0 by default")
    pairs.set_defaults(run=_pairs)

    cache = commands.add_parser("cache", help="look at or empty the cache of finished work, or join others to it")
    cache.add_argument("what", choices=["info", "clear", "join"])
    cache.add_argument("others", type=Path, nargs="*", metavar="FOLDER", help="of caches that are joined to it")
    cache.add_argument("--folder", type=Path, help="the cache's folder, if not the usual one")
    cache.set_defaults(run=_cache)

    for name, (about, module, function) in _ELSEWHERE.items():
        command = commands.add_parser(name, help=about)
        if name in given:
            getattr(importlib.import_module(module), function)(command)

    sheet = commands.add_parser("sheet", help="draw one image under every corruption and level")
    sheet.add_argument("picture", type=Path, help="to write, .png or .jpg")
    sheet.add_argument("--image", type=Path, help="a photograph with one face; a bundled face by default")
    sheet.add_argument("--corruptions", help="names or families, joined by commas; all by default")
    sheet.set_defaults(run=_sheet)

    limits = commands.add_parser("limits", help="propose limits from a run, for a person to review")
    limits.add_argument("folder", type=Path, help="of the run, such as reports/latest")
    limits.add_argument("--why", required=True, help="the reason that stands beside each, such as 'measured on v1.3'")
    limits.add_argument(
        "--slack",
        type=float,
        default=0.5,
        help="how far a bound lies from the measured value towards the end of its interval: 0 to 1, 0.5 by default",
    )
    limits.add_argument("--any-model", action="store_true", help="the weakest of the run's models, for any model")
    limits.set_defaults(run=_limits)

    generate = commands.add_parser("generate", help="make faces of people who do not exist")
    what = generate.add_subparsers(required=True, metavar="WHAT", parser_class=_Exact)
    faces = what.add_parser("faces", help="synthetic people at exactly known pose, as strips, folders or a manifest")
    if "faces" in given:
        _add_faces_arguments(faces)
    eg3d = what.add_parser("eg3d", help="strips from NVIDIA's EG3D, with a checkout and a checkpoint of yours")
    if "eg3d" in given:
        _add_eg3d_arguments(eg3d)
    return parser


def _joined(arguments: Sequence[str]) -> list[str]:
    """Join an option and a value such as ``-0.8:0.8:0.4``, which argparse takes for another option."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1].startswith("--") and _NEGATIVE_VALUE.fullmatch(argument):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _add_split_arguments(split: argparse.ArgumentParser) -> None:
    from facecheck.datasets.split import WAYS  # noqa: PLC0415

    split.add_argument("source", type=Path, help="LFW's folder: one folder for each person")
    split.add_argument("target", type=Path, help="where matched_faces/ and mismatched_faces/ go")
    split.add_argument("--how", choices=list(WAYS), default="link", help="link (default), copy or move the images")
    split.set_defaults(run=_split)


def _add_faces_arguments(faces: argparse.ArgumentParser) -> None:
    from facecheck.generate.synthesis import command  # noqa: PLC0415

    command.add_arguments(faces)
    faces.set_defaults(run=command.run)


def _add_eg3d_arguments(eg3d: argparse.ArgumentParser) -> None:
    from facecheck.generate.eg3d import command  # noqa: PLC0415

    command.add_arguments(eg3d)
    eg3d.set_defaults(run=command.run)


def _limits(options: argparse.Namespace) -> int:
    from facecheck.gate.propose import proposed  # noqa: PLC0415
    from facecheck.results.run import Run  # noqa: PLC0415

    run = Run.read(options.folder)
    judged = run.judged
    if not judged:
        raise FacecheckError(f"{options.folder}: the run judged nothing")
    sampled = [dataset.name for dataset in run.signature.datasets if dataset.sampled]
    if sampled:
        print(
            f"facecheck: {', '.join(sampled)}: a run of --facecheck-sample, a quick look: its intervals are wide, and "
            "limits from it promise little",
            file=sys.stderr,
        )
    print(proposed(judged, reason=options.why, slack=options.slack, any_model=options.any_model), end="")
    return 0


def _sheet(options: argparse.Namespace) -> int:
    # Torch and matplotlib come with these, and take seconds to import.
    from facecheck.corruptions import CORRUPTIONS, Corruption, families, of_family  # noqa: PLC0415
    from facecheck.datasets import open_dataset  # noqa: PLC0415
    from facecheck.faces import ImageSource  # noqa: PLC0415
    from facecheck.report.contact_sheets import draw_sheet  # noqa: PLC0415

    if options.picture.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise FacecheckError(f"{options.picture}: expected a name that ends in .png or .jpg")
    rows: list[Corruption] = []
    for name in (options.corruptions or ",".join(families())).split(","):
        if name not in CORRUPTIONS and name not in families():
            known = list(dict.fromkeys((*families(), *CORRUPTIONS)))
            raise FacecheckError(f"--corruptions: {name!r} is unknown. {nearest(name, known)}")
        rows += of_family(name) if name in families() else [CORRUPTIONS[name]]
    image = options.image
    if image and not image.is_file():
        raise FacecheckError(f"{image}: no such file; expected a picture with a face")
    source = ImageSource(image, str(image)) if image else open_dataset("faces?part=sample").faces[0].source
    print(draw_sheet(source, options.picture, rows=rows))
    return 0


def _split(options: argparse.Namespace) -> int:
    from facecheck.datasets.split import split_lfw  # noqa: PLC0415

    made = split_lfw(options.source, options.target, how=options.how)
    print(f"{made.matched} people matched, {made.mismatched} mismatched in {options.target}; {made.new} new")
    return 0


def _pairs(options: argparse.Namespace) -> int:
    import numpy as np  # noqa: PLC0415

    from facecheck.datasets.protocol import make_protocol, write_protocol  # noqa: PLC0415

    if options.genuine != "all" and not re.fullmatch(r"[1-9][0-9]{0,8}", options.genuine):
        raise FacecheckError(f"--genuine {options.genuine[:20]}: expected a number of pairs, or all")
    if options.seed < 0:
        raise FacecheckError(f"--seed {options.seed}: expected 0 or more")
    made = make_protocol(
        options.folder,
        folds=options.folds,
        genuine=None if options.genuine == "all" else int(options.genuine),
        generator=np.random.default_rng(options.seed),
    )
    left_out = write_protocol(options.out, made, form=options.form)
    print(
        f"{options.out}: {made.genuine} genuine and {len(made.pairs) - made.genuine} impostor pairs of {made.people} "
        f"people in {made.folds} folds that share nobody, seed {options.seed}"
    )
    for note in (*made.notes, *left_out):
        print(f"note: {note}")
    print(f'next: pytest evals/ --facecheck-datasets "pairs:{options.out}?root={options.folder}"')
    return 0


def _cache(options: argparse.Namespace) -> int:
    from facecheck.storage.cache import Cache  # noqa: PLC0415 - torch takes seconds to import, and is not always needed
    from facecheck.storage.weights import cache_folder  # noqa: PLC0415

    folder = options.folder or cache_folder()
    if bool(options.others) != (options.what == "join"):
        raise FacecheckError("expected 'cache join FOLDER...', 'cache info' or 'cache clear'")
    if options.what == "join":
        return _join(folder, options.others)
    path = folder / "results.sqlite"
    if not path.is_file():
        print(f"{path}: no cache yet")
        return 0
    cache = Cache(folder)
    size = cache.size_bytes()
    if options.what == "clear":
        cache.clear()
        print(f"{path}: cleared, {size / 2**20:.1f} MiB")
        return 0
    cache.close()
    print(f"{path}: {size / 2**20:.1f} MiB")
    return 0


def _join(folder: Path, others: Sequence[Path]) -> int:
    from facecheck.storage.cache import Cache  # noqa: PLC0415
    from facecheck.storage.joining import join  # noqa: PLC0415

    cache = Cache(folder)
    try:
        joined = join(cache, others)
        size = cache.size_bytes()
    finally:
        cache.close(make_room=False)  # what was joined is not removed again before a run has used it
    for other, found in joined.items():
        damaged = f", {found.damaged} are no entries of a cache and were left out" if found.damaged else ""
        print(f"{printable(str(other))}: {found.new} new, {found.known} known{damaged}")
    print(f"{printable(str(cache.path))}: {size / 2**20:.1f} MiB")
    if size > cache.max_bytes:
        print(
            f"note: a run removes what exceeds {cache.max_bytes / 2**30:g} GiB: give it "
            f"--facecheck-cache-size {-(-size * 5 // 4 // 2**30)}",
            file=sys.stderr,
        )
    return 0
