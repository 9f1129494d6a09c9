"""Throughput of the pipeline in images per second, end to end, against two baselines in the same run.

(a) forward passes of the same networks, on arrays in memory: once as facenet-pytorch runs them (its
    MTCNN.detect and the network, each at its best batch size), and once the networks alone, on inputs of the
    sizes that the detector produces, channels last, with no other work between them;
(b) the loop of the second study: one image at a time, MTCNN, then the network at batch size 1.

    uv run python benchmarks/end_to_end.py FOLDER_OF_IMAGES --images 256

Prints ratios of medians; a ratio above 1 means that facecheck is faster. The rounds alternate, so that a
slow phase of the machine affects all of them.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import torch
from facenet_pytorch import MTCNN
from torch import nn

from facecheck.embedders import facenet
from facecheck.embedders.network import NetworkEmbedder
from facecheck.faces import Face, ImageSource
from facecheck.models import Settings, build
from facecheck.models.recognizer import Recognizer, probe_crops
from facecheck.pipeline import Pipeline
from facecheck.storage.cache import Cache

_MODEL = "facenet-casia-webface"
_BATCHES = (1, 4, 16, 64)
_BATCH = 16


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of .jpg images, searched recursively")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    paths = sorted(options.folder.rglob("*.jpg"))[: options.images]
    if not paths:
        parser.error(f"{options.folder}: no .jpg images")
    device = torch.device(options.device)
    recognizer = build(_MODEL, Settings(device=device))
    recognizer.embed(probe_crops(recognizer.aligner.shape))
    stock = _Stock(paths, device)
    batches = stock.best_batches()
    print(f"{len(paths)} images, {device}, torch threads {torch.get_num_threads()}, best raw batches {batches}")
    bare = _Bare(paths, recognizer)
    names = ("end to end, cold", "end to end, warm", "stock passes", "bare networks", "loop")
    measured: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            run = functools.partial(_facecheck, paths, recognizer, Path(folder))
            measured["end to end, cold"].append(_rate(paths, run))
            measured["end to end, warm"].append(_rate(paths, run))
        measured["stock passes"].append(_rate(paths, functools.partial(stock.raw, batches)))
        measured["bare networks"].append(_rate(paths, bare.run))
        measured["loop"].append(_rate(paths, stock.loop))
    medians = {name: statistics.median(rates) for name, rates in measured.items()}
    for name, rates in measured.items():
        spread = f"{min(rates):.1f} to {max(rates):.1f}"
        print(f"{name:18} {medians[name]:8.1f} images/s  ({spread})")
    cold, warm = medians["end to end, cold"], medians["end to end, warm"]
    print(f"end to end / stock passes   {cold / medians['stock passes']:.2f}   (required 0.7, target 0.8)")
    print(f"end to end / bare networks  {cold / medians['bare networks']:.2f}   (required 0.7, target 0.8)")
    print(f"end to end / loop           {cold / medians['loop']:.2f}   (required 1.6, target 3)")
    print(f"warm / cold                 {warm / cold:.1f}   (target 50)")


def _rate(paths: Sequence[Path], work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return len(paths) / (time.perf_counter() - started)


def _facecheck(paths: Sequence[Path], recognizer: Recognizer, folder: Path) -> None:
    """Run the whole pipeline; the weights are loaded before, as for both baselines."""
    cache = Cache(folder)
    faces = [Face(source=ImageSource(path, path.name), subject=path.parent.name) for path in paths]
    Pipeline(cache=cache).run(recognizer, faces)
    cache.close()


class _Bare:
    """Only the forward passes of the pipeline, with all of torch's threads."""

    def __init__(self, paths: Sequence[Path], recognizer: Recognizer) -> None:
        images = [np.asarray(PIL.Image.open(path).convert("RGB")) for path in paths]
        self._passes: list[tuple[nn.Module, torch.Tensor]] = []
        networks = [m for m in vars(recognizer.detector).values() if isinstance(m, nn.Module)]
        hooks = [network.register_forward_pre_hook(self._note) for network in networks]
        for start in range(0, len(images), _BATCH):
            recognizer.detector.detect(images[start : start + _BATCH])
        for hook in hooks:
            hook.remove()
        embedder = recognizer.embedder
        assert isinstance(embedder, NetworkEmbedder)
        crops = torch.rand(_BATCH, 3, 160, 160, device=recognizer.device).to(memory_format=torch.channels_last)
        self._passes += [(embedder.network, crops)] * -(-len(images) // _BATCH)

    def _note(self, network: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        self._passes.append((network, inputs[0].clone(memory_format=torch.preserve_format)))

    @torch.inference_mode()
    def run(self) -> None:
        """Run every recorded pass."""
        for network, pixels in self._passes:
            network(pixels)
        if torch.cuda.is_available():
            torch.cuda.synchronize()


class _Stock:
    """facenet-pytorch's code with the same weights."""

    def __init__(self, paths: Sequence[Path], device: torch.device) -> None:
        self._paths = paths
        self._device = device
        self._mtcnn = MTCNN(image_size=160, margin=14, selection_method="center_weighted_size", device=device)
        self._network = facenet.casia_webface().eval().to(device)
        self._images = [np.asarray(PIL.Image.open(path).convert("RGB")) for path in paths]
        self._crops = torch.rand(len(paths), 3, 160, 160, device=device)

    @torch.inference_mode()
    def loop(self) -> list[npt.NDArray[np.float32]]:
        """Open, detect, crop and embed one image after the other."""
        vectors = []
        for path in self._paths:
            crop = self._mtcnn(PIL.Image.open(path).convert("RGB"))
            if crop is not None:
                vectors.append(self._network(crop[None].to(self._device)).cpu().numpy())
        return vectors

    def raw(self, batches: tuple[int, int]) -> None:
        """Detect and embed images that are already in memory."""
        self._detect(batches[0], len(self._images))
        self._embed(batches[1], len(self._images))

    def best_batches(self) -> tuple[int, int]:
        """Return the fastest batch size of detector and network."""
        best = []
        for work in (self._detect, self._embed):
            count = min(64, len(self._images))
            work(1, 2)
            rates = {batch: _rate(self._paths[:count], functools.partial(work, batch, count)) for batch in _BATCHES}
            best.append(max(rates, key=lambda batch: rates[batch]))
        return best[0], best[1]

    @torch.inference_mode()
    def _detect(self, batch: int, count: int) -> None:
        for start in range(0, count, batch):
            self._mtcnn.detect(np.stack(self._images[start : min(start + batch, count)]))

    @torch.inference_mode()
    def _embed(self, batch: int, count: int) -> None:
        for start in range(0, count, batch):
            self._network(self._crops[start : min(start + batch, count)]).cpu()


if __name__ == "__main__":
    main()
