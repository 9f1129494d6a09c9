"""Embedders: crops ``(n, s, s, 3)`` uint8 RGB to embeddings ``(n, d)`` float32."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from facecheck.faces import Image

__all__ = ["Crops", "Embedder", "Embeddings"]

Crops = Image
Embeddings = npt.NDArray[np.float32]


@runtime_checkable
class Embedder(Protocol):
    """Anything that turns aligned crops into vectors; a crop's vector must not depend on the rest of the batch."""

    def embed(self, crops: Crops) -> Embeddings:
        """Return ``(n, d)`` float32 for ``(n, s, s, 3)`` uint8 RGB crops."""
        ...
