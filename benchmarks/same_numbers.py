"""Compare two runs, number by number: a change of structure changes none.

    uv run python benchmarks/same_numbers.py BEFORE AFTER

Measurements are matched by eval, metric, model, data set and conditions, whatever schema their files have; values,
interval ends and counts must be equal to the bit, times and sizes of machines left out. Verdicts are matched by eval,
model, data set and corruption of their case and must have the same outcome: what schema 1 called skipped may be called
unjudged. The status is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from pathlib import Path

from facecheck.results.catalogue import METRICS
from facecheck.results.run import Run
from facecheck.results.scored_pairs import load_scores

Key = tuple[object, ...]


def numbers(run: Run) -> dict[Key, tuple[float, ...]]:
    """Return value, interval and count of every measurement that does not depend on the machine's load."""
    return {
        (m.eval, m.name, m.model, m.dataset, m.conditions): m.estimate
        for m in run.measurements
        if METRICS[m.name].unit not in ("ms", "1/s")
    }


def outcomes(run: Run) -> Counter[Key]:
    """Return how many cases have the same eval, parameters and outcome."""
    return Counter(
        (verdict.eval, *sorted(_parameters(verdict.case)), verdict.outcome.replace("unjudged", "skipped"))
        for verdict in run.verdicts
    )


def _parameters(case: str) -> list[str]:
    inside = re.search(r"\[(.*)\]", case)
    return [] if inside is None else inside[1].split("-")


def scores(folder: Path) -> dict[Key, bytes]:
    """Return the similarities and thresholds of every file of scores."""
    return {
        (each.model, each.dataset, each.condition): each.scores.similarity.tobytes() + each.thresholds.tobytes()
        for each in load_scores(folder)
    }


def main() -> int:
    """Print what differs and how much was compared."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="folder of a run")
    parser.add_argument("after", type=Path, help="folder of another")
    options = parser.parse_args()
    before, after = Run.read(options.before), Run.read(options.after)
    differences = 0
    for what, first, second in (
        ("measurements", numbers(before), numbers(after)),
        ("cases", outcomes(before), outcomes(after)),
        ("files of scores", scores(options.before), scores(options.after)),
    ):
        different = [key for key in {**first, **second} if first.get(key) != second.get(key)]
        for key in different[:5]:
            print(f"  {key}: {str(first.get(key))[:60]} -> {str(second.get(key))[:60]}")
        print(f"{what}: {len(first)} before, {len(second)} after, {len(different)} differ")
        differences += len(different)
    return 1 if differences else 0


if __name__ == "__main__":
    raise SystemExit(main())
