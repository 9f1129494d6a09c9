"""What is timed: each stage on images that are in memory already, with the device made to finish."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import psutil
import torch
from torch import nn

from facecheck.detection.detector import Detections
from facecheck.detection.selection import ChosenFace
from facecheck.faces import Image
from facecheck.metrics.intervals import Estimate
from facecheck.models.recognizer import Recognizer
from facecheck.results.conditions import Conditions
from facecheck.results.measurement import Findings, Measured

__all__ = [
    "STAGES",
    "ModelSize",
    "Prepared",
    "Seconds",
    "images_per_second",
    "latency",
    "model_size",
    "peak_memory_mib",
    "prepare",
    "reference_seconds",
    "rows_of",
    "size_of",
    "stage",
    "throughput",
    "worst_difference",
]

Seconds = npt.NDArray[np.float64]
STAGES = ("detect", "align", "embed", "all")
_MIB = 2**20
_MB = 10**6
_WARM_UP = 2


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Everything that each stage needs of the stage before it.

    Args:
        recognizer: the model.
        images: in which a face was found.
        faces: one an image.
        crops: ``(n, s, s, 3)``.
    """

    recognizer: Recognizer
    images: tuple[Image, ...]
    faces: tuple[ChosenFace, ...]
    crops: Image

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, slots=True)
class ModelSize:
    """How large the network that embeds is; detectors are not counted.

    Args:
        parameters: numbers in it, None if only its file is known.
        megabytes: of 10^6 bytes, as it is held.
    """

    parameters: int | None
    megabytes: float


def model_size(recognizer: Recognizer) -> ModelSize | None:
    """Return the size of the network, None for an embedder that does not say."""
    network = getattr(recognizer.embedder, "network", None)
    files = getattr(network, "files", ())  # of a network that another runtime holds
    if files:
        return ModelSize(None, sum(file.stat().st_size for file in files) / _MB)
    tensors = list(network.state_dict().values()) if isinstance(network, nn.Module) else []
    if not tensors:
        return None
    held = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    return ModelSize(sum(tensor.numel() for tensor in tensors), held / _MB)


def prepare(recognizer: Recognizer, images: Sequence[Image]) -> Prepared:
    """Detect and align once, so that later stages can be timed by themselves.

    Raises:
        ValueError: no face in any of the images; timing the embedding of nothing means nothing.
    """
    found = recognizer.detector.detect(images)
    chosen = [recognizer.policy.choose(f, image.shape) for f, image in zip(found, images, strict=True)]
    kept = [(image, face) for image, face in zip(images, chosen, strict=True) if face is not None]
    if not kept:
        raise ValueError(f"{recognizer.name} finds no face in any of {len(images)} images")
    crops = np.stack([recognizer.aligner.align(image, face) for image, face in kept])
    return Prepared(recognizer, tuple(image for image, _ in kept), tuple(face for _, face in kept), crops)


def stage(name: str, prepared: Prepared, rows: Sequence[int]) -> Callable[[], npt.NDArray[np.float32] | None]:
    """Return a function that takes these images through one stage, or through all, and waits for the device."""
    recognizer = prepared.recognizer
    images = [prepared.images[row] for row in rows]
    faces = [prepared.faces[row] for row in rows]
    crops = prepared.crops[list(rows)]

    def detect() -> list[Detections]:
        return recognizer.detector.detect(images)

    def align() -> Image:
        return np.stack([recognizer.aligner.align(image, face) for image, face in zip(images, faces, strict=True)])

    def embed() -> npt.NDArray[np.float32]:
        return recognizer.embed(crops)

    def everything() -> npt.NDArray[np.float32]:
        detect()
        return recognizer.embed(align())

    work = {"detect": detect, "align": align, "embed": embed, "all": everything}[name]

    def timed() -> npt.NDArray[np.float32] | None:
        result = work()
        if recognizer.device.type == "cuda":
            torch.cuda.synchronize(recognizer.device)
        return result if isinstance(result, np.ndarray) and result.dtype == np.float32 else None

    return timed


def reference_seconds(device: torch.device, *, rounds: int = 12) -> Seconds:
    """Return the time of each round of a fixed kernel, which changes only with the machine: a unit for other times.

    Args:
        device: where the networks run.
        rounds: after two that warm up.
    """
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(4, 64, 56, 56, generator=generator).to(device)
    filters = torch.randn(64, 64, 3, 3, generator=generator).to(device) / 24
    seconds = []
    with torch.inference_mode():
        for _ in range(rounds + _WARM_UP):
            started = time.perf_counter()
            found = image
            for _ in range(3):
                found = torch.relu(torch.nn.functional.conv2d(found, filters, padding=1))
            found.sum().item()  # waits for the device
            seconds.append(time.perf_counter() - started)
    return np.array(seconds[_WARM_UP:])


def rows_of(prepared: Prepared, batch: int) -> list[int]:
    """Return the rows of a batch of this size, the images repeated where they are too few."""
    return [row % len(prepared) for row in range(batch)]


def images_per_second(prepared: Prepared, batch: int, part: str = "all") -> float:
    """Return how many images a second pass one stage, or all, in batches of this size, after one warm-up."""
    work = stage(part, prepared, rows_of(prepared, batch))
    work()
    started = time.perf_counter()
    work()
    return batch / (time.perf_counter() - started)


def latency(seconds: Seconds, *, part: str, batch: int) -> Findings:
    """Return the time an image takes in one stage.

    Args:
        seconds: of every round, for one image.
        part: the stage, or ``all``.
        batch: images at once.
    """
    at = Conditions(stage=part, batch=batch)
    return Findings((Measured(name="latency_ms", estimate=_spread(1000 * seconds), conditions=at),))


def throughput(seconds: Seconds, *, batch: int) -> Findings:
    """Return the images a second.

    Args:
        seconds: of every round, for a batch.
        batch: images at once.
    """
    return Findings(
        (Measured(name="throughput_per_s", estimate=_spread(batch / seconds), conditions=Conditions(batch=batch)),)
    )


def size_of(recognizer: Recognizer) -> Findings:
    """Return the size of the network's weights, nothing for an embedder that does not report it."""
    size = model_size(recognizer)
    if size is None:
        return Findings()
    megabytes = Estimate(size.megabytes, size.megabytes, size.megabytes, 1)
    return Findings((Measured(name="model_size_mb", estimate=megabytes),))


def worst_difference(prepared: Prepared, vectors: npt.NDArray[np.float32] | None) -> float:
    """Return the largest difference of vectors of a batch from those made one by one, over the largest number."""
    assert vectors is not None, "the whole pipeline gives vectors"
    rows = rows_of(prepared, len(vectors))
    one_by_one = np.concatenate([prepared.recognizer.embed(prepared.crops[row : row + 1]) for row in rows])
    return float(np.abs(vectors - one_by_one).max() / np.abs(one_by_one).max())


def _spread(values: Seconds) -> Estimate:
    """Give the median with the middle 95 % of what was measured: the spread, not an error of the mean."""
    low, middle, high = np.percentile(values, [2.5, 50, 97.5])
    return Estimate(float(middle), float(low), float(high), len(values))


def peak_memory_mib(device: torch.device) -> dict[str, float]:
    """Return the most memory that this process has held on the host, and torch on the GPU."""
    peaks = {"process_peak_host_mib": round(_peak_host() / _MIB, 1)}
    if device.type == "cuda":
        peaks["peak_gpu_mib"] = round(torch.cuda.max_memory_allocated(device) / _MIB, 1)
    return peaks


def _peak_host() -> float:
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset)
    import resource  # noqa: PLC0415 - absent on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
