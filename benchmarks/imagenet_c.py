"""How much ImageNet-C's fifteen corruptions change a picture of 224 px, here and in the published code.

    pip download --no-deps imagecorruptions==1.1.2 && python -m zipfile -e imagecorruptions-*.whl peer
    uv run python benchmarks/imagenet_c.py LFW --peer peer

Prints a Markdown table: the mean absolute change of the pixel values here, divided by that of the package
``imagecorruptions``, the authors' code without ImageMagick (the same formulas), for each severity, with the standard
error of the ratio over images. Only its elastic transform is another one; there the formula of the paper's code is
written out here. The package is neither a dependency nor part of facecheck; its frost is photographs.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import skimage.filters
from scipy import ndimage

from facecheck.corruptions import Applied, of_family
from facecheck.faces import Image

_SIDE = 224
_SEVERITIES = (1, 2, 3, 4, 5)
_ELASTIC = ((2.0, 0.7, 0.1), (2.0, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02))
Corrupt = Callable[[Image, int, str], Image]


def pictures(folder: Path, count: int) -> list[Image]:
    """Return the middle 224 px of as many pictures, taken at equal distances from the folder's list."""
    paths = sorted(folder.rglob("*.jpg"))
    chosen = [paths[row] for row in np.linspace(0, len(paths) - 1, count).astype(int)]
    found = []
    for path in chosen:
        picture = PIL.Image.open(path).convert("RGB")
        left, top = (picture.width - _SIDE) // 2, (picture.height - _SIDE) // 2
        found.append(np.asarray(picture.crop((left, top, left + _SIDE, top + _SIDE))))
    return found


@contextmanager
def published(folder: Path) -> Iterator[Corrupt]:
    """Yield the package's function, which was written for older libraries: they are given the names that it uses."""
    resources = types.ModuleType("pkg_resources")
    vars(resources)["resource_filename"] = lambda _, name: str(folder / "imagecorruptions" / name)
    sys.modules["pkg_resources"] = resources
    vars(np)["float_"] = np.float64
    original = skimage.filters.gaussian
    vars(skimage.filters)["gaussian"] = lambda image, sigma, multichannel=False, **more: original(  # type: ignore[no-untyped-call]
        image, sigma=sigma, channel_axis=-1 if multichannel else None, **more
    )
    sys.path.insert(0, str(folder))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            package = importlib.import_module("imagecorruptions")
            yield (
                lambda image, severity, name: (
                    elastic(image, severity)
                    if name == "elastic_transform"
                    else np.asarray(package.corrupt(image, severity=severity, corruption_name=name))
                )
            )
    finally:
        sys.path.remove(str(folder))
        vars(skimage.filters)["gaussian"] = original


def elastic(image: Image, severity: int) -> Image:
    """Apply the elastic transform of the paper's code, whose side of 244 px is a slip for 224."""
    strength, smoothness, jitter = (244 * part for part in _ELASTIC[severity - 1])
    generator = np.random.default_rng(int.from_bytes(image.tobytes()[:8], "little") + severity)
    middle, reach = np.float32(_SIDE // 2), np.float32(_SIDE // 3)
    corners = middle + reach * np.array([[1, 1], [1, -1], [-1, -1]], dtype=np.float32)
    jittered = corners + generator.uniform(-jitter, jitter, corners.shape).astype(np.float32)
    warped = cv2.warpAffine(
        image.astype(np.float32),
        cv2.getAffineTransform(corners, jittered),
        (_SIDE, _SIDE),
        borderMode=cv2.BORDER_REFLECT_101,
    )
    down, across = (
        strength * ndimage.gaussian_filter(generator.uniform(-1, 1, (_SIDE, _SIDE)), smoothness, truncate=3)
        for _ in range(2)
    )
    row, column = np.mgrid[:_SIDE, :_SIDE]
    moved = [ndimage.map_coordinates(warped[..., c], (row + down, column + across), order=1) for c in range(3)]
    return np.clip(np.stack(moved, axis=2), 0, 255).astype(np.uint8)


def changes(corrupt: Corrupt, images: list[Image], severity: int, name: str) -> np.ndarray:
    """Return the mean absolute change of each picture."""
    return np.array([np.abs(corrupt(image, severity, name).astype(int) - image).mean() for image in images])


def ratio(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Return the ratio of the means, and its standard error over pictures by linearisation."""
    value = float(ours.mean() / theirs.mean())
    return value, float((ours - value * theirs).std(ddof=1) / np.sqrt(len(ours)) / theirs.mean())


def here(image: Image, severity: int, name: str) -> Image:
    """Return what facecheck makes of a picture without a known face, where lengths are the authors' own."""
    return Applied(name, severity).apply(image, image.tobytes()[:64])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of photographs, such as LFW")
    parser.add_argument("--peer", type=Path, required=True, help="folder that holds imagecorruptions/")
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--only", default="", help="some corruptions, joined by commas")
    given = parser.parse_args()
    names = [entry.name for entry in of_family("imagenet_c")]
    images = pictures(given.folder, given.images)
    np.random.seed(0)  # noqa: NPY002 - the package draws from the global generator
    print(f"| severity | {' | '.join(map(str, _SEVERITIES))} |\n|---|{'---|' * len(_SEVERITIES)}")
    with published(given.peer) as peer:
        for name in given.only.split(",") if given.only else names:
            cells = []
            for severity in _SEVERITIES:
                value, error = ratio(changes(here, images, severity, name), changes(peer, images, severity, name))
                cells.append(f"{value:.3f} ± {error:.3f}")
            print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
