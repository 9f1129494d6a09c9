"""Two photographs of real faces that registry packages carry, and pictures without a face."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import skimage

from facecheck.faces import Face, Image, ImageSource
from facecheck.faces.decoding import decode

__all__ = ["ASTRONAUT", "COFFEE", "HOPPER", "crowd", "face", "photograph"]

HOPPER = Path(mpl.get_data_path(), "sample_data", "grace_hopper.jpg")
ASTRONAUT = Path(skimage.__file__).parent / "data" / "astronaut.png"
COFFEE = Path(skimage.__file__).parent / "data" / "coffee.png"  # nobody


def photograph(path: Path) -> Image:
    """Return its pixels."""
    return decode(path.read_bytes(), path.name)


def face(path: Path, subject: str) -> Face:
    """Return the face in a file."""
    return Face(source=ImageSource(path, path.name), subject=subject)


def crowd() -> list[Image]:
    """Return both faces, mirrored, moved and cut, in three sizes, and a picture without a face."""
    hopper, astronaut = photograph(HOPPER)[40:440, 90:490], photograph(ASTRONAUT)[:400, 60:460]
    faces = [hopper, astronaut, hopper[:, ::-1], astronaut[:, ::-1], hopper[20:380, 30:390], astronaut[:380, 10:390]]
    return [np.ascontiguousarray(image) for image in [*faces, photograph(COFFEE)]]
