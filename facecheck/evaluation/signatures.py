"""What a run's numbers depend on, gathered from this process: models, data, code and machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

import numpy as np
import torch

import facecheck
from facecheck.datasets import Dataset
from facecheck.errors import printable
from facecheck.faces.columns import different_images, people_of
from facecheck.models import Settings
from facecheck.models.recognizer import Recognizer, device_name
from facecheck.pipeline.keys import corruption_code
from facecheck.results.signature import Code, DatasetSignature, Machine, ModelSignature, Repository
from facecheck.storage.versions import sources_sha256

__all__ = ["gpu_driver", "sign_code", "sign_dataset", "sign_machine", "sign_model"]

_GIT_S = 30.0


def sign_model(recognizer: Recognizer) -> ModelSignature:
    """Return what identifies a recogniser."""
    return ModelSignature(
        name=recognizer.name,
        spec=printable(recognizer.spec),
        detector=recognizer.detector.identity,
        policy=recognizer.policy.identity,
        aligner=recognizer.aligner.identity,
        contract=recognizer.contract.as_dict(),
        fingerprint=recognizer.fingerprint,
        device=device_name(recognizer.device),
        precision=recognizer.precision,
        line=recognizer.line,
    )


def sign_dataset(dataset: Dataset, *, content: str) -> DatasetSignature:
    """Return what identifies a data set.

    Args:
        dataset: as it is judged on, perhaps a sample.
        content: hash of its images' bytes.
    """
    return DatasetSignature(
        name=dataset.name,
        spec=printable(dataset.spec),
        kind=dataset.kind,
        digest=dataset.digest,
        content=content,
        protocol=dataset.protocol,
        sampled=dataset.sampled,
        comparisons=len(dataset.pairs),
        images=len(different_images(dataset.faces)),
        people=len(np.unique(people_of(dataset.faces))),
        notes=tuple(dataset.notes),
    )


def sign_code(root: Path, *, reports: Path | None = None) -> Code:
    """Return the version and hash of the library, and the state of the repository that runs it.

    Args:
        root: folder of the repository.
        reports: folder whose files do not make the repository dirty.
    """
    return Code(
        facecheck=importlib.metadata.version("facecheck"),
        sources=sources_sha256(Path(facecheck.__file__).parent),
        corruptions=corruption_code(),
        repository=_repository(root, reports),
    )


def _repository(root: Path, reports: Path | None) -> Repository | None:
    """Return commit and dirtiness, None where there is no git or no commit."""
    outside = [f":(exclude){reports}"] if reports is not None and reports.is_relative_to(root) else []
    commit = _git(root, "rev-parse", "HEAD")
    changed = _git(root, "status", "--porcelain", "--", ".", *outside)
    return None if commit is None or changed is None else Repository(commit=commit, dirty=bool(changed))


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", "-C", str(root), *arguments],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            check=True,
            timeout=_GIT_S,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def sign_machine(settings: Settings) -> Machine:
    """Return the machine of this process."""
    on_gpu = settings.device.type == "cuda"
    return Machine(
        python=platform.python_version(),
        system=platform.system(),
        processor=_processor(),
        cores=os.cpu_count(),
        device=device_name(settings.device),
        precision=settings.precision,
        cuda=torch.version.cuda if on_gpu else None,
        cudnn=torch.backends.cudnn.version() if on_gpu else None,  # type: ignore[no-untyped-call]
        driver=gpu_driver() if on_gpu else None,
    )


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123 - a kernel file, no path of ours
            return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    except OSError:
        return platform.processor() or "unknown"


def gpu_driver() -> str:
    """Return the version of NVIDIA's driver, ``unknown`` if its library does not report it."""
    import pynvml  # noqa: PLC0415 - needed on machines with a GPU only

    try:
        pynvml.nvmlInit()
        return str(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return "unknown"
