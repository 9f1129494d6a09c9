"""The five points by which faces are aligned, and by which corruptions are placed: one template for both."""

from __future__ import annotations

from typing import Final

import numpy as np

__all__ = ["FIVE_POINTS_112"]

# Where eyes, nose tip and mouth corners lie in a crop of 112 px, (5, 2): x and y, left before right in the picture.
# InsightFace's template, which ArcFace, EdgeFace, AdaFace, Face-Transformer and similar networks are trained on.
FIVE_POINTS_112: Final = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
FIVE_POINTS_112.flags.writeable = False
