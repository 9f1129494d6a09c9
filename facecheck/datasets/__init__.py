"""Data sets: readers of folders and protocols, opened by a specification."""

from __future__ import annotations

from facecheck.datasets.dataset import Dataset
from facecheck.datasets.open import DATASET_KINDS, open_dataset, split_datasets

__all__ = ["DATASET_KINDS", "Dataset", "open_dataset", "split_datasets"]
