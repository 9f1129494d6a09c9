"""What is declared about pixels: refused in one place, read by all."""

from __future__ import annotations

import typing

import numpy as np
import pytest
import torch

from facecheck.embedders.network import NetworkEmbedder
from facecheck.embedders.preprocessing import (
    MINUS_1_TO_1,
    ZERO_TO_1,
    ZERO_TO_255,
    Channels,
    Colour,
    Postprocessing,
    Preprocessing,
)
from facecheck.errors import ModelError
from facecheck.models import Settings, torch_recognizer

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("preprocessing", "black", "white"),
    [
        pytest.param(MINUS_1_TO_1, -1, 1, id="-1..1"),
        pytest.param(ZERO_TO_1, 0, 1, id="0..1"),
        pytest.param(ZERO_TO_255, 0, 255, id="0..255"),
    ],
)
def test_a_range_is_named_by_what_becomes_of_black_and_white(
    preprocessing: Preprocessing, black: float, white: float
) -> None:
    """Through a network that answers its input."""
    raw = Postprocessing(l2=False)
    embedder = NetworkEmbedder(torch.nn.Flatten(), device=CPU, preprocessing=preprocessing, postprocessing=raw)
    crops = np.array([[[[0, 0, 0]]], [[[255, 255, 255]]]], dtype=np.uint8)

    assert embedder.embed(crops).tolist() == [[black] * 3, [white] * 3]


@pytest.mark.parametrize(
    ("mean", "std", "colour", "message"),
    [
        pytest.param((0, 0, 0), (1, 1, 0), "rgb", "std=1/1/0: the pixels are divided by it", id="std zero"),
        pytest.param((0, 0, float("nan")), (1, 1, 1), "rgb", "mean=0/0/nan: expected three finite", id="nan"),
        pytest.param((0, 0, 0), (1, float("inf"), 1), "rgb", "std=1/inf/1: expected three finite", id="infinity"),
        pytest.param((0, 1), (1, 1, 1), "rgb", "mean=0/1: expected three finite numbers", id="two channels"),
        pytest.param((0, 0, 0), (1, 1, 1), "brg", r"colour 'brg' is unknown\. Did you mean", id="colour"),
    ],
)
def test_values_that_cannot_be_applied_are_refused(
    mean: tuple[float, ...], std: tuple[float, ...], colour: str, message: str
) -> None:
    """By the value itself, and so by a user's factory too."""
    three, by_three, order = (
        typing.cast("Channels", mean),
        typing.cast("Channels", std),
        typing.cast("Colour", colour),
    )

    with pytest.raises(ModelError, match=message):
        Preprocessing(mean=three, std=by_three, colour=order)
    with pytest.raises(ModelError, match=message):
        torch_recognizer("m", torch.nn.Flatten(), Settings(device=CPU), mean=three, std=by_three, colour=order)


def test_the_network_gets_what_the_contract_declares() -> None:
    """Both hold one value: they cannot disagree."""
    recognizer = torch_recognizer(
        "m", torch.nn.Flatten(), Settings(device=CPU), mean=(10, 20, 30), std=(2, 4, 5), colour="bgr", l2=False
    )
    crop = np.array([[[[31, 22, 13]]]], dtype=np.uint8)

    assert recognizer.contract.preprocessing == Preprocessing(mean=(10, 20, 30), std=(2, 4, 5), colour="bgr")
    np.testing.assert_allclose(recognizer.embed(crop), [[1.5, 0.5, 0.2]])
