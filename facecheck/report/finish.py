"""The end of a run: comparison, graphs, contact sheets and summary, made from what the run's folder holds.

The plugin and ``facecheck report`` both call :func:`finish_run`, so that a folder can be finished again at any time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from facecheck.comparison.tables import Table, compare
from facecheck.comparison.text import lines, write
from facecheck.datasets import open_dataset
from facecheck.errors import FacecheckError, UnreadableImageError, printable
from facecheck.faces import ImageSource
from facecheck.faces.columns import different_images
from facecheck.gate.limits import usual_margins
from facecheck.report.against import against_lines
from facecheck.report.graph import Drawn
from facecheck.report.privacy import Thumbnails, withheld
from facecheck.report.terminal import table
from facecheck.results.change import Against
from facecheck.results.run import RESULTS, Run
from facecheck.results.scored_pairs import ScoredPairs, load_scores
from facecheck.results.sweeps import recorded_sweeps
from facecheck.storage.files import file_stem

if TYPE_CHECKING:  # Jinja comes with it
    from facecheck.report.html import Extras

__all__ = ["UnfinishedError", "finish_run", "size_mib"]

_MIB = 2**20
_SHEET = "One image of {name} under the corruptions and levels of this eval"
_LONGEST = 150  # letters of a file's name


class UnfinishedError(FacecheckError):
    """A file could not be written; what was measured is kept.

    Args:
        message: for a person.
        summary: of the run as far as it is known, line by line.
    """

    def __init__(self, message: str, summary: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.summary = list(summary)


def finish_run(
    folder: Path,
    *,
    thumbnails: Thumbnails = "auto",
    history: str | None = None,
    before: Path | None = None,
    single_file: Path | None = None,
    opens: bool = True,
) -> list[str]:
    """Write comparison, graphs and page of a finished run beside its results, and return its summary, line by line.

    Args:
        folder: of the run.
        thumbnails: whether pictures of real faces are kept.
        history: file or URL of the history that the trend is drawn from; by default the one among the reports.
        before: folder of a run or baseline that this one is compared with, on a page of its own; None for the
            comparison that the run made.
        single_file: a further page, which holds its pictures.
        opens: whether the data sets that the run names are opened for pictures. Of a folder that somebody else made
            they are not: it would choose which of this machine's pictures are shown.

    Raises:
        FacecheckError: the folder holds no results of a run, or damaged scores.
        UnfinishedError: something could not be written, because the disk is full for example.
    """
    run = Run.read(folder)
    compared_with = run if before is None else dataclasses.replace(run, against=tuple(_compared(before, folder)))
    summary = [printable(line) for line in _summary(compared_with, folder, before)]
    with _explained(folder, summary):
        # matplotlib takes a second to import: a run that draws nothing does not wait for it.
        from facecheck.report.drawing import Drawing  # noqa: PLC0415

        (folder / "graphs").mkdir(exist_ok=True)
        with Drawing(run, folder) as drawing:
            compared, clean = _compared_models(run, folder)
            write(compared, folder)
            sheets = [*(_contact_sheets if opens else _kept_sheets)(run, folder / "graphs", thumbnails)]
            trends, changed = _trends(run, folder, history)
            extras = _extras(compared_with, folder, thumbnails=thumbnails, opens=opens)
            drawn = [*drawing.finish(clean), *sheets]
        extras = dataclasses.replace(extras, graphs=(*drawn, *trends), trend=changed, run=run, clean=clean)
        extras = dataclasses.replace(extras, before=_called(before))
        page = _pages(folder, extras, before=before, single_file=single_file)
    of_models = lines(compared) if before is None else []
    told = [*summary, *of_models, f"{len(drawn)} graphs and results.json in {folder}", f"the page: {page}"]
    return [printable(line) for line in told]


def _summary(run: Run, folder: Path, before: Path | None) -> list[str]:
    """Return what is told of a run, or of its comparison with another that was asked for."""
    if before is None:
        return table(run, folder=folder)
    told = [line for each in run.against for line in against_lines(each, advice=False)]
    return [
        f"{folder} against {_called(before) or 'the baseline'}, {before}:",
        *(told or ["no model of one is a model of the other"]),
    ]


def _called(before: Path | None) -> str:
    """Return what the page calls the other side: a run is no baseline as long as nobody approved it."""
    return "run A" if before is not None and (before / RESULTS).is_file() else ""


@contextlib.contextmanager
def _explained(folder: Path, summary: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnfinishedError(
            f"{folder}: comparison and graphs could not be written: {error.strerror or error}. The results and scores "
            f"are there ({size_mib(folder):.1f} MiB). Make room, then run: facecheck report {folder}",
            summary,
        ) from error


def _compared_models(run: Run, folder: Path) -> tuple[Sequence[Table], list[ScoredPairs]]:
    """Return the comparison of the run's models, and the scores of clean images: each file is read once."""
    clean: list[ScoredPairs] = []

    def passing() -> Iterator[ScoredPairs]:
        for each in load_scores(folder, hashes=run.scores):
            if each.condition == "clean":
                clean.append(each)
            yield each

    scored = passing()
    compared = compare(run, scored)
    for _ in scored:  # one model has no rival, and its scores were not looked at
        pass
    return compared, clean


