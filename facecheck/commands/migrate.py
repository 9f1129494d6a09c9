"""``facecheck migrate OLD NEW``: may the new model replace the old one, at which threshold, and who is worse off?"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from facecheck.errors import FacecheckError

if TYPE_CHECKING:  # torch comes with it
    from facecheck.comparison.update import Update
    from facecheck.results.change import Against

__all__ = ["add_arguments", "run"]

_WIDTH = 80
_CELLS = ("old-old", "new-old", "new-new")


def add_arguments(migrate: argparse.ArgumentParser) -> None:
    """Declare what ``facecheck migrate`` takes."""
    migrate.add_argument("old", help="specification of the model in production")
    migrate.add_argument("new", help="specification of the model that is to replace it")
    migrate.add_argument("--datasets", default="faces?part=pairs", help="specification; the bundled faces by default")
    migrate.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    migrate.add_argument("--limits", type=Path, help="file with [[margin]] tables, evals/limits.toml by default")
    migrate.add_argument("--cache", help="folder of the cache, or none")
    migrate.add_argument("--out", type=Path, help="folder for update.md and the graph")
    migrate.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the three answers; 1 if new probes do not match the old gallery."""
    update = _update(options)
    lines = list(report(update))
    print("\n".join(lines))
    if options.out is not None:
        from facecheck.plots.update import draw_update  # noqa: PLC0415 - matplotlib comes with it
        from facecheck.storage.files import write_text  # noqa: PLC0415

        options.out.mkdir(parents=True, exist_ok=True)
        write_text(options.out / "update.md", "```\n" + "\n".join(lines) + "\n```\n")
        print(draw_update(update, options.out / "update.png"))
    return int(bool(update.problem) or update.against_old_gallery.is_red)


def _update(options: argparse.Namespace) -> Update:
    # Torch comes with these.
    import torch  # noqa: PLC0415

    from facecheck.comparison.update import Update  # noqa: PLC0415
    from facecheck.datasets import open_dataset  # noqa: PLC0415
    from facecheck.evaluation.evaluator import Evaluator  # noqa: PLC0415
    from facecheck.gate.limits import read_margins, usual_margins  # noqa: PLC0415
    from facecheck.models import Settings, build  # noqa: PLC0415
    from facecheck.pipeline import Pipeline  # noqa: PLC0415
    from facecheck.storage.cache import Cache  # noqa: PLC0415
    from facecheck.storage.weights import cache_folder  # noqa: PLC0415

    dataset = open_dataset(options.datasets)
    if dataset.pairs.folds is None:
        raise FacecheckError(f"{options.datasets}: an update is judged on pairs in folds, such as lfw: and pairs:")
    settings = Settings(device=torch.device(options.device))
    cache = None if options.cache == "none" else Cache(Path(options.cache) if options.cache else cache_folder())
    try:
        evaluator = Evaluator(Pipeline(cache=cache), cache=cache)
        old, new = (evaluator.compare(build(spec, settings), dataset) for spec in (options.old, options.new))
    finally:
        if cache is not None:
            cache.close()
    for compared in (old, new):
        if compared.own_thresholds is None:
            raise FacecheckError(f"{compared.recognizer.name} on {dataset.name}: {compared.problem}")
    margins = usual_margins() if options.limits is None else read_margins(options.limits)
    return Update(old, new, margins)


def report(update: Update) -> Iterator[str]:
    """Yield the three answers in lines of at most 80 letters.

    Args:
        update: the old and the new model on the same pairs.
    """
    old, new = update.old.recognizer.name, update.new.recognizer.name
    yield from _wrapped(f"{old} -> {new} on {update.dataset.name}, {len(update.dataset.pairs)} pairs")
    yield ""
    yield "1. May new probes be compared with the old gallery?"
    yield from _gallery(update)
    yield ""
    yield "2. Which threshold keeps the false matches that we had?"
    yield from _thresholds(update)
    yield ""
    yield "3. For whom did it get worse?"
    yield from _people(update)


def _gallery(update: Update) -> Iterator[str]:
    from facecheck.report.against import against_lines  # noqa: PLC0415
    from facecheck.results.conditions import Conditions  # noqa: PLC0415

    found = update.matrix()
    yield f"  {'':9}{'accuracy':>10}{'AUC':>10}{'EER':>10}{'TAR@1%':>10}{'TAR@.1%':>10}"
    for cell in _CELLS:
        at = Conditions(reference=cell)
        values = [found.named(name, where=at).measured for name in ("accuracy", "auc", "eer")]
        values += [found.named("tar_at_far", where=at | Conditions(far=far)).measured for far in (0.01, 0.001)]
        shown = "".join(f"{each[0].estimate.value:>10.4f}" if each else f"{'-':>10}" for each in values)
        yield f"  {cell:9}{shown}"
    if update.problem:
        yield from _wrapped(f"NOT COMPATIBLE: {update.problem}. Enrol the gallery anew.", indent="  ")
        return
    against = update.against_old_gallery
    yield from _wrapped(_verdict(against), indent="  ")
    yield from (f"  {line}" for line in against_lines(against, width=_WIDTH - 2, advice=False))


def _verdict(against: Against) -> str:
    """Say whether new probes match the old gallery, as far as the people in the data can show."""
    if against.is_red:
        return "NOT COMPATIBLE: enrol the gallery anew"
    outcomes = {change.outcome for change in against.changes if change.name == "accuracy"}
    if "undecided" in outcomes:
        people = max(change.people for change in against.changes)
        return f"COMPATIBLE as far as {people} people can show: no harm found, and too few to exclude it"
    return "COMPATIBLE: no harm beyond the margins"


def _thresholds(update: Update) -> Iterator[str]:
    found, notes = update.migrated()
    yield f"  {'keeps':19}{'FMR':>7}{'old':>8}{'new':>8}  {'95 %':15}{'FNMR old -> new':>17}"
    for each in found:
        interval = f"{each.threshold.low:.4f}..{each.threshold.high:.4f}"
        fnmr = f"{each.old_fnmr:.4f} -> {each.fnmr.value:.4f}"
        yield (
            f"  {each.source:19}{each.fmr:>7.4f}{each.old_threshold:>8.4f}{each.threshold.value:>8.4f}  "
            f"{interval:15}{fnmr:>17}"
        )
    for note in notes:
        yield from _wrapped(note, indent="  ")


def _people(update: Update) -> Iterator[str]:
    worst = update.worst_people()
    if not worst:
        yield "  nobody: every genuine pair that the old model accepts is accepted by the new one"
    for person, lost, whole in worst:
        yield f"  {person}: {lost} of {whole} genuine pairs were accepted and are not now"[:_WIDTH]
    for group, lost, whole in update.by_group():
        yield f"  group {group}: {lost} of {whole}"[:_WIDTH]


def _wrapped(text: str, *, indent: str = "") -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False)
