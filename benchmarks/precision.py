"""What a lower precision costs: FaceNet in bf16, and MobileFaceNet quantised to int8 by onnxruntime, against fp32.

    uv run python benchmarks/precision.py "lfw:LFW?pairs=pairsDevTest.txt" MobileFaceNet.onnx

Each pair of models runs on the same crops of the same pairs. Printed are the accuracies with their intervals, the
paired difference, the smallest cosine between twin vectors, and how many decisions change at the threshold of fp32.
int8 is static quantisation (QDQ, per channel), calibrated on the crops of 128 bundled faces.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from facecheck.datasets import Dataset, open_dataset
from facecheck.evaluation.evaluator import Compared, Evaluator
from facecheck.evaluation.timing import prepare
from facecheck.evaluation.views import decided
from facecheck.metrics.paired import Difference, difference
from facecheck.metrics.thresholds import PairThresholds
from facecheck.models import Settings, build
from facecheck.models.recognizer import Contract, Recognizer
from facecheck.pipeline import Pipeline
from facecheck.storage.cache import Cache
from facecheck.storage.weights import cache_folder

_CALIBRATED_ON = 128
CPU = Settings(device=torch.device("cpu"))


class _Crops(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """The crops of bundled faces, one at a time, as the network is fed."""

    def __init__(self, recognizer: Recognizer, name: str) -> None:
        images = Pipeline().images(open_dataset("faces").faces, _CALIBRATED_ON)
        crops = prepare(recognizer, images).crops.astype(np.float32)
        given = recognizer.contract.preprocessing
        scaled = ((crops - np.array(given.mean)) / np.array(given.std)).astype(np.float32)
        self._given: Iterator[dict[str, Any]] = iter([{name: crop[None].transpose(0, 3, 1, 2)} for crop in scaled])

    def get_next(self) -> dict[str, Any] | None:
        """Return the next input, None after the last."""
        return next(self._given, None)


def quantised(path: Path, folder: Path) -> str:
    """Quantise a network to int8 and return the specification of the new file, with the contract of the old one."""
    prepared, made = folder / "prepared.onnx", folder / f"{path.stem}-int8.onnx"
    known = build(f"onnx:{path}", CPU)
    name = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).get_inputs()[0].name
    quant_pre_process(str(path), str(prepared))
    quantize_static(
        str(prepared),
        str(made),
        _Crops(known, name),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        weight_type=QuantType.QInt8,
        activation_type=QuantType.QUInt8,
    )
    return f"onnx:{made}?{_stated(known.contract)}&threshold={known.contract.threshold}"


def _stated(contract: Contract) -> str:
    mean, std = ("/".join(map(str, numbers)) for numbers in (contract.preprocessing.mean, contract.preprocessing.std))
    return f"size=112&mean={mean}&std={std}&colour={contract.preprocessing.colour}&distance={contract.distance}"


def compare(evaluator: Evaluator, dataset: Dataset, first: Recognizer, second: Recognizer) -> None:
    """Print what the second network loses against the first."""
    full, reduced = (evaluator.compare(recognizer, dataset) for recognizer in (first, second))
    print(f"\n{_named(second)} against {_named(first)} on {dataset.name}, {len(full.scores)} pairs")
    for each, name in ((full, "first"), (reduced, "second")):
        found = {m.name: m.estimate for m in (decided(each.view("clean")) + each.ranked).measured}
        shown = (
            f"{metric} {found[metric].value:.4f} [{found[metric].low:.4f}, {found[metric].high:.4f}]"
            for metric in ("accuracy", "auc")
        )
        print(f"  {name}: {', '.join(shown)}")
    lost = difference(_right(reduced, reduced.own_thresholds), _right(full, full.own_thresholds), full.scores.who)
    print(f"  difference of accuracy, each at its own thresholds: {_spelt(lost)}")
    at_fp32 = _right(reduced, full.own_thresholds)
    kept = difference(at_fp32, _right(full, full.own_thresholds), full.scores.who)
    print(f"  difference of accuracy at the thresholds of fp32: {_spelt(kept)}")
    changed = int((at_fp32 != _right(full, full.own_thresholds)).sum())
    moved = np.abs(reduced.scores.similarity - full.scores.similarity)[full.scores.made & reduced.scores.made]
    print(f"  distances move by {moved.mean():.4f} on average, at most {moved.max():.4f}")
    vectors = [each.embedded.vectors for each in (full, reduced)]
    cosine = (vectors[0] * vectors[1]).sum(1) / np.prod([np.linalg.norm(each, axis=1) for each in vectors], axis=0)
    print(f"  decisions that change: {changed}; smallest cosine of twin vectors {np.nanmin(cosine):.6f}")


def _named(recognizer: Recognizer) -> str:
    return f"{recognizer.name} ({recognizer.precision})"


def _spelt(found: Difference) -> str:
    return f"{found.lead.value:+.4f} [{found.lead.low:+.4f}, {found.lead.high:+.4f}], p {found.p:.2g}"


def _right(compared: Compared, thresholds: PairThresholds | None) -> npt.NDArray[np.bool_]:
    if thresholds is None:
        raise SystemExit(f"{compared.dataset.name}: {compared.problem}: no decisions to compare")
    return np.asarray((compared.scores.similarity >= thresholds.of_pair) == compared.scores.genuine)


def main() -> None:
    """Compare both pairs of networks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="specification of verification pairs in folds")
    parser.add_argument("mobilefacenet", type=Path, help="foamliu's MobileFaceNet.onnx")
    options = parser.parse_args()
    dataset, evaluator = open_dataset(options.dataset), Evaluator(Pipeline(cache=Cache(cache_folder())))
    facenet = "facenet-casia-webface"
    bf16 = dataclasses.replace(CPU, precision="bf16")
    compare(evaluator, dataset, build(facenet, CPU), build(facenet, bf16))
    with tempfile.TemporaryDirectory() as folder:
        int8 = quantised(options.mobilefacenet, Path(folder))
        compare(evaluator, dataset, build(f"onnx:{options.mobilefacenet}", CPU), build(int8, CPU))


if __name__ == "__main__":
    main()
