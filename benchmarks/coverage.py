"""Simulate how often the 95 % intervals hold the true value, and how often the paired test errs.

    uv run python benchmarks/coverage.py intervals --pairs ../shared/data/lfw_protocol/pairs.txt
    uv run python benchmarks/coverage.py tests --pairs ../shared/data/lfw_protocol/pairs.txt

The first prints the coverage of every metric, of single models and of paired differences; the second the size of the
paired test by identity between equally good models, and its power beside McNemar's test where that is valid. Both
tables stand in ``docs/statistics.md``.

The model: similarities are normal, genuine ones with mean d and impostor ones with mean 0, both with variance 1. Of
this variance, a share belongs to people: one effect of each person on all their genuine pairs, and one on all their
impostor pairs, on both sides of a pair. The rest belongs to the pair. Two models on the same pairs share half of
each. True values are those of the normal distribution; every draw has new people. With a share of 0.4, McNemar's
test rejects equally good models about as often as it was first seen to do: 44 % on the embedded protocol at 5 %.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from facecheck.datasets import open_dataset
from facecheck.evaluation import estimates
from facecheck.metrics.intervals import Estimate
from facecheck.metrics.paired import curve_difference, difference, mcnemar
from facecheck.metrics.scores import Scores
from facecheck.metrics.thresholds import PairThresholds

Array = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
OF_PEOPLE = 0.4  # share of the variance
IN_COMMON = 0.5  # share of each effect that two models have in common
WORSE = 1.3  # errors of the second model per error of the first, in the paired table
LEAST, MOST = 0.93, 0.97


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """Pairs, and how well the first model judges them.

    Args:
        name: in the table.
        who: ``(n, 2)`` people.
        accuracy: at the threshold half-way between both means.
        fars: at which the TAR is measured.
    """

    name: str
    who: Numbers
    accuracy: float
    fars: tuple[float, ...] = (0.01,)

    @property
    def genuine(self) -> npt.NDArray[np.bool_]:
        """Which pairs are of one person."""
        return np.asarray(self.who[:, 0] == self.who[:, 1])


def lfw(listed: Path) -> Numbers:
    """Return the people of LFW's list of pairs."""
    numbers: dict[str, int] = {}
    lines = [line.split("\t") for line in listed.read_text(encoding="utf-8").splitlines()[1:] if line]
    sides = [(line[0], line[0] if len(line) == 3 else line[2]) for line in lines]  # noqa: PLR2004 - a name, two images
    return np.array([[numbers.setdefault(name, len(numbers)) for name in pair] for pair in sides], dtype=np.int64)


def few_people() -> Numbers:
    """Return 50 genuine and 50 impostor pairs of 20 people."""
    genuine = np.repeat(np.arange(20), 3)[:50]
    couples = np.stack(np.tril_indices(20, -1), axis=1)
    chosen = np.random.default_rng(20).permutation(len(couples))[:50]
    return np.concatenate((np.stack((genuine, genuine), axis=1), couples[chosen]))


def separation(accuracy: float) -> float:
    """Return the distance of both means that gives this accuracy."""
    return 2 * float(norm.ppf(accuracy))


def drawn(who: Numbers, means: tuple[float, ...], of_people: float, generator: np.random.Generator) -> list[Scores]:
    """Return the scores of models with these genuine means on the same pairs."""
    people, genuine = int(who.max()) + 1, who[:, 0] == who[:, 1]

    def effects(size: int) -> Array:
        common, own = generator.normal(size=size), generator.normal(size=(len(means), size))
        return np.asarray(np.sqrt(IN_COMMON) * common + np.sqrt(1 - IN_COMMON) * own)

    alike, apart, pair = effects(people), effects(people), effects(len(who))
    both = (apart[:, who[:, 0]] + apart[:, who[:, 1]]) / np.sqrt(2)
    noise = np.sqrt(of_people) * np.where(genuine, alike[:, who[:, 0]], both) + np.sqrt(1 - of_people) * pair
    return [Scores(row + mean * genuine, who) for row, mean in zip(noise, means, strict=True)]


