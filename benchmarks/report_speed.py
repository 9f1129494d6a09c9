"""How long a run's report takes, and how large its page is: five models, 6000 pairs, every sweep.

The scores are drawn, the measurements are made of them as the evals make theirs; no picture of a face is in it. The
peer is writing the same numbers as one HTML table with pandas: what a report costs that only lists them.

    uv run python -m benchmarks.report_speed [--people 1000]
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from pathlib import Path

import facecheck
from facecheck.report.finish import finish_run
from facecheck.results.scored_pairs import hashes_of_scores
from facecheck.results.signature import DatasetSignature, ModelSignature
from tests.support.runs import DLIB, EDGEFACE, EVERYTHING, FACENET, MOBILE, XXS, made_run, people

_MIB = 2**20


def main() -> None:
    """Print seconds and sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1000, help="with three genuine and three impostor pairs each")
    options = parser.parse_args()
    models = [DLIB, FACENET, EDGEFACE, XXS, MOBILE]
    pairs = people(options.people)
    started = time.perf_counter()
    made = made_run(models, EVERYTHING, pairs=pairs)
    measured_s = time.perf_counter() - started
    print(f"measured {len(made.run.measurements)} numbers of {len(pairs)} pairs in {measured_s:.0f} s")
    with tempfile.TemporaryDirectory() as place:
        folder = made.write(Path(place) / "run")
        signature = dataclasses.replace(
            made.run.signature,
            models=tuple(ModelSignature(name=model.name, spec=model.name) for model in models),
            datasets=(DatasetSignature(name="faces", comparisons=len(pairs)),),
        )
        dataclasses.replace(made.run, signature=signature, scores=hashes_of_scores(folder)).write(folder)
        started = time.perf_counter()
        finish_run(folder)
        report_s = time.perf_counter() - started
        started = time.perf_counter()
        table = facecheck.load(folder).measurements.to_html()
        peer_s = time.perf_counter() - started
        single = folder / "single.html"
        from facecheck.cli import main as command  # noqa: PLC0415 - its own output is not wanted above

        command(["report", str(folder), "--single-file", str(single)])
        print(f"report {report_s:.1f} s; pandas' one table {peer_s:.1f} s; ratio {report_s / peer_s:.1f}")
        print(f"the page with its pictures in one file: {single.stat().st_size / _MIB:.2f} MiB")
        print(
            f"index.html {(folder / 'index.html').stat().st_size / _MIB:.2f} MiB; pandas' {len(table) / _MIB:.2f} MiB"
        )


if __name__ == "__main__":
    main()
