"""Graphs of a large run: half of them are drawn by a second process, while this one compares models.

The second process draws from the run's folder, which is all that graphs need. Whatever keeps it from finishing, this
one draws its half then, and says what is wrong.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from facecheck.pipeline.executor import cores
from facecheck.report.graph import Drawn
from facecheck.report.graphs import draw
from facecheck.results.run import Run
from facecheck.results.scored_pairs import ScoredPairs, load_scores

__all__ = ["Drawing"]

_MANY = 2000  # measurements; of fewer, graphs are drawn before another process has started


class Drawing:
    """The drawing of a run's graphs, begun where a second process is worth its start.

    Args:
        run: whose graphs are drawn.
        folder: of the run.
        many: measurements from which a second process draws.
    """

    def __init__(self, run: Run, folder: Path, *, many: int = _MANY) -> None:
        self._run, self._folder = run, folder
        self._process: subprocess.Popen[bytes] | None = None
        if len(run.measurements) >= many and cores() > 1:
            # -P: what lies in the folder that somebody works in, such as a downloaded report, is not imported.
            command = [sys.executable, "-P", "-m", __spec__.name, str(folder)]
            self._process = subprocess.Popen(  # noqa: S603 - this module
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )

    def __enter__(self) -> Self:
        """Return the drawing itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the second process, which nobody waits for any more."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def finish(self, clean: Sequence[ScoredPairs]) -> list[Drawn]:
        """Draw what the second process does not, and return all graphs once they are there.

        Args:
            clean: the scores of clean images.
        """
        if self._process is None:
            return draw(self._run, clean, self._folder)
        drawn = draw(self._run, clean, self._folder, part=0, parts=2)
        if self._process.wait():
            draw(self._run, clean, self._folder, part=1, parts=2)
        return drawn


def _main(folder: Path) -> None:
    run = Run.read(folder)
    clean = [each for each in load_scores(folder, hashes=run.scores) if each.condition == "clean"]
    draw(run, clean, folder, part=1, parts=2)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
