"""A face of 250 px out of a photograph, with its landmarks, to be degraded in tests."""

from __future__ import annotations

import numpy as np

from tests.support.photographs import ASTRONAUT, photograph

__all__ = ["LANDMARKS", "PORTRAIT", "digest"]

PORTRAIT = np.ascontiguousarray(photograph(ASTRONAUT)[:250, 100:350])
LANDMARKS = np.array([[105, 101], [148, 104], [125, 128], [102, 140], [145, 142]], dtype=np.float32)
PORTRAIT.setflags(write=False)
LANDMARKS.setflags(write=False)


def digest(number: int) -> bytes:
    """Return what an image of this number would be identified by."""
    return number.to_bytes(32, "little")