def _extras(run: Run, folder: Path, *, thumbnails: Thumbnails, opens: bool) -> Extras:
    from facecheck.report.flipped import flipped_pictures  # noqa: PLC0415 - torch comes with it
    from facecheck.report.html import Extras  # noqa: PLC0415

    return Extras(
        against=run.against,
        flipped=flipped_pictures(run, folder, thumbnails) if opens else {},
        withheld_of={each.name: withheld(each.spec, thumbnails) for each in run.signature.datasets},
    )


def _trends(run: Run, folder: Path, history: str | None) -> tuple[list[Drawn], list[str]]:
    from facecheck.report.trend import draw_trends  # noqa: PLC0415 - matplotlib comes with it

    usual = str(folder.resolve().parent / "history.sqlite") if history is None else history
    return ([], []) if usual == "none" else draw_trends(run, folder, usual)


def _compared(before: Path, folder: Path) -> Iterator[Against]:
    from facecheck.comparison import sides  # noqa: PLC0415 - scipy comes with it

    for old, new in sides.couples(sides.sides_of(before), sides.sides_of(folder)):
        yield sides.compare(old, new, margins=usual_margins(), red=("worse", "flips"))


def _pages(folder: Path, extras: Extras, *, before: Path | None, single_file: Path | None) -> Path:
    from facecheck.report.html import PAGE, write_page  # noqa: PLC0415

    if single_file is not None:
        write_page(folder, extras, path=single_file, single_file=True)
    name = PAGE if before is None else f"against-{file_stem(before.resolve().name, most=_LONGEST)}.html"
    return write_page(folder, extras, path=folder / name)


def size_mib(folder: Path) -> float:
    """Return what the files of a folder take, in MiB."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / _MIB


def _contact_sheets(run: Run, folder: Path, thumbnails: Thumbnails) -> Iterator[Drawn]:
    """Draw an image of each swept data set under the corruptions and levels of the run: what was asked of models."""
    swept = recorded_sweeps(run.measurements)
    if not swept:
        return
    from facecheck.report.contact_sheets import draw_sheet, swept_rows  # noqa: PLC0415 - torch, too, takes seconds

    for (eval_name, name), rows in swept_rows(swept).items():
        signed = run.signature.dataset(name)
        shown = signed is not None and not withheld(signed.spec, thumbnails)
        for source in _images(signed.spec) if signed is not None and shown else ():
            with contextlib.suppress(UnreadableImageError):
                sheet = draw_sheet(source, folder / _sheet_name(eval_name, name), rows=rows)
                yield Drawn(f"{eval_name} {name} sheet", _SHEET.format(name=name), sheet, is_photo=True)
                break


def _kept_sheets(run: Run, folder: Path, thumbnails: Thumbnails) -> Iterator[Drawn]:
    """Yield the sheets that the run left, but of data sets whose pictures are withheld."""
    for eval_name, name in dict.fromkeys((sweep.eval, sweep.dataset) for sweep in recorded_sweeps(run.measurements)):
        signed = run.signature.dataset(name)
        sheet = folder / _sheet_name(eval_name, name)
        if signed is not None and not withheld(signed.spec, thumbnails) and sheet.is_file() and not sheet.is_symlink():
            yield Drawn(f"{eval_name} {name} sheet", _SHEET.format(name=name), sheet, is_photo=True)


def _sheet_name(eval_name: str, dataset: str) -> str:
    """Return what a sheet's file is called; data sets whose names have the same letters have each their own.

    >>> _sheet_name("blur", "faces"), _sheet_name("blur", "a/b"), _sheet_name("blur", "a:b")
    ('blur-faces-sheet.webp', 'blur-a-b-6007400c-sheet.webp', 'blur-a-b-61aaf170-sheet.webp')
    """
    title = f"{eval_name}-{dataset}"
    stem = file_stem(title, most=_LONGEST)
    if stem != title:
        stem += f"-{hashlib.sha256(title.encode('utf-8', 'backslashreplace')).hexdigest()[:8]}"
    return f"{stem}-sheet.webp"


def _images(spec: str) -> Iterator[ImageSource]:
    """Yield the images of a data set, none if it is not here any more."""
    try:
        dataset = open_dataset(spec)
    except FacecheckError:
        return
    yield from (dataset.faces[row].source for row in different_images(dataset.faces).tolist())
