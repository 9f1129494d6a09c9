"""Files that many people have, and the contracts that they were trained under.

A network does not declare its preprocessing, and with the wrong one it still answers, only worse. So a file that is
known, by its hash or by a name that only one family has, takes its contract from here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from facecheck.embedders.preprocessing import IMAGENET, MINUS_1_TO_1, ZERO_TO_255, Preprocessing
from facecheck.models.recognizer import Contract

__all__ = ["ALIGNMENTS", "Align", "FilePreset", "Known", "known"]

Align = Literal["5pt", "box", "dlib", "none"]
Template = str | tuple[tuple[float, float], ...]
ALIGNMENTS: tuple[Align, ...] = ("5pt", "box", "dlib", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePreset:
    """How the network in a file is used.

    Args:
        shape: height and width of the crop, pixels.
        contract: what it declares, without the hash of the file.
        align: ``5pt``, ``box``, ``dlib``, or ``none`` for the whole picture.
        template: of five points, a name or the points, None for the one that has the crop's proportions.
    """

    shape: tuple[int, int]
    contract: Contract
    align: Align = "5pt"
    template: Template | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A family of files.

    Args:
        family: its name, for messages.
        preset: of all of them.
        name: regular expression of a file's whole name that no other family uses, None if there is none.
        sha256: of its files, each with the files beside it.
        source: where the contract is written down.
    """

    family: str
    preset: FilePreset
    name: re.Pattern[str] | None
    sha256: frozenset[str]
    source: str


_MOBILEFACENET_THRESHOLD = 1.17  # the best on LFW's view 1 training pairs
_FAMILIES = (
    Known(
        family="InsightFace's ArcFace",
        preset=FilePreset(shape=(112, 112), contract=Contract(preprocessing=MINUS_1_TO_1)),
        name=re.compile(
            r"(arcface_)?(w600k|glint360k|ms1mv3|webface\d*m?)_((arc|cos)face_)?(r\d+|mbf).*\.onnx|glintr100\.onnx"
        ),
        sha256=frozenset(
            {
                "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43",  # w600k_r50, of buffalo_l
                "9cc6e4a75f0e2bf0b1aed94578f144d15175f357bdc05e815e5c4a02b319eb4f",  # w600k_mbf, of buffalo_s
            }
        ),
        source="deepinsight/insightface, python-package/insightface/model_zoo/arcface_onnx.py",
    ),
    Known(
        family="OpenCV's SFace",
        # OpenCV's samples give cosine similarity 0.363; the network takes 0..255 as it is.
        preset=FilePreset(
            shape=(112, 112), contract=Contract(preprocessing=ZERO_TO_255, distance="cosine", threshold=0.637)
        ),
        name=re.compile(r"face_recognition_sface_.*\.onnx"),
        sha256=frozenset({"0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79"}),  # 2021dec
        source="opencv/opencv, modules/objdetect/src/face_recognize.cpp",
    ),
    Known(
        family="AdaFace",
        preset=FilePreset(shape=(112, 112), contract=Contract(preprocessing=Preprocessing(colour="bgr"))),
        name=re.compile(r"adaface_.*\.(onnx|pt|pt2)"),
        sha256=frozenset(),
        source="mk-minchul/AdaFace, README.md and inference.py",
    ),
    Known(
        family="foamliu's MobileFaceNet",
        preset=FilePreset(
            shape=(112, 112), contract=Contract(preprocessing=IMAGENET, threshold=_MOBILEFACENET_THRESHOLD)
        ),
        name=re.compile(r"mobilefacenet_scripted\.pt"),  # its release; many networks are called MobileFaceNet.onnx
        sha256=frozenset({"b7120c095d60094f28a4a54ba6a8bf51b297a6273fb40ef6350dfec1f63d9507"}),
        source="foamliu/MobileFaceNet, lfw_eval.py and data_gen.py",
    ),
)


def known(path: Path, sha256: str) -> Known | None:
    """Return the family of a file by its hash, else by its name, None if it is not known."""
    by_hash = (family for family in _FAMILIES if sha256 in family.sha256)
    by_name = (family for family in _FAMILIES if family.name and family.name.fullmatch(path.name.lower()))
    return next(by_hash, None) or next(by_name, None)
