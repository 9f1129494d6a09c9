"""Which pictures a report may hold: real photographs leave a machine only if somebody asks for it."""

from __future__ import annotations

import os
from typing import Literal

__all__ = ["Thumbnails", "withheld"]

Thumbnails = Literal["auto", "yes", "no"]
_BUNDLED = "faces"
_OF_CI = ("CI", "TF_BUILD", "TEAMCITY_VERSION", "JENKINS_URL", "GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE")
_NOT_CI = ("", "0", "false")


def withheld(spec: str, asked: Thumbnails) -> str:
    """Return why a report holds no pictures of a data set's images, empty if it may.

    Args:
        spec: the specification of the data set.
        asked: ``yes`` and ``no`` decide; ``auto`` withholds photographs in CI, whose artifacts many can read. The
            bundled faces show nobody, and may always be shown.

    >>> withheld("faces?part=sample", "no")
    ''
    """
    if spec.partition("?")[0].partition(":")[0] == _BUNDLED or asked == "yes":
        return ""
    if asked == "no":
        return "--facecheck-thumbnails no was asked for"
    if any(os.environ.get(name, "").lower() not in _NOT_CI for name in _OF_CI):
        return "pictures of real faces are left out in CI; --facecheck-thumbnails yes keeps them"
    return ""
