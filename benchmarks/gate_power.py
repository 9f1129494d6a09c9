"""How often is the gate right? Faults that teams make, harmless re-runs, and the rules that people use beside ours.

    uv run python benchmarks/gate_power.py measure WORK --lfw DIR   # scores of every fault: an hour of CPU, resumable
    uv run python benchmarks/gate_power.py judge WORK               # tables in Markdown, and the graph

``measure`` runs EdgeFace XXS (FACECHECK_WEIGHTS names its folder), sound and with each fault, over the bundled faces
and, where ``DIR`` holds LFW (``lfw/`` and ``lfw_protocol/``), over its view 1 (test pairs) and view 2. ``judge`` reads
the scores only: the table can be made again when the gate's test or its margins change.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from facecheck.alignment import BoxCrop, FivePoint
from facecheck.corruptions import CLEAN, Applied
from facecheck.datasets import open_dataset
from facecheck.detection.mtcnn import Mtcnn
from facecheck.detection.selection import ChosenFace
from facecheck.embedders.preprocessing import IMAGENET, Preprocessing
from facecheck.evaluation.evaluator import Evaluator
from facecheck.faces import Image
from facecheck.faces.five_points import TEMPLATES
from facecheck.models import Settings, build
from facecheck.models.recognizer import Recognizer
from facecheck.pipeline import Pipeline
from facecheck.storage.cache import Cache

ROOT = Path(__file__).parents[1]
MODEL = "edgeface-xxs"
SETS = {"faces": "faces?part=pairs", "view-1": "pairsDevTest.txt", "view-2": "pairs.txt"}
TITLES = {"faces": "bundled faces", "view-1": "LFW view 1", "view-2": "LFW view 2"}
SETTINGS = Settings(device=torch.device("cpu"))
Change_ = Callable[[Recognizer], Recognizer]


# Faults: each takes the sound recogniser and returns one that a team makes by accident.


def _fed(**changes: object) -> Change_:
    """Feed the network other numbers than it was trained on."""

    def change(sound: Recognizer) -> Recognizer:
        fed: Preprocessing = dataclasses.replace(sound.contract.preprocessing, **changes)  # type: ignore[arg-type]
        contract = dataclasses.replace(sound.contract, preprocessing=fed)
        return dataclasses.replace(sound, contract=contract, embedder=sound.embedder.with_preprocessing(fed))  # type: ignore[attr-defined]

    return change


def _placed(*, shift_px: float = 0.0, scale: float = 1.0) -> Change_:
    """Cut crops that lie beside the face, or are larger or smaller than the network expects."""

    def change(sound: Recognizer) -> Recognizer:
        centre = TEMPLATES["arcface"].points.mean(axis=0)
        moved = centre + scale * (TEMPLATES["arcface"].points - centre) + shift_px
        return dataclasses.replace(sound, aligner=FivePoint(112, template=moved))

    return change


def _weighted(edit: Callable[[torch.Tensor, torch.Generator], torch.Tensor], *, only: str = "") -> Change_:
    """Change the network's matrices and filters."""

    def change(sound: Recognizer) -> Recognizer:
        embedder = copy.deepcopy(sound.embedder)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for name, weight in embedder.network.named_parameters():  # type: ignore[attr-defined]
                if weight.ndim > 1 and only in name:
                    weight.copy_(edit(weight, generator))
        return dataclasses.replace(sound, embedder=embedder)

    return change


def _noise(share: float) -> Change_:
    return _weighted(lambda w, g: w + share * w.std() * torch.randn(w.shape, generator=g))


def _int8(weight: torch.Tensor, _: torch.Generator) -> torch.Tensor:
    step = weight.abs().max() / 127
    return (weight / step).round() * step


def _pruned(share: float) -> Callable[[torch.Tensor, torch.Generator], torch.Tensor]:
    return lambda w, _: torch.where(w.abs() >= torch.quantile(w.abs().flatten()[:1_000_000], share), w, 0.0)


class _ClippedWindow:
    """What lies outside the detector's box is missing, as in a data set of tight crops."""

    def __init__(self, usual: FivePoint) -> None:
        self._usual, self.shape = usual, usual.shape

    @property
    def identity(self) -> str:
        return f"clipped({self._usual.identity})"

    def align(self, image: Image, face: ChosenFace) -> Image:
        height, width = image.shape[:2]
        left, top = np.clip(np.floor(face.box[:2]), 0, (width, height)).astype(int)
        right, bottom = np.clip(np.ceil(face.box[2:]), 0, (width, height)).astype(int)
        clipped = np.zeros_like(image)
        clipped[top:bottom, left:right] = image[top:bottom, left:right]
        return self._usual.align(clipped, face)