def true_values(setting: Setting, mean: float) -> dict[str, float]:
    """Return what the metrics of :mod:`facecheck.evaluation.estimates` estimate, at the threshold ``mean / 2``."""
    genuines = int(setting.genuine.sum())
    impostors, error = len(setting.who) - genuines, float(norm.cdf(-mean / 2))
    right, false = genuines * (1 - error), impostors * error
    found = {
        "accuracy": 1 - error,
        "fmr": error,
        "fnmr": error,
        "precision": right / (right + false),
        "f1": 2 * right / (2 * right + false + genuines * error),
        "auc": float(norm.cdf(mean / np.sqrt(2))),
        "eer": error,
        "dprime": mean,
        "genuine distance": -mean,
        "impostor distance": 0.0,
    }
    return found | {f"tar at far {far:g}": float(norm.sf(norm.isf(far) - mean)) for far in setting.fars}


def measured(setting: Setting, scores: Scores, mean: float) -> dict[str, Estimate]:
    """Return every metric with its interval, as a run reports it."""
    found = estimates.decisions(scores, PairThresholds.fixed(mean / 2, len(scores))) | estimates.distances(scores)
    found["genuine distance"] = found.pop("genuine_distance_mean")
    found["impostor distance"] = found.pop("impostor_distance_mean")
    for name, estimate, at in estimates.curves(scores, fars=setting.fars):
        found[f"tar at far {at['far']:g}" if at else name] = estimate
    return found


def compared(setting: Setting, models: list[Scores], means: tuple[float, float]) -> dict[str, Estimate]:
    """Return the difference of two models in every metric that the comparison tests."""
    first, second = models
    genuine = setting.genuine
    right = [scores.matched(mean / 2) == genuine for scores, mean in zip(models, means, strict=True)]
    found = {"accuracy": difference(right[0], right[1], setting.who).lead}
    for name, rows in (("fmr", ~genuine), ("fnmr", genuine)):
        # The shares of errors: what is right in the second and wrong in the first raises the first one's.
        found[name] = difference(~right[0][rows], ~right[1][rows], setting.who[rows]).lead
    for name in ("auc", "eer"):
        found[name] = curve_difference(first, second, metric=name).lead
    for far in setting.fars:
        found[f"tar at far {far:g}"] = curve_difference(first, second, metric="tar_at_far", far=far).lead
    return found


