"""What cached results are kept under: everything that they depend on, and nothing else.

A result depends on the image's bytes, on the corruption, on the recogniser, on the versions of libraries, and on
facecheck's own code. Which code decides a stage follows from the imports: the packages of the stage and all that
they import, directly or through others. A module that is added to one of them changes the key; one that is added
elsewhere does not.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from types import MappingProxyType

import facecheck
from facecheck.corruptions import CLEAN, Applied
from facecheck.detection.detector import Detector
from facecheck.models.recognizer import Recognizer
from facecheck.pipeline.work import reference_detector
from facecheck.storage.cache import key
from facecheck.storage.versions import library_versions, sources_sha256

__all__ = [
    "LIBRARY",
    "STAGES",
    "condition",
    "corruption_code",
    "deciding",
    "detection_key",
    "embedding_key",
    "stage_version",
]

LIBRARY = Path(facecheck.__file__).parent
# Where the imports are followed from. The pipeline itself takes part in each stage: it loads the pixels.
STAGES: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "detection": ("pipeline", "detection"),
        "embedding": ("pipeline", "detection", "alignment"),
        "corruption": ("corruptions",),
    }
)
# Not followed, because keys identify them otherwise: a recogniser by its specification, code, weights and settings and
# by its fingerprint, which is what its embedder answers to fixed crops; a corruption by its condition.
_IDENTIFIED = frozenset({"models", "embedders", "corruptions"})
_IMPORTED = re.compile(rb"^[ \t]*(?:from|import)[ \t]+facecheck\.(\w+)", re.MULTILINE)


def detection_key(detector: Detector, device: str, corrupted: str, content: bytes) -> bytes:
    """Return the key of an image's detections.

    Args:
        detector: with every setting in its identity.
        device: that it runs on, as :func:`~facecheck.models.recognizer.device_name` gives it.
        corrupted: as :func:`condition` gives it.
        content: digest of the image.
    """
    return key("detection", stage_version("detection"), detector.identity, device, corrupted, content)


def embedding_key(recognizer: Recognizer, corrupted: str, content: bytes) -> bytes:
    """Return the key of an image's embedding.

    A change of the code in ``embedders`` alone keeps the key as long as the network's fingerprint is the same.

    Args:
        recognizer: with its fingerprint and every setting in its identity.
        corrupted: as :func:`condition` gives it.
        content: digest of the image.
    """
    return key("embedding", stage_version("embedding"), recognizer.identity, corrupted, content)


def condition(corruption: Applied) -> str:
    """Name a corruption for the cache; clean results outlive a change of the corruptions' code."""
    clean = corruption.identity == CLEAN.identity
    return corruption.identity if clean else corruption.identity + _sources(LIBRARY, "corruption")


def corruption_code() -> str:
    """Return a hash of what decides how a picture is corrupted: the corruptions' code, and what places them."""
    return key("corruptions", _sources(LIBRARY, "corruption"), reference_detector().identity).hex()


def stage_version(stage: str) -> str:
    """Return what distinguishes results of this code and these libraries from those of any others.

    Args:
        stage: one of ``STAGES``.
    """
    return _sources(LIBRARY, stage) + json.dumps(library_versions(), sort_keys=True)


@functools.cache
def _sources(library: Path, stage: str) -> str:
    return sources_sha256(library, deciding(stage, library=library))


def deciding(stage: str, *, library: Path | None = None) -> frozenset[str]:
    """Return the packages, and single modules, of the library that decide a stage.

    Args:
        stage: one of ``STAGES``.
        library: folder of the library, the installed one by default.

    >>> sorted(deciding("detection"))
    ['detection', 'errors', 'faces', 'pipeline', 'storage']
    """
    pending, found = list(STAGES[stage]), set[str]()
    while pending:
        package = pending.pop()
        if package not in found:
            found.add(package)
            pending.extend(_imported(library or LIBRARY, package) - _IDENTIFIED)
    return frozenset(found)


def _imported(library: Path, package: str) -> set[str]:
    """Return the packages that a package imports, read from its files: nothing is imported for it."""
    files = [library / f"{package}.py", *(library / package).rglob("*.py")]
    return {name.decode() for file in files if file.is_file() for name in _IMPORTED.findall(file.read_bytes())}
