"""``?detector=``: another detector than the model's own, or none for pictures that are already aligned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from torch import nn

from facecheck.alignment import FivePoint
from facecheck.detection import ChosenFace, Mtcnn
from facecheck.embedders import Embeddings
from facecheck.errors import ModelError
from facecheck.faces import Face, Image, ImageSource
from facecheck.models import Settings, build, check, torch_recognizer
from facecheck.models.detectors import with_detector
from facecheck.models.files import crop_size, crop_template
from facecheck.models.recognizer import Recognizer
from facecheck.pipeline import Pipeline
from tests.support.rendered import rendered

CPU = Settings(device=torch.device("cpu"))


def any_network(size: int | tuple[int, int] = 112, template: str | None = None) -> Recognizer:
    """A small network of fixed weights that takes crops of any size."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 16, 5, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(256, 32)
    )
    return torch_recognizer("any", network, CPU, aligner=FivePoint(size, template=template))


def embedded(recognizer: Recognizer, path: Path) -> Embeddings:
    face = Face(source=ImageSource(path, path.name), subject="one")
    found = Pipeline().run(recognizer, [face])
    return np.asarray(found.vectors[0], dtype=np.float32)


def aligned(recognizer: Recognizer, image: Image) -> Image:
    found = recognizer.detector.detect([image])[0]
    crop: Image = recognizer.aligner.align(image, ChosenFace(found.boxes[0], found.landmarks[0]))
    return crop


@pytest.mark.parametrize("size", [112, (112, 96)])
@pytest.mark.parametrize(("suffix", "largest"), [("png", 1e-6), ("jpg", 0.05)])
def test_aligned_crops_give_the_vectors_of_the_pictures_they_were_cut_from(
    tmp_path: Path, size: int | tuple[int, int], suffix: str, largest: float
) -> None:
    """To the bit from PNG, within its error from JPEG."""
    recognizer, image = any_network(size), rendered(3, 250)[0]
    PIL.Image.fromarray(image).save(tmp_path / "whole.png")
    crop = tmp_path / f"crop.{suffix}"
    PIL.Image.fromarray(aligned(recognizer, image)).save(crop, quality=95)

    whole = embedded(recognizer, tmp_path / "whole.png")
    before = embedded(with_detector(recognizer, "none"), crop)

    assert np.linalg.norm(whole - before) < largest


def test_a_picture_that_is_no_such_crop_is_refused_by_name(tmp_path: Path) -> None:
    """The message says which picture, its size, the expected one, and what to do."""
    PIL.Image.new("RGB", (250, 200)).save(tmp_path / "whole.png")

    with pytest.raises(
        ModelError,
        match=r"any: whole\.png: detector=none: expected pictures that are already crops of 112 x 112 px \(height x "
        r"width\), as five-point\(112\) cuts them, not of 200 x 250 px\. Leave detector=none out",
    ):
        embedded(with_detector(any_network(), "none"), tmp_path / "whole.png")


def test_a_detector_without_landmarks_is_refused_for_five_points() -> None:
    """Landmarks would be guessed from another detector's box."""
    with pytest.raises(ModelError, match="any: it is aligned by five landmarks, and detector=hog gives none"):
        with_detector(any_network(), "hog")


def test_detectors_are_known_by_name() -> None:
    """A misspelt one stops before anything is built; each is another model to the cache."""
    with pytest.raises(ModelError, match=r"detector=mtcn: unknown\. Did you mean mtcnn"):
        check("facenet-casia-webface?detector=mtcn")
    assert build("dlib?detector=none", CPU).aligner.identity == "aligned-before(150)"
    named = [with_detector(any_network(), name) for name in (None, "mtcnn", "facenet-pytorch", "none")]
    identities = [recognizer.detector.identity for recognizer in named]
    assert identities[0] == identities[1] == Mtcnn(device=CPU.device).identity
    assert len(set(identities)) == 3


class Crooked:
    """An aligner that cuts other crops than it says."""

    identity, shape = "crooked", (112, 96)

    def align(self, image: Image, face: ChosenFace) -> Image:  # noqa: ARG002
        """Return width before height."""
        return np.zeros((96, 112, 3), dtype=np.uint8)


def test_a_wrong_shape_from_an_aligner_is_refused_by_name(tmp_path: Path) -> None:
    """Model, aligner, picture, what came and what was expected."""
    PIL.Image.fromarray(rendered(3, 250)[0]).save(tmp_path / "face.png")
    recognizer = torch_recognizer("mine", nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten()), CPU, aligner=Crooked())

    with pytest.raises(
        ModelError,
        match=r"mine: its aligner crooked gave uint8 \(96, 112, 3\) for face\.png; expected a crop of uint8",
    ):
        embedded(recognizer, tmp_path / "face.png")


def test_an_aligner_that_does_not_say_its_shape_is_refused() -> None:
    """One from before crops could be other than square, too."""

    class Sized:
        identity, size = "sized", 112
        align = Crooked.align

    recognizer = torch_recognizer("mine", nn.Flatten(), CPU, aligner=Sized())  # type: ignore[arg-type]

    with pytest.raises(ModelError, match=r"Sized: an aligner's shape is the height and width of its crops"):
        _ = recognizer.fingerprint


@pytest.mark.parametrize(
    ("options", "shape", "template"),
    [
        ({"size": "112"}, (112, 112), None),
        ({"size": "112x96", "template": "sphereface"}, (112, 96), "sphereface"),
        ({"size": "4X2", "template": "0/0/1/0/1/1/0/2/1/2"}, (4, 2), ((0, 0), (1, 0), (1, 1), (0, 2), (1, 2))),
    ],
)
def test_sizes_and_templates_of_a_file_are_read(options: dict[str, str], shape: object, template: object) -> None:
    """Height before width; a template by name or by its five points."""
    assert crop_size(options) == shape
    assert crop_template(options) == template


@pytest.mark.parametrize("size", ["112y96", "0x96", "112x", "2000", "-1", "x"])
def test_sizes_that_are_none_are_refused(size: str) -> None:
    """With the accepted spelling."""
    with pytest.raises(
        ModelError, match=r"expected the crop's side in pixels, 1 to 1024, or height x width, such as 112"
    ):
        crop_size({"size": size})
    with pytest.raises(ModelError, match=r"template=1/2: expected a name, or ten numbers joined by /"):
        crop_template({"template": "1/2"})
