"""MTCNN with facenet-pytorch's networks and weights, in a third of its time, and with its results if asked for.

facenet-pytorch crops and scales every candidate window in a Python loop, and raises when one image of a
batch has no face. Here one summed-area table per image gives the pyramid and all windows at once: the area
average of a window is four look-ups, exact because pixels are integers. Thresholds, rounding, order and
suppression follow ``facenet_pytorch.models.utils.detect_face``, and the tests compare the two.

What lies beyond the image is where they differ. facenet-pytorch clips a window to the image and stretches the rest
to the network's square, but computes box and landmarks as if the window were whole: on a face that fills its picture
the landmarks are wrong. The original fills the window with black, and so does ``filled``, which also puts a border of
half a window round the pyramid, so that faces larger than the picture are proposed. ``stretched`` is facenet-pytorch's.

Source: Zhang et al., Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks,
IEEE SPL 2016.
"""

from __future__ import annotations

import functools
import importlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from facecheck.detection.detector import Detections
from facecheck.detection.mtcnn_networks import ONet, PNet, RNet, load
from facecheck.errors import ModelError, nearest
from facecheck.faces import Image
from facecheck.storage.weights import package_file

__all__ = ["Beyond", "Mtcnn"]

_BORDER = 6  # black pixels round every pyramid level: half a window, so that a face that is half outside is proposed
_CELL = 12  # the side of PNet's window, in pixels of the pyramid level
_STRIDE = 2  # the step between PNet's windows
_RNET_SIDE = 24
_ONET_SIDE = 48

_BLACK = -127.5 * 0.0078125  # as the networks see it

Beyond = Literal["filled", "stretched"]
_BEYOND: tuple[Beyond, ...] = ("filled", "stretched")

# Pixels sent through a network at once. On a CPU the activations of more than this fall out of its
# cache, and a window costs twice as much; a GPU is faster with more.
_CPU_PIXELS = 96_000
_GPU_PIXELS = 64_000_000
# Pixels of images taken at once: their summed-area tables cost 12 to 24 bytes a pixel, and twice that to make.
_CPU_IMAGE_PIXELS = 4_000_000
_GPU_IMAGE_PIXELS = 64_000_000


class _Found(NamedTuple):
    """Candidate windows of a whole batch: boxes (n, 4), scores (n,), image numbers (n,)."""

    boxes: Tensor
    scores: Tensor
    of_image: Tensor


