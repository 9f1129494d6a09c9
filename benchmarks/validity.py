"""Compare results on the bundled faces with results on photographs, for ``docs/validity.md``.

Two runs of the suite over the same models and corruptions, one on each data set, and the faults of
``tests/support/faults.py`` on both:

    uv run pytest evals/ --facecheck-datasets lfw:... --facecheck-models ... --facecheck-reports /tmp/lfw
    uv run pytest evals/ --facecheck-models ... --facecheck-reports /tmp/faces
    uv run python benchmarks/validity.py ranks /tmp/lfw/latest /tmp/faces/latest
    uv run python benchmarks/validity.py faults --lfw "lfw:...?pairs=..."
    uv run python benchmarks/validity.py pose reports/strips-run reports/faces-run

``ranks`` prints the rank correlation of accuracy and FNMR over all models, corruptions and levels that both
runs contain, and draws them; ``faults`` prints the cost of each fault and whether the limits detect it;
``pose`` draws both pose curves.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from scipy.stats import kendalltau, spearmanr

import tests.support.faults
from facecheck.datasets import open_dataset
from facecheck.evaluation.evaluator import Compared, Evaluator
from facecheck.evaluation.views import decided, ranked
from facecheck.gate import judge, read_limits
from facecheck.metrics import intervals
from facecheck.models import Settings
from facecheck.pipeline import Pipeline
from facecheck.results.conditions import DEPLOYED
from facecheck.results.measurement import Measurement
from facecheck.results.run import Run
from facecheck.storage.cache import Cache
from facecheck.storage.weights import cache_folder
from tests.support.faults import FAULTS

Key = tuple[str, str, float]
ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")


def points(run: Run, name: str) -> dict[Key, float]:
    """Return a metric at the clean threshold by model, corruption and level."""
    found: dict[Key, float] = {}
    for m in run.measurements:
        at = m.conditions
        if m.name == name and at.matches(DEPLOYED) and at.severity and at.is_swept:
            found[m.model, str(at.corruption), at.level or 0.0] = m.value
    return found


def ranks(photographs: Path, faces: Path, picture: Path) -> None:
    """Print rank correlations, over all points and within each model and corruption, and draw the scatter."""
    real, made = Run.read(photographs), Run.read(faces)
    figure = Figure(figsize=(10.5, 5.0), layout="constrained")
    for number, name in enumerate(("accuracy", "fnmr"), 1):
        here, there = points(real, name), points(made, name)
        keys = sorted(here.keys() & there.keys())
        if not keys:
            raise SystemExit(f"the runs have no point of {name} in common")
        x, y = np.array([here[key] for key in keys]), np.array([there[key] for key in keys])
        print(f"{name}: {len(keys)} points, Spearman {spearmanr(x, y)[0]:.3f}, Kendall {kendalltau(x, y)[0]:.3f}")
        for model, rows in _grouped([key[0] for key in keys]).items():
            print(f"  {model}: {len(rows)} points, Spearman {spearmanr(x[rows], y[rows])[0]:.3f}")
        means = _means([key[1] for key in keys], x, y)
        print(f"  corruptions' means over models and levels: {len(means)}, Spearman {spearmanr(*means.T)[0]:.3f}")
        order = _means([key[0] for key in keys], x, y)
        print(f"  models' means: {len(order)}, Spearman {spearmanr(*order.T)[0]:.3f}")
        apart = sorted(zip(np.abs(x.argsort().argsort() - y.argsort().argsort()), keys, x, y, strict=True))[::-1]
        for _, key, a, b in apart[:6]:
            print(f"  largest rank difference: {key[0]}, {key[1]}:{key[2]:g}: photographs {a:.3f}, bundled {b:.3f}")
        _scatter(figure, number, name, keys, x, y)
    picture.parent.mkdir(exist_ok=True)
    figure.savefig(picture, dpi=110)
    print(f"drawn: {picture}")


def _scatter(figure: Figure, number: int, name: str, keys: list[Key], x: np.ndarray, y: np.ndarray) -> None:
    axes = figure.add_subplot(1, 2, number)
    for colour, (model, rows) in zip(COLOURS, sorted(_grouped([key[0] for key in keys]).items()), strict=False):
        axes.scatter(x[rows], y[rows], s=14, color=colour, alpha=0.7, linewidths=0, label=model)
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    axes.plot([low, high], [low, high], color="#999999", linewidth=0.8)
    rho = spearmanr(x, y)[0]
    axes.set(xlabel="LFW, photographs", ylabel="bundled faces")
    axes.set_title(f"{name} at the clean threshold, Spearman {rho:.2f}", fontsize=11, loc="left")
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if number == 1:
        axes.legend(fontsize=8, frameon=False)


def _grouped(names: list[str]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = defaultdict(list)
    for number, name in enumerate(names):
        rows[name].append(number)
    return rows


def _means(names: list[str], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.array([(x[rows].mean(), y[rows].mean()) for rows in _grouped(names).values()])


def faults(photographs: str, cache: Cache) -> None:
    """Print the cost of each fault on both data sets, and the verification limits that it misses."""
    limits = read_limits(ROOT / "evals" / "limits.toml")
    evaluator, settings = Evaluator(Pipeline(cache=cache)), Settings(device=torch.device("cpu"))
    sound: dict[str, np.ndarray] = {}
    print("| fault | LFW: accuracy | cost, points | bundled: accuracy | cost, points | limits missed on bundled |")
    print("|---|---|---|---|---|---|")
    for name, words in {"sound": "none", **FAULTS}.items():
        recognizer = getattr(tests.support.faults, name)(settings)
        cells = []
        for spec in (photographs, "faces?part=pairs"):
            dataset = open_dataset(spec)
            compared = evaluator.compare(recognizer, dataset)
            assert compared.own_thresholds is not None, compared.problem
            scores = compared.scores
            right = scores.matched(compared.own_thresholds.of_pair) == scores.genuine
            change = intervals.mean(right.astype(np.float64) - sound.setdefault(spec, right), scores.who)
            cells += [
                f"{right.mean():.4f}",
                f"{100 * change.value:+.2f} [{100 * change.low:+.2f}, {100 * change.high:+.2f}]",
            ]
        missed = [m.name for m in _measured(compared) if judge(m, limits, sampled=False).outcome == "failed"]
        print(f"| {words} | {' | '.join(cells)} | {', '.join(missed) or 'none'} |", flush=True)


def _measured(compared: Compared) -> Iterator[Measurement]:
    """Yield the measurements that evals/test_verification.py judges, and some that no limit is about."""
    found = (
        decided(compared.view("clean")).named("accuracy")
        + decided(compared.view("declared")).named("fmr", "fnmr")
        + ranked(compared.view(), fars=(0.01,))
    )
    for measured in found.measured:
        yield Measurement.of(
            measured, eval_name="verification", model=compared.recognizer.name, dataset=compared.dataset.name
        )


def pose(strips: Path, faces: Path, picture: Path) -> None:
    """Draw the mean genuine distance against the yaw difference on EG3D's strips and on the bundled ones."""
    runs = {"EG3D strips": Run.read(strips), "bundled strips": Run.read(faces)}
    models = sorted({m.model for run in runs.values() for m in run.measurements if m.eval == "pose"})
    figure = Figure(figsize=(5.2 * len(models), 4.2), layout="constrained")
    for number, model in enumerate(models, 1):
        axes = figure.add_subplot(1, len(models), number)
        for colour, (name, run) in zip(COLOURS, runs.items(), strict=False):
            curve = sorted(_curve(run, model), key=_yaw_difference)
            x, y = [_yaw_difference(m) for m in curve], [m.value for m in curve]
            axes.plot(x, y, marker="o", color=colour, label=name)
            axes.fill_between(x, [m.low for m in curve], [m.high for m in curve], color=colour, alpha=0.2, linewidth=0)
        axes.set(xlabel="yaw difference, rad", ylabel="mean genuine distance")
        axes.set_title(model, fontsize=11, loc="left")
        axes.grid(alpha=0.25, linewidth=0.6)
        axes.legend(fontsize=9, frameon=False)
    figure.savefig(picture, dpi=110)
    print(f"drawn: {picture}")


def _curve(run: Run, model: str) -> Iterator[Measurement]:
    return (
        m
        for m in run.measurements
        if (m.eval, m.model, m.name) == ("pose", model, "genuine_distance_mean")
        and m.conditions.yaw_difference_rad is not None
    )


def _yaw_difference(measurement: Measurement) -> float:
    return measurement.conditions.yaw_difference_rad or 0.0


def main() -> None:
    """Run one of the three commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_subparsers(required=True, dest="what")
    for name in ("ranks", "pose"):
        one = what.add_parser(name)
        one.add_argument("photographs", type=Path, help="run on LFW, or on EG3D's strips")
        one.add_argument("faces", type=Path, help="run on the bundled faces")
        one.add_argument("--picture", type=Path, default=IMAGES / f"validity-{name}.png")
    fault = what.add_parser("faults")
    fault.add_argument("--lfw", required=True, help="specification of LFW with its pairs")
    fault.add_argument("--cache", type=Path, help="folder of the cache, if not the default")
    options = parser.parse_args()
    if options.what == "faults":
        faults(options.lfw, Cache(options.cache or cache_folder()))
    else:
        {"ranks": ranks, "pose": pose}[options.what](options.photographs, options.faces, options.picture)


if __name__ == "__main__":
    main()
