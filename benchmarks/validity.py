"""Is the embedded set worth judging by? Its results beside those of photographs, for ``docs/validity.md``.

Two runs of the suite over the same models and corruptions, one on each data set, and the faults of
``tests/faults.py`` on both:

    uv run pytest evals/ --facecheck-datasets lfw:... --facecheck-models ... --facecheck-reports /tmp/lfw
    uv run pytest evals/ --facecheck-models ... --facecheck-reports /tmp/faces
    uv run python benchmarks/validity.py ranks /tmp/lfw/latest /tmp/faces/latest
    uv run python benchmarks/validity.py faults --lfw "lfw:...?pairs=..."
    uv run python benchmarks/validity.py pose reports/strips-run reports/faces-run

``ranks`` prints the rank correlation of accuracy and FNMR over all models, corruptions and levels that both
runs hold, and draws them; ``faults`` prints what each fault costs and whether the limits catch it; ``pose``
draws both pose curves.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import kendalltau, spearmanr

from facecheck.record import Measurement, Record
from tests.faults import FAULTS

Key = tuple[str, str, float]
ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")


def points(record: Record, name: str) -> dict[Key, float]:
    """Return a metric at the clean threshold by model, corruption and level."""
    found: dict[Key, float] = {}
    for m in record.measurements:
        at = m.conditions
        deployed = (at.get("threshold"), at.get("failures")) == ("clean", "non-match") and at.get("severity")
        if m.name == name and deployed:
            found[m.model, str(at["corruption"]), float(at["level"])] = m.value
    return found


def ranks(photographs: Path, faces: Path, picture: Path) -> None:
    """Print rank correlations, over all points and within each model and corruption, and draw the scatter."""
    real, made = Record.read(photographs), Record.read(faces)
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
            print(f"  farthest apart: {key[0]}, {key[1]}:{key[2]:g}: photographs {a:.3f}, embedded {b:.3f}")
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
    axes.set(xlabel="LFW, photographs", ylabel="embedded faces")
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


def faults(photographs: str, cache: str) -> None:
    """Print what each fault costs on both data sets, and which of them fails its limits there."""
    print("fault | LFW accuracy | caught | embedded accuracy | caught by verification | by pose")
    for name, words in {"sound": "none", **FAULTS}.items():
        real = _judged(name, "evals/test_verification.py", photographs, cache)
        made = _judged(name, "evals/test_verification.py", "faces?part=pairs", cache)
        posed = _judged(name, "evals/test_pose.py", "faces?part=strips", cache)
        print(
            f"{words} | {_accuracy(real):.4f} | {_failed(real)} | {_accuracy(made):.4f} | {_failed(made)} | "
            f"{_failed(posed)}",
            flush=True,
        )


def _judged(fault: str, case: str, dataset: str, cache: str) -> Record:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", case, "-q", f"--facecheck-models=tests.faults:{fault}"]
        options = [f"--facecheck-datasets={dataset}", f"--facecheck-reports={folder}"]
        options += [f"--facecheck-cache={cache}"] if cache else []
        subprocess.run([*command, *options], cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
        return Record.read(Path(folder) / "latest")


def _accuracy(record: Record) -> float:
    return next(
        m.value
        for m in record.measurements
        if m.name == "accuracy" and (m.conditions["failures"], m.conditions["threshold"]) == ("non-match", "clean")
    )


def _failed(record: Record) -> str:
    failed = sum(verdict["outcome"] == "failed" for verdict in record.verdicts)
    return f"{failed} of {len(record.verdicts)}"


def pose(strips: Path, faces: Path, picture: Path) -> None:
    """Draw the mean genuine distance against the yaw difference on EG3D's strips and on the embedded ones."""
    runs = {"EG3D strips": Record.read(strips), "embedded strips": Record.read(faces)}
    models = sorted({m.model for record in runs.values() for m in record.measurements if m.eval == "pose"})
    figure = Figure(figsize=(5.2 * len(models), 4.2), layout="constrained")
    for number, model in enumerate(models, 1):
        axes = figure.add_subplot(1, len(models), number)
        for colour, (name, record) in zip(COLOURS, runs.items(), strict=False):
            curve = sorted(_curve(record, model), key=lambda m: float(m.conditions["yaw_difference_rad"]))
            x, y = [float(m.conditions["yaw_difference_rad"]) for m in curve], [m.value for m in curve]
            axes.plot(x, y, marker="o", color=colour, label=name)
            axes.fill_between(x, [m.low for m in curve], [m.high for m in curve], color=colour, alpha=0.2, linewidth=0)
        axes.set(xlabel="yaw difference, rad", ylabel="mean genuine distance")
        axes.set_title(model, fontsize=11, loc="left")
        axes.grid(alpha=0.25, linewidth=0.6)
        axes.legend(fontsize=9, frameon=False)
    figure.savefig(picture, dpi=110)
    print(f"drawn: {picture}")


def _curve(record: Record, model: str) -> Iterator[Measurement]:
    return (
        m
        for m in record.measurements
        if (m.eval, m.model, m.name) == ("pose", model, "genuine_distance_mean")
        and "yaw_difference_rad" in m.conditions
    )


def main() -> None:
    """Do one of the three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_subparsers(required=True, dest="what")
    for name in ("ranks", "pose"):
        one = what.add_parser(name)
        one.add_argument("photographs", type=Path, help="run on LFW, or on EG3D's strips")
        one.add_argument("faces", type=Path, help="run on the embedded faces")
        one.add_argument("--picture", type=Path, default=IMAGES / f"validity-{name}.png")
    fault = what.add_parser("faults")
    fault.add_argument("--lfw", required=True, help="specification of LFW with its pairs")
    fault.add_argument("--cache", default="", help="folder of the cache")
    options = parser.parse_args()
    if options.what == "faults":
        faults(options.lfw, options.cache)
    else:
        {"ranks": ranks, "pose": pose}[options.what](options.photographs, options.faces, options.picture)


if __name__ == "__main__":
    main()