def _no_l2(sound: Recognizer) -> Recognizer:
    embedder = copy.copy(sound.embedder)
    embedder._postprocessing = dataclasses.replace(sound.contract.postprocessing, l2=False)  # type: ignore[attr-defined]  # noqa: SLF001
    contract = dataclasses.replace(sound.contract, distance="euclidean")
    return dataclasses.replace(sound, embedder=embedder, contract=contract)


def _rebuilt(spec: str, settings: Settings = SETTINGS) -> Change_:
    return lambda sound: dataclasses.replace(build(spec, settings), name=sound.name)


FAULTS: dict[str, tuple[str, Change_, Applied]] = {
    "sound": ("none", lambda sound: sound, CLEAN),
    "bgr": ("channels swapped", _fed(colour="bgr"), CLEAN),
    "unit": ("0..1 instead of -1..1", _fed(mean=(0.0,) * 3, std=(255.0,) * 3), CLEAN),
    "raw": ("0..255 instead of -1..1", _fed(mean=(0.0,) * 3, std=(1.0,) * 3), CLEAN),
    "mean": ("ImageNet's mean and deviation", _fed(mean=IMAGENET.mean, std=IMAGENET.std), CLEAN),
    "no_l2": ("no L2, Euclidean distance", _no_l2, CLEAN),
    "shift_1": ("crop shifted by 1 px", _placed(shift_px=1), CLEAN),
    "shift_2": ("crop shifted by 2 px", _placed(shift_px=2), CLEAN),
    "shift_4": ("crop shifted by 4 px", _placed(shift_px=4), CLEAN),
    "shift_8": ("crop shifted by 8 px", _placed(shift_px=8), CLEAN),
    "wide": ("face 15 % smaller in the crop", _placed(scale=0.85), CLEAN),
    "tight": ("face 15 % larger in the crop", _placed(scale=1.15), CLEAN),
    "unaligned": ("no alignment: the box", lambda s: dataclasses.replace(s, aligner=BoxCrop(112, margin=0)), CLEAN),
    "clipped": (
        "windows clipped to the box",
        lambda s: dataclasses.replace(s, aligner=_ClippedWindow(FivePoint())),
        CLEAN,
    ),
    "half": ("weights in fp16", _weighted(lambda w, _: w.half().float()), CLEAN),
    "bf16": ("computed in bf16", _rebuilt(MODEL, dataclasses.replace(SETTINGS, precision="bf16")), CLEAN),
    "int8": ("weights in int8, one scale a tensor", _weighted(_int8), CLEAN),
    "noise_1": ("noise of 1 % on the weights", _noise(0.01), CLEAN),
    "noise_5": ("noise of 5 % on the weights", _noise(0.05), CLEAN),
    "noise_20": ("noise of 20 % on the weights", _noise(0.20), CLEAN),
    "pruned": ("one stage: half of its weights 0", _weighted(_pruned(0.5), only="stages.2"), CLEAN),
    "checkpoint": ("another checkpoint: EdgeFace XS", _rebuilt("edgeface-xs"), CLEAN),
    "jpeg": ("JPEG 75 on all inputs", lambda sound: sound, Applied.parse("jpeg:75")),
    "detector": (
        "detector thresholds .9 .95 .99",
        lambda s: dataclasses.replace(s, detector=Mtcnn(device=SETTINGS.device, thresholds=(0.9, 0.95, 0.99))),
        CLEAN,
    ),
}  # fmt: skip


def measure(work: Path, lfw: Path | None, sets: Sequence[str]) -> None:
    """Write the scores of every fault on every data set that is not there yet."""
    cache = Cache(work / "cache")
    for name in sets:
        if name != "faces" and lfw is None:
            continue
        protocol = f"lfw:{lfw}/lfw?pairs={lfw}/lfw_protocol/{SETS[name]}"
        dataset = open_dataset(SETS[name] if name == "faces" else protocol)
        sound = build(MODEL, SETTINGS)
        for fault, (words, change, corruption) in FAULTS.items():
            folder = work / name / fault
            if folder.is_dir() and any(folder.glob("scores/*.npz")):
                continue
            compared = Evaluator(Pipeline(cache=cache), folder=folder, cache=cache).compare(
                change(sound), dataset, corruption
            )
            assert compared.own_thresholds is not None, compared.problem
            right = compared.scores.matched(compared.own_thresholds.of_pair) == compared.scores.genuine
            print(f"{name}, {words}: {right.mean():.4f}", flush=True)
    cache.close()


def main() -> None:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_subparsers(required=True, dest="what")
    measuring, judging = (what.add_parser(name) for name in ("measure", "judge"))
    for each in (measuring, judging):
        each.add_argument("work", type=Path, help="folder of the scores, outside of the repository")
        each.add_argument("--sets", default=",".join(SETS), help="faces,view-1,view-2")
    measuring.add_argument("--lfw", type=Path, help="folder with lfw/ and lfw_protocol/")
    options = parser.parse_args()
    if options.what == "measure":
        measure(options.work, options.lfw, options.sets.split(","))


if __name__ == "__main__":
    main()
