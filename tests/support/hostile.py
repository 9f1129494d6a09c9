"""What an attacker puts into a pickle."""

import os
from pathlib import Path

__all__ = ["Hostile"]


class Hostile:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.trace),)
