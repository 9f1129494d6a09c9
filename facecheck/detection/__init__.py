"""Face detection, and the choice of one face for each image."""

from __future__ import annotations

from facecheck.detection.detector import Detections, Detector
from facecheck.detection.dlib_hog import DlibHog
from facecheck.detection.mtcnn import Mtcnn
from facecheck.detection.no_detector import NoDetector
from facecheck.detection.selection import ChosenFace, FacePolicy

__all__ = ["ChosenFace", "Detections", "Detector", "DlibHog", "FacePolicy", "Mtcnn", "NoDetector"]