def coverage(setting: Setting, draws: int, seed: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return how often the intervals hold the true value, of single models and of differences."""
    generator = np.random.default_rng(seed)
    means = separation(setting.accuracy), separation(1 - WORSE * (1 - setting.accuracy))
    truths = [true_values(setting, mean) for mean in means]
    single: dict[str, int] = defaultdict(int)
    paired: dict[str, int] = defaultdict(int)
    for _ in range(draws):
        models = drawn(setting.who, means, OF_PEOPLE, generator)
        for name, estimate in measured(setting, models[0], means[0]).items():
            if name in truths[0]:
                single[name] += estimate.low <= truths[0][name] <= estimate.high
        for name, estimate in compared(setting, models, means).items():
            paired[name] += estimate.low <= truths[0][name] - truths[1][name] <= estimate.high
    return {k: v / draws for k, v in single.items()}, {k: v / draws for k, v in paired.items()}


def intervals(settings: list[Setting], draws: int, seed: int) -> None:
    """Print the table of coverages."""
    found = [coverage(setting, draws, seed) for setting in settings]
    error = np.sqrt(0.95 * 0.05 / draws)
    print(f"{draws} draws a cell, standard error {error:.3f} at .95; cells outside .93..97 are marked")
    for title, tables in (("single value", [t[0] for t in found]), ("paired difference", [t[1] for t in found])):
        print(f"\n| {title} | {' | '.join(setting.name for setting in settings)} |")
        print(f"|---|{'---|' * len(settings)}")
        for name in dict.fromkeys(name for table in tables for name in table):
            print(f"| {name} | {' | '.join(_cell(table.get(name)) for table in tables)} |")


def _cell(share: float | None) -> str:
    if share is None:
        return ""
    text = f"{share:.3f}".lstrip("0")
    return text if LEAST <= round(share, 3) <= MOST else f"{text} (!)"


def errors(who: Numbers, accuracies: tuple[float, float], of_people: float, draws: int, seed: int) -> str:
    """Return a line: discordant pairs, and how often both tests reject at 5 % and at 1 %."""
    generator, means = np.random.default_rng(seed), (separation(accuracies[0]), separation(accuracies[1]))
    genuine, apart = who[:, 0] == who[:, 1], 0
    ours, theirs = np.empty(draws), np.empty(draws)
    for draw in range(draws):
        models = drawn(who, means, of_people, generator)
        first, second = (scores.matched(mean / 2) == genuine for scores, mean in zip(models, means, strict=True))
        ours[draw], theirs[draw] = difference(first, second, who).p, mcnemar(first, second).p
        apart += int((first != second).sum())
    rates = [float((p < level).mean()) for p in (ours, theirs) for level in (0.05, 0.01)]
    cells = [f"{rate:.3f} +- {np.sqrt(rate * (1 - rate) / draws):.3f}" for rate in rates]
    return f"{apart / draws:.0f} | {' | '.join(cells)} |"


def tests(embedded: Numbers, view2: Numbers, draws: int, seed: int) -> None:
    """Print the table of size and power."""
    print(f"{draws} draws a row")
    tested = "by identity, p < .05 | p < .01 | McNemar, p < .05 | p < .01"
    print(f"\n| what | accuracies | share of people | discordant pairs | {tested} |")
    print("|---|---|---|---|---|---|---|---|")
    rows = (
        ("size, embedded", embedded, (0.95, 0.95), OF_PEOPLE),
        ("size, LFW view 2", view2, (0.95, 0.95), OF_PEOPLE),
        ("size, embedded, few discordant", embedded, (0.99925, 0.99925), OF_PEOPLE),
        ("size, LFW view 2, few discordant", view2, (0.9991, 0.9991), OF_PEOPLE),
        ("size, embedded, few discordant, independent pairs", embedded, (0.9992, 0.9992), 0.0),
        ("size, embedded, independent pairs", embedded, (0.95, 0.95), 0.0),
        ("size, LFW view 2, independent pairs", view2, (0.95, 0.95), 0.0),
        ("power, embedded, independent pairs", embedded, (0.95, 0.943), 0.0),
        ("power, LFW view 2, independent pairs", view2, (0.95, 0.943), 0.0),
        ("power, LFW view 2, few discordant", view2, (0.9995, 0.998), 0.0),
        ("power, embedded", embedded, (0.95, 0.93), OF_PEOPLE),
        ("power, LFW view 2", view2, (0.95, 0.943), OF_PEOPLE),
    )
    for name, who, accuracies, of_people in rows:
        told = " and ".join(f"{accuracy:g}" for accuracy in dict.fromkeys(accuracies))
        print(f"| {name} | {told} | {of_people:g} | {errors(who, accuracies, of_people, draws, seed)}", flush=True)


def main() -> None:
    """Simulate what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("intervals", "tests"))
    parser.add_argument("--pairs", type=Path, required=True, help="LFW's pairs.txt")
    parser.add_argument("--draws", type=int, help="a cell; 2000 of intervals, 4000 of tests")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    embedded, view2 = open_dataset("faces?part=pairs").pairs.who, lfw(given.pairs)
    if given.what == "tests":
        return tests(embedded, view2, given.draws or 4000, given.seed)
    settings = [
        Setting("embedded, .95", embedded, 0.95),
        Setting("LFW view 2, .95", view2, 0.95),
        Setting("100 pairs of 20 people, .9", few_people(), 0.9, fars=(0.1,)),
        Setting("LFW view 2, .99", view2, 0.99, fars=(0.01, 0.001)),
        Setting("LFW view 2, .999", view2, 0.999, fars=(0.01, 0.001)),
    ]
    return intervals(settings, given.draws or 2000, given.seed)


if __name__ == "__main__":
    main()
