"""The five points by which faces are aligned, and by which corruptions are placed: one set of templates for both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["FIVE_POINTS_112", "TEMPLATES", "Template"]

# Where eyes, nose tip and mouth corners lie in a crop of 112 px, (5, 2): x and y, left before right in the picture.
# InsightFace's template, which ArcFace, EdgeFace, AdaFace, Face-Transformer and similar networks are trained on.
FIVE_POINTS_112: Final = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
FIVE_POINTS_112.flags.writeable = False


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """Five points within a crop.

    Args:
        points: ``(5, 2)`` x and y in pixels of the crop, left before right in the picture.
        shape: height and width of the crop, pixels.
    """

    points: npt.NDArray[np.float64]
    shape: tuple[int, int]

    def scaled(self, shape: tuple[int, int]) -> npt.NDArray[np.float64]:
        """Return the points ``(5, 2)`` in a crop of another size.

        Raises:
            ValueError: a crop of other proportions.

        >>> TEMPLATES["arcface"].scaled((224, 224))[0].tolist()
        [76.5892, 103.3926]
        """
        if shape[0] * self.shape[1] != shape[1] * self.shape[0]:
            raise ValueError(f"a template of {self.shape} does not fit a crop of {shape}: other proportions")
        return self.points * (shape[0] / self.shape[0])


TEMPLATES: Final[Mapping[str, Template]] = MappingProxyType(
    {
        "arcface": Template(FIVE_POINTS_112, (112, 112)),
        # SphereFace's, CosFace's and others' crops: the middle 96 columns.
        # Source: wy1iu/sphereface, preprocess/code/face_align_demo.m.
        "sphereface": Template(FIVE_POINTS_112 - [8, 0], (112, 96)),
    }
)
