"""``facecheck calibrate RUN``: a table from distance to probability, to ship with a model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from facecheck.errors import FacecheckError, nearest, printable

if TYPE_CHECKING:
    from facecheck.results.scored_pairs import ScoredPairs

__all__ = ["add_arguments", "run"]


def add_arguments(calibrate: argparse.ArgumentParser) -> None:
    """Declare what ``facecheck calibrate`` takes."""
    calibrate.add_argument("folder", type=Path, help="of the run, such as reports/latest")
    calibrate.add_argument("--out", type=Path, required=True, help="the table to write, .csv")
    calibrate.add_argument("--model", help="of the run; not needed if it has one")
    calibrate.add_argument("--dataset", help="of the run; not needed if it has one in folds")
    calibrate.add_argument("--method", choices=["platt", "isotonic"], default="platt", help="platt by default")
    calibrate.add_argument("--rows", type=int, default=101, help="of the table, 101 by default")
    calibrate.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the table, and say what it was made of."""
    from facecheck.metrics.calibration import calibration_table  # noqa: PLC0415 - scipy takes a while to import
    from facecheck.storage.files import write_text  # noqa: PLC0415

    if options.out.suffix.lower() != ".csv":
        raise FacecheckError(f"{options.out}: expected a name that ends in .csv")
    scored = _chosen(options)
    completed = scored.scores.completed()
    try:
        table = calibration_table(completed, method=options.method, rows=options.rows)
    except ValueError as error:
        raise FacecheckError(f"{scored.model} on {scored.dataset}: {error}") from error
    lines = [f"{-similarity:.6g},{ratio:.4f},{probability:.6f}" for similarity, ratio, probability in table[::-1]]
    write_text(options.out, "\n".join(("distance,log10_likelihood_ratio,probability_at_even_odds", *lines)) + "\n")
    print(
        printable(
            f"{options.out}: {len(lines)} distances of {scored.model}, by {options.method} on {len(completed)} "
            f"comparisons of {scored.dataset}; the model, the data set and the date belong beside it"
        )
    )
    return 0


def _chosen(options: argparse.Namespace) -> ScoredPairs:
    """Return the scores of clean images that the options name."""
    from facecheck.results.run import Run  # noqa: PLC0415
    from facecheck.results.scored_pairs import load_scores  # noqa: PLC0415

    known = load_scores(options.folder, hashes=Run.read(options.folder).scores)
    fitting = [each for each in known if each.condition == "clean" and each.kind != "strips"]
    for name in ("model", "dataset"):
        asked, found = getattr(options, name), sorted({getattr(each, name) for each in fitting})
        if asked is not None and asked not in found:
            raise FacecheckError(f"--{name} {asked!r}: not in {options.folder}. {nearest(asked, found)}")
        if asked is None and len(found) != 1:
            raise FacecheckError(f"{options.folder} has {len(found)} of them: --{name} {' or '.join(found) or 'none'}")
        fitting = [each for each in fitting if getattr(each, name) == (asked or found[0])]
    return fitting[0]
