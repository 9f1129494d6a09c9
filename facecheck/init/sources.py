"""The files that a team's repository gets: beside this module in an installed package, at the root of a clone.

There is one source of each: this repository has the same ``conftest.py``, ``fixtures/``, ``evals/`` and
``reports/.gitignore``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from facecheck.errors import FacecheckError

__all__ = ["CONFIGURATION", "repository_files"]

_HERE = Path(__file__).parent / "files"
_CLONE = Path(__file__).parents[2]
_OWN: Mapping[str, str] = {
    "pyproject.toml": "pyproject.toml",
    "tox.ini": "tox.ini",
}
# Every repository has its own: what facecheck would add is shown, never compared line by line.
CONFIGURATION = frozenset({PurePosixPath("pyproject.toml"), PurePosixPath("tox.ini")})
_PATTERNS = ("conftest.py", "fixtures/*.py", "evals/*.py", "evals/*.toml", "evals/*.json", "reports/.gitignore")


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
