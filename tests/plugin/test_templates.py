"""IJB through the suite: templates are judged by the run's limits, with cache, graphs and the command's numbers."""

import json
from pathlib import Path

import pytest

from facecheck.cli import main
from facecheck.datasets import open_dataset
from facecheck.errors import DatasetError
from facecheck.evaluation.template_rates import resolved_fars
from facecheck.evaluation.templates import FARS
from facecheck.results.run import Run
from tests.plugin.test_suite import run_pytest_here
from tests.support.ijb import written_ijb

MODEL = "tests.plugin.test_suite:colours"
LIMITS = "".join(
    f'[[limit]]\neval = "templates"\nname = "{name}"\nat_least = {bound}\nwhy = "a promise of the tests"\n'
    f'where = {{ dataset = "ijbc" }}\n'
    for name, bound in (("tar_at_far", 0.8), ("identification_rate", 0.8))
)


def suite(folder: Path, *arguments: str, limits: str = LIMITS) -> tuple[int, str]:
    """Run the eval on a set, with a cache of its own, and return status and output."""
    (folder / "limits.toml").write_text(limits)
    done = run_pytest_here(
        *arguments,
        f"--facecheck-models={MODEL}",
        f"--facecheck-limits={folder / 'limits.toml'}",
        f"--facecheck-reports={folder / 'reports'}",
        f"--facecheck-cache={folder / 'cache'}",
        "--facecheck-history=none",
        environment={},
    )
    return done.returncode, done.stdout + done.stderr


def test_the_eval_measures_what_the_command_measures(tmp_path: Path) -> None:
    """The same values under the same conditions; a graph of TAR; a second run computes nothing."""
    folder = written_ijb(tmp_path / "ijb")
    asked = f"--facecheck-datasets=ijb:{folder}"
    status, output = suite(tmp_path, "evals/test_ijb.py", asked)
    run = Run.read(tmp_path / "reports" / "latest")
    assert status == 0, output
    assert main(["ijb", str(folder), "--model", MODEL, "--out", str(tmp_path / "out")]) == 0
    command = Run.read(tmp_path / "out")

    def numbers(of: Run) -> set[tuple[object, ...]]:
        return {(m.name, m.conditions, m.value, m.low, m.high, m.n) for m in of.measurements}

    assert numbers(run) == numbers(command)
    assert [verdict.outcome for verdict in run.verdicts] == ["skipped", "passed"]
    assert "too few impostor pairs of templates" in run.verdicts[0].reason
    signed = run.signature.dataset("ijbc")
    assert signed is not None
    assert (signed.kind, signed.images, signed.people) == ("ijb", 180, 12)
    assert any("as published, at the FAR nearest to 0.1" in note for note in run.notes)
    assert [path.name for path in (tmp_path / "reports" / "latest" / "graphs").glob("*tar.png")] == [
        "templates-ijbc-tar.png"
    ]

    for picture in (folder / "loose_crop").iterdir():
        content = picture.read_bytes()
        picture.write_bytes(content)  # the cache knows the bytes, not the time
    again, _ = suite(tmp_path, "evals/test_ijb.py", asked)
    assert again == 0
    assert numbers(Run.read(tmp_path / "reports" / "latest")) == numbers(run)


def test_a_limit_that_is_missed_is_red_and_pictures_that_are_lost_are_failures(tmp_path: Path) -> None:
    """Everybody's pictures but five are lost: nothing matches, each picture is named with its reason."""
    folder = written_ijb(tmp_path / "ijb")
    for number in range(6, 181):
        (folder / "loose_crop" / f"{number}.jpg").write_bytes(b"")

    status, output = suite(tmp_path, "evals/test_ijb.py", f"--facecheck-datasets=ijb:{folder}")
    run = Run.read(tmp_path / "reports" / "latest")

    assert status == pytest.ExitCode.TESTS_FAILED
    assert "colours on ijbc: identification_rate" in output
    assert "promised at least 0.8" in output
    assert sum(len(failure.images) for failure in run.failures) == 175
    assert any("35 templates have no vector" in note for note in run.notes)


def test_other_evals_leave_templates_alone_and_the_eval_leaves_other_data_alone(tmp_path: Path) -> None:
    """Beside other evals it is deselected where no set of templates was asked for; alone it says what is missing."""
    folder = written_ijb(tmp_path / "ijb")

    _, both = suite(tmp_path, "evals/test_ijb.py", "evals/test_calibration.py", "--collect-only", "-q")
    _, alone = suite(tmp_path, "evals/test_ijb.py", "-q", "-rs", "--facecheck-datasets=faces?part=sample")
    _, other = suite(
        tmp_path, "evals/test_calibration.py", "evals/test_timing.py", "-q", "-rs", f"--facecheck-datasets=ijb:{folder}"
    )

    assert "test_ijb.py" not in both
    assert "templates of several images (ijb:FOLDER) was asked for" in " ".join(alone.split())
    assert "no data set with verification pairs" in " ".join(other.split())
    assert "no data set with faces was asked for" in " ".join(other.split())


def test_a_model_that_scales_its_vectors_is_told_which_recipe_to_give(tmp_path: Path) -> None:
    """A recipe of the specification is part of every number; one that is none is refused where the set is opened."""
    folder = written_ijb(tmp_path / "ijb")

    with pytest.raises(DatasetError, match="recipe 'best': expected flip or plain"):
        open_dataset(f"ijb:{folder}?recipe=best")
    with pytest.raises(DatasetError, match="ijb has no option 'part'"):
        open_dataset(f"ijb:{folder}?part=pairs")
    status, output = suite(tmp_path, "evals/test_ijb.py", f"--facecheck-datasets=ijb:{folder}?recipe=plain+unit+none")
    results = json.loads((tmp_path / "reports" / "latest" / "results.json").read_text())
    assert status == 0, output
    assert {m["conditions"]["recipe"] for m in results["measurements"]} == {"plain+unit+none"}


def test_limits_are_for_rates_that_enough_pairs_show() -> None:
    """Thirty impostor pairs must be expected to match."""
    assert resolved_fars({"verification": {"impostor": 299}}) == ()
    assert resolved_fars({"verification": {"impostor": 3000}}) == (1e-2, 1e-1)
    assert resolved_fars({"verification": {"impostor": 30_000_000}}) == FARS


def test_the_digest_knows_points_and_pairs(tmp_path: Path) -> None:
    """Runs on other lists are runs on other data."""
    folder = written_ijb(tmp_path / "ijb")
    first = open_dataset(f"ijb:{folder}").digest
    pairs = folder / "meta" / "ijbc_template_pair_label.txt"
    content = pairs.read_text()
    pairs.write_text("\n".join(content.splitlines()[:-1]) + "\n")

    assert open_dataset(f"ijb:{folder}").digest != first
    pairs.write_text(content)
    assert open_dataset(f"ijb:{folder}").digest == first
