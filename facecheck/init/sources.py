"""The files that a team's repository gets: beside this module in an installed package, at the root of a clone.

There is one source of each: this repository has the same ``conftest.py``, ``fixtures/``, ``evals/`` and
``reports/.gitignore``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from facecheck.errors import FacecheckError

__all__ = ["CI", "CONFIGURATION", "ci_files", "repository_files"]

_HERE = Path(__file__).parent / "files"
_CLONE = Path(__file__).parents[2]
_OWN: Mapping[str, str] = {
    "pyproject.toml": "pyproject.toml",
    "tox.ini": "tox.ini",
}
# Every repository has its own: what facecheck would add is shown, never compared line by line.
CONFIGURATION = frozenset({PurePosixPath("pyproject.toml"), PurePosixPath("tox.ini"), PurePosixPath(".gitlab-ci.yml")})
# What a service runs, by its path in a repository; the last part of a file here. The comment's workflow is this
# repository's own, at its place.
CI: Mapping[str, Mapping[str, str]] = {
    "github": {
        ".github/workflows/facecheck.yml": "ci/github/facecheck.yml",
        ".github/workflows/facecheck-nightly.yml": "ci/github/facecheck-nightly.yml",
        ".github/workflows/facecheck-comment.yml": ".github/workflows/facecheck-comment.yml",
    },
    "gitlab": {
        ".gitlab/facecheck.gitlab-ci.yml": "ci/gitlab/facecheck.gitlab-ci.yml",
        ".gitlab/facecheck_note.py": "ci/gitlab/facecheck_note.py",
        ".gitlab-ci.yml": "ci/gitlab/gitlab-ci.yml",
    },
}
_PATTERNS = ("conftest.py", "fixtures/*.py", "evals/*.py", "evals/*.toml", "evals/*.json", "reports/.gitignore")


def ci_files(service: str) -> Mapping[PurePosixPath, bytes]:
    """Return the content of every file that a service's runners need, by its path in a repository.

    Args:
        service: a key of :data:`CI`.

    Raises:
        FacecheckError: the installation lacks them.

    >>> [str(path) for path in ci_files("gitlab")]
    ['.gitlab/facecheck.gitlab-ci.yml', '.gitlab/facecheck_note.py', '.gitlab-ci.yml']
    """
    found: dict[PurePosixPath, bytes] = {}
    for target, name in CI[service].items():
        path = next((root / name for root in (_HERE, _CLONE) if (root / name).is_file()), None)
        if path is None:
            raise FacecheckError(f"{_HERE / name}: missing from this installation: install facecheck again")
        found[PurePosixPath(target)] = path.read_bytes()
    return found


def repository_files() -> Mapping[PurePosixPath, bytes]:
    """Return the content of every file that a repository gets, by its path there.

    Raises:
        FacecheckError: the installation lacks them.
    """
    root = _HERE if (_HERE / "conftest.py").is_file() else _CLONE
    shared = {
        PurePosixPath(path.relative_to(root).as_posix()): path.read_bytes()
        for pattern in _PATTERNS
        for path in sorted(root.glob(pattern))
    }
    if PurePosixPath("evals/limits.toml") not in shared:
        raise FacecheckError(f"{root}: the evals are missing from this installation: install facecheck again")
    own = {PurePosixPath(target): (_HERE / name).read_bytes() for target, name in _OWN.items()}
    return {**shared, **own}
