"""The regression gate for face-recognition models: from image file to verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from facecheck.results.frames import Frames

__all__ = ["__version__", "load"]

__version__ = "0.1.0"


def load(folder: Path | str) -> Frames:
    """Read a finished run into pandas frames: ``measurements``, ``verdicts`` and ``scores``.

    Args:
        folder: of the run, such as ``reports/latest``.

    Raises:
        FacecheckError: no results of a run there, or damaged or changed scores.
    """
    from facecheck.results.frames import load as read  # noqa: PLC0415 - pandas takes half a second to import

    return read(folder)
