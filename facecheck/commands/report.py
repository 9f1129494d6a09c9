"""``facecheck report``: a run's page, graphs and summary again, two runs on one page, or the verdicts as Markdown."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from facecheck.errors import FacecheckError

__all__ = ["add_arguments"]


def add_arguments(report: argparse.ArgumentParser) -> None:
    """Declare what ``facecheck report`` takes."""
    report.add_argument(
        "folders",
        type=Path,
        nargs="+",
        metavar="RUN",
        help="folder of the run, such as reports/latest; of two, the second is compared with the first",
    )
    report.add_argument("--single-file", type=Path, metavar="FILE", help="a page that holds its pictures, to mail")
    report.add_argument(
        "--thumbnails",
        choices=["auto", "yes", "no"],
        default="auto",
        help="pictures of real faces; yes also opens the data sets that the run names, to draw what it did not keep",
    )
    report.add_argument("--history", help="history whose trend is drawn, or none; the one among the reports by default")
    report.add_argument("--markdown", action="store_true", help="print the verdicts as Markdown instead; write nothing")
    report.add_argument("--comment", action="store_true", help="with --markdown: for a comment: at most 65,000 bytes")
    report.add_argument("--link", default="", help="with --markdown: address of the page")
    report.add_argument("--most-bytes", type=int, help="with --markdown: its size at most; fits a job's summary")
    report.set_defaults(run=_report)


def _report(options: argparse.Namespace) -> int:
    if len(options.folders) > 2:  # noqa: PLR2004 - one is compared with one
        raise FacecheckError(f"{len(options.folders)} runs: expected one, or two that are compared")
    if options.markdown:
        return _markdown(options)
    if options.comment or options.link or options.most_bytes is not None:
        raise FacecheckError("--comment, --link and --most-bytes go with --markdown")
    if options.single_file and options.single_file.suffix.lower() not in (".html", ".htm"):
        raise FacecheckError(f"--single-file {options.single_file}: expected a name that ends in .html")
    from facecheck.report.finish import finish_run  # noqa: PLC0415 - OpenCV and torch come with it

    made = finish_run(
        options.folders[-1],
        thumbnails=options.thumbnails,
        history=options.history,
        before=options.folders[0] if len(options.folders) > 1 else None,
        single_file=options.single_file,
        opens=options.thumbnails == "yes",  # a folder may be anybody's, and name any data
    )
    print("\n".join(made))
    return 0


def _markdown(options: argparse.Namespace) -> int:
    from facecheck.report.markdown import COMMENT_BYTES, SUMMARY_BYTES, markdown  # noqa: PLC0415 - numpy comes with it
    from facecheck.results.run import Run  # noqa: PLC0415 - likewise

    if len(options.folders) > 1:
        raise FacecheckError("--markdown takes one run")
    most = options.most_bytes
    if most is None:
        most = COMMENT_BYTES if options.comment else SUMMARY_BYTES
    text = markdown(Run.read(options.folders[0]), link=options.link, most_bytes=most, comment=options.comment)
    sys.stdout.buffer.write(text.encode())  # whatever the terminal's encoding: a file or a service gets it
    sys.stdout.flush()
    return 0
