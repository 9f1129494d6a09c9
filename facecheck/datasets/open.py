"""Open a :class:`~facecheck.datasets.dataset.Dataset` from a specification on the command line."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import MappingProxyType

from facecheck.datasets.bin_file import read_bin
from facecheck.datasets.bundled import WHOLE, read_bundled
from facecheck.datasets.cfp import read_cfp
from facecheck.datasets.dataset import Dataset
from facecheck.datasets.folders import read_folders
from facecheck.datasets.labels import with_labels
from facecheck.datasets.layouts import read_pairs_or_layout
from facecheck.datasets.lfw import read_lfw
from facecheck.datasets.places import existing_file
from facecheck.datasets.published import OWN, is_misnamed
from facecheck.datasets.strips import read_strips
from facecheck.datasets.template_sets import read_template_set
from facecheck.errors import DatasetError, nearest
from facecheck.specs import Spec, split_specs

__all__ = ["DATASET_KINDS", "open_dataset", "split_datasets"]

DATASET_KINDS: MappingProxyType[str, Callable[[Spec], Dataset]] = MappingProxyType(
    {
        "faces": read_bundled,
        "lfw": read_lfw,
        "pairs": read_pairs_or_layout,
        "cfp": read_cfp,
        "bin": read_bin,
        "folders": read_folders,
        "strips": read_strips,
        "ijb": read_template_set,
    }
)


def split_datasets(text: str) -> list[str]:
    """Split a list of data set specifications at its commas; a path may contain commas.

    ``faces`` means its pairs and its strips.

    >>> split_datasets("lfw:faces, old?pairs=p.txt,strips:turned")
    ['lfw:faces, old?pairs=p.txt', 'strips:turned']
    """
    specs = split_specs(text, starts="|".join((r"[A-Za-z][\w-]+:", *(rf"{kind}(?=\?|,|$)" for kind in DATASET_KINDS))))
    return [part for spec in specs for part in ([f"faces?part={p}" for p in WHOLE] if spec == "faces" else [spec])]


def open_dataset(text: str) -> Dataset:
    """Return the data set that a specification names; ``?labels=FILE.csv`` adds groups and qualities to any.

    Raises:
        DatasetError: an unknown kind or option, or invalid files.
    """
    spec = Spec.parse(text, error=DatasetError)
    if spec.kind not in DATASET_KINDS:
        raise DatasetError(f"{text!r}: data set {spec.kind!r} is unknown. {nearest(spec.kind, DATASET_KINDS)}")
    if "labels" not in spec.options:
        return _under_its_own_name(spec, DATASET_KINDS[spec.kind](spec))
    listed = existing_file(spec, spec.options["labels"])
    rest = {name: value for name, value in spec.options.items() if name != "labels"}
    plain = dataclasses.replace(spec, options=rest)
    return with_labels(_under_its_own_name(plain, DATASET_KINDS[spec.kind](plain)), listed)


def _under_its_own_name(spec: Spec, dataset: Dataset) -> Dataset:
    """Rename a data set that would bear a published one's name by chance: it is another, with other limits."""
    if not is_misnamed(dataset):
        return dataset
    if "name" in spec.options:
        raise DatasetError(
            f"{spec.text}: {dataset.name} is the name of a published data set, which this is not: choose another name"
        )
    return dataclasses.replace(dataset, name=f"{dataset.name}{OWN}")
