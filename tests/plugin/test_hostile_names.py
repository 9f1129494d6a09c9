"""Runs on names that are no text, limits for evals that are not there, and models that answer nonsense."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from facecheck.faces import ImageSource
from facecheck.models import Settings, torch_recognizer
from facecheck.models.recognizer import Recognizer
from facecheck.results.run import Run
from tests.pipeline.test_pipeline import BrightDetector
from tests.plugin.test_suite import EASY, MeanColour, easy, people, suite

__all__ = ["easy", "people"]

NO_TEXT = os.fsdecode(b"people\xff\x1b[31m")


def colours_of_no_text(settings: Settings) -> Recognizer:
    """Return a model whose name holds a lone surrogate, an escape and markup."""
    name = "=colours\udcff\x1b[31m<b>"
    return torch_recognizer(name, MeanColour(), settings, l2=False, threshold=0.05, detector=BrightDetector())


def exits(settings: Settings) -> Recognizer:
    """Return a model that ends the process."""

    class Exit(torch.nn.Module):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            raise SystemExit(len(pixels))

    return torch_recognizer("exits", Exit(), settings)


def test_names_that_are_no_text_lose_nothing(people: Path, easy: Path, tmp_path: Path) -> None:
    """The run is judged, read again and drawn; nothing that it shows moves a terminal's cursor."""
    folder = tmp_path / NO_TEXT
    folder.symlink_to(people)
    done = suite(
        "evals/test_verification.py",
        "--facecheck-models=tests.plugin.test_hostile_names:colours_of_no_text,tests.plugin.test_suite:colours",
        f"--facecheck-datasets=folders:{folder}",
        f"--facecheck-limits={easy}",
        reports=tmp_path / "reports",
        PYTHONIOENCODING="utf-8:surrogateescape",
    )
    run = Run.read(tmp_path / "reports" / "latest")

    assert done.returncode == pytest.ExitCode.OK, done.stdout + done.stderr
    assert {m.model for m in run.measurements} == {"=colours\\udcff\\x1b[31m<b>", "colours"}
    assert len(list((tmp_path / "reports" / "latest" / "graphs").glob("*.png"))) > 1
    assert "\x1b[31m<b>" not in done.stdout


def test_a_source_s_name_is_text() -> None:
    """Whatever its file is called."""
    assert ImageSource(Path("a"), NO_TEXT).name == "people\\udcff\\x1b[31m"
    assert ImageSource(Path("a"), "Zoë Müller/é.jpg").name == "Zoë Müller/é.jpg"


def test_a_limit_for_an_eval_that_is_not_there_stops_the_run(tmp_path: Path) -> None:
    """With the nearest name, where all evals are collected."""
    limits = tmp_path / "limits.toml"
    limits.write_text(EASY.replace('"verification"', '"verificaton"'))

    done = suite("evals", f"--facecheck-limits={limits}", "--collect-only", "-q", reports=tmp_path)

    assert done.returncode == pytest.ExitCode.USAGE_ERROR, done.stdout + done.stderr
    assert (
        "limits.toml: eval 'verificaton' of 7 limits is not here. Did you mean verification or identification?"
        in done.stderr
    )


def test_limits_that_matched_nothing_are_a_note_of_the_run(people: Path, tmp_path: Path) -> None:
    """A model's misspelt name shows; and a model that ends the process fails its cases with a sentence."""
    limits = tmp_path / "limits.toml"
    limits.write_text(
        EASY + '[[limit]]\neval = "verification"\nname = "auc"\nat_least = 0.5\nwhy = "x"\n'
        'where = { model = "colors" }\n'
    )
    done = suite(
        "evals/test_verification.py",
        "--facecheck-models=tests.plugin.test_suite:colours,tests.plugin.test_hostile_names:exits",
        f"--facecheck-datasets=folders:{people}",
        f"--facecheck-limits={limits}",
        reports=tmp_path / "reports",
    )

    assert "limits of these evals applied to nothing: 1 for other models (colors: 1)" in " ".join(done.stdout.split())
    assert "exits: the network failed on (2, 3, 112, 112) pixels: SystemExit: 2" in done.stdout
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "INTERNALERROR" not in done.stdout + done.stderr
