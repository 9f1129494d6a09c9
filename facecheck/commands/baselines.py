"""``facecheck approve`` and ``facecheck compare``."""

from __future__ import annotations

import argparse
from pathlib import Path

from facecheck.errors import FacecheckError

__all__ = ["add_approve_arguments", "add_compare_arguments"]


def add_approve_arguments(approve: argparse.ArgumentParser) -> None:
    """Declare what ``facecheck approve`` takes."""
    approve.add_argument("folder", type=Path, help="of the run, such as reports/latest")
    approve.add_argument("--why", required=True, help="the reason, in words: what a reviewer reads first")
    approve.add_argument("--model", help="of the run; the only one by default")
    approve.add_argument("--line", help="name that survives the model's versions; the model's by default")
    approve.add_argument("--by", help="who approves it; your git name, or your login, by default")
    approve.add_argument(
        "--baselines", type=Path, default=Path("reports/baselines"), help="reports/baselines by default"
    )
    approve.add_argument(
        "--scores-at", default="", help="folder or URL (s3://...) for the scores, of which the hashes are committed"
    )
    approve.set_defaults(run=_approve)


def add_compare_arguments(compare: argparse.ArgumentParser) -> None:
    """Declare what ``facecheck compare`` takes."""
    compare.add_argument("before", type=Path, help="folder of the run, or of the baseline, that is the yardstick")
    compare.add_argument("after", type=Path, help="folder of the other run")
    compare.add_argument("--model", help="in AFTER; by default every model that both runs have")
    compare.add_argument("--against", help="in BEFORE, where its name is another")
    compare.add_argument("--limits", type=Path, help="file with [[margin]] tables, evals/limits.toml by default")
    compare.add_argument("--false-alarms", type=float, default=0.01, help="over all cases together, 0.01 by default")
    compare.set_defaults(run=_compare)


def _approve(options: argparse.Namespace) -> int:
    from facecheck.gate.approval import approve, approver  # noqa: PLC0415 - numpy comes with it

    made = approve(
        options.folder,
        options.baselines,
        model=options.model,
        line=options.line,
        reason=options.why,
        by=options.by or approver(),
        elsewhere=options.scores_at,
    )
    newest = made.parts[-1]
    about = f"{newest.approval.model} of run {newest.approval.run}"
    print(f"{made.folder}: {about}, scores of {len(newest.scores)} data set(s). Commit it;")
    print("every later run of the line is compared with it")
    return 0


def _compare(options: argparse.Namespace) -> int:
    from facecheck.comparison.sides import compare, couples, sides_of  # noqa: PLC0415 - scipy comes with it
    from facecheck.gate.limits import read_margins, usual_margins  # noqa: PLC0415 - numpy comes with it
    from facecheck.report.against import against_lines  # noqa: PLC0415 - likewise

    if not 0 < options.false_alarms < 1:
        raise FacecheckError(f"--false-alarms {options.false_alarms}: expected a fraction between 0 and 1")
    margins = usual_margins() if options.limits is None else read_margins(options.limits)
    chosen = couples(sides_of(options.before), sides_of(options.after), model=options.model, against=options.against)
    found = [
        compare(old, new, margins=margins, false_alarms=options.false_alarms, red=("worse", "flips"))
        for old, new in chosen
    ]
    for against in found:
        print("\n".join(against_lines(against)))
    if all(change.outcome in ("incomparable", "not measured") for against in found for change in against.changes):
        raise FacecheckError("nothing could be compared: the runs have no pairs and corruption in common")
    return int(any(against.is_red for against in found))
