"""What must agree before two runs may be compared: code, libraries and machine."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
from pathlib import Path

import torch

from facecheck.models import Settings
from facecheck.models.recognizer import device_name
from facecheck.storage.versions import library_versions

__all__ = ["gpu_driver", "machine_signature"]


def machine_signature(settings: Settings) -> dict[str, object]:
    """Return code, libraries and machine of this process, as plain values."""
    return {
        "facecheck": importlib.metadata.version("facecheck"),
        "code": _code(),
        "libraries": library_versions(),
        "machine": {
            "python": platform.python_version(),
            "system": platform.system(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "device": device_name(settings.device),
            "precision": settings.precision,
            "cuda": torch.version.cuda if settings.device.type == "cuda" else None,
            "cudnn": torch.backends.cudnn.version() if settings.device.type == "cuda" else None,  # type: ignore[no-untyped-call]
            "driver": gpu_driver() if settings.device.type == "cuda" else None,
        },
    }


def _code() -> str:
    """Return a hash of this package's sources: a version says little between two releases."""
    package = Path(__file__).parent
    total = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        total.update(f"{file.relative_to(package).as_posix()}\0".encode() + file.read_bytes())
    return total.hexdigest()


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123 - a kernel file, no path of ours
            return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    except OSError:
        return platform.processor() or "unknown"


def gpu_driver() -> str:
    """Return the version of NVIDIA's driver, ``unknown`` if its library does not tell."""
    import pynvml  # noqa: PLC0415 - needed on machines with a GPU only

    try:
        pynvml.nvmlInit()
        return str(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return "unknown"
