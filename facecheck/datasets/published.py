"""Data sets that others have published, by the names that results and limits use.

A name that is taken from a folder or a list may be one of these by chance, and the limits of the published data set
would then judge another: so these names belong to the data sets of these digests.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from facecheck.datasets.dataset import Dataset

__all__ = ["OWN", "is_misnamed"]

OWN = "-own"
_BUNDLED = frozenset({"faces", "faces-sample", "faces-strips"})  # checked against their manifest when they are opened
_DIGESTS: Mapping[str, str] = MappingProxyType(
    {
        "lfw-pairs": "98c83408cbb1bfe3eb79e45ba5c88866c46628d5f02ec6b74e45707775ec479a",
        "lfw-pairsDevTrain": "e8881d195700f757bc575389b6e83b28e2f2544e0b7998be86b40f0ab548b56e",
        "lfw-pairsDevTest": "0682aa758eb42e788cf63184b7c0563ffc286068d00ffc312815a5834109de74",
        "eg3d_strips": "b242a6d5d0f77ea4b176788fc3af647b4019212f905ea42494a69a9ac357c608",
    }
)


def is_misnamed(dataset: Dataset) -> bool:
    """Whether a data set bears the name of a published one without being it."""
    if dataset.name in _BUNDLED:
        return not dataset.spec.startswith("faces")
    return dataset.name in _DIGESTS and dataset.digest != _DIGESTS[dataset.name]
