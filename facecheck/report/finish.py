"""The end of a run: comparison, graphs, contact sheets and summary, made from what the run's folder holds.

The plugin and ``facecheck report`` both call :func:`finish_run`, so that a folder can be finished again at any time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from facecheck.comparison import compare_run, lines, write
from facecheck.datasets import open_dataset
from facecheck.errors import FacecheckError, UnreadableImageError, printable
from facecheck.faces import ImageSource
from facecheck.report.terminal import table
from facecheck.results.run import Run
from facecheck.results.sweeps import recorded_sweeps
from facecheck.storage.files import file_stem

__all__ = ["UnfinishedError", "finish_run", "size_mib"]

_MIB = 2**20
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


def finish_run(folder: Path) -> list[str]:
    """Write comparison and graphs of a finished run beside its results, and return its summary, line by line.

    Args:
        folder: of the run.

    Raises:
        FacecheckError: the folder holds no results of a run, or damaged scores.
        UnfinishedError: something could not be written, because the disk is full for example.
    """
    run = Run.read(folder)
    summary = [printable(line) for line in table(run, folder=folder)]
    with _explained(folder, summary):
        # matplotlib takes a second to import: a run that draws nothing does not wait for it.
        from facecheck.report.graphs import draw  # noqa: PLC0415

        compared = compare_run(folder)
        write(compared, folder)
        pictures = [*draw(folder), *_contact_sheets(run, folder / "graphs")]
    told = [*summary, *lines(compared), f"{len(pictures)} graphs and results.json in {folder}", *_page(folder)]
    return [printable(line) for line in told]


def _page(folder: Path) -> Iterator[str]:
    """Say where the page is, if the run has one."""
    page = folder / "index.html"
    if page.is_file():
        yield f"the page: {page}"


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


def size_mib(folder: Path) -> float:
    """Return what the files of a folder take, in MiB."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / _MIB


def _contact_sheets(run: Run, folder: Path) -> Iterator[Path]:
    """Draw an image of each swept data set under the corruptions and levels of the run: what was asked of models."""
    swept = recorded_sweeps(run.measurements)
    if not swept:
        return
    from facecheck.report.contact_sheets import draw_sheet, swept_rows  # noqa: PLC0415 - torch, too, takes seconds

    for (eval_name, name), rows in swept_rows(swept).items():
        signed = run.signature.dataset(name)
        for source in () if signed is None else _images(signed.spec):
            with contextlib.suppress(UnreadableImageError):
                stem = file_stem(f"{eval_name}-{name}", most=_LONGEST)
                yield draw_sheet(source, folder / f"{stem}-sheet.png", rows=rows)
                break


def _images(spec: str) -> Iterator[ImageSource]:
    """Yield the images of a data set, none if it is not here any more."""
    try:
        dataset = open_dataset(spec)
    except FacecheckError:
        return
    yield from dict.fromkeys(face.source for face in dataset.faces)
