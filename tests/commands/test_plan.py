"""``facecheck plan``: hand-worked sums, where rates come from, and what is no number."""

from __future__ import annotations

from pathlib import Path

import pytest

from facecheck.cli import main
from facecheck.results.conditions import Conditions
from facecheck.results.measurement import Measurement
from facecheck.results.run import Run
from facecheck.results.signature import Machine, Signature

MILLION = "1000000"


def measured(name: str, value: float, *, model: str = "mine", **conditions: object) -> Measurement:
    where = Conditions(**conditions)  # type: ignore[arg-type]
    return Measurement(
        eval="x", name=name, value=value, low=value, high=value, n=1, model=model, dataset="set", conditions=where
    )


def run_of(folder: Path, *found: Measurement, device: str = "cpu") -> Path:
    """Return the folder of a run that measured this on a machine of four cores."""
    folder.mkdir(exist_ok=True)
    machine = Machine(processor="A processor", cores=4, device=device, precision="fp32")
    Run(
        id="one",
        started="2026-01-01T00:00:00+00:00",
        duration_s=1.0,
        signature=Signature(machine=machine),
        measurements=found,
    ).write(folder)
    return folder


def planned(capsys: pytest.CaptureFixture[str], *words: str) -> list[list[str]]:
    """Return the cells of every line that is printed."""
    assert main(["plan", *words]) == 0
    return [line.split("  ") for line in capsys.readouterr().out.splitlines()]


def cells(lines: list[list[str]], first: str) -> list[str]:
    (found,) = [[cell.strip() for cell in line if cell.strip()] for line in lines if line[0].strip() == first]
    return found


def test_an_assumed_rate_is_called_an_assumption(capsys: pytest.CaptureFixture[str]) -> None:
    """10 million images under 2 conditions at 1000 a second on 16 GPUs: 1250 s."""
    words = ("--images", "10000000", "--conditions", "2", "--machines", "8", "--gpus", "2", "--rate", "1000")

    lines = planned(capsys, *words)

    assert cells(lines, "1,000.0") == ["1,000.0", "16", "21 min", "GPU", "given by hand: assumed, not measured"]
    assert cells(lines, "embeddings of a model")[1] == "20,000,000"
    assert cells(lines, "shards")[1] == "16"
    assert cells(lines, "images of a shard")[1:] == ["625,000", "9,766 batches of 64"]
    assert cells(lines, "vectors in memory")[1] == "19.1 GiB"


def test_the_cache_is_as_large_as_a_small_one_shows(capsys: pytest.CaptureFixture[str]) -> None:
    """More than the numbers themselves; a longer vector takes more; shards share it."""
    sizes = {}
    for dimensions in ("128", "512"):
        lines = planned(capsys, "--images", MILLION, "--machines", "4", "--rate", "1", "--dimensions", dimensions)
        sizes[dimensions] = int(cells(lines, "cache of an embedding")[1].split()[0].replace(",", ""))
        whole, part = (float(cells(lines, f"cache of {each}")[1].split()[0]) for each in ("the last run", "a shard"))
        scale = 1024 if "MiB" in cells(lines, "cache of a shard")[1] else 1
        assert whole * scale == pytest.approx(4 * part, rel=0.1)

    assert sizes["128"] > 4 * 128
    assert sizes["512"] - sizes["128"] > 3 * 4 * 128


def test_a_measured_rate_says_of_what_and_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a CPU it is a machine's, though the machines have GPUs; the throughput counts, not the time of a worker."""
    timed = measured("throughput_per_s", 50.0, batch=16), measured("time_per_image_ms", 1.0)
    folder = run_of(tmp_path / "run", *timed)

    lines = planned(capsys, "--images", MILLION, "--machines", "2", "--gpus", "8", "--run", str(folder))

    assert cells(lines, "50.0") == [
        "50.0",
        "2",
        "2.8 h",
        "machine: 4 cores, A processor",
        "mine on set, fp32, run one, batch 16",
    ]


def test_a_rate_of_a_gpu_is_one_of_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sixteen of them are sixteen times as fast."""
    folder = run_of(tmp_path / "run", measured("throughput_per_s", 500.0, batch=64), device="A GPU")

    lines = planned(capsys, "--images", MILLION, "--machines", "2", "--gpus", "8", "--run", str(folder))

    assert cells(lines, "500.0")[1:4] == ["16", "2 min", "GPU: A GPU"]


def test_without_timings_the_time_of_a_worker_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Four workers of 100 ms are 40 images a second; that of degraded images is another."""
    slow = measured("time_per_image_ms", 1000.0, corruption="blur:5", level=5.0)
    folder = run_of(tmp_path / "run", measured("time_per_image_ms", 100.0), slow)

    lines = planned(capsys, "--images", MILLION, "--run", str(folder))

    assert cells(lines, "40.0")[1:3] == ["1", "6.9 h"]
    assert "4 worker(s)" in cells(lines, "40.0")[-1]


def test_no_rate_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither assumed nor measured."""
    folder = run_of(tmp_path / "run", measured("accuracy", 0.9))

    assert main(["plan", "--images", MILLION, "--run", str(folder)]) == 2
    assert "no rate: give --run with a run that has timings" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("--images", "0"),
        ("--images", "-1"),
        ("--images", "1.5"),
        ("--images", "9" * 40),
        ("--images", "1", "--rate", "0"),
        ("--images", "1", "--rate", "nan"),
        ("--images", "1", "--rate", "inf"),
        ("--images", "1", "--rate", "fast"),
        ("--images", "1", "--gpus", "0"),
    ],
    ids="-".join,
)
def test_what_is_no_number_is_refused(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """With what was expected."""
    with pytest.raises(SystemExit):
        main(["plan", *words])
    assert "expected" in capsys.readouterr().err
