"""facecheck ijb on a small set in exactly that layout, with a model for people who are colours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from facecheck.cli import main
from facecheck.results.run import Run
from tests.support.ijb import written_ijb

MODEL = "tests.plugin.test_suite:colours"
ALL = [
    f"{flip}+{norm}+{weight}" for flip in ("flip", "plain") for norm in ("kept", "unit") for weight in ("score", "none")
]


def measured(folder: Path, *recipes: str) -> dict[str, Any]:
    """Run the command and return what it wrote."""
    out = folder / "run"
    given = [argument for recipe in recipes for argument in ("--recipe", recipe)]
    assert main(["ijb", str(folder), "--model", MODEL, "--out", str(out), *given]) == 0
    found: dict[str, Any] = json.loads((out / "ijb.json").read_text())
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


LIMIT = """
[[limit]]
eval = "templates"
name = "tar_at_far"
where = { far = 0.1, recipe = "plain+unit+none" }
at_least = BOUND
why = "a promise of the tests"
"""


@pytest.mark.parametrize(("bound", "status", "outcome"), [("0.5", 0, "passed"), ("1.0", 0, "passed"), ("1.1", 2, "")])
def test_limits_judge_and_the_run_is_like_any_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bound: str, status: int, outcome: str
) -> None:
    """The recipe is a condition of every measurement; a limit that can never be kept is refused as everywhere."""
    folder = written_ijb(tmp_path / "ijb")
    (tmp_path / "limits.toml").write_text(LIMIT.replace("BOUND", bound))
    given = ["--recipe", "plain+unit+none", "--limits", str(tmp_path / "limits.toml"), "--out", str(tmp_path / "run")]

    assert main(["ijb", str(folder), "--model", MODEL, *given]) == status

    if not outcome:
        assert "limits.toml" in capsys.readouterr().err
        return
    run = Run.read(tmp_path / "run")
    assert [(verdict.outcome, len(verdict.judgements)) for verdict in run.verdicts] == [(outcome, 1)]
    assert {m.conditions.recipe for m in run.measurements} == {"plain+unit+none"}
    assert {m.name for m in run.measurements} == {"tar_at_far", "identification_rate"}
    assert any("as published, at the FAR nearest to 0.01" in note for note in run.notes)
    assert run.signature.dataset("ijbc") is not None
    assert main(["report", str(tmp_path / "run")]) == 0


def test_a_limit_that_is_missed_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Everybody's pictures are lost: nothing matches."""
    folder = written_ijb(tmp_path)
    for number in range(6, 181):
        (folder / "loose_crop" / f"{number}.jpg").write_bytes(b"")
    (tmp_path / "limits.toml").write_text(LIMIT.replace("BOUND", "0.5"))

    status = main(
        ["ijb", str(folder), "--model", MODEL, "--recipe", "plain+unit+none", "--limits", str(tmp_path / "limits.toml")]
    )

    assert status == 1
    assert "failed: " in capsys.readouterr().out


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
