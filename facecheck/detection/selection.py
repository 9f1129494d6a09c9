"""Which face, when an image has several, and what to do when it has none.

The choice alone moved one network from 96.3 % to 99.3 % on LFW (facenet-pytorch, issue 120), so a policy
has a name, and the name is part of a result's identity.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from facecheck.detection.detector import Detections
from facecheck.errors import ModelError, nearest

__all__ = ["FALLBACKS", "SELECTIONS", "ChosenFace", "FacePolicy"]

_Shape = tuple[int, ...]
_CENTRE_WEIGHT = 2.0
_CENTRE_BOX_SIDE = 0.4  # of the shorter side; HOG's own boxes measure 0.43 of LFW's 250 px on average


@dataclass(frozen=True, slots=True, eq=False)
class ChosenFace:
    """The face that represents an image.

    Args:
        box: ``(4,)`` float32 left, top, right, bottom in pixels.
        landmarks: ``(5, 2)`` float32, NaN if unknown.
        fallback: True if no face was found and the policy put a box there.
        score: the detector's, higher is more certain, NaN if no face was found.
    """

    box: npt.NDArray[np.float32]
    landmarks: npt.NDArray[np.float32]
    fallback: bool = False
    score: float = float("nan")


def _sizes(found: Detections) -> npt.NDArray[np.float64]:
    sides = found.boxes[:, 2:].astype(np.float64) - found.boxes[:, :2]
    return np.asarray(sides.prod(axis=1))


def _largest(found: Detections, shape: _Shape) -> int:  # noqa: ARG001 - every selection has this form
    return int(np.argmax(_sizes(found)))


def _most_central(found: Detections, shape: _Shape) -> int:
    centres = (found.boxes[:, :2].astype(np.float64) + found.boxes[:, 2:]) / 2
    distance = ((centres - np.array([shape[1], shape[0]]) / 2) ** 2).sum(axis=1)
    return int(np.argmax(_sizes(found) - _CENTRE_WEIGHT * distance))


def _best_score(found: Detections, shape: _Shape) -> int:  # noqa: ARG001
    return int(np.argmax(found.scores))


def _first(found: Detections, shape: _Shape) -> int:  # noqa: ARG001
    return 0


SELECTIONS: MappingProxyType[str, Callable[[Detections, _Shape], int]] = MappingProxyType(
    {"most_central": _most_central, "largest": _largest, "best_score": _best_score, "first": _first}
)
FALLBACKS = ("none", "centre_box")


@dataclass(frozen=True, slots=True, kw_only=True)
class FacePolicy:
    """How one face is chosen.

    Args:
        select: ``most_central`` weighs size against distance from the centre, as facenet-pytorch does
            (area - 2 distance^2); ``largest``; ``best_score``; ``first``, as face_recognition's examples do.
        fallback: ``none`` makes an image without a face a failure to acquire; ``centre_box`` puts a
            square of 0.4 of the shorter side at the centre, as dlib's author did on LFW.

    Raises:
        ModelError: an unknown name.
    """

    select: str = "most_central"
    fallback: str = "none"

    def __post_init__(self) -> None:
        """Refuse unknown names."""
        if self.select not in SELECTIONS:
            raise ModelError(f"policy {self.select!r} is unknown. {nearest(self.select, SELECTIONS)}")
        if self.fallback not in FALLBACKS:
            raise ModelError(f"fallback {self.fallback!r} is unknown. {nearest(self.fallback, FALLBACKS)}")

    @property
    def identity(self) -> str:
        """Both names, such as ``most_central+centre_box``."""
        return self.select if self.fallback == "none" else f"{self.select}+{self.fallback}"

    def choose(self, found: Detections, shape: _Shape) -> ChosenFace | None:
        """Return the face of an image of this shape ``(h, w, 3)``, or None if it has none.

        >>> two = Detections.of_boxes([[0, 0, 60, 60], [80, 80, 120, 120]], [0.9, 0.8])
        >>> FacePolicy(select="largest").choose(two, (200, 200, 3)).box.tolist()
        [0.0, 0.0, 60.0, 60.0]
        >>> FacePolicy(select="most_central").choose(two, (200, 200, 3)).box.tolist()
        [80.0, 80.0, 120.0, 120.0]
        """
        if len(found):
            which = SELECTIONS[self.select](found, shape)
            return ChosenFace(found.boxes[which], found.landmarks[which], score=float(found.scores[which]))
        if self.fallback == "centre_box":
            return ChosenFace(_centre_box(shape), np.full((5, 2), np.nan, dtype=np.float32), fallback=True)
        return None


def _centre_box(shape: _Shape) -> npt.NDArray[np.float32]:
    centre = np.array([shape[1], shape[0]]) / 2
    half = min(shape[0], shape[1]) * _CENTRE_BOX_SIDE / 2
    return np.concatenate((centre - half, centre + half)).astype(np.float32)
