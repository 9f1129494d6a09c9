"""What does the default run's sample of the bundled faces catch, and what would one case more catch?

    uv run python benchmarks/sample_power.py measure WORK   # scores: half an hour of CPU, resumable
    uv run python benchmarks/sample_power.py judge WORK     # tables in Markdown

The default run compares FaceNet (CASIA-WebFace) on all pairs of clean images and, at 66 levels of corruptions, on a
sample. ``measure`` writes the scores of the sound model at each of them, and of the faults of
``tests/support/faults.py`` on clean images and at two levels. ``judge`` breaks pairs of the sound model at random, at
every level, in one sweep, at one level, and says how large a loss is seen: by all cases together as the gate judges
them, and by one case more, the mean accuracy over all levels.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import stdtr

import tests.support.faults
from benchmarks.gate_power import at_80, broken, in_words, reds, taken, with_scores
from facecheck.comparison.between_runs import compare_scores
from facecheck.corruptions import CLEAN, Applied
from facecheck.datasets import open_dataset
from facecheck.evaluation.degradations import SAMPLE, chosen_points
from facecheck.evaluation.evaluator import Evaluator
from facecheck.gate.margins import MARGINS
from facecheck.metrics import influence
from facecheck.metrics.dyads import Dyads
from facecheck.metrics.paired import LEAST_VARIANCE
from facecheck.models import Settings
from facecheck.pipeline import Pipeline
from facecheck.results.scored_pairs import ScoredPairs, load_scores
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


# Judging: scores only.

LOSSES = (0.01, 0.02, 0.04, 0.06, 0.08, 0.12, 0.16, 0.24)
REPEATS = 20
POOLED_REPEATS = 200
RATE = 0.01
JITTER = 0.01  # of a similarity: two versions that are equally good differ by as much
Version = dict[str, ScoredPairs]
Bools = npt.NDArray[np.bool_]


def version(work: Path, fault: str, dataset: str) -> Version:
    """Return the scores of one data set by condition."""
    return {s.condition: s for s in load_scores(work / fault) if s.dataset == dataset}


def another(sound: Version, loss: float, generator: np.random.Generator, worse: Callable[[str], bool]) -> Version:
    """Return a version that differs a little everywhere and is worse under some conditions.

    Everywhere the clean thresholds decide, as in a run.
    """
    made: Version = {}
    for condition, scored in sound.items():
        noise = JITTER * generator.standard_normal(len(scored.scores))
        at_clean = with_scores(scored, scored.scores.similarity + noise, sound["clean"].thresholds)
        changed = broken(at_clean, loss, generator, of_people=False) if worse(condition) else at_clean
        made[condition] = dataclasses.replace(changed, thresholds=scored.thresholds)
    return made


def pooled_p(before: Version, after: Version) -> float:
    """Return the one-sided p of a loss beyond the margin in the mean accuracy over all levels, as one case."""
    apart = np.mean([_right(after, each) * 1.0 - _right(before, each) for each in before if each != "clean"], axis=0)
    scores = before["clean"].scores
    spread = Dyads.of(scores.who).spread(influence.of_mean(apart, scores.genuine), scores.genuine, least=LEAST_VARIANCE)
    if not spread.variance > 0:
        return 1.0
    t = (apart.mean() + MARGINS["accuracy"]) / np.sqrt(spread.variance)
    return float(stdtr(spread.freedom_of_all, t))


def _right(scored: Version, condition: str) -> Bools:
    scores = scored[condition].scores
    return np.asarray(scores.matched(scored["clean"].thresholds) == scores.genuine)


def in_the_family(sound: Version, where: Callable[[str], bool], losses: Sequence[float]) -> list[tuple[float, float]]:
    """Return losses and the share of runs that are red in any case, among all cases of the sample."""
    generator = np.random.default_rng(21)
    found = []
    for loss in losses:
        versions = [another(sound, loss, generator, where) for _ in range(REPEATS)]
        hits = sum(bool(reds(compare_scores(sound.values(), each.values()))) for each in versions)
        found.append((loss, hits / REPEATS))
        if hits == REPEATS:
            break
    return found


def pooled(sound: Version, where: Callable[[str], bool], losses: Sequence[float]) -> list[tuple[float, float]]:
    """Return losses and the share of runs in which the mean over all levels is red at the gate's rate."""
    generator = np.random.default_rng(22)
    found = []
    for loss in losses:
        hits = sum(pooled_p(sound, another(sound, loss, generator, where)) <= RATE for _ in range(POOLED_REPEATS))
        found.append((loss, hits / POOLED_REPEATS))
    return found


