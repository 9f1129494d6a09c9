"""How fast are all pairs counted? Beside the plain matrix product, and beside evalify, in one run.

    uv run --with evalify==1.0.0 python -m benchmarks.all_pairs --embeddings evalify_lfw_embeddings.npz
    uv run python -m benchmarks.all_pairs --images 100000        # made vectors, 512-d

The share is the time of the plain product of the same pairs over that of the count; evalify's ratio is its time over
ours for the same four metrics of the same embeddings. Nothing here asserts.
"""

from __future__ import annotations

import argparse
import importlib
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from facecheck.metrics.all_pairs import AllPairs, all_pairs, fnmr_estimate
from facecheck.metrics.curves import area_under_curve
from facecheck.pipeline.executor import cores

Vectors = npt.NDArray[np.float32]
People = npt.NDArray[np.int64]
GOLDEN = 1000  # of evalify's embeddings; its own AUC of them is .9998640114
_ROUNDS = 3


def _seconds(work: Callable[[], object], rounds: int = _ROUNDS) -> float:
    """Return the median of some rounds."""
    found = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return float(np.median(found))


def _plain(vectors: Vectors, rounds: int) -> float:
    """Return the seconds of the plain matrix product per pair, on all cores."""
    torch.set_num_threads(cores())
    matrix = torch.from_numpy(vectors)
    rows = matrix[: min(len(matrix), 4096)]
    out = torch.empty(len(rows), len(matrix))
    return _seconds(lambda: torch.mm(rows, matrix.T, out=out), rounds) / (len(rows) * len(matrix))


def _unit(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _four_metrics(vectors: Vectors, people: People) -> list[AllPairs]:
    """Count evalify's four metrics: cosine, Pearson, Euclidean, and Euclidean of vectors of length 1."""
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    asked = ((vectors, "cosine"), (centred, "cosine"), (vectors, "euclidean"), (_unit(vectors), "euclidean"))
    return [all_pairs(each, people, distance=distance) for each, distance in asked]


def _beside_evalify(vectors: Vectors, people: People) -> None:
    first = all_pairs(vectors[:GOLDEN], people[:GOLDEN], distance="cosine")
    print(f"AUC of the first {GOLDEN}: {area_under_curve(first.curve()):.10f} (evalify: .9998640114)")
    ours = _seconds(lambda: _four_metrics(vectors, people))
    print(f"four metrics of {_pairs_of(vectors):,} pairs: {ours:.3f} s")
    product = 4 * _plain(vectors, 9) * _pairs_of(vectors)
    print(f"  four plain products of as many pairs: {product:.3f} s, of which the count has {product / ours:.2f}")
    try:
        evalify = importlib.import_module("evalify")
    except ImportError:
        print("  evalify is not installed: uv run --with evalify==1.0.0 python -m benchmarks.all_pairs ...")
        return
    names = ("cosine_similarity", "pearson_similarity", "euclidean_distance", "euclidean_distance_l2")
    started = time.perf_counter()
    theirs = evalify.Experiment(metrics=names, same_class_samples="full", different_class_samples="full")
    theirs.run(vectors, people)
    run = time.perf_counter() - started
    print(f"  evalify, pairs and scores alone: {run:.1f} s, {run / ours:.0f} times ours")


def _pairs_of(vectors: Vectors) -> int:
    """Return how many pairs so many vectors make."""
    return len(vectors) * (len(vectors) - 1) // 2


def _made(images: int, dimensions: int) -> tuple[Vectors, People]:
    """Return vectors of people with twenty images each."""
    generator = np.random.default_rng(0)
    people = np.arange(images) // 20
    centres = generator.standard_normal((people[-1] + 1, dimensions), dtype=np.float32)
    return centres[people] + 1.2 * generator.standard_normal((images, dimensions), dtype=np.float32), people


def _at_size(images: int, dimensions: int, rounds: int) -> None:
    vectors, people = _made(images, dimensions)
    plain = _plain(vectors, rounds)
    started = time.perf_counter()
    found = all_pairs(vectors, people, distance="cosine")
    took, after = time.perf_counter() - started, _plain(vectors, rounds)
    pairs = _pairs_of(vectors)
    print(f"{images:,} x {dimensions}, {pairs:,} pairs: {took:.1f} s, {pairs / took:.3g} pairs/s on {cores()} cores")
    share = (plain + after) / 2 * pairs / took
    print(
        f"  plain product: {1 / plain:.3g} pairs/s before, {1 / after:.3g} after: the count has {share:.2f} of its rate"
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"  peak memory {peak:.2f} GiB, of which vectors {vectors.nbytes / 2**30:.2f} GiB")
    points = found.curve()
    for fmr in (1e-4, 1e-5, 1e-6, 1e-7):
        point, estimate = fnmr_estimate(found, fmr, points=points)
        rate = f"{estimate.value:.4f} [{estimate.low:.4f}, {estimate.high:.4f}]"
        print(f"  FNMR at FMR {fmr:g}: {rate} at a similarity of {point.threshold:.4f}")


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embeddings", type=Path, help="evalify's embeddings, an .npz of X and y")
    parser.add_argument("--images", type=int, default=20_000, help="made vectors, 0 for none")
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5, help="of the plain product")
    asked = parser.parse_args()
    if asked.embeddings is not None:
        with np.load(asked.embeddings, allow_pickle=False) as arrays:
            _beside_evalify(arrays["X"].astype(np.float32), arrays["y"].astype(np.int64))
    if asked.images:
        _at_size(asked.images, asked.dimensions, asked.rounds)


if __name__ == "__main__":
    main()
