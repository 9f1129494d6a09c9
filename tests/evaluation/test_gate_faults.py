"""The faults of the power study change what they say, and nothing else: with a network that answers its own input."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks.gate_power import FAULTS
from facecheck.corruptions import CLEAN
from facecheck.detection.selection import ChosenFace
from facecheck.faces import Image
from facecheck.faces.five_points import TEMPLATES
from facecheck.models import Settings, torch_recognizer
from facecheck.models.recognizer import Recognizer

FED = ("bgr", "unit", "raw", "mean")
PLACED = ("shift_1", "shift_2", "shift_4", "shift_8", "wide", "tight", "unaligned", "clipped")
WEIGHTED = ("half", "int8", "noise_1", "noise_5", "noise_20", "pruned")
# The five points of the template at twice its size, in the middle of a picture of 300 px.
POINTS = 2 * TEMPLATES["arcface"].points + 38


class Mean(nn.Module):
    """A network of one matrix: the mean of each channel goes through it."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList([nn.Linear(3, 3) for _ in range(3)])
        generator = torch.Generator().manual_seed(3)
        for stage in self.stages:
            nn.init.normal_(stage.weight, generator=generator)  # type: ignore[arg-type]

    def forward(self, pixels: Tensor) -> Tensor:
        """Return a vector a picture."""
        vectors = pixels.mean(dim=(2, 3))
        for stage in self.stages:
            vectors = vectors + stage(vectors)
        return vectors


@pytest.fixture
def sound() -> Recognizer:
    """A recogniser that can be computed by hand."""
    return torch_recognizer("mean", Mean(), Settings(device=torch.device("cpu")), threshold=1.0)


@pytest.fixture
def picture() -> Image:
    """A picture of which no two columns, rows or channels are alike."""
    x, y = np.meshgrid(np.arange(300), np.arange(300))
    return np.stack([x * 255 // 299, y * 255 // 299, (x + y) * 127 // 598], axis=2).astype(np.uint8)


@pytest.fixture
def face() -> ChosenFace:
    """A face in the middle of the picture, in a box that is tighter than the crop."""
    box = np.array([90, 90, 210, 230], dtype=np.float32)
    return ChosenFace(box, POINTS.astype(np.float32))


def vector(recognizer: Recognizer, picture: Image, face: ChosenFace) -> np.ndarray:
    """Return what a recogniser makes of one face."""
    crops = recognizer.aligner.align(picture, face)[None]
    vectors: np.ndarray = np.asarray(recognizer.embedder.embed(crops))
    return np.asarray(vectors[0])


@pytest.mark.parametrize("fault", [*FED, *WEIGHTED, "no_l2"])
def test_a_fault_of_the_network_changes_the_vector_and_not_the_crop(
    sound: Recognizer, picture: Image, face: ChosenFace, fault: str
) -> None:
    """What it is fed, its weights, or its last step."""
    broken = FAULTS[fault][1](sound)

    assert np.array_equal(broken.aligner.align(picture, face), sound.aligner.align(picture, face))
    assert not np.array_equal(vector(broken, picture, face), vector(sound, picture, face))
    assert broken.name == sound.name


@pytest.mark.parametrize("fault", PLACED)
def test_a_fault_of_the_crop_changes_the_crop_and_not_the_network(
    sound: Recognizer, picture: Image, face: ChosenFace, fault: str
) -> None:
    """The same embedder sees another part of the picture, or less of it."""
    broken = FAULTS[fault][1](sound)

    crop, usual = (each.aligner.align(picture, face) for each in (broken, sound))
    assert broken.embedder is sound.embedder
    assert crop.shape == usual.shape
    assert not np.array_equal(crop, usual)


def test_swapped_channels_are_the_vector_of_the_swapped_picture(
    sound: Recognizer, picture: Image, face: ChosenFace
) -> None:
    """Blue comes first."""
    swapped = np.ascontiguousarray(picture[:, :, ::-1])

    found = vector(FAULTS["bgr"][1](sound), picture, face)

    assert found == pytest.approx(vector(sound, swapped, face), abs=1e-6)


@pytest.mark.parametrize("pixels", [1, 2, 4, 8])
def test_a_shift_moves_the_crop_by_its_pixels(sound: Recognizer, picture: Image, face: ChosenFace, pixels: int) -> None:
    """What was at a place is that many pixels further right and down."""
    moved = FAULTS[f"shift_{pixels}"][1](sound).aligner.align(picture, face).astype(int)
    usual = sound.aligner.align(picture, face).astype(int)

    assert np.abs(moved[pixels:, pixels:] - usual[:-pixels, :-pixels]).max() <= 2


def test_vectors_without_their_last_step_have_another_length(
    sound: Recognizer, picture: Image, face: ChosenFace
) -> None:
    """The direction stays; the distance is Euclidean."""
    broken = FAULTS["no_l2"][1](sound)
    found, usual = vector(broken, picture, face), vector(sound, picture, face)

    assert np.linalg.norm(usual) == pytest.approx(1.0, abs=1e-5)
    assert abs(np.linalg.norm(found) - 1) > 0.01
    assert found / np.linalg.norm(found) == pytest.approx(usual, abs=1e-5)
    assert broken.contract.distance == "euclidean"


def test_a_clipped_window_is_black_outside_of_the_box(sound: Recognizer, picture: Image, face: ChosenFace) -> None:
    """The crop's corner lies outside of the box, its middle inside."""
    bright = np.full_like(picture, 200)
    crop = FAULTS["clipped"][1](sound).aligner.align(bright, face)

    assert (crop[0, 0] == 0).all()
    assert (crop[56, 56] == 200).all()


def test_a_fault_leaves_the_sound_model_alone(sound: Recognizer, picture: Image, face: ChosenFace) -> None:
    """All are copies."""
    before = vector(sound, picture, face)
    for fault in (*FED, *PLACED, *WEIGHTED, "no_l2"):
        vector(FAULTS[fault][1](sound), picture, face)

    assert np.array_equal(vector(sound, picture, face), before)


def test_half_of_a_stage_is_pruned_and_no_other(sound: Recognizer) -> None:
    """Of nine weights, four or five are 0; the other stages keep theirs."""
    stages = FAULTS["pruned"][1](sound).embedder.network.stages  # type: ignore[attr-defined]

    assert [int((stage.weight == 0).sum()) for stage in stages] == [0, 0, 4]


def test_jpeg_is_the_same_model_on_other_images(sound: Recognizer) -> None:
    """The images are compressed before anything sees them."""
    _, change, corruption = FAULTS["jpeg"]

    assert change(sound) is sound
    assert corruption.identity == "jpeg:75"
    assert {name for name, (*_, applied) in FAULTS.items() if applied != CLEAN} == {"jpeg"}
