"""Published layouts judged by the suite as its users run it, with a model for people who are colours."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import PIL.Image

from facecheck.cli import main
from tests.plugin.test_suite import suite

LIMITS = """
[[limit]]
eval = "verification"
name = "accuracy"
at_least = 0.9
why = "a promise of the tests"
"""


def calfw(folder: Path) -> str:
    """Write CALFW's layout: two lines a pair, genuine pairs first, labels that are any number but 0."""
    generator = np.random.default_rng(0)
    lines: list[str] = []
    for number in range(40):
        colour = generator.integers(60, 240, 3)
        for image in (1, 2):
            pixels = np.full((64, 64, 3), colour + image, dtype=np.uint8)
            PIL.Image.fromarray(pixels).save(folder / f"P{number:02d}_000{image}.jpg", quality=100)
        lines += [f"P{number:02d}_000{image}.jpg {1 + number % 3}" for image in (1, 2)]
    for number in range(0, 40, 2):
        lines += [f"P{number + k:02d}_0001.jpg 0" for k in (0, 1)]
    (folder / "pairs_CALFW.txt").write_text("\n".join(lines))
    return f"pairs:{folder / 'pairs_CALFW.txt'}?layout=calfw&partial=yes"


def test_a_layout_and_the_bin_made_of_it_are_judged(tmp_path: Path) -> None:
    """From the published list and from the crops in one file: the promise is kept on both, and said of which."""
    spec = calfw(tmp_path)
    model = "tests.plugin.test_suite:colours"
    assert main(["make-bin", spec, "--out", str(tmp_path / "mine.bin"), "--model", model, "--cache", "none"]) == 0
    (tmp_path / "limits.toml").write_text(LIMITS)

    done = suite(
        "evals/test_verification.py",
        "-k",
        "judged_rightly",
        f"--facecheck-models={model}",
        f"--facecheck-datasets={spec},bin:{tmp_path / 'mine.bin'}",
        f"--facecheck-limits={tmp_path / 'limits.toml'}",
        reports=tmp_path / "reports",
    )

    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((tmp_path / "reports" / "latest" / "results.json").read_text())
    assert [verdict["outcome"] for verdict in results["verdicts"]] == ["passed", "passed"]
    assert {dataset["name"] for dataset in results["signature"]["datasets"]} == {"calfw", "mine"}
    assert "colours, mine: its pictures are already aligned crops" in done.stdout
