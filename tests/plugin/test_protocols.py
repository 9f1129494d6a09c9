"""Identification, groups, quality and calibration as users run them: one run on a tiny set with labels."""

import itertools
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from facecheck.results.run import Run
from tests.plugin.test_suite import suite

EVALS = {
    "identification": ("identification_rate", "at_least = 0.5"),
    "quality": ("edc_relative_area", "at_most = 1.2"),
    "calibration": ("cllr", "at_most = 0.9"),
}
MODEL = "tests.plugin.test_suite:colours"


def limits(path: Path, *, fnmr: float) -> Path:
    """Write limits that the colours keep; of groups, a bound that is given."""
    tables = [(name, *what) for name, what in EVALS.items()]
    tables += [("calibration", "ece", "at_most = 0.5"), ("groups", "group_fmr", "at_most = 0.9")]
    tables.append(("groups", "group_fnmr", f"at_most = {fnmr}"))
    path.write_text(
        "\n".join(f'[[limit]]\neval = "{e}"\nname = "{n}"\n{bound}\nwhy = "tests"\n' for e, n, bound in tables)
    )
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Forty people in two folds, three pictures each; of every fifth person one is spoilt, and of low quality."""
    folder = tmp_path_factory.mktemp("labelled")
    generator = np.random.default_rng(2)
    labels, names = ["image,kind,quality"], []
    for person in range(40):
        colour = generator.integers(40, 230, 3)
        for shot in range(3):
            spoilt = person % 5 == 0 and shot == 2
            pixels = generator.integers(40, 230, 3) if spoilt else colour + shot
            name = f"p{person:02d}_{shot}.png"
            PIL.Image.fromarray(np.full((24, 24, 3), pixels, dtype=np.uint8)).save(folder / name)
            labels.append(f"{name},{'odd' if person % 2 else 'even'},{0.1 if spoilt else 0.9}")
            names.append((name, person))
    rows = [
        f"{a},{b},s{one},s{other},{fold}"
        for fold in range(2)
        for (a, one), (b, other) in itertools.combinations([n for n in names if n[1] // 20 == fold], 2)
    ]
    (folder / "pairs.csv").write_text("\n".join(("image1,image2,subject1,subject2,fold", *rows)))
    (folder / "labels.csv").write_text("\n".join(labels))
    return f"pairs:{folder / 'pairs.csv'}?name=mine&labels={folder / 'labels.csv'}"


@pytest.fixture(scope="module")
def run(data: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A run of all four evals, of which one group breaks its promise."""
    folder = tmp_path_factory.mktemp("run")
    done = suite(
        "evals",
        "--facecheck-evals=identification,groups,quality,calibration",
        f"--facecheck-models={MODEL}",
        f"--facecheck-datasets={data}",
        f"--facecheck-limits={limits(folder / 'limits.toml', fnmr=0.05)}",
        reports=folder / "reports",
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    return done.stdout, folder / "reports" / "latest"


def test_each_eval_judges_and_the_worst_group_is_named(run: tuple[str, Path]) -> None:
    """The even people have the spoilt pictures and the odd ones too, by turns; who breaks the promise is told."""
    verdicts = {
        (verdict.eval, verdict.case.partition("::")[2].partition("[")[0]): verdict
        for verdict in Run.read(run[1]).verdicts
    }
    outcomes = {eval_name: verdict.outcome for (eval_name, _), verdict in verdicts.items() if verdict.judgements}

    assert outcomes == {"identification": "passed", "groups": "failed", "quality": "passed", "calibration": "passed"}
    strangers = verdicts["identification", "test_strangers_are_told_from_enrolled_people"]
    assert strangers.outcome == "skipped"
    assert "300 images are needed" in strangers.reason
    failed = verdicts["groups", "test_no_group_errs_more_often_than_promised"].reason
    assert "group kind=even" in failed
    assert "promised at most 0.05" in failed


def test_what_is_measured_and_drawn(run: tuple[str, Path]) -> None:
    """Every number has an interval, the spoilt pictures are what the column finds, and every graph is there."""
    found = Run.read(run[1])
    names = {m.name for m in found.measurements}
    area = {m.conditions.quality: m.value for m in found.measurements if m.name == "edc_relative_area"}
    graphs = {path.stem for path in (run[1] / "graphs").glob("*.png")}

    assert {"identification_rate", "fnir", "group_fmr", "garbe", "cllr", "cllr_min", "ece", "edc_area"} <= names
    assert all(m.low <= m.value <= m.high for m in found.measurements)
    assert area["column"] < 0.9, "without the pictures of low quality hardly an error is left"
    assert set(area) == {"column", "detector", "norm"}
    assert {
        "identification-mine-cmc",
        "identification-mine-det",
        "groups-mine-kind-bars",
        "groups-mine-kind-heat-map",
        "quality-mine-discard",
        "calibration-mine-platt-reliability",
        "calibration-mine-isotonic-reliability",
    } <= graphs
