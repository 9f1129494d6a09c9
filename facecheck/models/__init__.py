"""From a specification on the command line to a :class:`~facecheck.models.recognizer.Recognizer`.

``dlib``, ``facenet-vggface2``, ``edgeface-xs`` and others are built in; ``onnx:FILE``,
``torchscript:FILE`` and ``export:FILE`` are networks in files; ``package.module:factory`` builds
a model of your own.
Options follow a question mark.
"""

from __future__ import annotations

from facecheck.models.build import BUILT_IN, build, check, split_models
from facecheck.models.settings import Settings, torch_recognizer

__all__ = ["BUILT_IN", "Settings", "build", "check", "split_models", "torch_recognizer"]