class Mtcnn:
    """The three-stage cascade.

    Args:
        device: where the networks run.
        beyond: what a window shows beyond the image: ``filled`` with black, as in the original, or ``stretched``, with
            facenet-pytorch's results.
        min_face_px: side of the smallest face to be found.
        thresholds: a window passes the three stages with at least these probabilities.
        factor: scale step of the pyramid.

    Raises:
        ModelError: an unknown ``beyond``, or the package ``facenet_pytorch`` is not installed.
    """

    def __init__(
        self,
        *,
        device: torch.device,
        beyond: Beyond = "filled",
        min_face_px: int = 20,
        thresholds: tuple[float, float, float] = (0.6, 0.7, 0.7),
        factor: float = 0.709,
    ) -> None:
        if beyond not in _BEYOND:
            raise ModelError(f"beyond={beyond!r} is unknown. {nearest(beyond, _BEYOND)}")
        self._device = device
        self._filled = beyond == "filled"
        self._min_face_px = min_face_px
        self._thresholds = thresholds
        self._factor = factor
        self._pnet, self._rnet, self._onet = (load(net, device) for net in (PNet, RNet, ONet))

    @property
    def identity(self) -> str:
        """Name and settings."""
        thresholds = "/".join(str(t) for t in self._thresholds)
        beyond = "filled" if self._filled else "stretched"
        return f"mtcnn(beyond={beyond},min={self._min_face_px},thresholds={thresholds},factor={self._factor})"

    @torch.inference_mode()
    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Return the faces of each image, highest score first. Images of one size are processed together."""
        by_size: dict[tuple[int, int, int], list[int]] = defaultdict(list)
        for number, image in enumerate(images):
            by_size[image.shape[0], image.shape[1], 3].append(number)
        found: dict[int, Detections] = {}
        bound = _GPU_IMAGE_PIXELS if self._device.type == "cuda" else _CPU_IMAGE_PIXELS
        for (height, width, _), numbers in by_size.items():
            at_once = max(1, bound // (height * width))
            for start in range(0, len(numbers), at_once):
                some = numbers[start : start + at_once]
                batch = torch.from_numpy(np.stack([images[number] for number in some]))
                found.update(zip(some, self._detect_batch(batch.to(self._device)), strict=True))
        return [found[number] for number in range(len(images))]

    def _detect_batch(self, batch: Tensor) -> list[Detections]:
        if min(batch.shape[1:3]) * _CELL / self._min_face_px < _CELL:
            return [Detections.of_boxes([], []) for _ in batch]
        area = _SummedArea(batch, filled=self._filled)
        found, landmarks = self._refine(area, self._refine_coarsely(area, self._propose(area)))
        return _split(found, landmarks, len(batch))

    def _propose(self, area: _SummedArea) -> _Found:
        levels = []
        border = _BORDER if self._filled else 0
        for scale in self._scales(min(area.height, area.width), border):
            level = _normalise(area.resize(int(area.height * scale + 1), int(area.width * scale + 1)))
            level = functional.pad(level, (border,) * 4, value=_BLACK)
            shift, probability = _in_portions(self._pnet, level)
            levels.append(_windows(shift, probability[:, 1], scale, self._thresholds[0], border))
        boxes, scores, of_image, shifts = (torch.cat(parts) for parts in zip(*levels, strict=True))
        keep = batched_nms(boxes, scores, of_image, 0.7)
        boxes, scores, of_image, shifts = boxes[keep], scores[keep], of_image[keep], shifts[keep]
        sides = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
        return _Found(_square(boxes + shifts * sides), scores, of_image)

    def _scales(self, shorter_side: int, border: int) -> list[float]:
        scale = _CELL / self._min_face_px
        side = shorter_side * scale
        scales = []
        while side >= _CELL - border:
            scales.append(scale)
            scale *= self._factor
            side *= self._factor
        return scales

    def _refine_coarsely(self, area: _SummedArea, found: _Found) -> _Found:
        found, windows = area.windows(found, _RNET_SIDE)
        shifts, probability = _in_portions(self._rnet, windows)
        passed = probability[:, 1] > self._thresholds[1]
        found = _Found(found.boxes[passed], probability[passed, 1], found.of_image[passed])
        keep = batched_nms(*found, 0.7)
        return _Found(_square(_shift(found.boxes[keep], shifts[passed][keep])), *(f[keep] for f in found[1:]))

    def _refine(self, area: _SummedArea, found: _Found) -> tuple[_Found, Tensor]:
        found, windows = area.windows(found, _ONET_SIDE)
        shifts, points, probability = _in_portions(self._onet, windows)
        passed = probability[:, 1] > self._thresholds[2]
        found = _Found(found.boxes[passed], probability[passed, 1], found.of_image[passed])
        corner, sides = found.boxes[:, None, :2], (found.boxes[:, 2:] - found.boxes[:, :2] + 1)[:, None]
        landmarks = points[passed].reshape(-1, 2, 5).transpose(1, 2) * sides + corner - 1
        found = found._replace(boxes=_shift(found.boxes, shifts[passed]))
        keep = _suppress_contained(found)
        return _Found(*(f[keep] for f in found)), landmarks[keep]


def batched_nms(boxes: Tensor, scores: Tensor, of_image: Tensor, overlap: float) -> Tensor:
    """Of windows that overlap by more than ``overlap``, keep the highest score, image by image; highest first."""
    nms: Callable[[Tensor, Tensor, float], Tensor] = _vision_operators().nms
    if boxes.is_cuda:  # one launch: each image's windows are shifted to where they overlap no other's
        offset = of_image.double() * ((boxes.amax() - boxes.amin()).double() + 1) if len(boxes) else of_image.double()
        return nms(boxes.double() + offset[:, None], scores.double(), overlap)
    kept = []
    for number in torch.unique(of_image):
        mine = (of_image == number).nonzero().squeeze(1)
        kept.append(mine[nms(boxes[mine], scores[mine], overlap)])
    keep = torch.cat(kept) if kept else of_image.new_empty(0)
    return keep[scores[keep].argsort(descending=True)]


@functools.cache
def _vision_operators() -> Any:  # noqa: ANN401 - torch gives its operators no type
    """Return torchvision's compiled operators.

    Its package is imported only where the library has another name than on Linux: the import loads torch's
    compiler, which is not needed here and takes longer than a warm run.
    """
    try:
        torch.ops.load_library(package_file("torchvision", "_C_stable.so"))  # type: ignore[no-untyped-call]  # torch has no types here
    except ModelError:
        importlib.import_module("torchvision")
    return torch.ops.torchvision


class _SummedArea:
    """Sums of all pixels above and to the left, so that any rectangle's mean is four look-ups.

    Args:
        batch: ``(b, h, w, 3)`` uint8, on the device.
        filled: whether windows are black beyond the image, or what is inside is stretched.
    """

    def __init__(self, batch: Tensor, *, filled: bool) -> None:
        self._filled = filled
        self.count, self.height, self.width = batch.shape[:3]
        # Sums stay below 2**31 up to 8.4 megapixels; exact integers either way.
        kind = torch.int32 if self.height * self.width * 255 < 2**31 else torch.int64
        self._sums = torch.zeros(self.count, self.height + 1, self.width + 1, 3, dtype=kind, device=batch.device)
        inner = self._sums[:, 1:, 1:]
        torch.cumsum(batch, 1, dtype=kind, out=inner)  # in place: of a large picture each copy is half a gigabyte
        torch.cumsum(inner, 2, out=inner)

    def resize(self, height: int, width: int) -> Tensor:
        """Return all images area-averaged to (b, 3, height, width) float32, channels last."""
        device = self._sums.device
        top, bottom = _bins(torch.zeros(1, dtype=torch.long), torch.tensor([self.height]), height)
        left, right = _bins(torch.zeros(1, dtype=torch.long), torch.tensor([self.width]), width)
        rows = self._sums.index_select(1, bottom[0].to(device)) - self._sums.index_select(1, top[0].to(device))
        sums = rows.index_select(2, right[0].to(device)) - rows.index_select(2, left[0].to(device))
        cells = (bottom - top)[0, :, None] * (right - left)[0, None, :]
        return (sums.float() / cells.to(device)[None, :, :, None]).permute(0, 3, 1, 2)

    def windows(self, found: _Found, side: int) -> tuple[_Found, Tensor]:
        """Cut every box and scale it to (n, 3, side, side), normalised.

        Boxes that lie wholly outside the image are dropped from ``found``.
        """
        corners = found.boxes.trunc().long()
        start, stop = corners[:, :2] - 1, corners[:, 2:]  # the first pixel is 1, as in Matlab, and the last is included
        size = torch.tensor([self.width, self.height], device=corners.device)
        inside = (start.clamp(min=0) < torch.minimum(stop, size)).all(1)
        found, start, stop = _Found(*(f[inside] for f in found)), start[inside], stop[inside]
        if not self._filled:
            start, stop = start.clamp(min=0), torch.minimum(stop, size)
        x0, x1 = _bins(start[:, 0], stop[:, 0], side)
        y0, y1 = _bins(start[:, 1], stop[:, 1], side)
        cells = (y1 - y0)[:, :, None] * (x1 - x0)[:, None, :]
        # Beyond the image the sums do not grow: what lies there counts as black.
        x0, x1 = x0.clamp(0, self.width), x1.clamp(0, self.width)
        y0, y1 = y0.clamp(0, self.height), y1.clamp(0, self.height)
        sums = self._at(found, y1, x1) - self._at(found, y0, x1) - self._at(found, y1, x0) + self._at(found, y0, x0)
        return found, _normalise((sums.float() / cells[..., None]).permute(0, 3, 1, 2))

    def _at(self, found: _Found, rows: Tensor, columns: Tensor) -> Tensor:
        row_start = (found.of_image[:, None] * (self.height + 1) + rows) * (self.width + 1)
        flat = (row_start[:, :, None] + columns[:, None, :]).reshape(-1)
        picked = self._sums.reshape(-1, 3).index_select(0, flat)
        return picked.reshape(*rows.shape, columns.shape[1], 3)


def _bins(start: Tensor, stop: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Cut each range into ``count`` bins, as adaptive average pooling does: starts and stops, (n, count)."""
    steps = torch.arange(count, device=start.device)
    length = (stop - start)[:, None]
    first = start[:, None] + steps * length // count
    last = start[:, None] + -(-(steps + 1) * length // count)
    return first, last


def _normalise(pixels: Tensor) -> Tensor:
    return (pixels - 127.5) * 0.0078125


def _windows(shift: Tensor, probability: Tensor, scale: float, threshold: float, border: int) -> tuple[Tensor, ...]:
    """Turn PNet's maps into boxes, scores, image numbers and shifts, after suppression within the level."""
    where = (probability >= threshold).nonzero()
    of_image, row, column = where.unbind(1)
    scores = probability[of_image, row, column]
    shifts = shift.permute(0, 2, 3, 1)[of_image, row, column]
    corner = torch.stack((column, row), 1).to(shifts.dtype) * _STRIDE - border
    boxes = torch.cat((((corner + 1) / scale).floor(), ((corner + _CELL) / scale).floor()), 1)
    keep = batched_nms(boxes, scores, of_image, 0.5)
    return boxes[keep], scores[keep], of_image[keep], shifts[keep]


def _in_portions(net: nn.Module, pixels: Tensor) -> tuple[Tensor, ...]:
    """Run a network over (n, 3, h, w), a bounded number at a time."""
    if not len(pixels):  # the networks take no empty batch
        return tuple(output[:0] for output in net(pixels.new_zeros(1, *pixels.shape[1:])))
    at_once = (_GPU_PIXELS if pixels.is_cuda else _CPU_PIXELS) // (pixels.shape[2] * pixels.shape[3])
    outputs = [net(portion) for portion in torch.split(pixels, max(1, at_once))]
    return tuple(torch.cat(parts) for parts in zip(*outputs, strict=True))


def _shift(boxes: Tensor, shifts: Tensor) -> Tensor:
    return boxes + shifts * (boxes[:, 2:] - boxes[:, :2] + 1).repeat(1, 2)


def _square(boxes: Tensor) -> Tensor:
    sides = boxes[:, 2:] - boxes[:, :2]
    longer = sides.amax(1, keepdim=True)
    corner = boxes[:, :2] + sides * 0.5 - longer * 0.5
    return torch.cat((corner, corner + longer), 1)


def _suppress_contained(found: _Found) -> Tensor:
    """Of windows that overlap by over 0.7 of the smaller one, keep the highest score, image by image, highest first."""
    boxes, scores, of_image = (f.cpu().numpy() for f in found)
    kept: list[int] = []
    for number in np.unique(of_image):
        kept.extend(_suppress_in_one_image(boxes, scores, np.flatnonzero(of_image == number)))
    return torch.tensor(kept, dtype=torch.long, device=found.boxes.device)


def _suppress_in_one_image(
    boxes: npt.NDArray[np.float32], scores: npt.NDArray[np.float32], among: npt.NDArray[np.intp]
) -> list[int]:
    left = among[np.argsort(scores[among], kind="stable")]
    area = (boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)
    kept = []
    while left.size:
        best, left = left[-1], left[:-1]
        kept.append(int(best))
        low = np.maximum(boxes[best, :2], boxes[left, :2])
        high = np.minimum(boxes[best, 2:], boxes[left, 2:])
        shared = np.prod(np.maximum(0.0, high - low + 1), axis=1)
        left = left[shared / np.minimum(area[best], area[left]) <= 0.7]  # noqa: PLR2004 - as facenet-pytorch
    return kept


def _split(found: _Found, landmarks: Tensor, count: int) -> list[Detections]:
    boxes, scores, of_image = (f.float().cpu().numpy() for f in found)
    points = landmarks.float().cpu().numpy()
    return [
        Detections(boxes[mine], scores[mine], points[mine]) for mine in (of_image == number for number in range(count))
    ]
