"""What does the default run's sample of the bundled faces catch, and what would another sample of as many images?

    uv run python benchmarks/sample_power.py measure WORK   # scores: half an hour of CPU, resumable
    uv run python benchmarks/sample_power.py judge WORK     # tables in Markdown

The default run compares FaceNet (CASIA-WebFace) on all pairs of clean images and, at 66 levels of corruptions, on a
sample. ``measure`` writes the scores of the sound model at each of them, and of the faults of
``tests/support/faults.py`` on clean images and at two levels, there over all pairs: what the sample holds, and what
other samples would, is drawn from these.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

import tests.support.faults
from facecheck.corruptions import CLEAN, Applied
from facecheck.datasets import open_dataset
from facecheck.evaluation.degradations import SAMPLE, chosen_points
from facecheck.evaluation.evaluator import Evaluator
from facecheck.models import Settings
from facecheck.pipeline import Pipeline
from facecheck.results.scored_pairs import load_scores
from facecheck.storage.cache import Cache
from tests.support.faults import FAULTS

PAIRS = "faces?part=pairs"
FAMILIES = ("blur", "resolution", "filters", "occlusion", "imagenet_c", "outdoors")  # those of a default run
LEVELS = ("blur:3", "resolution:48")  # neither nothing nor chance


def planned() -> list[tuple[str, str, Sequence[Applied]]]:
    """Return folder, data set and corruptions of everything that is measured, what is judged first in front."""
    everywhere = [CLEAN, *(applied for severity, applied, _ in chosen_points(FAMILIES, sampled=True) if severity)]
    levels = [CLEAN, *map(Applied.parse, LEVELS)]
    return [
        ("sound", PAIRS, levels),
        ("sound", SAMPLE, everywhere),
        *((fault, PAIRS, levels) for fault in FAULTS),
    ]


def measure(work: Path) -> None:
    """Write the scores that are not there yet."""
    cache = Cache(work / "cache")
    for fault, spec, corruptions in planned():
        dataset, folder = open_dataset(spec), work / fault
        there = {(s.dataset, s.condition) for s in load_scores(folder)} if folder.is_dir() else set()
        missing = [each for each in corruptions if (dataset.name, each.identity) not in there]
        if not missing:
            continue
        model = getattr(tests.support.faults, fault)(Settings(device=torch.device("cpu")))
        evaluator = Evaluator(Pipeline(cache=cache), folder=folder, cache=cache)
        for corruption in missing:
            scores = evaluator.compare(model, dataset, corruption).scores
            print(f"{fault}, {dataset.name}, {corruption.identity}: {len(scores)} pairs", flush=True)
    cache.close()


def main() -> None:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_subparsers(required=True, dest="what")
    for name in ("measure", "judge"):
        what.add_parser(name).add_argument("work", type=Path, help="folder of the scores, outside of the repository")
    options = parser.parse_args()
    if options.what == "measure":
        measure(options.work)


if __name__ == "__main__":
    main()
