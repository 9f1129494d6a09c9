"""What a warm run does not need is not imported: a start-up is paid for by every run of everybody."""

import subprocess
import sys

SLOW = ("torchvision", "facenet_pytorch", "torch._dynamo", "matplotlib", "pandas", "timm", "onnxruntime", "sklearn")
SCRIPT = f"""
import sys
import numpy as np
import torch
import facecheck.pipeline
from facecheck.models import Settings, build
settings = Settings(device=torch.device("cpu"))
for name in ("dlib", "facenet-casia-webface"):
    recognizer = build(name, settings)
    recognizer.detector.detect([np.zeros((64, 64, 3), dtype=np.uint8)])
    recognizer.fingerprint
print([name for name in {SLOW!r} if name in sys.modules])
"""


def test_the_default_models_answer_without_the_slow_libraries() -> None:
    """Building, detecting and embedding import neither torchvision's compiler nor anything that draws."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True)

    assert done.stdout.strip() == "[]"
