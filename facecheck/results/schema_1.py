"""Results of facecheck 0.1, which had no schema number, brought into today's form."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from facecheck.results.conditions import Conditions

__all__ = ["upgraded"]

_OF_SCORES = frozenset(
    {"accuracy", "accuracy_standard_error", "auc", "eer", "tar_at_far", "fmr", "fnmr", "precision", "recall", "f1"}
    | {"dprime", "genuine_distance_mean", "impostor_distance_mean", "threshold_distance"}
)
_FAILURE = ", "


def upgraded(content: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the content of a file of schema 1 as one of schema 2.

    What it did not record stays empty: id, times, repository, and which verdict rests on which measurement.

    Args:
        content: of ``results.json``.
        folder: of the run; its scores name the pairs that each measurement came from.
    """
    names = dict(_names_of_scores(folder))
    return {
        "signature": _signature(content["signature"]),
        "measurements": [{**entry, "scores": _scores(entry, names)} for entry in content["measurements"]],
        "verdicts": [{**verdict, "judgements": []} for verdict in content["verdicts"]],
        "failures": [_failures(where, images) for where, images in content.get("failures", {}).items()],
        "notes": list(content.get("notes", ())),
        "unattributed": [{**entry, "scores": _scores(entry, names)} for entry in content.get("judged", ())],
    }


def _names_of_scores(folder: Path) -> Iterator[tuple[tuple[str, str, str], str]]:
    """Yield model, data set and corruption of each file of scores, with its name."""
    for path in sorted((folder / "scores").glob("*.npz")):
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            title = json.loads(str(arrays["title"]))
        yield (title["model"], title["dataset"], title["condition"]), path.stem


def _scores(entry: Mapping[str, Any], names: Mapping[tuple[str, str, str], str]) -> list[str]:
    if entry["name"] not in _OF_SCORES:
        return []
    conditions = Conditions.of_json(entry["conditions"])
    wanted = [conditions.corrupted]
    if conditions.threshold == "clean" and conditions.corrupted != "clean":
        wanted.append("clean")
    keys = [(entry["model"], entry["dataset"], corrupted) for corrupted in wanted]
    return [names[key] for key in keys] if all(key in names for key in keys) else []


def _signature(old: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "models": [{"name": name, **_plain(about)} for name, about in old.get("models", {}).items()],
        "datasets": [{"name": name, **_plain(about)} for name, about in old.get("datasets", {}).items()],
        "code": {"facecheck": str(old.get("facecheck", "")), "sources": str(old.get("code", ""))},
        "libraries": dict(old.get("libraries", {})),
        "machine": _plain(old.get("machine", {})),
    }


def _plain(about: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in about.items() if value is not None}


def _failures(where: str, images: list[str]) -> dict[str, Any]:
    """Take the key apart, a sentence: ``MODEL on DATASET, CORRUPTION``."""
    place, _, corrupted = where.rpartition(_FAILURE)
    model, _, dataset = place.rpartition(" on ")
    return {
        "model": model,
        "dataset": dataset,
        "corrupted": corrupted,
        "images": [{"name": text.partition(": ")[0], "reason": text if ": " in text else ""} for text in images],
    }
