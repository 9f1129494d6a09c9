"""Graphs by a second process: the same files, and drawn here where it cannot."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from facecheck.report import drawing as module
from facecheck.report.drawing import Drawing
from facecheck.report.graph import Drawn
from facecheck.report.graphs import draw
from facecheck.results.run import Run
from facecheck.results.scored_pairs import ScoredPairs, load_scores
from tests.report.test_finish import files, run_in


def test_a_second_process_draws_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names, order and files, byte by byte; this process draws every other graph then."""
    run = run_in(tmp_path)
    clean = [each for each in load_scores(tmp_path, hashes=run.scores) if each.condition == "clean"]
    expected, written = draw(run, clean, tmp_path), files(tmp_path)
    for path in (tmp_path / "graphs").iterdir():
        path.unlink()
    monkeypatch.setattr(module, "cores", lambda: 2)
    asked = []

    def noting(run: Run, clean: Sequence[ScoredPairs], folder: Path, *, part: int, parts: int) -> list[Drawn]:
        asked.append((part, parts))
        return draw(run, clean, folder, part=part, parts=parts)

    monkeypatch.setattr(module, "draw", noting)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "json.py").write_text("raise SystemExit(3)  # a folder of somebody else's")
    written = files(tmp_path) | written
    monkeypatch.chdir(tmp_path / "here")

    with Drawing(run, tmp_path, many=0) as drawing:
        assert drawing.finish(clean) == expected

    assert files(tmp_path) == written
    assert len(expected) > 3
    assert asked == [(0, 2)]


def test_what_the_second_process_cannot_draw_is_drawn_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with an error, as where the library is not found by its interpreter."""
    run = run_in(tmp_path)
    clean = [each for each in load_scores(tmp_path, hashes=run.scores) if each.condition == "clean"]
    monkeypatch.setattr(module, "cores", lambda: 2)
    monkeypatch.setattr("sys.executable", "/bin/false")

    with Drawing(run, tmp_path, many=0) as drawing:
        assert drawing.finish(clean) == draw(run, clean, tmp_path)


def test_a_drawing_that_nobody_waits_for_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error while models are compared leaves no process behind; a small run starts none."""
    run = run_in(tmp_path)
    monkeypatch.setattr(module, "cores", lambda: 2)
    with pytest.raises(KeyboardInterrupt), Drawing(run, tmp_path, many=0) as drawing:
        raise KeyboardInterrupt
    assert drawing._process is not None
    assert drawing._process.poll() is not None
    with Drawing(run, tmp_path) as drawing:
        assert drawing._process is None
