"""The preflight's look at a data set: faces that reach the border of their pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from torch import nn

from facecheck.datasets import Dataset, open_dataset
from facecheck.evaluation.preflight import beyond_the_border
from facecheck.models import Settings, torch_recognizer
from facecheck.models.detectors import with_detector
from facecheck.models.recognizer import Recognizer
from facecheck.pipeline import Pipeline
from facecheck.storage.cache import Cache
from tests.support.photographs import ASTRONAUT, photograph

FACE = (40, 190, 160, 260)  # top, left, bottom, right of the astronaut's face, without forehead, chin and hair


@pytest.fixture
def recognizer() -> Recognizer:
    return torch_recognizer("mine", nn.Flatten(), Settings(device=torch.device("cpu")))


def of_pictures(folder: Path, *, tight: bool) -> Dataset:
    image = photograph(ASTRONAUT)
    top, left, bottom, right = FACE if tight else (0, 0, *image.shape[:2])
    for person in ("matched_faces/a", "mismatched_faces/b", "mismatched_faces/c"):
        (folder / person).mkdir(parents=True)
        for number in range(2):
            PIL.Image.fromarray(image[top:bottom, left:right]).save(folder / person / f"{number}.png")
    return open_dataset(f"folders:{folder}?name=mine-too")


def test_tight_crops_are_called_by_name(tmp_path: Path, recognizer: Recognizer) -> None:
    """Model, data set, how many, and what to do; the second time from the cache."""
    dataset, cache = of_pictures(tmp_path / "data", tight=True), Cache(tmp_path / "cache")

    said = beyond_the_border(recognizer, dataset, Pipeline(), cache=cache)

    assert said.startswith("mine, mine-too: 4 of 4 crops lie by more than a third outside the picture")
    assert "say detector=none" in said
    assert beyond_the_border(recognizer, dataset, Pipeline(), cache=cache) == said


def test_whole_pictures_and_aligned_ones_are_not(tmp_path: Path, recognizer: Recognizer) -> None:
    """Faces with room round them; and no detector, no doubt."""
    assert beyond_the_border(recognizer, of_pictures(tmp_path / "whole", tight=False), Pipeline()) == ""
    tight = of_pictures(tmp_path / "tight", tight=True)
    assert beyond_the_border(with_detector(recognizer, "none"), tight, Pipeline()) == ""
    assert np.array_equal(with_detector(recognizer, "none").aligner.shape, (112, 112))
