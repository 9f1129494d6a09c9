"""facecheck ijb on a small set in exactly that layout, with a model for people who are colours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from facecheck.cli import main
from tests.support.ijb import written_ijb

MODEL = "tests.plugin.test_suite:colours"
ALL = [
    f"{flip}+{norm}+{weight}" for flip in ("flip", "plain") for norm in ("kept", "unit") for weight in ("score", "none")
]


def measured(folder: Path, *recipes: str) -> dict[str, Any]:
    """Run the command and return what it wrote."""
    out = folder / "results.json"
    given = [argument for recipe in recipes for argument in ("--recipe", recipe)]
    assert main(["ijb", str(folder), "--model", MODEL, "--out", str(out), *given]) == 0
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def test_every_recipe_is_measured_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Colours are told apart, 264 impostor pairs resolve a FAR of 1e-2 and 1e-1, and both galleries are searched."""
    results = measured(written_ijb(tmp_path), *ALL)
    shown = capsys.readouterr().out

    assert [each["recipe"]["name"] for each in results["recipes"]] == ALL
    for each in results["recipes"]:
        points = {point["far"]: point for point in each["verification"]["points"]}
        assert (each["templates"], each["verification"]["genuine"], each["verification"]["impostor"]) == (36, 24, 264)
        assert all("unresolved" in points[far] for far in (1e-6, 1e-5, 1e-4, 1e-3))
        for far in (1e-2, 1e-1):
            assert points[far]["far_observed"] <= far
            assert points[far]["as_published"]["tar"] >= 0
        assert points[1e-1]["tar"] > 0.9
        assert [one["gallery"] for one in each["identification"]] == ["G1", "G2"]
        for one in each["identification"]:
            assert (one["enrolled"], one["mated"], one["non_mated"]) == (8, 16, 8)
            low, high = one["rank"]["1"]["interval"]
            assert one["rank"]["1"]["rate"] > 0.8
            assert low <= one["rank"]["1"]["rate"] <= high
        low, high = points[1e-1]["interval"]
        assert low <= points[1e-1]["tar"] <= high
    assert "recipe plain+unit+none: 36 templates" in shown
    assert "not resolved by 24 genuine and 264 impostor pairs" in shown
    assert "mean of both galleries: rank 1" in shown
    assert "open set: 8 non-mated probes resolve no FPIR of 0.1 or less" in shown


def test_images_that_cannot_be_read_are_said_and_their_templates_do_not_match(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All five pictures of the first template: it has no vector, and its two genuine pairs are lost."""
    folder = written_ijb(tmp_path)
    for number in range(1, 6):
        (folder / "loose_crop" / f"{number}.jpg").write_bytes(b"no picture")
    (folder / "loose_crop" / "7.jpg").unlink()

    results = measured(folder)
    shown = capsys.readouterr().out
    (each,) = results["recipes"]

    assert each["recipe"] == {"flip": True, "norm": "kept", "weight": "score", "name": "flip+kept+score"}
    assert each["templates_without_vector"] == 1
    assert each["verification"]["points"][-1]["tar"] <= 22 / 24
    assert len(results["unreadable"]) == 6
    assert "note: 6 images cannot be read" in shown
    assert "1 templates have no vector: their pairs do not match" in shown


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--model", MODEL, "--recipe", "best"], "recipe 'best': expected flip or plain"),
        (["--model", "dlib"], "its crops are dlib-chip"),
        (["--model", MODEL, "--out", "/nowhere/at/all.json"], "there is no folder /nowhere/at"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    """An unknown recipe, a model that is aligned otherwise, a folder that is not there."""
    assert main(["ijb", str(written_ijb(tmp_path)), *arguments]) == 2

    assert expected in capsys.readouterr().err
