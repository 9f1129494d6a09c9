"""Detect, align, embed: the only place that opens an image."""

from __future__ import annotations

from facecheck.pipeline.pipeline import Pipeline, cores, find_landmarks, road_version

__all__ = ["Pipeline", "cores", "find_landmarks", "road_version"]
