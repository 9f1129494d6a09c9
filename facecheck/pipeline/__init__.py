"""Detect, align, embed: the only place that opens an image.

Loader threads read, decode and degrade; workers detect, align and embed in batches. Each image is detected once and
each crop embedded once: results are remembered during the run and kept in the cache between runs, keyed by content.
An image that cannot be read, or in which no face is found, is a result like any other.
"""

from __future__ import annotations

from facecheck.pipeline.executor import cores
from facecheck.pipeline.pipeline import Pipeline
from facecheck.pipeline.work import find_landmarks

__all__ = ["Pipeline", "cores", "find_landmarks"]
