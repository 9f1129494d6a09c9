"""What does the default run's sample of the bundled faces catch, by its levels and by the mean over them?

    uv run python benchmarks/sample_power.py measure WORK   # scores: half an hour of CPU, resumable
    uv run python benchmarks/sample_power.py judge WORK     # tables in Markdown

The default run compares FaceNet (CASIA-WebFace) on all pairs of clean images and, at 66 levels of corruptions, on a
sample. ``measure`` writes the scores of the sound model at each of them, and of the faults of
``tests/support/faults.py`` on clean images and at two levels. ``judge`` breaks pairs of the sound model at random, at
every level, in one sweep, at one level, and says how large a loss is seen: by all cases together as the gate judges
them, in the case of a level or in a mean over the levels of a sweep.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

import tests.support.faults
from benchmarks.gate_power import at_80, broken, in_words, reds, taken, with_scores
from facecheck.comparison.between_runs import compare_scores
from facecheck.corruptions import CLEAN, Applied
from facecheck.datasets import open_dataset
from facecheck.evaluation.degradations import SAMPLE, chosen_points
from facecheck.evaluation.evaluator import Evaluator
from facecheck.models import Settings
from facecheck.pipeline import Pipeline
from facecheck.results.change import Change
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

REPEATS = 20
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


def _right(scored: Version, condition: str) -> Bools:
    scores = scored[condition].scores
    return np.asarray(scores.matched(scored["clean"].thresholds) == scores.genuine)


class Power(NamedTuple):
    """Losses, and the share of versions that are red.

    Args:
        losses: that were tried.
        of_levels: red in a case of one level, or of clean images.
        of_means: red in the mean over the levels of a sweep.
        of_any: red at all.
    """

    losses: tuple[float, ...]
    of_levels: tuple[float, ...]
    of_means: tuple[float, ...]
    of_any: tuple[float, ...]

    def curve(self, which: str) -> list[tuple[float, float]]:
        """Return losses and shares."""
        return list(zip(self.losses, getattr(self, which), strict=True))


def power(sound: Version, losses: Sequence[float], made: Callable[[float, np.random.Generator], Version]) -> Power:
    """Return how often versions are red among all cases of the sample, as the gate judges them."""
    generator = np.random.default_rng(21)
    rows = []
    for loss in losses:
        seen = [
            _red_where(reds(compare_scores(sound.values(), made(loss, generator).values()))) for _ in range(REPEATS)
        ]
        rows.append(tuple(sum(each) / REPEATS for each in zip(*seen, strict=True)))
    of_levels, of_means, of_any = zip(*rows, strict=True)
    return Power(tuple(losses), of_levels, of_means, of_any)


def _red_where(red: Sequence[Change]) -> tuple[bool, bool, bool]:
    means = [each.name == "accuracy_over_levels" for each in red]
    return not all(means), any(means), bool(red)


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
    print(
        f"{len(sample['clean'].scores)} pairs at {len(sample) - 1} levels, {cases} cases, {REPEATS} versions a loss\n"
    )
    print("| what is worse | red in a level's case, by loss | 80 % at | red in a mean over levels | 80 % at |")
    print("|---|---|---|---|---|")
    for words, losses, made in _scopes(sample):
        found = power(sample, losses, made)
        curves = [found.curve(which) for which in ("of_levels", "of_means")]
        cells = (words, *(cell for curve in curves for cell in (_shown(curve), _at(curve))))
        print(f"| {' | '.join(cells)} |", flush=True)
    if whole:
        _tell_faults(work, whole)


def _scopes(
    sample: Version,
) -> tuple[tuple[str, tuple[float, ...], Callable[[float, np.random.Generator], Version]], ...]:
    def at(where: Callable[[str], bool]) -> Callable[[float, np.random.Generator], Version]:
        return lambda loss, generator: another(sample, loss, generator, where)

    return (
        ("every level", (0.0, 0.005, 0.0075, 0.01, 0.02, 0.08), at(lambda each: each != "clean")),
        ("one sweep, blur", (0.04, 0.08, 0.12, 0.16), at(lambda each: each.startswith("blur:"))),
        ("the same pairs at every level", (0.04, 0.06, 0.08), functools.partial(_same_pairs_broken, sample)),
    )


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