def pooled_of_the_same(sound: Version, losses: Sequence[float]) -> list[tuple[float, float]]:
    """Return losses and how often the mean is red where one draw of pairs breaks at every level."""
    generator = np.random.default_rng(3)
    found = []
    for loss in losses:
        versions = (_same_pairs_broken(sound, loss, generator) for _ in range(100))
        found.append((loss, sum(pooled_p(sound, after) <= RATE for after in versions) / 100))
    return found


def _same_pairs_broken(sound: Version, loss: float, generator: np.random.Generator) -> Version:
    drawn, after = generator.random(len(sound["clean"].scores)), {}
    thresholds = sound["clean"].thresholds
    for condition, scored in sound.items():
        genuine, right = scored.scores.genuine, _right(sound, condition)
        similarity = scored.scores.similarity + JITTER * generator.standard_normal(len(drawn))
        apart = np.abs(similarity - thresholds) + 1e-6
        mirrored = np.where(genuine, thresholds - apart, thresholds + apart)
        changed = right & (drawn < loss / right.mean()) & (condition != "clean")
        after[condition] = with_scores(scored, np.where(changed, mirrored, similarity))
    return after


def judge(work: Path) -> None:
    """Print the tables."""
    sample, whole = version(work, "sound", "faces-sample"), version(work, "sound", "faces")
    cases = len(compare_scores(sample.values(), sample.values()))
    print(f"{len(sample['clean'].scores)} pairs at {len(sample) - 1} levels, {cases} cases\n")
    _tell_family(sample)
    same = pooled_of_the_same(sample, (0.0, 0.005, 0.01, 0.02, 0.03, 0.04, 0.06))
    print(f"\nThe same pairs broken at every level, power of the pooled mean: {_shown(same)}")
    _tell_faults(work, whole)


def _tell_family(sample: Version) -> None:
    scopes: tuple[tuple[str, Callable[[str], bool], tuple[float, ...]], ...] = (
        ("every level", lambda each: each != "clean", (0.02, 0.04, 0.06, 0.08)),
        ("one sweep, blur", lambda each: each.startswith("blur:"), (0.06, 0.10, 0.15, 0.20)),
    )
    print("| what is worse | power of all cases by max-T, by loss | 80 % at | power of the pooled mean | 80 % at |")
    print("|---|---|---|---|---|")
    for words, where, losses in scopes:
        one = pooled(sample, where, (0.0, 0.0025, 0.005, 0.0075, 0.01, 0.015, *losses))
        curve = in_the_family(sample, where, losses)
        cells = (words, _shown(curve), _at(curve), _shown(one), _at(one))
        print(f"| {' | '.join(cells)} |", flush=True)


def _shown(curve: Sequence[tuple[float, float]]) -> str:
    return ", ".join(f"{100 * loss:g}: {hit:.0%}" for loss, hit in curve)


def _at(curve: Sequence[tuple[float, float]]) -> str:
    found = at_80(curve)
    return "not reached" if np.isnan(found) else f"{100 * found:.1f} points"


def _tell_faults(work: Path, whole: Version) -> None:
    head = ("fault", "loss on clean pairs", *LEVELS, "red on all clean pairs", "red on the sample's pairs")
    print(f"\n| {' | '.join(head)} |\n" + "|---" * len(head) + "|")
    sample = version(work, "sound", "faces-sample")
    for fault, words in FAULTS.items():
        after = version(work, fault, "faces")
        if set(after) != set(whole):
            continue
        lost = [100 * float(np.mean(_right(whole, each)) - np.mean(_right(after, each))) for each in ("clean", *LEVELS)]
        clean = in_words(reds(compare_scores([whole["clean"]], [after["clean"]])))
        cells = (words, *(f"{each:+.2f}" for each in lost), clean, _on_sample(whole, after, sample))
        print(f"| {' | '.join(cells)} |", flush=True)


def _on_sample(whole: Version, after: Version, sample: Version) -> str:
    """Return what is red at the levels on the sample's pairs, at the rate that is left for them among all levels."""
    names = {tuple(pair) for pair in sample["clean"].names}
    rows = np.flatnonzero([tuple(pair) in names for pair in whole["clean"].names])
    cut = functools.partial(taken, rows=rows, who=whole["clean"].scores.who[rows])
    levels = [each for each in whole if each != "clean"]
    before, now = ([cut(scores[each]) for each in ("clean", *levels)] for scores in (whole, after))
    changes = compare_scores(before, now, false_alarms=RATE * len(before) / len(sample))
    return in_words(reds([each for each in changes if each.conditions.is_swept]))


def main() -> None:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_subparsers(required=True, dest="what")
    for name in ("measure", "judge"):
        what.add_parser(name).add_argument("work", type=Path, help="folder of the scores, outside of the repository")
    options = parser.parse_args()
    if options.what == "measure":
        measure(options.work)
    else:
        judge(options.work)


if __name__ == "__main__":
    main()
